/* stat_share worlds | head | SEEDS FIRST [WORLD]: how often the 95% intervals of shares hold the truth, world by world; how far the shares are from
 * what was sent, and from what the trap received. */
#include "share_world.h"
#include "slices.h"

int main(int argc, char **argv)
{
    static const char *const by[SHARE_N] = {"messages", "envelopes", "bytes", "addresses"};
    static const char head[] = "world\tby\tseeds\tintervals\theld_percent\trms_error_points\tbinomial_points\twidth_points\t"
                               "worst_error_to_received_points";
    struct slice s;
    if (!slice_asked(argc, argv, SHARE_WORLDS, head, &s))
        return 0;
    for (unsigned i = s.from; i < s.end; i++) {
        struct share_result res = {0};
        for (uint64_t seed = s.first; seed < s.first + s.n; seed++)
            share_run(seed, &share_worlds[i], &res);
        for (unsigned k = 0; k < SHARE_N; k++) {
            double n = (double)res.asked[k];
            printf("%s\t%s\t%llu\t%.0f\t%.2f\t%.3f\t%.3f\t%.3f\t", share_worlds[i].name, by[k], (unsigned long long)s.n, n,
                   100 * (double)res.held[k] / n, 100 * sqrt(res.error2[k] / n), 100 * sqrt(res.theory2[k] / n), 100 * res.width[k] / n);
            printf(share_worlds[i].doubt > 0 ? "-\n" : "%.6f\n", 100 * res.worst[k]); /* with doubt, whose it is is not known */
        }
        fflush(stdout);
    }
    return 0;
}
