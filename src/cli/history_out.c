#include "cli/history_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonout.h"
#include "cli/cli_gate.h"
#include "cli/verdict_out.h"
#include "filter/reason.h"

static void add_or(struct buf *b, struct span s, const char *otherwise) { text_write(b, s.n ? s : span_str(otherwise)); }

static size_t named(const struct event *e) { return e->n_rcpt < EVENT_RCPT_MAX ? e->n_rcpt : EVENT_RCPT_MAX; }

/* " -> bob@example.org +2" */
static void add_rcpts(struct buf *b, const struct span *rcpt, size_t n)
{
    if (n == 0)
        return;
    buf_add_str(b, " -> ");
    text_write(b, rcpt[0]);
    if (n > 1)
        buf_add_fmt(b, " +%zu", n - 1);
}

static void write_line(struct buf *b, const struct event *e)
{
    char time[CLI_TIME_MAX];
    cli_format_time(e->time_ms, time);
    buf_add_fmt(b, "%s  ", time);
    text_write(b, e->id);
    buf_add_fmt(b, "  %-4s  %+8.2f  ", e->is_spam ? "spam" : "ham", e->bits);
    struct buf action;
    buf_init(&action, 256);
    text_write(&action, e->action);
    if (!span_eq(e->action, e->would)) {
        buf_add_byte(&action, '(');
        text_write(&action, e->would);
        buf_add_byte(&action, ')');
    }
    buf_add_fmt(b, "%-10.*s  ", (int)action.n, (const char *)action.p);
    buf_deinit(&action);
    add_or(b, e->door, "-");
    buf_add_str(b, "  ");
    add_or(b, e->from.n ? e->from : e->header_from, "<>");
    add_rcpts(b, e->rcpt, e->n_rcpt);
    if (e->quarantine_id.n) {
        buf_add_str(b, "  quarantine ");
        text_write(b, e->quarantine_id);
    }
    if (e->taught.n) {
        buf_add_str(b, "  taught ");
        text_write(b, e->taught);
    }
    buf_add_byte(b, '\n');
}

static void explain_field(struct buf *b, const char *name, struct span s)
{
    if (!s.n)
        return;
    buf_add_fmt(b, "    %-10s ", name);
    text_write(b, s);
    buf_add_byte(b, '\n');
}

static void write_reasons(struct buf *b, const struct event *e)
{
    double bits[EVENT_REASONS_MAX] = {0};
    long shown[EVENT_REASONS_MAX];
    for (size_t i = 0; i < e->n_reasons; i++)
        bits[i] = e->reason[i].bits;
    reason_round(bits, e->n_reasons, e->bits, shown);
    for (size_t i = 0; i < e->n_reasons; i++) {
        char number[32];
        snprintf(number, sizeof number, "%c%ld.%02ld", shown[i] < 0 ? '-' : '+', labs(shown[i]) / 100, labs(shown[i]) % 100);
        buf_add_fmt(b, "    %8s  ", number);
        text_write(b, e->reason[i].text);
        buf_add_byte(b, '\n');
    }
    buf_add_fmt(b, "    = %+.2f bits, probability %.6f; spam from %+.2f on\n", e->bits, e->probability, e->threshold_bits);
    explain_field(b, "flip", e->flip);
}

static void write_explained(struct buf *b, const struct event *e)
{
    write_line(b, e);
    for (size_t i = 1; i < named(e); i++)
        explain_field(b, "also to", e->rcpt[i]);
    explain_field(b, "From", e->header_from);
    explain_field(b, "subject", e->subject);
    explain_field(b, "client", e->client_addr);
    explain_field(b, "name", e->client_name);
    explain_field(b, "helo", e->helo);
    explain_field(b, "user", e->auth_user);
    explain_field(b, "queue id", e->queue_id);
    explain_field(b, "message-id", e->message_id);
    explain_field(b, "campaign", e->campaign);
    write_reasons(b, e);
}

static void json_span(struct buf *b, const char *name, struct span s)
{
    json_name(b, name, false);
    json_string(b, s);
}

static void json_double(struct buf *b, const char *name, double x)
{
    json_name(b, name, false);
    json_number(b, x);
}

static void json_list(struct buf *b, const char *name, const struct span *s, size_t n)
{
    json_name(b, name, false);
    for (size_t i = 0; i < n; i++) {
        buf_add_byte(b, i ? ',' : '[');
        json_string(b, s[i]);
    }
    buf_add_str(b, n ? "]" : "[]");
}

static void json_time(struct buf *b, const char *name, int64_t ms)
{
    char time[CLI_TIME_MAX];
    cli_format_time(ms, time);
    json_span(b, name, span_str(time));
}

static void write_json(struct buf *b, const struct event *e, bool is_explained)
{
    const struct { const char *name; struct span s; } texts[] = {
        {"door", e->door}, {"queue_id", e->queue_id}, {"message_id", e->message_id}, {"client", e->client_addr},
        {"client_name", e->client_name}, {"helo", e->helo}, {"from", e->from}, {"header_from", e->header_from},
        {"auth_user", e->auth_user}, {"subject", e->subject}, {"action", e->action}, {"would", e->would},
        {"quarantine", e->quarantine_id}, {"campaign", e->campaign}, {"taught", e->taught},
    };
    buf_add_str(b, "{\"id\":");
    json_string(b, e->id);
    json_time(b, "time", e->time_ms);
    json_span(b, "class", e->is_spam ? SPAN_LIT("spam") : SPAN_LIT("ham"));
    json_double(b, "bits", e->bits);
    json_double(b, "probability", e->probability);
    json_double(b, "threshold_bits", e->threshold_bits);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_span(b, texts[i].name, texts[i].s);
    json_list(b, "rcpt", e->rcpt, named(e));
    buf_add_fmt(b, ",\"rcpts\":%zu,\"size\":%llu", e->n_rcpt, (unsigned long long)e->size_bytes);
    json_double(b, "seconds", e->seconds);
    buf_add_fmt(b, ",\"teachable\":%s", e->features.n ? "true" : "false");
    if (is_explained) {
        json_name(b, "reasons", false);
        buf_add_byte(b, '[');
        for (size_t i = 0; i < e->n_reasons; i++) {
            buf_add_str(b, i ? ",{\"bits\":" : "{\"bits\":");
            json_number(b, e->reason[i].bits);
            json_span(b, "text", e->reason[i].text);
            buf_add_byte(b, '}');
        }
        buf_add_byte(b, ']');
        json_span(b, "flip", e->flip);
    }
    buf_add_str(b, "}\n");
}

void history_write(struct buf *b, struct history_style style, const struct event *e)
{
    if (style.is_json)
        write_json(b, e, style.is_explained);
    else if (style.is_explained)
        write_explained(b, e);
    else
        write_line(b, e);
}

/* ---- quarantine ---- */

const char *quarantine_state_name(enum quarantine_state s)
{
    static const char *const names[QUARANTINE_STATES] = {"kept", "releasing", "released"};
    return names[s];
}

static void quarantine_json(struct buf *b, const struct quarantine_item *x)
{
    const struct { const char *name; struct span s; } texts[] = {
        {"door", x->door}, {"queue_id", x->queue_id}, {"verdict", x->verdict_id}, {"client", x->client_addr}, {"helo", x->helo},
        {"from", x->from}, {"header_from", x->header_from}, {"subject", x->subject}, {"auth_user", x->auth_user},
        {"action", x->action}, {"reasons", x->reasons},
    };
    buf_add_fmt(b, "{\"id\":%llu", (unsigned long long)x->id);
    json_time(b, "time", x->time_ms);
    json_span(b, "state", span_str(quarantine_state_name(x->state)));
    if (x->released_ms)
        json_time(b, "released", x->released_ms);
    json_double(b, "bits", x->bits);
    buf_add_fmt(b, ",\"size\":%llu", (unsigned long long)x->size_bytes);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_span(b, texts[i].name, texts[i].s);
    json_list(b, "rcpt", x->rcpt, x->n_rcpt);
    buf_add_str(b, "}\n");
}

void quarantine_write(struct buf *b, bool is_json, const struct quarantine_item *x)
{
    char time[CLI_TIME_MAX];
    if (is_json) {
        quarantine_json(b, x);
        return;
    }
    cli_format_time(x->time_ms, time);
    buf_add_fmt(b, "%6llu  %s  %-9s  %+8.2f  ", (unsigned long long)x->id, time, quarantine_state_name(x->state), x->bits);
    buf_add_fmt(b, "%-10.*s  ", (int)x->action.n, x->action.n ? (const char *)x->action.p : "");
    add_or(b, x->from, "<>");
    add_rcpts(b, x->rcpt, x->n_rcpt);
    buf_add_str(b, "  ");
    text_write(b, x->subject);
    buf_add_byte(b, '\n');
}
