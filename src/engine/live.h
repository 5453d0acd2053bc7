/* live: the published index of live campaigns (campaign/published.h) as a file of the home, for every process that judges there.
 *
 * HOME/campaigns.live is written aside and renamed, by the one process that observes; it may be deleted at any time, and is not synced: one
 * that a crash broke is refused when it is opened, and the next one takes its place. A verdict that has been given a `struct live` depends
 * on the message and on that file alone.
 * Ownership: counted; a holder's view stays as it is while a newer one is published.  Threads: any; a `struct live_file` is its owner's,
 * under a lock of its own.
 * Errors: ENOENT: nothing was published; those of published_load; a failing disk. */
#ifndef POSSE_ENGINE_LIVE_H
#define POSSE_ENGINE_LIVE_H

#include "base/report.h"
#include "campaign/published.h"
#include "engine/engine.h"

int live_write(const char *home, const struct published *p, struct report *why);

struct live;
int live_open(const char *home, struct live **out, struct report *why);
struct live *live_hold(struct live *l); /* l may be NULL */
void live_drop(struct live **l);
bool live_look(const struct live *l, const struct sketch *s, struct published_hit *out); /* l may be NULL: false */

/* Follows the file as it is published anew. */
struct live_file;
struct live_file *live_file_new(const char *home); /* NULL: out of memory */
void live_file_free(struct live_file **f);
/* Looks whether there is a newer one. A bad one leaves the present one; POSSE_OK also when there is none. */
int live_file_look(struct live_file *f, struct report *why);
struct live *live_file_hold(struct live_file *f); /* NULL: none; live_drop */

/* "one of 4,812 alike from 1,903 machines in two hours" */
enum { LIVE_TEXT = 160 };
void live_text(const struct published_hit *h, char out[LIVE_TEXT]);
/* Looks the sighting up; what it is one of becomes evidence for the engine_decide of this reading (REASON_CAMPAIGN), worth at most
 * `most` bits: hit->bits. Bulk is told and worth nothing, and so are answers of machines: bounces and notices of absence are alike
 * wherever they come from. text lives as long as the reading. False: it is one of nothing. */
bool live_tell(const struct live *l, const struct sighting *s, struct reading *r, double most, char text[LIVE_TEXT],
               struct published_hit *hit);

#endif
