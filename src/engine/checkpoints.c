#include "engine/checkpoints.h"

bool checkpoint_is_due(uint64_t last, uint64_t at, uint64_t target)
{
    uint64_t way = target > at ? (target - at) / 3 : 0;
    return at >= last + (way > CHECKPOINT_EVERY ? way : CHECKPOINT_EVERY);
}

/* One goes when its neighbours are no farther apart than `halves` halves of the newer one's distance. */
static size_t thin(uint64_t *id, size_t kept, uint64_t halves)
{
    for (size_t i = 1; i + 1 < kept;) {
        uint64_t gap = id[i + 1] - id[i - 1], distance = id[kept - 1] - id[i + 1];
        if (gap / halves > distance / 2) {
            i++;
            continue;
        }
        uint64_t goes = id[i];
        for (size_t k = i; k + 1 < kept; k++)
            id[k] = id[k + 1];
        id[--kept] = goes;
    }
    return kept;
}

size_t checkpoints_thin(uint64_t *id, size_t n)
{
    size_t kept = thin(id, n, 1);
    for (uint64_t halves = 2; kept > CHECKPOINTS_KEPT; halves *= 2)
        kept = thin(id, kept, halves);
    return kept;
}
