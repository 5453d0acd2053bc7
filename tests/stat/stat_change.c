/* stat_change [YEARS [FIRST]]: senders whose rate never falls but at Christmas, so many years each, in series of ten years and of one:
 * how often a fall is called that was none; then falls of 90%: how well they are dated. */
#include "change_world.h"

static void years(const struct change_world *w, unsigned n, unsigned each, uint64_t seed)
{
    struct change_years res = {0};
    for (unsigned i = 0; i < n / each; i++)
        change_run_years(seed + i, w, each, &res);
    printf("years\t%s\t%.0f x %u\t%u\t%u\t%u\t%.2f\t%u\t%u\n", w->name, res.years / each, each, res.fell, res.pauses, res.found,
           res.found ? res.days_to_tell / res.found : 0, res.returns_found, res.surges);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    printf("#\tworld\tseries x years\tfalse_falls\tpauses\tpauses_found\tdays_until_told\treturns_found\tsurges\n");
    for (unsigned i = 0; i < CHANGE_WORLDS; i++) {
        years(&change_worlds[i], n, n < 10 ? n : 10, seed);
        years(&change_worlds[i], n, 1, seed + 1000);
    }
    printf("#\tworld\tfalls\tcalled\twithin_10_minutes\tinterval_held\tmean_error\tworst_error\tmean_told_minutes\tworst_told\tcalled_before\n");
    for (unsigned i = 0; i < 2 * CHANGE_WORLDS; i++) {
        struct change_fall res = {0};
        for (unsigned k = 0; k < n; k++)
            change_run_fall(seed + k, &change_worlds[i / 2], i % 2 ? 0.001 : 0.1, &res);
        printf("fall of %s%%\t%s\t%u\t%u\t%u\t%u\t%.1f\t%.1f\t%.0f\t%.0f\t%u\n", i % 2 ? "99.9" : "90", change_worlds[i / 2].name, res.n, res.called, res.within10, res.held,
               res.error_minutes / (res.called ? res.called : 1), res.worst, res.told_minutes / (res.called ? res.called : 1),
               res.told_worst, res.false_before);
        fflush(stdout);
    }
    return 0;
}
