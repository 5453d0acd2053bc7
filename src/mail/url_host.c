#include <idn2.h>
#include <stdio.h>

#include "base/utf8.h"
#include "mail/url_priv.h"

static bool is_plain(uint8_t c)
{
    return (uint8_t)(c - 'a') < 26 || ascii_is_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_plain_name(struct span s)
{
    size_t i = 0;
    while (i < s.n && is_plain(s.p[i]))
        i++;
    return i == s.n;
}

static int hex_value(uint8_t c)
{
    uint8_t l = c | 0x20;
    return ascii_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

size_t url_fake_dot(struct span s)
{
    static const char *const form[] = {"[.]", "(.)", "{.}", "[dot]", "(dot)", "{dot}", "[d0t]", "[punkt]"};
    if (s.n < 3 || (s.p[0] != '[' && s.p[0] != '(' && s.p[0] != '{'))
        return 0;
    for (size_t i = 0; i < sizeof form / sizeof *form; i++)
        if (span_istarts(s, span_str(form[i])))
            return strlen(form[i]);
    return 0;
}

/* Percent-escapes, disguised dots and capitals undone, into buf; returns the length. */
static size_t undo_disguise(struct span raw, uint8_t *buf, size_t cap, uint32_t *flags)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n && n < cap;) {
        struct span rest = span_sub(raw, i, raw.n);
        size_t fake = url_fake_dot(rest);
        if (fake) {
            *flags |= URL_IS_OBFUSCATED;
            buf[n++] = '.';
            i += fake;
        } else if (rest.p[0] == '%' && rest.n >= 3 && hex_value(rest.p[1]) >= 0 && hex_value(rest.p[2]) >= 0) {
            *flags |= URL_IS_OBFUSCATED;
            buf[n++] = ascii_lower((uint8_t)(hex_value(rest.p[1]) << 4 | hex_value(rest.p[2])));
            i += 3;
        } else {
            buf[n++] = ascii_lower(rest.p[0]);
            i++;
        }
    }
    return n;
}

/* ---- numbers ---- */

/* One part of an IPv4 address as browsers read it: 0x1f, 017, 15. */
static bool ipv4_part(struct span s, uint64_t *v, bool *is_odd)
{
    unsigned base = 10;
    size_t i = 0;
    if (s.n >= 2 && s.p[0] == '0') {
        base = (s.p[1] | 0x20) == 'x' ? 16 : 8;
        i = base == 16 ? 2 : 1;
        *is_odd = true;
    }
    *v = 0;
    for (; i < s.n; i++) {
        int d = hex_value(s.p[i]);
        if (d < 0 || (unsigned)d >= base)
            return false;
        *v = *v * base + (unsigned)d;
        if (*v > UINT32_MAX)
            return false;
    }
    return s.n > 0;
}

/* True if the host is an IPv4 address in any of its spellings. */
static bool ipv4_of(struct span host, uint32_t *ip, bool *is_odd)
{
    uint64_t v[4];
    size_t n = 0;
    *is_odd = false;
    for (size_t i = 0; i <= host.n;) {
        ptrdiff_t dot = span_chr(span_sub(host, i, host.n), '.');
        size_t end = dot < 0 ? host.n : i + (size_t)dot;
        if (n == 4 || !ipv4_part(span_sub(host, i, end), &v[n], is_odd))
            return false;
        n++;
        i = end + 1;
    }
    uint32_t r = 0;
    for (size_t k = 0; k + 1 < n; k++) {
        if (v[k] > 255)
            return false;
        r |= (uint32_t)v[k] << (24 - 8 * k);
    }
    if (v[n - 1] > UINT32_MAX >> (8 * (n - 1)))
        return false;
    *ip = r | (uint32_t)v[n - 1];
    *is_odd = *is_odd || n != 4;
    return true;
}

static struct span ipv4_text(struct arena *a, uint32_t ip)
{
    char buf[16];
    int n = snprintf(buf, sizeof buf, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return arena_copy(a, span_of(buf, (size_t)n));
}

static struct span ipv6_host(struct arena *a, struct span raw, uint32_t *flags)
{
    ptrdiff_t close = span_chr(raw, ']');
    struct span in = span_sub(raw, 1, close < 0 ? raw.n : (size_t)close);
    uint8_t buf[64];
    if (in.n == 0 || in.n > sizeof buf)
        return SPAN_NONE;
    for (size_t i = 0; i < in.n; i++) {
        buf[i] = ascii_lower(in.p[i]);
        if (hex_value(buf[i]) < 0 && buf[i] != ':' && buf[i] != '.')
            return SPAN_NONE;
    }
    *flags |= URL_NUMERIC_HOST;
    return arena_copy(a, span_of(buf, in.n));
}

/* ---- names beyond ASCII ---- */

enum script { SCRIPT_LATIN = 1, SCRIPT_GREEK = 2, SCRIPT_CYRILLIC = 4, SCRIPT_ARMENIAN = 8, SCRIPT_CHEROKEE = 16,
              SCRIPT_MATH = 32 };

/* Only the scripts whose letters pass for Latin ones. */
static unsigned script_of(uint32_t cp)
{
    if (cp < 0x80)
        return ascii_is_alpha((uint8_t)cp) ? SCRIPT_LATIN : 0;
    if ((cp >= 0xc0 && cp < 0x250) || (cp >= 0x1e00 && cp < 0x1f00))
        return SCRIPT_LATIN;
    if ((cp >= 0x370 && cp < 0x400) || (cp >= 0x1f00 && cp < 0x2000))
        return SCRIPT_GREEK;
    if ((cp >= 0x400 && cp < 0x530) || (cp >= 0x1c80 && cp < 0x1c90))
        return SCRIPT_CYRILLIC;
    if (cp >= 0x530 && cp < 0x590)
        return SCRIPT_ARMENIAN;
    if ((cp >= 0x13a0 && cp < 0x1400) || (cp >= 0xab70 && cp < 0xabc0))
        return SCRIPT_CHEROKEE;
    return cp >= 0x1d400 && cp < 0x1d800 ? SCRIPT_MATH : 0;
}

static bool mixes_scripts(struct span host)
{
    unsigned seen = 0;
    for (size_t i = 0; i < host.n;) {
        uint32_t cp;
        i += utf8_decode(span_sub(host, i, host.n), &cp);
        seen = cp == '.' ? 0 : seen | script_of(cp);
        if (seen & (seen - 1))
            return true;
    }
    return false;
}

static bool has_xn_label(struct span host)
{
    for (size_t i = 0; i + 4 <= host.n; i++)
        if ((i == 0 || host.p[i - 1] == '.') && memcmp(host.p + i, "xn--", 4) == 0)
            return true;
    return false;
}

/* str ends in NUL. */
static void look_at_unicode(const char *str, uint32_t *flags)
{
    char *uni = NULL;
    if (idn2_to_unicode_8z8z(str, &uni, 0) == IDN2_OK && uni && mixes_scripts(span_str(uni)))
        *flags |= URL_MIXED_SCRIPTS;
    idn2_free(uni);
}

/* buf of n bytes has room for a NUL. */
static struct span idn_host(struct arena *a, uint8_t *buf, size_t n, uint32_t *flags)
{
    buf[n] = 0;
    if (mixes_scripts(span_of(buf, n)))
        *flags |= URL_MIXED_SCRIPTS;
    char *ascii = NULL;
    struct span host;
    /* Mapping may bring forth what no name holds: U+2100 becomes "a/c". */
    if (n <= 255 && utf8_valid_prefix(span_of(buf, n)) == n &&
        idn2_to_ascii_8z((const char *)buf, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
        is_plain_name(span_str(ascii))) {
        host = arena_copy(a, span_str(ascii));
        /* Full-width letters, soft hyphens: what is plain ASCII underneath is in disguise. */
        *flags |= has_xn_label(host) ? URL_IDN : URL_IS_OBFUSCATED;
    } else {
        *flags |= URL_IDN;
        host = arena_copy(a, span_of(buf, n));
    }
    idn2_free(ascii);
    return host;
}

static struct span check_name(struct arena *a, struct span host, uint32_t *flags)
{
    uint32_t ip;
    bool is_odd;
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n && host.p[0] == '.')
        return SPAN_NONE;
    if (host.n && ascii_is_digit(host.p[0]) && ipv4_of(host, &ip, &is_odd)) {
        *flags |= URL_NUMERIC_HOST | (is_odd ? URL_IS_OBFUSCATED : 0);
        return is_odd ? ipv4_text(a, ip) : host;
    }
    if (host.n >= 4 && host.n <= 255 && has_xn_label(host)) {
        char buf[256];
        memcpy(buf, host.p, host.n);
        buf[host.n] = 0;
        *flags |= URL_IDN;
        look_at_unicode(buf, flags);
    }
    return host;
}

struct span url_clean_host(struct arena *a, struct span raw, uint32_t *flags)
{
    if (is_plain_name(raw))
        return check_name(a, raw, flags);
    if (raw.p[0] == '[' && !url_fake_dot(raw))
        return ipv6_host(a, raw, flags);
    uint8_t buf[HOST_BYTES_MAX + 1];
    size_t n = undo_disguise(raw, buf, HOST_BYTES_MAX, flags);
    bool is_ascii = true;
    for (size_t i = 0; i < n; i++) {
        if (buf[i] >= 0x80)
            is_ascii = false;
        else if (!is_plain(buf[i]))
            return SPAN_NONE; /* no browser goes there */
    }
    struct span host = is_ascii ? arena_copy(a, span_of(buf, n)) : idn_host(a, buf, n, flags);
    return check_name(a, host, flags);
}

/* ---- punycode ---- */

enum { PUNY_BASE = 36, PUNY_TMIN = 1, PUNY_TMAX = 26, PUNY_SKEW = 38, PUNY_DAMP = 700, PUNY_BIAS = 72, PUNY_N = 128 };

static uint32_t puny_adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / PUNY_DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (PUNY_BASE - PUNY_TMIN) * PUNY_TMAX / 2; k += PUNY_BASE)
        delta /= PUNY_BASE - PUNY_TMIN;
    return k + (PUNY_BASE - PUNY_TMIN + 1) * delta / (delta + PUNY_SKEW);
}

static uint8_t puny_digit(uint32_t d) { return (uint8_t)(d < 26 ? 'a' + d : '0' + d - 26); }

/* One delta as digits; false: no room. */
static bool puny_put(uint32_t q, uint32_t bias, uint8_t *out, size_t cap, size_t *n)
{
    for (uint32_t k = PUNY_BASE;; k += PUNY_BASE) {
        uint32_t t = k <= bias ? PUNY_TMIN : k >= bias + PUNY_TMAX ? PUNY_TMAX : k - bias;
        if (*n == cap)
            return false;
        if (q < t) {
            out[(*n)++] = puny_digit(q);
            return true;
        }
        out[(*n)++] = puny_digit(t + (q - t) % (PUNY_BASE - t));
        q = (q - t) / (PUNY_BASE - t);
    }
}

size_t punycode_encode(struct span utf8, uint8_t *out, size_t cap)
{
    uint32_t cp[64], code = PUNY_N, delta = 0, bias = PUNY_BIAS;
    size_t points = 0, n = 0;
    for (size_t i = 0; i < utf8.n; points++) {
        if (points == sizeof cp / sizeof *cp)
            return 0;
        i += utf8_decode(span_sub(utf8, i, utf8.n), &cp[points]);
        if (cp[points] < 0x80 && n < cap)
            out[n++] = (uint8_t)cp[points];
    }
    size_t basic = n, done = n;
    if (basic && n < cap)
        out[n++] = '-';
    while (done < points) {
        uint32_t next = UINT32_MAX;
        for (size_t i = 0; i < points; i++)
            if (cp[i] >= code && cp[i] < next)
                next = cp[i];
        delta += (next - code) * (uint32_t)(done + 1); /* at most 0x10ffff * 65: no overflow */
        code = next;
        for (size_t i = 0; i < points; i++) {
            delta += cp[i] < code;
            if (cp[i] != code)
                continue;
            if (!puny_put(delta, bias, out, cap, &n))
                return 0;
            bias = puny_adapt(delta, (uint32_t)done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        code++;
    }
    return n;
}
