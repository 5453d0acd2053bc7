#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void buf_deinit(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->err = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (!b->err && b->spill && b->n >= b->spill_at) {
        b->err = b->spill(b->spill_ctx, buf_span(b));
        b->n = 0;
    }
    if (b->err)
        return NULL;
    if (n > b->max || b->n > b->max - n) {
        b->err = POSSE_ELIMIT;
        return NULL;
    }
    if (b->cap - b->n < n) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        while (cap < b->n + n)
            cap *= 2;
        uint8_t *p = realloc(b->p, cap);
        if (!p) {
            b->err = POSSE_ENOMEM;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    uint8_t *to = n ? buf_reserve(b, n) : NULL;
    if (!to)
        return;
    memcpy(to, p, n);
    b->n += n;
}

void buf_add_span(struct buf *b, struct span s) { buf_add(b, s.p, s.n); }
void buf_add_str(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
void buf_add_byte(struct buf *b, uint8_t c) { buf_add(b, &c, 1); }

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *to = n >= 0 ? buf_reserve(b, (size_t)n + 1) : NULL;
    if (to) {
        vsnprintf((char *)to, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_add_u32(struct buf *b, uint32_t x)
{
    uint8_t v[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)};
    buf_add(b, v, sizeof v);
}

void buf_add_u64(struct buf *b, uint64_t x)
{
    buf_add_u32(b, (uint32_t)x);
    buf_add_u32(b, (uint32_t)(x >> 32));
}

void buf_add_double(struct buf *b, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    buf_add_u64(b, bits);
}

void buf_add_varint(struct buf *b, uint64_t x)
{
    uint8_t v[10];
    size_t n = 0;
    do {
        v[n] = (uint8_t)(x & 127);
        x >>= 7;
        if (x)
            v[n] |= 128;
        n++;
    } while (x);
    buf_add(b, v, n);
}

struct span buf_span(const struct buf *b) { return span_of(b->p, b->n); }
int buf_error(const struct buf *b) { return b->err; }
