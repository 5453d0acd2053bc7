#include "cli/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "serve/mark.h"

enum { PIECE = 1 << 16 };

/* -1: failed; else what came: 0 is the end. */
static ssize_t read_some(uint8_t *to, size_t n)
{
    ssize_t got;
    do
        got = read(STDIN_FILENO, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Up to max bytes and one more, by which a message over the limit is known. */
static bool read_message(struct buf *b, size_t max)
{
    ssize_t got = 1;
    while (got > 0 && b->n <= max) {
        size_t want = max + 1 - b->n < PIECE ? max + 1 - b->n : PIECE;
        uint8_t *to = buf_reserve(b, want);
        if (!to)
            return false;
        got = read_some(to, want);
        b->n += got > 0 ? (size_t)got : 0;
    }
    return got >= 0;
}

/* What was read, and the rest of the input. */
static int pass(const struct buf *b, int status)
{
    static const size_t piece = PIECE;
    uint8_t *p = malloc(piece);
    ssize_t got = 1;
    bool good = p && fd_write(STDOUT_FILENO, buf_span(b));
    while (good && (got = read_some(p, piece)) > 0)
        good = fd_write(STDOUT_FILENO, span_of(p, (size_t)got));
    free(p);
    return good && got == 0 ? status : DELIVER_AGAIN;
}

/* The harshest that a pipe can do. */
static void soften(struct gate_answer *a)
{
    while (a->action > ACTION_REWRITE || (a->action > ACTION_TAG && !(a->verdict.bits >= a->action_bits[a->action])))
        a->action--;
}

static int write_marked(const struct deliver *d, const struct gate_answer *answer, enum policy_who who, struct span raw)
{
    struct gate_answer a = *answer;
    struct mark m;
    struct buf head;
    struct span rest;
    soften(&a);
    mark_of(&a, gate_level(&a), who, &m);
    buf_init(&head, raw.n + MARK_GROWTH_MAX);
    mark_message(raw, &m, &head, &rest);
    int status = d->has_exit_code && a.verdict.klass == VERDICT_SPAM ? CLI_SPAM : CLI_OK;
    bool good = buf_error(&head) ? fd_write(STDOUT_FILENO, raw) : fd_write(STDOUT_FILENO, buf_span(&head)) && fd_write(STDOUT_FILENO, rest);
    buf_deinit(&head);
    return good ? status : DELIVER_AGAIN;
}

static int judge(struct deliver *d, const struct buf *b)
{
    struct gate_request r = {.door = DOOR_PIPE, .raw = buf_span(b), .env = d->env, .no_store = !d->keeps,
                             .who = d->env.auth_user.n ? POLICY_AUTHENTICATED : POLICY_REMOTE};
    struct gate_answer *a;
    struct report why = {0};
    if (gate_judge(d->gate.gate, &r, &a, &why)) {
        cli_report(&why);
        return pass(b, gate_trouble(d->gate.gate, &r) == TROUBLE_DEFER ? DELIVER_AGAIN : CLI_OK);
    }
    bool is_kept = d->keeps && (a->action == ACTION_QUARANTINE || a->action == ACTION_DISCARD);
    int status = is_kept ? DELIVER_KEPT : write_marked(d, a, r.who, r.raw);
    if (a->trouble && a->action == ACTION_DEFER)
        status = DELIVER_AGAIN;
    gate_done(d->gate.gate, &a);
    return status;
}

/* The gate could not be opened; what its settings say of trouble, if they can be read at all. */
static int trouble_status(const struct deliver *d)
{
    struct config *c;
    if (!*d->gate.home_path || cli_settings(NULL, d->gate.home_path, &c, NULL))
        return CLI_OK;
    bool defers = strcmp(config_string_of(c, "policy[].on_trouble", "default"), "defer") == 0;
    config_free(&c);
    return defers ? DELIVER_AGAIN : CLI_OK;
}

int deliver(struct deliver *d)
{
    struct report why = {0};
    struct buf b;
    d->env.rcpt = d->rcpt;
    int rc = cli_gate_open(&d->gate, &why);
    size_t max = 64 << 20;
    if (rc) {
        cli_report(&why);
    } else {
        const struct config *c = gate_config(d->gate.gate);
        max = (size_t)config_int(c, "limits.message_bytes");
        gate_config_done(d->gate.gate, c);
    }
    buf_init(&b, max + PIECE);
    int status;
    if (!read_message(&b, max)) {
        cli_error("cannot read the message: %s", buf_error(&b) ? posse_strerror(buf_error(&b)) : strerror(errno));
        status = DELIVER_AGAIN;
    } else if (rc || b.n > max) {
        if (!rc)
            cli_error("the message is over limits.message_bytes and passes unread");
        status = pass(&b, rc ? trouble_status(d) : CLI_OK);
    } else {
        status = judge(d, &b);
    }
    buf_deinit(&b);
    cli_gate_close(&d->gate, CLI_OK); /* says what is wrong; the message is on its way by now */
    return status;
}
