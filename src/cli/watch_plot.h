/* watch_plot: where plots and kept messages go: the terminal's width, a file of SVG, an mbox.
 * Threads: main thread only. */
#ifndef POSSE_CLI_WATCH_PLOT_H
#define POSSE_CLI_WATCH_PLOT_H

#include <stdio.h>

#include "base/report.h"
#include "base/plot.h"

unsigned watch_columns(void); /* of the terminal, at most 160; 80 where there is none */
/* Replaces the file, whole or not at all. */
int watch_svg(const struct plot *p, const char *path, struct report *why);
/* One message of an mbox (mboxrd). */
void watch_mbox(FILE *to, int64_t time_ms, struct span raw);

#endif
