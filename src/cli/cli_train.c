/* posse train: builds a model to ship from labelled mail. */
#include <getopt.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/train.h"
#include "filter/prior.h"

enum { OPT_ROOT = 400, OPT_FEATURES, OPT_WITHOUT, OPT_BITS };

static void step(void *ctx) { progress_step(ctx); }

static int train(const struct train_options *wanted)
{
    struct report why = {0};
    struct config *settings;
    struct progress progress;
    struct train_options o = *wanted;
    if (cli_settings(NULL, NULL, &settings, &why) != 0)
        return cli_report(&why);
    if (o.threads == 0)
        o.threads = cli_threads(settings);
    o.max_bytes = (size_t)config_int(settings, "limits.message_bytes");
    config_free(&settings);
    progress_init(&progress, "read");
    o.step = step;
    o.ctx = &progress;
    int rc = train_run(&o, &why);
    progress_clear(&progress);
    return rc == 0 ? CLI_OK : cli_report(&why);
}

static int train_command(const struct cli_command *cmd, int argc, char **argv)
{
    struct train_options o = {0};
    uint64_t threads = 0, bits;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        switch (key) {
        case 'o': o.out = optarg; break;
        case OPT_ROOT: o.root = optarg; break;
        case OPT_WITHOUT: o.without = optarg; break;
        case OPT_FEATURES: o.features = optarg; break;
        case OPT_BITS:
            if (!cli_number(optarg, PRIOR_BITS_LEAST, PRIOR_BITS, &bits))
                return cli_usage(cmd, "--bits is a number from 12 to 21");
            o.bits = (unsigned)bits;
            break;
        case OPT_THREADS:
            if (!cli_number(optarg, 1, 1024, &threads))
                return cli_usage(cmd, "--threads is a number from 1 to 1024");
            o.threads = (unsigned)threads;
            break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (first == argc || !o.out)
        return cli_usage(cmd, first == argc ? "at least one SOURCE is expected" : "-o MODEL is needed");
    o.index = (const char *const *)argv + first;
    o.n_index = (size_t)(argc - first);
    return train(&o);
}

static const struct cli_option train_options[] = {
    {'o', "output", "MODEL", "the file to write"},
    {OPT_ROOT, "root", "DIR", "what the paths of the indexes are relative to (each index's folder)"},
    {OPT_FEATURES, "features", "FILE", "write the strongest features in words there"},
    {OPT_WITHOUT, "without", "FILE", "words that may not be evidence, one a line"},
    {OPT_BITS, "bits", "N", "log2 of the model's slots, 12 to 21: fewer make a smaller file (21)"},
    {OPT_THREADS, "threads", "N", "how many threads read mail (scan.threads)"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_train = {
    .name = "train",
    .summary = "build a model to ship",
    .synopsis = "[OPTION]... SOURCE... -o MODEL",
    .about = "Builds a model from labelled mail, of features that mean the same in anybody's mail. A SOURCE is an\n"
             "index, or several joined by '+' that speak of the same people or lists: what only one source\n"
             "says is not believed. The same input gives the same bytes. Exit status: 0 fine, 2 trouble; the model is then not written.",
    .options = train_options,
    .run = train_command,
};
