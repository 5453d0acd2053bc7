/* arena: memory that is given back all at once. One arena serves one message;
 * everything about that message lives in it and dies with arena_reset.
 * Owns: its blocks. Pointers from it are good until the next reset or free.
 * Limits: `max_bytes` caps what is handed out between resets; past it, or when
 * the heap is empty, arena_alloc returns NULL and arena_failed() says so until
 * the reset, so that a caller may test once at the end.
 * Threads: one arena belongs to one thread.  Cost: a pointer bump; reset keeps
 * the blocks (up to 1 MiB) for the next message. */
#ifndef POSSE_BASE_ARENA_H
#define POSSE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct arena;

struct arena *arena_new(size_t max_bytes); /* NULL: out of memory */
void arena_free(struct arena **a);         /* NULL and *a == NULL are fine */
void arena_reset(struct arena *a);

/* 16-byte aligned, not zeroed. n == 0 gives a valid pointer. NULL past the cap. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);

/* Grows the allocation `old` (NULL or of old_n bytes) to n bytes; in place where
 * it was the latest one. NULL past the cap, and `old` is still good then. */
void *arena_grow(struct arena *a, void *old, size_t old_n, size_t n);

/* Gives back the tail of the latest allocation `p`, which keeps `keep` of its n bytes. */
void arena_shrink(struct arena *a, void *p, size_t n, size_t keep);

struct span arena_copy(struct arena *a, struct span s); /* SPAN_NONE past the cap */

bool arena_failed(const struct arena *a);
size_t arena_used(const struct arena *a);

/* Tests only: the n-th allocation from now fails (0: none). */
void arena_fail_at(struct arena *a, size_t n);

#endif
