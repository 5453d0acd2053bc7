/* posse version: what this program is, and what it can read. */
#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "base/jsonout.h"
#include "filter/view.h"
#include "store/snapshot.h"

static int version_run(const struct cli_command *cmd, int argc, char **argv)
{
    bool is_json = false;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (key != OPT_JSON)
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        is_json = true;
    }
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    if (is_json)
        printf("{\"version\":\"%s\",\"extractor\":%d,\"snapshot_format\":%d}\n", POSSE_VERSION, EXTRACTOR_VERSION,
               SNAPSHOT_FORMAT);
    else
        printf("posse %s (extractor %d, snapshot format %d)\n", POSSE_VERSION, EXTRACTOR_VERSION, SNAPSHOT_FORMAT);
    return CLI_OK;
}

static const struct cli_option version_options[] = {
    {OPT_JSON, "json", NULL, "as a JSON object"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_version = {
    .name = "version",
    .summary = "print the version",
    .synopsis = "[--json]",
    .about = "Prints the versions of the program, of the feature extractor and of the model's format.",
    .options = version_options,
    .run = version_run,
};
