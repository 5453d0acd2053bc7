/* plot_svg: the picture as SVG: no scripts, no fonts, no links; readable in light and dark. Colours: Okabe & Ito's, which the colour-blind
 * tell apart. */
#include <math.h>
#include <stdio.h>

#include "base/plot.h"

enum { WIDTH = 960, HEIGHT = 440, LEFT = 72, RIGHT = 24, TOP = 64, BOTTOM = 56, LEGEND = 20 };
static const char *const colors[PLOT_SERIES_MAX] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5f3f", "#8c8c00",
                                                    "#777777"};

struct frame { double x0, x1, y0, y1, top; const struct plot *p; };

static double x_of(const struct frame *f, int64_t ms)
{
    double part = (double)(ms - f->p->from_ms) / (double)(f->p->to_ms - f->p->from_ms);
    return f->x0 + (part < 0 ? 0 : part > 1 ? 1 : part) * (f->x1 - f->x0);
}

static double y_of(const struct frame *f, double v)
{
    double part = isfinite(v) && v > 0 ? v / f->top : 0;
    return f->y1 - (part > 1 ? 1 : part) * (f->y1 - f->y0);
}

/* What XML allows, escaped; other bytes as '?'. */
static void put_text(struct buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '<')
            buf_add_str(b, "&lt;");
        else if (c == '&')
            buf_add_str(b, "&amp;");
        else if (c == '"')
            buf_add_str(b, "&quot;");
        else
            buf_add_byte(b, c < 32 || c >= 127 ? '?' : c);
    }
}

static void put_label(struct buf *b, double x, double y, const char *anchor, const char *klass, const char *s)
{
    buf_add_fmt(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, klass);
    put_text(b, s);
    buf_add_str(b, "</text>\n");
}

static void put_axes(struct buf *b, const struct frame *f)
{
    double tick[PLOT_TICKS_MAX];
    int64_t time[PLOT_TICKS_MAX], step;
    char label[PLOT_LABEL];
    size_t n = plot_ticks(plot_most(f->p), 5, tick);
    for (size_t i = 0; i < n; i++) {
        double y = y_of(f, tick[i]);
        buf_add_fmt(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", f->x0, f->x1, y, y);
        plot_value_label(tick[i], f->p->is_share, label);
        put_label(b, f->x0 - 6, y + 4, "end", "tick", label);
    }
    n = plot_times(f->p->from_ms, f->p->to_ms, 10, time, &step);
    for (size_t i = 0; i < n; i++) {
        double x = x_of(f, time[i]);
        buf_add_fmt(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"axis\"/>\n", x, x, f->y1, f->y1 + 5);
        plot_time_label(time[i], step, label);
        put_label(b, x, f->y1 + 19, "middle", "tick", label);
    }
    buf_add_fmt(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"axis\"/>\n", f->x0, f->x1, f->y1, f->y1);
}

/* Where the series goes on without a gap from i: the end. */
static size_t run_end(const struct plot *p, const struct plot_series *s, size_t i)
{
    size_t k = i + 1;
    while (k < s->n && s->point[k].time_ms - s->point[k - 1].time_ms <= p->step_ms + p->step_ms / 2)
        k++;
    return k;
}

static void put_run(struct buf *b, const struct frame *f, const struct plot_series *s, size_t from, size_t to, const char *color)
{
    int64_t half = f->p->step_ms / 2;
    if (to - from == 1) { /* alone: a point with its interval */
        double x = x_of(f, s->point[from].time_ms + half);
        buf_add_fmt(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-opacity=\"0.4\" stroke-width=\"3\"/>"
                       "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n",
                    x, x, y_of(f, s->point[from].lo), y_of(f, s->point[from].hi), color, x, y_of(f, s->point[from].mid), color);
        return;
    }
    buf_add_str(b, "<path d=\"");
    for (size_t i = from; i < to; i++)
        buf_add_fmt(b, "%c%.1f %.1f", i == from ? 'M' : 'L', x_of(f, s->point[i].time_ms + half), y_of(f, s->point[i].hi));
    for (size_t i = to; i-- > from;)
        buf_add_fmt(b, "L%.1f %.1f", x_of(f, s->point[i].time_ms + half), y_of(f, s->point[i].lo));
    buf_add_fmt(b, "Z\" fill=\"%s\" fill-opacity=\"0.22\"/>\n<path d=\"", color);
    for (size_t i = from; i < to; i++)
        buf_add_fmt(b, "%c%.1f %.1f", i == from ? 'M' : 'L', x_of(f, s->point[i].time_ms + half), y_of(f, s->point[i].mid));
    buf_add_fmt(b, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-linejoin=\"round\"/>\n", color);
}

static void put_series(struct buf *b, const struct frame *f)
{
    for (size_t i = 0; i < f->p->n_series && i < PLOT_SERIES_MAX; i++) {
        const struct plot_series *s = &f->p->series[i];
        for (size_t k = 0, end; k < s->n; k = end) {
            end = run_end(f->p, s, k);
            put_run(b, f, s, k, end, colors[i]);
        }
    }
}

/* Marks stand in rows, so that their texts do not run into each other. */
static void put_marks(struct buf *b, const struct frame *f)
{
    enum { ROWS = 4 };
    double free_from[ROWS] = {0};
    for (size_t i = 0; i < f->p->n_marks; i++) {
        const struct plot_mark *m = &f->p->mark[i];
        if (m->time_ms < f->p->from_ms || m->time_ms >= f->p->to_ms)
            continue;
        double x = x_of(f, m->time_ms), width = 6.2 * (double)strlen(m->text) + 10;
        bool is_left = x + width > WIDTH;
        double start = is_left ? x - width : x;
        size_t row = 0;
        while (row < ROWS && free_from[row] > start)
            row++;
        buf_add_fmt(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"mark\"/>\n", x, x, f->y0, f->y1);
        if (row == ROWS)
            continue;
        free_from[row] = start + width;
        put_label(b, is_left ? x - 4 : x + 4, f->y0 + 11 + 13 * (double)row, is_left ? "end" : "start", "note", m->text);
    }
}

static void put_legend(struct buf *b, const struct plot *p)
{
    double x = LEFT, y = HEIGHT + 4;
    for (size_t i = 0; i < p->n_series && i < PLOT_SERIES_MAX && p->n_series > 1; i++) {
        double width = 30 + 7.2 * (double)strlen(p->series[i].name);
        if (x + width > WIDTH - RIGHT && x > LEFT) {
            x = LEFT;
            y += LEGEND;
        }
        buf_add_fmt(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x, y - 10, colors[i]);
        put_label(b, x + 17, y, "start", "tick", p->series[i].name);
        x += width;
    }
}

static unsigned legend_rows(const struct plot *p)
{
    double x = LEFT;
    unsigned rows = p->n_series > 1;
    for (size_t i = 0; i < p->n_series && i < PLOT_SERIES_MAX && p->n_series > 1; i++) {
        double width = 30 + 7.2 * (double)strlen(p->series[i].name);
        if (x + width > WIDTH - RIGHT && x > LEFT) {
            x = LEFT;
            rows++;
        }
        x += width;
    }
    return rows;
}

void plot_svg(const struct plot *p, struct buf *out)
{
    static const char style[] =
        "<style>svg{background:#fff;color:#222;font-family:sans-serif}text{fill:currentColor}.title{font-size:17px}.unit,.tick{font-size:12px}"
        ".note{font-size:11px}.grid{stroke:currentColor;stroke-opacity:.15}.axis{stroke:currentColor;stroke-opacity:.7}"
        ".mark{stroke:currentColor;stroke-opacity:.6;stroke-dasharray:4 3}";
    static const char dark[] = "@media(prefers-color-scheme:dark){svg{background:#16181c;color:#ddd}}";
    double tick[PLOT_TICKS_MAX];
    size_t n = plot_ticks(plot_most(p), 5, tick);
    struct frame f = {LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM, tick[n - 1], p};
    unsigned height = HEIGHT + LEGEND * legend_rows(p);
    buf_add_fmt(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\"", WIDTH, height);
    if (!p->is_page)
        buf_add_fmt(out, " width=\"%d\" height=\"%u\"", WIDTH, height);
    buf_add_str(out, " role=\"img\">\n<title>");
    put_text(out, p->title);
    buf_add_str(out, "</title>\n");
    buf_add_str(out, style);
    buf_add_str(out, p->is_page ? "</style>\n" : dark);
    buf_add_str(out, p->is_page ? "" : "</style>\n");
    put_label(out, LEFT, 26, "start", "title", p->title);
    put_label(out, LEFT, 47, "start", "unit", p->is_share ? "share, per cent" : p->unit);
    put_label(out, WIDTH - RIGHT, 47, "end", "unit", "bands are 95% intervals; times in UTC");
    if (p->to_ms > p->from_ms && p->step_ms > 0) {
        put_axes(out, &f);
        put_series(out, &f);
        put_marks(out, &f);
    }
    put_legend(out, p);
    buf_add_str(out, "</svg>\n");
}
