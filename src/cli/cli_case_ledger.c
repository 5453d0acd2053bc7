/* posse case sent, answered, outcome, ledger: what became of the notices, as the user records it in the case's log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "case/export.h"
#include "cli/cli_case.h"

struct reading { struct casefile *file; struct case_ledger *ledger; };

struct case_told *case_ledger_find(const struct case_ledger *l, struct span id)
{
    for (size_t i = 0; i < l->n; i++)
        if (span_eq(span_str(l->told[i].id), id))
            return &l->told[i];
    return NULL;
}

void case_ledger_free(struct case_ledger *l)
{
    free(l->told);
    *l = (struct case_ledger){0};
}

static void put(char *out, size_t n, struct span s) { snprintf(out, n, "%.*s", s.n < n ? (int)s.n : (int)n - 1, s.n ? (const char *)s.p : ""); }

static struct case_told *add(struct case_ledger *l, struct span id)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct case_told *more = realloc(l->told, cap * sizeof *more);
        if (!more)
            return NULL;
        l->told = more;
        l->cap = cap;
    }
    struct case_told *t = &l->told[l->n++];
    *t = (struct case_told){0};
    put(t->id, sizeof t->id, id);
    return t;
}

static int read_line(void *ctx, const struct case_line *l)
{
    struct reading *r = ctx;
    bool is_new = span_eq(l->kind, SPAN_LIT("notice")), is_sent = span_eq(l->kind, SPAN_LIT("sent")),
         is_answer = span_eq(l->kind, SPAN_LIT("answered")), is_outcome = span_eq(l->kind, SPAN_LIT("outcome"));
    if (!is_new && !is_sent && !is_answer && !is_outcome)
        return 0;
    struct span id = casefile_field(r->file, "notice"), count = casefile_field(r->file, "incidents");
    struct case_told *t = case_ledger_find(r->ledger, id);
    if (!t && (!is_new || !(t = add(r->ledger, id))))
        return is_new ? POSSE_ENOMEM : 0;
    if (is_new) {
        put(t->to, sizeof t->to, casefile_field(r->file, "to"));
        for (size_t i = t->incidents = 0; i < count.n && ascii_is_digit(count.p[i]) && i < 12; i++)
            t->incidents = t->incidents * 10 + (count.p[i] - '0');
        return 0;
    }
    if (is_sent)
        put(t->sent, sizeof t->sent, casefile_field(r->file, "when"));
    t->answers += is_answer;
    t->outcomes += is_outcome;
    put(t->last, sizeof t->last, casefile_field(r->file, "text"));
    return 0;
}

int case_ledger_read(struct casefile *c, struct case_ledger *out)
{
    struct report why = {0};
    struct reading r = {c, out};
    *out = (struct case_ledger){0};
    int rc = casefile_each(c, read_line, &r, &why);
    return rc == POSSE_ENOMEM ? cli_error("out of memory") : rc ? cli_report(&why) : CLI_OK;
}

static const char *state(const struct case_told *t)
{
    return t->outcomes ? "outcome" : t->answers ? "answered" : t->sent[0] ? "sent" : t->to[0] ? "prepared" : "no contact";
}

static void show_told(const struct case_told *t, bool is_json)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    if (is_json) {
        buf_add_fmt(&b, "{\"notice\":\"%s\",\"state\":\"%s\",\"incidents\":%" PRIu64 ",\"to\":", t->id, state(t), t->incidents);
        json_string(&b, span_str(t->to));
        buf_add_fmt(&b, ",\"sent\":\"%s\",\"answers\":%u,\"outcomes\":%u,\"last\":", t->sent, t->answers, t->outcomes);
        json_string(&b, span_str(t->last));
        buf_add_str(&b, "}\n");
    } else {
        buf_add_fmt(&b, "%-14s %-10s %6" PRIu64 "  %-30s  %-29s  ", t->id, state(t), t->incidents, t->to, t->sent);
        export_plain(&b, span_str(t->last), sizeof t->last);
        while (b.n && b.p[b.n - 1] == ' ')
            b.n--;
        buf_add_byte(&b, '\n');
    }
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
}

int case_ledger_run(struct case_request *q, int argc, char **argv)
{
    struct casefile *c;
    struct case_ledger l;
    if (argc != 1)
        return cli_usage(q->cmd, "ledger wants a case");
    int status = case_open(q, argv[0], false, &c);
    if (status)
        return status;
    status = case_ledger_read(c, &l);
    for (size_t i = 0; !status && i < l.n; i++)
        show_told(&l.told[i], q->is_json);
    case_ledger_free(&l);
    return case_done(&c, status);
}

static int note(struct case_request *q, struct casefile *c, const char *kind, const char *id, const char *text)
{
    struct report why = {0};
    char when[CASE_TIME_TEXT];
    struct case_time t = case_now(NULL);
    if (q->at && !cli_time(q->at, cli_now_ms(), &t.unix_ms))
        return cli_error("--at %s: is no time such as \"2011-03-16 14:45\"", q->at);
    if (q->at)
        t.offset_minutes = 0;
    case_time_text(&t, when);
    struct case_field f[] = {{"notice", span_str(id)}, {"when", span_str(when)}, {"text", span_str(text)}};
    return casefile_note(c, kind, f, 3, NULL, &why) ? cli_report(&why) : CLI_OK;
}

static int record(struct case_request *q, const char *kind, const char *which, const char *id, const char *text)
{
    struct casefile *c;
    struct case_ledger l;
    int status = case_open(q, which, true, &c);
    if (status)
        return status;
    status = case_ledger_read(c, &l);
    const struct case_told *t = status ? NULL : case_ledger_find(&l, span_str(id));
    if (!status && !t)
        status = cli_error("%s: the case has no such notice; 'posse case ledger %s' names them", id, which);
    if (!status && !t->to[0])
        status = cli_error("%s: nobody to send it to is known; prepare it again with --contacts", id);
    if (!status && !t->sent[0] && strcmp(kind, "sent") != 0)
        status = cli_error("%s: is not recorded as sent: 'posse case sent' first, with --at when it was", id);
    if (!status)
        status = note(q, c, kind, id, text);
    case_ledger_free(&l);
    return case_done(&c, status);
}

int case_sent_run(struct case_request *q, int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return cli_usage(q->cmd, "sent wants a case and a notice, and if you like a text");
    return record(q, "sent", argv[0], argv[1], argc == 3 ? argv[2] : "");
}

int case_answered_run(struct case_request *q, int argc, char **argv)
{
    if (argc != 3)
        return cli_usage(q->cmd, "answered wants a case, a notice and what was answered, in quotes");
    return record(q, "answered", argv[0], argv[1], argv[2]);
}

int case_outcome_run(struct case_request *q, int argc, char **argv)
{
    if (argc != 3)
        return cli_usage(q->cmd, "outcome wants a case, a notice and what came of it, in quotes");
    return record(q, "outcome", argv[0], argv[1], argv[2]);
}
