#include "serve/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

/* The kernel cuts it to net.core.somaxconn. */
enum { BACKLOG = 4096, FIRST_INHERITED = 3 };

struct address {
    union { struct sockaddr any; struct sockaddr_in in; struct sockaddr_in6 in6; struct sockaddr_un un; struct sockaddr_storage all; } u;
    socklen_t n;
};

struct sockets {
    struct listening *all;
    size_t n, room;
};

/* ---- addresses ---- */

static bool read_path(const char *path, struct address *out)
{
    size_t n = strlen(path);
    if (path[0] != '/' || n >= sizeof out->u.un.sun_path)
        return false;
    out->u.un.sun_family = AF_UNIX;
    memcpy(out->u.un.sun_path, path, n + 1);
    out->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return true;
}

static bool read_address(const char *text, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0)
        return read_path(text + 5, out);
    const char *colon = strrchr(text, ':');
    bool is_v6 = text[0] == '[';
    size_t n = colon ? (size_t)(colon - text) : 0;
    char host[80];
    if (!colon || n >= sizeof host || (is_v6 && (n < 2 || text[n - 1] != ']')) || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        !colon[1] || strlen(colon + 1) > 5 || atoi(colon + 1) > 65535)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(n - 2 * is_v6), text + is_v6);
    struct addrinfo hints = {.ai_family = is_v6 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (!*host || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(&out->u, found->ai_addr, found->ai_addrlen);
    out->n = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void print_address(const struct address *a, char out[128])
{
    char host[80] = "?", port[8] = "?";
    if (a->u.any.sa_family == AF_UNIX) {
        snprintf(out, 128, "unix:%.108s", a->n > offsetof(struct sockaddr_un, sun_path) ? a->u.un.sun_path : "");
        return;
    }
    getnameinfo(&a->u.any, a->n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(out, 128, a->u.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int sockets_check(const char *text, const char *where, struct report *why)
{
    struct address a;
    if (read_address(text, &a))
        return POSSE_OK;
    return report_set(why, POSSE_ESYNTAX, "%s: \"%.120s\" is no address; write 127.0.0.1:783, [::1]:783 or unix:/run/posse/door.sock", where,
                      text);
}

/* ---- the list ---- */

static struct listening *add(struct sockets *s, const char *role, int fd, struct report *why)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 8;
        struct listening *more = realloc(s->all, room * sizeof *more);
        if (!more) {
            report_set(why, POSSE_ENOMEM, "%s: out of memory", role);
            return NULL;
        }
        s->all = more;
        s->room = room;
    }
    struct address at = {.n = sizeof at.u};
    struct listening *l = &s->all[s->n];
    *l = (struct listening){.role = role, .fd = fd};
    if (getsockname(fd, &at.u.any, &at.n) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        report_set(why, posse_errno(errno), "%s: %s", role, strerror(errno));
        return NULL;
    }
    print_address(&at, l->address);
    s->n++;
    return l;
}

static bool role_served(const struct sockets *s, const char *role)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].is_inherited && strcmp(s->all[i].role, role) == 0)
            return true;
    return false;
}

/* ---- binding ---- */

static int cannot_bind(const char *role, const char *text, int err, struct report *why)
{
    const char *advice = err == EADDRINUSE      ? "stop who has it (`ss -lntxp` tells), or name another"
                         : err == EACCES        ? "ports below 1024 are root's: start as root with serve.user, or by systemd"
                         : err == EADDRNOTAVAIL ? "this machine has no such address"
                         : err == EAFNOSUPPORT  ? "this machine has no such kind of address; take it out"
                         : err == ENOENT        ? "make its folder first"
                                                : "name another";
    return report_set(why, posse_errno(err), "%s: cannot listen on %s: %s; %s", role, text, strerror(err), advice);
}

/* Nobody answers any more: a socket that a dead daemon left. Anything else with that name stays. */
static bool is_stale(const struct address *a)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && lstat(a->u.un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
                   connect(fd, &a->u.any, a->n) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_path(int fd, const struct address *a, const struct sockets_options *o)
{
    mode_t before = umask(0777 & ~o->mode);
    int rc = bind(fd, &a->u.any, a->n);
    if (rc != 0 && errno == EADDRINUSE) {
        if (is_stale(a) && unlink(a->u.un.sun_path) == 0)
            rc = bind(fd, &a->u.any, a->n);
        else
            errno = EADDRINUSE;
    }
    umask(before);
    if (rc != 0 || (o->uid == (uid_t)-1 && o->gid == (gid_t)-1))
        return rc;
    if (lchown(a->u.un.sun_path, o->uid, o->gid) == 0)
        return 0;
    int err = errno;
    unlink(a->u.un.sun_path);
    errno = err;
    return -1;
}

static int bind_one(struct sockets *s, const struct sockets_options *o, const char *role, const char *text, struct report *why)
{
    struct address a;
    int rc = sockets_check(text, role, why), on = 1;
    if (rc)
        return rc;
    read_address(text, &a);
    bool is_path = a.u.any.sa_family == AF_UNIX;
    int fd = socket(a.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return cannot_bind(role, text, errno, why);
    if (!is_path)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a.u.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if ((is_path ? bind_path(fd, &a, o) : bind(fd, &a.u.any, a.n)) != 0 || listen(fd, BACKLOG) != 0)
        rc = cannot_bind(role, text, errno, why);
    else if (!add(s, role, fd, why))
        rc = POSSE_ENOMEM;
    if (rc)
        close(fd);
    return rc;
}

/* ---- what systemd handed over ---- */

void sockets_inherit(struct sockets_inherited *out, char *names, size_t size)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS"), *named = getenv("LISTEN_FDNAMES");
    *out = (struct sockets_inherited){.first = FIRST_INHERITED, .names = names};
    snprintf(names, size, "%s", named ? named : "");
    if (pid && n && strtol(pid, NULL, 10) == (long)getpid())
        out->n = (int)strtol(n, NULL, 10);
    if (out->n < 0 || out->n > 4096)
        out->n = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

/* The key that has this address, or NULL. */
static const char *role_of_address(const struct sockets_options *o, const struct address *at)
{
    char have[128], want[128];
    print_address(at, have);
    for (const char *const *role = o->role; *role; role++) {
        const char *const *item;
        size_t n = config_list(o->config, *role, &item);
        for (size_t i = 0; i < n; i++) {
            struct address a;
            if (!read_address(item[i], &a))
                continue;
            print_address(&a, want);
            if (strcmp(have, want) == 0)
                return *role;
        }
    }
    return NULL;
}

static int inherit_one(struct sockets *s, const struct sockets_options *o, int fd, const char *name, struct report *why)
{
    int on = 0;
    socklen_t n = sizeof on;
    struct address at = {.n = sizeof at.u};
    const char *role = NULL;
    char text[128];
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) != 0 || !on || getsockname(fd, &at.u.any, &at.n) != 0)
        return report_set(why, POSSE_EINVAL, "descriptor %d of LISTEN_FDS (%s) is no listening stream socket; use ListenStream=", fd, name);
    for (const char *const *r = o->role; *r && !role; r++)
        role = strcmp(*r, name) == 0 ? *r : NULL;
    if (!role)
        role = role_of_address(o, &at);
    print_address(&at, text);
    if (!role)
        return report_set(why, POSSE_EINVAL,
                          "the socket %s (%s) from systemd is for no door; give it FileDescriptorName=spamd.listen, say, or name "
                          "its address in posse.conf", text, name);
    struct listening *l = add(s, role, fd, why);
    if (!l)
        return POSSE_ENOMEM;
    l->is_inherited = true;
    return POSSE_OK;
}

static int inherit_all(struct sockets *s, const struct sockets_options *o, struct report *why)
{
    const char *names = o->inherited.names ? o->inherited.names : "";
    int rc = POSSE_OK;
    for (int i = 0; i < o->inherited.n && !rc; i++) {
        char name[256];
        size_t len = strcspn(names, ":");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        names += len + (names[len] == ':');
        rc = inherit_one(s, o, o->inherited.first + i, name, why);
    }
    return rc;
}

/* ---- all ---- */

int sockets_open(const struct sockets_options *o, struct sockets **out, struct report *why)
{
    struct sockets *s = *out = calloc(1, sizeof *s);
    if (!s)
        return report_set(why, POSSE_ENOMEM, "sockets: out of memory");
    int rc = inherit_all(s, o, why);
    for (const char *const *role = o->role; *role && !rc; role++) {
        const char *const *item;
        size_t n = role_served(s, *role) ? 0 : config_list(o->config, *role, &item);
        for (size_t i = 0; i < n && !rc; i++)
            rc = bind_one(s, o, *role, item[i], why);
    }
    if (rc)
        sockets_close(out);
    return rc;
}

void sockets_close(struct sockets **s)
{
    if (!s || !*s)
        return;
    for (size_t i = 0; i < (*s)->n; i++) {
        struct listening *l = &(*s)->all[i];
        if (!l->is_inherited && strncmp(l->address, "unix:", 5) == 0)
            unlink(l->address + 5); /* in a folder that is no longer ours it stays, and is stale */
        if (l->fd >= 0)
            close(l->fd);
    }
    free((*s)->all);
    free(*s);
    *s = NULL;
}

size_t sockets_all(const struct sockets *s, const struct listening **out)
{
    *out = s->all;
    return s->n;
}

int sockets_take(struct sockets *s, size_t i)
{
    int fd = s->all[i].fd;
    s->all[i].fd = -1;
    return fd;
}
