/* trace: from flows to infected machines and to what commands them. One writer, streaming, bounded memory; the log's own time.
 *
 * Hosts: for each inside host whom it talks to and how often, SMTP fan-out (distinct mail servers, refused and unfinished, direct to MX
 * by a machine that is no mail server), DNS (MX look-ups, NXDOMAIN bursts, generated names, fast flux), scans, what it was told just
 * before it began to act.
 * Controllers: candidates by several independent tests (trace_rhythm.h): the order-free and drift-proof test of neighbouring intervals,
 * the periodogram against permutations with autocorrelation as in BAYWATCH (Hu et al., DSN 2016), intervals and bytes as in BotFinder
 * (Tegeler et al., CoNEXT 2012), long connections; RITA v5's score beside them for reference. A destination is an address or, where a
 * name has more than one address, the name. And by the crowd: destinations that acting hosts have in common and clean ones have not (BotMiner, Gu et
 * al., USENIX Security 2008; BotSniffer, NDSS 2008), contact before the burst. Against that: prevalence, known services (known.h),
 * protocols that keep time by themselves, the user's lists.
 * Evidence: every reason has bits; the bits of a beacon, controller or host, among them the prior, add up to the log-odds (base 2) that
 * its probability is made of. How the bits were set, and on what the probabilities were checked: trace_bits.h, tests/stat/stat_trace.c.
 * A rhythm alone never passes the default threshold: telemetry is as regular as any bot.
 * Stop: p-values of rhythms are held to `false_discovery` by Benjamini and Hochberg over all pairs tested; what is told (is_told) is
 * what reaches `probability`, as long as the mean of 1 - probability of all that is told stays below `false_discovery`.
 * Lists: known services (known.h) excuse a rhythm, not a crowd, and only where the logs' own answers lead from that name to that address;
 * the user's lists decide, on destinations and on hosts alike.
 * Incidents: one a controller with all its hosts, or one a host that acts without a known controller; never one a flow.
 * Direction: a beacon from inside to outside has an infected host and a controller outside; one from outside to a server of ours
 * accuses that server, on weaker grounds (any crawler keeps time).
 * Limits: max_bytes. Past parts of it a pair must be met more often before it is remembered, and remembers fewer connections; a host's
 * fan-out is counted by HyperLogLog; trace_size says what that cost. Addresses behind one NAT are one host.
 * Ownership: opaque; the options' pointers must outlive it; results live until the next call that changes.
 * Threads: one writer.  Errors: ENOMEM, EINVAL for options; odd logs are never one: clocks that jump are counted.
 * Cost: bench/trace measures it; aim 400,000 flows a second a core, under 2 GB at 100 million flows and a million pairs. */
#ifndef POSSE_FLOW_TRACE_H
#define POSSE_FLOW_TRACE_H

#include "base/buf.h"
#include "base/report.h"
#include "flow/record.h"
#include "net/astable.h"

struct known; /* flow/known.h: well-known services and the user's lists */

/* bits: of 128, IPv4's networks begin at 96, as in ip_prefix. */
struct trace_net { struct ip first; unsigned bits; };
struct trace_options {
    const struct trace_net *inside; /* none: private addresses; in logs without any, networks that take part in most flows */
    size_t n_inside;
    const struct known *known;
    const struct astable *as;
    double probability;             /* a candidate is told from here on; 0: .95 */
    double false_discovery;         /* 0: .05 */
    size_t max_bytes;               /* 0: 2 GB; at least 16 MB */
    uint64_t seed;                  /* of the tables' hashes: drawn by a daemon, since who picks addresses may aim at them; 0 will do for files */
    bool is_running;                /* judged again and again: 36 bytes a pair are kept, so that only what is new costs */
    size_t max_listed;              /* beacons and hosts kept in lists; 0: 10,000 */
};
struct trace;
int trace_new(const struct trace_options *o, struct trace **out, struct report *why);
void trace_free(struct trace **t);
int trace_add(struct trace *t, const struct flow *f);
/* Sources that a spam trap saw, from the observatory: an inside host among them acts. */
int trace_seen_at_trap(struct trace *t, const struct ip *source, int64_t time_ms, const char *botnet, double probability);
/* A registered domain that mail at the trap leads to (botnet "": nobody's). Names below it are landing hosts: a weak reason, no proof. */
int trace_linked_at_trap(struct trace *t, const char *domain, const char *botnet);
/* Other lists than those of the options from the next trace_judge on: no log is read again. */
void trace_set_known(struct trace *t, const struct known *k);

enum { TRACE_REASONS_MAX = 16, TRACE_TEXT = 160, TRACE_NAME = 256, TRACE_BOTNET = 32 };
enum trace_kind { /* of a reason; their names, in trace_kind_name, are for programs and stay */
    TRACE_PRIOR, TRACE_RHYTHM, TRACE_SIZES, TRACE_LASTING, TRACE_SMALL, TRACE_LONG, TRACE_CROWD, TRACE_ORDER, TRACE_NAMED, TRACE_UNANSWERED,
    TRACE_DIRECTION, TRACE_PROTOCOL, TRACE_LISTED, TRACE_SPAM, TRACE_SCAN, TRACE_DNS, TRACE_TRAP, TRACE_MEMBER, TRACE_KINDS
};
const char *trace_kind_name(enum trace_kind k);
struct trace_reason { enum trace_kind kind; double bits; char text[TRACE_TEXT]; };
struct trace_reasons { size_t n; double bits; /* their sum */ bool is_bare; /* no texts */ struct trace_reason of[TRACE_REASONS_MAX]; };
struct beacon {
    struct ip src, dst;            /* dst: where the name led last, when it is the name that was judged */
    char name[TRACE_NAME];         /* what dst was called when it was asked for; "" */
    bool is_by_name;               /* all addresses of the name together */
    bool is_inbound;               /* from outside to a server of ours */
    bool is_rhythm;                /* its p-value stands after Benjamini and Hochberg */
    bool is_told;
    uint16_t port; uint8_t proto;
    uint64_t connections;
    int64_t first_ms, last_ms;
    double period_s, jitter;       /* 0: none was found; jitter: half the interquartile range over the median interval */
    double p_value, rita_score, probability;
    struct trace_reasons why;
    const char *innocent;          /* why it is none after all: a known service, the user's list; NULL */
};
enum act { ACT_SPAM = 1, ACT_SCAN = 2, ACT_DNS = 4 /* generated names */, ACT_TRAP = 8, ACT_BEACON = 16 /* talks to a controller */ };
struct traced_host {
    struct ip ip;
    unsigned acts;
    double probability;
    bool is_told;
    int64_t first_ms, last_ms;     /* of its acts */
    uint64_t flows, mail_servers, mail_failed, scanned, nxdomain;
    char botnet[TRACE_BOTNET];     /* whose mail a trap had from it; "" */
    struct trace_reasons why;
};
struct controller {
    struct ip ip; char name[TRACE_NAME]; bool is_by_name, is_inside, is_told; uint16_t port; uint8_t proto;
    double probability;
    uint64_t n_hosts, n_acting;    /* inside hosts that talk to it; of them those that act */
    int64_t first_ms, last_ms;
    struct trace_reasons why;
    struct as_info as;             /* who hosts it: asn 0 where the table does not say */
    struct ip net_first, net_last; /* the stretch of addresses that he has it from; zero as well */
};
struct incident {
    char id[17];                   /* stable: of its controller, or of its host */
    double probability;
    const struct controller *controller; size_t n_controllers; /* names and addresses of one service are one incident */
    const struct traced_host *const *host; size_t n_hosts;
    char botnet[TRACE_BOTNET];     /* of most of the hosts that a trap saw; "" */
    int64_t first_ms, last_ms;
};
/* What stands now; costs a pass over all pairs. Most probable first. */
int trace_judge(struct trace *t, struct report *why);
size_t trace_incidents(const struct trace *t, const struct incident **out); /* what is told only */
size_t trace_controllers(const struct trace *t, const struct controller **out); /* candidates too, max_listed of them */
size_t trace_hosts(const struct trace *t, const struct traced_host **out);
size_t trace_beacons(const struct trace *t, const struct beacon **out);     /* the innocent ones too, last */
/* One host's story, in order of time; what was judged last is used. ENOENT: it was never seen. */
struct trace_moment { int64_t time_ms; char text[TRACE_TEXT]; struct ip peer; };
int trace_timeline(const struct trace *t, const struct ip *host, int (*fn)(void *ctx, const struct trace_moment *), void *ctx);
/* Whether this host spoke to that controller, as far as it is remembered. */
bool trace_talks(const struct trace *t, const struct ip *host, const struct controller *c);
/* What answered a name, when: history from the logs' own DNS answers; of more than TRACE_ADDRESSES the latest. */
enum { TRACE_ADDRESSES = 16 };
int trace_names(const struct trace *t, const char *name, int (*fn)(void *ctx, const struct ip *, int64_t first_ms, int64_t last_ms), void *ctx);
/* And the other way: which names led to an address. Costs a pass over all names. */
int trace_named(const struct trace *t, const struct ip *a, int (*fn)(void *ctx, const char *name, int64_t first_ms, int64_t last_ms), void *ctx);
/* Landing hosts: what the names below those domains led to, by the logs' own answers. Costs a pass over all names. */
struct landing {
    char name[TRACE_NAME], botnet[TRACE_BOTNET];
    struct ip ip; bool is_inside;
    int64_t first_ms, last_ms;
    struct as_info as;
    struct ip net_first, net_last; /* as in struct controller */
};
int trace_landings(const struct trace *t, int (*fn)(void *ctx, const struct landing *), void *ctx);
struct trace_size {
    uint64_t flows, hosts, pairs, names;
    uint64_t pairs_lost;           /* contacts with what was not remembered */
    uint64_t thinned;              /* connections that were counted but whose times were let go */
    uint64_t clock_jumps;          /* records whose time is more than a day before the newest, or beyond what is kept */
    uint64_t bytes; int64_t first_ms, last_ms;
    bool is_all_private;           /* nobody said what is inside, and nine in ten connections are between private addresses: all are taken for inside */
};
void trace_size(const struct trace *t, struct trace_size *out);

#endif
