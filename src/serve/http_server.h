/* http_server: libmicrohttpd behind the listener: reads requests, finds who answers, sends the answer.
 * A thread a daemon of the library (it cannot share connections between threads when somebody else accepts), each with the
 * connections that were given to it; requests are answered on that thread but for the slow ones, which threads of their own
 * take one by one while the connection rests: one those that wait for the disk, two the big messages.
 * Limits: 128 KB of header a request, 100 header fields besides recipients; limits.message_bytes of body (413, before the body is
 * read where its length was said).
 * Errors: broken HTTP is answered by the library (400, 431, 505 ...), counted and logged. */
#ifndef POSSE_SERVE_HTTP_SERVER_H
#define POSSE_SERVE_HTTP_SERVER_H

#include "serve/http_listen.h"

struct http_server;
struct http_server_options {
    struct gate *gate;
    unsigned threads;
    /* The settings as they are now, to be given back. */
    const struct http_settings *(*settings)(void *ctx);
    void (*settings_done)(void *ctx, const struct http_settings *s);
    uint64_t *symbols_seen;
    struct comments *comments;
    void *ctx;
};
int http_server_new(const struct http_server_options *o, struct http_server **out, struct report *why);
/* Before the first http_server_add. */
void http_server_listener(struct http_server *s, struct http_listener *l);
/* The slot's socket is the server's from here on, whatever happens. On the loop. */
void http_server_add(struct http_server *s, struct http_slot *slot);
/* Wakes every lane: see struct lane. Twice a second while there are connections; on the loop. */
void http_server_ring(struct http_server *s);
/* Answers from now on say that the connection will be closed. */
void http_server_stop(struct http_server *s);
/* Closes all connections and releases their slots. */
void http_server_free(struct http_server **s);

/* The route of a path on a port; *other_method: there is one, for another method. */
const struct http_route *http_route_of(enum http_role role, const char *method, const char *path, bool *other_method);

#endif
