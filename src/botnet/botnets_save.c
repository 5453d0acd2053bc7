/* The state as bytes, and back: a version, then the parts in a fixed order; tables by ascending key, so that equal states give equal
 * bytes whatever order their entries came in. What is read may be hostile: each number is checked before it is used. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets_priv.h"

enum { FORM = 3, FORM_WITHOUT_PARTINGS = 2, PART_MOST = 1 << 30 };

#define MINUTE_FAR ((int64_t)1 << 30) /* two thousand years from 1970, either way */

/* ---- out ---- */

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void put_double(struct buf *out, double x) { buf_add_u64(out, bits_of(x)); }

static int by_u64(const void *x, const void *y) /* tables whose entries begin with their key */
{
    uint64_t a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return a < b ? -1 : a > b;
}

static int by_address(const void *x, const void *y)
{
    const struct seen *a = x, *b = y;
    return ip_compare(&a->ip, &b->ip);
}

/* The entries in order, on the heap; an empty table gives a valid pointer. is_empty: by its first 8 bytes, or for seen by messages. */
static void *sorted(const void *table, size_t cap, size_t size, bool (*is_used)(const void *), int (*order)(const void *, const void *), size_t *n_out)
{
    size_t n = 0;
    const uint8_t *p = table;
    for (size_t i = 0; i < cap; i++)
        n += is_used(p + i * size);
    uint8_t *out = malloc(n * size + 1), *to = out;
    if (!out)
        return NULL;
    for (size_t i = 0; i < cap; i++)
        if (is_used(p + i * size)) {
            memcpy(to, p + i * size, size);
            to += size;
        }
    if (n)
        qsort(out, n, size, order);
    *n_out = n;
    return out;
}

static bool has_key(const void *e)
{
    uint64_t key;
    memcpy(&key, e, sizeof key);
    return key != 0;
}

static bool was_seen(const void *e) { return ((const struct seen *)e)->messages != 0; }

static int put_sample(const struct sample *s, struct buf *out)
{
    size_t n;
    struct sent *e = sorted(s->p, s->cap, sizeof *e, has_key, by_u64, &n);
    if (!e)
        return POSSE_ENOMEM;
    buf_add_byte(out, s->shift);
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_u64(out, e[i].ip);
        buf_add_u32(out, e[i].net);
        buf_add_u32(out, (uint32_t)e[i].campaign | (uint32_t)e[i].flags << 30);
    }
    free(e);
    return POSSE_OK;
}

static int put_gang(const struct gang *g, struct buf *out)
{
    buf_add_varint(out, g->number);
    buf_add_byte(out, (uint8_t)strlen(g->name));
    buf_add_str(out, g->name);
    buf_add_byte(out, g->is_described);
    buf_add_u64(out, g->copies);
    buf_add_varint(out, g->parted_from);
    buf_add_u64(out, (uint64_t)g->parted_ms);
    buf_add_u64(out, (uint64_t)g->first_ms);
    buf_add_u64(out, (uint64_t)g->last_ms);
    buf_add_varint(out, g->messages);
    buf_add_varint(out, g->envelopes);
    buf_add_varint(out, g->bytes);
    buf_add_varint(out, g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        buf_add_u64(out, g->key[i].key);
        buf_add_varint(out, g->key[i].messages);
    }
    buf_add_varint(out, g->n_campaigns);
    buf_add_varint(out, g->next_campaign);
    for (size_t i = 0; i < g->n_campaigns; i++)
        buf_add_varint(out, g->campaign[i]);
    buf_add_byte(out, g->sign != NULL);
    for (size_t i = 0; g->sign && i < GANG_SIGNS; i++) {
        buf_add_u64(out, g->sign[i].key);
        if (g->sign[i].key) {
            buf_add_varint(out, g->sign[i].campaign);
            buf_add_byte(out, g->sign[i].twice);
        }
    }
    put_double(out, g->same_k);
    put_double(out, g->same_n);
    buf_add_varint(out, g->in_minute);
    int err = put_sample(&g->sample, out);
    err = err ? err : census_save(g->census, out);
    buf_add_byte(out, g->series != NULL);
    return err ? err : g->series ? change_save(g->series, out) : POSSE_OK;
}

static int put_tables(const struct botnets *b, struct buf *out)
{
    size_t n = 0;
    struct key_entry *k = sorted(b->keys, b->cap_keys, sizeof *k, has_key, by_u64, &n);
    if (!k)
        return POSSE_ENOMEM;
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_u64(out, k[i].key);
        buf_add_varint(out, k[i].number);
        put_double(out, (double)k[i].probability);
    }
    free(k);
    struct camp *c = sorted(b->camps, b->cap_camps, sizeof *c, has_key, by_u64, &n);
    if (!c)
        return POSSE_ENOMEM;
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_varint(out, c[i].number);
        buf_add_u64(out, c[i].key);
        buf_add_varint(out, c[i].gang);
        buf_add_varint(out, c[i].rival);
        put_double(out, (double)c[i].probability);
        buf_add_byte(out, c[i].doubt);
        buf_add_u64(out, (uint64_t)c[i].last_ms);
        buf_add_byte(out, c[i].n_why);
        for (size_t w = 0; w < c[i].n_why; w++) {
            buf_add_byte(out, c[i].why[w].kind);
            put_double(out, (double)c[i].why[w].bits);
            buf_add_varint(out, c[i].why[w].a);
            buf_add_varint(out, c[i].why[w].b);
        }
    }
    free(c);
    return POSSE_OK;
}

static void put_waiting(const struct botnets *b, struct buf *out)
{
    for (size_t i = 0; i < WAITING; i++) { /* by place: which of four stands where matters */
        const struct waiting *w = &b->waiting[i];
        if (!w->key)
            continue;
        buf_add_varint(out, i + 1);
        buf_add_u64(out, w->key);
        buf_add_varint(out, w->messages);
        buf_add_u64(out, (uint64_t)w->last_ms);
        buf_add_byte(out, (uint8_t)(w->n_nets | (w->is_known ? 0x80 : 0)));
        for (size_t k = 0; k < w->n_nets; k++)
            buf_add_u32(out, w->net[k]);
    }
    buf_add_varint(out, 0);
}

static int put_seen(const struct botnets *b, struct buf *out)
{
    size_t n = 0;
    struct seen *e = sorted(b->seen, b->seen ? SEEN_SOURCES : 0, sizeof *e, was_seen, by_address, &n);
    if (!e)
        return POSSE_ENOMEM;
    buf_add_byte(out, b->seen_shift);
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add(out, e[i].ip.b, sizeof e[i].ip.b);
        buf_add_u64(out, e[i].mailer);
        buf_add_varint(out, e[i].messages);
        buf_add_varint(out, e[i].other);
        buf_add_u64(out, (uint64_t)e[i].last_ms);
        buf_add_byte(out, (uint8_t)(e[i].n_domains | (e[i].is_full ? 0x80 : 0)));
        for (size_t d = 0; d < e[i].n_domains; d++)
            buf_add_u32(out, e[i].domain[d]);
    }
    free(e);
    return POSSE_OK;
}

int botnets_save(const struct botnets *b, struct buf *out)
{
    buf_add_u32(out, FORM);
    buf_add_varint(out, b->next_number);
    buf_add_u64(out, (uint64_t)b->ticked_ms);
    buf_add_u64(out, (uint64_t)b->settled_ms);
    buf_add_u64(out, (uint64_t)b->minute);
    buf_add_varint(out, b->all_in_minute);
    buf_add_varint(out, b->spam_in_minute);
    buf_add_varint(out, b->n_joined);
    for (size_t i = 0; i < b->n_joined; i++) {
        buf_add_varint(out, b->joined[i].from);
        buf_add_varint(out, b->joined[i].to);
    }
    buf_add_varint(out, b->n_gangs);
    int err = POSSE_OK;
    for (size_t i = 0; i < b->n_gangs && !err; i++)
        err = put_gang(b->gang[i], out);
    err = err ? err : put_tables(b, out);
    if (err)
        return err;
    put_waiting(b, out);
    err = put_seen(b, out);
    err = err ? err : shares_save(b->shares, out);
    err = err ? err : change_save(b->all, out);
    err = err ? err : change_save(b->spam, out);
    return err ? err : buf_error(out);
}

/* ---- in ---- */

static double get_double(struct reader *r)
{
    uint64_t u = reader_u64(r);
    double x;
    memcpy(&x, &u, sizeof x);
    if (!(x >= -1e18 && x <= 1e18)) {
        reader_fail(r, POSSE_ECORRUPT);
        return 0;
    }
    return x;
}

/* A count that its entries can have: each takes at least `least` bytes. */
static size_t get_count(struct reader *r, size_t most, size_t least)
{
    uint64_t n = reader_varint(r);
    if (n > most || n > reader_left(r) / least) {
        reader_fail(r, POSSE_ECORRUPT);
        return 0;
    }
    return (size_t)n;
}

static uint32_t get_u32(struct reader *r)
{
    uint64_t n = reader_varint(r);
    if (n > UINT32_MAX)
        reader_fail(r, POSSE_ECORRUPT);
    return (uint32_t)n;
}

static double get_probability(struct reader *r)
{
    double p = get_double(r);
    if (p < 0 || p > 1)
        reader_fail(r, POSSE_ECORRUPT);
    return p;
}

static int get_sample(struct reader *r, struct sample *s)
{
    s->shift = reader_u8(r);
    if (s->shift > 31)
        reader_fail(r, POSSE_ECORRUPT);
    size_t n = get_count(r, SOURCES_SAMPLED, 16);
    uint64_t last = 0;
    for (size_t i = 0; i < n && !reader_error(r); i++) {
        struct sent x = {.ip = reader_u64(r), .net = reader_u32(r)};
        uint32_t rest = reader_u32(r);
        x.campaign = rest & 0x3fffffff;
        x.flags = (uint8_t)(rest >> 30);
        if (x.ip <= last || !sample_has_net(s, x.net)) {
            reader_fail(r, POSSE_ECORRUPT);
            break;
        }
        last = x.ip;
        if (sample_put(s, &x))
            return POSSE_ENOMEM;
    }
    return POSSE_OK;
}

static int get_signs(struct reader *r, struct gang *g)
{
    if (!reader_u8(r))
        return POSSE_OK;
    g->sign = calloc(GANG_SIGNS, sizeof *g->sign);
    if (!g->sign)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < GANG_SIGNS && !reader_error(r); i++) {
        g->sign[i].key = reader_u64(r);
        if (g->sign[i].key) {
            g->sign[i].campaign = reader_varint(r);
            g->sign[i].twice = reader_u8(r) != 0;
            g->n_signs++;
        }
    }
    return POSSE_OK;
}

static void get_name(struct reader *r, struct gang *g)
{
    size_t n = reader_u8(r);
    struct span name = reader_bytes(r, n);
    if (!n || n >= sizeof g->name || name.n != n || memchr(name.p, '\0', n)) {
        reader_fail(r, POSSE_ECORRUPT);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
            reader_fail(r, POSSE_ECORRUPT);
    memcpy(g->name, name.p, n);
}

static int get_gang(struct reader *r, struct botnets *b, uint32_t form, struct gang *g)
{
    g->number = get_u32(r);
    get_name(r, g);
    g->is_described = reader_u8(r) != 0;
    g->copies = reader_u64(r);
    if (form != FORM_WITHOUT_PARTINGS) {
        g->parted_from = get_u32(r);
        g->parted_ms = (int64_t)reader_u64(r);
    }
    g->first_ms = (int64_t)reader_u64(r);
    g->last_ms = (int64_t)reader_u64(r);
    g->messages = reader_varint(r);
    g->envelopes = reader_varint(r);
    g->bytes = reader_varint(r);
    g->n_keys = get_count(r, GANG_KEYS, 9);
    for (size_t i = 0; i < g->n_keys; i++)
        g->key[i] = (struct gang_key){.key = reader_u64(r), .messages = reader_varint(r)};
    g->n_campaigns = get_count(r, GANG_CAMPAIGNS, 1);
    g->next_campaign = (size_t)reader_varint(r);
    if (g->next_campaign >= GANG_CAMPAIGNS || g->next_campaign > g->n_campaigns || g->number == 0 || g->number >= b->next_number)
        reader_fail(r, POSSE_ECORRUPT);
    for (size_t i = 0; i < g->n_campaigns; i++)
        g->campaign[i] = reader_varint(r);
    int err = get_signs(r, g);
    g->same_k = get_double(r);
    g->same_n = get_double(r);
    g->in_minute = get_u32(r);
    err = err ? err : get_sample(r, &g->sample);
    err = err ? err : reader_error(r);
    err = err ? err : census_load(r, &b->o.census, &g->census, NULL);
    if (!err && reader_u8(r))
        err = change_load(r, &g->series, NULL);
    return err ? err : reader_error(r);
}

static int get_gangs(struct reader *r, struct botnets *b, uint32_t form)
{
    size_t n = get_count(r, BOTNETS_MAX, 40);
    if (reader_error(r))
        return reader_error(r);
    b->gang = calloc(n + 1, sizeof(struct gang *));
    if (!b->gang)
        return POSSE_ENOMEM;
    b->cap_gangs = n + 1;
    for (size_t i = 0; i < n; i++) {
        struct gang *g = b->gang[b->n_gangs++] = calloc(1, sizeof *g);
        int err = g ? get_gang(r, b, form, g) : POSSE_ENOMEM;
        if (!err && i && g->number <= b->gang[i - 1]->number)
            err = POSSE_ECORRUPT;
        if (err)
            return err;
    }
    return POSSE_OK;
}

static int get_keys(struct reader *r, struct botnets *b)
{
    size_t n = get_count(r, KEYS_MOST, 17);
    for (size_t i = 0; i < n && !reader_error(r); i++) {
        uint64_t key = reader_u64(r);
        uint32_t number = get_u32(r);
        double p = get_probability(r);
        if (!key)
            reader_fail(r, POSSE_ECORRUPT);
        else if (key_put(b, key, number, p))
            return POSSE_ENOMEM;
    }
    return reader_error(r);
}

static int get_camp(struct reader *r, struct botnets *b)
{
    struct camp c = {.number = reader_varint(r), .key = reader_u64(r)};
    c.gang = get_u32(r);
    c.rival = get_u32(r);
    c.probability = (float)get_probability(r);
    c.doubt = reader_u8(r);
    c.last_ms = (int64_t)reader_u64(r);
    c.n_why = reader_u8(r);
    if (!c.number || c.doubt >= DOUBT_N || c.n_why > MEMBER_REASONS) {
        reader_fail(r, POSSE_ECORRUPT);
        return POSSE_ECORRUPT;
    }
    for (size_t w = 0; w < c.n_why; w++) {
        c.why[w].kind = reader_u8(r);
        c.why[w].bits = (float)get_double(r);
        c.why[w].a = get_u32(r);
        c.why[w].b = get_u32(r);
        if (c.why[w].kind > WHY_PRIOR)
            reader_fail(r, POSSE_ECORRUPT);
    }
    return reader_error(r) ? reader_error(r) : camp_put(b, &c);
}

static int get_waiting(struct reader *r, struct botnets *b)
{
    for (;;) {
        uint64_t at = reader_varint(r);
        if (at == 0 || reader_error(r))
            return reader_error(r);
        if (at > WAITING)
            return POSSE_ECORRUPT;
        struct waiting *w = &b->waiting[at - 1];
        w->key = reader_u64(r);
        w->messages = get_u32(r);
        w->last_ms = (int64_t)reader_u64(r);
        uint8_t n = reader_u8(r);
        w->is_known = n & 0x80;
        w->n_nets = n & 0x7f;
        if (w->n_nets > WAITING_NETS) {
            w->n_nets = 0;
            return POSSE_ECORRUPT;
        }
        for (size_t k = 0; k < w->n_nets; k++)
            w->net[k] = reader_u32(r);
    }
}

static int get_seen(struct reader *r, struct botnets *b)
{
    b->seen_shift = reader_u8(r);
    size_t n = get_count(r, SEEN_SOURCES * 3 / 4, 16);
    if (b->seen_shift > 40 || reader_error(r))
        return POSSE_ECORRUPT;
    if (n && !(b->seen = calloc(SEEN_SOURCES, sizeof *b->seen)))
        return POSSE_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct seen e = {.messages = 0};
        struct span ip = reader_bytes(r, sizeof e.ip.b);
        if (ip.n == sizeof e.ip.b)
            memcpy(e.ip.b, ip.p, ip.n);
        e.mailer = reader_u64(r);
        e.messages = get_u32(r);
        e.other = get_u32(r);
        e.last_ms = (int64_t)reader_u64(r);
        uint8_t d = reader_u8(r);
        e.is_full = d & 0x80;
        e.n_domains = d & 0x7f;
        if (e.n_domains > SEEN_DOMAINS || !e.messages || reader_error(r))
            return POSSE_ECORRUPT;
        for (size_t k = 0; k < e.n_domains; k++)
            e.domain[k] = reader_u32(r);
        seen_put(b, &e);
    }
    return reader_error(r);
}

static int get_all(struct reader *r, struct botnets *b, uint32_t form)
{
    b->next_number = get_u32(r);
    b->ticked_ms = (int64_t)reader_u64(r);
    b->settled_ms = (int64_t)reader_u64(r);
    b->minute = (int64_t)reader_u64(r);
    b->all_in_minute = get_u32(r);
    b->spam_in_minute = get_u32(r);
    if (b->ticked_ms != INT64_MIN && (b->minute < -MINUTE_FAR || b->minute > MINUTE_FAR)) { /* without a tick it is set by the first */
        reader_fail(r, POSSE_ECORRUPT);
        return POSSE_ECORRUPT;
    }
    size_t n = get_count(r, PART_MOST, 2);
    if (b->next_number == 0 || (b->joined = malloc((n + 1) * sizeof *b->joined)) == NULL)
        return b->next_number ? POSSE_ENOMEM : POSSE_ECORRUPT;
    for (size_t i = 0; i < n; i++, b->n_joined++) {
        b->joined[i].from = get_u32(r);
        b->joined[i].to = get_u32(r);
    }
    int err = reader_error(r) ? reader_error(r) : get_gangs(r, b, form);
    err = err ? err : get_keys(r, b);
    n = err ? 0 : get_count(r, CAMPS_MOST, 30);
    for (size_t i = 0; i < n && !err; i++)
        err = get_camp(r, b);
    err = err ? err : get_waiting(r, b);
    err = err ? err : get_seen(r, b);
    shares_free(&b->shares);
    change_free(&b->all);
    change_free(&b->spam);
    err = err ? err : shares_load(r, &b->shares, NULL);
    err = err ? err : change_load(r, &b->all, NULL);
    err = err ? err : change_load(r, &b->spam, NULL);
    return err ? err : reader_error(r);
}

int botnets_load(struct reader *r, const struct botnets_options *o, struct botnets **out, struct report *why)
{
    uint32_t form = reader_u32(r);
    int err = reader_error(r) ? reader_error(r) : form != FORM && form != FORM_WITHOUT_PARTINGS ? POSSE_EVERSION : botnets_new(o, out, why);
    if (err) {
        *out = NULL;
        return report_set(why, err, "botnets: %s", posse_strerror(err));
    }
    err = get_all(r, *out, form);
    if (err) {
        botnets_free(out);
        return report_set(why, err, "botnets: %s at byte %zu", posse_strerror(err), reader_pos(r));
    }
    return POSSE_OK;
}
