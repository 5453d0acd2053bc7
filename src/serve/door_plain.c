/* What the HTTP ports answer about the daemon itself: /metrics, /ping, /health. */
#include "serve/http.h"

static void do_ping(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    (void)c;
    (void)q;
    http_answer_text(a, "text/plain", "pong\r\n");
}

static void do_metrics(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    (void)q;
    a->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    counters_write(gate_counters(c->gate), a->body);
}

/* Alive, and how much is in work: a 200 says that requests are answered. */
static void do_health(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    struct gate_stat s;
    gate_stat(c->gate, &s);
    buf_add_fmt(a->body, "{\"status\":\"ok\",\"version\":\"" POSSE_VERSION "\",\"uptime\":%lld,\"lessons\":%lld}",
                (long long)(q->now_ms - s.started_ms) / 1000, (long long)s.lessons);
}

enum { ALL = (1 << HTTP_ROLES) - 1, OWN = 1 << HTTP_RSPAMD | 1 << HTTP_CONTROLLER | 1 << HTTP_PLAIN };
const struct http_route plain_routes[] = {
    {ALL, NULL, "/ping", do_ping, 0},
    {OWN, "GET", "/metrics", do_metrics, 0},
    {1 << HTTP_CONTROLLER | 1 << HTTP_PLAIN, "GET", "/health", do_health, 0},
    {0, NULL, NULL, NULL, 0},
};
