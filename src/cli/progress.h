/* progress: one line on a terminal's stderr that says how far a long command has come.
 * Nothing is written when stderr is not a terminal.
 * Threads: one at a time.  Cost: a counter a message, a line every 200 ms. */
#ifndef POSSE_CLI_PROGRESS_H
#define POSSE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "judged" */
    bool is_on;
    uint64_t n, next_look;
    int64_t started_ms, shown_ms;
};

void progress_init(struct progress *p, const char *what);
void progress_step(struct progress *p);
void progress_clear(struct progress *p); /* takes the line off, before other output and at the end */

#endif
