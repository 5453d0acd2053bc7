/* feature: what the learner sees of a message: sets of hashed binary features, one set a view.
 *
 * A view is one way of looking (words, form, links, header fields, characters). GENERAL views hold what
 * means the same in anybody's mail; only they carry the model that ships. LOCAL views may name a
 * mail system, a list, a person: they are only learnt from the user's own mail.
 * A feature is a 22-bit slot, hash64 of (view, kind, bytes); each slot stands at most once a view.
 * EXTRACTOR_VERSION changes whenever the same message would give other slots: lessons record it.
 * Ownership: a feature_set lives in the arena given.  Limits: caps per view in feature.c.
 * Threads: values.  Hashes of mail are personal data: they can be probed for guessed words. */
#ifndef POSSE_FILTER_FEATURE_H
#define POSSE_FILTER_FEATURE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"
#include "filter/view.h"

enum { FEATURE_BITS = 22, FEATURE_SLOTS = 1 << FEATURE_BITS, FEATURES_MAX = 8192 };

struct feature_set {
    const uint32_t *slot;            /* grouped by view */
    uint32_t start[VIEW_N + 1];      /* view v owns slot[start[v] .. start[v+1]) */
};

/* The set in ascending order within each view, as feature_decode gives it. POSSE_EINVAL: a slot stands twice in a view, or
 * no set. Costs half as much as the encoding. */
int feature_sort(struct arena *a, const struct feature_set *f, struct feature_set *out);
/* Canonical bytes of a set: per view a varint count, then ascending slots as Rice-coded gaps.
 * Sorts; what is decoded is in ascending order within each view. */
int feature_encode(struct arena *a, const struct feature_set *f, struct buf *out);
/* The same of a set that feature_sort made; `out` tells when there was no room. */
void feature_put(const struct feature_set *f, struct buf *out);
/* POSSE_ECORRUPT: not canonical, out of range, over FEATURES_MAX. */
int feature_decode(struct arena *a, struct reader *in, struct feature_set *out);

#endif
