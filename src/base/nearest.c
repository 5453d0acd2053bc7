#include "base/nearest.h"

enum { WORD_MAX = 48 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

static unsigned distance(struct span a, struct span b)
{
    unsigned row[3][WORD_MAX + 1] = {{0}}; /* i - 2, i - 1, i, by turns */
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            uint8_t x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
            now[j] = least(last[j - 1] + (x != y), least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) && y == ascii_lower(a.p[i - 2]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

const char *nearest(struct span word, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_d = WORD_MAX;
    for (size_t i = 0; i < n; i++) {
        struct span name = span_str(names[i]);
        if (!word.n || word.n > WORD_MAX || name.n > WORD_MAX)
            continue;
        unsigned d = distance(word, name);
        if (d < best_d && 3 * d <= name.n + 2) {
            best_d = d;
            best = names[i];
        }
    }
    return best;
}
