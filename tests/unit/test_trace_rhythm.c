/* rhythm: p-values keep their promise on times that come by chance, also when the rate drifts; clocks are found through jitter, lost
 * beats, gaps and traffic around them. */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "flow/trace_rhythm.h"
#include "unit.h"

static struct rhythm_scratch scratch;

static double lot(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15ull;
    return ((double)(mix64(*seed) >> 11) + .5) / 9007199254740992.0;
}

/* Chance with a rate that swings tenfold over the day. */
static size_t by_chance(uint64_t seed, size_t n, bool drifts, double *at)
{
    double now = 0;
    for (size_t i = 0; i < n; i++) {
        double rate = drifts ? exp(1.15 * sin(now / 86400 * 2 * M_PI)) / 300 : 1.0 / 300;
        now += -log(lot(&seed)) / rate;
        at[i] = now;
    }
    return n;
}

static void chance_stays_below_its_promise(void **state)
{
    (void)state;
    enum { ROUNDS = 2000 };
    static const size_t sizes[] = {6, 12, 40, 200};
    for (size_t k = 0; k < 4; k++)
        for (int drifts = 0; drifts < 2; drifts++) {
            unsigned below[3] = {0};
            for (uint64_t s = 0; s < ROUNDS; s++) {
                double at[200];
                struct rhythm r;
                size_t n = by_chance(s * 977 + k, sizes[k], drifts, at);
                rhythm_of(at, n, &scratch, &r);
                assert_true(r.ln_p <= 0);
                below[0] += r.ln_p < log(.05), below[1] += r.ln_p < log(.01), below[2] += r.ln_p < log(.001);
            }
            assert_true(below[0] < ROUNDS * .05 + 3 * sqrt(ROUNDS * .05));
            assert_true(below[1] < ROUNDS * .01 + 3 * sqrt(ROUNDS * .01));
            assert_true(below[2] < ROUNDS * .001 + 3 * sqrt(ROUNDS * .001));
        }
}

static void jitter_and_gaps(void **state)
{
    (void)state;
    static const struct { double period, jitter, lost; size_t n; double ln_p_most; } c[] = {
        {300, 0, 0, 12, -8},  {300, .1, 0, 20, -8},  {60, .27, 0, 100, -50}, {275, .27, 0, 950, -400},
        {300, .5, 0, 300, -20}, {900, .05, .3, 60, -8}, {5, .02, .1, 500, -100},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        double at[1000], now = 1000;
        uint64_t seed = 7 + k;
        struct rhythm r;
        size_t n = 0;
        while (n < c[k].n) {
            now += c[k].period * (1 + c[k].jitter * (2 * lot(&seed) - 1));
            if (n == c[k].n / 2)
                now += lot(&seed) < 2 ? 30000 : 0; /* the notebook slept */
            if (lot(&seed) >= c[k].lost)
                at[n++] = now;
        }
        rhythm_of(at, n, &scratch, &r);
        if (r.ln_p > c[k].ln_p_most || fabs(r.period_s / c[k].period - 1) > .1)
            fail_msg("case %zu: ln p %.1f, period %.1f", k, r.ln_p, r.period_s);
    }
}

/* Several connections a beat, and a clock under other traffic, which only the spectrum sees. */
static void beats_and_noise(void **state)
{
    (void)state;
    double at[600];
    uint64_t seed = 3;
    struct rhythm r;
    size_t n = 0;
    for (size_t i = 0; i < 40; i++)
        for (size_t k = 0; k < 3; k++)
            at[n++] = 600.0 * (double)i + .2 * (double)k + .1 * lot(&seed);
    rhythm_of(at, n, &scratch, &r);
    assert_true(r.ln_p < -30 && r.n_beats == 40 && fabs(r.period_s - 600) < 2);
    n = 0;
    double next = 0, clock = 0;
    while (n < 250) {
        if (clock < next) {
            at[n++] = clock;
            clock += 600;
        } else {
            at[n++] = next;
            next += -log(lot(&seed)) * 900;
        }
    }
    rhythm_of(at, n, &scratch, &r);
    assert_true(r.ln_p < -7 && r.is_spectral && fabs(r.period_s - 600) < 6);
}

static void odd_input(void **state)
{
    (void)state;
    double at[4096] = {0};
    struct rhythm r;
    struct rita q;
    for (size_t n = 0; n <= 4096; n += n < 40 ? 1 : 507) {
        rhythm_of(at, n, &scratch, &r);
        assert_true(r.ln_p == 0 && r.period_s == 0);
        rita_of(at, at, n, 0, 0, &scratch, &q);
        assert_true(q.score >= 0 && q.score <= 1);
    }
    for (size_t i = 0; i < 4096; i++)
        at[i] = i < 2048 ? 0 : 1e9;
    rhythm_of(at, 4096, &scratch, &r);
    rita_of(at, at, 4096, 0, 1e9, &scratch, &q);
    assert_true(r.ln_p > log(.05) && q.score >= 0 && q.score <= 1);
}

/* What the documentation says of a perfect beacon over a whole day: every part is 1. */
static void reference_score(void **state)
{
    (void)state;
    double at[288], bytes[288];
    struct rita q;
    for (size_t i = 0; i < 288; i++)
        at[i] = 300.0 * (double)i, bytes[i] = 80;
    rita_of(at, bytes, 288, 0, 86100, &scratch, &q);
    assert_true(q.timestamp == 1 && q.bytes == 1 && q.histogram > .95 && q.duration == 1 && q.score > .98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_stays_below_its_promise), cmocka_unit_test(jitter_and_gaps), cmocka_unit_test(beats_and_noise),
        cmocka_unit_test(odd_input), cmocka_unit_test(reference_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
