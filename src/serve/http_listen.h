/* http_listen: the listening sockets of the HTTP doors and every connection on them, before and beside what is spoken there:
 * accepting, the limits on how many there are and how long they may take, and telling HTTP from rspamd's older text by the first
 * bytes (looked at, not taken), for both are spoken on one port.
 *
 * Each connection is a slot. Its owner (HTTP or text) moves its stage; a slot whose stage has lasted too long is answered with
 * 408 where that can be said, and its socket shut down, which its owner then sees as an end. So one who sends a byte a
 * second holds a place for limits.time and no longer. One who closes his half before the body he announced is there gets 400, or
 * an end without an answer: the library's edge-triggered epoll never hears of an end that came together with bytes, so he is told
 * here; of one that comes by itself it hears, and closes. Either way it is counted once, as a protocol error.
 * One who is answered before his body was read (413, 404 ...) keeps his socket here for LINGER_MS or limits.message_bytes more,
 * whatever comes first, since whoever closes with bytes unread sends a reset, and that takes the answer with it. LINGERERS at a time;
 * who comes beyond these bounds may see a reset instead of his answer.
 * Ownership: the listener owns listening sockets and slots. A slot's socket is its owner's, who calls http_slot_release before
 * closing it.
 * Limits: limits.connections a door; limits.per_address a peer (peer_group) that is not trusted (counted by a keyed hash: two
 * peers of one bucket share the limit). What all connections hold of requests is HELD_MESSAGES times limits.message_bytes at most; small
 * ones (SMALL_BYTES) always have room.
 * Threads: the loop's, but for http_slot_*, which any thread may call. */
#ifndef POSSE_SERVE_HTTP_LISTEN_H
#define POSSE_SERVE_HTTP_LISTEN_H

#include <stdatomic.h>
#include <uv.h>

#include "serve/http.h"

enum http_stage {
    HTTP_WAITING, /* for the next request; nothing of it was seen */
    HTTP_READING, /* a request has begun */
    HTTP_WORKING, /* it is being answered: no limit of time */
    HTTP_WRITING, /* the answer goes out */
};

struct http_listener;
struct http_sniff;
struct http_slot {
    struct http_listener *listener;
    int fd;
    enum http_role role;
    bool is_trusted, is_text; /* is_text: speaks rspamd's older protocol */
    struct http_peer peer;
    _Atomic int stage;
    _Atomic int64_t until_ms; /* on the loop's clock */
    uint32_t bucket;
    size_t held;  /* see http_slot_hold; the owner's */
    bool saw_end; /* the peer closed its half; the loop's */
    bool is_claimed;      /* by http_slot_of; under the listener's lock */
    atomic_bool is_ended; /* its end within a request was counted */
    ino_t socket;         /* which one fd was: a number comes again */
    struct http_sniff *sniff; /* while its first bytes are waited for; the loop's */
};

struct http_listen_options {
    uv_loop_t *loop;
    struct gate *gate;                                    /* for counters and log */
    const int *fd;
    const enum http_role *role;
    size_t n_fd;
    void (*hand)(void *ctx, struct http_slot *s);         /* a connection that has begun to speak; on the loop */
    void (*tick)(void *ctx);                              /* twice a second while there are connections; on the loop; or NULL */
    void *ctx;
};
/* settings: as of now; http_listener_settings replaces them. */
int http_listener_new(const struct http_listen_options *o, const struct http_settings *settings, struct http_listener **out,
                      struct report *why);
void http_listener_settings(struct http_listener *l, const struct http_settings *settings);
/* Accepts no more and shuts down connections on which no request has begun. */
void http_listener_stop(struct http_listener *l);
bool http_listener_is_idle(struct http_listener *l);
/* Slots that were handed over must be released before. Closes handles on the loop, which must run once more. */
void http_listener_free(struct http_listener **l);

/* The stage from now on, and its limit of time. */
void http_slot_stage(struct http_slot *s, enum http_stage stage);
/* The owner holds that many bytes of a request from now on. False: too many are held by all, so this one is to let go of them
 * (and say so). Released with the slot. */
bool http_slot_hold(struct http_slot *s, size_t bytes);
/* A slot that was handed over and of which the owner heard nothing yet, by its socket; NULL: none. It is the owner's from here on;
 * one that nobody asks for goes when its socket is closed. */
struct http_slot *http_slot_of(struct http_listener *l, int fd);
void http_slot_release(struct http_slot **s);
/* The peer went away within a request. */
void http_slot_cut_short(struct http_slot *s);
/* Before the owner closes its socket: what the peer still sends is read for a while and thrown away. */
void http_slot_linger(struct http_slot *s);

#endif
