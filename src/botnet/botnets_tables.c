/* Keys of mailers, settled campaigns and sources that were seen, each found by a 64-bit number; and the waiting room, where mailers stand
 * until they have come from enough machines to be called a botnet. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets_priv.h"

/* ---- keys ---- */

static size_t key_place(const struct key_entry *t, size_t cap, uint64_t key)
{
    size_t i = mix64(key) & (cap - 1);
    while (t[i].key && t[i].key != key)
        i = (i + 1) & (cap - 1);
    return i;
}

struct key_entry *key_of(const struct botnets *b, uint64_t key)
{
    if (!key || !b->cap_keys)
        return NULL;
    struct key_entry *e = &b->keys[key_place(b->keys, b->cap_keys, key)];
    return e->key ? e : NULL;
}

int key_put(struct botnets *b, uint64_t key, uint32_t number, double probability)
{
    struct key_entry *e = key_of(b, key);
    if (!e && b->n_keys == KEYS_MOST)
        return POSSE_ELIMIT;
    if (!e && b->n_keys * 4 >= b->cap_keys * 3) {
        size_t cap = b->cap_keys ? b->cap_keys * 2 : 64;
        struct key_entry *t = calloc(cap, sizeof *t);
        if (!t)
            return POSSE_ENOMEM;
        for (size_t i = 0; i < b->cap_keys; i++)
            if (b->keys[i].key)
                t[key_place(t, cap, b->keys[i].key)] = b->keys[i];
        free(b->keys);
        b->keys = t;
        b->cap_keys = cap;
    }
    if (!e) {
        e = &b->keys[key_place(b->keys, b->cap_keys, key)];
        b->n_keys++;
    }
    *e = (struct key_entry){.key = key, .number = number, .probability = (float)probability};
    return POSSE_OK;
}

/* ---- campaigns ---- */

static size_t camp_place(const struct camp *t, size_t cap, uint64_t number)
{
    size_t i = mix64(number) & (cap - 1);
    while (t[i].number && t[i].number != number)
        i = (i + 1) & (cap - 1);
    return i;
}

struct camp *camp_of(const struct botnets *b, uint64_t campaign)
{
    if (!campaign || !b->cap_camps)
        return NULL;
    struct camp *c = &b->camps[camp_place(b->camps, b->cap_camps, campaign)];
    return c->number ? c : NULL;
}

/* Those that had news since `from`, into a table of cap. */
static int camps_move(struct botnets *b, size_t cap, int64_t from)
{
    struct camp *t = calloc(cap, sizeof *t);
    if (!t)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < b->cap_camps; i++)
        if (b->camps[i].number && b->camps[i].last_ms >= from) {
            t[camp_place(t, cap, b->camps[i].number)] = b->camps[i];
            n++;
        }
    free(b->camps);
    b->camps = t;
    b->cap_camps = cap;
    b->n_camps = n;
    return POSSE_OK;
}

int camp_put(struct botnets *b, const struct camp *c)
{
    struct camp *old = camp_of(b, c->number);
    if (old) {
        *old = *c;
        return POSSE_OK;
    }
    if (b->n_camps * 4 >= b->cap_camps * 3) {
        bool full = b->cap_camps >= CAMPS_MOST;
        int err = camps_move(b, full ? b->cap_camps : b->cap_camps ? b->cap_camps * 2 : 64, full ? c->last_ms - b->o.keep_ms : INT64_MIN);
        if (err)
            return err;
        if (b->n_camps * 4 >= b->cap_camps * 3)
            return POSSE_ELIMIT;
    }
    b->camps[camp_place(b->camps, b->cap_camps, c->number)] = *c;
    b->n_camps++;
    return POSSE_OK;
}

/* ---- the waiting room ---- */

static struct waiting *waiting_of(struct botnets *b, uint64_t key)
{
    struct waiting *set = &b->waiting[(mix64(key) & (WAITING / 4 - 1)) * 4], *least = set;
    for (int i = 0; i < 4; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].messages < least->messages || (set[i].messages == least->messages && set[i].last_ms < least->last_ms))
            least = &set[i];
    }
    if (least->messages > 1) { /* it must come more often than the least of the four to take its place */
        least->messages--;
        return NULL;
    }
    *least = (struct waiting){.key = key};
    return least;
}

static bool has_waited(struct waiting *w, const struct sighting *s)
{
    uint32_t net = sample_net(&s->source);
    w->messages++;
    w->last_ms = s->time_ms;
    size_t i = 0;
    while (i < w->n_nets && w->net[i] != net)
        i++;
    if (i == w->n_nets && i < WAITING_NETS && !ip_is_zero(&s->source))
        w->net[w->n_nets++] = net;
    return w->messages >= FOUND_MESSAGES && w->n_nets >= FOUND_NETWORKS;
}

static struct gang *gang_named(const struct botnets *b, const char *name)
{
    for (size_t i = 0; i < b->n_gangs; i++)
        if (strcmp(b->gang[i]->name, name) == 0)
            return b->gang[i];
    return NULL;
}

/* A mailer that the book knows is its family's at once. */
static int by_book(struct botnets *b, const struct sighting *s, const struct mailer *m, struct gang **out, double *probability)
{
    struct mailer_match hit;
    if (!m || !mailer_match(b->o.book, m, &hit, 1))
        return POSSE_OK;
    struct gang *g = gang_named(b, hit.family);
    int err = g ? POSSE_OK : gang_found(b, hit.family, true, s->time_ms, &g);
    err = err ? err : gang_add_key(b, g, s->mailer, hit.probability);
    if (err)
        return err;
    *out = g;
    *probability = hit.probability;
    return POSSE_OK;
}

static int by_waiting(struct botnets *b, const struct sighting *s, struct waiting *w, struct gang **out, double *probability)
{
    char name[MAILER_NAME];
    if (!has_waited(w, s))
        return POSSE_OK;
    mailer_name(s->mailer, name);
    struct gang *g;
    int err = gang_found(b, name, false, s->time_ms, &g);
    err = err ? err : gang_add_key(b, g, s->mailer, KEY_PROBABILITY);
    if (err)
        return err;
    *w = (struct waiting){0};
    *out = g;
    *probability = KEY_PROBABILITY;
    return POSSE_OK;
}

int whose_mailer(struct botnets *b, const struct sighting *s, const struct mailer *m, struct gang **out, double *probability)
{
    struct key_entry *e = key_of(b, s->mailer);
    *out = e ? gang_of(b, e->number) : NULL;
    *probability = e ? (double)e->probability : 0;
    if (*out || !s->mailer)
        return POSSE_OK;
    struct waiting *w = waiting_of(b, s->mailer);
    int err = POSSE_OK;
    if (m && b->o.book && (!w || !w->is_known)) {
        err = by_book(b, s, m, out, probability);
        if (w)
            w->is_known = true; /* the book was asked */
    }
    if (!err && !*out && w)
        err = by_waiting(b, s, w, out, probability);
    return err == POSSE_ELIMIT ? POSSE_OK : err; /* no room for another botnet: nobody's */
}

/* ---- sources ---- */

static size_t seen_place(const struct seen *t, const struct ip *a)
{
    size_t i = sample_ip(a) >> 20 & (SEEN_SOURCES - 1);
    while (t[i].messages && ip_compare(&t[i].ip, a) != 0)
        i = (i + 1) & (SEEN_SOURCES - 1);
    return i;
}

static bool seen_keeps(const struct botnets *b, const struct ip *a)
{
    return (sample_ip(a) & ((UINT64_C(1) << b->seen_shift) - 1)) == 0;
}

/* Half of the addresses go, by hash: what is left is a sample. */
static int seen_thin(struct botnets *b)
{
    struct seen *t = calloc(SEEN_SOURCES, sizeof *t);
    if (!t)
        return POSSE_ENOMEM;
    b->seen_shift++;
    b->n_seen = 0;
    for (size_t i = 0; i < SEEN_SOURCES; i++)
        if (b->seen[i].messages && seen_keeps(b, &b->seen[i].ip)) {
            t[seen_place(t, &b->seen[i].ip)] = b->seen[i];
            b->n_seen++;
        }
    free(b->seen);
    b->seen = t;
    return POSSE_OK;
}

void seen_put(struct botnets *b, const struct seen *e)
{
    struct seen *at = &b->seen[seen_place(b->seen, &e->ip)];
    b->n_seen += !at->messages;
    *at = *e;
}

int seen_add(struct botnets *b, const struct sighting *s)
{
    if (ip_is_zero(&s->source) || !seen_keeps(b, &s->source))
        return POSSE_OK;
    if (!b->seen && !(b->seen = calloc(SEEN_SOURCES, sizeof *b->seen)))
        return POSSE_ENOMEM;
    size_t i = seen_place(b->seen, &s->source);
    if (!b->seen[i].messages) {
        int err = b->n_seen * 4 >= SEEN_SOURCES * 3 ? seen_thin(b) : POSSE_OK;
        if (err || !seen_keeps(b, &s->source))
            return err;
        i = seen_place(b->seen, &s->source);
        b->seen[i] = (struct seen){.ip = s->source, .mailer = s->mailer};
        b->n_seen++;
    }
    struct seen *e = &b->seen[i];
    e->messages += e->messages < UINT32_MAX;
    e->other += e->mailer != s->mailer && e->other < UINT32_MAX;
    e->last_ms = s->time_ms > e->last_ms ? s->time_ms : e->last_ms;
    for (size_t d = 0; d < s->n_rcpt_domains; d++) {
        uint32_t h = (uint32_t)hash64(s->rcpt_domain[d], 3), k = 0;
        while (k < e->n_domains && e->domain[k] != h)
            k++;
        if (k == e->n_domains && k < SEEN_DOMAINS)
            e->domain[e->n_domains++] = h;
        else if (k == SEEN_DOMAINS)
            e->is_full = true;
    }
    return POSSE_OK;
}
