/* hll: how many distinct things there were, in 2^p bytes, whatever their number (HyperLogLog, Flajolet et al., AofA 2007).
 *
 * The things come as 64-bit hashes of good quality (hash64, mix64): an attacker who can choose them can make the count too high or too
 * low, so hash with a seed that he does not know where that matters. Registers are bytes of the caller's, all 0 to begin with.
 * Standard error: 1.04 / sqrt(2^p) from none to 2^58 (tests/unit/test_hll.c measures it).
 * Estimator: Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs no table of corrections.
 * Ownership: the caller's bytes.  Threads: reentrant.  Cost: an addition one load; a count one pass. */
#ifndef POSSE_BASE_HLL_H
#define POSSE_BASE_HLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/estimate.h"

enum { HLL_P_MIN = 4, HLL_P_MAX = 16 };

static inline size_t hll_bytes(unsigned p) { return (size_t)1 << p; }
/* True: it is new for sure. */
bool hll_add(uint8_t *reg, unsigned p, uint64_t hash);
void hll_merge(uint8_t *to, const uint8_t *from, unsigned p);
/* n of the estimate is the number of registers. */
struct estimate hll_count(const uint8_t *reg, unsigned p);
/* What a stored register may hold at most. */
static inline uint8_t hll_most(unsigned p) { return (uint8_t)(65 - p); }

#endif
