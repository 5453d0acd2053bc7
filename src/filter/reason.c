#include "filter/reason.h"

#include <math.h>

void reason_round(const double *bits, size_t n, double total, long *out)
{
    long left = lround(total * 100);
    double rest[REASON_ROUND_MAX];
    for (size_t i = 0; i < n; i++) {
        out[i] = (long)floor(bits[i] * 100);
        rest[i] = bits[i] * 100 - (double)out[i];
        left -= out[i];
    }
    for (; left > 0 && n > 0; left--) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (rest[i] > rest[best])
                best = i;
        out[best]++;
        rest[best] -= 1;
    }
}
