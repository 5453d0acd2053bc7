#include "base/reader.h"

#include <math.h>

#include "base/error.h"

struct reader reader_of(struct span in) { return (struct reader){.in = in}; }

struct span reader_bytes(struct reader *r, size_t n)
{
    if (r->err || n > r->in.n - r->pos) {
        reader_fail(r, POSSE_ECORRUPT);
        return SPAN_NONE;
    }
    struct span s = span_of(r->in.p + r->pos, n);
    r->pos += n;
    return s;
}

uint8_t reader_u8(struct reader *r)
{
    struct span s = reader_bytes(r, 1);
    return s.n ? s.p[0] : 0;
}

uint32_t reader_u32(struct reader *r)
{
    struct span s = reader_bytes(r, 4);
    if (!s.n)
        return 0;
    return (uint32_t)s.p[0] | (uint32_t)s.p[1] << 8 | (uint32_t)s.p[2] << 16 | (uint32_t)s.p[3] << 24;
}

uint64_t reader_u64(struct reader *r)
{
    struct span s = reader_bytes(r, 8);
    uint64_t x = 0;
    for (size_t i = s.n; i-- > 0;)
        x = x << 8 | s.p[i];
    return x;
}

double reader_double(struct reader *r)
{
    uint64_t bits = reader_u64(r);
    double x;
    memcpy(&x, &bits, sizeof x);
    if (isfinite(x) && fabs(x) <= 1e60)
        return x;
    reader_fail(r, POSSE_ECORRUPT);
    return 0;
}

uint64_t reader_varint(struct reader *r)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t c = reader_u8(r);
        if (r->err)
            return 0;
        if (shift == 63 && c > 1)
            break;
        x |= (uint64_t)(c & 127) << shift;
        if (!(c & 128))
            return x;
    }
    reader_fail(r, POSSE_ECORRUPT);
    return 0;
}

size_t reader_left(const struct reader *r) { return r->err ? 0 : r->in.n - r->pos; }

void reader_fail(struct reader *r, int err)
{
    if (!r->err)
        r->err = err;
}

int reader_error(const struct reader *r) { return r->err; }
size_t reader_pos(const struct reader *r) { return r->pos; }
