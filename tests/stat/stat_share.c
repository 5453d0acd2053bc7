/* stat_share [SEEDS [FIRST]]: how often the 95% intervals of shares hold the truth, world by world, over so many seeds. */
#include "share_world.h"

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    static const char *const by[SHARE_N] = {"messages", "envelopes", "bytes", "addresses"};
    printf("world\tby\tseeds\tintervals\theld_percent\trms_error_points\tbinomial_points\twidth_points\n");
    for (unsigned i = 0; i < SHARE_WORLDS; i++) {
        struct share_result res = {0};
        for (uint64_t seed = first; seed < first + seeds; seed++)
            share_run(seed, &share_worlds[i], &res);
        for (unsigned k = 0; k < SHARE_N; k++) {
            double n = (double)res.asked[k];
            printf("%s\t%s\t%llu\t%.0f\t%.2f\t%.3f\t%.3f\t%.3f\n", share_worlds[i].name, by[k], (unsigned long long)seeds, n,
                   100 * (double)res.held[k] / n, 100 * sqrt(res.error2[k] / n), 100 * sqrt(res.theory2[k] / n), 100 * res.width[k] / n);
        }
        fflush(stdout);
    }
    return 0;
}
