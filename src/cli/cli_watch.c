#include "cli/cli_watch.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_gate.h"

enum { OPEN_TIMES = 1000 }; /* an upper bound so many times the estimate bounds nothing */

bool cli_watch_option(const struct cli_command *cmd, struct cli_watch *w, int key, bool *bad_out)
{
    *bad_out = false;
    switch (key) {
    case OPT_HOME: w->home = optarg; return true;
    case OPT_AS: w->as = optarg; return true;
    case OPT_MAILERS: w->mailers = optarg; return true;
    case OPT_OURS:
        if (w->n_ours < WATCH_OURS_MAX)
            w->ours[w->n_ours++] = optarg;
        return true;
    case OPT_KEEP:
        w->has_keep = cli_number(optarg, 0, 512, &w->keep);
        if (!w->has_keep)
            cli_usage(cmd, "--keep is a number from 0 to 512");
        *bad_out = !w->has_keep;
        return true;
    default: return false;
    }
}

/* The networks of the settings come first: of two that are as narrow the later decides. */
static int gather_ours(struct cli_watch *w, struct report *why)
{
    const char *const *set;
    size_t n = config_list(w->settings, "observe.ours", &set);
    if (n + w->n_ours > WATCH_OURS_MAX)
        return report_set(why, POSSE_ELIMIT, "more than %d networks of our own; name wider ones", WATCH_OURS_MAX);
    memmove(w->ours + n, w->ours, w->n_ours * sizeof *w->ours);
    for (size_t i = 0; i < n; i++)
        w->ours[i] = set[i];
    w->n_ours += n;
    return 0;
}

static const char *set_path(const struct config *c, const char *key)
{
    const char *s = config_string(c, key);
    return s && *s ? s : NULL;
}

int cli_watch_open(struct cli_watch *w, struct report *why)
{
    if (!cli_home(w->home, w->home_path, sizeof w->home_path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    int rc = cli_settings(NULL, cli_is_dir(w->home_path) ? w->home_path : NULL, &w->settings, why);
    if (!rc)
        rc = gather_ours(w, why);
    if (rc)
        return rc;
    struct observe_options o = {
        .home = w->home_path,
        .mailers = w->mailers ? w->mailers : set_path(w->settings, "observe.mailers"),
        .as_table = w->as ? w->as : set_path(w->settings, "observe.as"),
        .ours = w->ours,
        .n_ours = w->n_ours,
        .originals = (uint32_t)(w->has_keep ? w->keep : (uint64_t)config_int(w->settings, "observe.originals")),
        .originals_bytes = (uint64_t)config_int(w->settings, "observe.originals_bytes"),
        .ham_sample = (size_t)config_int(w->settings, "observe.ham_texts"),
        .is_reader = !w->is_writer,
        .latest_ms = cli_now_ms() + 86400000,
        .campaigns.max_bytes = (size_t)config_int(w->settings, "observe.memory"),
        .campaigns.quiet_ms = config_int(w->settings, "observe.quiet") * 1000,
    };
    return observatory_open(&o, &w->observatory, why);
}

int cli_watch_close(struct cli_watch *w, int status)
{
    struct report why = {0};
    if (w->observatory && observatory_close(&w->observatory, &why) < 0)
        status = cli_report(&why);
    config_free(&w->settings);
    return status;
}

void watch_number(double x, char out[WATCH_NUMBER])
{
    char digits[WATCH_NUMBER];
    if (!(fabs(x) < 1e15)) {
        snprintf(out, WATCH_NUMBER, "%g", x);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", x), at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && digits[i - 1] != '-' && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

static void one(double x, bool is_share, char out[WATCH_NUMBER])
{
    if (is_share)
        snprintf(out, WATCH_NUMBER, "%.1f%%", 100 * x);
    else if (x > 0 && x < 10 && x != floor(x))
        snprintf(out, WATCH_NUMBER, "%.2g", x);
    else
        watch_number(x, out);
}

void watch_estimate(const struct estimate *e, bool is_share, char out[WATCH_ESTIMATE])
{
    char lo[WATCH_NUMBER], mid[WATCH_NUMBER], hi[WATCH_NUMBER];
    one(e->lo, is_share, lo);
    one(e->mid, is_share, mid);
    one(e->hi, is_share, hi);
    if (e->lo == e->hi && e->lo == e->mid) { /* counted: there is nothing to be unsure of */
        snprintf(out, WATCH_ESTIMATE, "%s", mid);
        return;
    }
    if (!is_share && e->mid > 0 && e->hi > OPEN_TIMES * e->mid) /* it has a lower bound only: the rest was never seen */
        snprintf(out, WATCH_ESTIMATE, "%s (%s or more)", mid, lo);
    else
        snprintf(out, WATCH_ESTIMATE, "%s (%s to %s)", mid, lo, hi);
}

void watch_sure(double p, char out[WATCH_NUMBER])
{
    if (p >= 0.9995)
        snprintf(out, WATCH_NUMBER, ">99.9%%");
    else if (p > 0 && p < 0.0005)
        snprintf(out, WATCH_NUMBER, "<0.1%%");
    else
        snprintf(out, WATCH_NUMBER, "%.1f%%", 100 * p);
}

void watch_estimate_json(struct buf *b, const struct estimate *e)
{
    buf_add_str(b, "{\"lo\":");
    json_number(b, e->lo);
    json_name(b, "mid", false);
    json_number(b, e->mid);
    json_name(b, "hi", false);
    json_number(b, e->hi);
    buf_add_fmt(b, ",\"n\":%llu,\"method\":", (unsigned long long)e->n);
    json_string(b, span_str(e->method ? e->method : ""));
    buf_add_byte(b, '}');
}

void watch_time_json(struct buf *b, int64_t ms)
{
    char time[CLI_TIME_MAX];
    if (ms == 0) {
        buf_add_str(b, "null");
        return;
    }
    cli_format_time(ms, time);
    json_string(b, span_str(time));
}

void watch_span(int64_t ms, char out[WATCH_NUMBER])
{
    double s = (double)ms / 1000;
    if (s < 60)
        snprintf(out, WATCH_NUMBER, "%.0f s", s);
    else if (s < 3600)
        snprintf(out, WATCH_NUMBER, "%.0f min", s / 60);
    else if (s < 2 * 86400)
        snprintf(out, WATCH_NUMBER, "%.1f h", s / 3600);
    else
        snprintf(out, WATCH_NUMBER, "%.1f d", s / 86400);
}

const char *watch_change_name(enum change_kind k)
{
    static const char *const names[] = {
        [CHANGE_COLLAPSE] = "collapse", [CHANGE_SURGE] = "surge", [CHANGE_PAUSE] = "pause", [CHANGE_RETURN] = "return"};
    return (size_t)k < sizeof names / sizeof *names ? names[k] : "?";
}

const char *watch_cause_name(enum change_cause c)
{
    static const char *const names[] = {
        [CAUSE_UNKNOWN] = "unknown", [CAUSE_TAKEDOWN] = "takedown", [CAUSE_TRAP] = "trap", [CAUSE_OWN_PATTERN] = "own pattern"};
    return (size_t)c < sizeof names / sizeof *names ? names[c] : "?";
}
