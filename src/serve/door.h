/* door: what the daemon knows of a protocol. One file a protocol (door_NAME.c) with one of these; the daemon's table of
 * them is in serve.c.
 *
 * A door begins to listen in start (with the sockets that the daemon bound for it, before root was dropped), serves until
 * stop, and lets those finish that have begun (limits.grace) before drain is over. It works on the daemon's loop (libuv) or on
 * threads of its own; messages are judged on worker threads (uv_queue_work, or its own), never on the loop.
 * What every door keeps: limits.connections, limits.message_bytes, limits.time (a whole request), each with its metric; an error
 * in the protocol is answered in the protocol, counted (METRIC_PROTOCOL_ERRORS) and logged ("protocol_error") and closes that
 * connection alone. */
#ifndef POSSE_SERVE_DOOR_H
#define POSSE_SERVE_DOOR_H

#include <uv.h>

#include "serve/gate.h"
#include "serve/serve.h"

struct door_context {
    uv_loop_t *loop;
    struct gate *gate;
    const int *fd;            /* bound and listening sockets, non-blocking; the door's from here on, also when start fails */
    size_t n_fd;
    const char *const *role;  /* of each: the key of the configuration that it came from ("rspamd.controller"). The arrays last
                                 for the call, the texts for ever */
    unsigned threads;
    const struct serve_options *options; /* as the daemon was started: for a door that has a process of its own; outlives it */
};

struct door;
struct door_ops {
    const char *name;         /* its section */
    const char *const *listen; /* its keys of addresses, NULL-terminated: {"spamd.listen", NULL} */
    int (*start)(const struct door_context *c, struct door **out, struct report *why);
    void (*reload)(struct door *d); /* gate_config is the new one; may be NULL */
    void (*stop)(struct door *d);   /* accept no more; on the loop */
    bool (*is_idle)(struct door *d); /* nothing is in work any more */
    void (*free)(struct door **d);  /* closes what is left, on the loop's thread. Handles of the loop are closed by the callbacks
                                       that the daemon runs afterwards (it also waits for work that is under way); what they
                                       need must live until then. The gate does. */
};

extern const struct door_ops door_spamd, door_http, door_milter;

#endif
