/* store_report: what a failing disk says, and what a person can do about it.
 * Owns nothing.  Threads: reentrant.  Errors: passes on the code that it explains. */
#ifndef POSSE_STORE_STORE_REPORT_H
#define POSSE_STORE_STORE_REPORT_H

#include "base/report.h"

/* The report for errno of a failed call on path: what failed, why, and what to do. Returns the code. */
int store_errno(struct report *why, const char *what, const char *path);
/* What to do about a code: a clause beginning with a verb, or "" where there is no general advice. */
const char *store_advice(int code);

#endif
