/* One name, two pools of machines: who copies a botnet's mailer, or writes nearly as it does, is told apart by where it sends from.
 *
 * A botnet's larger campaigns are compared by twos. How many machines two campaigns of one pool have in common grows with the product of
 * their numbers, at a rate that the pool's own pairs show; what two pools have in common is chance. Campaigns that share more than chance are
 * put together; of two heaps thus made, each of several campaigns, it is known how many machines they would have in common, were they one
 * pool. Where that is many and a tenth of it is not there, they are two. The heap whose mailer the book is surest of, else whose mailer
 * wrote more, else that which has the elder campaign, keeps the name. The other becomes a botnet of its own: with its mailer and all that is
 * written so, if that is another one, else as a copy, whose campaigns are told from the victim's by their machines alone (gang.copies;
 * botnets_settle.c). For a day the two are not joined again. What was counted before goes along (botnets_credit.c).
 * Asked each hour where something is odd (campaigns with the mailer and from strange machines, or several mailers), else every six. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets_priv.h"

enum { COMPARED = 24, MESSAGES_LEAST = 50, SOURCES_LEAST = 40, ODD_LEAST = 2, KEY_PERCENT = 10, EVERY_HOURS = 6 };
static const double EXPECTED_LEAST = 25, MISSING = 0.1, ROOM = 64;

struct one { uint64_t number, key, messages; double sources, nets; float p; uint8_t heap; bool is_odd; };
struct two { double k, product, chance; };
struct heaps { struct one c[COMPARED]; size_t n; struct two pair[COMPARED][COMPARED]; };

static int by_messages(const void *a, const void *b)
{
    const struct one *x = a, *y = b;
    return x->messages != y->messages ? (x->messages < y->messages ? 1 : -1) : x->number < y->number ? -1 : x->number > y->number;
}

/* The largest ones of the botnet. */
static void choose(struct botnets *b, struct campaigns *c, const struct gang *g, const struct camp *judged, size_t n, struct heaps *h)
{
    struct one *all = calloc(n + 1, sizeof *all);
    size_t m = 0;
    h->n = 0;
    for (size_t i = 0; all && i < n; i++) {
        struct campaign v;
        const struct key_entry *k = key_of(b, judged[i].key);
        if (gang_alias(b, judged[i].gang) != g->number || !campaigns_get(c, judged[i].number, &v))
            continue;
        struct one x = {.number = v.number, .key = judged[i].key, .messages = v.messages, .sources = v.sources.mid,
                        .nets = (double)v.networks, .p = k ? k->probability : 0, .is_odd = judged[i].doubt == DOUBT_MACHINES};
        if (x.messages >= MESSAGES_LEAST && x.sources >= SOURCES_LEAST)
            all[m++] = x;
    }
    if (m)
        qsort(all, m, sizeof *all, by_messages);
    h->n = m < COMPARED ? m : COMPARED;
    if (h->n)
        memcpy(h->c, all, h->n * sizeof *all);
    free(all);
}

/* Often where something is odd, now and then where nothing is: who copied well was taken for the botnet's own. */
static bool is_worth_asking(const struct heaps *h, uint32_t number, int64_t now_ms)
{
    uint64_t all = 0, other = 0, odd = 0;
    for (size_t i = 0; i < h->n; i++) {
        all += h->c[i].messages;
        other += h->c[i].key != h->c[0].key ? h->c[i].messages : 0;
        odd += h->c[i].is_odd;
    }
    return odd >= ODD_LEAST || (other > 0 && other * 100 >= all * KEY_PERCENT) || (now_ms / 3600000 + number) % EVERY_HOURS == 0;
}

static void compare(struct campaigns *c, struct heaps *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->c[i].heap = (uint8_t)i;
    for (size_t i = 0; i < h->n; i++)
        for (size_t j = i + 1; j < h->n; j++) {
            uint64_t k = 0, x = 0, y = 0;
            double nets = h->c[i].nets > h->c[j].nets ? h->c[i].nets : h->c[j].nets;
            campaigns_common(c, h->c[i].number, h->c[j].number, &k, &x, &y);
            struct two *p = &h->pair[i][j];
            *p = (struct two){(double)k, (double)x * (double)y, 0};
            p->chance = p->product / (ROOM * (nets > 1 ? nets : 1));
            if (p->k <= p->chance + 4 * sqrt(p->chance) + 4)
                continue;
            for (size_t l = 0, from = h->c[j].heap, to = h->c[i].heap; l < h->n; l++)
                h->c[l].heap = h->c[l].heap == from ? (uint8_t)to : h->c[l].heap;
        }
}

/* Sums over the pairs of two heaps, or of one (a == b). */
static struct two between(const struct heaps *h, uint8_t a, uint8_t b)
{
    struct two s = {0, 0, 0};
    for (size_t i = 0; i < h->n; i++)
        for (size_t j = i + 1; j < h->n; j++)
            if ((h->c[i].heap == a && h->c[j].heap == b) || (h->c[i].heap == b && h->c[j].heap == a)) {
                s.k += h->pair[i][j].k;
                s.product += h->pair[i][j].product;
                s.chance += h->pair[i][j].chance;
            }
    return s;
}

static bool are_two(const struct heaps *h, uint8_t a, uint8_t b)
{
    struct two x = between(h, a, a), y = between(h, b, b), cross = between(h, a, b);
    if (x.product <= 0 || y.product <= 0)
        return false;
    double rate_x = x.k / x.product, rate_y = y.k / y.product, rate = rate_x < rate_y ? rate_x : rate_y;
    double expected = cross.product * rate;
    return expected - cross.chance >= EXPECTED_LEAST && cross.k <= cross.chance + MISSING * expected;
}

static uint64_t key_of_heap(const struct heaps *h, uint8_t heap) /* of its largest campaign */
{
    size_t i = 0;
    while (i < h->n && h->c[i].heap != heap)
        i++;
    return i < h->n ? h->c[i].key : 0;
}

static bool heap_has_key(const struct heaps *h, uint8_t heap, uint64_t key)
{
    bool has = false;
    for (size_t i = 0; i < h->n; i++)
        has |= h->c[i].heap == heap && h->c[i].key == key;
    return has;
}

static uint64_t messages_of_key(const struct gang *g, uint64_t key)
{
    size_t i = 0;
    while (i < g->n_keys && g->key[i].key != key)
        i++;
    return i < g->n_keys ? g->key[i].messages : 0;
}

/* Of which heap the name is: see above. */
static bool comes_first(const struct gang *g, const struct heaps *h, uint8_t a, uint8_t b)
{
    double p[2] = {0, 0}, n[2] = {0, 0};
    uint64_t eldest[2] = {UINT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < h->n; i++) {
        int at = h->c[i].heap == a ? 0 : h->c[i].heap == b ? 1 : -1;
        if (at < 0)
            continue;
        p[at] += (double)h->c[i].p * (double)h->c[i].messages;
        n[at] += (double)h->c[i].messages;
        eldest[at] = h->c[i].number < eldest[at] ? h->c[i].number : eldest[at];
    }
    double d = p[0] / n[0] - p[1] / n[1];
    uint64_t x = messages_of_key(g, key_of_heap(h, a)), y = messages_of_key(g, key_of_heap(h, b));
    return fabs(d) > 0.001 ? d > 0 : x != y ? x > y : eldest[0] < eldest[1];
}

/* ---- parting ---- */

static void name_copy(const struct botnets *b, const struct gang *of, char out[BOTNET_NAME])
{
    uint32_t number;
    snprintf(out, BOTNET_NAME, "copy-of-%.32s", of->name);
    for (unsigned k = 2; botnets_find(b, out, &number) && k < 100; k++)
        snprintf(out, BOTNET_NAME, "copy-of-%.32s-%u", of->name, k);
}

struct moving { struct sample *to; uint64_t campaign; int err; };
static int move_source(void *ctx, const struct ip *a)
{
    struct moving *m = ctx;
    m->err = sample_add(m->to, a, m->campaign);
    return m->err;
}

static int learn_sources(struct campaigns *c, struct gang *g, uint64_t number)
{
    struct moving m = {&g->sample, number, POSSE_OK};
    campaigns_each_source(c, number, move_source, &m);
    sample_settle(&g->sample, number, true);
    return m.err;
}

static int move_campaign(struct botnets *b, struct campaigns *c, struct gang *from, struct gang *to, uint64_t number, struct credited *sum)
{
    gang_forget(from, number);
    struct camp *x = camp_of(b, number);
    if (x) { /* until it is judged anew, within the hour */
        x->gang = to->number;
        x->probability = (float)KEY_PROBABILITY;
        x->doubt = DOUBT_NONE;
        x->n_why = 0;
    }
    int err = credit_campaign(b, number, from->number, to, KEY_PROBABILITY, sum);
    return err ? err : learn_sources(c, to, number);
}

/* Of what is in neither heap it is not known whose it is: it is judged by its machines, and not learnt from until it was. */
static int part(struct botnets *b, struct campaigns *c, struct gang *g, const struct heaps *h, uint8_t heap, uint8_t stays, int64_t now_ms)
{
    char name[BOTNET_NAME];
    uint64_t key = key_of_heap(h, heap);
    bool is_shared = heap_has_key(h, stays, key);
    if (is_shared)
        name_copy(b, g, name);
    else
        mailer_name(key, name);
    struct gang *own;
    int err = gang_found(b, name, false, now_ms, &own);
    if (err)
        return err == POSSE_ELIMIT ? POSSE_OK : err;
    own->parted_from = g->number;
    own->parted_ms = now_ms;
    if (is_shared)
        own->copies = key;
    else
        err = gang_add_key(b, own, key, KEY_PROBABILITY);
    sample_free(&g->sample); /* which machines were whose it did not know: from what is left it is made anew */
    struct credited sum = {.n = 0};
    for (size_t i = 0; i < h->n && !err; i++) {
        uint8_t at = h->c[i].heap;
        bool moves = at == heap || (at != stays && !is_shared && h->c[i].key == key);
        err = moves ? move_campaign(b, c, g, own, h->c[i].number, &sum) : at == stays ? learn_sources(c, g, h->c[i].number) : POSSE_OK;
    }
    return err ? err : credit_done(b, g, own, &sum);
}

int gang_split(struct botnets *b, struct campaigns *c, uint32_t number, const struct camp *judged, size_t n, int64_t now_ms)
{
    struct gang *g = gang_of(b, number);
    struct heaps *h = calloc(1, sizeof *h);
    int err = h ? POSSE_OK : POSSE_ENOMEM;
    if (h && g) {
        choose(b, c, g, judged, n, h);
        if (is_worth_asking(h, number, now_ms)) {
            compare(c, h);
            for (uint8_t a = 0; a < h->n && !err; a++)
                for (uint8_t k = (uint8_t)(a + 1); k < h->n && !err; k++)
                    if (are_two(h, a, k)) {
                        bool stays = comes_first(g, h, a, k);
                        err = part(b, c, g, h, stays ? k : a, stays ? a : k, now_ms);
                        free(h);
                        return err; /* one at a time: the rest an hour later */
                    }
        }
    }
    free(h);
    return err;
}
