/* What the parts of case_verify share: the log as it is found, and where findings go. */
#ifndef POSSE_CASE_VERIFY_PRIV_H
#define POSSE_CASE_VERIFY_PRIV_H

#include "case/verify.h"

enum { NOT_READ = -1 };
struct vline {
    int64_t n;          /* what it claims to be; NOT_READ: it is no line of a case */
    uint8_t hash[32], prev[32], leaf[32];
    bool is_exhibit, is_good; /* is_good: it is the line n, as far as its neighbours say */
    uint32_t pack;
    uint64_t offset, size;
    uint8_t sha256[32];
};
struct vlog { struct vline *line; size_t n, cap; struct buf last; /* the text of the last line */ };

struct verifying {
    const char *folder;
    int dir;
    const struct verify_options *o;
    struct vlog log;
    int (*fn)(void *ctx, const struct finding *);
    void *ctx;
    int stopped;        /* what fn returned */
    struct verified *out;
};
void verify_found(struct verifying *v, enum finding_kind kind, int64_t n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* One line of the log, without its end; what is none has n NOT_READ. */
void verify_read_line(struct span s, struct vline *l);
/* Reads log.jsonl; ENOMEM, or what the system says. */
int verify_read_log(struct verifying *v, struct report *why);
/* Says which lines were changed, removed, added, moved. newest: the good head over most lines, for a log that was cut; NULL: none. */
int verify_lines(struct verifying *v, const struct head *newest, struct report *why);
int verify_exhibits(struct verifying *v, struct report *why);
/* Bytes of a small file of the case. POSSE_ENOENT. */
int verify_file(struct verifying *v, const char *name, size_t most, struct buf *out);

#endif
