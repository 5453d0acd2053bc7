/* http: what the HTTP doors share: a request, its answer, and the table that says which function answers which path on which
 * port. One server (libmicrohttpd) carries all of them; door_http.c owns it, http_listen.c the sockets before HTTP begins.
 *
 * A handler runs on one of the server's threads, one request at a time a thread; what is marked HTTP_SLOW (teaching and counting
 * lessons wait for the disk and for each other) is handed to a thread of its own, big messages to others, so that those who ask for
 * verdicts do not wait behind it.
 * Ownership: a request's views live for the call. The answer's body is the connection's buffer, empty at the start.
 * Threads: handlers are called from many; struct http_door's parts say how they are locked. */
#ifndef POSSE_SERVE_HTTP_H
#define POSSE_SERVE_HTTP_H

#include <netinet/in.h>

#include "base/buf.h"
#include "serve/gate.h"
#include "serve/nets.h"
#include "serve/rspamd_proto.h"

/* What a listening socket is for: the configuration's key that it came from. */
enum http_role { HTTP_RSPAMD, HTTP_CONTROLLER, HTTP_AKISMET, HTTP_PLAIN, HTTP_ROLES };

struct comments;
struct http_field { struct span name, value; };

struct http_peer {
    struct sockaddr_storage addr;
    socklen_t len;
    char text[PEER_TEXT];
};

struct http_request {
    enum http_role role;
    const char *method, *path;         /* path: unescaped, without the query */
    const struct http_field *field;
    size_t n_fields;
    const struct http_field *arg;      /* of the query, decoded; for HTTP_AKISMET alone */
    size_t n_args;
    struct span body;
    const struct http_peer *peer;
    int64_t now_ms;
};
/* The first of that name, without case; SPAN_NONE: none. */
struct span http_field(const struct http_request *q, const char *name);

enum { HTTP_EXTRA_MAX = 4 };
struct http_answer {
    unsigned status;
    const char *type;                  /* a constant */
    struct buf *body;
    struct { const char *name; char value[120]; } extra[HTTP_EXTRA_MAX];
    size_t n_extra;
};
void http_answer_header(struct http_answer *a, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* {"error": text}, a status, nothing else. */
void http_answer_error(struct http_answer *a, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void http_answer_text(struct http_answer *a, const char *type, const char *text);

/* What the configuration says to the handlers, as it was when a request began: immutable, counted. */
struct http_settings {
    int references;
    struct nets *trusted;              /* rspamd.trusted */
    char *password;                    /* rspamd.password; "": none */
    bool loopback_learns;              /* rspamd.loopback_learns */
    size_t message_bytes;
    unsigned time_s, connections, per_address;
};

/* What handlers have besides the request. */
struct http_context {
    struct gate *gate;
    const struct http_settings *settings;
    struct rspamd_request *rspamd;     /* the connection's, to be cleared before use */
    struct buf *spare;                 /* the connection's, empty */
    struct comments *comments;         /* NULL where no Akismet door is */
    uint64_t *symbols_seen;            /* a counter a kind of reason; atomic */
};

typedef void http_handler(struct http_context *c, const struct http_request *q, struct http_answer *a);
enum { HTTP_SLOW = 1 };
struct http_route {
    unsigned roles;                    /* 1 << enum http_role */
    const char *method;                /* NULL: GET, HEAD and POST alike */
    const char *path;
    http_handler *handler;
    unsigned flags;
};
extern const struct http_route akismet_routes[], rspamd_routes[], plain_routes[]; /* a table ends with a path that is NULL */
enum metric_door http_role_door(enum http_role role);

#endif
