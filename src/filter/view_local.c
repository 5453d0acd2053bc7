#include "filter/view_local.h"

#include "base/bytes16.h"
#include "mail/url.h"

enum {
    HEAD_FIELDS_MAX = 100, HEAD_TOKENS_MAX = 60, HEAD_VALUE_MAX = 800, HEAD_SIGNATURE_MAX = 60,
    HEAD_TOKEN_BYTES = 40,
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
    s = span_sub(s, 0, sizeof low);
    size_t i = 0;
    for (; i + sizeof(bytes16) <= s.n; i += sizeof(bytes16))
        bytes16_store(low + i, bytes16_lower(bytes16_load(s.p + i)));
    if (i < s.n)
        bytes16_store(low + i, bytes16_lower(bytes16_head(span_sub(s, i, s.n))));
    return hash64(span_of(low, s.n), seed);
}

/* The sign that a byte has in a shape: runs of lower, upper, digits and 8-bit are one sign each, others themselves. */
#define R1(c) (c) >= 128 ? 'u' : (c) >= '0' && (c) <= '9' ? '9' : (c) >= 'A' && (c) <= 'Z' ? 'A' : (c) >= 'a' && (c) <= 'z' ? 'a' : (c)
#define R4(c) R1(c), R1((c) + 1), R1((c) + 2), R1((c) + 3)
#define R16(c) R4(c), R4((c) + 4), R4((c) + 8), R4((c) + 12)
#define R64(c) R16(c), R16((c) + 16), R16((c) + 32), R16((c) + 48)
static const uint8_t shape_sign[256] = {R64(0), R64(64), R64(128), R64(192)};
#undef R1
#undef R4
#undef R16
#undef R64

static inline bool is_token_byte(uint8_t c) { return c >= 128 || ascii_is_alnum(c); }

static uint64_t hash_shape(struct span s, uint64_t seed, size_t most)
{
    uint8_t shape[40 + 1];
    size_t n = 0;
    uint8_t last = 0;
    if (most > 40)
        most = 40;
    for (size_t i = 0; i < s.n && n < most; i++) {
        uint8_t k = shape_sign[s.p[i]];
        /* No branch: the sign is written anyway and kept if it is a new run. */
        shape[n] = k;
        n += (k != last) | !is_token_byte(k);
        last = k;
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

/* A value made ready for its tokens: lower case, and a bit a byte. */
struct ready {
    uint8_t low[HEAD_VALUE_MAX + 64];
    uint64_t word[HEAD_VALUE_MAX / 64 + 2], digit[HEAD_VALUE_MAX / 64 + 2];
};

static void make_ready(struct ready *r, struct span v)
{
    size_t blocks = v.n / 64 + 1;
    for (size_t b = 0; b < blocks; b++) {
        uint64_t word = 0, digit = 0;
        for (size_t k = 0; k < 64 && b * 64 + k < v.n; k += 16) {
            bytes16 x = bytes16_head(span_sub(v, b * 64 + k, v.n)), d = bytes16_is_digit(x);
            bytes16_store(r->low + b * 64 + k, bytes16_lower(x));
            word |= (uint64_t)bytes16_mask(bytes16_is_alpha(x) | d | (bytes16)(x >= 128)) << k;
            digit |= (uint64_t)bytes16_mask(d) << k;
        }
        r->word[b] = word;
        r->digit[b] = digit;
    }
    r->word[blocks] = r->digit[blocks] = 0;
}

/* 64 bits from bit i on. */
static inline uint64_t bits_at(const uint64_t *set, size_t i)
{
    unsigned shift = i & 63;
    return shift ? set[i / 64] >> shift | set[i / 64 + 1] << (64 - shift) : set[i / 64];
}

static void head_tokens(struct sink *s, struct bar bar, struct span v, uint64_t name)
{
    struct ready r;
    uint64_t prev = 0;
    make_ready(&r, v);
    size_t i = 0;
    for (unsigned n = 0; n < HEAD_TOKENS_MAX; n++) {
        uint64_t rest;
        while (i < v.n && !(rest = bits_at(r.word, i)))
            i += 64;
        if (i >= v.n)
            return;
        i += (size_t)__builtin_ctzll(rest);
        uint64_t run = ~bits_at(r.word, i);
        size_t len = run ? (size_t)__builtin_ctzll(run) : 64;
        if (len > HEAD_TOKEN_BYTES)
            len = HEAD_TOKEN_BYTES;
        bool digits = bits_at(r.digit, i) & ((UINT64_C(1) << len) - 1);
        struct span t = span_of(v.p + i, len);
        /* Ids differ in every message: of a long token with digits only the form counts. */
        uint64_t h = digits && len >= 8 ? hash_shape(t, name + len, 40) : hash64(span_of(r.low + i, len), name);
        put_hash(s, bar, K_TOKEN, h, t);
        if (prev)
            put_hash(s, bar, K_TOKEN_PAIR, h * 31 + prev, t);
        prev = h;
        i += len;
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
    for (size_t i = 0; i < n && !sink_full(s); i++)
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

/* The hash of the five bytes at p; eight must be readable. */
static inline uint64_t gram_at(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    uint64_t h = ((w << 24) + K_GRAM5) * 0x9E3779B97F4A7C15ull;
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

/* Where bytes of the run came from: the bytes of p[0..16) whose bits are set in `kept` are the run's from `at` on. */
struct origin {
    const uint8_t *p;
    uint32_t at;
    uint16_t kept;
};

/* Text as one run: ASCII lower case, white space squeezed. With `origin`, each byte can be traced. */
struct run {
    uint8_t *p;
    size_t n, cap;
    struct origin *origin; /* NULL: nobody asks */
    size_t n_origin, max_origin;
};

enum { STEP = sizeof(bytes16) };

static inline void note_origin(struct run *r, const uint8_t *p, size_t at, uint32_t kept)
{
    if (r->origin && kept && r->n_origin < r->max_origin)
        r->origin[r->n_origin++] = (struct origin){p, (uint32_t)at, (uint16_t)kept};
}

/* Byte by byte: what the blocks left. */
static void run_add_bytes(struct run *r, struct span s, bool space)
{
    for (size_t i = 0; i < s.n && r->n < r->cap;) {
        size_t from = i, at = r->n;
        uint32_t kept = 0;
        for (; i < s.n && i - from < STEP && r->n < r->cap; i++) {
            uint8_t c = s.p[i] <= ' ' ? ' ' : s.p[i];
            if (c == ' ' && space)
                continue;
            space = c == ' ';
            kept |= 1u << (i - from);
            r->p[r->n++] = ascii_lower(c);
        }
        note_origin(r, s.p + from, at, kept);
    }
}

/* Sixteen bytes a step; the runs that are kept are copied whole, most often all sixteen at once. Returns how far it got;
 * *space: the last one was white. */
static size_t run_add_blocks(struct run *r, struct span s, bool *space)
{
    size_t i = 0;
    uint32_t before = *space;
    for (; i + STEP <= s.n && r->n + 2 * STEP <= r->cap; i += STEP) {
        bytes16 v = bytes16_load(s.p + i), white = (bytes16)(v <= ' ');
        uint32_t w = bytes16_mask(white), keep = ~(w & (w << 1 | before)) & 0xffff;
        before = w >> 15;
        v = (bytes16_lower(v) & ~white) | (white & ' ');
        note_origin(r, s.p + i, r->n, keep);
        if (keep == 0xffff) {
            bytes16_store(r->p + r->n, v);
            r->n += STEP;
            continue;
        }
        uint8_t low[2 * STEP];
        bytes16_store(low, v);
        while (keep) {
            unsigned from = (unsigned)__builtin_ctz(keep), n = (unsigned)__builtin_ctz(~(keep >> from));
            memcpy(r->p + r->n, low + from, STEP); /* more than needed; what follows overwrites it */
            r->n += n;
            keep &= ~(((1u << n) - 1) << from);
        }
    }
    *space = before;
    return i;
}

static void run_add(struct run *r, struct span s)
{
    bool space = true;
    size_t i = run_add_blocks(r, s, &space);
    run_add_bytes(r, span_sub(s, i, s.n), space);
    if (r->n < r->cap) {
        note_origin(r, s.p, r->n, 1);
        r->p[r->n++] = '\n';
    }
}

/* Where byte i of the run came from; *k: a cursor, for calls with ascending i. */
static const uint8_t *run_trace(const struct run *r, size_t i, size_t *k)
{
    while (*k + 1 < r->n_origin && r->origin[*k + 1].at <= i)
        ++*k;
    const struct origin *o = &r->origin[*k];
    uint32_t kept = o->kept;
    for (size_t skip = i - o->at; skip && kept != 0xffff; skip--)
        kept &= kept - 1;
    return o->p + (kept == 0xffff ? i - o->at : kept ? (size_t)__builtin_ctz(kept) : 0);
}

/* Most grams fail the bar, which ones is a coin toss to the processor: their places are collected without a branch. */
static void emit_grams(struct sink *s, const struct run *r, struct bar bar)
{
    enum { BATCH = 512 };
    uint16_t hit[BATCH];
    size_t grams = r->n >= 5 ? r->n - 4 : 0, cursor = 0;
    for (size_t at = 0; at < grams && !sink_full(s); at += BATCH) {
        size_t n = grams - at < BATCH ? grams - at : BATCH, hits = 0;
        const uint8_t *p = r->p + at;
        for (size_t i = 0; i < n; i++) {
            hit[hits] = (uint16_t)i;
            hits += (uint32_t)gram_at(p + i) <= bar.most;
        }
        for (size_t k = 0; k < hits; k++)
            sink_put_at(s, gram_at(p + hit[k]), NULL, r->origin ? run_trace(r, at + hit[k], &cursor) : p + hit[k], 5);
    }
}

void char_emit(struct sink *s, struct arena *a, const struct message *m)
{
    struct run r = {.cap = CHAR_BYTES + CHAR_SUBJECT_BYTES};
    r.p = arena_alloc(a, r.cap + 8);
    size_t blocks = 0;
    for (size_t i = 0; i < m->n_text; i++)
        blocks += m->text[i].visible.n > 0;
    if (s->note) {
        r.max_origin = r.cap / STEP + 3 * (2 * blocks + 1); /* each run_add: whole steps, a shorter one, the line's end */
        r.origin = arena_alloc(a, r.max_origin * sizeof *r.origin);
    }
    if (!r.p || (s->note && !r.origin))
        return;
    run_add(&r, span_sub(subject_unmarked(m->subject), 0, CHAR_SUBJECT_BYTES));
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
    emit_grams(s, &r, bar);
}
