#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void end(const char *format, va_list args)
{
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    exit(2);
}

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("posse-sim: ", stderr);
    end(format, args);
}

void die_at(struct place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (at.line > 0)
        fprintf(stderr, "%s:%d: ", at.file, at.line);
    else
        fputs("posse-sim: ", stderr);
    end(format, args);
}

void *mem_new(size_t bytes)
{
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    if (!p)
        die("out of memory (%zu bytes more)", bytes);
    return p;
}

void *mem_grow(void *p, size_t bytes)
{
    void *q = realloc(p, bytes > 0 ? bytes : 1);
    if (!q)
        die("out of memory (%zu bytes more)", bytes);
    return q;
}

char *mem_text(const char *p, size_t n)
{
    char *s = mem_new(n + 1);
    if (n > 0)
        memcpy(s, p, n);
    return s;
}

void *mem_push(void *p, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return p;
    *cap = *cap < 8 ? 8 : *cap + *cap / 2;
    return mem_grow(p, *cap * each);
}

void buf_room(struct buf *b, size_t more)
{
    if (b->cap - b->n >= more)
        return;
    size_t want = b->cap < 256 ? 256 : b->cap * 2;
    while (want - b->n < more)
        want *= 2;
    b->p = mem_grow(b->p, want);
    b->cap = want;
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_digits(struct buf *b, uint64_t v, unsigned digits)
{
    char t[24];
    size_t n = sizeof t;
    do {
        t[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (n > 0 && (v > 0 || sizeof t - n < digits));
    buf_add(b, t + n, sizeof t - n);
}

void buf_u64(struct buf *b, uint64_t v) { buf_digits(b, v, 1); }

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_byte(b, '-');
    buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_hex(struct buf *b, uint64_t v, unsigned digits, bool is_upper)
{
    const char *alphabet = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (unsigned i = digits; i-- > 0;)
        buf_byte(b, alphabet[v >> (4 * i) & 15]);
}
