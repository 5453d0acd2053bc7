/* report: what went wrong, for a person: a code and one line of text that names
 * the file, line or offset and what to do. Filled by the one who knows most;
 * printed by the faces (cli, serve) only.
 * Threads: a plain value.  A NULL report is allowed everywhere: nothing is written. */
#ifndef POSSE_BASE_REPORT_H
#define POSSE_BASE_REPORT_H

struct report {
    int code; /* enum posse_err */
    char text[512];
};

/* Sets code and text, returns code: `return report_set(why, POSSE_EIO, "%s: ...", path)`. */
int report_set(struct report *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends strerror(errno). */
int report_errno(struct report *r, const char *what, const char *path);

#endif
