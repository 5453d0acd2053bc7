/* What is kept before the door answers: the message whose action is quarantine or discard, and the copies of those recipients
 * who are taken off. One item an action; the bytes are on disk once. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/gate_priv.h"
#include "serve/nets.h"

int gate_open_quarantine(const struct gate *g, struct quarantine **q, struct report *why)
{
    return *q ? POSSE_OK : quarantine_open(g->quarantine_path, q, why);
}

/* What comes from elsewhere is the same mail only for those for whom it was released: or one release would open the door to every
 * copy. What this machine hands on may bear another name by then, an alias' say. */
bool gate_was_released(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    bool is_ours = r->who == POLICY_LOCAL || !r->env.client_addr.n || address_is_loopback(r->env.client_addr);
    struct report why = {0};
    bool is_released = false;
    if (!s->quarantine && access(g->quarantine_path, F_OK) != 0)
        return false; /* nothing was ever kept here */
    int err = gate_open_quarantine(g, &s->quarantine, &why);
    if (!err)
        err = quarantine_was_released(s->quarantine, reading_digest(s->reading), r->env.rcpt, is_ours ? 0 : r->env.n_rcpt, &is_released,
                                      &why);
    if (err) {
        log_event(g->log, LOG_ERROR, "quarantine_trouble", "why", why.text, NULL);
        quarantine_close(&s->quarantine);
    }
    return !err && is_released;
}

static struct span write_reasons(struct gate_slot *s)
{
    const struct verdict *v = &s->answer.verdict;
    struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < v->n_reasons; i++)
        buf_add_fmt(&b, "%+.2f %s\n", v->reason[i].bits, v->reason[i].text);
    struct span text = arena_copy(s->arena, buf_span(&b));
    buf_deinit(&b);
    return text;
}

/* The recipients whose action is a: all of them, when it is the message's own; none were named: the request's. */
static int put(struct gate_slot *s, const struct gate_request *r, enum action a, struct quarantine_item *item, uint64_t *id,
               struct report *why)
{
    const struct gate_answer *out = &s->answer;
    struct span *rcpt = arena_alloc(s->arena, (out->n_recipients + 1) * sizeof *rcpt);
    if (!rcpt)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < out->n_recipients; i++)
        if (out->recipient[i].action == a)
            rcpt[n++] = out->recipient[i].rcpt;
    item->rcpt = rcpt;
    item->n_rcpt = n;
    item->action = span_str(action_name(a));
    return quarantine_put(s->quarantine, item, r->raw, id, why);
}

static bool has_to_keep(const struct gate_answer *a, enum action which)
{
    if (which == a->action)
        return which == ACTION_QUARANTINE || which == ACTION_DISCARD;
    if (which < a->action)
        return false;
    for (size_t i = 0; i < a->n_recipients && a->n_remove; i++)
        if (a->recipient[i].action == which && which >= ACTION_DEFER)
            return true;
    return false;
}

static int keep_all(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct report *why)
{
    struct gate_answer *a = &s->answer;
    struct quarantine_item item = {
        .time_ms = gate_now_ms(), .door = span_str(door_name(r->door)), .queue_id = r->queue_id, .verdict_id = span_str(a->id),
        .client_addr = r->env.client_addr, .helo = r->env.helo, .from = r->env.from, .header_from = gate_header_from(s),
        .subject = a->message->subject, .auth_user = r->env.auth_user, .bits = a->verdict.bits, .reasons = write_reasons(s),
        .mail_digest = reading_digest(s->reading), .size_bytes = r->raw.n};
    int err = gate_open_quarantine(g, &s->quarantine, why);
    size_t n = 0;
    for (int act = ACTION_DEFER; act < ACTIONS && !err; act++) {
        uint64_t id = 0;
        if (!has_to_keep(a, (enum action)act))
            continue;
        err = put(s, r, (enum action)act, &item, &id, why);
        int wrote = err ? 0 : snprintf(a->quarantine_id + n, sizeof a->quarantine_id - n, "%s%llu", n ? "," : "",
                                       (unsigned long long)id);
        if (n + (size_t)wrote < sizeof a->quarantine_id)
            n += (size_t)wrote;
        else
            a->quarantine_id[n] = '\0'; /* a list of whole numbers, if not of all */
    }
    return err;
}

/* Nothing is lost: it is put off, or delivered to all with what mark there is for it. */
static void fall_back(struct gate *g, struct gate_slot *s, const struct gate_request *r, const struct report *why)
{
    struct gate_answer *a = &s->answer;
    struct span text = arena_copy(s->arena, span_of(why->text, strlen(why->text) + 1));
    a->trouble = text.n ? (const char *)text.p : "out of memory";
    a->quarantine_id[0] = '\0';
    a->n_remove = 0;
    if (gate_trouble(g, r) == TROUBLE_DEFER) {
        a->action = ACTION_DEFER;
        return;
    }
    while (a->action > ACTION_REWRITE || (a->action > ACTION_NONE && a->verdict.bits < a->action_bits[a->action]))
        a->action--;
}

void gate_keep(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    struct report why = {0};
    struct gate_answer *a = &s->answer;
    bool has_any = a->n_remove > 0 || a->action == ACTION_QUARANTINE || a->action == ACTION_DISCARD;
    if (!has_any || r->no_store)
        return;
    if (keep_all(g, s, r, &why) == POSSE_OK) {
        counters_add(g->counters, r->door, METRIC_QUARANTINED, 1);
        return;
    }
    fall_back(g, s, r, &why);
    quarantine_close(&s->quarantine);
    counters_add(g->counters, r->door, METRIC_TROUBLE, 1);
    log_event(g->log, LOG_ERROR, "quarantine_trouble", "id", a->id, "action", action_name(a->action), "why", why.text, NULL);
}
