/* observe_priv: what the files of the observatory share. Not for others. */
#ifndef POSSE_ENGINE_OBSERVE_PRIV_H
#define POSSE_ENGINE_OBSERVE_PRIV_H

#include "engine/asfile.h"
#include "engine/observe.h"
#include "store/obsdb.h"

/* ---- the stream's time (observe_time.c) ---- */

enum { AGREE = 4 }; /* so many in a row that say another time are believed */
struct stream_clock {
    int64_t now_ms;      /* 0: nothing came */
    int64_t latest_ms;   /* nothing is from later; 0: anything may be */
    int64_t ahead_ms; uint32_t n_ahead; /* what the last ones say that were not believed */
};
/* The time at which a message counts that says said_ms (0: says none); adds to flags. */
bool clock_allows(const struct stream_clock *c, int64_t said_ms); /* a mail could have come then */
int64_t clock_take(struct stream_clock *c, int64_t said_ms, uint32_t *flags);

/* ---- originals and templates (observe_follow.c) ---- */

enum { FOLLOW_VERSIONS = 8, FOLLOW_FIRST = 32, FOLLOW_AGAIN = 200, FOLLOW_THIN = 4, FOLLOW_SETS = 1024 };
struct follow; /* what is followed of all campaigns */
struct follow_options { uint32_t originals; uint64_t originals_bytes; bool is_reader; };
int follow_new(const struct follow_options *o, struct obsdb *db, struct follow **out, struct report *why);
void follow_free(struct follow **f);
/* A message of a campaign. */
int follow_add(struct follow *f, const struct ham *ham, uint64_t campaign, uint64_t absorbed, const struct sighting *s, struct report *why);
void follow_drop(struct follow *f, uint64_t campaign); /* it is gone */
/* Within a save: writes what waits. */
int follow_flush(struct follow *f, struct report *why);
void follow_flushed(struct follow *f); /* the save was committed */
int follow_save(const struct follow *f, struct buf *out);
int follow_load(struct follow *f, struct reader *r);
int follow_templates(struct follow *f, uint64_t campaign, int (*fn)(void *ctx, const struct seen_template *), void *ctx, struct report *why);
int follow_originals(struct follow *f, uint64_t campaign, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                     struct report *why);
void follow_count(const struct follow *f, struct observed *out); /* kept, templates, matched */

/* ---- the language of a normalised text (observe_language.c) ---- */
void language_guess(struct span text, char out[4]); /* ISO 639-1; "": not known */

struct observatory {
    struct observe_options o;
    char *home;
    struct obsdb *db;
    struct asfile *as;
    struct mailer_book *book;
    struct networks *ours;
    struct campaigns *campaigns;
    struct botnets *botnets;
    struct ham *ham;
    uint64_t ham_saved;          /* how much of it the file has */
    uint8_t key[32];
    struct follow *follow;
    struct stream_clock clock;
    int64_t ticked_minute, settled_hour; /* since 1970; 0: not yet */
    struct observed seen;
    struct mark *mark; size_t n_marks, cap_marks;
    uint64_t random;             /* how often a random number was asked for */
};
struct mark { struct span input, position; bool is_new; };

#endif
