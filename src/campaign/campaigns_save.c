/* The state as bytes. Groups stand in the order of their slots, and where a table's order cannot matter it is written sorted; so equal
 * states are equal bytes, and a state that was read back goes on as the one that was written would have.
 *
 * Bytes: "PCMP", u32 format, u32 SKETCH_VERSION; varints turn, last_number, ungrouped, absorbed, pushed_out, slots; for each slot
 * a byte 0 (free) or 1 and a group; the free slots in their order. A number with a sign is zigzag. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "campaign/campaigns_priv.h"

enum { FORMAT = 3 };
static const uint8_t magic[4] = {'P', 'C', 'M', 'P'};

/* ---- writing ---- */

static void put_signed(struct buf *b, int64_t x) { buf_add_varint(b, (uint64_t)x << 1 ^ (uint64_t)(x >> 63)); }

static void put_double(struct buf *b, double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    buf_add_u64(b, u);
}

static void put_list(struct buf *b, const uint64_t *v, uint8_t n)
{
    buf_add_byte(b, n);
    for (unsigned i = 0; i < n; i++)
        buf_add_u64(b, v[i]);
}

static void put_sketch(struct buf *b, const struct sketch *s)
{
    buf_add_byte(b, s->kind);
    buf_add_varint(b, s->n_shingles);
    for (unsigned i = 0; s->n_shingles && i < SKETCH_SLOTS; i++) {
        buf_add_byte(b, (uint8_t)s->slot[i]);
        buf_add_byte(b, (uint8_t)(s->slot[i] >> 8));
    }
    buf_add_byte(b, s->n_words);
    if (s->n_words)
        buf_add(b, s->word, sizeof s->word);
    buf_add_u64(b, s->subject);
    buf_add_u64(b, s->layout);
    buf_add_u64(b, s->structure);
    put_list(b, s->link_host, s->n_links);
    put_list(b, s->link_shape, s->n_shapes);
    put_list(b, s->file, s->n_files);
}

static void put_distinct(struct buf *b, const struct distinct *d)
{
    buf_add_byte(b, d->reg ? 255 : (uint8_t)d->n);
    if (d->reg)
        buf_add(b, d->reg, hll_bytes(DISTINCT_P));
    for (unsigned i = 0; i < d->n; i++)
        buf_add_u32(b, d->h[i]);
}

static int put_sources(struct buf *b, const struct sources *s)
{
    size_t n = sources_held(s), n4 = s->n4;
    struct ip *ip = malloc((n + 1) * sizeof *ip);
    if (!ip)
        return POSSE_ENOMEM;
    sources_list(s, ip);
    buf_add_byte(b, s->reg != NULL);
    buf_add_byte(b, s->level);
    if (s->reg)
        buf_add(b, s->reg, hll_bytes(SOURCES_P));
    buf_add_varint(b, n4);
    buf_add_varint(b, n - n4);
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++)
        if (ip_is_v4(&ip[i])) {
            buf_add_varint(b, ip_v4(&ip[i]) - last); /* ascending, so that neighbours are a byte or two apart */
            last = ip_v4(&ip[i]);
        }
    for (size_t i = 0; i < n; i++)
        if (!ip_is_v4(&ip[i]))
            buf_add(b, ip[i].b, sizeof ip[i].b);
    free(ip);
    put_distinct(b, &s->nets);
    return POSSE_OK;
}

static void put_tally(struct buf *b, const struct texts *t, const struct tally *y)
{
    buf_add_byte(b, y->n);
    for (unsigned i = 0; i < y->n; i++) {
        const char *text = texts_of(t, y->e[i].key);
        buf_add_u64(b, y->e[i].key);
        buf_add_varint(b, y->e[i].n);
        buf_add_byte(b, (uint8_t)strlen(text));
        buf_add_str(b, text);
    }
}

static void put_counts(struct buf *b, const struct group *g)
{
    const uint64_t n[] = {g->number, g->id, g->key, g->turn, g->grown, g->messages, g->envelopes, g->bytes, g->spam, g->lists,
                          g->authenticated, g->odd_times, g->sourced, g->kin, g->bridge, g->kin_from, g->bridged, g->kinned,
                          g->next_version, g->is_record};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        buf_add_varint(b, n[i]);
    put_signed(b, g->first_ms);
    put_signed(b, g->last_ms);
    put_double(b, g->alike);
}

static void put_hours(struct buf *b, struct group *g)
{
    group_hours(g);
    buf_add_varint(b, g->n_hours);
    for (uint32_t i = 0; i < g->n_hours; i++) {
        const struct campaign_hour *h = &g->hour[i];
        put_signed(b, h->hour);
        buf_add_varint(b, h->messages);
        buf_add_varint(b, h->envelopes);
        buf_add_varint(b, h->sources);
        buf_add_varint(b, h->bytes);
    }
    put_signed(b, g->now_hour);
    put_distinct(b, &g->now);
}

static void put_sketches(struct buf *b, const struct group *g)
{
    buf_add_byte(b, g->n_linked);
    for (unsigned i = 0; i < g->n_linked; i++) {
        buf_add_u64(b, g->linked[i].host);
        buf_add_u32(b, g->linked[i].n);
    }
    buf_add_byte(b, g->n_signs);
    for (unsigned i = 0; i < g->n_signs; i++)
        buf_add_u32(b, g->sign[i]);
    buf_add_byte(b, g->n_versions);
    for (unsigned i = 0; i < g->n_versions; i++) {
        put_signed(b, g->version[i].first_ms);
        put_signed(b, g->version[i].last_ms);
        buf_add_varint(b, g->version[i].messages);
        buf_add_varint(b, g->version[i].id);
    }
    buf_add_byte(b, g->n_proto);
    for (unsigned i = 0; i < g->n_proto; i++) {
        put_sketch(b, &g->proto[i].s);
        buf_add_byte(b, (uint8_t)g->proto[i].s.flags);
        put_signed(b, g->proto[i].first_ms);
        buf_add_varint(b, g->proto[i].last_turn);
        buf_add_varint(b, g->proto[i].hits);
        buf_add_varint(b, g->proto[i].version);
    }
    buf_add_byte(b, g->n_keys);
    for (unsigned i = 0; i < g->n_keys; i++)
        buf_add_u32(b, g->key_list[i]);
    buf_add_byte(b, g->n_aliases);
    for (unsigned i = 0; i < g->n_aliases; i++) {
        buf_add_varint(b, g->alias[i].number);
        buf_add_varint(b, g->alias[i].id);
    }
}

static int put_group(struct buf *b, const struct texts *t, struct group *g)
{
    put_counts(b, g);
    put_hours(b, g);
    int rc = put_sources(b, &g->src);
    for (unsigned i = 0; i < TALLY_N; i++)
        put_tally(b, t, &g->tally[i]);
    put_sketches(b, g);
    return rc;
}

int campaigns_save(const struct campaigns *c, struct buf *out)
{
    const uint64_t n[] = {c->turn, c->last_number, c->ungrouped, c->absorbed, c->pushed_out, c->n_slots};
    int rc = POSSE_OK;
    buf_add(out, magic, sizeof magic);
    buf_add_u32(out, FORMAT);
    buf_add_u32(out, SKETCH_VERSION);
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        buf_add_varint(out, n[i]);
    for (size_t i = 0; i < c->n_slots && rc == 0; i++) {
        buf_add_byte(out, c->slot[i] != NULL);
        rc = c->slot[i] ? put_group(out, &c->texts, c->slot[i]) : POSSE_OK;
    }
    for (size_t i = 0; i < c->n_spare; i++)
        buf_add_u32(out, c->spare[i]);
    return rc ? rc : buf_error(out);
}

/* ---- reading ---- */

static int64_t get_signed(struct reader *r)
{
    uint64_t u = reader_varint(r);
    return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
}

static void need(struct reader *r, bool ok)
{
    if (!ok)
        reader_fail(r, POSSE_ECORRUPT);
}

static uint32_t get_u32(struct reader *r, uint64_t most)
{
    uint64_t x = reader_varint(r);
    need(r, x <= most);
    return x <= most ? (uint32_t)x : 0;
}

static uint8_t get_list(struct reader *r, uint64_t *v, unsigned max)
{
    uint8_t n = reader_u8(r);
    need(r, n <= max);
    for (unsigned i = 0; i < n && i < max; i++)
        v[i] = reader_u64(r);
    return n <= max ? n : 0;
}

static void get_sketch(struct reader *r, struct sketch *s)
{
    const char *why;
    s->kind = reader_u8(r);
    s->n_shingles = (uint16_t)get_u32(r, UINT16_MAX);
    for (unsigned i = 0; s->n_shingles && i < SKETCH_SLOTS; i++) {
        s->slot[i] = reader_u8(r);
        s->slot[i] = (uint16_t)(s->slot[i] | reader_u8(r) << 8);
    }
    s->n_words = reader_u8(r);
    struct span words = s->n_words ? reader_bytes(r, sizeof s->word) : SPAN_NONE;
    if (words.n)
        memcpy(s->word, words.p, words.n);
    s->subject = reader_u64(r);
    s->layout = reader_u64(r);
    s->structure = reader_u64(r);
    s->n_links = get_list(r, s->link_host, SKETCH_LINKS);
    s->n_shapes = get_list(r, s->link_shape, SKETCH_LINKS);
    s->n_files = get_list(r, s->file, SKETCH_FILES);
    need(r, sketch_validate(s, &why));
}

static uint8_t *get_registers(struct heap *h, struct reader *r, unsigned p)
{
    struct span s = reader_bytes(r, hll_bytes(p));
    uint8_t *reg = s.n ? heap_grow(h, NULL, 0, hll_bytes(p), 1) : NULL;
    for (size_t i = 0; reg && i < s.n; i++) {
        reg[i] = s.p[i];
        need(r, s.p[i] <= hll_most(p));
    }
    return reg;
}

static void get_distinct(struct heap *h, struct reader *r, struct distinct *d)
{
    uint8_t n = reader_u8(r);
    if (n == 255) {
        d->reg = get_registers(h, r, DISTINCT_P);
        return;
    }
    need(r, n <= DISTINCT_EXACT);
    for (unsigned i = 0; i < n && !reader_error(r) && !h->failed; i++)
        distinct_add(h, d, reader_u32(r));
    need(r, h->failed || d->n == n); /* none twice */
}

static void get_sources(struct campaigns *c, struct reader *r, struct sources *s)
{
    struct heap *h = &c->heap;
    uint8_t has_reg = reader_u8(r), level = reader_u8(r);
    need(r, has_reg <= 1 && level <= 60 && (level == 0 || has_reg));
    if (has_reg)
        s->reg = get_registers(h, r, SOURCES_P);
    uint64_t n4 = reader_varint(r), n6 = reader_varint(r), last = 0;
    need(r, n4 <= reader_left(r) && n6 <= reader_left(r) / 16);
    s->level = level;
    for (uint64_t i = 0; i < n4 && !reader_error(r) && !h->failed; i++) {
        uint64_t step = reader_varint(r);
        need(r, step && step <= UINT32_MAX && last + step <= UINT32_MAX);
        last += step;
        struct ip ip = ip_of_v4((uint32_t)last);
        if (!reader_error(r))
            need(r, sources_put(h, s, &ip) || h->failed);
    }
    struct ip before = {{0}};
    for (uint64_t i = 0; i < n6 && !reader_error(r) && !h->failed; i++) {
        struct ip ip = {{0}};
        struct span b = reader_bytes(r, sizeof ip.b);
        if (b.n)
            memcpy(ip.b, b.p, sizeof ip.b);
        need(r, !ip_is_v4(&ip) && ip_compare(&before, &ip) < 0);
        before = ip;
        if (!reader_error(r))
            need(r, sources_put(h, s, &ip) || h->failed);
    }
    get_distinct(h, r, &s->nets);
}

static void get_tally(struct campaigns *c, struct reader *r, struct tally *y)
{
    uint8_t n = reader_u8(r);
    need(r, n <= CAMPAIGN_TOP);
    for (unsigned i = 0; i < n && !reader_error(r) && !c->heap.failed; i++) {
        uint64_t key = reader_u64(r);
        uint32_t count = get_u32(r, UINT32_MAX);
        struct span text = reader_bytes(r, reader_u8(r));
        need(r, key && text.n < sizeof((struct counted *)0)->text && (text.n == 0 || !memchr(text.p, 0, text.n)));
        if (!reader_error(r))
            tally_add(&c->heap, &c->texts, y, key, count, text);
    }
    need(r, c->heap.failed || y->n == n);
}

static void get_counts(struct reader *r, struct group *g)
{
    uint64_t *const n[] = {&g->number, &g->id, &g->key, &g->turn, &g->grown, &g->messages, &g->envelopes, &g->bytes, &g->spam, &g->lists,
                           &g->authenticated, &g->odd_times, &g->sourced, &g->kin, &g->bridge, &g->kin_from};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        *n[i] = reader_varint(r);
    g->bridged = get_u32(r, UINT32_MAX);
    g->kinned = get_u32(r, UINT32_MAX);
    g->next_version = get_u32(r, UINT32_MAX);
    g->is_record = get_u32(r, 1);
    g->first_ms = get_signed(r);
    g->last_ms = get_signed(r);
    uint64_t u = reader_u64(r);
    memcpy(&g->alike, &u, sizeof u);
    need(r, g->number && g->id && g->id >> 60 == 0 && g->messages && g->kin_from <= g->messages && g->is_record == (g->key != 0) && isfinite(g->alike) &&
                g->alike >= 0);
}

static void get_hours(struct heap *h, struct reader *r, struct group *g)
{
    uint32_t n = get_u32(r, CAMPAIGN_HOURS_MAX);
    need(r, n <= reader_left(r) / 5);
    if (n && !reader_error(r) && (g->hour = heap_grow(h, NULL, 0, n, sizeof *g->hour)))
        g->cap_hours = n;
    for (uint32_t i = 0; i < g->cap_hours && !reader_error(r); i++) {
        struct campaign_hour *p = &g->hour[g->n_hours++];
        p->hour = get_signed(r);
        p->messages = get_u32(r, UINT32_MAX);
        p->envelopes = get_u32(r, UINT32_MAX);
        p->sources = get_u32(r, UINT32_MAX);
        p->bytes = reader_varint(r);
        need(r, i == 0 || g->hour[i - 1].hour < p->hour);
    }
    g->now_hour = get_signed(r);
    get_distinct(h, r, &g->now);
}

static void get_prototypes(struct heap *h, struct reader *r, struct group *g)
{
    uint8_t n = reader_u8(r);
    need(r, n <= PROTOTYPES);
    if (n && !reader_error(r) && (g->proto = heap_grow(h, NULL, 0, n == 1 ? 1 : PROTOTYPES, sizeof *g->proto)))
        g->cap_proto = n == 1 ? 1 : PROTOTYPES;
    for (unsigned i = 0; i < n && i < g->cap_proto && !reader_error(r); i++) {
        struct prototype *p = &g->proto[g->n_proto++];
        get_sketch(r, &p->s);
        p->s.flags = reader_u8(r);
        need(r, p->s.flags < PARTS);
        p->first_ms = get_signed(r);
        p->last_turn = reader_varint(r);
        p->hits = get_u32(r, UINT32_MAX);
        p->version = get_u32(r, UINT32_MAX);
    }
}

static void get_linked(struct reader *r, struct group *g)
{
    uint8_t n = reader_u8(r);
    need(r, n <= LINKED);
    for (unsigned i = 0; i < n && !reader_error(r); i++) {
        g->linked[g->n_linked].host = reader_u64(r);
        g->linked[g->n_linked++].n = reader_u32(r);
    }
}

static void get_signs(struct reader *r, struct group *g)
{
    uint8_t n = reader_u8(r);
    need(r, n <= SIGNS);
    for (unsigned i = 0; i < n && !reader_error(r); i++)
        g->sign[g->n_signs++] = reader_u32(r);
}

static void get_sketches(struct heap *h, struct reader *r, struct group *g)
{
    get_linked(r, g);
    get_signs(r, g);
    uint8_t n = reader_u8(r);
    need(r, n <= CAMPAIGN_VERSIONS);
    for (unsigned i = 0; i < n && !reader_error(r); i++) {
        struct version *v = &g->version[g->n_versions++];
        v->first_ms = get_signed(r);
        v->last_ms = get_signed(r);
        v->messages = reader_varint(r);
        v->id = get_u32(r, UINT32_MAX);
    }
    get_prototypes(h, r, g);
    uint8_t keys = reader_u8(r);
    need(r, keys <= KEYS_MAX && (keys == 0 || g->n_proto));
    uint8_t cap = keys > 40 ? KEYS_MAX : 40;
    if (keys && !reader_error(r) && (g->key_list = heap_grow(h, NULL, 0, cap, sizeof *g->key_list)))
        g->cap_keys = cap;
    for (unsigned i = 0; i < keys && i < g->cap_keys && !reader_error(r); i++)
        g->key_list[g->n_keys++] = reader_u32(r);
    uint8_t aliases = reader_u8(r);
    need(r, aliases <= ALIASES);
    if (aliases && !reader_error(r) && (g->alias = heap_grow(h, NULL, 0, aliases, sizeof *g->alias)))
        g->cap_aliases = aliases;
    for (unsigned i = 0; i < g->cap_aliases && !reader_error(r); i++) {
        struct alias a;
        a.number = reader_varint(r);
        a.id = reader_varint(r);
        need(r, a.number && a.id);
        g->alias[g->n_aliases++] = a;
    }
}

/* Its names and keys into the tables; what two groups claim is corrupt. */
static void enter(struct campaigns *c, struct reader *r, struct group *g)
{
    struct heap *h = &c->heap;
    uint32_t at;
    need(r, !map64_get(&c->numbers, g->number, &at) && g->number <= c->last_number && !(g->is_record && map64_get(&c->keys, g->key, &at)));
    if (reader_error(r) || !map64_put(h, &c->numbers, g->number, g->at) || (g->is_record && !map64_put(h, &c->keys, g->key, g->at)))
        return;
    if (!map64_get(&c->ids, g->id, &at))
        map64_put(h, &c->ids, g->id, g->at);
    for (unsigned i = 0; i < g->n_aliases && !h->failed; i++) {
        need(r, !map64_get(&c->numbers, g->alias[i].number, &at));
        if (!reader_error(r) && map64_put(h, &c->numbers, g->alias[i].number, g->at) && !map64_get(&c->ids, g->alias[i].id, &at))
            map64_put(h, &c->ids, g->alias[i].id, g->at);
    }
    for (unsigned i = 0; i < g->n_keys && !c->o.is_reader && !h->failed && !reader_error(r); i++)
        need(r, index_put(h, &c->index, g->key_list[i], g->at) || h->failed);
}

static void get_group(struct campaigns *c, struct reader *r)
{
    struct heap *h = &c->heap;
    struct group *g = heap_grow(h, NULL, 0, 1, sizeof *g);
    if (!g)
        return;
    g->at = (uint32_t)c->n_slots;
    c->slot[c->n_slots] = g;
    c->live++;
    get_counts(r, g);
    get_hours(h, r, g);
    get_sources(c, r, &g->src);
    for (unsigned i = 0; i < TALLY_N; i++)
        get_tally(c, r, &g->tally[i]);
    get_sketches(h, r, g);
    group_core(g);
    if (!reader_error(r) && !h->failed)
        enter(c, r, g);
}

static int by_turn(const void *a, const void *b)
{
    uint64_t x = (*(struct group *const *)a)->turn, y = (*(struct group *const *)b)->turn;
    return x < y ? -1 : x > y;
}

static void queue_all(struct campaigns *c, struct reader *r)
{
    struct group **g = groups_in_order(c);
    if (!g) {
        c->heap.failed = true;
        return;
    }
    qsort(g, c->live, sizeof *g, by_turn);
    for (size_t i = 0; i < c->live; i++) {
        need(r, g[i]->turn <= c->turn && (i == 0 || g[i - 1]->turn < g[i]->turn));
        campaigns_queue(c, g[i]);
    }
    free(g);
}

/* Every free slot once: as many are read as there are. */
static void get_spare(struct campaigns *c, struct reader *r, size_t n)
{
    uint8_t *seen = calloc(c->n_slots + 1, 1);
    c->heap.failed |= !seen;
    for (size_t i = 0; seen && i < n && !reader_error(r); i++) {
        uint32_t at = reader_u32(r);
        bool ok = at < c->n_slots && !c->slot[at] && !seen[at];
        need(r, ok);
        if (!ok)
            break;
        seen[at] = 1;
        c->spare[c->n_spare++] = at;
    }
    free(seen);
}

static void get_all(struct campaigns *c, struct reader *r)
{
    c->turn = reader_varint(r);
    c->last_number = reader_varint(r);
    c->ungrouped = reader_varint(r);
    c->absorbed = reader_varint(r);
    c->pushed_out = reader_varint(r);
    uint64_t n = reader_varint(r), spare = 0;
    need(r, n <= reader_left(r) && n < UINT32_MAX / 2);
    for (uint64_t i = 0; i < n && !reader_error(r) && !c->heap.failed; i++) {
        if (!campaigns_slots(c))
            return;
        uint8_t has = reader_u8(r);
        need(r, has <= 1);
        c->slot[c->n_slots] = NULL;
        if (has == 1)
            get_group(c, r);
        else
            spare++;
        c->n_slots++;
    }
    if (!c->heap.failed)
        get_spare(c, r, spare);
    if (!c->heap.failed && !reader_error(r))
        queue_all(c, r);
}

int campaigns_load(struct reader *r, const struct campaigns_options *o, struct campaigns **out, struct report *why)
{
    int rc = campaigns_new(o, out, why);
    if (rc)
        return rc;
    struct span m = reader_bytes(r, sizeof magic);
    need(r, m.n == sizeof magic && memcmp(m.p, magic, sizeof magic) == 0);
    uint32_t format = reader_u32(r), sketches = reader_u32(r);
    if (!reader_error(r) && (format != FORMAT || sketches != SKETCH_VERSION)) {
        campaigns_free(out);
        return report_set(why, POSSE_EVERSION, "campaigns: format %u with sketches %u; this program reads %u with %u", format, sketches,
                          (unsigned)FORMAT, (unsigned)SKETCH_VERSION);
    }
    get_all(*out, r);
    if (reader_error(r) || (*out)->heap.failed) {
        rc = (*out)->heap.failed ? POSSE_ENOMEM : reader_error(r);
        campaigns_free(out);
        return report_set(why, rc, rc == POSSE_ENOMEM ? "no memory for the campaigns" : "campaigns: corrupt at byte %zu", reader_pos(r));
    }
    campaigns_make_room(*out, NULL);
    return POSSE_OK;
}
