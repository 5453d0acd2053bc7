/* source_priv: what source.c (paths and folders), source_mbox.c (splitting) and source_load.c (bytes) share. */
#ifndef POSSE_CLI_SOURCE_PRIV_H
#define POSSE_CLI_SOURCE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "cli/source.h"

struct box_file {
    int fd;
    atomic_uint refs;
    char name[]; /* its path */
};
void box_file_release(struct box_file **b);

/* An mbox, or one message, that is being read through a window. */
struct mbox {
    char *name;
    size_t max_bytes; /* of one message */
    int fd;
    bool is_stream;        /* cannot be read again: messages are kept as they pass */
    struct box_file *file; /* not a stream */
    uint8_t *window;
    size_t pos, n; /* bytes in the window: window[pos, pos + n) */
    off_t base;    /* offset of window[pos] in the file */
    bool at_eof, is_box, is_broken, is_begun, is_resumed;
    uint64_t index;    /* messages given so far */
    off_t start;       /* of the message that is being read */
    struct buf kept;   /* its bytes, streams only */
    uint64_t passed;   /* its bytes so far */
    struct report why; /* is_broken */
};

/* Takes fd over, whatever comes back. NULL: out of memory. */
struct mbox *mbox_new(const char *name, int fd, bool is_stream, size_t max_bytes);
void mbox_free(struct mbox **m);
/* Not a stream: goes on at an offset, after so many messages. */
void mbox_resume(struct mbox *m, off_t at, uint64_t index);
/* Fills the ticket; false: no more messages. */
bool mbox_next(struct mbox *m, struct ticket *t);
/* Does an mbox separator start at in[at]? In full: after an empty line, with a date, before a header field. */
bool mbox_is_separator(struct span in, size_t at);

bool ticket_set_name(struct ticket *t, const char *dir, const char *name);
void ticket_bad(struct ticket *t, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Streams: bytes that are named and not yet cleared. */
void source_charge(struct source *s, size_t n); /* waits while there are too many */
void source_discharge(struct source *s, size_t n);

#endif
