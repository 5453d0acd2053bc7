/* What a group remembers of its messages' sketches, and how near a message is to that.
 *
 * A few prototypes that differ from one another, and the core: the slots in which at least two prototypes agree. Where a template has
 * varying words, two of its messages share f / (f + 2v) of their shingles (f fixed, v varying), but a message and the core f / (f + v):
 * so a group that has seen some messages knows the next ones better than any one of them does, and ham sentences that are put in,
 * different ones each time, cost less. */
#include "campaign/campaigns_priv.h"

enum {
    CORE_LEAST = 12,       /* slots agreed on, before the core is asked */
    NEW_ENOUGH_PERCENT = 80, /* more text in common than this tells nothing new */
    SAME_TEXT_PERCENT = 25,/* text that is of one version */
    COMMON_FROM = 5,       /* groups that may have a band before it counts for less */
    REPLACE_EVERY = 32,    /* messages between two changes of a full set: each costs as much as some look-ups */
};

static const struct sketch *memory_at(const struct memory *m, size_t i)
{
    return (const void *)((const uint8_t *)m->first + i * m->stride);
}

/* The share of text in common, where what many groups have in common counts for less: a footer that a service puts below all that it
 * sends is in every group, and tells of none. How many have a band is known from the look-up; the slots of bands that are equal by
 * half are taken to be as common as the others. */
static double share_of(const uint16_t *slot, const struct sketch *s, const uint8_t same[BANDS])
{
    unsigned whole = 0, half = 0;
    double weight = 0;
    for (unsigned i = 0; i < BANDS; i++) {
        unsigned equal = slot_same(slot[2 * i], s->slot[2 * i]) + slot_same(slot[2 * i + 1], s->slot[2 * i + 1]);
        whole += equal == 2;
        half += equal == 1;
        if (equal == 2)
            weight += same[i] > COMMON_FROM ? (double)COMMON_FROM / same[i] : 1;
    }
    double equal = 2 * weight + half * (whole ? weight / whole : 1);
    return equal / (equal + SKETCH_SLOTS - 2 * whole - half);
}

/* Near one of them is not enough where the others are far: groups would grow into one another link by link. */
static double linked(double nearest, double mean)
{
    enum { MEAN_LEAST_PERCENT = 60 };
    double most = mean * 100 / MEAN_LEAST_PERCENT;
    return nearest < most ? nearest : most;
}

/* What a message has in common with each sketch that is remembered, and on the mean with those of one part. */
struct shared { struct sketch_signs signs; double words; };
struct means { double text[PARTS], words[PARTS]; };

static void memory_shared(const struct memory *m, const struct sketch *s, const uint8_t same[BANDS], bool is_spam, struct shared out[PROTOTYPES],
                          struct means *mean)
{
    unsigned n[PARTS] = {0};
    memset(mean, 0, sizeof *mean);
    for (size_t i = 0; i < m->n; i++) {
        const struct sketch *p = memory_at(m, i);
        unsigned part = p->flags % PARTS;
        sketch_signs(p, s, &out[i].signs);
        out[i].words = is_spam && p->n_words && s->n_words ? sketch_words(p, s) : -1;
        /* what many have is no sign, unless so many words are the same that it must be the template that many have */
        if (out[i].signs.text > 0 && out[i].words * 100 < SKETCH_FRAME_PERCENT)
            out[i].signs.text = share_of(p->slot, s, same);
        mean->text[part] += out[i].signs.text;
        mean->words[part] += out[i].words > 0 ? out[i].words : 0;
        n[part]++;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        mean->text[i] /= n[i] ? n[i] : 1;
        mean->words[i] /= n[i] ? n[i] : 1;
    }
}

void memory_near(const struct memory *m, const struct sketch *s, const uint8_t same[BANDS], const double *sender, struct nearness *out)
{
    struct shared shared[PROTOTYPES];
    struct means mean;
    bool host = memory_links(m, s), file = false, is_spam = sender && m->is_spam;
    double core = m->n_core >= CORE_LEAST && s->n_shingles ? share_of(m->core, s, same) : 0;
    *out = (struct nearness){.alike = -1, .proto = -1};
    memory_shared(m, s, same, is_spam, shared, &mean);
    for (size_t i = 0; i < m->n; i++) {
        host |= shared[i].signs.host;
        file |= shared[i].signs.file;
    }
    for (size_t i = 0; i < m->n; i++) {
        struct sketch_signs better = shared[i].signs;
        unsigned part = memory_at(m, i)->flags % PARTS;
        better.host |= host; /* of any of its texts: they share the links */
        better.text = core > better.text ? core : better.text;
        if (mean.words[part] * 100 < SKETCH_FRAME_PERCENT)
            better.text = linked(better.text, mean.text[part]);
        better.sender = is_spam ? *sender : 0;
        better.words = shared[i].words > 0 ? linked(shared[i].words, mean.words[part]) : shared[i].words;
        double alike = sketch_judge(memory_at(m, i), s, &better);
        if (alike > out->alike)
            *out = (struct nearness){alike, better.text, (int)i, shared[i].signs};
    }
    out->signs.host = host;
    out->signs.file = file;
}

/* The mean share of text that messages of both have in common; a == b: that of different ones within. */
static double mean_text(const struct memory *a, const struct memory *b)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = a == b ? i + 1 : 0; j < b->n; j++, n++)
            sum += sketch_jaccard(memory_at(a, i), memory_at(b, j));
    return n ? sum / (double)n : 1;
}

static double alike_of_spam(const struct sketch *a, const struct sketch *b)
{
    struct sketch_signs s;
    sketch_signs(a, b, &s);
    if (a->n_words && b->n_words)
        s.words = sketch_words(a, b);
    return sketch_judge(a, b, &s);
}

bool memory_one(const struct memory *a, const struct memory *b)
{
    enum { ALIKE_PERCENT = 50, AS_WITHIN_PERCENT = 65 };
    double alike = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            alike += (a->is_spam && b->is_spam ? alike_of_spam : sketch_alike)(memory_at(a, i), memory_at(b, j));
    if (alike * 100 >= ALIKE_PERCENT * (double)(a->n * b->n))
        return true;
    double between = mean_text(a, b) * 100;
    return between >= AS_WITHIN_PERCENT * mean_text(a, a) && between >= AS_WITHIN_PERCENT * mean_text(b, b);
}

void group_memory(const struct group *g, struct memory *out)
{
    *out = (struct memory){g->n_proto ? &g->proto->s : NULL, g->n_proto, sizeof *g->proto, g->core, g->n_core, g->linked, g->n_linked,
                           group_is_spam(g)};
}

/* The value that most prototypes have in a slot, where at least two do. */
static uint16_t agreed(const struct group *g, unsigned slot)
{
    uint16_t value = 0;
    unsigned most = 1;
    for (unsigned i = 0; i + 1 < g->n_proto; i++) {
        unsigned n = 0;
        uint16_t v = g->proto[i].s.n_shingles ? g->proto[i].s.slot[slot] : 0;
        for (unsigned j = i; v && j < g->n_proto; j++)
            n += g->proto[j].s.n_shingles && slot_same(g->proto[j].s.slot[slot], v);
        if (n > most) {
            most = n;
            value = v;
        }
    }
    return value;
}

void group_core(struct group *g)
{
    g->n_core = 0;
    memset(g->core, 0, sizeof g->core);
    if (g->n_proto < 3)
        return;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++)
        g->n_core += (g->core[i] = agreed(g, i)) != 0;
}

/* ---- keys in the index ---- */

void group_unindex(struct campaigns *c, struct group *g)
{
    for (unsigned i = 0; i < g->n_keys; i++)
        index_drop(&c->index, g->key_list[i], g->at);
    g->n_keys = 0;
}

/* Room for one more key. */
static bool key_room(struct heap *h, struct group *g)
{
    if (g->n_keys < g->cap_keys)
        return true;
    if (g->cap_keys == KEYS_MAX)
        return false;
    uint8_t cap = g->cap_keys ? KEYS_MAX : 40; /* most groups have one sketch */
    uint32_t *wide = heap_grow(h, g->key_list, g->cap_keys, cap, sizeof *wide);
    if (!wide)
        return false;
    g->key_list = wide;
    g->cap_keys = cap;
    return true;
}

void group_put_key(struct campaigns *c, struct group *g, uint32_t key)
{
    for (unsigned i = 0; i < g->n_keys; i++)
        if (g->key_list[i] == key)
            return;
    if (!key_room(&c->heap, g))
        return;
    if (index_put(&c->heap, &c->index, key, g->at))
        g->key_list[g->n_keys++] = key;
}

void group_put_host(struct campaigns *c, struct group *g, uint64_t host) { group_put_key(c, g, host_key(host)); }

void group_index(struct campaigns *c, struct group *g)
{
    struct look_key key[LOOK_KEYS];
    group_unindex(c, g);
    for (unsigned i = 0; i < g->n_linked; i++)
        if (g->linked[i].n >= LINKED_TWICE)
            group_put_host(c, g, g->linked[i].host);
    for (unsigned i = 0; i < g->n_signs; i++)
        group_put_key(c, g, g->sign[i]);
    if (g->n_core >= CORE_LEAST)
        for (unsigned i = 0; i < BANDS; i++)
            if (g->core[2 * i] && g->core[2 * i + 1]) {
                uint32_t k;
                band_key(i, g->core[2 * i], g->core[2 * i + 1], &k);
                group_put_key(c, g, k);
            }
    for (unsigned i = g->n_proto; i-- > 0;) { /* the youngest first: there may not be room for all */
        size_t n = sketch_keys(&g->proto[i].s, key);
        for (size_t k = n; k-- > 0;) /* signs before bands */
            group_put_key(c, g, key[k].key);
    }
}

/* ---- learning ---- */

static struct version *version_of(struct group *g, uint32_t id)
{
    for (unsigned i = 0; i < g->n_versions; i++)
        if (g->version[i].id == id)
            return &g->version[i];
    return NULL;
}

static struct version *version_begin(struct group *g, int64_t first_ms, int64_t last_ms, uint64_t messages)
{
    if (g->n_versions == CAMPAIGN_VERSIONS)
        memmove(g->version, g->version + 1, --g->n_versions * sizeof *g->version);
    g->version[g->n_versions] = (struct version){first_ms, last_ms, messages, ++g->next_version};
    return &g->version[g->n_versions++];
}

static void version_count(struct version *v, int64_t time_ms)
{
    v->messages++;
    if (time_ms < v->first_ms)
        v->first_ms = time_ms;
    if (time_ms > v->last_ms)
        v->last_ms = time_ms;
}

/* Where a new prototype goes; NULL: nowhere, for now. */
static struct prototype *proto_room(struct campaigns *c, struct group *g)
{
    if (g->n_proto < PROTOTYPES) {
        if (g->n_proto == g->cap_proto) {
            uint8_t cap = g->cap_proto ? PROTOTYPES : 1;
            struct prototype *wide = heap_grow(&c->heap, g->proto, g->cap_proto, cap, sizeof *wide);
            if (!wide)
                return NULL;
            g->proto = wide;
            g->cap_proto = cap;
        }
        return &g->proto[g->n_proto++];
    }
    if (g->messages - g->grown < REPLACE_EVERY)
        return NULL;
    unsigned oldest = 0;
    for (unsigned i = 1; i < g->n_proto; i++)
        if (g->proto[i].last_turn < g->proto[oldest].last_turn)
            oldest = i;
    return &g->proto[oldest];
}

static void proto_take(struct campaigns *c, struct group *g, const struct sighting *s, uint32_t version, uint8_t part)
{
    struct prototype *p = proto_room(c, g);
    if (!p)
        return;
    *p = (struct prototype){.s = s->sketch, .first_ms = s->time_ms, .last_turn = c->turn, .version = version};
    p->s.flags = part;
    g->grown = g->messages;
    group_core(g);
    group_index(c, g);
}

/* A text that was seen for the third time is a version, from when it was seen first. */
static bool proto_hit(struct campaigns *c, struct group *g, struct prototype *p, int64_t time_ms)
{
    enum { CAME_BACK = 2 };
    p->last_turn = c->turn;
    p->hits++;
    if (p->version) {
        struct version *v = version_of(g, p->version);
        if (v)
            version_count(v, time_ms);
        return false;
    }
    if (p->hits < CAME_BACK)
        return false;
    p->version = version_begin(g, p->first_ms, time_ms, p->hits + 1)->id;
    return true;
}

bool group_learn(struct campaigns *c, struct group *g, const struct sighting *s, const struct nearness *near)
{
    if (g->n_versions == 0) { /* its founder */
        struct version *v = version_begin(g, s->time_ms, s->time_ms, 1);
        if (!g->is_record)
            proto_take(c, g, s, v->id, 0);
        return false;
    }
    bool text_tells = s->sketch.n_shingles && s->sketch.kind <= SKETCH_SHORT;
    if (g->is_record || near->proto < 0 || !text_tells) {
        version_count(&g->version[g->n_versions - 1], s->time_ms);
        if (near->proto >= 0)
            g->proto[near->proto].last_turn = c->turn;
        return false;
    }
    if (near->text * 100 < SAME_TEXT_PERCENT) {
        proto_take(c, g, s, 0, g->proto[near->proto].s.flags);
        return false;
    }
    struct prototype *p = &g->proto[near->proto];
    uint32_t version = p->version;
    uint8_t part = p->s.flags;
    bool began = proto_hit(c, g, p, s->time_ms);
    if (near->signs.text * 100 < NEW_ENOUGH_PERCENT)
        proto_take(c, g, s, began ? p->version : version, part);
    return began;
}
