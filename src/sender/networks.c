#include <stdlib.h>

#include "base/error.h"
#include "sender/received.h"

struct network {
    struct ip base;
    uint8_t bits; /* of 128 */
    bool is_ours;
};
struct networks {
    size_t n;
    struct network net[];
};

/* What is ours without being said: what no other than a neighbour can have. */
static const struct { uint8_t b[16]; uint8_t bits; } inside[] = {
#define V4(a, b, bits) {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, 0, 0}, 96 + (bits)}
    V4(10, 0, 8), V4(172, 16, 12), V4(192, 168, 16), V4(127, 0, 8), V4(169, 254, 16), V4(100, 64, 10),
#undef V4
    {{0xfe, 0x80}, 10}, {{0xfc, 0}, 7}, {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
};

static bool prefix_read(struct span text, struct network *out)
{
    out->is_ours = !(text.n && text.p[0] == '!');
    text = span_sub(text, !out->is_ours, text.n);
    ptrdiff_t slash = span_chr(text, '/');
    if (!ip_read(slash < 0 ? text : span_sub(text, 0, (size_t)slash), &out->base))
        return false;
    unsigned most = ip_is_v4(&out->base) ? 32 : 128, bits = 0;
    struct span digits = slash < 0 ? SPAN_NONE : span_sub(text, (size_t)slash + 1, text.n);
    if (slash >= 0 && (digits.n == 0 || digits.n > 3))
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (!ascii_is_digit(digits.p[i]))
            return false;
        bits = bits * 10 + (unsigned)(digits.p[i] - '0');
    }
    if (bits > most)
        return false;
    out->bits = (uint8_t)((slash < 0 ? most : bits) + (128 - most));
    out->base = ip_prefix(&out->base, out->bits);
    return true;
}

int networks_new(const char *const *list, size_t n, struct networks **out, struct report *why)
{
    struct networks *all = calloc(1, sizeof *all + n * sizeof *all->net);
    *out = NULL;
    if (!all)
        return report_set(why, POSSE_ENOMEM, "out of memory for a list of %zu networks", n);
    for (size_t i = 0; i < n; i++, all->n++)
        if (!prefix_read(span_str(list[i]), &all->net[i])) {
            free(all);
            return report_set(why, POSSE_ESYNTAX, "\"%s\" is no network: write 192.0.2.0/24, 2001:db8::/32 or an address", list[i]);
        }
    *out = all;
    return POSSE_OK;
}

void networks_free(struct networks **n)
{
    if (!n)
        return;
    free(*n);
    *n = NULL;
}

static bool within(const struct ip *a, const struct ip *base, unsigned bits)
{
    struct ip p = ip_prefix(a, bits);
    return ip_compare(&p, base) == 0;
}

bool networks_have(const struct networks *n, const struct ip *a)
{
    int best = -1;
    bool is_ours = false;
    for (size_t i = 0; n && i < n->n; i++)
        if (n->net[i].bits > best && within(a, &n->net[i].base, n->net[i].bits)) {
            best = n->net[i].bits;
            is_ours = n->net[i].is_ours;
        }
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        struct ip base;
        memcpy(base.b, inside[i].b, sizeof base.b);
        if (inside[i].bits > best && within(a, &base, inside[i].bits)) {
            best = inside[i].bits;
            is_ours = true;
        }
    }
    return is_ours;
}
