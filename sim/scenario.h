/* scenario: what a .scn file says, read and checked; nothing is drawn yet.
 *
 * Text, one thing a line; a line that begins in the first column opens a block or stands alone, what is indented belongs to the block
 * above. Words are divided by blanks, "quoted ones" may have blanks, ` #` begins a comment; but the rest of a line after a keyword that
 * takes text (header, text, html, link, ...) is that text, with \n \t \\ and macros (macro.h). What is named must stand above.
 * The form is described at the head of sim/scenarios/rustock-2011.scn.
 * Ownership: a scenario owns all of it and lives as long as the program.  Units: ms since 1970 (UTC), minutes, messages a minute.
 * Errors: end the program with file and line. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "util.h"

#define LIST(type) struct { type *v; size_t n, cap; }
#define PUSH(list) ((list).v = mem_push((list).v, (list).n, &(list).cap, sizeof *(list).v), \
                    memset(&(list).v[(list).n], 0, sizeof *(list).v), &(list).v[(list).n++])

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
#define DAY (24 * (int64_t)HOUR)

struct raw { char *text; struct place at; };
struct weighted { uint32_t id; double weight; };
typedef LIST(struct raw) raws;
typedef LIST(struct weighted) weights;         /* weights add up to anything */
struct step { int64_t from_ms; double value; }; /* holds from then on */
typedef LIST(struct step) steps;
struct stretch { int64_t from_ms, to_ms; double value; };
typedef LIST(struct stretch) stretches;
struct span_ms { int64_t lo, hi; };
struct odd_dates { double missing, future, old; struct span_ms future_by, old_by; };

struct dict { char *name; raws word; };
struct texts { char *name; LIST(struct dict) dict; raws sentence, subject; };
struct curve { char *name; LIST(double) at; double most, mean; };
struct country { char code[3]; int zone_min; };

/* Autonomous systems of one sort; each is drawn from this. */
struct network {
    char *name; struct place at;
    unsigned count;
    bool is_v6, is_dynamic;
    uint32_t base; unsigned bits;  /* IPv4: where its prefixes are cut from. IPv6: 2001:db8:base::/bits */
    unsigned size_lo, size_hi;     /* prefix lengths of one system */
    struct span_ms lease;          /* hi 0: addresses stay */
    weights country;
    uint32_t asn;                  /* of the first */
    struct raw ptr, as_name;
};

struct trap {
    char *name; struct place at;
    raws domain, header, user;
    struct raw tls_note;
    double weight;
    bool is_private;               /* a mailbox provider: takes the ham */
    stretches silent;
    double late; struct span_ms late_by;
    struct odd_dates clock;
};

enum encoding { ENCODING_7BIT, ENCODING_8BIT, ENCODING_QP, ENCODING_BASE64 };
enum charset { CHARSET_UTF8, CHARSET_LATIN1, CHARSET_CP1251, CHARSET_KOI8R };

struct mailer {
    char *name; struct place at;
    struct raw helo, machine, plain, html, multi, boundary, part_plain, part_html, part_file, multi_encoding;
    raws header;
    bool is_helo;                  /* says HELO, not EHLO */
    enum encoding encoding;
    enum charset charset;
    char subject_encoding;         /* 'b', 'q' or 'r' for raw */
    bool is_html_first;
    unsigned wrap;                 /* columns of text; 0: never */
};

enum form_kind { FORM_TEXT, FORM_HTML, FORM_BOTH, FORM_IMAGE, FORM_LINK };
struct form {
    char *name; struct place at;
    enum form_kind kind;
    raws text, html;
    bool has_image_noise;
    struct span_ms image_bytes;    /* not ms */
    struct raw file_name;
};

enum family_kind { FAMILY_SPAM, FAMILY_BULK, FAMILY_HAM };
struct family {
    char *name; struct place at;
    enum family_kind kind;
    steps machines, rate, tls;
    double turnover;               /* of machines a day */
    double duty; struct span_ms session;
    const struct curve *day, *week, *sleep;
    int64_t burst_every, burst_for, burst_from; double burst_low;
    stretches pause, grow, flood;
    LIST(uint32_t) fills;          /* beside grow: which family's gap, or its own number */
    int64_t start_ms, stop_ms;
    int64_t takedown_ms, takedown_within; double takedown_leaves;
    struct span_ms update; double update_changes; steps updates;
    weights recipients, clump, nat, networks, mailers, forms, texts;
    double noise; int64_t noise_period;
    double uneven;                 /* most over least sent by a machine */
    unsigned campaigns, variants, hosts;
    struct span_ms lasting, host_life;  /* lasting.hi 0: from start to end */
    double size_zipf;              /* 0: campaigns of one size */
    raws host, link, sender_name, sender_addr;
    struct odd_dates dates;
    struct span_ms paragraphs, sentences; /* not ms */
    weights chaff;                 /* texts whose sentences poison it */
    struct span_ms chaff_sentences;
    double auth;                   /* share that passes SPF and DKIM */
};

/* ---- an edge network, for flow logs ---- */

enum traffic_over { OVER_HTTP, OVER_SSL, OVER_IRC, OVER_NTP };
struct traffic {
    enum traffic_over over;
    int64_t every_ms; double jitter;   /* 0: by visits */
    struct span_ms sent, received;     /* bytes */
    unsigned addresses;                /* a name has */
};
struct campus { char *name; struct place at; unsigned hosts, mail_servers, scanners; double scan_rate, mail_rate; weights networks; };
struct service { char *name; struct place at; struct traffic traffic; raws host; double visits, share; uint32_t day; /* a curve + 1 */ };
enum gang_acts { ACTS_NOTHING, ACTS_SPAM, ACTS_SCAN };
struct gang {
    char *name; struct place at;
    struct traffic traffic;
    raws host;
    double infected; int64_t spread_ms; /* how long after the beginning the last one is */
    unsigned servers; struct span_ms server_life;
    double nx_rate; struct raw nx_name;
    enum gang_acts acts; double act_rate; unsigned scan_port; struct span_ms act_for, act_every;
};

struct scenario {
    const char *file;
    char *name;
    int64_t from_ms, to_ms;
    uint64_t seed;
    double sample;                 /* what part of all that is sent reaches the traps; 0: from `messages` */
    double messages;
    LIST(struct country) country;
    LIST(struct curve) curve;
    LIST(struct texts) texts;
    LIST(struct network) network;
    LIST(struct trap) trap;
    LIST(struct mailer) mailer;
    LIST(struct form) form;
    LIST(struct family) family;
    LIST(struct campus) campus;
    LIST(struct service) service;
    LIST(struct gang) gang;
};

/* Reads and checks it; ends the program where it is wrong. */
void scenario_read(const char *path, struct scenario *out);

double steps_at(const steps *s, int64_t ms);   /* before the first: 0 */
double weights_sum(const weights *w);
double weights_mean(const weights *w);         /* of the ids */
bool stretches_have(const stretches *s, int64_t ms);

#endif
