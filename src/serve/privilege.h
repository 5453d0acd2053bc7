/* privilege: giving up root, for good and verified.
 * Call order: privilege_find before anything is bound, privilege_drop after, and before anything hostile is read.
 * Errors: POSSE_EINVAL, POSSE_EACCES with what to do. Threads: before there are any. */
#ifndef POSSE_SERVE_PRIVILEGE_H
#define POSSE_SERVE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/report.h"

struct privilege {
    bool is_root;      /* this process is root, and `name` is whom it becomes */
    char name[64];
    uid_t uid;         /* of whom it will be */
    gid_t gid;
};
/* user "": nobody else; then root is refused. "root" itself may be named. */
int privilege_find(const char *user, struct privilege *out, struct report *why);
/* Becomes that user with all its groups, drops every capability and the right to gain new ones (PR_SET_NO_NEW_PRIVS).
 * A process that is not root keeps its user and loses the rest. */
int privilege_drop(const struct privilege *p, struct report *why);
/* The group's number; POSSE_EINVAL: there is none of that name. */
int privilege_group(const char *name, gid_t *out, struct report *why);

#endif
