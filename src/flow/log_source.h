/* log_source: one log among many: where it was left off, what of it was told, and how it is known again under another name.
 * Private to flow/logs.  Ownership: a source owns its path and its open reader.  Threads: one owner. */
#ifndef POSSE_FLOW_LOG_SOURCE_H
#define POSSE_FLOW_LOG_SOURCE_H

#include <sys/types.h>

#include "base/buf.h"
#include "flow/logs_priv.h"

enum { LOG_HEAD = 4096, LOG_MARKS = 256, LOG_MARK_EVERY = 4096 };
/* Records of one stretch of a log: where it begins, how many, the latest start among them. Stretches are joined when there are too many. */
struct log_mark { struct logs_place from; int64_t last_us; };

struct log_source {
    char *path;
    dev_t dev;
    ino_t ino;
    uint64_t head;      /* hash of its own first head_n bytes, unpacked */
    size_t head_n;
    struct logs_file *f; /* NULL: closed */
    bool is_over, at_end; /* is read to its end for good; to its end so far */
    bool is_gone;        /* its name is another file's now, or nobody's */
    int64_t first_us, clock_us; /* start of its first record; the latest start, wild ones apart */
    unsigned wild;
    struct logs_place at;  /* read up to here (as of the last close or mark) */
    uint64_t parked;    /* its size when it was closed at its end, to be looked at; 0: it was not */
    uint64_t again;        /* bytes before this were read before a resume: what was told of them is not told again */
    struct log_mark *mark; /* LOG_MARKS of them */
    size_t n_marks, every, in_mark;
    struct logs_lost gone; /* of readers that were closed */
};

/* A source for a file: its head, the start of its first record (INT64_MIN: none near the beginning). ESYNTAX: no log. */
int log_source_new(const char *path, struct log_source **out, struct report *why);
void log_source_free(struct log_source **s);
int log_source_open(struct log_source *s, bool grows, struct report *why); /* at s->at */
void log_source_close(struct log_source *s);
/* The next record; keeps clock and marks. */
int log_source_next(struct log_source *s, struct flow *out, struct report *why);
/* A log's clock is the latest start so far; one that is a day off is wild, and believed when many others agree with it. */
void log_tick(int64_t *clock_us, unsigned *wild, int64_t us);
/* From where a reader must begin again so that nothing that started at told_us or later is missed. */
struct logs_place log_source_held(const struct log_source *s, int64_t told_us);
struct logs_place log_source_at(const struct log_source *s);
void log_source_lost(const struct log_source *s, struct logs_lost *sum);
/* Hash of the first n bytes of a log; false: there are fewer, or it cannot be read. */
bool log_source_head(const char *path, size_t n, uint64_t *out);

/* Every file below a folder (or the file itself), names that begin with a dot apart, in order of names; links to folders are not
 * followed below the first. fn returns < 0 to stop. */
int log_find(const char *path, int (*fn)(void *ctx, const char *path), void *ctx, struct report *why);

#endif
