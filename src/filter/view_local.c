#include "filter/view_local.h"

#include "mail/url.h"

enum {
    HEAD_FIELDS_MAX = 100, HEAD_TOKENS_MAX = 60, HEAD_VALUE_MAX = 800, HEAD_SIGNATURE_MAX = 60,
    HOST_URLS_MAX = 60, HOST_PATH_MAX = 120,
    CHAR_BYTES = 20000, CHAR_SUBJECT_BYTES = 400,
};

/* Kinds keep features of one view apart; the numbers only need to differ. */
enum { K_NAME = 0x101, K_NAME_PAIR, K_SHAPE, K_LENGTH, K_TOKEN, K_TOKEN_PAIR, K_NAME_SET, K_RECEIVED_N, K_GRAM5, K_HOST, K_HOST_TAIL,
       K_PATH_WORD, K_PATH_SHAPE, K_FROM_HOST };

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

struct bar { uint32_t most; }; /* keep a feature whose low hash bits are at most this */

static struct bar bar_for(size_t features, size_t cap)
{
    /* A sixth more than the cap, since repeated ones count once. */
    double share = features > cap ? (double)cap * 7 / 6 / (double)features : 1;
    return (struct bar){share >= 1 ? UINT32_MAX : (uint32_t)(share * 4294967295.0)};
}

static inline void put_hash(struct sink *s, struct bar bar, uint64_t kind, uint64_t hash, struct span where)
{
    uint64_t h = mix64(hash + kind * 0x9E3779B97F4A7C15ull);
    if ((uint32_t)h <= bar.most)
        sink_put_at(s, h, NULL, where.p, where.n);
}

static inline bool is_token_byte(uint8_t c) { return c >= 128 || ascii_is_alnum(c); }

static void head_tokens(struct sink *s, struct bar bar, struct span v, uint64_t name)
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
        put_hash(s, bar, K_TOKEN, h, t);
        if (prev)
            put_hash(s, bar, K_TOKEN_PAIR, h * 31 + prev, t);
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

/* Written by the program that made the message, not by what carried it. */
static bool is_author(const struct field *f)
{
    static const char *const others[] = {"x-msmail-priority", "x-mimeole", "priority", "thread-index", "content-class",
                                         "x-accept-language", "content-language"};
    switch (f->id) {
    case FIELD_FROM: case FIELD_TO: case FIELD_CC: case FIELD_SUBJECT: case FIELD_DATE: case FIELD_MESSAGE_ID:
    case FIELD_REPLY_TO: case FIELD_IN_REPLY_TO: case FIELD_REFERENCES: case FIELD_MIME_VERSION: case FIELD_CONTENT_TYPE:
    case FIELD_CONTENT_TRANSFER_ENCODING: case FIELD_CONTENT_DISPOSITION: case FIELD_X_MAILER: case FIELD_USER_AGENT:
    case FIELD_X_PRIORITY: case FIELD_IMPORTANCE: case FIELD_ORGANIZATION: case FIELD_THREAD_TOPIC:
        return true;
    case FIELD_OTHER:
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (span_ieq(f->name, span_str(others[i])))
                return true;
        return false;
    default:
        return false;
    }
}

static void emit_field(struct sink *s, struct bar bar, const struct field *f, uint64_t *prev)
{
    uint64_t as_written = hash64(f->name, 1), name = hash_lower(f->name, 2);
    put_hash(s, bar, K_NAME, as_written, f->name);
    put_hash(s, bar, K_NAME_PAIR, *prev * 31 + as_written, f->name);
    *prev = as_written;
    struct span v = span_trim(f->raw);
    if (f->id == FIELD_SUBJECT)
        v = subject_unmarked(v);
    put_hash(s, bar, K_SHAPE, hash_shape(v, name, 24), v);
    put_hash(s, bar, K_LENGTH, name + log2_bucket(v.n), v);
    head_tokens(s, bar, span_sub(v, 0, is_signature(f) ? HEAD_SIGNATURE_MAX : HEAD_VALUE_MAX), name);
}

static void emit_half(struct sink *s, const struct message *m, bool author)
{
    const struct field *field[HEAD_FIELDS_MAX];
    size_t n = 0, bytes = 0;
    uint64_t prev = 1, set = 0;
    unsigned received = 0;
    for (size_t i = 0; i < m->n_fields && n < HEAD_FIELDS_MAX; i++) {
        const struct field *f = &m->field[i];
        if (f->part != 0 || f->id == FIELD_X_SPAM || is_author(f) != author)
            continue;
        field[n++] = f;
        bytes += f->raw.n < HEAD_VALUE_MAX ? f->raw.n : HEAD_VALUE_MAX;
        received += f->id == FIELD_RECEIVED;
        set += mix64(hash64(f->name, 1));
    }
    /* Two features a token of some six bytes, four a field. */
    struct bar all = {UINT32_MAX}, bar = bar_for(bytes / 4 + 4 * n, s->view_cap - s->n);
    put_hash(s, all, K_NAME_SET, set, SPAN_NONE);
    if (!author)
        put_hash(s, all, K_RECEIVED_N, received, SPAN_NONE);
    for (size_t i = 0; i < n; i++)
        emit_field(s, bar, field[i], &prev);
}

void author_emit(struct sink *s, const struct message *m) { emit_half(s, m, true); }
void route_emit(struct sink *s, const struct message *m) { emit_half(s, m, false); }

/* ---- hosts of links ---- */

static void emit_host(struct sink *s, struct span host, uint64_t kind, struct span where)
{
    struct bar all = {UINT32_MAX};
    put_hash(s, all, kind, hash64(host, kind), where);
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] == '.')
            put_hash(s, all, K_HOST_TAIL, hash64(span_sub(host, i + 1, host.n), kind), where);
}

static void emit_path(struct sink *s, const struct url *u)
{
    struct bar all = {UINT32_MAX};
    struct span p = span_sub(u->path, 0, HOST_PATH_MAX);
    put_hash(s, all, K_PATH_SHAPE, hash_shape(p, K_PATH_SHAPE, 16), u->raw);
    for (size_t i = 0; i < p.n;) {
        while (i < p.n && !ascii_is_alnum(p.p[i]))
            i++;
        size_t from = i;
        while (i < p.n && ascii_is_alnum(p.p[i]))
            i++;
        if (i > from)
            put_hash(s, all, K_PATH_WORD, hash_lower(span_sub(p, from, i), K_PATH_WORD), u->raw);
    }
}

void host_emit(struct sink *s, const struct message *m)
{
    const struct field *from = message_field(m, FIELD_FROM);
    ptrdiff_t at = from ? span_chr(from->raw, '@') : -1;
    if (at >= 0) {
        struct span host = span_sub(from->raw, (size_t)at + 1, from->raw.n);
        size_t n = 0;
        while (n < host.n && (ascii_is_alnum(host.p[n]) || host.p[n] == '.' || host.p[n] == '-'))
            n++;
        emit_host(s, span_sub(host, 0, n), K_FROM_HOST, from->raw);
    }
    for (size_t i = 0; i < m->n_urls && i < HOST_URLS_MAX; i++) {
        emit_host(s, m->url[i].host, K_HOST, m->url[i].raw);
        emit_path(s, &m->url[i]);
    }
}

/* ---- n-grams ---- */

static inline uint64_t gram_hash(uint64_t gram, uint64_t kind)
{
    uint64_t h = (gram + kind) * 0x9E3779B97F4A7C15ull;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93ull;
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
