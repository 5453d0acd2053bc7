/* Who talks to whom, drawn: hosts on the left, controllers on the right, a line where one spoke to the other. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_gate.h"
#include "cli/trace_out.h"

enum { DRAWN_MOST = 400, ROW = 22, WIDE = 1180, LEFT = 440, RIGHT = 740, HEAD = ROW + 8 };

static void text(struct buf *b, double x, double y, const char *style, const char *s)
{
    buf_add_fmt(b, "<text x=\"%.0f\" y=\"%.0f\" %s>", x, y, style);
    for (; *s; s++)
        if (strchr("<>&\"", *s))
            buf_add_fmt(b, "&#%d;", *s);
        else
            buf_add_byte(b, (uint8_t)*s);
    buf_add_str(b, "</text>\n");
}

static size_t rows_of(const struct incident *x)
{
    size_t n = x->n_hosts < DRAWN_MOST ? x->n_hosts : DRAWN_MOST, m = x->n_controllers < DRAWN_MOST ? x->n_controllers : DRAWN_MOST;
    return n > m ? n : m ? m : 1;
}

static void head(struct buf *b, const struct incident *x, double y)
{
    char line[400], first[CLI_TIME_MAX], last[CLI_TIME_MAX];
    cli_format_time(x->first_ms, first);
    cli_format_time(x->last_ms, last);
    snprintf(line, sizeof line, "%s: %zu host%s, %zu controller%s%s%s, %s to %s%s", x->id, x->n_hosts, x->n_hosts == 1 ? "" : "s", x->n_controllers,
             x->n_controllers == 1 ? "" : "s", x->botnet[0] ? ", botnet " : "", x->botnet, first, last,
             x->n_hosts > DRAWN_MOST || x->n_controllers > DRAWN_MOST ? " (the first 400 are drawn)" : "");
    text(b, 20, y + 14, "font-weight=\"bold\"", line);
}

/* Where they are lines of one name, as far apart as there is room. */
static double place(double y, size_t i, size_t n, size_t rows) { return y + (double)rows * ROW * ((double)i + .5) / (double)n; }

static double incident(struct buf *b, const struct trace *t, const struct incident *x, double y)
{
    size_t rows = rows_of(x), n = x->n_hosts < rows ? x->n_hosts : rows, m = x->n_controllers < rows ? x->n_controllers : rows;
    head(b, x, y);
    y += HEAD;
    for (size_t c = 0; c < m; c++) {
        const struct controller *k = &x->controller[c];
        char label[TRACE_NAME + 120], address[IP_TEXT];
        ip_text(&k->ip, address);
        snprintf(label, sizeof label, "%s:%u %.60s %s", k->name[0] ? k->name : address, k->port, k->as.asn ? k->as.name : "", k->as.country);
        for (size_t i = 0; i < n; i++)
            if (!t || trace_talks(t, &x->host[i]->ip, k))
                buf_add_fmt(b, "<line x1=\"%d\" y1=\"%.0f\" x2=\"%d\" y2=\"%.0f\"/>\n", LEFT + 10, place(y, i, n, rows), RIGHT - 10, place(y, c, m, rows));
        text(b, RIGHT, place(y, c, m, rows) + 4, "", label);
    }
    for (size_t i = 0; i < n; i++) {
        char label[IP_TEXT + TRACE_TEXT], address[IP_TEXT], acts[TRACE_TEXT];
        ip_text(&x->host[i]->ip, address);
        snprintf(label, sizeof label, "%s: %s", address, trace_acts_text(x->host[i]->acts, acts));
        text(b, LEFT, place(y, i, n, rows) + 4, "text-anchor=\"end\"", label);
    }
    return y + (double)rows * ROW + ROW;
}

void trace_svg_write(struct buf *b, const struct trace *t, const struct incident *x, size_t n)
{
    double high = 10, y = 10;
    for (size_t i = 0; i < n; i++)
        high += HEAD + (double)(rows_of(&x[i]) + 1) * ROW;
    buf_add_fmt(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"13\">\n"
                   "<title>Infected hosts and what commands them</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
                   "<style>line { stroke: #7a8894; stroke-width: .7 }</style>\n", WIDE, high);
    for (size_t i = 0; i < n; i++)
        y = incident(b, t, &x[i], y);
    if (!n)
        text(b, 20, 24, "", "no incident");
    buf_add_str(b, "</svg>\n");
}
