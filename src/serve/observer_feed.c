/* Sightings of other processes: a socket of packets in the home, one connection a process. The path goes by way of an open folder, for a
 * socket's address holds 108 bytes and a home's path may be longer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/observer_priv.h"

enum { AGAIN_MS = 1000 /* after nobody listened */ };

static int open_socket(const char *home, struct sockaddr_un *a, int *folder)
{
    *folder = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return -1;
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/observe.sock", *folder);
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- sending ---- */

struct observer_feed {
    char *home;
    struct counters *counters;
    pthread_mutex_t lock;
    int fd; /* -1: not connected */
    int64_t again_ms;
};

struct observer_feed *observer_feed_new(const char *home, struct counters *counters)
{
    struct observer_feed *f = calloc(1, sizeof *f);
    if (!f || !(f->home = strdup(home))) {
        free(f);
        return NULL;
    }
    f->counters = counters;
    f->fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void observer_feed_free(struct observer_feed **fp)
{
    struct observer_feed *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    pthread_mutex_destroy(&f->lock);
    free(f->home);
    free(f);
}

static bool is_connected(struct observer_feed *f)
{
    struct sockaddr_un a;
    int folder;
    int64_t now = observer_clock_ms();
    if (f->fd >= 0 || now < f->again_ms)
        return f->fd >= 0;
    f->again_ms = now + AGAIN_MS;
    int fd = open_socket(f->home, &a, &folder);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        fd = -1;
    }
    if (folder >= 0)
        close(folder);
    f->fd = fd;
    return fd >= 0;
}

/* 1: sent, 0: not taken now, -1: nobody listens. */
static int send_packet(struct observer_feed *f, const void *p, size_t n)
{
    for (int tries = 0; tries < 2; tries++) {
        if (!is_connected(f))
            return -1;
        if (send(f->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
            return 1;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EMSGSIZE || errno == ENOBUFS || errno == EINTR)
            return 0;
        close(f->fd); /* who listened has gone: perhaps another one has come */
        f->fd = -1;
        f->again_ms = 0;
    }
    return -1;
}

bool observer_feed_push(struct observer_feed *f, enum metric_door door, struct span row)
{
    uint8_t *packet = row.n < OBSERVER_PACKET_MAX ? malloc(row.n + 1) : NULL;
    int sent = 0;
    if (packet) {
        packet[0] = (uint8_t)door;
        memcpy(packet + 1, row.p, row.n);
        pthread_mutex_lock(&f->lock);
        sent = send_packet(f, packet, row.n + 1);
        pthread_mutex_unlock(&f->lock);
        free(packet);
    }
    if (sent == 0)
        counters_add(f->counters, door, METRIC_OBSERVE_DROPPED, 1);
    return sent > 0;
}

/* ---- receiving ---- */

enum { FEEDS_MAX = 256 };

struct receiver {
    struct observer *observer;
    pthread_t thread;
    int listener, wake[2];
    struct pollfd poll[2 + FEEDS_MAX];
    size_t n;
    uint8_t packet[OBSERVER_PACKET_MAX];
};

static void accept_one(struct receiver *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && r->n == 2 + FEEDS_MAX)
        close(fd);
    else if (fd >= 0)
        r->poll[r->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* False: it has gone. */
static bool take_from(struct receiver *r, int fd)
{
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(fd, r->packet, sizeof r->packet, MSG_TRUNC);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (n == 0)
            return false;
        if (n > 1 && (size_t)n <= sizeof r->packet && r->packet[0] < DOORS)
            observer_push(r->observer, (enum metric_door)r->packet[0], span_of(r->packet + 1, (size_t)n - 1));
    }
    return true;
}

static void *receive(void *ctx)
{
    struct receiver *r = ctx;
    for (;;) {
        if (poll(r->poll, r->n, -1) < 0 && errno != EINTR)
            break;
        for (size_t i = r->n; i-- > 2;)
            if (r->poll[i].revents && !take_from(r, r->poll[i].fd)) {
                close(r->poll[i].fd);
                r->poll[i] = r->poll[--r->n];
            }
        if (r->poll[1].revents)
            accept_one(r);
        if (r->poll[0].revents) /* last: what was sent before the end counts */
            break;
    }
    return NULL;
}

static int listen_in(const char *home)
{
    struct sockaddr_un a;
    int folder, fd = open_socket(home, &a, &folder);
    if (fd >= 0) {
        unlink(a.sun_path); /* the home is this daemon's alone: what is there was left by one that died */
        if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || chmod(a.sun_path, 0600) != 0 || listen(fd, 64) != 0) {
            close(fd);
            fd = -1;
        }
    }
    if (folder >= 0)
        close(folder);
    return fd;
}

int receiver_new(struct observer *o, const char *home, struct receiver **out, struct report *why)
{
    struct receiver *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    r->observer = o;
    r->listener = listen_in(home);
    r->wake[0] = r->wake[1] = -1;
    int rc = 0;
    if (r->listener < 0)
        rc = report_errno(why, "listen to observe.sock in", home);
    else if (pipe2(r->wake, O_CLOEXEC) != 0)
        rc = report_errno(why, "make a pipe", "observer");
    r->poll[0] = (struct pollfd){.fd = r->wake[0], .events = POLLIN};
    r->poll[1] = (struct pollfd){.fd = r->listener, .events = POLLIN};
    r->n = 2;
    if (!rc && observer_start(&r->thread, receive, r))
        rc = report_set(why, POSSE_ENOMEM, "no thread could be started for the observatory");
    if (!rc) {
        *out = r;
        return POSSE_OK;
    }
    for (int i = 0; i < 2; i++)
        if (r->wake[i] >= 0)
            close(r->wake[i]);
    if (r->listener >= 0)
        close(r->listener);
    free(r);
    return rc;
}

void receiver_free(struct receiver **rp)
{
    struct receiver *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    close(r->wake[1]);
    pthread_join(r->thread, NULL);
    for (size_t i = 2; i < r->n; i++)
        close(r->poll[i].fd);
    close(r->wake[0]);
    close(r->listener);
    free(r);
}
