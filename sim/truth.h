/* truth: what really was, beside what the traps saw (sim/README.md, "What it writes"). */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "mail.h"
#include "output.h"

struct count { uint64_t messages, envelopes, bytes, addresses; double sent; };
struct tally {                              /* one family */
    struct count hour, all;
    uint64_t *hour_places, *all_places;     /* a bit an address */
    LIST(uint32_t) touched;                 /* words of hour_places that are not 0 */
    uint64_t *machines; size_t n_machines;  /* a bit a machine that the traps saw */
    uint64_t machines_seen;
};
struct told { int64_t ms; uint32_t order; char *line; };
struct truth {
    const struct scenario *s;
    const struct world *w;
    struct output messages, hours, campaigns, templates;
    bool has_messages;
    char *folder;
    struct tally *tally;
    LIST(struct told) told;
    uint64_t n;
    int64_t from_ms;
};

void truth_open(struct truth *t, const char *folder, const struct scenario *s, const struct world *w, bool has_messages);
/* A message of the traps, of so many bytes. */
void truth_message(struct truth *t, const struct event *e, uint64_t bytes);
void truth_prefetch(const struct truth *t, const struct event *e);
void truth_hour(struct truth *t, int64_t hour);
void truth_event(struct truth *t, int64_t ms, const char *family, const char *what, const char *detail);
void truth_plan(struct truth *t, int64_t from_ms, int64_t to_ms); /* what the scenario says beforehand */
void truth_campaign_ended(void *truth, const struct campaign *c);
void truth_campaign_updated(void *truth, const struct campaign *c, int64_t ms);
void truth_close(struct truth *t);
void truth_systems(const struct world *w, const char *folder); /* as.csv */
struct drawn { uint64_t seed; double scale, sample; };
void truth_as_it_was(struct truth *t, const struct drawn *d);

#endif
