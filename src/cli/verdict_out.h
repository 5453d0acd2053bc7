/* verdict_out: a verdict as a line, as lines with reasons, or as one JSON object.
 * Text: class, score in bits, probability, path; with reasons, each below with its bits, rounded so that
 * what is shown adds up to the score that is shown. Control characters of a path or reason are written \xNN, so that
 * a file's name can neither forge a line nor drive a terminal.
 * Threads: reentrant. */
#ifndef POSSE_CLI_VERDICT_OUT_H
#define POSSE_CLI_VERDICT_OUT_H

#include "base/buf.h"
#include "engine/engine.h"

struct verdict_style {
    bool is_json, is_explained, is_colored;
};

void verdict_write(struct buf *b, struct verdict_style style, const char *path, const struct verdict *v);
/* What stands in a verdict's place when there is none; JSON only. */
void verdict_write_error(struct buf *b, const char *path, const char *text);
/* Bytes as text, with control characters escaped. */
void text_write(struct buf *b, struct span s);

#endif
