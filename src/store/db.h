/* db: a SQLite file of ours: made private, checked to be ours, WAL; its statements, transactions and errors.
 * Ownership: struct db is the caller's; db_close frees what it holds.  Threads: one a handle.
 * Errors: codes of base/error with text that says what to do; a lock is waited for 10 s, then POSSE_EBUSY. */
#ifndef POSSE_STORE_DB_H
#define POSSE_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/span.h"

/* What a kind of file is. */
struct db_kind {
    const char *noun;        /* "lessons": "cannot open the lessons" */
    int app_id, format;      /* of the file's head; the schema need not set them */
    const char *first;       /* pragmas before the file is made: page_size and kin */
    const char *then;        /* pragmas of every handle, temporary tables */
    const char *schema;
    const char *when_damaged; /* advice */
    const char *const *texts; /* statements by number; prepared on first use */
    size_t n_texts;
};
enum { DB_STMT_MAX = 32 };

struct db {
    sqlite3 *h;
    char *path;
    const struct db_kind *kind;
    sqlite3_stmt *stmt[DB_STMT_MAX];
    sqlite3_stmt *begin, *commit, *rollback; /* prepared from the start: undoing must not need memory */
};

/* Makes folder (home.h) and file (mode 0600) when missing. On failure there is nothing to close. */
int db_open(struct db *d, const char *path, const struct db_kind *kind, struct report *why);
void db_close(struct db *d);

/* The code and the report for what SQLite said last. `doing`: "learn", "read the lessons" ... */
int db_fail(struct db *d, struct report *why, const char *doing);
/* NULL: out of memory, or the schema is damaged; db_fail says which. Reset and unbound. */
sqlite3_stmt *db_stmt(struct db *d, size_t number);
/* Runs a statement that gives no rows, and resets it; SQLITE_OK or the error. */
int db_run(sqlite3_stmt *s);
/* BEGIN IMMEDIATE. */
int db_begin(struct db *d, struct report *why, const char *doing);
/* rc == 0: commits; otherwise, and when the commit fails, undoes. */
int db_end(struct db *d, int rc, struct report *why, const char *doing);
/* The number that a query gives; 0 when it gives no row. */
int db_number(struct db *d, const char *sql, int64_t *out, struct report *why);
/* Every page and index. */
int db_check(struct db *d, struct report *why);
uint64_t db_file_bytes(const struct db *d); /* with its log */

/* ---- values (db_value.c) ---- */

/* Parameters count from 1, columns from 0. Bytes must live until the statement is reset. */
int db_bind_text(sqlite3_stmt *s, int parameter, struct span x);
int db_bind_blob(sqlite3_stmt *s, int parameter, struct span x); /* empty, not NULL */
struct span db_column(sqlite3_stmt *s, int column);              /* until the next step; NULL is empty */
/* Lists in a blob: each entry a varint length and its bytes. */
void db_pack(struct buf *b, struct span x);
struct span db_unpack(struct reader *r);
/* No pattern, or a match without case; `*` stands for anything. */
bool db_like(const char *pattern, struct span s);
/* The first max bytes, whole characters of UTF-8. */
struct span db_cut(struct span s, size_t max);

#endif
