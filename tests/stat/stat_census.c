/* stat_census worlds | head | SEEDS FIRST [WORLD]: how near the census comes to the truth, and how often its 95% intervals hold it, world by
 * world. Lease: what it found over what was. */
#include "census_world.h"
#include "slices.h"

int main(int argc, char **argv)
{
    static const char head[] = "world\tseeds\tlive_held_percent\tlive_within_10_percent\tlive_bias_percent\tlive_rms_percent\tlive_width_percent\t"
                               "ever_held_percent\tever_within_10_percent\tever_bias_percent\tdoubt_percent\tlease\tmachines_an_address\taddresses\twindow_held_percent\twindow_within_10_percent\twindow_bias_percent";
    struct slice s;
    if (!slice_asked(argc, argv, CENSUS_WORLDS, head, &s))
        return 0;
    for (unsigned i = s.from; i < s.end; i++) {
        struct census_result res = {0};
        for (uint64_t seed = s.first; seed < s.first + s.n; seed++)
            census_run(seed, &census_worlds[i], &res);
        double n = res.n, p = 100 / n;
        printf("%s\t%u\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%.3f\t%.0f\t%.2f\t%.2f\t%.2f\n", census_worlds[i].name, res.n, res.live_held * p,
               res.live_within10 * p, res.live_bias * p, 100 * sqrt(res.live_error2 / n), res.width * p, res.ever_held * p, res.ever_within10 * p,
               res.ever_bias * p, res.doubts * p, res.lease / n, res.behind / n, res.addresses / n,
               res.window_held * p, res.window_within10 * p, res.window_bias * p);
        fflush(stdout);
    }
    return 0;
}
