/* plot: a history as blocks in the terminal, or as a self-contained SVG: series in time, each with the band of its 95% interval, with
 * axes, units, and times in UTC. What was not observed is a gap, not a zero.
 * Ownership: everything is the caller's and lives for the call.  Limits: PLOT_SERIES_MAX series in one picture.  Errors: the buf's own.
 * Threads: reentrant.  Texts may be anybody's: they are escaped. */
#ifndef POSSE_BASE_PLOT_H
#define POSSE_BASE_PLOT_H

#include "base/buf.h"

enum { PLOT_SERIES_MAX = 9, PLOT_TICKS_MAX = 16 };

struct plot_point { int64_t time_ms; double lo, mid, hi; }; /* of the piece of time that begins there */
struct plot_series { const char *name; const struct plot_point *point; size_t n; /* ascending */ };
struct plot_mark { int64_t time_ms; const char *text; };
struct plot {
    const char *title, *unit;    /* "messages an hour"; with is_share ignored: the axis says per cent */
    bool is_share;               /* 0 to 1, written as per cent */
    int64_t from_ms, to_ms, step_ms; /* what is shown, and how long a piece is */
    const struct plot_series *series; size_t n_series;
    const struct plot_mark *mark; size_t n_marks;
    bool is_page;                /* for a page that is printed: as wide as there is room, always light */
};

/* columns: of the terminal; rows: of the picture. One series fills it; of several each has a line of its own. */
void plot_terminal(const struct plot *p, unsigned columns, unsigned rows, struct buf *out);
void plot_svg(const struct plot *p, struct buf *out);

/* ---- for both, and for tests ---- */

/* Round steps from 0 to at least `most`: how many, the last one is the axis's end. */
size_t plot_ticks(double most, size_t wanted, double out[PLOT_TICKS_MAX]);
/* Round times in [from, to]; *step_out: their distance. */
size_t plot_times(int64_t from_ms, int64_t to_ms, size_t wanted, int64_t out[PLOT_TICKS_MAX], int64_t *step_out);
/* "14:00", "16 Mar", "Mar 2011": what is needed at that distance. */
enum { PLOT_LABEL = 24 };
void plot_time_label(int64_t ms, int64_t step_ms, char out[PLOT_LABEL]);
void plot_value_label(double x, bool is_share, char out[PLOT_LABEL]);
double plot_most(const struct plot *p); /* the highest end of a band */

#endif
