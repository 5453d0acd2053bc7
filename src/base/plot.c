/* plot: scales, and blocks in the terminal. */
#include "base/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOUR_MS 3600000LL
#define DAY_MS 86400000LL

double plot_most(const struct plot *p)
{
    double most = 0;
    for (size_t i = 0; i < p->n_series; i++)
        for (size_t k = 0; k < p->series[i].n; k++) {
            const struct plot_point *x = &p->series[i].point[k];
            double hi = x->hi > x->mid ? x->hi : x->mid;
            if (isfinite(hi) && hi > most)
                most = hi;
        }
    return most;
}

size_t plot_ticks(double most, size_t wanted, double out[PLOT_TICKS_MAX])
{
    if (!(most > 0))
        most = 1;
    if (wanted < 2)
        wanted = 2;
    double raw = most / (double)wanted, unit = pow(10, floor(log10(raw))), step = unit;
    static const double round[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++) {
        step = unit * round[i];
        if (step >= raw * 0.999)
            break;
    }
    size_t n = 0;
    do {
        out[n] = step * (double)n;
        n++;
    } while (n < PLOT_TICKS_MAX && out[n - 1] < most);
    return n;
}

/* The first of January, of a quarter, of a month at or after ms. */
static int64_t month_at(int64_t ms, int months)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    if (tm.tm_mday > 1 || tm.tm_hour || tm.tm_min || tm.tm_sec || ms % 1000)
        tm.tm_mon++;
    tm.tm_mon = (tm.tm_mon + months - 1) / months * months;
    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return (int64_t)timegm(&tm) * 1000;
}

size_t plot_times(int64_t from_ms, int64_t to_ms, size_t wanted, int64_t out[PLOT_TICKS_MAX], int64_t *step_out)
{
    static const int64_t steps[] = {60000, 2 * 60000, 5 * 60000, 10 * 60000, 15 * 60000, 30 * 60000, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS,
                                    6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS};
    static const int months[] = {1, 2, 3, 6, 12, 24, 60, 120};
    size_t n = 0;
    if (wanted < 2)
        wanted = 2;
    if (wanted > PLOT_TICKS_MAX - 2)
        wanted = PLOT_TICKS_MAX - 2;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if ((to_ms - from_ms) / steps[i] > (int64_t)wanted)
            continue;
        /* weeks begin on Mondays: 1970 began on a Thursday */
        int64_t shift = steps[i] >= 7 * DAY_MS ? 4 * DAY_MS : 0, first = (from_ms - shift + steps[i] - 1) / steps[i] * steps[i] + shift;
        for (int64_t t = first; t <= to_ms && n < PLOT_TICKS_MAX; t += steps[i])
            out[n++] = t;
        *step_out = steps[i];
        return n;
    }
    for (size_t i = 0; i < sizeof months / sizeof *months; i++) {
        *step_out = months[i] * 30 * DAY_MS;
        if ((to_ms - from_ms) / *step_out > (int64_t)wanted && i + 1 < sizeof months / sizeof *months)
            continue;
        for (int64_t t = month_at(from_ms, months[i]); t <= to_ms && n < PLOT_TICKS_MAX; t = month_at(t + 1, months[i]))
            out[n++] = t;
        break;
    }
    return n;
}

void plot_time_label(int64_t ms, int64_t step_ms, char out[PLOT_LABEL])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    const char *form = step_ms < DAY_MS ? (tm.tm_hour || tm.tm_min ? "%H:%M" : "%e %b") : step_ms < 28 * DAY_MS ? "%e %b" :
                       step_ms < 360 * DAY_MS ? "%b %Y" : "%Y";
    char text[PLOT_LABEL];
    strftime(text, sizeof text, form, &tm);
    snprintf(out, PLOT_LABEL, "%s", text[0] == ' ' ? text + 1 : text);
}

void plot_value_label(double x, bool is_share, char out[PLOT_LABEL])
{
    if (is_share)
        snprintf(out, PLOT_LABEL, "%.3g%%", 100 * x);
    else if (x >= 1e9)
        snprintf(out, PLOT_LABEL, "%.3gG", x / 1e9);
    else if (x >= 1e6)
        snprintf(out, PLOT_LABEL, "%.3gM", x / 1e6);
    else if (x >= 1e4)
        snprintf(out, PLOT_LABEL, "%.3gk", x / 1e3);
    else
        snprintf(out, PLOT_LABEL, "%.4g", x);
}

/* ---- the terminal ---- */

/* A column's part of a series: means of what falls into it; false: nothing was observed there. */
static bool column(const struct plot *p, const struct plot_series *s, size_t c, size_t columns, struct plot_point *out)
{
    double width = (double)(p->to_ms - p->from_ms) / (double)columns;
    double from = (double)p->from_ms + width * (double)c, to = from + width, weight = 0;
    *out = (struct plot_point){(int64_t)from, 0, 0, 0};
    for (size_t i = 0; i < s->n; i++) {
        double a = (double)s->point[i].time_ms, b = a + (double)p->step_ms;
        double in = fmin(b, to) - fmax(a, from);
        if (in <= 0)
            continue;
        out->lo += in * s->point[i].lo;
        out->mid += in * s->point[i].mid;
        out->hi += in * s->point[i].hi;
        weight += in;
    }
    if (weight <= 0)
        return false;
    out->lo /= weight;
    out->mid /= weight;
    out->hi /= weight;
    return true;
}

static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/* The cell between the values a and b. */
static const char *cell(const struct plot_point *x, double a, double b)
{
    double h = b - a;
    if (x->lo >= b)
        return "█";
    if (x->hi <= a)
        return " ";
    if (x->hi - x->lo < h / 2) { /* a band too thin to be seen */
        double full = (x->mid - a) / h * 8;
        return eighths[full <= 0 ? 0 : full >= 8 ? 8 : (size_t)(full + 0.5)];
    }
    if (x->mid >= a && x->mid < b)
        return "▓";
    return x->mid >= b && x->lo < b ? "▓" : "░";
}

static void put_axis(const struct plot *p, unsigned indent, size_t columns, struct buf *out)
{
    int64_t time[PLOT_TICKS_MAX], step;
    size_t n = plot_times(p->from_ms, p->to_ms, columns / 14, time, &step), at = 0;
    buf_add_fmt(out, "%*s", (int)indent, "");
    for (size_t i = 0; i < n; i++) {
        char label[PLOT_LABEL];
        size_t c = (size_t)((double)(time[i] - p->from_ms) / (double)(p->to_ms - p->from_ms) * (double)columns);
        plot_time_label(time[i], step, label);
        if (c < at || c + strlen(label) + 1 > columns + 8)
            continue;
        buf_add_fmt(out, "%*s|%s", (int)(c - at), "", label);
        at = c + 1 + strlen(label);
    }
    buf_add_str(out, "  UTC\n");
}

static void put_marks(const struct plot *p, unsigned indent, size_t columns, struct buf *out)
{
    char *line = p->n_marks ? malloc(columns + 1) : NULL;
    if (!line)
        return;
    memset(line, ' ', columns);
    for (size_t i = 0; i < p->n_marks; i++)
        if (p->mark[i].time_ms >= p->from_ms && p->mark[i].time_ms < p->to_ms)
            line[(size_t)((double)(p->mark[i].time_ms - p->from_ms) / (double)(p->to_ms - p->from_ms) * (double)columns)] = '^';
    size_t n = columns;
    while (n && line[n - 1] == ' ')
        n--;
    if (n)
        buf_add_fmt(out, "%*s%.*s\n", (int)indent, "", (int)n, line);
    free(line);
}

static void put_one(const struct plot *p, size_t columns, unsigned rows, struct buf *out)
{
    double tick[PLOT_TICKS_MAX];
    size_t n = plot_ticks(plot_most(p), rows / 3, tick);
    double top = tick[n - 1];
    for (unsigned row = rows; row-- > 0;) {
        double a = top * row / rows, b = top * (row + 1) / rows;
        char label[PLOT_LABEL] = "";
        for (size_t i = 0; i < n; i++)
            if (tick[i] > a && tick[i] <= b)
                plot_value_label(tick[i], p->is_share, label);
        buf_add_fmt(out, "%8s ", label);
        size_t blank = 0;
        for (size_t c = 0; c < columns; c++) {
            struct plot_point x;
            const char *s = !column(p, &p->series[0], c, columns, &x) ? (row == 0 ? "·" : " ") : cell(&x, a, b);
            if (*s == ' ') {
                blank++;
                continue;
            }
            buf_add_fmt(out, "%*s%s", (int)blank, "", s);
            blank = 0;
        }
        buf_add_byte(out, '\n');
    }
    put_axis(p, 9, columns, out);
    put_marks(p, 9, columns, out);
}

/* One line: how high, in eighths of the highest of all. */
static void put_line(const struct plot *p, const struct plot_series *s, size_t columns, double most, struct buf *out)
{
    buf_add_fmt(out, "%-24.24s ", s->name);
    for (size_t c = 0; c < columns; c++) {
        struct plot_point x;
        if (!column(p, s, c, columns, &x))
            buf_add_str(out, "·");
        else if (!(x.mid > 0))
            buf_add_byte(out, ' ');
        else
            buf_add_str(out, eighths[1 + (size_t)fmin(7, floor(x.mid / most * 8))]);
    }
    buf_add_byte(out, '\n');
}

void plot_terminal(const struct plot *p, unsigned columns, unsigned rows, struct buf *out)
{
    unsigned indent = p->n_series == 1 ? 9 : 25;
    size_t width = columns > indent + 24 ? columns - indent - 2 : 24;
    if (p->n_series == 0 || p->to_ms <= p->from_ms || p->step_ms <= 0)
        return;
    buf_add_fmt(out, "%s", p->title);
    if (p->is_share)
        buf_add_str(out, ", per cent");
    else
        buf_add_fmt(out, ", %s", p->unit);
    if (p->n_series == 1) {
        buf_add_str(out, "; ░ is the 95% interval\n");
        put_one(p, width, rows < 3 ? 3 : rows, out);
        return;
    }
    double most = plot_most(p);
    char label[PLOT_LABEL];
    plot_value_label(most, p->is_share, label);
    buf_add_fmt(out, "; █ is %s\n", label);
    for (size_t i = 0; i < p->n_series; i++)
        put_line(p, &p->series[i], width, most > 0 ? most : 1, out);
    put_axis(p, indent, width, out);
    put_marks(p, indent, width, out);
}
