/* buf: a growing byte buffer on the heap with a maximum.
 * Owns its bytes. Errors stick: after a failed append, further ones do nothing and
 * buf_error says why (POSSE_ENOMEM, POSSE_ELIMIT); test once at the end.
 * With a spill it never grows past spill_at bytes and what is added at once: what it holds is handed on (0: it went well, else the buffer's
 * error) and it begins anew. What is still in it at the end is its owner's to hand on. Only for who appends and never looks back.
 * Threads: one owner.  Cost: doubling growth. */
#ifndef POSSE_BASE_BUF_H
#define POSSE_BASE_BUF_H

#include <stdarg.h>

#include "base/span.h"

struct buf {
    uint8_t *p;
    size_t n, cap, max;
    int err;
    int (*spill)(void *ctx, struct span full); /* NULL: none; set after buf_init */
    void *spill_ctx;
    size_t spill_at;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_deinit(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory, forgets bytes and error */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_span(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *s);
void buf_add_byte(struct buf *b, uint8_t c);
void buf_add_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_u32(struct buf *b, uint32_t x); /* little-endian */
void buf_add_u64(struct buf *b, uint64_t x);
void buf_add_double(struct buf *b, double x); /* its bits */
/* LEB128: seven bits a byte, low ones first. */
void buf_add_varint(struct buf *b, uint64_t x);
/* Room for n bytes at the end, to be written by the caller; NULL past the maximum. */
uint8_t *buf_reserve(struct buf *b, size_t n);
struct span buf_span(const struct buf *b);
int buf_error(const struct buf *b);

#endif
