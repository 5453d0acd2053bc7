/* cli_watch: what the commands of the observatory share: where it is, how it is opened, how numbers with intervals and times are written.
 * Threads: main thread only, but for the writers. */
#ifndef POSSE_CLI_CLI_WATCH_H
#define POSSE_CLI_CLI_WATCH_H

#include "base/buf.h"
#include "cli/cli.h"
#include "engine/observe.h"

enum { WATCH_OURS_MAX = 256, OPT_AS = 350, OPT_MAILERS, OPT_OURS, OPT_KEEP, OPT_SVG, OPT_UNTIL, OPT_LIMIT };
struct cli_watch {
    const char *home, *as, *mailers;
    const char *ours[WATCH_OURS_MAX];
    size_t n_ours;
    uint64_t keep;            /* originals a campaign */
    bool has_keep, is_writer;
    /* filled by cli_watch_open */
    char home_path[4096];
    struct config *settings;
    struct observatory *observatory;
};
/* True: one of OPT_HOME, OPT_AS, OPT_MAILERS, OPT_OURS, OPT_KEEP, and taken; *bad_out: said already that it is wrong. */
bool cli_watch_option(const struct cli_command *cmd, struct cli_watch *w, int key, bool *bad_out);
/* Settings and observatory, also after it failed to be closed with cli_watch_close. */
int cli_watch_open(struct cli_watch *w, struct report *why);
int cli_watch_close(struct cli_watch *w, int status); /* saves what a writer has */

/* "12", "1,234,567" */
enum { WATCH_NUMBER = 32 };
void watch_number(double x, char out[WATCH_NUMBER]);
/* "1,234 (1,100 to 1,400)", without the interval where there is none; with is_share "39.1% (37.0% to 41.2%)". */
enum { WATCH_ESTIMATE = 112 };
void watch_estimate(const struct estimate *e, bool is_share, char out[WATCH_ESTIMATE]);
/* {"lo":..,"mid":..,"hi":..,"n":..,"method":".."} */
void watch_estimate_json(struct buf *b, const struct estimate *e);
/* "2011-03-16T14:45:00Z"; 0: null in JSON, "-" in text. */
void watch_time_json(struct buf *b, int64_t ms);
/* "5 min", "3 h", "12 d" */
/* A probability of what can never be certain: "97.7%", ">99.9%", "<0.1%". */
void watch_sure(double p, char out[WATCH_NUMBER]);
void watch_span(int64_t ms, char out[WATCH_NUMBER]);
const char *watch_change_name(enum change_kind k);
const char *watch_cause_name(enum change_cause c);

#endif
