/* rules_value: what lists hold: addresses, domains, networks, header values, as keys of one hash table. */
#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "filter/rules_priv.h"

static size_t to_ascii(struct span s, char out[DOMAIN_MAX + 1])
{
    char in[4 * DOMAIN_MAX + 1], *ascii = NULL;
    if (s.n >= sizeof in || memchr(s.p, 0, s.n))
        return 0;
    memcpy(in, s.p, s.n);
    in[s.n] = '\0';
    if (idn2_to_ascii_8z(in, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return 0;
    size_t n = strlen(ascii);
    if (n <= DOMAIN_MAX)
        memcpy(out, ascii, n);
    idn2_free(ascii);
    return n <= DOMAIN_MAX ? n : 0;
}

static bool is_domain(const char *p, size_t n)
{
    size_t label = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (!label)
                return false;
            label = 0;
        } else if (!ascii_is_alnum((uint8_t)p[i]) && p[i] != '-' && p[i] != '_') {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return label > 0;
}

size_t rules_domain(struct span s, char out[DOMAIN_MAX + 1])
{
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    bool ascii = true;
    for (size_t i = 0; i < s.n; i++)
        ascii = ascii && s.p[i] < 128;
    size_t n = 0;
    if (!ascii)
        n = to_ascii(s, out);
    else if (s.n <= DOMAIN_MAX)
        memcpy(out, s.n ? (const void *)s.p : "", n = s.n);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)ascii_lower((uint8_t)out[i]);
    out[n] = '\0';
    return n && is_domain(out, n) ? n : 0;
}

bool rules_address(struct span s, uint8_t out[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[INET6_ADDRSTRLEN];
    if (!s.n || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + 12) == 1;
}

void rules_mask(uint8_t addr[16], unsigned bits)
{
    for (unsigned i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8)
        if (bits < 8)
            addr[i] &= (uint8_t)(0xff00 >> bits);
}

static int add_key(struct rules_cursor *c, enum rules_list list, char form, struct span body, uint32_t rule)
{
    struct rules_value *v = RULES_ADD(c->r, value, n_values, cap_values);
    uint8_t *key = v ? arena_alloc(c->r->mem, body.n + 2) : NULL;
    if (!key)
        return report_set(c->why, POSSE_ENOMEM, "%s:%u: out of memory", c->name, (unsigned)c->line);
    key[0] = (uint8_t)list;
    key[1] = (uint8_t)form;
    memcpy(key + 2, body.p, body.n);
    *v = (struct rules_value){.key = span_of(key, body.n + 2), .rule = rule};
    v->hash = hash64(v->key, 0);
    c->r->has_list[list] = true;
    return POSSE_OK;
}

static int add_network(struct rules_cursor *c, size_t at, uint32_t rule, struct span value)
{
    ptrdiff_t slash = span_chr(value, '/');
    struct span addr = slash < 0 ? value : span_sub(value, 0, (size_t)slash);
    uint8_t key[17], masked[16];
    if (!rules_address(addr, key + 1))
        return rules_error(c, at, "expected a network such as 192.0.2.0/24 or 2001:db8::/32");
    unsigned most = span_chr(addr, ':') < 0 ? 32 : 128, bits = slash < 0 ? most : 0;
    size_t digits = slash < 0 ? 1 : value.n - (size_t)slash - 1;
    for (size_t i = value.n - digits; slash >= 0 && i < value.n; i++) {
        if (!ascii_is_digit(value.p[i]) || bits > most)
            digits = 0;
        bits = bits * 10 + (unsigned)(value.p[i] - '0');
    }
    if (!digits || digits > 3 || bits > most)
        return rules_error(c, at, "expected a prefix length of 0 to %u after '/'", most);
    bits += 128 - most;
    memcpy(masked, key + 1, 16);
    rules_mask(masked, bits);
    if (memcmp(masked, key + 1, 16) != 0)
        return rules_error(c, at, "the address has bits beyond its prefix length; is the length right?");
    key[0] = (uint8_t)bits;
    c->r->has_prefix[bits] = true;
    return add_key(c, LIST_NETWORK, 'n', span_of(key, sizeof key), rule);
}

static int add_domain(struct rules_cursor *c, size_t at, enum rules_list list, uint32_t rule, struct span value)
{
    char name[DOMAIN_MAX + 1];
    bool subs = value.n && value.p[0] == '.';
    size_t n = rules_domain(span_sub(value, subs, value.n), name);
    if (!n && span_chr(value, '*') >= 0)
        return rules_error(c, at, "no wildcards: .example.org is a domain and all below it");
    if (!n)
        return rules_error(c, at, "expected a domain such as example.org, or .example.org with all below it");
    return add_key(c, list, subs ? 's' : 'd', span_of(name, n), rule);
}

static int add_address(struct rules_cursor *c, size_t at, enum rules_list list, uint32_t rule, struct span value)
{
    ptrdiff_t sign = -1;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '@')
            sign = (ptrdiff_t)i;
    if (sign <= 0) /* a domain, @ or not */
        return add_domain(c, at, list, rule, span_sub(value, sign == 0, value.n));
    char key[128 + 1 + DOMAIN_MAX + 1];
    size_t local = (size_t)sign;
    size_t n = local <= 128 ? rules_domain(span_sub(value, local + 1, value.n), key + local + 1) : 0;
    if (!n)
        return rules_error(c, at, "expected an address such as ann@example.org");
    for (size_t i = 0; i < local; i++)
        key[i] = (char)ascii_lower(value.p[i]);
    key[local] = '@';
    return add_key(c, list, 'a', span_of(key, local + 1 + n), rule);
}

static int add_header(struct rules_cursor *c, size_t at, uint16_t name, uint32_t rule, struct span value)
{
    uint8_t key[2 + 512];
    value = span_trim(value);
    if (!value.n || value.n > 512)
        return rules_error(c, at, "a header's value has 1 to 512 bytes");
    key[0] = (uint8_t)name;
    key[1] = (uint8_t)(name >> 8);
    for (size_t i = 0; i < value.n; i++)
        key[2 + i] = ascii_lower(value.p[i]);
    return add_key(c, LIST_HEADER, 'h', span_of(key, 2 + value.n), rule);
}

int rules_add_value(struct rules_cursor *c, size_t at, enum rules_list list, uint16_t name, uint32_t rule, struct span value)
{
    switch (list) {
    case LIST_NETWORK: return add_network(c, at, rule, value);
    case LIST_HEADER: return add_header(c, at, name, rule, value);
    case LIST_DOMAIN:
    case LIST_URL: return add_domain(c, at, list, rule, span_sub(value, value.n && value.p[0] == '@', value.n));
    default: return add_address(c, at, list, rule, value);
    }
}

int rules_build_table(struct rules *r)
{
    size_t size = 16;
    while (size < 2 * r->n_values)
        size *= 2;
    r->table = arena_zalloc(r->mem, size * sizeof *r->table);
    if (!r->table)
        return POSSE_ENOMEM;
    r->table_mask = size - 1;
    for (size_t i = 0; i < r->n_values; i++) {
        size_t at = r->value[i].hash & r->table_mask;
        while (r->table[at])
            at = (at + 1) & r->table_mask;
        r->table[at] = (uint32_t)i + 1;
    }
    return POSSE_OK;
}
