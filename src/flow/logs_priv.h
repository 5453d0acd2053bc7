/* logs_priv: what the reader of one file and the one that merges many share. */
#ifndef POSSE_FLOW_LOGS_PRIV_H
#define POSSE_FLOW_LOGS_PRIV_H

#include "flow/logs.h"

enum { LOGS_NAMED = 3 }; /* broken lines that are told of by their place */

/* Adds "where: what" to the texts of *l if there is room and they are the first. */
void logs_name(struct logs_lost *l, uint64_t so_far, const char *path, uint64_t line, const char *what);
/* Adds *l to *to, texts while there are fewer than LOGS_NAMED. */
void logs_sum(struct logs_lost *to, const struct logs_lost *l);
/* Whether the file is still written: a last line without its newline waits, a gzip that ends is not yet cut. */
void logs_file_grows(struct logs_file *f, bool grows);
/* Where a reader stands: what logs_position keeps of one file. */
struct logs_place {
    uint64_t at, line;
    uint64_t header; /* where the last line is that began the headers in force */
    uint64_t end;    /* behind a packet of which some was read, else as at */
};
void logs_file_place(const struct logs_file *f, struct logs_place *out);
/* Goes to a place of the same log, by its header. Only right after logs_file_open. */
int logs_file_go(struct logs_file *f, const struct logs_place *to, struct report *why);
/* The log's own first bytes, up to n: for telling it again under another name. */
int logs_file_head(struct logs_file *f, size_t n, struct span *out, struct report *why);
/* Start of the first record, looked for near the beginning only (it is read over); INT64_MIN: none there. */
int logs_file_first(struct logs_file *f, int64_t *out_us, struct report *why);

#endif
