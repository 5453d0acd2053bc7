/* When, and how the date is written: programs differ in the form, forgers in the instant. */
#include "filter/shape_priv.h"
#include "mail/date.h"

enum { DATE_BYTES = 128, HOUR = 3600, DAY = 86400 };

enum zone_form { ZONE_FORM_NONE, ZONE_FORM_PLUS, ZONE_FORM_MINUS, ZONE_FORM_NUMBER, ZONE_FORM_NAME, ZONE_FORM_ODD };
enum day_form { DAY_FORM_TWO, DAY_FORM_ZERO, DAY_FORM_BARE, DAY_FORM_WIDE };

struct date_form {
    int weekday; /* 0: Sunday; -1: none */
    enum zone_form zone;
    enum day_form day;
    bool comma, month_first, comment, seconds;
};

static int weekday_of(struct span w)
{
    static const char names[] = "sunmontuewedthufrisat";
    for (int i = 0; w.n >= 3 && i < 7; i++)
        if (span_istarts(w, span_of(names + 3 * i, 3)))
            return i;
    return -1;
}

static size_t skip_space(struct span s, size_t i)
{
    while (i < s.n && ascii_is_space(s.p[i]))
        i++;
    return i;
}

static size_t skip_alpha(struct span s, size_t i)
{
    while (i < s.n && ascii_is_alpha(s.p[i]))
        i++;
    return i;
}

static size_t skip_digits(struct span s, size_t i)
{
    while (i < s.n && ascii_is_digit(s.p[i]))
        i++;
    return i;
}

/* i stands after the time. A zone is on a quarter of an hour and at most 14 hours off. */
static enum zone_form zone_form(struct span s, size_t i)
{
    i = skip_space(s, i);
    if (i == s.n || s.p[i] == '(')
        return ZONE_FORM_NONE;
    if (s.p[i] != '+' && s.p[i] != '-')
        return skip_alpha(s, i) > i ? ZONE_FORM_NAME : ZONE_FORM_NONE;
    size_t end = skip_digits(s, i + 1);
    unsigned v = 0;
    for (size_t j = i + 1; j < end && j < i + 6; j++)
        v = v * 10 + (s.p[j] - 48u);
    unsigned m = v % 100;
    if (end != i + 5 || v > 1400 || (m != 0 && m != 15 && m != 30 && m != 45))
        return ZONE_FORM_ODD;
    return v ? ZONE_FORM_NUMBER : s.p[i] == '+' ? ZONE_FORM_PLUS : ZONE_FORM_MINUS;
}

static struct date_form read_form(struct span s)
{
    struct date_form f = {.weekday = -1};
    size_t i = skip_alpha(s, 0);
    f.weekday = weekday_of(span_sub(s, 0, i));
    f.comma = i < s.n && s.p[i] == ',';
    i += f.comma;
    size_t from = i;
    i = skip_space(s, i);
    bool wide = i - from > 1, zero = i < s.n && s.p[i] == '0';
    f.month_first = i < s.n && ascii_is_alpha(s.p[i]);
    size_t digits = skip_digits(s, i) - i;
    f.day = digits == 2 ? (zero ? DAY_FORM_ZERO : DAY_FORM_TWO) : wide ? DAY_FORM_WIDE : DAY_FORM_BARE;
    size_t colons = 0, after = i;
    for (; i < s.n && s.p[i] != '('; i++)
        if (s.p[i] == ':' && ascii_is_digit(s.p[i - 1]) && ++colons <= 2)
            after = skip_digits(s, i + 1);
    f.comment = i < s.n;
    f.seconds = colons > 1;
    f.zone = zone_form(s, after);
    return f;
}

static void emit_form(struct shape *x, const struct date_form *f, const struct mail_date *d, struct span at)
{
    static const char *const zone[] = {"Date without a time zone",
                                       "Date in +0000",
                                       "Date in -0000",
                                       "Date with a numeric time zone",
                                       "Date with a named time zone",
                                       "Date in a time zone that does not exist"};
    static const char *const day[] = {"Date with a day of two digits", "Date with a zero before the day",
                                      "Date with a day of one digit", "Date with two spaces before the day"};
    bool weekday = f->weekday >= 0 && f->comma;
    shape_put(x, SHAPE_KIND(SHAPE_DATE, 1), f->zone, zone[f->zone], at);
    shape_put(x, SHAPE_KIND(SHAPE_DATE, 2), f->day, day[f->day], at);
    shape_flag(x, SHAPE_KIND(SHAPE_DATE, 3), f->comment, "Date with a comment", "Date without a comment", at);
    shape_flag(x, SHAPE_KIND(SHAPE_DATE, 4), weekday, "Date with a weekday", "Date without a weekday", at);
    int64_t days = (d->unix_s + (int64_t)d->zone_minutes * 60) / DAY;
    if (f->weekday >= 0 && d->unix_s > DAY && (days + 4) % 7 != f->weekday) /* 1970-01-01 was a Thursday */
        shape_put(x, SHAPE_KIND(SHAPE_DATE, 5), 1, "Date falls on another weekday than it says", at);
    if (f->month_first)
        shape_put(x, SHAPE_KIND(SHAPE_DATE, 6), 1, "Date with the month before the day", at);
    if (!f->seconds)
        shape_put(x, SHAPE_KIND(SHAPE_DATE, 7), 1, "Date without seconds", at);
}

/* Against the clock of the host that wrote the top Received field: nearest to the reader, least forgeable. */
static void emit_skew(struct shape *x, const struct mail_date *d, struct span at)
{
    struct span hop = shape_raw(x, FIELD_RECEIVED);
    const uint8_t *semi = hop.n ? memrchr(hop.p, ';', hop.n) : NULL;
    struct mail_date got;
    if (!semi || !date_read(span_sub(span_of(semi + 1, (size_t)(hop.p + hop.n - semi - 1)), 0, DATE_BYTES), &got))
        return;
    int64_t late = got.unix_s - d->unix_s;
    static const char *const label[] = {"Date fits its arrival", "Date lies in the future of its arrival",
                                        "Date lies more than an hour before its arrival",
                                        "Date lies more than six hours before its arrival",
                                        "Date lies more than three days before its arrival"};
    unsigned skew = late < -HOUR ? 1 : late > 3 * DAY ? 4 : late > 6 * HOUR ? 3 : late > HOUR ? 2 : 0;
    shape_put(x, SHAPE_KIND(SHAPE_DATE, 8), skew, label[skew], at);
}

void shape_date(struct shape *x)
{
    struct span raw = span_sub(shape_raw(x, FIELD_DATE), 0, DATE_BYTES);
    struct mail_date d;
    bool ok = raw.n && date_read(raw, &d);
    static const char *const label[] = {"Date is readable", "no Date", "Date is unreadable"};
    unsigned state = ok ? 0 : raw.n == 0 ? 1 : 2;
    shape_put(x, SHAPE_KIND(SHAPE_DATE, 0), state, label[state], raw);
    if (!ok)
        return;
    struct date_form f = read_form(raw);
    emit_form(x, &f, &d, raw);
    emit_skew(x, &d, raw);
}
