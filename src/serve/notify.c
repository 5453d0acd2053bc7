#include "serve/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void notify_init(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    size_t len = path ? strlen(path) : 0;
    *n = (struct notify){.to.sun_family = AF_UNIX};
    if (len > 1 && len < sizeof n->to.sun_path && (path[0] == '/' || path[0] == '@')) {
        memcpy(n->to.sun_path, path, len);
        if (path[0] == '@')
            n->to.sun_path[0] = '\0'; /* the abstract names: no NUL at the end */
        n->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    }
    if (n->n && usec && (!pid || strtol(pid, NULL, 10) == (long)getpid()))
        n->watchdog_ms = strtoull(usec, NULL, 10) / 1000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void tell(const struct notify *n, const char *text)
{
    if (!n->n)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&n->to, n->n);
    (void)sent;
    close(fd);
}

void notify_ready(const struct notify *n, const char *status)
{
    char text[512];
    snprintf(text, sizeof text, "READY=1\nMAINPID=%ld\nSTATUS=%.400s", (long)getpid(), status);
    tell(n, text);
}

/* systemd 253 and later wait for the READY that follows, by this clock. */
void notify_reloading(const struct notify *n)
{
    char text[80];
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
    tell(n, text);
}

void notify_stopping(const struct notify *n) { tell(n, "STOPPING=1"); }
void notify_watchdog(const struct notify *n) { tell(n, "WATCHDOG=1"); }
