/* prior: the model that ships: one weight a slot over the general views, read from a snapshot.
 *
 * score = bias + sum over views of scale(n features) x sum of weights, clipped; then a table makes it calibrated log-odds.
 * Sections: "prior.head" (versions, bias, scales, calibration, credits), "prior.weights" (int16, 2^21).
 * Ownership: views into the snapshot, which must outlive it.  Threads: read-only.
 * Errors: POSSE_EVERSION for another extractor, POSSE_ECORRUPT. */
#ifndef POSSE_FILTER_PRIOR_H
#define POSSE_FILTER_PRIOR_H

#include "base/report.h"
#include "filter/feature.h"
#include "store/snapshot.h"

#endif
