#include "mail/html_priv.h"

#include "mail/html_names.inc"

/* Bytes that end a name: white space, '/', '>', '=' (attributes only), quotes are kept as junk. */
static inline bool ends_tag_name(uint8_t c) { return ascii_is_space(c) || c == '/' || c == '>'; }

struct name { uint64_t k0, k1; size_t n; };

static inline void name_add(struct name *k, uint8_t c)
{
    if (k->n < 8)
        k->k0 |= (uint64_t)ascii_lower(c) << (8 * k->n);
    else if (k->n < 16)
        k->k1 |= (uint64_t)ascii_lower(c) << (8 * (k->n - 8));
    k->n++;
}

static unsigned find_tag(const struct name *k)
{
    unsigned id = tag_slot[((k->k0 ^ k->k1 * 31) * TAG_HASH_MUL) >> (64 - TAG_HASH_BITS)];
    return k->n <= 16 && tag_key[id][0] == k->k0 && tag_key[id][1] == k->k1 ? id : TAG_UNKNOWN;
}

static unsigned find_attr(const struct name *k)
{
    unsigned id = attr_slot[((k->k0 ^ k->k1 * 31) * ATTR_HASH_MUL) >> (64 - ATTR_HASH_BITS)];
    return k->n <= 16 && attr_key[id][0] == k->k0 && attr_key[id][1] == k->k1 ? id : ATTR_UNKNOWN;
}

static size_t skip_space(struct span in, size_t i)
{
    while (i < in.n && ascii_is_space(in.p[i]))
        i++;
    return i;
}

/* The value after '='; the quote that never closes swallows the rest, as in a browser. */
static size_t read_value(struct span in, size_t i, struct html_tag *t, struct span *value)
{
    i = skip_space(in, i);
    if (i < in.n && (in.p[i] == '"' || in.p[i] == '\'')) {
        const uint8_t *from = in.p + i + 1;
        const uint8_t *end = memchr(from, in.p[i], in.n - i - 1);
        if (!end) {
            t->is_cut = true;
            *value = SPAN_NONE;
            return in.n;
        }
        *value = span_of(from, (size_t)(end - from));
        return i + value->n + 2;
    }
    size_t from = i;
    while (i < in.n && in.p[i] != '>' && !ascii_is_space(in.p[i]))
        i++;
    *value = span_sub(in, from, i);
    return i;
}

static size_t read_attribute(struct span in, size_t i, struct html_tag *t)
{
    struct name k = {0, 0, 0};
    do { /* a '=' at the very start belongs to the name */
        uint8_t c = in.p[i++];
        if (c == '"' || c == '\'' || c == '<' || c == 0)
            t->is_broken = true;
        name_add(&k, c);
    } while (i < in.n && !ends_tag_name(in.p[i]) && in.p[i] != '=');
    unsigned id = find_attr(&k);
    struct span value = span_of("", 0);
    size_t j = i < in.n && in.p[i] != '=' ? skip_space(in, i) : i;
    if (j < in.n && in.p[j] == '=')
        i = read_value(in, j + 1, t, &value);
    if (id && !html_tag_has(t, id)) { /* the first of its name counts */
        t->has |= UINT64_C(1) << id;
        t->value[id] = value;
    }
    return i;
}

size_t html_tag_read(struct span in, size_t i, struct html_tag *t)
{
    struct name k = {0, 0, 0};
    i++;
    t->is_end = in.p[i] == '/';
    i += t->is_end;
    t->has = 0;
    t->is_broken = t->is_cut = false;
    size_t from = i;
    while (i < in.n && !ends_tag_name(in.p[i]))
        name_add(&k, in.p[i++]);
    t->name = span_sub(in, from, i);
    t->id = (uint16_t)find_tag(&k);
    for (;;) {
        while (i < in.n && (ascii_is_space(in.p[i]) || in.p[i] == '/'))
            i++;
        if (i >= in.n) {
            t->is_cut = true;
            return in.n;
        }
        if (in.p[i] == '>')
            return i + 1;
        i = read_attribute(in, i, t);
    }
}
