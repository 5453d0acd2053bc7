/* campaigns: groups messages made from one template, as they stream past.
 *
 * One writer adds sightings in the order in which they come; each is looked up by the bands of its sketch (LSH) and joins the nearest
 * campaign that is alike, or founds one. A campaign remembers several sketches, for templates change: what joins by links or files with
 * another text is a new version once that text came back, and is dated from when it first came. So is a group of another text whose messages
 * one program writes with links that the campaign has (campaigns_kin.c). Of spam, words that are the same in other sentences count too, and
 * so does who sent it, beside what the messages themselves have in common (campaigns_sender.c). (Shared sources alone do not join: a botnet
 * sends several campaigns from the same machines; botnet/ looks at that.) Event records have no sketch: they group by `key`, exactly.
 * Two groups that messages show to be one become one: the younger's number then means the elder (absorbed). Nothing here looks at a clock.
 * What came once is kept too, for the second one to find; whether that is a campaign is for the reader to say (`messages`).
 * Ownership: a `struct campaigns` owns all; what a `struct campaign` points to is good until the next add, age or free.
 * Limits: options; past max_live or max_bytes the one that was quiet for longest goes, first among those that came less than three
 * times while they are more than half, so that a flood of single messages does not push campaigns out.
 * Bulk: one sender network (or one authenticated domain), list headers, and no bots: solicited mail is grouped and called bulk, never
 * a campaign in counts of spam. So is what nobody called spam and one network or domain sent.
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

struct campaign;
struct campaigns_options {
    size_t max_live;             /* 0: 100,000 */
    int64_t quiet_ms;            /* goes when nothing came for so long; 0: 14 days */
    size_t max_bytes;            /* of all of it; 0: 768 MB */
    bool is_reader;              /* what is loaded is only asked, nothing is added or looked up by a sketch: loading it takes half as long */
    void (*gone)(void *ctx, const struct campaign *); /* hears of each before it goes, by age or for want of room; NULL: nobody */
    void *gone_ctx;
};

struct counted { uint64_t key; uint32_t n; char text[52]; }; /* text cut; n by space saving: at most too high, never too low */
/* sources: distinct ones of what came while this was the campaign's latest hour; of what came later, out of order, they are not counted. */
struct campaign_hour { int64_t hour; /* since 1970 */ uint32_t messages, envelopes, sources; uint64_t bytes; };
/* of a text; messages that joined by other signs alone count for none */
struct campaign_version { int64_t first_ms, last_ms; uint64_t messages; };

struct campaign {
    char id[CAMPAIGN_ID];
    uint64_t number;             /* in order of founding, never used twice */
    bool is_bulk;
    int64_t first_ms, last_ms;
    bool is_record;              /* of event records: nothing is known of its text */
    uint64_t messages, envelopes, bytes, spam;
    uint64_t sources_exact;      /* distinct addresses, while they can be held; else 0 */
    struct estimate sources;     /* distinct addresses: exact, or HyperLogLog with its interval */
    uint64_t networks;           /* distinct /24 and /48; past a few dozen estimated, and at most as many as addresses */
    const struct campaign_hour *hour; size_t n_hours;
    struct campaign_version version[CAMPAIGN_VERSIONS]; size_t n_versions; /* the latest ones */
    struct counted rcpt_domain[CAMPAIGN_TOP], link[CAMPAIGN_TOP], file[CAMPAIGN_TOP], language[CAMPAIGN_TOP], mailer[CAMPAIGN_TOP],
        asn[CAMPAIGN_TOP], mark[CAMPAIGN_TOP]; /* most frequent first; key 0 ends each */
    double confidence;           /* that these are one template: 0 to 1; lower where signs disagree */
    const char *doubt;           /* why it is low: a static string; NULL: no doubt */
};

enum joined { JOINED_NONE /* empty sketch: counted, not grouped */, JOINED_CAMPAIGN, JOINED_NEW, JOINED_NEW_VERSION };
struct join {
    enum joined how;
    uint64_t number;
    double alike;
    uint64_t messages;           /* of the campaign, with this one */
    uint64_t absorbed;           /* a campaign that is a part of `number` from now on; 0: none */
    bool is_bulk;                /* the campaign is, with this one */
};

struct campaigns;
int campaigns_new(const struct campaigns_options *o, struct campaigns **out, struct report *why);
void campaigns_free(struct campaigns **c);
int campaigns_add(struct campaigns *c, const struct sighting *s, struct join *out, struct report *why);
/* Drops what was quiet for too long, in the stream's time. Returns how many went. */
size_t campaigns_age(struct campaigns *c, int64_t now_ms);

/* False: no such campaign (any more). The number or id of an absorbed one finds the one that has it. */
bool campaigns_get(struct campaigns *c, uint64_t number, struct campaign *out);
/* Is it solicited bulk mail, or nearly so: authenticated in a tenth? For those who must not err on that side. Cheap: for each message. */
bool campaigns_may_be_bulk(const struct campaigns *c, uint64_t number);
bool campaigns_find(struct campaigns *c, const char *id, uint64_t *number_out);
/* In order of founding; fn: 0 goes on. */
int campaigns_each(struct campaigns *c, int (*fn)(void *ctx, const struct campaign *), void *ctx);
/* Its distinct sources, ascending; of more than can be held a sample by hash (sources_exact is 0 then); fn: 0 goes on. */
int campaigns_sources(struct campaigns *c, uint64_t number, int (*fn)(void *ctx, const struct ip *), void *ctx);
/* The same in no order, without memory of its own. */
int campaigns_each_source(const struct campaigns *c, uint64_t number, int (*fn)(void *ctx, const struct ip *), void *ctx);
/* How many distinct sources two have in common, and how many each has: estimated from samples where sources_exact is 0. */
bool campaigns_common(struct campaigns *c, uint64_t a, uint64_t b, uint64_t *both, uint64_t *n_a, uint64_t *n_b);
/* The campaign whose sketch this is most alike, without changing anything; false: none. */
bool campaigns_look(const struct campaigns *c, const struct sketch *s, uint64_t *number_out, double *alike_out);

struct campaigns_size { size_t live, bytes; uint64_t founded, sightings, ungrouped, absorbed, pushed_out; };
void campaigns_size(const struct campaigns *c, struct campaigns_size *out);

/* The whole state as bytes, and back: equal states give equal bytes. POSSE_ECORRUPT, POSSE_EVERSION. */
int campaigns_save(const struct campaigns *c, struct buf *out);
int campaigns_load(struct reader *r, const struct campaigns_options *o, struct campaigns **out, struct report *why);

#endif
