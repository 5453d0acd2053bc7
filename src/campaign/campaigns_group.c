/* One group: what is counted of it, and how two become one. */
#include "base/hash.h"
#include "campaign/campaigns_priv.h"

enum { HOUR_MS = 3600000 };

static int64_t hour_of(int64_t ms) { return ms >= 0 ? ms / HOUR_MS : -((-ms + HOUR_MS - 1) / HOUR_MS); }

/* Of the founder's sketch (or key) and time, so that the same stream gives the same ids. */
uint64_t group_id_of(const struct sighting *s)
{
    uint64_t h = hash64(span_of(&s->time_ms, sizeof s->time_ms), SKETCH_VERSION);
    h = s->flags & SIGHTING_RECORD ? hash64(span_of(&s->key, sizeof s->key), h) : hash64(span_of(&s->sketch, sizeof s->sketch), h);
    h >>= 4; /* 60 bits: twelve letters */
    return h ? h : 1;
}

void group_id(const struct group *g, char out[CAMPAIGN_ID])
{
    static const char letter[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t id = g->id;
    memset(out, 0, CAMPAIGN_ID);
    out[0] = 'c';
    for (unsigned i = 12; i >= 1; i--, id >>= 5)
        out[i] = letter[id & 31];
}

struct group *group_new(struct campaigns *c, const struct sighting *s, uint64_t number)
{
    struct group *g = heap_grow(&c->heap, NULL, 0, 1, sizeof *g);
    if (!g)
        return NULL;
    g->number = number;
    g->id = group_id_of(s);
    g->is_record = s->flags & SIGHTING_RECORD;
    g->key = g->is_record ? s->key : 0;
    g->first_ms = g->last_ms = s->time_ms;
    g->now_hour = INT64_MIN;
    return g;
}

void group_free(struct heap *h, struct texts *t, struct group **gp)
{
    struct group *g = *gp;
    *gp = NULL;
    if (!g)
        return;
    sources_deinit(h, &g->src);
    distinct_deinit(h, &g->now);
    for (unsigned i = 0; i < TALLY_N; i++)
        tally_deinit(h, t, &g->tally[i]);
    if (g->hour)
        heap_free(h, g->hour, g->cap_hours, sizeof *g->hour);
    if (g->proto)
        heap_free(h, g->proto, g->cap_proto, sizeof *g->proto);
    if (g->key_list)
        heap_free(h, g->key_list, g->cap_keys, sizeof *g->key_list);
    if (g->alias)
        heap_free(h, g->alias, g->cap_aliases, sizeof *g->alias);
    heap_free(h, g, 1, sizeof *g);
}

/* ---- hours ---- */

static uint32_t sum32(uint32_t a, uint64_t b) { return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b; }

/* The place of an hour, made where there was none; the oldest one goes when there are too many. NULL: out of memory, or too old. */
static struct campaign_hour *hour_at(struct heap *h, struct group *g, int64_t hour)
{
    uint32_t at = g->n_hours;
    while (at && g->hour[at - 1].hour >= hour)
        at--;
    if (at < g->n_hours && g->hour[at].hour == hour)
        return &g->hour[at];
    if (g->n_hours == CAMPAIGN_HOURS_MAX) {
        if (at == 0)
            return NULL;
        memmove(g->hour, g->hour + 1, (--at) * sizeof *g->hour);
    } else {
        if (g->n_hours == g->cap_hours) {
            uint32_t cap = g->cap_hours ? g->cap_hours * 2 : 1;
            struct campaign_hour *wide = heap_grow(h, g->hour, g->cap_hours, cap, sizeof *wide);
            if (!wide)
                return NULL;
            g->hour = wide;
            g->cap_hours = cap;
        }
        memmove(g->hour + at + 1, g->hour + at, (g->n_hours++ - at) * sizeof *g->hour);
    }
    g->hour[at] = (struct campaign_hour){.hour = hour};
    return &g->hour[at];
}

void group_hours(struct group *g)
{
    for (uint32_t i = g->n_hours; g->now_moved && i-- > 0 && g->hour[i].hour >= g->now_hour;)
        if (g->hour[i].hour == g->now_hour)
            g->hour[i].sources = (uint32_t)distinct_count(&g->now);
    g->now_moved = false;
}

static void count_hour(struct heap *h, struct group *g, const struct sighting *s, uint64_t source)
{
    int64_t hour = hour_of(s->time_ms);
    struct campaign_hour *p = hour_at(h, g, hour);
    if (!p)
        return;
    p->messages = sum32(p->messages, 1);
    p->envelopes = sum32(p->envelopes, s->n_rcpt ? s->n_rcpt : 1);
    p->bytes += s->size_bytes;
    if (hour < g->now_hour || !source)
        return;
    if (hour > g->now_hour) {
        group_hours(g);
        distinct_deinit(h, &g->now);
        g->now_hour = hour;
    }
    g->now_moved |= distinct_add(h, &g->now, source);
}

/* ---- counting ---- */

static void count_names(struct campaigns *c, struct group *g, const struct sighting *s)
{
    struct heap *h = &c->heap;
    for (size_t i = 0; i < s->n_rcpt_domains; i++)
        tally_add(h, &c->texts, &g->tally[TALLY_RCPT], hash64(s->rcpt_domain[i], TALLY_RCPT), 1, s->rcpt_domain[i]);
    for (size_t i = 0; i < s->n_links; i++)
        tally_add(h, &c->texts, &g->tally[TALLY_LINK], hash64(s->link_host[i], TALLY_LINK), 1, s->link_host[i]);
    for (size_t i = 0; i < s->n_files; i++)
        tally_add(h, &c->texts, &g->tally[TALLY_FILE], s->file[i], 1, SPAN_NONE);
    for (size_t i = 0; i < s->n_marks; i++)
        tally_add(h, &c->texts, &g->tally[TALLY_MARK], (hash64(s->mark[i].text, TALLY_MARK) & ~(uint64_t)7) | s->mark[i].kind, 1,
                  s->mark[i].text);
    struct span language = span_of(s->language, strnlen(s->language, sizeof s->language));
    if (language.n)
        tally_add(h, &c->texts, &g->tally[TALLY_LANGUAGE], hash64(language, TALLY_LANGUAGE), 1, language);
    tally_add(h, &c->texts, &g->tally[TALLY_MAILER], s->mailer, 1, SPAN_NONE);
    tally_add(h, &c->texts, &g->tally[TALLY_ASN], s->asn, 1, SPAN_NONE);
    tally_add(h, &c->texts, &g->tally[TALLY_SENDER], s->sender_domain, 1, SPAN_NONE);
}

static uint64_t count_source(struct campaigns *c, struct group *g, const struct sighting *s)
{
    if (ip_is_zero(&s->source))
        return 0;
    uint64_t hash = hash64(span_of(s->source.b, sizeof s->source.b), 7) | 1;
    g->sourced++;
    tally_add(&c->heap, &c->texts, &g->tally[TALLY_SOURCE], hash, 1, SPAN_NONE);
    sources_add(&c->heap, &g->src, &s->source, &c->limits);
    return hash;
}

void group_count(struct campaigns *c, struct group *g, const struct sighting *s)
{
    g->messages++;
    g->envelopes += s->n_rcpt ? s->n_rcpt : 1;
    g->bytes += s->size_bytes;
    g->spam += (s->flags & SIGHTING_SPAM) != 0;
    g->lists += (s->flags & SIGHTING_LIST) != 0;
    g->authenticated += (s->flags & SIGHTING_AUTHENTICATED) != 0;
    g->odd_times += (s->flags & (SIGHTING_NO_TIME | SIGHTING_ODD_TIME)) != 0;
    if (s->time_ms < g->first_ms)
        g->first_ms = s->time_ms;
    if (s->time_ms > g->last_ms)
        g->last_ms = s->time_ms;
    count_names(c, g, s);
    count_hour(&c->heap, g, s, count_source(c, g, s));
}

/* ---- two become one ---- */

static void absorb_hours(struct heap *h, struct group *to, struct group *from)
{
    group_hours(to);
    group_hours(from);
    for (uint32_t i = 0; i < from->n_hours; i++) {
        const struct campaign_hour *f = &from->hour[i];
        struct campaign_hour *p = hour_at(h, to, f->hour);
        if (!p)
            continue;
        p->messages = sum32(p->messages, f->messages);
        p->envelopes = sum32(p->envelopes, f->envelopes);
        p->bytes += f->bytes;
        if (p->sources < f->sources)
            p->sources = f->sources;
    }
    if (from->now_hour == to->now_hour) {
        distinct_merge(h, &to->now, &from->now);
    } else if (from->now_hour > to->now_hour) {
        distinct_deinit(h, &to->now);
        to->now_hour = from->now_hour;
        distinct_merge(h, &to->now, &from->now);
    }
    struct campaign_hour *now = to->now_hour == INT64_MIN ? NULL : hour_at(h, to, to->now_hour);
    if (now)
        now->sources = (uint32_t)distinct_count(&to->now);
}

/* Both sides' versions by their beginnings; the latest stay. Those of `from` get numbers of their own. */
static void absorb_versions(struct group *to, const struct group *from)
{
    struct version all[2 * CAMPAIGN_VERSIONS];
    size_t n = to->n_versions;
    memcpy(all, to->version, sizeof to->version);
    for (unsigned i = 0; i < from->n_versions; i++) {
        struct version v = from->version[i];
        size_t at = n++;
        v.id += to->next_version;
        for (; at && all[at - 1].first_ms > v.first_ms; at--)
            all[at] = all[at - 1];
        all[at] = v;
    }
    size_t drop = n > CAMPAIGN_VERSIONS ? n - CAMPAIGN_VERSIONS : 0;
    to->n_versions = (uint8_t)(n - drop);
    memcpy(to->version, all + drop, to->n_versions * sizeof *all);
}

/* Parts of `from` get numbers of their own, where its texts are others or where either has several. */
static uint16_t parts_of(const struct group *g)
{
    uint16_t n = 0;
    for (unsigned i = 0; i < g->n_proto; i++)
        n = g->proto[i].s.flags >= n ? (uint16_t)(g->proto[i].s.flags + 1) : n;
    return n;
}

static void absorb_prototypes(struct heap *h, struct group *to, const struct group *from, bool is_other)
{
    uint16_t parts = parts_of(to);
    parts = is_other || parts > 1 || parts_of(from) > 1 ? parts : 0;
    if (to->cap_proto < PROTOTYPES) {
        struct prototype *wide = heap_grow(h, to->proto, to->cap_proto, PROTOTYPES, sizeof *wide);
        if (!wide)
            return;
        to->proto = wide;
        to->cap_proto = PROTOTYPES;
    }
    unsigned keep = PROTOTYPES - (from->n_proto < PROTOTYPES / 2 ? from->n_proto : PROTOTYPES / 2);
    if (to->n_proto > keep)
        to->n_proto = (uint8_t)keep;
    for (unsigned i = 0; i < from->n_proto && to->n_proto < PROTOTYPES; i++) {
        struct prototype p = from->proto[i];
        p.version = p.version ? p.version + to->next_version : 0;
        p.s.flags = (uint8_t)((p.s.flags + parts) % PARTS);
        to->proto[to->n_proto++] = p;
    }
}

static void absorb_names(struct campaigns *c, struct group *to, const struct group *from)
{
    size_t more = (size_t)from->n_aliases + 1, n = to->n_aliases + more;
    if (n > ALIASES)
        n = ALIASES;
    if (n > to->cap_aliases) {
        struct alias *wide = heap_grow(&c->heap, to->alias, to->cap_aliases, n, sizeof *wide);
        if (!wide)
            return;
        to->alias = wide;
        to->cap_aliases = (uint8_t)n;
    }
    for (size_t i = 0; i < more; i++) {
        struct alias a = i < from->n_aliases ? from->alias[i] : (struct alias){from->number, from->id};
        if (to->n_aliases == ALIASES) { /* the oldest is forgotten */
            map64_drop(&c->numbers, to->alias[0].number);
            map64_drop(&c->ids, to->alias[0].id);
            memmove(to->alias, to->alias + 1, --to->n_aliases * sizeof *to->alias);
        }
        if (map64_put(&c->heap, &c->numbers, a.number, to->at) && map64_put(&c->heap, &c->ids, a.id, to->at))
            to->alias[to->n_aliases++] = a;
    }
}

/* The latest of both; how often a host came is added up. */
static void absorb_links(struct group *to, const struct group *from)
{
    for (unsigned k = from->n_linked; k-- > 0;) {
        struct linked now = from->linked[k];
        unsigned i = 0;
        while (i < to->n_linked && to->linked[i].host != now.host)
            i++;
        if (i < to->n_linked)
            now.n = sum32(now.n, to->linked[i].n);
        else if (to->n_linked < LINKED)
            to->n_linked++;
        else
            i--;
        memmove(to->linked + 1, to->linked, i * sizeof *to->linked);
        to->linked[0] = now;
    }
}

static void absorb_signs(struct group *to, const struct group *from)
{
    for (unsigned i = 0; i < from->n_signs && to->n_signs < SIGNS; i++) {
        unsigned k = 0;
        while (k < to->n_signs && to->sign[k] != from->sign[i])
            k++;
        if (k == to->n_signs)
            to->sign[to->n_signs++] = from->sign[i];
    }
}

void group_absorb(struct campaigns *c, struct group *to, struct group *from, bool is_other)
{
    struct heap *h = &c->heap;
    campaigns_displace(c, from);
    group_unindex(c, to);
    campaigns_unqueue(c, to);
    to->turn = c->turn;
    to->messages += from->messages;
    to->envelopes += from->envelopes;
    to->bytes += from->bytes;
    to->spam += from->spam;
    to->lists += from->lists;
    to->authenticated += from->authenticated;
    to->odd_times += from->odd_times;
    to->sourced += from->sourced;
    to->alike += from->alike;
    if (from->first_ms < to->first_ms)
        to->first_ms = from->first_ms;
    if (from->last_ms > to->last_ms)
        to->last_ms = from->last_ms;
    campaigns_queue(c, to);
    absorb_hours(h, to, from);
    sources_merge(h, &to->src, &from->src, &c->limits);
    for (unsigned i = 0; i < TALLY_N; i++)
        tally_merge(h, &c->texts, &to->tally[i], &from->tally[i]);
    absorb_versions(to, from);
    absorb_prototypes(h, to, from, is_other);
    absorb_links(to, from);
    absorb_signs(to, from);
    to->next_version += from->next_version;
    absorb_names(c, to, from);
    if (to->kin == from->number)
        to->kin = 0;
    to->bridge = to->bridged = 0;
    group_core(to);
    group_index(c, to);
    group_free(h, &c->texts, &from);
    c->absorbed++;
}
