/* botnets: which gang sends a campaign, with what probability and why.
 *
 * Campaigns join a botnet by mailer (mailer.h), by sources that they share beyond chance (hypergeometric, within the AS and the dynamic
 * ranges that both live in), and by infrastructure and money marks that they share. A membership is a probability with reasons in bits.
 * Signs that disagree (a mailer of one family from the machines of another) lower it and are said: an adversary may copy a mailer.
 * A sighting is attributed when it comes, so that counting never waits; what is learnt later moves campaigns, and shares follow.
 * Ownership: opaque; `struct botnet` is its own until the next call that changes.  Threads: one writer.  Errors: ENOMEM, ELIMIT.
 * Numbers are never used twice; 0 is "unknown". */
#ifndef POSSE_BOTNET_BOTNETS_H
#define POSSE_BOTNET_BOTNETS_H

#include "botnet/census.h"
#include "botnet/change.h"
#include "botnet/mailer.h"
#include "botnet/share.h"
#include "campaign/campaigns.h"
#include "net/astable.h"

enum { BOTNETS_MAX = 4096, BOTNET_NAME = 48, MEMBER_REASONS = 6 };
struct member_reason { char text[120]; double bits; };
struct membership { uint32_t botnet; double probability; struct member_reason reason[MEMBER_REASONS]; size_t n_reasons; const char *doubt; };

struct botnet {
    uint32_t number;
    char name[BOTNET_NAME];      /* of its family, or of its mailer */
    bool is_described;           /* models/mailers knows it */
    int64_t first_ms, last_ms;
    uint64_t messages, envelopes, bytes;
    const uint64_t *campaign; size_t n_campaigns; /* numbers */
    uint64_t mailer[8]; size_t n_mailers;
};

struct botnets_options { const struct mailer_book *book; const struct astable *as; struct census_options census; int64_t keep_ms; };
struct botnets;
int botnets_new(const struct botnets_options *o, struct botnets **out, struct report *why);
void botnets_free(struct botnets **b);

/* A sighting that joined a campaign (or none); mailer NULL for event records. Says whose it is. */
int botnets_add(struct botnets *b, const struct sighting *s, const struct mailer *mailer, const struct join *j, struct membership *out);
/* Looks at all campaigns anew, now and then (each hour of the stream): founds, joins, moves. */
int botnets_settle(struct botnets *b, struct campaigns *c, int64_t now_ms, struct report *why);
/* Minutes without anything are news too: the stream's time is now_ms. is_watching: the trap was up. */
int botnets_tick(struct botnets *b, int64_t now_ms, bool is_watching);

bool botnets_get(const struct botnets *b, uint32_t number, struct botnet *out);
bool botnets_find(const struct botnets *b, const char *name, uint32_t *number_out);
int botnets_each(const struct botnets *b, int (*fn)(void *ctx, const struct botnet *), void *ctx);
bool botnets_member(const struct botnets *b, uint64_t campaign, struct membership *out);
struct shares *botnets_shares(struct botnets *b);
struct census *botnets_census(struct botnets *b, uint32_t number);
struct change_series *botnets_change(struct botnets *b, uint32_t number); /* 0: the whole */

/* BotMagnifier (Stringhini et al., USENIX Security 2011): from the sources of a campaign (seeds) to more of its bots, among all sources
 * that were seen: those that send what the seeds send, to whom the seeds send, and nothing else. */
struct magnified { struct ip source; double probability; };
int botnets_magnify(struct botnets *b, struct campaigns *c, uint64_t campaign, struct magnified *out, size_t max, size_t *n_out,
                    struct report *why);

int botnets_save(const struct botnets *b, struct buf *out);
int botnets_load(struct reader *r, const struct botnets_options *o, struct botnets **out, struct report *why);

#endif
