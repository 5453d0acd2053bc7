/* stat_census [SEEDS [FIRST]]: how near the census comes to the truth, and how often its 95% intervals hold it, world by world. */
#include "census_world.h"

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    printf("world\tseeds\tlive_held_percent\twithin_10_percent\tlive_bias_percent\tlive_rms_percent\twidth_percent\tever_held_percent\t"
           "ever_bias_percent\tlease_hours\tmachines_an_address\taddresses\n");
    for (unsigned i = 0; i < CENSUS_WORLDS; i++) {
        struct census_result res = {0};
        for (uint64_t seed = first; seed < first + seeds; seed++)
            census_run(seed, &census_worlds[i], &res);
        double n = res.n, p = 100 / n;
        printf("%s\t%u\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%.2f\t%.1f\t%.3f\t%.0f\n", census_worlds[i].name, res.n, res.live_held * p,
               res.live_within10 * p, res.live_bias * p, 100 * sqrt(res.live_error2 / n), res.width * p, res.ever_held * p,
               res.ever_bias * p, res.lease / n, res.behind / n, res.addresses / n);
        fflush(stdout);
    }
    return 0;
}
