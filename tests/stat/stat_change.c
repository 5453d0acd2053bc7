/* stat_change worlds | head | YEARS FIRST [WORLD]: senders whose rate never falls but at Christmas, so many years each, in series of ten years
 * and of one: how often a fall is called that was none; then as many falls by 90% and by 99.9%: how well they are dated, in minutes. */
#include "change_world.h"
#include "slices.h"

static void years(const struct change_world *w, unsigned n, unsigned each, uint64_t seed)
{
    struct change_years res = {0};
    for (unsigned i = 0; i < n / each; i++)
        change_run_years(seed + i, w, each, &res);
    printf("years\t%s\t%.0f\t%u\t%u\t%u\t%u\t%.2f\t%u\t%u\n", w->name, res.years / each, each, res.fell, res.pauses, res.found,
           res.found ? res.days_to_tell / res.found : 0, res.returns_found, res.surges);
    fflush(stdout);
}

static void falls(const struct change_world *w, unsigned n, double left, uint64_t seed)
{
    struct change_fall res = {0};
    for (unsigned k = 0; k < n; k++)
        change_run_fall(seed + k, w, left, &res);
    double called = res.called ? res.called : 1;
    printf("fall\t%.1f\t%s\t%u\t%u\t%u\t%u\t%u\t%u\t%.1f\t%.1f\t%.0f\t%.0f\t%u\n", 100 * (1 - left), w->name, res.n, res.called, res.within10, res.sending, res.sending_within10, res.held,
           res.error_minutes / called, res.worst, res.told_minutes / called, res.told_worst, res.false_before);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char head[] = "# years\tworld\tseries\tyears_each\tfalse_falls\tpauses\tpauses_found\tdays_until_told\treturns_found\tsurges\n"
                               "# fall\tpercent\tworld\tfalls\tcalled\twithin_10_minutes\tbegan_while_sending\tof_these_within_10\tinterval_held\tmean_error\tworst_error\tmean_told\t"
                               "worst_told\tcalled_before";
    struct slice s;
    if (!slice_asked(argc, argv, CHANGE_WORLDS, head, &s))
        return 0;
    for (unsigned i = s.from, n = (unsigned)s.n; i < s.end; i++) {
        years(&change_worlds[i], n, n < 10 ? n : 10, s.first);
        years(&change_worlds[i], n, 1, s.first + 1000);
        falls(&change_worlds[i], n, 0.1, s.first);
        falls(&change_worlds[i], n, 0.001, s.first);
    }
    return 0;
}
