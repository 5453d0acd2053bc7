/* estimate: a number that was estimated never travels without its interval.
 * lo..hi is a 95% interval, n what it rests on, method how it was made (a static string).
 * Threads: a plain value. */
#ifndef POSSE_BASE_ESTIMATE_H
#define POSSE_BASE_ESTIMATE_H

#include <stdint.h>

struct estimate {
    double lo, mid, hi;
    uint64_t n;
    const char *method;
};

#endif
