/* observe: the observatory: sightings in; campaigns, botnets, sizes, shares and changes out, kept in the home.
 *
 * Making a sighting is apart from counting it: observe_read runs on any worker, observatory_add is the one writer's. The stream's own time
 * drives everything, never the wall clock. What is known is kept in HOME/observatory.db (store/obsdb.h: one transaction a save, so that a
 * crash loses what came since and nothing is half there), with where each input was left off: reading it again goes on from there.
 * Time: a message is counted when it came, as the stream's own host wrote. One from the future, or days behind what came before, is not
 * believed and counted as of now, until several in a row agree that the stream went on there (observe_time.c).
 * Templates: the first K messages of a campaign are kept, and K more of what its signatures do not match (observe_follow.c).
 * Ownership: an observatory owns all of campaign/ and botnet/ that it uses.  Threads: one writer; any number of observe_read, each
 * with a worker of its own.  Errors: EBUSY: another process observes this home; the rest as store/db.h. */
#ifndef POSSE_ENGINE_OBSERVE_H
#define POSSE_ENGINE_OBSERVE_H

#include "botnet/botnets.h"
#include "campaign/published.h"
#include "campaign/signature.h"
#include "engine/engine.h"

struct observe_options {
    const char *home;
    const char *mailers, *as_table;  /* NULL: what ships; none */
    const char *const *ours; size_t n_ours; /* networks of our own hosts (sender/received.h) */
    uint32_t originals;              /* K kept of each campaign; 0: none */
    uint64_t originals_bytes;        /* of all of them, compressed; 0: 1 GB. The oldest go */
    size_t ham_sample;               /* texts of ham kept, encrypted; 0: none */
    bool is_reader;                  /* looks only: no lock, no writing */
    int64_t latest_ms;               /* nothing is from later than that (the caller's clock); 0: anything may be */
    struct campaigns_options campaigns; /* its `gone` is ours */
};
struct observatory;
int observatory_open(const struct observe_options *o, struct observatory **out, struct report *why);
int observatory_close(struct observatory **o, struct report *why); /* saves */
int observatory_save(struct observatory *o, struct report *why);
void observatory_drop(struct observatory **o); /* closes without saving */

/* ---- from a message to a sighting: any thread ---- */

enum observe_flag {
    OBSERVE_SPAM = 1,    /* it came to a trap: whatever comes is spam */
    OBSERVE_KEEP = 2,    /* may be kept as an original */
};
struct observe_in {
    const struct envelope *env;         /* NULL: none */
    const struct verdict *verdict;      /* NULL: none was given */
    const struct smtp_dialect *dialect; /* NULL: not heard */
    int64_t time_ms;                    /* when it came; 0: as it says itself */
    unsigned flags;
};
struct observe_worker;
struct observe_worker *observe_worker_new(const struct observatory *o); /* NULL: out of memory */
/* The same for who has no observatory: autonomous systems are then looked up when the sighting is added. ours outlives it, or the next
 * observe_worker_ours; may be NULL. */
struct observe_worker *observe_worker_bare(const struct networks *ours);
void observe_worker_ours(struct observe_worker *w, const struct networks *ours);
void observe_worker_free(struct observe_worker **w);
/* The sighting lives in the worker until its next observe_read; what it shows of the message as long as that. */
int observe_read(struct observe_worker *w, const struct message *m, const struct observe_in *in, struct sighting **out,
                 const struct mailer **mailer_out);
/* The same for bytes, with a parser of its own. */
int observe_bytes(struct observe_worker *w, struct span raw, const struct observe_in *in, struct sighting **out,
                  const struct mailer **mailer_out);
/* When the message came whose first bytes these are, as its sighting would say before the stream's time is held against it; 0: it does not say. */
int64_t observe_when(struct observe_worker *w, struct span head);

/* ---- counting: one thread ---- */

/* Could a mail have come then: not before there was any, not after latest_ms? */
bool observatory_allows(const struct observatory *o, int64_t time_ms);
/* Where the stream begins, when nothing came yet; a time that is allowed. */
void observatory_begin(struct observatory *o, int64_t time_ms);
/* Corrects the sighting's time and flags. member_out may be NULL. */
int observatory_add(struct observatory *o, struct sighting *s, const struct mailer *mailer, struct join *join_out,
                    struct membership *member_out, struct report *why);
/* Wanted mail that a person vouches for: what no signature may match. */
int observatory_add_ham(struct observatory *o, const struct sighting *s, struct report *why);
/* Nothing came, and it is now_ms: for those who have a clock. is_watching: what feeds this was up. */
int observatory_tick(struct observatory *o, int64_t now_ms, bool is_watching, struct report *why);

/* Where an input was left off: any bytes, by name. Kept with the next save. */
int observatory_mark(struct observatory *o, struct span input, struct span position);
struct span observatory_marked(const struct observatory *o, struct span input); /* until the next mark */

/* ---- asking ---- */

struct campaigns *observatory_campaigns(struct observatory *o);
struct botnets *observatory_botnets(struct observatory *o);
const struct astable *observatory_as(const struct observatory *o); /* may be NULL */
const struct mailer_book *observatory_book(const struct observatory *o);
int64_t observatory_now_ms(const struct observatory *o); /* the stream's latest time; 0: nothing came */
struct observed {
    uint64_t messages, spam, ham, no_time, odd_time, no_source, kept, templates;
    uint64_t matched;                /* messages that a proven signature of their campaign matched when they came */
    uint64_t ham_known;              /* wanted messages by which signatures are proven; HAM_LEAST are needed */
    int64_t first_ms, now_ms, saved_bytes;
};
void observatory_count(const struct observatory *o, struct observed *out);

/* One version of a campaign's template. */
struct seen_template {
    const struct template *t;
    uint32_t version, texts;         /* made of how many */
    int64_t first_ms, made_ms;       /* of the version's first message; when it was inferred */
    int64_t held_ms;                 /* when its signature first matched a later message; 0: it did not */
    uint32_t seen, matched;          /* messages that came later and no other version claimed; of them matched */
    uint32_t until;                  /* messages of it that came before held_ms, those it was made of included */
    enum proof proof;
    const char *refused;             /* why it has no signature that may be used; NULL: it has one */
};
/* By version; fn: 0 goes on. */
int observatory_templates(struct observatory *o, uint64_t campaign, int (*fn)(void *ctx, const struct seen_template *), void *ctx,
                          struct report *why);
/* The kept originals of a campaign, oldest first. */
int observatory_originals(struct observatory *o, uint64_t campaign, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                          struct report *why);

/* An entry from outside that says why a botnet fell silent: kept, and applied to a collapse within a day of at_ms, now or when one
 * is found. Readers may enter too. *applied_out: whether a collapse was there. POSSE_ENOENT: no such botnet. */
int observatory_tell(struct observatory *o, const char *botnet, int64_t at_ms, int64_t told_ms, enum change_cause cause, const char *note,
                     bool *applied_out, struct report *why);
/* Deletes for good the kept originals that have one of these digests (engine.h, reading_digest), and the words that they alone gave to the
 * dictionaries of their templates; each[i] counts the originals of digest[i], words_out the words. What was counted of them stays, and so do
 * the words that all or nearly all messages of a template have; what is known of wanted mail stays; so does what a running observer has not
 * saved yet. POSSE_OK also where nothing was ever observed. */
int observatory_forget(const char *home, const uint8_t (*digest)[32], size_t n, uint64_t *each, uint64_t *words_out, struct report *why);
/* A published index of campaigns of the last two hours, made now; the caller frees it. */
int observatory_publish(struct observatory *o, struct published **out);
/* Makes it and writes it where all who judge in this home find it (engine/live.h); observatory_save does that too. */
int observatory_show(struct observatory *o, struct report *why);

#endif
