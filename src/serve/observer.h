/* observer: the observatory behind the daemon: what the gate judged is counted by a thread of its own.
 *
 * A sighting (engine/sighting_row.h) is made by who judged and copied into a bounded queue; what finds it full is dropped and counted, and
 * no verdict ever waits. The thread adds what is queued, tells the observatory the time, publishes the live campaigns (engine/live.h) when
 * something came, PUBLISH_MS apart at least, and saves every few minutes and when it ends. A save is one transaction: what a crash
 * loses came since the last one, and nothing is half there.
 * Other processes of this home (the milter's, filters that a mail server starts) judge by themselves and send their sightings over
 * HOME/observe.sock, one a packet, and never wait for the daemon either (observer_feed).
 * Time: a steady clock, put right by the wall clock at the start and where both agree; a wall clock that jumps is followed after a day,
 * as everywhere in the gate, so that one bad hour of the clock does not age all campaigns away.
 * Trouble: an observatory that cannot be opened (another process observes this home, damage, no space) keeps no mail waiting: it is logged
 * and tried again every minute, and what comes meanwhile is dropped and counted.
 * Texts come only where the operator wants originals kept: of spam the message, of what is wanted beyond doubt its text, for signatures
 * to be proven against.
 * Ownership: options are copied.  Threads: push from any.  Limits: QUEUE_ROWS, QUEUE_BYTES in observer.c. */
#ifndef POSSE_SERVE_OBSERVER_H
#define POSSE_SERVE_OBSERVER_H

#include "base/config.h"
#include "base/span.h"
#include "serve/counters.h"
#include "serve/log.h"

struct observer;
/* config: its observe.* keys, as they are now. */
int observer_new(const char *home, const struct config *config, struct counters *counters, struct log *log, struct observer **out,
                 struct report *why);
void observer_free(struct observer **o); /* counts what is queued, saves */
/* row: of sighting_row_write, its time_ms of observer_clock_ms. False: dropped, and counted. */
bool observer_push(struct observer *o, enum metric_door door, struct span row);
/* Waits until all that was pushed before is counted or dropped, and what it made live is published. */
void observer_flush(struct observer *o);
int64_t observer_clock_ms(void); /* steady, and the same for all processes of the machine */

/* ---- from another process ---- */

struct observer_feed;
struct observer_feed *observer_feed_new(const char *home, struct counters *counters); /* NULL: out of memory */
void observer_feed_free(struct observer_feed **f);
/* False: nobody listens (nothing is counted then), or it does not take it now (dropped, and counted). */
bool observer_feed_push(struct observer_feed *f, enum metric_door door, struct span row);
enum { OBSERVER_PACKET_MAX = 160 << 10 }; /* with the door; a socket's buffer is 208 KB */

/* ---- what is tested by itself ---- */

/* The wall clock as far as it is believed. */
struct observer_clock { bool is_known; int64_t ahead_ms, other_ms, other_since_ms; };
int64_t observer_clock_now(struct observer_clock *c, int64_t wall_ms, int64_t steady_ms);

#endif
