/* botnet_out: botnets as a table, one in full, as JSON, and as plots.
 * Threads: one, the observatory's. */
#ifndef POSSE_CLI_BOTNET_OUT_H
#define POSSE_CLI_BOTNET_OUT_H

#include "cli/cli_watch.h"
#include "base/plot.h"

struct botnet_view { int64_t from_ms, to_ms; }; /* 0: not given */
/* The stream's last day; whole hours. */
void botnet_view_default(struct botnet_view *v, const struct observatory *o);
bool botnet_find(struct observatory *o, const char *name_or_number, uint32_t *number_out);

int botnets_table(struct buf *b, struct observatory *o, const struct botnet_view *v);
int botnets_json(struct buf *b, struct observatory *o, const struct botnet_view *v);
int botnet_full(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v);
int botnet_json(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v);
/* How its programs write, by what was kept of its messages (engine/gather.h). */
int botnet_mailer(struct buf *b, struct observatory *o, const char *name, bool is_json, struct report *why);

/* A plot with all that it shows; zero it first, deinit it always. */
enum { BOTNET_MARKS = 64 };
struct botnet_plot {
    struct plot plot;
    struct plot_series series[PLOT_SERIES_MAX];
    struct plot_point *points;
    char names[PLOT_SERIES_MAX][BOTNET_NAME];
    struct plot_mark mark[BOTNET_MARKS];
    char texts[BOTNET_MARKS][BOTNET_NAME + 48];
    char title[128];
};
bool botnets_plot(struct botnet_plot *p, struct observatory *o, const struct botnet_view *v); /* shares by messages */
bool botnet_plot(struct botnet_plot *p, struct observatory *o, uint32_t number, const struct botnet_view *v); /* live machines */
void botnet_plot_deinit(struct botnet_plot *p);

#endif
