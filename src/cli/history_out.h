/* history_out: a row of history as a line, as lines with reasons, or as one JSON object; and what it shares with the quarantine.
 * Threads: reentrant. */
#ifndef POSSE_CLI_HISTORY_OUT_H
#define POSSE_CLI_HISTORY_OUT_H

#include "base/buf.h"
#include "store/events.h"
#include "store/quarantine.h"

struct history_style { bool is_json, is_explained; };

void history_write(struct buf *b, struct history_style style, const struct event *e);
void quarantine_write(struct buf *b, bool is_json, const struct quarantine_item *x);
const char *quarantine_state_name(enum quarantine_state s);

#endif
