#include "filter/view_local.h"

enum {
    HEAD_FIELDS_MAX = 100, HEAD_TOKENS_MAX = 60, HEAD_VALUE_MAX = 800, HEAD_SIGNATURE_MAX = 60,
    RAW_HEAD_BYTES = 6000, RAW_BODY_BYTES = 2000,
    CHAR_BYTES = 20000, CHAR_SUBJECT_BYTES = 400,
};

/* Kinds keep features of one view apart; the numbers only need to differ. */
enum { K_NAME = 0x101, K_NAME_PAIR, K_SHAPE, K_LENGTH, K_TOKEN, K_TOKEN_PAIR, K_NAME_SET, K_RECEIVED_N, K_GRAM4, K_GRAM5 };

/* ---- header fields ---- */

static bool is_signature(const struct field *f)
{
    return f->id == FIELD_DKIM_SIGNATURE || f->id == FIELD_ARC || span_istarts(f->name, SPAN_LIT("domainkey")) ||
           span_istarts(f->name, SPAN_LIT("x-google-"));
}

static uint64_t hash_lower(struct span s, uint64_t seed)
{
    uint8_t low[64];
    size_t n = s.n < sizeof low ? s.n : sizeof low;
    for (size_t i = 0; i < n; i++)
        low[i] = ascii_lower(s.p[i]);
    return hash64(span_of(low, n), seed);
}

/* The value's form: runs of lower, upper, digits and 8-bit as one sign each, other bytes as they are. */
static uint64_t hash_shape(struct span s, uint64_t seed, size_t most)
{
    uint8_t shape[40];
    size_t n = 0;
    uint8_t last = 0;
    for (size_t i = 0; i < s.n && n < most && n < sizeof shape; i++) {
        uint8_t c = s.p[i];
        uint8_t k = c >= 128 ? 'u' : ascii_is_digit(c) ? '9' : !ascii_is_alpha(c) ? c : c & 0x20 ? 'a' : 'A';
        if (k == last && (k == 'a' || k == 'A' || k == '9' || k == 'u'))
            continue;
        last = shape[n++] = k;
    }
    return hash64(span_of(shape, n), seed);
}

static inline void put_hash(struct sink *s, uint64_t kind, uint64_t hash, struct span where)
{
    sink_put_at(s, mix64(hash + kind * 0x9E3779B97F4A7C15ull), NULL, where.p, where.n);
}

static inline bool is_token_byte(uint8_t c) { return c >= 128 || ascii_is_alnum(c); }

static void head_tokens(struct sink *s, struct span v, uint64_t name)
{
    uint64_t prev = 0;
    size_t i = 0;
    for (unsigned n = 0; n < HEAD_TOKENS_MAX; n++) {
        while (i < v.n && !is_token_byte(v.p[i]))
            i++;
        size_t from = i;
        unsigned digits = 0;
        while (i < v.n && is_token_byte(v.p[i]) && i - from < 40)
            digits += ascii_is_digit(v.p[i++]);
        if (i == from)
            return;
        struct span t = span_sub(v, from, i);
        /* Ids differ in every message: of a long token with digits only the form counts. */
        uint64_t h = digits && t.n >= 8 ? hash_shape(t, name + t.n, 40) : hash_lower(t, name);
        put_hash(s, K_TOKEN, h, t);
        if (prev)
            put_hash(s, K_TOKEN_PAIR, h * 31 + prev, t);
        prev = h;
    }
}

static unsigned log2_bucket(size_t n)
{
    unsigned b = 0;
    while (n) {
        b++;
        n >>= 1;
    }
    return b;
}

void head_emit(struct sink *s, const struct message *m)
{
    uint64_t prev = 1, set = 0;
    unsigned received = 0, seen = 0;
    for (size_t i = 0; i < m->n_fields && seen < HEAD_FIELDS_MAX; i++) {
        const struct field *f = &m->field[i];
        if (f->part != 0 || f->id == FIELD_X_SPAM)
            continue;
        seen++;
        received += f->id == FIELD_RECEIVED;
        uint64_t as_written = hash64(f->name, 1), name = hash_lower(f->name, 2);
        put_hash(s, K_NAME, as_written, f->name);
        put_hash(s, K_NAME_PAIR, prev * 31 + as_written, f->name);
        prev = as_written;
        set += mix64(as_written);
        struct span v = span_trim(f->raw);
        if (f->id == FIELD_SUBJECT)
            v = subject_unmarked(v);
        put_hash(s, K_SHAPE, hash_shape(v, name, 24), v);
        put_hash(s, K_LENGTH, name + log2_bucket(v.n), v);
        head_tokens(s, span_sub(v, 0, is_signature(f) ? HEAD_SIGNATURE_MAX : HEAD_VALUE_MAX), name);
    }
    put_hash(s, K_NAME_SET, set, SPAN_NONE);
    put_hash(s, K_RECEIVED_N, received, SPAN_NONE);
}

/* ---- n-grams ---- */

struct bar { uint32_t most; }; /* keep a gram whose low hash bits are at most this */

static struct bar bar_for(size_t grams, size_t cap)
{
    /* A sixth more than the cap, since repeated grams count once. */
    double share = grams > cap ? (double)cap * 7 / 6 / (double)grams : 1;
    return (struct bar){share >= 1 ? UINT32_MAX : (uint32_t)(share * 4294967295.0)};
}

static inline uint64_t gram_hash(uint64_t gram, uint64_t kind)
{
    uint64_t h = (gram + kind) * 0x9E3779B97F4A7C15ull;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93ull;
}

static void grams4(struct sink *s, struct span in, struct bar bar)
{
    for (size_t i = 0; i + 4 <= in.n && !sink_full(s); i++) {
        uint32_t w;
        memcpy(&w, in.p + i, 4);
        uint64_t h = gram_hash(w, (uint64_t)K_GRAM4 << 40);
        if ((uint32_t)h <= bar.most)
            sink_put_at(s, h, NULL, in.p + i, 4);
    }
}

struct span subject_unmarked(struct span v)
{
    size_t i = 0;
    while (i < v.n && (v.p[i] == '[' || v.p[i] == '*' || v.p[i] == '{' || v.p[i] == '(' || v.p[i] == ' '))
        i++;
    if (!span_istarts(span_sub(v, i, v.n), SPAN_LIT("spam")))
        return v;
    i += 4;
    size_t word_end = i;
    while (i < v.n && strchr("?!]*}):. ", v.p[i]) && v.p[i])
        i++;
    return i > word_end + (v.p[word_end] == ' ') ? span_sub(v, i, v.n) : v;
}

static struct span field_bytes(const struct field *f)
{
    return span_of(f->name.p, (size_t)(f->raw.p + f->raw.n - f->name.p));
}

void raw_emit(struct sink *s, const struct message *m)
{
    struct span body = m->n_parts ? m->part[0].body : SPAN_NONE;
    size_t total = body.n < RAW_BODY_BYTES ? body.n : RAW_BODY_BYTES, head = 0;
    for (size_t i = 0; i < m->n_fields && head < RAW_HEAD_BYTES; i++)
        if (m->field[i].part == 0 && m->field[i].id != FIELD_X_SPAM)
            head += field_bytes(&m->field[i]).n;
    total += head < RAW_HEAD_BYTES ? head : RAW_HEAD_BYTES;
    struct bar bar = bar_for(total, s->view_cap - s->n);
    head = 0;
    for (size_t i = 0; i < m->n_fields && head < RAW_HEAD_BYTES; i++) {
        const struct field *f = &m->field[i];
        if (f->part != 0 || f->id == FIELD_X_SPAM)
            continue;
        struct span all = field_bytes(f);
        head += all.n;
        if (f->id == FIELD_SUBJECT)
            all = subject_unmarked(span_trim(f->raw));
        grams4(s, span_sub(all, 0, RAW_HEAD_BYTES), bar);
    }
    grams4(s, span_sub(body, 0, RAW_BODY_BYTES), bar);
}

/* Text as one run: ASCII lower case, white space squeezed. `from` maps each byte to its origin. */
struct run {
    uint8_t *p;
    const uint8_t **from;
    size_t n, cap;
};

static void run_add(struct run *r, struct span s)
{
    bool space = true;
    for (size_t i = 0; i < s.n && r->n < r->cap; i++) {
        uint8_t c = s.p[i];
        if (c <= ' ') {
            if (space)
                continue;
            c = ' ';
        }
        space = c == ' ';
        if (r->from)
            r->from[r->n] = s.p + i;
        r->p[r->n++] = ascii_lower(c);
    }
    if (r->n < r->cap) {
        if (r->from)
            r->from[r->n] = s.p;
        r->p[r->n++] = '\n';
    }
}

void char_emit(struct sink *s, struct arena *a, const struct message *m)
{
    struct run r = {.cap = CHAR_BYTES + CHAR_SUBJECT_BYTES};
    r.p = arena_alloc(a, r.cap + 8);
    if (s->note)
        r.from = arena_alloc(a, r.cap * sizeof *r.from);
    if (!r.p || (s->note && !r.from))
        return;
    run_add(&r, span_sub(subject_unmarked(m->subject), 0, CHAR_SUBJECT_BYTES));
    size_t blocks = 0;
    for (size_t i = 0; i < m->n_text; i++)
        blocks += m->text[i].visible.n > 0;
    for (size_t i = 0; i < m->n_text && blocks; i++) {
        struct span v = m->text[i].visible;
        size_t share = CHAR_BYTES / blocks;
        if (v.n <= share) {
            run_add(&r, v);
        } else {
            run_add(&r, span_sub(v, 0, share * 2 / 3));
            run_add(&r, span_sub(v, v.n - share / 3, v.n));
        }
    }
    struct bar bar = bar_for(r.n, s->view_cap - s->n);
    memset(r.p + r.n, 0, 8);
    for (size_t i = 0; i + 5 <= r.n && !sink_full(s); i++) {
        uint64_t w;
        memcpy(&w, r.p + i, 8);
        uint64_t h = gram_hash(w << 24, K_GRAM5);
        if ((uint32_t)h <= bar.most)
            sink_put_at(s, h, NULL, r.from ? r.from[i] : r.p + i, 5);
    }
}
