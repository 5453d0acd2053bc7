#include <stdio.h>

#include "case/casefile.h"

enum { DAY_S = 86400, YEARS_400_DAYS = 146097 };

/* Days since 1970 of a date of the Gregorian calendar, and back (Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * YEARS_400_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, int *y, unsigned *m, unsigned *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - (YEARS_400_DAYS - 1)) / YEARS_400_DAYS;
    int64_t doe = days - era * YEARS_400_DAYS;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

void case_time_text(const struct case_time *t, char out[CASE_TIME_TEXT])
{
    int64_t local = t->unix_ms + (int64_t)t->offset_minutes * 60000, s = floor_div(local, 1000), days = floor_div(s, DAY_S);
    unsigned ms = (unsigned)(local - s * 1000), day_s = (unsigned)(s - days * DAY_S), m, d;
    int y, off = t->offset_minutes < 0 ? -t->offset_minutes : t->offset_minutes;
    date_of(days, &y, &m, &d);
    snprintf(out, CASE_TIME_TEXT, "%04d-%02u-%02uT%02u:%02u:%02u.%03u%c%02d:%02d", y, m, d, day_s / 3600, day_s / 60 % 60, day_s % 60, ms,
             t->offset_minutes < 0 ? '-' : '+', off / 60, off % 60);
}

static bool digits(struct span s, size_t at, size_t n, unsigned *out)
{
    *out = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return true;
}

/* Exactly the form that case_time_text writes. */
bool case_time_read(struct span s, struct case_time *out)
{
    static const char form[] = "####-##-##T##:##:##.###+##:##";
    unsigned y, mo, d, h, mi, sec, ms, oh, om;
    if (s.n != sizeof form - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (form[i] != '#' && s.p[i] != (uint8_t)form[i] && !(form[i] == '+' && s.p[i] == '-'))
            return false;
    if (!digits(s, 0, 4, &y) || !digits(s, 5, 2, &mo) || !digits(s, 8, 2, &d) || !digits(s, 11, 2, &h) || !digits(s, 14, 2, &mi) ||
        !digits(s, 17, 2, &sec) || !digits(s, 20, 3, &ms) || !digits(s, 24, 2, &oh) || !digits(s, 27, 2, &om))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60 || oh > 23 || om > 59)
        return false;
    int offset = (int)(oh * 60 + om);
    out->offset_minutes = s.p[23] == '-' ? -offset : offset;
    out->unix_ms = (days_of(y, mo, d) * DAY_S + h * 3600 + mi * 60 + sec) * 1000 + ms - (int64_t)out->offset_minutes * 60000;
    return true;
}
