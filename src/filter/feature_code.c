/* feature_code: a feature_set as bytes.
 *
 * Slots are hashes, so a view of n of them is n uniform draws out of 2^22 and its gaps are nearly geometric, for which
 * Golomb's code is optimal (Golomb 1966) and Rice's, with a power of two for divisor, within 3% of it. The divisor
 * 2^k follows from n alone (Kiely 2004), so it is not stored.
 *   view:  varint n, then, if n > 0, n codes in one bit string, low bits first, padded with zeros to a byte
 *   code:  q zeros, a one, then k bits r; the gap q * 2^k + r is slot - previous slot - 1 (first one: slot)
 * Everything is forced: a set has one encoding and decode accepts no other. 1,800 slots take about 2,850 bytes in one
 * view and up to 3,400 spread evenly over five, against 7,200 as plain words. Cost: see bench; decoding is one
 * count-trailing-zeros a slot. */
#include <endian.h>
#include <stdlib.h>

#include "base/error.h"
#include "filter/feature.h"

static unsigned rice_bits(uint32_t n)
{
    /* 63073/65536 = 0.9624 = 2 * ln((1 + sqrt 5) / 2): the best power of two for a geometric source of mean SLOTS / n. */
    uint64_t m = (uint64_t)FEATURE_SLOTS * 63073 / 65536 / n;
    return m ? 63 - (unsigned)__builtin_clzll(m) : 0;
}

/* ---- sorting ---- */

static bool is_ascending(const uint32_t *s, uint32_t n)
{
    unsigned wrong = 0; /* no way out early: nearly every view is looked at to its end, several slots at a time */
    for (uint32_t i = 1; i < n; i++)
        wrong |= s[i - 1] >= s[i];
    return !wrong;
}

static void sort_short(uint32_t *s, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t x = s[i], j = i;
        for (; j > 0 && s[j - 1] > x; j--)
            s[j] = s[j - 1];
        s[j] = x;
    }
}

enum { BUCKET_BITS_MAX = 11, BUCKET_FULL = 12 };

/* Slots are hashes, spread evenly: dealt out by their highest bits, to about one a bucket, they stand nearly in order.
 * Half the instructions of three passes of 8, 7 and 7 bits. False: somebody made them fall together. */
static bool sort_buckets(const uint32_t *from, uint32_t *s, uint32_t n)
{
    unsigned bits = 32 - (unsigned)__builtin_clz(n), shift = FEATURE_BITS - (bits < BUCKET_BITS_MAX ? bits : BUCKET_BITS_MAX);
    uint16_t at[(1 << BUCKET_BITS_MAX) + 1];
    uint32_t buckets = FEATURE_SLOTS >> shift, most = 0, sum = 0;
    memset(at, 0, buckets * sizeof *at);
    for (uint32_t i = 0; i < n; i++)
        at[from[i] >> shift]++;
    for (uint32_t k = 0; k < buckets; k++) {
        uint32_t c = at[k];
        at[k] = (uint16_t)sum;
        sum += c;
        most = c > most ? c : most;
    }
    if (most > BUCKET_FULL)
        return false;
    for (uint32_t i = 0; i < n; i++)
        s[at[from[i] >> shift]++] = from[i];
    sort_short(s, n);
    return true;
}

static int compare_slot(const void *va, const void *vb)
{
    uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
    return a < b ? -1 : a > b;
}

static void sort_view(const uint32_t *from, uint32_t *s, uint32_t n)
{
    if (n >= 16 && n <= UINT16_MAX && sort_buckets(from, s, n))
        return;
    memcpy(s, from, n * sizeof *s);
    if (n < 16)
        sort_short(s, n);
    else
        qsort(s, n, sizeof *s, compare_slot);
}

static bool is_set(const struct feature_set *f)
{
    if (f->start[0] != 0 || f->start[VIEW_N] > FEATURES_MAX)
        return false;
    for (unsigned v = 0; v < VIEW_N; v++)
        if (f->start[v + 1] < f->start[v])
            return false;
    uint32_t all = 0;
    for (uint32_t i = 0; i < f->start[VIEW_N]; i++)
        all |= f->slot[i];
    return all < FEATURE_SLOTS;
}

int feature_sort(struct arena *a, const struct feature_set *f, struct feature_set *out)
{
    if (!is_set(f))
        return POSSE_EINVAL;
    uint32_t *s = arena_alloc(a, f->start[VIEW_N] * sizeof *s);
    if (!s)
        return POSSE_ENOMEM;
    for (unsigned v = 0; v < VIEW_N; v++) {
        uint32_t from = f->start[v], n = f->start[v + 1] - from;
        sort_view(f->slot + from, s + from, n);
        if (!is_ascending(s + from, n))
            return POSSE_EINVAL;
    }
    out->slot = s;
    memcpy(out->start, f->start, sizeof out->start);
    return POSSE_OK;
}

/* ---- encoding ---- */

struct bit_writer {
    uint8_t *p;
    uint64_t acc; /* fewer than 32 bits wait in it between puts */
    unsigned have;
};

static inline void put_bits(struct bit_writer *w, uint64_t x, unsigned n)
{
    w->acc |= x << w->have;
    w->have += n;
    if (w->have >= 32) {
        uint32_t le = htole32((uint32_t)w->acc);
        memcpy(w->p, &le, sizeof le);
        w->p += sizeof le;
        w->acc >>= 32;
        w->have -= 32;
    }
}

static void put_view(struct buf *out, const uint32_t *slot, uint32_t n)
{
    unsigned k = rice_bits(n);
    /* All unary zeros together are at most the slots over 2^k; 8 bytes for the writer's last word. */
    uint8_t *at = buf_reserve(out, ((size_t)n * (k + 1) + (FEATURE_SLOTS >> k)) / 8 + 9);
    if (!at)
        return;
    struct bit_writer w = {.p = at};
    uint32_t next = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gap = slot[i] - next, q = gap >> k;
        next = slot[i] + 1;
        uint32_t rest = gap & ((UINT32_C(1) << k) - 1);
        if (q + 1 + k <= 32) { /* nearly always */
            put_bits(&w, (uint64_t)rest << (q + 1) | UINT64_C(1) << q, q + 1 + k);
            continue;
        }
        for (; q >= 31; q -= 31)
            put_bits(&w, 0, 31);
        put_bits(&w, UINT32_C(1) << q, q + 1);
        put_bits(&w, rest, k);
    }
    for (; w.have; w.have -= w.have < 8 ? w.have : 8, w.acc >>= 8)
        *w.p++ = (uint8_t)w.acc;
    out->n += (size_t)(w.p - at);
}

void feature_put(const struct feature_set *f, struct buf *out)
{
    for (unsigned v = 0; v < VIEW_N; v++) {
        uint32_t from = f->start[v], n = f->start[v + 1] - from;
        buf_add_varint(out, n);
        if (n)
            put_view(out, f->slot + from, n);
    }
}

int feature_encode(struct arena *a, const struct feature_set *f, struct buf *out)
{
    struct feature_set sorted;
    int err = feature_sort(a, f, &sorted);
    if (err)
        return err;
    feature_put(&sorted, out);
    return buf_error(out);
}

/* ---- decoding ---- */

struct bits {
    const uint8_t *p, *end;
    uint64_t acc;
    unsigned have;
};

/* At least 57 bits, or all that are left. */
static inline void bits_fill(struct bits *b)
{
    if (b->end - b->p >= 8) {
        uint64_t x;
        memcpy(&x, b->p, 8);
        x = le64toh(x);
        b->acc |= x << b->have;
        unsigned take = (63 - b->have) >> 3;
        b->p += take;
        b->have += take * 8;
        /* Bits above `have` are the next bytes' own and come again with them: OR leaves them as they are. */
        return;
    }
    while (b->have <= 56 && b->p < b->end) {
        b->acc |= (uint64_t)*b->p++ << b->have;
        b->have += 8;
    }
}

/* Zeros before the next one, which is taken too. False: there is none, or the gap is past every slot. */
static inline bool take_unary(struct bits *b, uint32_t most, uint32_t *q_out)
{
    uint32_t q = 0;
    for (;;) {
        uint64_t valid = b->have < 64 ? b->acc & ((UINT64_C(1) << b->have) - 1) : b->acc;
        if (valid) {
            unsigned z = (unsigned)__builtin_ctzll(valid);
            *q_out = q + z;
            b->acc = z + 1 < 64 ? b->acc >> (z + 1) : 0;
            b->have -= z + 1;
            return *q_out <= most;
        }
        q += b->have;
        b->acc = 0;
        b->have = 0;
        if (q > most || b->p == b->end)
            return false;
        bits_fill(b);
    }
}

/* Reads n ascending slots; returns how many bytes they took, 0 when they are no canonical code. */
static size_t take_view(struct span in, uint32_t *slot, uint32_t n)
{
    struct bits b = {.p = in.p, .end = in.p + in.n};
    unsigned k = rice_bits(n);
    uint32_t mask = (1u << k) - 1, most = (FEATURE_SLOTS - 1) >> k, next = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t q;
        bits_fill(&b);
        /* Nearly always the whole code is at hand. */
        unsigned z = b.acc ? (unsigned)__builtin_ctzll(b.acc) : 64;
        if (z <= 32 && z + 1 + k <= b.have) {
            uint32_t s = next + (z << k | ((uint32_t)(b.acc >> (z + 1)) & mask));
            b.acc >>= z + 1 + k;
            b.have -= z + 1 + k;
            if (s >= FEATURE_SLOTS)
                return 0;
            slot[i] = s;
            next = s + 1;
            continue;
        }
        if (!take_unary(&b, most, &q))
            return 0;
        if (b.have < k) {
            bits_fill(&b);
            if (b.have < k)
                return 0;
        }
        uint32_t s = next + (q << k | ((uint32_t)b.acc & mask));
        b.acc >>= k;
        b.have -= k;
        if (s >= FEATURE_SLOTS)
            return 0;
        slot[i] = s;
        next = s + 1;
    }
    size_t pad = b.have & 7;
    if (b.acc & ((1u << pad) - 1))
        return 0;
    return (size_t)(b.p - in.p) - b.have / 8;
}

/* As reader_varint, but only the shortest form. */
static uint32_t take_count(struct reader *in)
{
    size_t from = in->pos;
    uint64_t n = reader_varint(in);
    size_t len = in->pos - from;
    if (n > FEATURES_MAX || (len > 1 && n >> (7 * (len - 1)) == 0))
        reader_fail(in, POSSE_ECORRUPT);
    return reader_error(in) ? 0 : (uint32_t)n;
}

int feature_decode(struct arena *a, struct reader *in, struct feature_set *out)
{
    *out = (struct feature_set){0};
    uint32_t *slot = arena_alloc(a, FEATURES_MAX * sizeof *slot);
    if (!slot)
        return POSSE_ENOMEM;
    uint32_t total = 0;
    for (unsigned v = 0; v < VIEW_N; v++) {
        uint32_t n = take_count(in);
        if (n > FEATURES_MAX - total)
            reader_fail(in, POSSE_ECORRUPT);
        if (n && !reader_error(in)) {
            size_t took = take_view(span_of(in->in.p + in->pos, in->in.n - in->pos), slot + total, n);
            if (took)
                reader_bytes(in, took);
            else
                reader_fail(in, POSSE_ECORRUPT);
        }
        if (reader_error(in))
            break;
        total += n;
        out->start[v + 1] = total;
    }
    if (reader_error(in)) {
        *out = (struct feature_set){0};
        return reader_error(in);
    }
    arena_shrink(a, slot, FEATURES_MAX * sizeof *slot, total * sizeof *slot);
    out->slot = slot;
    return POSSE_OK;
}
