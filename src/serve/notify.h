/* notify: tells systemd how the daemon is (sd_notify(3)), as a datagram to $NOTIFY_SOCKET. Without one every call does nothing.
 * Errors: none; a manager that does not listen is no reason to stop serving. Threads: reentrant. */
#ifndef POSSE_SERVE_NOTIFY_H
#define POSSE_SERVE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    struct sockaddr_un to;
    socklen_t n;               /* 0: nobody asked */
    uint64_t watchdog_ms;      /* say "WATCHDOG=1" at least that often; 0: not asked for */
};
/* Reads the environment and clears it, so that no child speaks for the daemon. */
void notify_init(struct notify *n);
/* Lines such as "READY=1\nSTATUS=..."; MAINPID is added to READY, the clock to RELOADING. */
void notify_ready(const struct notify *n, const char *status);
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);
void notify_watchdog(const struct notify *n);

#endif
