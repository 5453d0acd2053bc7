#include "scn_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void skip(struct line *l)
{
    while (l->p < l->end && is_blank(*l->p))
        l->p++;
    if (l->p < l->end && *l->p == '#')
        l->p = l->end;
}

bool line_more(struct line *l)
{
    skip(l);
    return l->p < l->end;
}

char *line_word(struct line *l)
{
    if (!line_more(l))
        return NULL;
    if (*l->p == '"') {
        const char *from = ++l->p, *close = memchr(from, '"', (size_t)(l->end - from));
        if (!close)
            die_at(l->at, "a quoted word without its closing quote");
        l->p = close + 1;
        return mem_text(from, (size_t)(close - from));
    }
    const char *from = l->p;
    while (l->p < l->end && !is_blank(*l->p))
        l->p++;
    return mem_text(from, (size_t)(l->p - from));
}

char *line_want(struct line *l, const char *what)
{
    char *w = line_word(l);
    if (!w)
        die_at(l->at, "%s is missing at the end of the line", what);
    return w;
}

void line_end(struct line *l)
{
    if (line_more(l))
        die_at(l->at, "not understood from here on: %.*s", (int)(l->end - l->p), l->p);
}

struct raw line_rest(struct line *l)
{
    while (l->p < l->end && is_blank(*l->p))
        l->p++;
    struct buf b = {0};
    for (; l->p < l->end; l->p++) {
        char c = *l->p;
        if (c == '\r' && l->p + 1 == l->end)
            continue;
        if (c == '\\' && l->p + 1 < l->end && strchr("nt\\", l->p[1])) {
            l->p++;
            c = *l->p == 'n' ? '\n' : *l->p == 't' ? '\t' : '\\';
        }
        buf_byte(&b, c);
    }
    struct raw r = {mem_text(b.p, b.n), l->at};
    buf_free(&b);
    return r;
}

static double number_of(struct line *l, const char *w, const char *what, bool *is_percent)
{
    char *end;
    double v = strtod(w, &end);
    *is_percent = false;
    if (end == w || !isdigit((unsigned char)(w[0] == '.' || w[0] == '-' ? w[1] : w[0])))
        die_at(l->at, "%s must be a number, not \"%s\"", what, w);
    if (*end == 'k' || *end == 'M' || *end == 'G')
        v *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1e9, end++;
    if (*end == '%')
        v /= 100, end++, *is_percent = true;
    if (*end || !(v >= -1e18 && v <= 1e18))
        die_at(l->at, "%s must be a number, not \"%s\"", what, w);
    return v;
}

double line_number(struct line *l, const char *what)
{
    bool is_percent;
    char *w = line_want(l, what);
    double v = number_of(l, w, what, &is_percent);
    if (v < 0)
        die_at(l->at, "%s must not be negative", what);
    free(w);
    return v;
}

unsigned line_count(struct line *l, const char *what, unsigned least, unsigned most)
{
    double v = line_number(l, what);
    if (v < least || v > most || v != (double)(unsigned)v)
        die_at(l->at, "%s must be a whole number from %u to %u", what, least, most);
    return (unsigned)v;
}

double line_share(struct line *l, const char *what)
{
    double v = line_number(l, what);
    if (v > 1)
        die_at(l->at, "%s must be a share from 0%% to 100%%", what);
    return v;
}

int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400, of_year = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool time_parse(const char *s, int64_t *out)
{
    unsigned y, mo, d, h = 0, mi = 0, sec = 0;
    int n = 0;
    if (sscanf(s, "%4u-%2u-%2u%n", &y, &mo, &d, &n) != 3 || n != 10)
        return false;
    s += n;
    if (*s == 'T') {
        if (sscanf(s, "T%2u:%2u%n", &h, &mi, &n) != 2 || n != 6)
            return false;
        s += n;
        if (*s == ':') {
            if (sscanf(s, ":%2u%n", &sec, &n) != 1 || n != 3)
                return false;
            s += n;
        }
    }
    if (*s == 'Z')
        s++;
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (*s || y < 1970 || mo < 1 || mo > 12 || d < 1 || d > lengths[mo - 1] + (unsigned)(mo == 2 && is_leap) || h > 23 || mi > 59 || sec > 59)
        return false;
    *out = (days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) * 1000;
    return true;
}

int64_t line_time(struct line *l)
{
    char *w = line_want(l, "a time");
    int64_t t;
    if (!time_parse(w, &t))
        die_at(l->at, "\"%s\" is no time; write 2011-03-16 or 2011-03-16T14:45 (UTC)", w);
    free(w);
    return t;
}

bool line_has_time(struct line *l)
{
    skip(l);
    const char *p = l->p;
    return l->end - p >= 10 && isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[3]) && p[4] == '-' && p[7] == '-';
}

static int64_t length_of(struct line *l, const char *w)
{
    char *end;
    double v = strtod(w, &end), unit = 0;
    if (end > w && end[0] && !end[1])
        unit = *end == 's' ? 1000 : *end == 'm' ? MINUTE : *end == 'h' ? HOUR : *end == 'd' ? (double)DAY : 0;
    if (unit == 0 || !(v >= 0 && v <= 100000))
        die_at(l->at, "\"%s\" is no length of time; write 90s, 10m, 6h or 5d", w);
    return (int64_t)(v * unit);
}

int64_t line_length(struct line *l)
{
    char *w = line_want(l, "a length of time");
    int64_t v = length_of(l, w);
    free(w);
    return v;
}

static bool divide(char *w, char **second)
{
    char *dots = strstr(w, "..");
    *second = w;
    if (!dots)
        return false;
    *dots = 0;
    *second = dots + 2;
    return true;
}

struct span_ms line_lengths(struct line *l)
{
    char *w = line_want(l, "a length of time"), *second;
    divide(w, &second);
    struct span_ms s = {length_of(l, w), length_of(l, second)};
    if (s.hi < s.lo)
        die_at(l->at, "the second length of time is shorter than the first");
    free(w);
    return s;
}

struct span_ms line_counts(struct line *l)
{
    bool is_percent;
    char *w = line_want(l, "a count"), *second;
    divide(w, &second);
    struct span_ms s = {(int64_t)number_of(l, w, "a count", &is_percent), (int64_t)number_of(l, second, "a count", &is_percent)};
    if (s.lo < 0 || s.hi < s.lo)
        die_at(l->at, "a range of counts must rise from 0 or more");
    free(w);
    return s;
}

double line_rate(struct line *l)
{
    bool is_percent;
    char *w = line_want(l, "a rate"), *slash = strchr(w, '/');
    if (!slash)
        die_at(l->at, "\"%s\" is no rate; write 10/s, 192/min, 5/h or 40/day", w);
    *slash = 0;
    double v = number_of(l, w, "a rate", &is_percent);
    const char *unit = slash + 1;
    double minutes = strcmp(unit, "s") == 0 ? 1.0 / 60 : strcmp(unit, "min") == 0 ? 1 : strcmp(unit, "h") == 0 ? 60
                     : strcmp(unit, "day") == 0 ? 1440 : 0;
    if (minutes == 0 || v < 0)
        die_at(l->at, "a rate is a number /s, /min, /h or /day, not \"%s/%s\"", w, unit);
    free(w);
    return v / minutes;
}

void line_weights(struct line *l, const char *what, uint32_t (*find)(const struct scenario *, const char *), const struct scenario *s,
                  weights *out)
{
    char *w;
    out->n = 0;
    while ((w = line_word(l)) != NULL) {
        struct weighted *one = PUSH(*out);
        bool is_percent;
        char *colon = strrchr(w, ':');
        one->weight = 1;
        if (colon) {
            *colon = 0;
            one->weight = number_of(l, colon + 1, "a weight", &is_percent);
            if (one->weight < 0)
                die_at(l->at, "a weight must not be negative");
        }
        one->id = find ? find(s, w) : (uint32_t)number_of(l, w, what, &is_percent);
        if (find && one->id == UINT32_MAX)
            die_at(l->at, "no %s is named \"%s\" (what is named must stand above)", what, w);
        free(w);
    }
    if (out->n == 0 || !(weights_sum(out) > 0))
        die_at(l->at, "%s: name at least one, with a weight above 0", what);
}
