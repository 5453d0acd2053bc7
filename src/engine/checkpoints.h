/* checkpoints: which folds of the journal are kept on the way to the newest, and when another one is due.
 *
 * Taking back a lesson means folding all that came after it anew, from the nearest checkpoint before it. Those kept are
 * spaced in proportion to their distance from the newest: what is folded is then at most one and a half times what must
 * be, on the mean 1.13 times, and their number grows with the logarithm of the journal (simulated: 16 at a million
 * lessons, 0.5 GB beside a journal of 2.4; one an octave was 8, and 1.9 times for a lesson in the middle).
 * Past CHECKPOINTS_KEPT they are spaced wider, twice as wide each time.
 * Threads: pure functions.  Units: lessons' ids. */
#ifndef POSSE_ENGINE_CHECKPOINTS_H
#define POSSE_ENGINE_CHECKPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of 32 MB each CHECKPOINT_EVERY lessons, which is well under a second of folding. */
enum { CHECKPOINT_EVERY = 10000, CHECKPOINTS_KEPT = 24 };

/* Is one due at lesson `at`, the last one being at `last`, while the fold goes on up to `target`? On a long way only those
 * are made that will be kept at its end. */
bool checkpoint_is_due(uint64_t last, uint64_t at, uint64_t target);

/* Of n ids, ascending, moves those to keep to the front, ascending, and those that may go behind them. Returns how many are
 * kept: the first and the last one always are. */
size_t checkpoints_thin(uint64_t *id, size_t n);

#endif
