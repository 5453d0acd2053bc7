/* The HTTP doors: rspamd's worker and controller ports, Akismet's, and the plain one, behind one server. Here is what holds them
 * together: settings, start, reload, stop. */
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "serve/comment.h"
#include "serve/door.h"
#include "serve/http_text.h"

struct door {
    struct gate *gate;
    pthread_mutex_t lock; /* of settings and their counts */
    struct http_settings *settings;
    struct http_listener *listener;
    struct http_server *server;
    struct http_texts *texts;
    struct comments *comments; /* NULL: nobody listens for Akismet's clients */
    uint64_t symbols_seen[REASON_KINDS];
};

/* In the order of enum http_role. */
static const char *const listen_keys[] = {"rspamd.listen", "rspamd.controller", "akismet.listen", "http.listen", NULL};

static void settings_free(struct http_settings *s)
{
    nets_free(&s->trusted);
    free(s->password);
    free(s);
}

static int settings_new(struct gate *g, struct http_settings **out, struct report *why)
{
    const char *const *list;
    struct http_settings *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return report_set(why, POSSE_ENOMEM, "http: out of memory");
    const struct config *c = gate_config(g);
    size_t n = config_list(c, "rspamd.trusted", &list);
    int err = nets_new(list, n, "rspamd.trusted", &s->trusted, why);
    s->references = 1;
    s->password = strdup(config_string(c, "rspamd.password"));
    s->loopback_learns = config_bool(c, "rspamd.loopback_learns");
    s->message_bytes = (size_t)config_int(c, "limits.message_bytes");
    s->time_s = (unsigned)config_int(c, "limits.time");
    s->connections = (unsigned)config_int(c, "limits.connections");
    s->per_address = (unsigned)config_int(c, "limits.per_address");
    gate_config_done(g, c);
    if (!err && !s->password)
        err = report_set(why, POSSE_ENOMEM, "http: out of memory");
    if (err) {
        settings_free(s);
        return err;
    }
    *out = s;
    return POSSE_OK;
}

static const struct http_settings *settings_take(void *ctx)
{
    struct door *d = ctx;
    pthread_mutex_lock(&d->lock);
    struct http_settings *s = d->settings;
    s->references++;
    pthread_mutex_unlock(&d->lock);
    return s;
}

static void settings_done(void *ctx, const struct http_settings *settings)
{
    struct door *d = ctx;
    struct http_settings *s = (struct http_settings *)(uintptr_t)settings;
    pthread_mutex_lock(&d->lock);
    bool last = --s->references == 0;
    pthread_mutex_unlock(&d->lock);
    if (last)
        settings_free(s);
}

static void on_hand(void *ctx, struct http_slot *slot)
{
    struct door *d = ctx;
    if (slot->is_text)
        http_texts_add(d->texts, slot);
    else
        http_server_add(d->server, slot);
}

static void on_tick(void *ctx) { http_server_ring(((struct door *)ctx)->server); }

static enum http_role role_of(const char *key)
{
    size_t i = 0;
    while (listen_keys[i + 1] && strcmp(listen_keys[i], key) != 0)
        i++;
    return (enum http_role)i;
}

static void http_free(struct door **dp)
{
    struct door *d = *dp;
    *dp = NULL;
    if (!d)
        return;
    http_texts_free(&d->texts);
    http_server_free(&d->server);
    http_listener_free(&d->listener);
    comments_close(&d->comments);
    if (d->settings)
        settings_done(d, d->settings);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static bool has_role(const struct door_context *c, const enum http_role *role, enum http_role wanted)
{
    bool has = false;
    for (size_t i = 0; i < c->n_fd; i++)
        has |= role[i] == wanted;
    return has;
}

static int start_parts(struct door *d, const struct door_context *c, const enum http_role *role, struct report *why)
{
    int err = has_role(c, role, HTTP_AKISMET) ? comments_open(c->gate, NULL, &d->comments, why) : POSSE_OK;
    struct http_server_options o = {.gate = c->gate, .threads = c->threads ? c->threads : 1, .settings = settings_take,
                                    .settings_done = settings_done, .symbols_seen = d->symbols_seen, .comments = d->comments,
                                    .ctx = d};
    struct http_listen_options l = {.loop = c->loop, .gate = c->gate, .fd = c->fd, .role = role, .n_fd = c->n_fd, .hand = on_hand,
                                    .tick = on_tick, .ctx = d};
    if (!err)
        err = settings_new(c->gate, &d->settings, why);
    if (!err)
        err = http_server_new(&o, &d->server, why);
    if (!err)
        err = http_texts_new(&o, c->loop, &d->texts, why);
    if (!err)
        err = http_listener_new(&l, d->settings, &d->listener, why);
    if (!err)
        http_server_listener(d->server, d->listener);
    return err;
}

static int http_start(const struct door_context *c, struct door **out, struct report *why)
{
    struct door *d = calloc(1, sizeof *d);
    enum http_role *role = calloc(c->n_fd + 1, sizeof *role);
    int err = d && role ? POSSE_OK : report_set(why, POSSE_ENOMEM, "http: out of memory");
    if (!err) {
        d->gate = c->gate;
        pthread_mutex_init(&d->lock, NULL);
        for (size_t i = 0; i < c->n_fd; i++)
            role[i] = role_of(c->role[i]);
        err = start_parts(d, c, role, why);
        if (err)
            http_free(&d);
    } else {
        free(d);
        d = NULL;
    }
    free(role);
    *out = d;
    return err;
}

/* A bad value keeps the old settings. */
static void http_reload(struct door *d)
{
    struct report why;
    struct http_settings *s;
    if (settings_new(d->gate, &s, &why) != POSSE_OK) {
        log_event(gate_log(d->gate), LOG_ERROR, "reload_failed", "door", "http", "why", why.text, NULL);
        return;
    }
    if (d->comments && comments_reload(d->comments, &why) != POSSE_OK)
        log_event(gate_log(d->gate), LOG_ERROR, "reload_failed", "door", "akismet", "why", why.text, NULL);
    http_listener_settings(d->listener, s);
    pthread_mutex_lock(&d->lock);
    struct http_settings *old = d->settings;
    d->settings = s;
    pthread_mutex_unlock(&d->lock);
    settings_done(d, old);
}

static void http_stop(struct door *d)
{
    http_server_stop(d->server);
    http_listener_stop(d->listener);
}

static bool http_is_idle(struct door *d) { return http_listener_is_idle(d->listener); }

const struct door_ops door_http = {"http", listen_keys, http_start, http_reload, http_stop, http_is_idle, http_free};
