#include "mail/date.h"

/* Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible
 * low-level date algorithms", 2013). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct cursor {
    struct span s;
    size_t at;
};

static void skip(struct cursor *c)
{
    unsigned depth = 0;
    for (; c->at < c->s.n; c->at++) {
        uint8_t b = c->s.p[c->at];
        if (b == '(')
            depth++;
        else if (b == ')' && depth)
            depth--;
        else if (!depth && !ascii_is_space(b) && b != ',' && b != '-' && b != '.')
            return;
    }
}

static bool number(struct cursor *c, int64_t *out, unsigned *digits)
{
    skip(c);
    size_t from = c->at;
    *out = 0;
    while (c->at < c->s.n && ascii_is_digit(c->s.p[c->at]) && c->at - from < 9)
        *out = *out * 10 + (c->s.p[c->at++] - '0');
    *digits = (unsigned)(c->at - from);
    return *digits > 0;
}

static struct span word(struct cursor *c)
{
    skip(c);
    size_t from = c->at;
    while (c->at < c->s.n && ascii_is_alpha(c->s.p[c->at]))
        c->at++;
    return span_sub(c->s, from, c->at);
}

static int month_of(struct span w)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12 && w.n >= 3; i++)
        if (span_istarts(w, span_of(names + 3 * i, 3)))
            return i + 1;
    return 0;
}

/* "+0130", "GMT", "EST"; false: none or unknown. */
static bool zone(struct cursor *c, int *minutes)
{
    while (c->at < c->s.n && ascii_is_space(c->s.p[c->at]))
        c->at++;
    *minutes = 0;
    if (c->at < c->s.n && (c->s.p[c->at] == '+' || c->s.p[c->at] == '-')) {
        int sign = c->s.p[c->at++] == '-' ? -1 : 1;
        int64_t v;
        unsigned digits;
        if (!number(c, &v, &digits) || digits != 4 || v > 9959)
            return false;
        *minutes = sign * (int)(v / 100 * 60 + v % 100);
        return v % 100 < 60 && v / 100 <= 14;
    }
    static const struct { const char *name; int minutes; } named[] = {
        {"ut", 0}, {"utc", 0}, {"gmt", 0}, {"z", 0}, {"est", -300}, {"edt", -240}, {"cst", -360},
        {"cdt", -300}, {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420}};
    struct span w = word(c);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (span_ieq(w, span_str(named[i].name))) {
            *minutes = named[i].minutes;
            return true;
        }
    return false;
}

bool date_read(struct span value, struct mail_date *out)
{
    struct cursor c = {value, 0};
    int64_t day = 0, year, hour, minute, second = 0;
    unsigned digits, year_digits;
    *out = (struct mail_date){0};
    struct span w = word(&c);
    int month = month_of(w);
    if (!month) { /* that was a weekday, or nothing */
        size_t at = c.at;
        month = month_of(word(&c));
        if (!month)
            c.at = at;
    }
    bool asctime = month != 0; /* "Thu Mar  4 10:00:00 2004": month before day */
    if (!number(&c, &day, &digits) || digits > 2)
        return false;
    if (!asctime && !(month = month_of(word(&c))))
        return false;
    if (!asctime && !number(&c, &year, &year_digits))
        return false;
    if (!number(&c, &hour, &digits) || c.at >= value.n || value.p[c.at++] != ':' ||
        !number(&c, &minute, &digits))
        return false;
    if (c.at < value.n && value.p[c.at] == ':') {
        c.at++;
        if (!number(&c, &second, &digits))
            return false;
    }
    if (asctime && !number(&c, &year, &year_digits))
        return false;
    bool zoned = zone(&c, &out->zone_minutes);
    if (year_digits == 2)
        year += year < 50 ? 2000 : 1900;
    else if (year_digits == 3)
        year += 1900;
    if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || year < 1900 || year > 9999)
        return false;
    out->strict = zoned && year_digits == 4 && !asctime;
    out->unix_s = ((days_from_civil(year, month, (int)day) * 24 + hour) * 60 + minute - out->zone_minutes) * 60 + second;
    return true;
}
