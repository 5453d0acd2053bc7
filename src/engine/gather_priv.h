/* What the files of gather share. Not for others. */
#ifndef POSSE_ENGINE_GATHER_PRIV_H
#define POSSE_ENGINE_GATHER_PRIV_H

#include "engine/gather.h"

enum { GATHER_TRAITS = 512, GATHER_READ = 50 /* kept messages of a campaign that are read */ };

struct gathered_source { struct ip ip; uint32_t campaign, messages; int64_t first_ms, last_ms; };
struct gathered_trait { uint32_t botnet; uint8_t kind; char value[MAILER_TRAIT_TEXT]; uint64_t n; };
struct gathering {
    struct observatory *o;
    struct arena *a;
    struct findings *f;
    struct report *why;
    uint32_t *number;            /* of each f->botnet */
    uint64_t *campaign;          /* number of each f->campaign */
    bool *is_full;               /* of each f->botnet: everything is told */
    struct gathered_source *source; size_t n_sources, cap_sources;
    struct gathered_trait *trait; size_t n_traits;
    uint64_t *read;              /* kept messages read of each botnet */
    struct mailer_match *family; /* of each botnet: what matched best, as often as n_family says */
    uint64_t *n_family;
};
struct span gather_text(struct arena *a, const char *s); /* a copy; empty for NULL */
struct estimate gather_estimate(struct arena *a, const struct estimate *e);
int gather_no_memory(struct report *why);
/* Index in f->botnet, or SIZE_MAX. */
size_t gather_botnet_at(const struct gathering *g, uint32_t number);

int gather_campaigns(struct gathering *g, const uint64_t *number, size_t n);
/* Figures, census, changes of all f->botnet, and of the whole. */
int gather_botnets(struct gathering *g);
int gather_kept(struct gathering *g);    /* what only kept messages say */
int gather_sources(struct gathering *g);

#endif
