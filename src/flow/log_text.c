#include "flow/log_text.h"

bool log_u64(struct span s, uint64_t *out)
{
    uint64_t x = 0;
    if (s.n == 0 || s.n > 20)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)s.p[i] - '0';
        if (d > 9 || (i == 19 && (x > UINT64_MAX / 10 || x * 10 > UINT64_MAX - d)))
            return false;
        x = x * 10 + d;
    }
    *out = x;
    return true;
}

bool log_port(struct span s, uint16_t *out)
{
    uint64_t x = 0;
    if (s.n > 2 && s.n <= 6 && s.p[0] == '0' && s.p[1] == 'x') {
        for (size_t i = 2; i < s.n; i++) {
            uint8_t c = ascii_lower(s.p[i]);
            if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
                return false;
            x = x << 4 | (ascii_is_digit(c) ? (unsigned)c - '0' : (unsigned)c - 'a' + 10);
        }
    } else if (!log_u64(s, &x) || x > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)x;
    return true;
}

/* "e9", "E-3" after the digits of a number: JSON may write a time so. */
static bool exponent(struct span s, int *out)
{
    uint64_t x;
    bool minus = s.n > 1 && s.p[1] == '-';
    size_t from = 1 + (s.n > 1 && (s.p[1] == '-' || s.p[1] == '+'));
    if (s.n < 2 || (s.p[0] | 0x20) != 'e' || !log_u64(span_sub(s, from, s.n), &x) || x > 30)
        return false;
    *out = minus ? -(int)x : (int)x;
    return true;
}

/* Digits and a point, scaled by 10^(6 + e): 19 digits count, the rest is dropped. */
bool log_seconds(struct span s, int64_t *out_us)
{
    size_t i = 0, digits = 0;
    int scale = 6, e = 0;
    uint64_t x = 0;
    bool minus = s.n && s.p[0] == '-', point = false;
    for (i = minus; i < s.n; i++) {
        unsigned d = (unsigned)s.p[i] - '0';
        if (d <= 9) {
            digits++;
            if (x < UINT64_C(900000000000000000)) { /* another digit fits */
                x = x * 10 + d;
                scale -= point;
            } else if (!point) {
                scale++;
            }
        } else if (s.p[i] == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (digits == 0 || digits > 40 || (i < s.n && !exponent(span_sub(s, i, s.n), &e)))
        return false;
    for (scale += e; scale < 0 && x; scale++)
        x /= 10;
    for (; scale > 0 && x; scale--)
        if (__builtin_mul_overflow(x, 10, &x))
            return false;
    if (x > INT64_MAX)
        return false;
    *out_us = minus ? -(int64_t)x : (int64_t)x;
    return true;
}

/* Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last one. */
int64_t log_days(int year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400), of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

/* "+0200", "-05:30", "Z" or nothing, in seconds east of Greenwich. */
static bool zone(struct span s, int *out_s)
{
    unsigned d[4], n = 0;
    *out_s = 0;
    if (s.n == 0 || (s.n == 1 && (s.p[0] | 0x20) == 'z'))
        return true;
    if (s.p[0] != '+' && s.p[0] != '-')
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (i == 3 && s.p[i] == ':')
            continue;
        if (n == 4 || !ascii_is_digit(s.p[i]))
            return false;
        d[n++] = (unsigned)s.p[i] - '0';
    }
    if (n != 4 && n != 2)
        return false;
    *out_s = (int)((d[0] * 10 + d[1]) * 3600 + (n == 4 ? (d[2] * 10 + d[3]) * 60 : 0)) * (s.p[0] == '-' ? -1 : 1);
    return true;
}

bool log_date(struct span s, int64_t *out_us)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    unsigned v[6] = {0}, at = 0;
    int east;
    int64_t us = 0;
    size_t i = 0;
    if (s.n < sizeof shape - 1)
        return false;
    for (; i < sizeof shape - 1; i++) {
        uint8_t c = s.p[i];
        if (shape[i] == 'd' ? !ascii_is_digit(c) : shape[i] == '-' ? c != '-' && c != '/' : shape[i] == 'T' ? c != 'T' && c != ' ' : c != ':')
            return false;
        if (shape[i] == 'd')
            v[at] = v[at] * 10 + (unsigned)c - '0';
        else
            at++;
    }
    if (i < s.n && (s.p[i] == '.' || s.p[i] == ',')) {
        int64_t unit = 100000;
        for (i++; i < s.n && ascii_is_digit(s.p[i]); i++, unit /= 10)
            us += unit * (s.p[i] - '0');
    }
    if (!zone(span_sub(s, i, s.n), &east) || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
        return false;
    int64_t seconds = log_days((int)v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5] - east;
    *out_us = seconds * 1000000 + us;
    return true;
}

bool log_ip(struct span s, struct ip *out)
{
    uint32_t all = 0, octet = 0;
    unsigned dots = 0, digits = 0;
    if (s.n > 15)
        return ip_read(s, out);
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)s.p[i] - '0';
        if (d <= 9 && digits < 3 && !(digits && octet == 0)) {
            octet = octet * 10 + d;
            digits++;
        } else if (s.p[i] == '.' && digits && octet <= 255 && dots < 3) {
            all = all << 8 | octet;
            octet = digits = 0;
            dots++;
        } else {
            return ip_read(s, out);
        }
    }
    if (dots != 3 || !digits || octet > 255)
        return false;
    *out = ip_of_v4(all << 8 | octet);
    return true;
}

bool log_proto(struct span s, uint8_t *out)
{
    static const struct { struct span name; uint8_t is; } known[] = {
        {LOG_NAME("tcp"), 6}, {LOG_NAME("udp"), 17}, {LOG_NAME("icmp"), 1}, {LOG_NAME("icmp6"), 58}, {LOG_NAME("ipv6-icmp"), 58},
        {LOG_NAME("igmp"), 2}, {LOG_NAME("sctp"), 132}, {LOG_NAME("gre"), 47}, {LOG_NAME("esp"), 50}, {LOG_NAME("ah"), 51},
        {LOG_NAME("ipip"), 4}, {LOG_NAME("ipnip"), 4}, {LOG_NAME("ipv6"), 41}, {LOG_NAME("pim"), 103}, {LOG_NAME("ospf"), 89},
        {LOG_NAME("ospfigp"), 89}, {LOG_NAME("vrrp"), 112}, {LOG_NAME("udplite"), 136}, {LOG_NAME("rtp"), 17}, {LOG_NAME("rtcp"), 17},
        {LOG_NAME("rsvp"), 46}, {LOG_NAME("eigrp"), 88}, {LOG_NAME("l2tp"), 115}, {LOG_NAME("dccp"), 33}, {LOG_NAME("egp"), 8},
    };
    uint64_t x;
    if (s.n == 3 && (s.p[0] | 0x20) == 't' && (s.p[1] | 0x20) == 'c' && (s.p[2] | 0x20) == 'p') {
        *out = 6;
        return true;
    }
    for (size_t i = 1; i < sizeof known / sizeof *known; i++)
        if (s.n == known[i].name.n && span_ieq(s, known[i].name)) {
            *out = known[i].is;
            return true;
        }
    if (!log_u64(s, &x) || x > 255)
        return false;
    *out = (uint8_t)x;
    return true;
}

static int hex(uint8_t c)
{
    uint8_t low = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

struct span log_unescape(uint8_t *p, size_t n)
{
    size_t to = n ? (size_t)((uint8_t *)memchr(p, '\\', n) - p) : 0;
    if (n == 0 || !memchr(p, '\\', n))
        return span_of(p, n);
    for (size_t i = to; i < n; to++) {
        if (p[i] == '\\' && i + 3 < n && p[i + 1] == 'x' && hex(p[i + 2]) >= 0 && hex(p[i + 3]) >= 0) {
            p[to] = (uint8_t)(hex(p[i + 2]) << 4 | hex(p[i + 3]));
            i += 4;
        } else {
            i += p[i] == '\\' && i + 1 < n && p[i + 1] == '\\';
            p[to] = p[i++];
        }
    }
    return span_of(p, to);
}
