/* What is told of an answer: a row of history, a line of the log. */
#include <stdio.h>

#include "mail/address.h"
#include "serve/gate_priv.h"

enum { TEXT_MAX = 512, FROMS_MAX = 4 };

static struct span cut(struct span s) { return span_sub(s, 0, TEXT_MAX); }

struct span gate_header_from(struct gate_slot *s)
{
    const struct field *from = message_field(s->answer.message, FIELD_FROM);
    struct mailbox box[FROMS_MAX];
    if (!from || !address_list(s->arena, span_sub(from->raw, 0, 4096), box, FROMS_MAX))
        return SPAN_NONE;
    size_t n = box[0].local.n + 1 + box[0].domain.n;
    uint8_t *p = box[0].domain.n ? arena_alloc(s->arena, n) : NULL;
    if (!p)
        return cut(box[0].local);
    memcpy(p, box[0].local.p, box[0].local.n);
    p[box[0].local.n] = '@';
    memcpy(p + box[0].local.n + 1, box[0].domain.p, box[0].domain.n);
    return cut(span_of(p, n));
}

static struct span message_id(const struct message *m)
{
    const struct field *f = message_field(m, FIELD_MESSAGE_ID);
    struct span s = f ? span_trim(f->raw) : SPAN_NONE;
    if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = span_sub(s, 1, s.n - 1);
    return cut(s);
}

static void push_row(struct gate *g, struct gate_slot *s, const struct gate_request *r, int64_t now_ms)
{
    const struct gate_answer *a = &s->answer;
    const struct verdict *v = &a->verdict;
    struct event e = {
        .id = span_str(a->id), .time_ms = now_ms, .door = span_str(door_name(r->door)), .queue_id = cut(r->queue_id),
        .message_id = message_id(a->message), .client_addr = cut(r->env.client_addr), .client_name = cut(r->env.client_name),
        .helo = cut(r->env.helo), .from = cut(r->env.from), .header_from = gate_header_from(s),
        .auth_user = cut(r->env.auth_user), .subject = s->house->has_subjects ? cut(a->message->subject) : SPAN_NONE,
        .rcpt = r->env.rcpt, .n_rcpt = r->env.n_rcpt, .size_bytes = r->raw.n, .digest = reading_digest(s->reading),
        .is_spam = v->klass == VERDICT_SPAM, .bits = v->bits, .probability = v->probability, .threshold_bits = v->threshold_bits,
        .action = span_str(action_name(a->action)), .would = span_str(action_name(a->would)),
        .quarantine_id = span_str(a->quarantine_id), .campaign = span_str(a->campaign), .n_reasons = v->n_reasons, .flip = v->flip ? span_str(v->flip) : SPAN_NONE,
        .extractor = engine_extractor(), .seconds = a->seconds};
    for (size_t i = 0; i < v->n_reasons; i++)
        e.reason[i] = (struct event_reason){v->reason[i].bits, span_str(v->reason[i].text)};
    if (s->house->teachable_ms > 0 && engine_code(s->worker, s->reading, &e.features))
        e.features = SPAN_NONE; /* more than a lesson holds: not to be taught from */
    history_push(g->history, r->door, &e);
}

/* A view as a text that ends; what the log would cut away is cut here. */
static const char *text_of(struct gate_slot *s, struct span v)
{
    if (v.n == 0)
        return NULL;
    v = cut(v);
    char *p = arena_alloc(s->arena, v.n + 1);
    if (!p)
        return NULL;
    for (size_t i = 0; i < v.n; i++)
        p[i] = v.p[i] ? (char)v.p[i] : '?';
    p[v.n] = '\0';
    return p;
}

static void write_line(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    const struct gate_answer *a = &s->answer;
    const struct verdict *v = &a->verdict;
    char bits[32], size[24], ms[24], rcpts[24];
    snprintf(bits, sizeof bits, "%.2f", v->bits);
    snprintf(size, sizeof size, "%zu", r->raw.n);
    snprintf(ms, sizeof ms, "%.3f", a->seconds * 1e3);
    snprintf(rcpts, sizeof rcpts, "%zu", r->env.n_rcpt);
    log_event(g->log, LOG_INFO, "verdict", "id", a->id, "door", door_name(r->door), "queue_id", text_of(s, r->queue_id),
              "client", text_of(s, r->env.client_addr), "from", text_of(s, r->env.from),
              "rcpt", r->env.n_rcpt ? text_of(s, r->env.rcpt[0]) : NULL, "rcpts", r->env.n_rcpt > 1 ? rcpts : NULL,
              "class", v->klass == VERDICT_SPAM ? "spam" : "ham", "bits", bits, "action", action_name(a->action),
              "would", a->would != a->action ? action_name(a->would) : NULL,
              "quarantine", a->quarantine_id[0] ? a->quarantine_id : NULL, "campaign", a->campaign[0] ? a->campaign : NULL, "size", size, "ms", ms, "trouble", a->trouble, NULL);
}

void gate_record(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    const struct gate_answer *a = &s->answer;
    if (!r->no_history && s->house->history_ms > 0)
        push_row(g, s, r, gate_now_ms());
    if (log_wants(g->log, LOG_INFO))
        write_line(g, s, r);
    counters_add(g->counters, r->door, METRIC_MESSAGES, 1);
    counters_add(g->counters, r->door, METRIC_BYTES, (int64_t)r->raw.n);
    counters_add(g->counters, r->door, a->verdict.klass == VERDICT_SPAM ? METRIC_SPAM : METRIC_HAM, 1);
    counters_action(g->counters, r->door, a->action);
}

/* ---- for doors with an engine of their own ---- */

bool gate_keeps_rows(struct gate *g)
{
    struct house *h = house_hold(g);
    bool keeps = h->history_ms > 0;
    house_drop(g, &h);
    return keeps;
}

/* As a text that ends; NULL: there is nothing to say. */
static const char *copy_text(struct span v, char out[TEXT_MAX + 1])
{
    v = cut(v);
    for (size_t i = 0; i < v.n; i++)
        out[i] = v.p[i] ? (char)v.p[i] : '?';
    out[v.n] = '\0';
    return v.n ? out : NULL;
}

static void note_line(struct gate *g, enum metric_door door, const struct event *e)
{
    char text[6][TEXT_MAX + 1], bits[32], size[24], ms[24];
    snprintf(bits, sizeof bits, "%.2f", e->bits);
    snprintf(size, sizeof size, "%llu", (unsigned long long)e->size_bytes);
    snprintf(ms, sizeof ms, "%.3f", e->seconds * 1e3);
    log_event(g->log, LOG_INFO, "verdict", "id", copy_text(e->id, text[0]), "door", door_name(door), "client",
              copy_text(e->client_addr, text[1]), "from", copy_text(e->from, text[2]), "rcpt",
              e->n_rcpt ? copy_text(e->rcpt[0], text[3]) : NULL, "class", e->is_spam ? "spam" : "ham", "bits", bits, "action",
              copy_text(e->action, text[4]), "would", span_eq(e->would, e->action) ? NULL : copy_text(e->would, text[5]), "size", size,
              "ms", ms, NULL);
}

void gate_note(struct gate *g, enum metric_door door, const struct event *e, enum action act)
{
    struct event row = *e;
    struct house *h = house_hold(g);
    if (!h->has_subjects)
        row.subject = SPAN_NONE;
    if (h->history_ms > 0)
        history_push(g->history, door, &row);
    house_drop(g, &h);
    if (log_wants(g->log, LOG_INFO))
        note_line(g, door, &row);
    counters_add(g->counters, door, METRIC_MESSAGES, 1);
    counters_add(g->counters, door, METRIC_BYTES, (int64_t)e->size_bytes);
    counters_add(g->counters, door, e->is_spam ? METRIC_SPAM : METRIC_HAM, 1);
    counters_action(g->counters, door, act);
    counters_time(g->counters, door, e->seconds);
}
