/* eval_index: an index of labelled mail: lines of `label<TAB>path[<TAB>ignored]`, label spam or ham.
 * Read as a stream; paths are relative to the root, which by default is the index's own folder.
 * Errors: a line that does not parse is POSSE_ESYNTAX with file and line, and the next call goes on after it.
 * Threads: one owner. */
#ifndef POSSE_CLI_EVAL_INDEX_H
#define POSSE_CLI_EVAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

struct eval_index;

int eval_index_open(const char *path, const char *root, struct eval_index **out, struct report *why);
void eval_index_close(struct eval_index **ix);
/* 1: a line; *name_out is the path as it stands in the index, *path_out where it is; both live until the next call.
 * 0: the end. Negative: this line is bad. */
int eval_index_next(struct eval_index *ix, bool *is_spam_out, const char **name_out, const char **path_out,
                    struct report *why);

#endif
