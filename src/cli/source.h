/* source: the messages behind the PATHs of a command line: a message, an mbox, a Maildir, a folder, or `-`.
 *
 * Two steps, so that many threads can read: source_next names the next message (a ticket, cheap, in order);
 * source_load fetches its bytes on any thread. Trouble with one path is a ticket as well, which fails in
 * source_load with the reason: it never stops the others.
 * Folders are walked in byte order of the names, hidden files and links to folders left out. A Maildir is a folder
 * with cur/ and new/: only these and its subfolders (.Name) are read. A file that starts with a `From ` line is
 * an mbox; messages are split where a `From ` line with a date follows an empty line and precedes a header field,
 * and in a box of several one `>` is taken off `>From ` lines (mboxrd; right for mboxo as well). A file of one
 * message is given byte for byte.
 * With source_resume what was read before is passed over: files by name, an mbox up to where it was left off; what stands there and
 * is no separator (the rest of a message that was cut short then) is passed over too.
 * Ownership: a ticket owns what it holds until ticket_clear; it must be cleared before its source is freed.
 * Bytes live in the source_buf (or the ticket) until the next load or clear.
 * Limits: messages over max_bytes are refused (POSSE_ETOOBIG); folders nest 64 deep; an mbox is read through
 * a window, a piped one holds at most 64 MB of messages that were named and not yet cleared.
 * Errors: from source_load: EINVAL (empty), ENOTFILE, ETOOBIG, EACCES, ENOENT, EIO, ENOMEM; `why` names the path.
 * Threads: source_next on one thread at a time; source_load and ticket_clear on any, one a ticket.
 * Cost: open, pread of 5 bytes, fstat, read, close for a file. */
#ifndef POSSE_CLI_SOURCE_H
#define POSSE_CLI_SOURCE_H

#include <sys/types.h>

#include "base/report.h"
#include "base/span.h"

struct source;

enum ticket_kind { TICKET_NONE, TICKET_PATH, TICKET_FD, TICKET_SLICE, TICKET_BYTES, TICKET_BAD };

struct box_file; /* an mbox held open by its tickets */

struct ticket {
    char *name; /* for people: the path, with #N for the N-th message of an mbox */
    size_t name_cap;
    enum ticket_kind kind;
    int fd; /* TICKET_FD */
    struct box_file *box;
    off_t offset;           /* TICKET_SLICE */
    off_t end;              /* TICKET_SLICE: where the box goes on after it */
    uint64_t index;         /* TICKET_SLICE: which of the box it is, from 1 */
    size_t n;               /* bytes of a slice, or of `bytes` */
    bool is_boxed;          /* one of several in an mbox: `>From ` is unquoted */
    uint8_t *bytes;         /* TICKET_BYTES */
    struct source *charged; /* whose window `bytes` counts against */
    size_t max_bytes;
    struct report bad; /* TICKET_BAD */
};

void ticket_init(struct ticket *t);
void ticket_clear(struct ticket *t); /* keeps the name and its memory */
void ticket_deinit(struct ticket *t);
/* A ticket for one file that is not looked into (an index line). */
int ticket_path(struct ticket *t, const char *path, size_t max_bytes);

/* paths must outlive the source. NULL: out of memory. */
struct source *source_new(const char *const *paths, size_t n, size_t max_bytes);
void source_free(struct source **s);
/* False: there is no more. t was initialised; what it held is cleared. */
bool source_next(struct source *s, struct ticket *t);

/* Asked as the source comes to them, by the thread that asks for tickets. */
struct source_resume {
    void *ctx;
    bool (*wants)(void *ctx, const char *path); /* false: this file was read */
    off_t (*begins)(void *ctx, const char *path, int fd, uint64_t *index_out); /* of an mbox: where, after how many messages */
};
/* r must outlive the source. */
void source_resume(struct source *s, const struct source_resume *r);
/* In which order the files of one folder come, by a number that is made of each before the first of them comes; equal ones, and folders
 * before files, by name. Files that are not wanted are not opened. Cost: an open, what time_ms reads, and a close for a file. */
struct source_order {
    void *ctx;
    int64_t (*time_ms)(void *ctx, int fd); /* the file is open, its offset 0 and not looked at */
};
/* o must outlive the source. */
void source_order(struct source *s, const struct source_order *o);
/* The path of the mbox that a ticket is of; NULL: of none. */
const char *ticket_box(const struct ticket *t);

struct source_buf {
    uint8_t *p;
    size_t cap;
};
void source_buf_deinit(struct source_buf *b);
int source_load(struct ticket *t, struct source_buf *b, struct span *raw_out, struct report *why);

#endif
