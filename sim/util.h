/* util: what every part of the simulator needs: a growing buffer, memory that never comes back NULL, an end with a reason.
 * The simulator is a program, not a library: trouble ends it, with a line on stderr and status 2.
 * Ownership: a buffer owns its bytes until buf_free.  Threads: one. */
#ifndef SIM_UTIL_H
#define SIM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where a thing stands in a scenario; line 0: nowhere (an option). */
struct place { const char *file; int line; };

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_at(struct place at, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *mem_new(size_t bytes);                 /* zeroed */
void *mem_grow(void *p, size_t bytes);
char *mem_text(const char *p, size_t n);     /* with a NUL */
/* Makes room for one more in an array of *n with room for *cap. */
void *mem_push(void *p, size_t n, size_t *cap, size_t each);

struct buf { char *p; size_t n, cap; };
void buf_room(struct buf *b, size_t more);
void buf_free(struct buf *b);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_digits(struct buf *b, uint64_t v, unsigned digits);         /* with leading zeros */
void buf_hex(struct buf *b, uint64_t v, unsigned digits, bool is_upper);
static inline void buf_add(struct buf *b, const char *p, size_t n)
{
    if (b->cap - b->n < n)
        buf_room(b, n);
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}
static inline void buf_text(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
static inline void buf_byte(struct buf *b, char c) { buf_add(b, &c, 1); }
static inline void buf_join(struct buf *b, const struct buf *other) { buf_add(b, other->p, other->n); }

#endif
