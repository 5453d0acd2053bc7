#include "net/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Without what mail servers write around an address. */
static struct span bare(struct span s)
{
    s = span_trim(s);
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = span_sub(s, 1, s.n - 1);
    if (span_istarts(s, SPAN_LIT("IPv6:")))
        s = span_sub(s, 5, s.n);
    return s;
}

bool ip_read(struct span text, struct ip *out)
{
    char copy[INET6_ADDRSTRLEN];
    struct ip got;
    struct span s = bare(text);
    if (s.n < 2 || s.n >= sizeof copy || memchr(s.p, '\0', s.n))
        return false;
    memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    memcpy(got.b, mapped, 12);
    if (inet_pton(AF_INET, copy, got.b + 12) != 1 && inet_pton(AF_INET6, copy, got.b) != 1)
        return false;
    *out = got;
    return true;
}

void ip_text(const struct ip *a, char out[IP_TEXT])
{
    if (ip_is_v4(a))
        inet_ntop(AF_INET, a->b + 12, out, IP_TEXT);
    else
        inet_ntop(AF_INET6, a->b, out, IP_TEXT);
}

bool ip_is_v4(const struct ip *a) { return memcmp(a->b, mapped, 12) == 0; }

uint32_t ip_v4(const struct ip *a)
{
    return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
}

struct ip ip_of_v4(uint32_t x)
{
    struct ip a;
    memcpy(a.b, mapped, 12);
    a.b[12] = (uint8_t)(x >> 24);
    a.b[13] = (uint8_t)(x >> 16);
    a.b[14] = (uint8_t)(x >> 8);
    a.b[15] = (uint8_t)x;
    return a;
}

/* RFC 6890 as the IANA's registries stand: what they call not globally reachable. */
static bool v4_is_special(uint32_t x)
{
    static const struct { uint32_t at; unsigned bits; } no[] = {
        {0x00000000, 8}, /* this network */
        {0x0a000000, 8}, {0xac100000, 12}, {0xc0a80000, 16}, /* private */
        {0x64400000, 10}, /* shared by a carrier's customers */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link-local */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0000200, 24}, {0xc6336400, 24}, {0xcb007100, 24}, /* documentation */
        {0xc6120000, 15}, /* benchmarks */
        {0xe0000000, 3},  /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if ((x ^ no[i].at) >> (32 - no[i].bits) == 0)
            return true;
    return false;
}

static bool v6_is_special(const uint8_t *b)
{
    static const struct { uint8_t at[8]; unsigned bits; } no[] = {
        {{0x01, 0x00}, 64}, /* discard */
        {{0x20, 0x01, 0x00, 0x02, 0, 0}, 48}, /* benchmarks */
        {{0x20, 0x01, 0x00, 0x10}, 28}, {{0x20, 0x01, 0x00, 0x20}, 28}, /* ORCHID: no places */
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, {{0x3f, 0xff}, 20}, /* documentation */
        {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* local translation */
        {{0xfc}, 7},  /* private */
        {{0xfe, 0x80}, 10}, {{0xfe, 0xc0}, 10}, /* link-local, site-local */
        {{0xff}, 8},  /* multicast */
        {{0}, 32},    /* unspecified, loopback, the old way of holding IPv4 */
    };
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        unsigned whole = no[i].bits / 8, rest = no[i].bits % 8;
        if (memcmp(b, no[i].at, whole) == 0 && (!rest || (b[whole] ^ no[i].at[whole]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}

bool ip_is_special(const struct ip *a) { return ip_is_v4(a) ? v4_is_special(ip_v4(a)) : v6_is_special(a->b); }

struct ip ip_prefix(const struct ip *a, unsigned bits)
{
    struct ip out = *a;
    unsigned whole = bits / 8;
    if (bits >= 128)
        return out;
    out.b[whole] &= (uint8_t)(0xff00u >> (bits % 8));
    memset(out.b + whole + 1, 0, 16 - whole - 1);
    return out;
}

struct ip ip_prefix_last(const struct ip *a, unsigned bits)
{
    struct ip out = *a;
    for (unsigned i = bits; i < 128; i++)
        out.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return out;
}

void ip_range_text(const struct ip *first, const struct ip *last, char out[IP_RANGE_TEXT])
{
    char from[IP_TEXT], to[IP_TEXT];
    unsigned least = ip_is_v4(first) ? 96 : 0, bits = least;
    for (; bits <= 128; bits++) {
        struct ip low = ip_prefix(first, bits), high = ip_prefix_last(first, bits);
        if (ip_compare(&low, first) == 0 && ip_compare(&high, last) == 0)
            break;
    }
    ip_text(first, from);
    ip_text(last, to);
    if (bits <= 128)
        snprintf(out, IP_RANGE_TEXT, "%s/%u", from, bits - least);
    else
        snprintf(out, IP_RANGE_TEXT, "%s - %s", from, to);
}

struct ip ip_network(const struct ip *a) { return ip_prefix(a, ip_is_v4(a) ? 96 + 24 : 48); }
