/* botnets_priv: what the files of botnet/botnets share.
 * Invariants: (1) gangs are in order of their numbers; (2) each key of a gang is in `keys` with that gang's number, and no other is;
 * (3) a sample holds only addresses of networks whose hash ends in `shift` zeros. */
#ifndef POSSE_BOTNET_BOTNETS_PRIV_H
#define POSSE_BOTNET_BOTNETS_PRIV_H

#include "botnet/botnets.h"

enum {
    KEYS_MOST = 16384, WAITING = 8192, WAITING_NETS = 6,
    FOUND_MESSAGES = 20, FOUND_NETWORKS = 5, /* of a mailer that no book describes, before it makes a botnet */
    SERIES_FROM = 50,                        /* messages, before changes of a botnet are looked for */
    GANG_KEYS = 64, GANG_CAMPAIGNS = 1024, GANG_SIGNS = 512, CAMPS_MOST = 1 << 18,
    SEEN_SOURCES = 1 << 18, SEEN_DOMAINS = 4,
};
enum { MINUTE_MS = 60000 };
/* That a sighting with a mailer of a botnet is that botnet's, before anything else is known: PRIOR and MAILER bits of botnets_settle.c. */
#define KEY_PROBABILITY 0.98
#define DAY_MS (INT64_C(86400000))

/* ---- which address sent for whom: a sample ---- */

enum { SENT_TWICE = 1, SENT_FRESH = 2 };
struct sent {
    uint64_t ip;        /* hash; 0: empty */
    uint32_t net;       /* hash of its network */
    uint32_t campaign : 30, flags : 2;
};
struct sample { struct sent *p; uint32_t n, cap; uint8_t shift; };
uint64_t sample_ip(const struct ip *a);
uint32_t sample_net(const struct ip *a);
static inline bool sample_has_net(const struct sample *s, uint32_t net) { return (net & ((UINT32_C(1) << s->shift) - 1)) == 0; }
int sample_add(struct sample *s, const struct ip *a, uint64_t campaign);
int sample_put(struct sample *s, const struct sent *x);
int sample_join(struct sample *to, const struct sample *from);
/* A campaign's fresh addresses: learnt (keep), or forgotten. */
void sample_settle(struct sample *s, uint64_t campaign, bool keep);
void sample_free(struct sample *s);

/* ---- one botnet ---- */

struct gang_key { uint64_t key; uint64_t messages; };
struct sign { uint64_t key; uint64_t campaign; bool twice; }; /* a link, file or mark, and who had it first */
struct gang {
    uint32_t number;
    char name[BOTNET_NAME];
    bool is_described;
    uint64_t copies;             /* a mailer of another botnet that it writes with too; 0: none */
    uint32_t parted_from;        /* the botnet that it was parted from, and when; 0: none */
    int64_t parted_ms;
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes;
    struct gang_key key[GANG_KEYS]; size_t n_keys;
    uint64_t campaign[GANG_CAMPAIGNS]; size_t n_campaigns, next_campaign;
    struct sign *sign; size_t n_signs;
    struct sample sample;
    double same_k, same_n;       /* of sources of its undoubted campaigns: how many were known, of how many */
    struct census *census;
    struct change_series *series;
    uint32_t in_minute;
};

/* ---- tables by a 64-bit key: open addressing, a power of two, never more than three quarters full ---- */

struct key_entry { uint64_t key; uint32_t number; float probability; };
struct waiting { uint64_t key; uint32_t messages; uint32_t net[WAITING_NETS]; uint8_t n_nets; bool is_known; int64_t last_ms; };

enum why_kind { WHY_MAILER, WHY_SOURCES, WHY_FEW_SOURCES, WHY_LINKS, WHY_FILES, WHY_MARKS, WHY_OTHERS, WHY_PRIOR };
struct why { uint8_t kind; float bits; uint32_t a, b; };
enum doubt { DOUBT_NONE, DOUBT_MACHINES, DOUBT_MAILER, DOUBT_TIE, DOUBT_N };
struct camp { /* what was settled of a campaign */
    uint64_t number;
    uint64_t key;                /* its mailer, of most of it */
    uint32_t gang, rival;        /* numbers; 0: nobody */
    float probability;
    uint8_t doubt, n_why;
    struct why why[MEMBER_REASONS];
    int64_t last_ms;
};

struct seen { /* a source, for botnets_magnify */
    struct ip ip;
    uint64_t mailer;
    uint32_t domain[SEEN_DOMAINS], messages, other; /* other: messages with another mailer */
    uint8_t n_domains, is_full;  /* sent to more than fit */
    int64_t last_ms;
};

struct botnets {
    struct botnets_options o;
    struct gang **gang;          /* in order of number */
    size_t n_gangs, cap_gangs;
    uint32_t next_number;
    struct { uint32_t from, to; } *joined; /* numbers of botnets that became part of others */
    size_t n_joined;
    struct key_entry *keys; size_t n_keys, cap_keys;
    struct waiting *waiting;     /* WAITING, 4-way sets */
    struct camp *camps; size_t n_camps, cap_camps;
    struct seen *seen; size_t n_seen; uint8_t seen_shift;
    struct shares *shares;
    struct change_series *all, *spam; /* of all mail (is the trap awake), of spam */
    int64_t ticked_ms, settled_ms, minute;
    uint32_t all_in_minute, spam_in_minute;
};

struct gang *gang_of(const struct botnets *b, uint32_t number); /* NULL: none; follows joins */
uint32_t gang_alias(const struct botnets *b, uint32_t number);
struct key_entry *key_of(const struct botnets *b, uint64_t key);
int key_put(struct botnets *b, uint64_t key, uint32_t number, double probability);
struct camp *camp_of(const struct botnets *b, uint64_t campaign);
int camp_put(struct botnets *b, const struct camp *c);
/* Whose mail with this mailer is, as it comes; founds a botnet where one is due. *out NULL: nobody's yet. */
int whose_mailer(struct botnets *b, const struct sighting *s, const struct mailer *m, struct gang **out, double *probability);
int gang_found(struct botnets *b, const char *name, bool is_described, int64_t now_ms, struct gang **out);
void gang_free(struct gang **g);
int gang_add_key(struct botnets *b, struct gang *g, uint64_t key, double probability);
/* The younger becomes a part of the elder. */
int gangs_join(struct botnets *b, struct gang *x, struct gang *y);
int seen_add(struct botnets *b, const struct sighting *s);
void seen_put(struct botnets *b, const struct seen *e); /* into a table with room */

/* ---- late credit ---- */

struct credited { struct share_moved of[SHARES_CREDIT_HOURS]; size_t n; };
/* What a campaign had of `from` (0: of nobody) is `to`'s; adds what moved to sum. Then credit_done, once for all campaigns that went from
 * one (NULL: from nobody) to the other. ENOMEM: a part was moved. */
int credit_campaign(struct botnets *b, uint64_t campaign, uint32_t from, const struct gang *to, double probability, struct credited *sum);
int credit_done(struct botnets *b, struct gang *from, struct gang *to, const struct credited *sum);

void gang_forget(struct gang *g, uint64_t campaign); /* it is another's from now on */
/* Is what goes by one name two pools of machines? Then one is parted from it. judged: what was settled of the campaigns that had news. */
int gang_split(struct botnets *b, struct campaigns *c, uint32_t number, const struct camp *judged, size_t n, int64_t now_ms);

/* ---- evidence ---- */

/* All botnets' addresses in one order, and how many each has in each network: made for one botnets_settle. */
struct holder { uint64_t ip; uint32_t slot, net; uint32_t campaign : 30, flags : 2; };
struct crowd { uint32_t net, slot, n; };
struct evidence {
    struct holder *holder; size_t n_holders;
    struct crowd *crowd; size_t n_crowds;
    uint32_t *held;              /* by slot: addresses in `holder` */
    struct tally { double k, n, others, chance; bool is_touched; } *tally; /* by slot, of the campaign in hand */
    uint32_t *touched; size_t n_touched;
    const struct botnets *b;
};
int evidence_new(const struct botnets *b, struct evidence *e);
void evidence_free(struct evidence *e);
/* The campaign's sources against every botnet's, into tally. */
void evidence_sources(struct evidence *e, const struct campaigns *c, uint64_t campaign);
/* Bits that k addresses in common, of n (the lesser of both), say for one pool of machines, where chance would give `chance` and one
 * pool `rate` of n. */
double evidence_bits(double k, double n, double chance, double rate);
/* Addresses that a network has room for, as far as chance is concerned. */
double network_room(const struct botnets *b, const struct ip *a);
double gang_rate(const struct gang *g);
bool gang_has_sign(const struct gang *g, uint64_t key, uint64_t but_campaign);
void gang_add_sign(struct gang *g, uint64_t key, uint64_t campaign);
extern const char *const doubt_text[DOUBT_N];

#endif
