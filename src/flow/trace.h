/* trace: from flows to infected machines and to what commands them. One writer, streaming, bounded memory; the log's own time.
 *
 * Hosts: for each inside host whom it talks to and how often, SMTP fan-out (distinct mail servers, refused and unfinished, direct to MX
 * by a machine that is no mail server), DNS (MX look-ups, NXDOMAIN bursts, generated names, fast flux), scans, what it received just
 * before it began to send.
 * Controllers: candidates by several independent tests: beacons (permutation-thresholded periodogram with autocorrelation as in BAYWATCH,
 * Hu et al., DSN 2016; intervals and bytes as in BotFinder, Tegeler et al., CoNEXT 2012; RITA v5's score for reference), long connections,
 * polling with jitter, names that are fast flux; and by the crowd: destinations that acting hosts have in common and clean ones have not
 * (BotMiner, Gu et al., USENIX Security 2008; BotSniffer, NDSS 2008). Against that: prevalence, time known, known services (known.h),
 * the user's lists. Each candidate has a probability; a false-discovery rate (Benjamini-Hochberg over all pairs tested) says where to stop.
 * Incidents: one a controller with all its hosts, or one a host that acts without a known controller; never one a flow.
 * Limits: options; past them pairs are sampled by hash and a fan-out is counted by HyperLogLog, and `lost` says so.
 * Ownership: opaque; results live until the next call that changes.  Threads: one writer.  Errors: ENOMEM; odd logs are never one.
 * Cost: see bench/flows; aim 400,000 flows a second a core, under 2 GB at 100 million flows and a million pairs. */
#ifndef POSSE_FLOW_TRACE_H
#define POSSE_FLOW_TRACE_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/report.h"
#include "flow/record.h"
#include "net/astable.h"

struct known; /* flow/known.h: well-known services and the user's lists */
struct networks;

struct trace_options {
    const struct networks *inside; /* NULL: private addresses, and what begins most connections */
    const struct known *known;
    const struct astable *as;
    double probability;            /* a candidate is told from here on; 0: .95 */
    double false_discovery;        /* 0: .05 */
    size_t max_bytes;              /* 0: 2 GB */
};
struct trace;
int trace_new(const struct trace_options *o, struct trace **out, struct report *why);
void trace_free(struct trace **t);
int trace_add(struct trace *t, const struct flow *f);
/* Sources that a spam trap saw, from the observatory: an inside host among them acts. */
int trace_seen_at_trap(struct trace *t, const struct ip *source, int64_t time_ms, const char *botnet, double probability);

enum { TRACE_REASONS_MAX = 8, TRACE_TEXT = 160, TRACE_NAME = 256 };
struct trace_reason { double bits; char text[TRACE_TEXT]; };
struct beacon {
    struct ip src, dst;
    char name[TRACE_NAME];         /* what dst was called when it was asked for; "" */
    uint16_t port; uint8_t proto;
    uint64_t connections;
    int64_t first_ms, last_ms;
    double period_s, jitter;       /* 0: none was found */
    double p_value, score, rita_score, probability;
    struct trace_reason reason[TRACE_REASONS_MAX]; size_t n_reasons;
    const char *innocent;          /* why it is none after all: a known service, everybody talks to it; NULL */
};
enum act { ACT_SPAM = 1, ACT_SCAN = 2, ACT_DNS = 4 /* generated names */, ACT_TRAP = 8, ACT_BEACON = 16 };
struct traced_host {
    struct ip ip;
    unsigned acts;
    double probability;
    int64_t first_ms, last_ms;     /* of its acts */
    uint64_t flows, mail_servers, mail_failed, scanned, nxdomain;
    struct trace_reason reason[TRACE_REASONS_MAX]; size_t n_reasons;
};
struct controller {
    struct ip ip; char name[TRACE_NAME]; uint16_t port; uint8_t proto;
    double probability;
    struct trace_reason reason[TRACE_REASONS_MAX]; size_t n_reasons;
    struct as_info as;
};
struct incident {
    char id[16];                   /* stable: of its controller, or of its host and first time */
    double probability;
    const struct controller *controller; size_t n_controllers; /* names and addresses of one service are one incident */
    const struct traced_host *host; size_t n_hosts;
    int64_t first_ms, last_ms;
};
/* What stands now; costs a pass over all pairs. Most probable first. */
int trace_judge(struct trace *t, struct report *why);
size_t trace_incidents(const struct trace *t, const struct incident **out);
size_t trace_hosts(const struct trace *t, const struct traced_host **out);
size_t trace_beacons(const struct trace *t, const struct beacon **out);   /* the innocent ones too, last */
/* One host's story, in order of time. */
struct trace_moment { int64_t time_ms; char text[TRACE_TEXT]; struct ip peer; };
int trace_timeline(const struct trace *t, const struct ip *host, int (*fn)(void *ctx, const struct trace_moment *), void *ctx);
/* What answered a name, when: history from the logs' own DNS answers. */
int trace_names(const struct trace *t, const char *name, int (*fn)(void *ctx, const struct ip *, int64_t first_ms, int64_t last_ms), void *ctx);
struct trace_size { uint64_t flows, hosts, pairs, sampled_away, bytes; int64_t first_ms, last_ms; };
void trace_size(const struct trace *t, struct trace_size *out);

#endif
