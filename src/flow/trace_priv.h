/* trace_priv: what the files of trace share. Nothing here is for others.
 *
 * Times are ticks of 10 ms since `epoch_ms` (30 days before the first record), in 32 bits: 497 days. Pairs, nodes, names and hosts are
 * numbered from 1; 0 is none. A table finds numbers by the 64-bit hash of what they stand for, seeded, and takes the hash for the thing
 * itself: two of a million pairs are alike by chance once in 30 million data sets. */
#ifndef POSSE_FLOW_TRACE_PRIV_H
#define POSSE_FLOW_TRACE_PRIV_H

#include "flow/trace.h"
#include "flow/trace_rhythm.h"

enum { TICK_MS = 10, TICKS_S = 1000 / TICK_MS, EVENTS_MOST = 4096, EVENTS_LEAST = 32, WINDOW_TICKS = 600 * TICKS_S, ONSETS = 8,
       NAME_ADDRESSES = TRACE_ADDRESSES, HOME_NETS = 64, DOOR_MOST = 1 << 21, DOOR_SHARE = 128, KIND_ACTS = 3, ACT_P = 8, NOW_P = 6, PORTS_TOP = 4 };
#define NAME_BIT 0x80000000u /* in a pair's dst: a name's number, not a node's */

struct table { uint64_t *hash; uint32_t *id; size_t cap, n; };

struct node { struct ip ip; uint32_t host, name; };
/* Bytes are coded to 0.7% in 12 bits (trace_pairs.c); `took` is the logarithm of the seconds. */
struct event { uint32_t at; unsigned out : 12, in : 12, state : 3, is_open : 1, took : 4; };
struct pair {
    uint64_t hash;
    uint32_t src, dst;              /* nodes; dst perhaps a name */
    uint16_t port;
    uint8_t proto, level;
    uint32_t name;                  /* what was asked for: SNI, Host, or DNS before it */
    uint32_t connections, answered, n_events, cap_events;
    uint32_t first, last, address;  /* address: the node last met, where dst is a name */
    float longest_s;
    double out_bytes, in_bytes;
    struct event *event;
};
/* One way of acting: distinct things in all and in the present ten minutes, when bursts began. */
struct act_stat {
    uint8_t all[1 << ACT_P], now[1 << NOW_P];
    uint32_t window, window_first, most, first, last, n_onsets, onset[ONSETS];
    bool is_bursting;
    uint64_t n;
    uint16_t port[PORTS_TOP];
    uint32_t port_n[PORTS_TOP];
    double generated;               /* sum over names of how generated they look, 0 to 1 */
};
struct host {
    uint32_t node, first, last;
    uint64_t flows;
    uint32_t pairs, tried, mail_out, mail_failed, mail_in, nx, mx, dns_in, queries;
    float trap_probability;
    uint32_t trap_at;
    char trap[TRACE_BOTNET];
    uint8_t fan[1 << NOW_P];        /* distinct destinations */
    struct act_stat *act[KIND_ACTS]; /* spam, scan, dns */
};
struct name_address { uint32_t node, first, last; };
struct name {
    uint64_t hash;
    uint32_t text, len;             /* into name_text */
    uint32_t first, last, queries, addresses, networks, ttl_least;
    uint32_t claimed;               /* a node that was called so in a request or handshake; its like are not counted among `addresses` */
    bool is_wide;                   /* several were */
    uint8_t n_at;
    uint8_t seen[16], nets[16];     /* HyperLogLog of addresses, of /16s */
    struct name_address *at;        /* NAME_ADDRESSES of them, once there is an answer */
};
struct link { char botnet[TRACE_BOTNET]; }; /* a registered domain that spam leads to; whose */
struct heard { uint32_t connections, n_events; float ln_p, regularity, period_s, jitter, same, size; bool is_tested; }; /* a rhythm, as it was judged last */
struct door { uint32_t print, at; }; /* print: 29 bits of hash, 3 of count */

struct lists; /* trace_judge.c */
struct trace {
    struct trace_options o;
    int64_t epoch_ms;
    uint32_t first, last;
    uint64_t flows, conns, private_flows, within_flows, home_flows, pairs_lost, thinned, jumps;
    size_t bytes;
    uint32_t events_most;
    struct table nodes_at, pairs_at, names_at, links_at;
    struct node *node; size_t n_nodes, cap_nodes;
    struct pair *pair; size_t n_pairs, cap_pairs;
    struct heard *heard; size_t cap_heard; /* of each pair; NULL: judged once */
    struct host *host; size_t n_hosts, cap_hosts;
    struct name *name; size_t n_names, cap_names;
    struct link *link; size_t n_links, cap_links;
    char *name_text; size_t n_text, cap_text;
    struct door *door; size_t n_door;
    struct { struct ip net; uint64_t n; } home[HOME_NETS];
    struct lists *lists;           /* what the last trace_judge found */
};

/* trace_table.c */
void *trace_grow(struct trace *t, void *p, size_t *cap, size_t want, size_t size); /* NULL: no memory; p stays */
uint32_t table_find(const struct table *t, uint64_t hash);
int table_put(struct trace *t, struct table *at, uint64_t hash, uint32_t id);
int trace_pressure(const struct trace *t); /* 0: none, to 3: nothing new is remembered */
uint32_t trace_tick(const struct trace *t, int64_t us);
static inline int64_t trace_ms(const struct trace *t, uint32_t tick) { return t->epoch_ms + (int64_t)tick * TICK_MS; }

/* trace_hosts.c */
bool trace_is_private(const struct ip *a);
bool trace_is_inside(const struct trace *t, const struct ip *a); /* as far as it is known now */
bool trace_is_guessing(const struct trace *t);
void trace_home_note(struct trace *t, const struct flow *f);
uint32_t trace_node(struct trace *t, const struct ip *a, bool make);
struct host *trace_host(struct trace *t, const struct ip *a, bool make);
void trace_host_conn(struct trace *t, struct host *h, const struct flow *f, uint32_t at);
/* A thing done: acts are told from how many distinct ones there were in ten minutes. */
struct act_stat *trace_act(struct trace *t, struct host *h, unsigned kind, uint64_t thing, uint32_t at);
bool trace_serves_mail(const struct host *h); /* it receives mail: a mail server */
double trace_trap_bits(const struct host *h);                       /* trace_judge.c */
double trace_list_bits(const struct trace *t, const struct host *h); /* trace_judge.c */
double trace_act_bits(const struct host *h, unsigned kind, char text[TRACE_TEXT]);

/* trace_pairs.c */
struct contact { uint32_t at; uint64_t out, in; double took_s; uint8_t state; bool is_open, is_request; };
uint64_t trace_pair_hash(const struct trace *t, const struct ip *src, const void *dst, size_t n_dst, uint16_t port, uint8_t proto);
int trace_pair_conn(struct trace *t, const struct flow *f, uint32_t at);
struct pair *trace_pair_by_name(struct trace *t, const struct ip *src, uint32_t name, uint16_t port, bool make, uint32_t at);
struct pair *trace_pair_of(struct trace *t, const struct flow *f);
/* A request or handshake calls its destination so: counted for the name too, where that stands at several addresses. p: the pair, or NULL. */
int trace_pair_called(struct trace *t, const struct flow *f, const struct pair *p, uint32_t name, const struct contact *c);
int trace_pair_note(struct trace *t, struct pair *p, const struct contact *c);
void trace_thin(struct trace *t);
double trace_bytes_of(unsigned code);
static inline bool is_answered(uint8_t state) { return state == FLOW_STATE_UNKNOWN || state >= FLOW_STATE_ESTABLISHED; }

/* trace_names.c */
int trace_name_dns(struct trace *t, const struct flow *f, uint32_t at);
uint32_t trace_name_of(struct trace *t, struct span text, uint32_t at); /* 0: none; made when new */
struct span trace_name_text(const struct trace *t, uint32_t name);
double trace_generated(struct span label); /* 0: a word, 1: drawn by lot */
bool trace_is_flux(const struct name *n);
uint32_t trace_name_find(const struct trace *t, const char *name); /* 0: never met */
size_t trace_name_tidy(struct span s, char out[TRACE_NAME]); /* lower case, no dot at the end; 0: not a name */

/* trace_links.c: 0: no link of spam leads there */
uint32_t trace_link_of(const struct trace *t, struct span name);
uint32_t trace_link_of_address(const struct trace *t, uint32_t node); /* the name that led there last */

/* ---- judging ---- */

/* What a pass over all pairs finds, for as long as it lasts; arrays go with the pairs, hosts and services. */
struct judged { float ln_p, regularity, period_s, jitter, bits, same, size; uint32_t service; bool is_rhythm, is_tested; };
struct service { /* one destination: its pairs stand together in `order` */
    uint32_t from, n, best;        /* best: the pair with most bits */
    uint32_t n_hosts, n_acting, n_outside;
    double crowd, crowd_all;       /* as it counts; without its limits */
    double order, rhythm, bits;
    uint32_t gang;                 /* all its hosts are of that service's, + 1 (trace_gang.c); 0: not looked at, or not so */
    bool is_told;
};
struct pass {
    struct trace *t;
    uint8_t *inside;               /* of each node */
    float *host_bits, *host_odds;  /* acts alone: bits for acting against not; with the prior */
    uint32_t *order;
    struct judged *judged;
    struct service *service;
    size_t n_services, n_inside, n_tested;
    double base;                   /* share of inside hosts that act */
    float *member;                 /* of each host: probability that a destination of its is a controller, its own acts left out */
    uint32_t *member_of;           /* that destination, + 1 */
    bool has_names, has_replies;
    struct rhythm_scratch *scratch;
    double *at_s, *bytes;
};

/* trace_evidence.c */
void trace_rhythm_judge(struct pass *w, size_t pair);
double trace_rita_of(const struct pass *w, size_t pair);
void trace_service_judge(struct pass *w, struct service *s);
/* All reasons of a pair as a beacon, or with `whole` of its destination as a controller. *innocent_out: see struct beacon. */
void trace_reasons_of(const struct pass *w, size_t pair, bool whole, struct trace_reasons *out, const char **innocent_out);
double trace_bits_of(const struct pass *w, size_t pair, bool whole); /* their sum */
void trace_reason_add(struct trace_reasons *r, enum trace_kind kind, double bits, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static inline double trace_odds(double bits) { return bits > 60 ? 1 : bits < -60 ? 0 : 1 / (1 + __builtin_exp2(-bits)); }

/* trace_judge.c */
struct lists {
    struct beacon *beacon; size_t n_beacons;
    struct controller *controller; size_t n_controllers;
    uint32_t *controller_service;  /* of each: its service in the pass */
    struct traced_host *host; size_t n_hosts;
    struct incident *incident; size_t n_incidents;
    const struct traced_host **member; size_t n_members; /* of all incidents, one after the other */
    struct controller *told; /* those of incidents, one incident's together */
};
void trace_lists_free(struct trace *t);
struct ip trace_address_of(const struct trace *t, const struct pair *p);
void trace_name_copy(const struct trace *t, const struct pair *p, char out[TRACE_NAME]);
int trace_float_order(const void *a, const void *b);
/* trace_told.c: controllers and hosts, and which of them are told. */
int trace_controllers_make(struct pass *w, struct lists *l);
int trace_hosts_make(struct pass *w, struct lists *l);
double trace_crowd_limit(double bits);
double trace_crowd_of(const struct pass *w, uint32_t host, uint16_t port); /* trace_evidence.c: one host's part */
double trace_crowd_against(const struct pass *w, uint32_t host, uint16_t port, double base); /* the same where that share of hosts is so */
/* trace_gang.c: by: services, most bits first, and so again once this has found some to be more; how many. */
size_t trace_gangs_judge(struct pass *w, const uint32_t *by, size_t n);
/* trace_incidents.c */
int trace_incidents_make(const struct pass *w, struct lists *l);

#endif
