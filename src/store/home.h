/* home: the folder of a user's state, $POSSE_HOME: made mode 0700, because hashed features and digests are
 * personal data.
 * Errors: EACCES when others may enter it, ENOTFILE when something else has its name; `why` says what to do.
 * Threads: reentrant.  Owns nothing. */
#ifndef POSSE_STORE_HOME_H
#define POSSE_STORE_HOME_H

#include "base/report.h"

/* Makes the folder and missing parents. One that is there must be closed to group and others; an empty one of ours
 * is closed here, a filled one is refused: its mode may be somebody's choice (the path may be mistyped). */
int home_prepare(const char *path, struct report *why);
/* The home is one process's from now on, for what `file` (in it) stands for: the lock goes with the descriptor. Another's: EBUSY,
 * with its number; `what` says what that one does: "another process observes this home". */
int home_lock(const char *home, const char *file, const char *what, int *fd_out, struct report *why);

#endif
