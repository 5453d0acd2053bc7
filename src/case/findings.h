/* findings: what was found, frozen: the one exhibit from which dossier, notices and exports are made, never from what the
 * observatory knows now: two runs over one sealed head say the same.
 *
 * It is an exhibit named FINDINGS_NAME (media application/json): one JSON object whose names and nesting are those of the structs
 * below, a list under its struct's plural ("changes": struct found_change); findings_shape.c is the whole list. Of several such
 * exhibits the newest holds everything, what earlier ones said included. Times stand as case_time_text writes them, in UTC;
 * addresses as text; estimates as {"lo","mid","hi","n","method"}, lo to hi a 95% interval.
 * Every field may be absent: texts are then empty, times and numbers 0, addresses ::, lists empty, objects NULL, and an
 * estimate's method NULL ("not estimated", which is not 0). Unknown fields are passed over. "version" is FINDINGS_VERSION.
 * Texts are anybody's (subjects, hosts, names of systems): UTF-8 without NUL, else not to be trusted: who renders escapes.
 * Recipients' addresses are not in it; samples are exhibits of their own.
 * Writing and reading are inverse: what was read is written as the same bytes again, where we wrote it.
 * Ownership: everything lives in the arena.  Threads: plain values, reentrant.  Units: ms since 1970, bits.
 * Limits: FINDINGS_BYTES of JSON; lists as in findings_shape.c (where one was cut its total stands beside it).
 * Errors: POSSE_ESYNTAX with the place, EVERSION, ETOOBIG, ELIMIT (a list that is too long), ENOMEM. */
#ifndef POSSE_CASE_FINDINGS_H
#define POSSE_CASE_FINDINGS_H

#include "base/arena.h"
#include "base/estimate.h"
#include "case/casefile.h"
#include "net/ip.h"

#define FINDINGS_NAME "findings.json"
enum { FINDINGS_VERSION = 1, FINDINGS_BYTES = 64 << 20, FINDINGS_ARENA = 512 << 20 };

struct found_reason {
    double bits;
    struct span text, source; /* source: where that is published; of mailers' traits */
};
struct found_count {
    struct span text;
    uint64_t n;
    bool is_at_most; /* counted by space saving: n is not too low */
};
/* A system that announces an address, and who is told of abuse there. Known as far as a table or RDAP answer in the case says. */
struct found_network {
    uint32_t asn;
    struct span name, country /* "DE" */, prefix /* "192.0.2.0/24" */, firm, abuse /* a mail address */;
};

/* What was counted in a stretch of time (hours are whole, days begin at midnight UTC). share: of all spam that was seen then. */
struct found_share {
    struct estimate messages, envelopes, bytes, addresses; /* 0 to 1 */
};
struct found_period {
    int64_t from_ms, to_ms;
    uint64_t messages, envelopes, bytes, addresses;
    struct found_share share;
};
/* machines that were sending at a time, mean over the hour that begins there */
struct found_live {
    int64_t from_ms;
    struct estimate live;
};
/* n of so many kept messages have it: "mid", "<hex12@helo>" */
struct found_trait {
    struct span name, value;
    uint64_t n, of;
};
struct found_change {
    struct span kind;  /* "collapse", "surge", "pause", "return" */
    struct span cause; /* "unknown", "takedown", "trap", "own pattern" */
    int64_t at_ms, at_lo_ms, at_hi_ms, told_ms, ended_ms;
    struct estimate before, after; /* messages a minute: what was to be expected, what came */
    double probability;
};
struct found_botnet {
    struct span name;
    bool is_subject;   /* the case is about it; the others stand beside it */
    bool is_described; /* a known family */
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes; /* ever, as counted */
    struct found_period whole;           /* in the findings' time */
    struct found_period *hour, *day;
    size_t n_hours, n_days;
    struct estimate addresses, live, within_hour, ever; /* never one number: botnet/census.h says what each is */
    double lease_ms, machines_an_address;
    struct span doubt; /* of the census */
    struct found_live *window;
    size_t n_windows;
    struct span *mailer;
    size_t n_mailers; /* names of the programs that send it */
    struct span family;
    double family_probability; /* the described family that they match best */
    struct found_reason *reason;
    size_t n_reasons; /* why that one: its weightiest traits */
    struct found_trait *trait;
    size_t n_traits;
    struct found_change *change;
    size_t n_changes;
    int64_t quiet_since_ms; /* 0: it is not quiet */
};

struct found_hour {
    int64_t from_ms;
    uint64_t messages, envelopes, addresses, bytes;
};
/* A piece of a template is an anchor (fixed text) or a slot: "word", "random", "number", "address", "url", "free". */
struct found_piece {
    struct span anchor, slot;
    bool is_floating, may_be_empty, is_closed;
    uint64_t least, most; /* bytes */
    struct span alphabet; /* of random strings: "a-z0-9" */
    struct span *word;
    size_t n_words;    /* its dictionary, most frequent first */
    uint32_t permille; /* of the messages: how many have it */
};
struct found_template {
    uint32_t version, texts; /* made of so many */
    int64_t first_ms, made_ms, held_ms;
    uint64_t seen, matched;     /* of later messages */
    struct span proof, refused; /* why its signature is not to be used; empty: it may be */
    struct span signature;      /* an expression for PCRE2 */
    struct found_piece *subject, *text;
    size_t n_subjects, n_texts;
};
/* a kept message, as an exhibit of this case */
struct found_sample {
    uint64_t exhibit;
    int64_t time_ms;
};
struct found_campaign {
    struct span id;
    struct span botnet;
    double botnet_probability;
    struct span botnet_doubt;
    struct found_reason *reason;
    size_t n_reasons; /* why that botnet */
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes, spam, networks;
    struct estimate sources; /* distinct addresses */
    double confidence;
    struct span doubt; /* that it is one template */
    struct found_hour *hour;
    size_t n_hours;
    struct found_template *template;
    size_t n_templates;
    struct found_count *language, *link, *file, *mark, *to, *mailer,
        *system; /* link: registered domains; file: digests; to: domains */
    size_t n_languages, n_links, n_files, n_marks, n_tos, n_mailers, n_systems;
    struct found_sample *sample;
    size_t n_samples;
};
/* An address that sent. messages, first, last: among kept messages only, where `is_sampled`; 0: not known. */
struct found_source {
    struct ip ip;
    struct found_network network;
    struct span campaign, botnet; /* one that it sent */
    uint64_t messages;
    bool is_sampled;
    int64_t first_ms, last_ms;
};
struct found_controller {
    struct ip ip;
    struct span name;
    uint32_t port;
    struct span proto;    /* "tcp" */
    bool is_by_name;      /* all addresses of the name together; ip: where it led last */
    bool is_inside;       /* a host of our own network */
    struct span incident; /* trace's id */
    double probability, bits;
    double false_discovery; /* the rate at which the list that it stands in was held */
    struct found_reason *reason;
    size_t n_reasons; /* their bits add up to `bits` */
    struct found_network network;
    int64_t first_ms, last_ms;
    uint64_t hosts_total, acting_total; /* inside hosts that talk to it; of them those that act */
    struct span *host;
    size_t n_hosts;   /* their addresses */
    uint64_t exhibit; /* of trace's own answer; 0: none (exhibit 0 is never one: it is the line that opened the case) */
};
struct found_host { /* an infected machine in a network that was traced */
    struct ip ip;
    struct span name;
    struct found_network network;
    struct span *act;
    size_t n_acts; /* "spam", "scan", "dns", "trap", "beacon" */
    double probability, bits;
    struct found_reason *reason;
    size_t n_reasons;
    struct span incident;
    int64_t first_ms, last_ms;
    uint64_t flows, mail_servers, mail_failed, scanned, nxdomain;
    uint64_t exhibit;
};
struct found_money {
    struct span kind /* "phone", "wallet", "maildrop", "shop", "affiliate" */, text, campaign;
    uint64_t n;
};
/* what is uncertain, in a sentence */
struct found_doubt {
    struct span about, text;
};

/* posse case watch: what became of it. */
struct found_taker {
    struct span name;
    struct estimate before, after, gained; /* shares by messages */
    struct estimate messages_before, messages_after; /* a day: a share grows also when another's mail ends */
};
struct found_return {
    struct ip ip;
    struct span was, is, campaign;
    int64_t first_ms;
};
struct found_watch {
    int64_t action_ms;
    struct span action;   /* as the analyst entered it */
    int64_t seen_ms;      /* up to when was looked */
    struct span verdict;  /* "gone", "fell", "not gone", "came back", "quiet, cause unknown", "fell, cause unknown", "too early" */
    struct span sentence; /* the same in plain words, with its numbers */
    struct span cause;    /* as found_change */
    int64_t since_ms, since_lo_ms, since_hi_ms;               /* when it fell; 0: it did not */
    struct estimate fell;                                     /* 1: nothing comes any more */
    struct estimate whole_fell;                               /* the same of all spam; below 0: it grew */
    struct estimate before, after, whole_before, whole_after; /* messages a day */
    struct found_period was, is;                              /* what was counted before and after, and its share */
    struct found_hour *own, *whole;                           /* messages by the hour, before and after, for a chart */
    size_t n_own, n_whole;
    struct found_taker *taker;
    size_t n_takers; /* who gained; the case's own first */
    struct found_return *back;
    size_t n_backs;
    uint64_t backs_total, hosts_total; /* addresses of it that send for others since, of so many that were looked for */
    uint64_t backs_before;             /* of them sent for others before too: addresses are shared and change hands */
};

struct findings {
    uint32_t version;
    int64_t made_ms;
    struct span tool, command;
    struct span subject;       /* "botnet rustock" */
    int64_t from_ms, to_ms;    /* what the figures are of, in the stream's own time */
    struct found_period total; /* all spam that was seen in it (its share is empty) */
    struct found_change *change;
    size_t n_changes; /* of all spam */
    struct found_hour *hour;
    size_t n_hours; /* of all spam */
    struct found_botnet *botnet;
    size_t n_botnets; /* the case's own first, then by messages; "unknown" and "others" among them */
    struct found_campaign *campaign;
    size_t n_campaigns;
    uint64_t campaigns_total; /* most messages first */
    struct found_source *source;
    size_t n_sources;
    uint64_t sources_total;
    struct found_controller *controller;
    size_t n_controllers;
    struct found_host *host;
    size_t n_hosts;
    uint64_t hosts_total;
    struct found_money *money;
    size_t n_moneys;
    struct found_doubt *doubt;
    size_t n_doubts;
    struct found_watch *watch; /* NULL: nobody looked since the day of action */
};

int findings_read(struct arena *a, struct span json, struct findings **out, struct report *why);
/* Ends with a line end. POSSE_ELIMIT: over FINDINGS_BYTES or the buf's maximum. */
int findings_write(const struct findings *f, struct buf *out);
/* The newest among the first `lines` of the case (a sealed head's n; UINT64_MAX: all), checked against its digest; n_out: which
 * exhibit. POSSE_ENOENT: the case has none. */
int findings_newest(struct casefile *c, uint64_t lines, struct arena *a, struct findings **out, uint64_t *n_out,
                    struct report *why);

/* What `posse trace --json` wrote, an object a line, added to f: incidents with their controllers and hosts, and single hosts (--hosts).
 * only: incidents with this address or name alone; "": all. exhibit: which one of the case these lines are.
 * POSSE_ESYNTAX: a line is no JSON; ENOENT: nothing of it is an incident or host, or none is of `only`. */
int findings_add_trace(struct arena *a, struct findings *f, struct span lines, const char *only, uint64_t exhibit, struct report *why);
/* Takes into f what `old` has and f has not: what both have stays as f has it (botnets and campaigns by name, addresses by address). */
int findings_merge(struct arena *a, struct findings *f, const struct findings *old, struct report *why);

#endif
