/* campaigns: groups messages made from one template, as they stream past.
 *
 * One writer adds sightings in the order in which they come; each is looked up by the bands of its sketch (LSH) and joins the nearest
 * campaign that is alike, or founds one. A campaign remembers several sketches, for templates change: what joins by links, files or
 * sources with another text is a new version, and dated. Nothing here looks at a clock.
 * Ownership: a `struct campaigns` owns all; a `struct campaign` is its own and good until the next add, age or free.
 * Limits: options; past max_live the one that was quiet for longest goes. Memory is bounded by them (bench/campaigns says by what).
 * Bulk: one sender network (or one authenticated domain), list headers, and no bots: solicited mail is grouped and called bulk, never
 * a campaign in counts of spam.
 * Ids: made of the founder's sketch and time: the same stream gives the same ids, whatever was grouped before it.
 * Errors: ENOMEM, ELIMIT; hostile mail is never one.  Threads: one writer; readers use what it published (campaign/published.h).
 * Cost: see bench/campaigns; aim 60,000 sightings a second with their sketches. */
#ifndef POSSE_CAMPAIGN_CAMPAIGNS_H
#define POSSE_CAMPAIGN_CAMPAIGNS_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"
#include "campaign/sighting.h"

enum { CAMPAIGN_ID = 16 }; /* text with its NUL: "c" and 12 letters of base 32 */
enum { CAMPAIGN_TOP = 16, CAMPAIGN_VERSIONS = 8, CAMPAIGN_HOURS_MAX = 24 * 400 };

struct campaigns_options {
    size_t max_live;             /* 0: 100,000 */
    int64_t quiet_ms;            /* goes when nothing came for so long; 0: 14 days */
    size_t max_bytes;            /* of all of it; 0: 768 MB */
};

struct counted { uint64_t key; uint32_t n; char text[52]; }; /* text cut; n by space saving: at most too high, never too low */
struct campaign_hour { int64_t hour; /* since 1970 */ uint32_t messages, envelopes, sources; uint64_t bytes; };
struct campaign_version { int64_t first_ms, last_ms; uint64_t messages; };

struct campaign {
    char id[CAMPAIGN_ID];
    uint64_t number;             /* in order of founding, never used twice */
    bool is_bulk;
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes, spam;
    uint64_t sources_exact;      /* distinct addresses (Roaring for IPv4) while they can be held; else 0 */
    struct estimate sources;     /* distinct addresses: exact, or HyperLogLog with its interval */
    uint64_t networks;           /* distinct /24 and /48 */
    const struct campaign_hour *hour; size_t n_hours;
    struct campaign_version version[CAMPAIGN_VERSIONS]; size_t n_versions; /* the latest ones */
    struct counted rcpt_domain[CAMPAIGN_TOP], link[CAMPAIGN_TOP], file[CAMPAIGN_TOP], language[CAMPAIGN_TOP], mailer[CAMPAIGN_TOP],
        asn[CAMPAIGN_TOP], mark[CAMPAIGN_TOP]; /* most frequent first; key 0 ends each */
    double confidence;           /* that these are one template: 0 to 1; lower where signs disagree */
    const char *doubt;           /* why it is low: a static string; NULL: no doubt */
};

enum joined { JOINED_NONE /* empty sketch: counted, not grouped */, JOINED_CAMPAIGN, JOINED_NEW, JOINED_NEW_VERSION };
struct join { enum joined how; uint64_t number; double alike; uint64_t messages; /* of the campaign, with this one */ };

struct campaigns;
int campaigns_new(const struct campaigns_options *o, struct campaigns **out, struct report *why);
void campaigns_free(struct campaigns **c);
int campaigns_add(struct campaigns *c, const struct sighting *s, struct join *out, struct report *why);
/* Drops what was quiet for too long, in the stream's time; `gone` hears of each before it goes. */
int campaigns_age(struct campaigns *c, int64_t now_ms, void (*gone)(void *ctx, const struct campaign *), void *ctx);

/* False: no such campaign (any more). */
bool campaigns_get(struct campaigns *c, uint64_t number, struct campaign *out);
bool campaigns_find(struct campaigns *c, const char *id, uint64_t *number_out);
/* In order of founding; fn: 0 goes on. */
int campaigns_each(struct campaigns *c, int (*fn)(void *ctx, const struct campaign *), void *ctx);
/* Its distinct sources, ascending; fn: 0 goes on. */
int campaigns_sources(struct campaigns *c, uint64_t number, int (*fn)(void *ctx, const struct ip *), void *ctx);
/* How many distinct sources two have in common, and how many each has. */
bool campaigns_common(struct campaigns *c, uint64_t a, uint64_t b, uint64_t *both, uint64_t *n_a, uint64_t *n_b);
/* The campaign whose sketch this is most alike, without changing anything; false: none. */
bool campaigns_look(const struct campaigns *c, const struct sketch *s, uint64_t *number_out, double *alike_out);

struct campaigns_size { size_t live, bytes; uint64_t founded, sightings, ungrouped; };
void campaigns_size(const struct campaigns *c, struct campaigns_size *out);

/* The whole state as bytes, and back: equal states give equal bytes. POSSE_ECORRUPT, POSSE_EVERSION. */
int campaigns_save(const struct campaigns *c, struct buf *out);
int campaigns_load(struct reader *r, const struct campaigns_options *o, struct campaigns **out, struct report *why);

#endif
