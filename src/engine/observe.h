/* observe: the observatory: sightings in; campaigns, botnets, sizes, shares and changes out, kept in the home.
 *
 * Making a sighting is apart from counting it: observe_read runs on any worker, observatory_add is the one writer's. The stream's own time
 * drives everything, never the wall clock. What is known is kept in HOME/observatory.db (SQLite, one transaction a save, so that a
 * crash loses what came since and nothing is half there), with where each input was left off: reading it again goes on from there.
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
    const char *const *ours; size_t n_ours; /* networks of our own hosts */
    size_t originals;                /* K kept of each campaign; 0: none */
    size_t ham_sample;               /* 0: none */
    bool is_reader;                  /* looks only: no lock, no writing */
    struct campaigns_options campaigns;
};
struct observatory;
int observatory_open(const struct observe_options *o, struct observatory **out, struct report *why);
int observatory_close(struct observatory **o, struct report *why); /* saves */
int observatory_save(struct observatory *o, struct report *why);

enum observe_flag { OBSERVE_TRAP = 1 /* whatever comes is spam */, OBSERVE_KEEP = 2 /* may be kept as an original */ };
struct observe_worker;
struct observe_worker *observe_worker_new(const struct observatory *o);
void observe_worker_free(struct observe_worker **w);
/* verdict NULL: none was given. The sighting lives in the worker until its next observe_read. */
int observe_read(struct observe_worker *w, const struct message *m, const struct envelope *env, const struct verdict *verdict,
                 unsigned flags, struct sighting **out, const struct mailer **mailer_out);
int observatory_add(struct observatory *o, const struct sighting *s, const struct mailer *mailer, struct join *join_out,
                    struct membership *member_out, struct report *why);

/* Where an input was left off: any bytes, by name. */
int observatory_mark(struct observatory *o, const char *input, struct span position);
struct span observatory_marked(struct observatory *o, const char *input);

struct campaigns *observatory_campaigns(struct observatory *o);
struct botnets *observatory_botnets(struct observatory *o);
int64_t observatory_now_ms(const struct observatory *o); /* the stream's latest time */
const struct template *observatory_template(struct observatory *o, uint64_t campaign, enum proof *proof_out);
/* The kept originals of a campaign, oldest first. */
int observatory_originals(struct observatory *o, uint64_t campaign, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                          struct report *why);

#endif
