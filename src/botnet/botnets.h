/* botnets: which gang sends a campaign, with what probability and why.
 *
 * A botnet begins with a mailer (mailer.h) that a book describes, or that came from machines of several networks; then with what is sent so.
 * A sighting is attributed when it comes: by what is known of its campaign and mailer together, else by its mailer alone, else to
 * nobody (0). Now and then (botnets_settle) campaigns are looked at anew: by mailer, by sources that they share with a botnet's other
 * campaigns beyond chance (within each /24 that both live in, of which a dynamic one is shared by more machines than addresses show), and by
 * links, files and money marks. Each speaks in bits; with the prior they make a probability for each botnet and for none. Botnets that
 * turn out to be one are joined: the younger's number then means the elder. What was counted of a campaign moves with it, as far back as
 * shares know it by campaigns, with the level of changes; machines (census) stay where they were counted, but for joins.
 * Signs that disagree (a mailer of one botnet from the machines of another, or from machines that it never used) lower the
 * probability and are said in `doubt`: an adversary may copy a mailer. Sources of doubted campaigns are not learnt from. Where several
 * campaigns have machines in common with each other that the botnet's others lack, they are parted from it as "copy-of-NAME" (botnets_split.c).
 * Only spam counts; solicited bulk (authenticated, with list headers) and ham count for the trap's being awake only.
 * Ownership: opaque; what `struct botnet` points to is good until the next call that changes.  Threads: one writer.
 * Errors: ENOMEM, ELIMIT.  Units: ms, bits.  Numbers are never used twice; 0 is "unknown".
 * Limits: BOTNETS_MAX botnets, past which new ones wait until one was silent for keep_ms; SOURCES_SAMPLED addresses of each are kept
 * (networks sampled by hash), 16,384 mailers, 262,144 sources for botnets_magnify. */
#ifndef POSSE_BOTNET_BOTNETS_H
#define POSSE_BOTNET_BOTNETS_H

#include "botnet/census.h"
#include "botnet/change.h"
#include "botnet/mailer.h"
#include "botnet/share.h"
#include "campaign/campaigns.h"
#include "net/astable.h"

enum { BOTNETS_MAX = 4096, BOTNET_NAME = 48, MEMBER_REASONS = 6, SOURCES_SAMPLED = 4096 };
struct member_reason { char text[120]; double bits; };
/* botnets_add gives no reasons: they are the campaign's, and botnets_member tells them. doubt: a static string, NULL: none. */
struct membership { uint32_t botnet; double probability; struct member_reason reason[MEMBER_REASONS]; size_t n_reasons; const char *doubt; };

struct botnet {
    uint32_t number;
    char name[BOTNET_NAME];      /* of its family, or of its mailer */
    bool is_described;           /* models/mailers knows it */
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes;
    const uint64_t *campaign; size_t n_campaigns; /* numbers */
    uint64_t mailer[8]; size_t n_mailers; /* keys; most messages first */
};

struct botnets_options {
    const struct mailer_book *book;      /* NULL: none is known */
    const struct astable *as;            /* NULL: which ranges are dynamic is not known */
    struct census_options census;
    int64_t keep_ms;                     /* 0: 31 days */
};
struct botnets;
int botnets_new(const struct botnets_options *o, struct botnets **out, struct report *why);
void botnets_free(struct botnets **b);

/* A sighting that joined a campaign (j->number 0 or j NULL: none); mailer NULL for event records. Says whose it is; out may be NULL. */
int botnets_add(struct botnets *b, const struct sighting *s, const struct mailer *mailer, const struct join *j, struct membership *out);
/* Looks at all campaigns with news since the last time, now and then (each hour of the stream): joins, moves, forgets. */
int botnets_settle(struct botnets *b, struct campaigns *c, int64_t now_ms, struct report *why);
/* Minutes without anything are news too: the stream's time is now_ms, and minutes before it are over (messages that come later for
 * them count, but date no change). is_watching: the trap was up. botnets_add does not tick. */
int botnets_tick(struct botnets *b, int64_t now_ms, bool is_watching);

bool botnets_get(const struct botnets *b, uint32_t number, struct botnet *out);
bool botnets_find(const struct botnets *b, const char *name, uint32_t *number_out);
int botnets_each(const struct botnets *b, int (*fn)(void *ctx, const struct botnet *), void *ctx);
bool botnets_member(const struct botnets *b, uint64_t campaign, struct membership *out);
struct shares *botnets_shares(struct botnets *b);
struct census *botnets_census(struct botnets *b, uint32_t number);        /* NULL: no such botnet */
struct change_series *botnets_change(struct botnets *b, uint32_t number); /* 0: all spam; NULL: no such botnet, or too few messages yet */

/* BotMagnifier (Stringhini et al., USENIX Security 2011): from the sources of a campaign (seeds) to more of its bots, among all sources
 * that were seen: those that send as the seeds do, to whom the seeds send, and nothing else. Likeliest first, from 0.5 on.
 * POSSE_ENOENT: no such campaign, or none of its sources was seen with anything to go by. */
struct magnified { struct ip source; double probability; };
int botnets_magnify(struct botnets *b, struct campaigns *c, uint64_t campaign, struct magnified *out, size_t max, size_t *n_out,
                    struct report *why);

int botnets_save(const struct botnets *b, struct buf *out);
int botnets_load(struct reader *r, const struct botnets_options *o, struct botnets **out, struct report *why);

#endif
