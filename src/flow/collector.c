#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "flow/log_netflow.h"

enum { SOCKET_BYTES = 8 << 20 };
struct collector {
    struct netflow *n;
    uint64_t packets;
    int fd;
    uint8_t *packet; /* the one being read, where there is a socket */
    bool is_reading;
    char name[IP_TEXT];
};

int collector_new(struct collector **out, struct report *why)
{
    struct collector *c = calloc(1, sizeof *c);
    *out = c;
    if (c)
        c->fd = -1;
    if (c && (c->n = netflow_new()))
        return 0;
    collector_free(out);
    return report_set(why, POSSE_ENOMEM, "no memory to collect NetFlow");
}

void collector_free(struct collector **cp)
{
    struct collector *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    netflow_free(&c->n);
    free(c->packet);
    free(c);
}

int collector_packet(struct collector *c, const struct ip *from, struct span packet, int (*fn)(void *ctx, const struct flow *), void *ctx)
{
    struct flow f;
    ip_text(from, c->name);
    if (!netflow_begin(c->n, from, packet, c->name, ++c->packets))
        return 0;
    while (netflow_next(c->n, &f)) {
        int rc = fn(ctx, &f);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void collector_lost(const struct collector *c, struct logs_lost *out) { netflow_lost(c->n, out); }

/* ---- a socket ---- */

union address { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

/* "127.0.0.1:2055", "[::1]:2055" */
static bool address_of(const char *where, union address *out, socklen_t *n)
{
    const char *colon = strrchr(where, ':');
    char *end;
    struct ip a;
    long port = colon && colon[1] ? strtol(colon + 1, &end, 10) : -1;
    if (port < 0 || port > 65535 || *end || !ip_read(span_of(where, (size_t)(colon - where)), &a))
        return false;
    memset(out, 0, sizeof *out);
    if (where[0] != '[') {
        out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        memcpy(&out->v4.sin_addr, a.b + 12, 4);
        *n = sizeof out->v4;
        return ip_is_v4(&a);
    }
    out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    memcpy(&out->v6.sin6_addr, a.b, 16);
    *n = sizeof out->v6;
    return true;
}

static struct ip ip_of(const union address *a)
{
    struct ip x;
    if (a->any.sa_family == AF_INET)
        return ip_of_v4(ntohl(a->v4.sin_addr.s_addr));
    memcpy(x.b, &a->v6.sin6_addr, 16);
    return x;
}

int collector_bind(struct collector *c, const char *where, struct report *why)
{
    union address a;
    socklen_t n;
    int size = SOCKET_BYTES, only = 1;
    if (!address_of(where, &a, &n))
        return report_set(why, POSSE_EINVAL, "%s: not an address with a port; write 192.0.2.1:2055 or [2001:db8::1]:2055", where);
    if (!c->packet && !(c->packet = malloc(NETFLOW_PACKET_MAX)))
        return report_set(why, POSSE_ENOMEM, "no memory to collect NetFlow");
    int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return report_errno(why, "listen", where);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* as much as the system allows: bursts wait there */
    if (a.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (bind(fd, &a.any, n) != 0) {
        int rc = report_errno(why, "listen", where);
        close(fd);
        return rc;
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = fd;
    return 0;
}

int collector_fd(const struct collector *c) { return c->fd; }

unsigned collector_port(const struct collector *c)
{
    union address a;
    socklen_t n = sizeof a;
    return c->fd >= 0 && getsockname(c->fd, &a.any, &n) == 0 ? ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port) : 0;
}

int collector_next(struct collector *c, struct flow *out, struct report *why)
{
    for (;;) {
        union address from;
        socklen_t n = sizeof from;
        if (c->is_reading && netflow_next(c->n, out))
            return 1;
        c->is_reading = false;
        ssize_t got = c->fd < 0 ? 0 : recvfrom(c->fd, c->packet, NETFLOW_PACKET_MAX, MSG_DONTWAIT, &from.any, &n);
        if (c->fd < 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
            return 0;
        if (got < 0 && errno != EINTR)
            return report_errno(why, "receive", "NetFlow");
        if (got < 0)
            continue;
        struct ip ip = ip_of(&from);
        ip_text(&ip, c->name);
        c->is_reading = netflow_begin(c->n, &ip, span_of(c->packet, (size_t)got), c->name, ++c->packets);
    }
}
