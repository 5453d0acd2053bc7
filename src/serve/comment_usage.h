/* comment_usage: what each key asked for which site, this month: for usage-limit, key-sites and get-key-stats.
 * Kept in memory, written to a file now and then and on closing; a crash loses the last minute. Keys stand there as the first 16 bytes
 * of their SHA-256.
 * Limits: USAGE_ROWS_MAX pairs of key and site; those over it are counted for their key under "(other-sites)", or not at all when
 * there is no room for that either.
 * Threads: any.  Cost: a hash and a short search. */
#ifndef POSSE_SERVE_COMMENT_USAGE_H
#define POSSE_SERVE_COMMENT_USAGE_H

#include "base/report.h"
#include "base/span.h"

enum { USAGE_ROWS_MAX = 4096, USAGE_SITE_MAX = 120 };
enum usage_what {
    USAGE_CALLS,
    USAGE_SPAM,
    USAGE_HAM,
    USAGE_MISSED /* reported as spam */,
    USAGE_FALSE /* reported as ham */,
    USAGE_KINDS
};

struct usage_row {
    uint8_t key[16];
    char site[USAGE_SITE_MAX + 1];
    uint64_t n[USAGE_KINDS];
};

struct comment_usage;
/* path NULL: memory alone. A file that cannot be read is begun anew. */
int comment_usage_open(const char *path, struct comment_usage **out, struct report *why);
void comment_usage_close(struct comment_usage **u); /* writes it */
void comment_usage_add(struct comment_usage *u, struct span key, struct span site, enum usage_what what,
                       int64_t now_ms);
/* The key's sums; *n_sites. */
void comment_usage_sum(struct comment_usage *u, struct span key, int64_t now_ms, uint64_t out[USAGE_KINDS],
                       size_t *n_sites);
/* The key's rows, most calls first, from the offset-th on, at most n; returns how many there are. */
size_t comment_usage_rows(struct comment_usage *u, struct span key, int64_t now_ms, size_t offset,
                          struct usage_row *out, size_t n);
/* "2026-11" of a time, UTC. */
void comment_usage_month(int64_t now_ms, char out[8]);

#endif
