/* What the files of campaigns share.
 *
 * Invariants, which campaigns_load checks and asserts cite:
 *  1. slot[i] is NULL or a group whose `at` is i; `live` of them are groups.
 *  2. numbers finds every group by its number and by those of groups that it absorbed; ids likewise; keys finds records.
 *  3. the index holds exactly group->key[0..n_keys) for every group; so what a look-up finds is a function of the groups.
 *  4. every group is in one of the two queues, by `messages < SETTLED`, in order of `turn`.
 *  5. no two groups have one turn, and c->turn is the greatest.
 *  6. bytes is the sum of what was allocated through grow(). */
#ifndef POSSE_CAMPAIGN_CAMPAIGNS_PRIV_H
#define POSSE_CAMPAIGN_CAMPAIGNS_PRIV_H

#include "base/hll.h"
#include "campaign/campaigns.h"

enum {
    PROTOTYPES = 8,       /* sketches remembered of one group */
    KEYS_MAX = 128,       /* of one group in the index */
    BANDS = SKETCH_SLOTS / 2, LOOK_KEYS = BANDS + 2 + SKETCH_LINKS + SKETCH_FILES,
    SIGNS = 10,           /* of its senders, remembered of one group */
    LINKED = 8, LINKED_TWICE = 2, /* hosts remembered of one group, and how often one came before it is looked up by */
    PARTS = 8,            /* of a campaign whose template was replaced: texts of different parts are not compared (sketch.flags) */
    SETTLED = 3,          /* messages from which on a group is no passing thing */
    ALIASES = 64,
    DISTINCT_EXACT = 64, DISTINCT_P = 10, SOURCES_P = 12,
};

/* ---- memory ---- */

struct heap { size_t bytes; bool failed; }; /* failed sticks: tested once at the end */
/* Room for n things of `each` bytes where there was room for `had`; n == 0 frees. NULL and `failed` when there is none. */
void *heap_grow(struct heap *h, void *old, size_t had, size_t n, size_t each);
static inline void heap_free(struct heap *h, void *p, size_t had, size_t each) { (void)heap_grow(h, p, had, 0, each); }

/* ---- a map from 64 bits (not 0) to 32 ---- */

struct map64 { uint64_t *key; uint32_t *value; size_t n, cap; };
bool map64_put(struct heap *h, struct map64 *m, uint64_t key, uint32_t value);
bool map64_get(const struct map64 *m, uint64_t key, uint32_t *value);
void map64_drop(struct map64 *m, uint64_t key);
void map64_deinit(struct heap *h, struct map64 *m);

/* ---- which groups have a key ---- */

struct entry { uint32_t key, at; }; /* at: 1 + slot; 0: free */
struct index { struct entry *e; size_t n, cap; };
enum { INDEX_SAME_MAX = 32 }; /* groups under one key; more of them say nothing */
/* False and not failed: as many have that key as may. */
bool index_put(struct heap *h, struct index *x, uint32_t key, uint32_t slot);
void index_drop(struct index *x, uint32_t key, uint32_t slot);
size_t index_find(const struct index *x, uint32_t key, uint32_t out[INDEX_SAME_MAX]);
void index_prefetch(const struct index *x, uint32_t key);
void index_deinit(struct heap *h, struct index *x);

/* ---- the keys of a sketch ---- */

enum key_kind { KEY_BAND, KEY_SUBJECT, KEY_HOST, KEY_FILE, KEY_LAYOUT, KEY_SENDER };
struct look_key { uint32_t key; uint8_t kind, which; };
size_t sketch_keys(const struct sketch *s, struct look_key out[LOOK_KEYS]);
uint32_t host_key(uint64_t host);
/* What a message says of who sent it, beside what is in it. */
enum sender_sign { SENDER_ADDRESS, SENDER_DOMAIN, SENDER_NETWORK, SENDER_MACHINE, SENDER_MAILER, SENDER_N };
uint32_t sender_key(enum sender_sign kind, uint64_t hash);
void band_key(unsigned band, uint16_t a, uint16_t b, uint32_t *out);

/* ---- counting distinct things ---- */

struct distinct { uint32_t *h; uint8_t *reg; uint16_t n, cap; }; /* exact to DISTINCT_EXACT, then HyperLogLog */
bool distinct_add(struct heap *h, struct distinct *d, uint64_t hash); /* false: the count is what it was */
uint64_t distinct_count(const struct distinct *d);
void distinct_merge(struct heap *h, struct distinct *to, const struct distinct *from);
void distinct_deinit(struct heap *h, struct distinct *d);

struct sources {
    uint32_t *v4; uint32_t n4, cap4; /* open addressing; 0 is free */
    struct ip *v6; uint32_t n6, cap6; /* ascending */
    uint8_t *reg;         /* NULL while all are held */
    uint8_t level;        /* held are those whose hash begins with so many zeros */
    struct distinct nets;
};
struct source_limits { uint32_t exact, sample; };
bool sources_add(struct heap *h, struct sources *s, const struct ip *ip, const struct source_limits *l); /* true: it was new */
bool sources_put(struct heap *h, struct sources *s, const struct ip *ip); /* one that was held, read back; false: it cannot have been */
void sources_merge(struct heap *h, struct sources *to, const struct sources *from, const struct source_limits *l);
struct estimate sources_count(const struct sources *s);
size_t sources_held(const struct sources *s);
void sources_list(const struct sources *s, struct ip *out); /* sources_held of them, ascending */
int sources_each(const struct sources *s, int (*fn)(void *ctx, const struct ip *), void *ctx); /* in no order; fn: 0 goes on */
uint64_t sources_common(const struct sources *a, const struct sources *b);
void sources_deinit(struct heap *h, struct sources *s);

/* ---- the most frequent ones ---- */

enum tally_kind { TALLY_RCPT, TALLY_LINK, TALLY_FILE, TALLY_LANGUAGE, TALLY_MAILER, TALLY_ASN, TALLY_MARK, TALLY_SENDER, TALLY_SOURCE, TALLY_N };
struct tallied { uint64_t key; uint32_t n; };
struct tally { struct tallied *e; uint8_t n, cap; };
struct texts { struct map64 at; struct text_entry *e; size_t n, cap; uint32_t free; }; /* each once, counted */
struct text_entry { uint64_t key; uint32_t refs; char text[52]; };
/* text may be empty: then the key says it all. */
void tally_add(struct heap *h, struct texts *t, struct tally *y, uint64_t key, uint32_t n, struct span text);
void tally_merge(struct heap *h, struct texts *t, struct tally *to, const struct tally *from);
void tally_deinit(struct heap *h, struct texts *t, struct tally *y);
/* Most frequent first. */
void tally_list(const struct texts *t, const struct tally *y, enum tally_kind kind, struct counted out[CAMPAIGN_TOP]);
uint32_t tally_top(const struct tally *y);
const char *texts_of(const struct texts *t, uint64_t key);
bool texts_hold(struct heap *h, struct texts *t, uint64_t key, struct span text);
void texts_deinit(struct heap *h, struct texts *t);

/* ---- a group ---- */

struct prototype { struct sketch s; int64_t first_ms; uint64_t last_turn; uint32_t hits; uint32_t version; };
struct version { int64_t first_ms, last_ms; uint64_t messages; uint32_t id; };
struct alias { uint64_t number, id; };

struct linked { uint64_t host; uint32_t n; };

struct group {
    uint64_t number, id, key; /* key: of records */
    uint32_t at;              /* slot */
    uint32_t prev, next;      /* in its queue; UINT32_MAX ends it */
    uint64_t turn;            /* sighting by which it was touched last */
    uint64_t grown;           /* message by which its prototypes changed last */
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes, spam, lists, authenticated, odd_times, sourced;
    double alike;             /* sum over those that joined */
    uint64_t kin;             /* number of another group with the same links or files and other texts; 0: none */
    uint64_t kin_from; uint32_t kinned; /* messages that it had before kin was known; and that had kin's links since then */
    struct linked linked[LINKED]; uint8_t n_linked; /* hosts that it named, the latest first */
    uint32_t sign[SIGNS]; uint8_t n_signs; /* sender_key of those who sent it first */
    uint64_t bridge; uint32_t bridged; /* the group that messages of this one were alike to as well, and how many */
    uint32_t next_version;
    bool is_record;
    struct sources src;
    struct distinct now; int64_t now_hour; bool now_moved; /* moved: the hour's `sources` are behind; group_hours */
    struct campaign_hour *hour; uint32_t n_hours, cap_hours;
    struct version version[CAMPAIGN_VERSIONS]; uint8_t n_versions;
    struct tally tally[TALLY_N];
    struct prototype *proto; uint8_t n_proto, cap_proto;
    uint16_t core[SKETCH_SLOTS]; uint8_t n_core; /* slots that most prototypes agree on; 0: not agreed */
    uint32_t *key_list; uint8_t n_keys, cap_keys;
    struct alias *alias; uint8_t n_aliases, cap_aliases;
};

struct queue { uint32_t head, tail; size_t n; }; /* head: touched longest ago */

struct campaigns {
    struct campaigns_options o;
    struct heap heap;
    struct source_limits limits;
    struct group **slot; size_t n_slots, cap_slots;
    uint32_t *spare; size_t n_spare, cap_spare;
    size_t live;
    struct queue young, settled;
    struct map64 numbers, ids, keys;
    struct index index;
    struct texts texts;
    uint64_t turn, last_number, ungrouped, absorbed, pushed_out;
};

/* campaigns_group.c */
struct group *group_new(struct campaigns *c, const struct sighting *s, uint64_t number);
void group_free(struct heap *h, struct texts *t, struct group **g);
void group_count(struct campaigns *c, struct group *g, const struct sighting *s);
void group_hours(struct group *g); /* before hours are read: asking how many sources costs a pass over registers, so it is put off */
/* is_other: other texts, a part of its own. */
void group_absorb(struct campaigns *c, struct group *to, struct group *from, bool is_other);
void group_id(const struct group *g, char out[CAMPAIGN_ID]);
uint64_t group_id_of(const struct sighting *s);

/* campaigns_sketches.c */
/* What is remembered of a group's sketches, here or in what was published. */
struct memory { const struct sketch *first; size_t n, stride; const uint16_t *core; unsigned n_core; const struct linked *linked; unsigned n_linked; bool is_spam; };
struct nearness { double alike, text; int proto; struct sketch_signs signs; };
/* same: how many groups have each band of s. */
/* sender: what is known beside the sketches (campaigns_sender.c); NULL: s is no spam, and what only spam is joined by does not count. */
void memory_near(const struct memory *m, const struct sketch *s, const uint8_t same[BANDS], const double *sender, struct nearness *out);
bool memory_one(const struct memory *a, const struct memory *b); /* are these of one template, on the whole? */
void group_memory(const struct group *g, struct memory *out);
/* Takes the sketch among the prototypes where it says something new. True: a new version began. */
bool group_learn(struct campaigns *c, struct group *g, const struct sighting *s, const struct nearness *near);
void group_core(struct group *g);
void group_index(struct campaigns *c, struct group *g); /* its keys anew */
void group_unindex(struct campaigns *c, struct group *g);

void group_put_key(struct campaigns *c, struct group *g, uint32_t key);
void group_put_host(struct campaigns *c, struct group *g, uint64_t host);

/* campaigns_sender.c */
struct senders { uint32_t key[SENDER_N]; }; /* 0: none */
/* False: nothing is known, or it must not count. */
bool senders_of(const struct sighting *s, struct senders *out);
/* Remembers them as the group's, while there is room. */
void group_senders(struct campaigns *c, struct group *g, const struct senders *from);
/* What those of `is` (by bit) say, where `same` groups have each. */
double senders_weight(unsigned is, const uint8_t same[SENDER_N]);
bool group_is_spam(const struct group *g);

/* campaigns_kin.c */
void group_link(struct campaigns *c, struct group *g, const struct sketch *s);
bool memory_links(const struct memory *m, const struct sketch *s); /* does it name a host that the group named lately? */
/* Does a message with a link and no text, to a host that g named, belong to g? */
bool kin_takes(const struct group *g, const struct sighting *s);
/* A message of g that names hosts of `with` and has another text; or, by_subject, one of links alone whose subject `with` began with.
 * Returns the group that it is of now: g, or `with`, of which g (*absorbed) is a part from now on. */
struct group *campaigns_kin(struct campaigns *c, struct group *g, struct group *with, bool by_subject, uint64_t *absorbed);

/* campaigns_look.c */
struct find { uint32_t slot; uint64_t order; struct nearness near; bool is, links /* it named a host that the message names */; };
/* kin: the eldest and the nearest of those that have its links or files, and another text; named: the eldest of those that have its subject
 * and nothing else. */
struct found { struct find best, second; struct find kin, near_kin, named; };
/* Where a slot's memory is, and what decides between equals: the least comes first. */
typedef uint64_t slot_memory(const void *ctx, uint32_t slot, struct memory *out);
/* Changes nothing: any number of threads. */
void index_search(const struct index *x, slot_memory *memory, const void *ctx, const struct sketch *s, const struct senders *from,
                  struct found *out); /* from may be NULL */
void campaigns_search(const struct campaigns *c, const struct sketch *s, const struct senders *from, struct found *out);

/* campaigns_view.c */
struct group **groups_in_order(const struct campaigns *c); /* live of them, by number, to be freed; NULL: out of memory */
bool group_is_bulk(const struct group *g);
void group_view(const struct campaigns *c, struct group *g, struct campaign *out);

/* campaigns.c */
struct group *campaigns_group(const struct campaigns *c, uint64_t number);
int campaigns_place(struct campaigns *c, struct group *g); /* into slot, maps and queue */
void campaigns_displace(struct campaigns *c, struct group *g);
/* Out of its queue before `messages` or `turn` change, and into it after, at the end. */
void campaigns_unqueue(struct campaigns *c, struct group *g);
void campaigns_queue(struct campaigns *c, struct group *g);
void campaigns_make_room(struct campaigns *c, const struct group *keep);
bool campaigns_slots(struct campaigns *c); /* room for one more */

#endif
