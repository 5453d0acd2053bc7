/* posse smtpd-filter: a filter that OpenSMTPD starts and speaks with on standard input and output. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "cli/cli_gate.h"
#include "serve/mark.h"
#include "serve/smtpd_filter.h"

enum { PIECE = 1 << 16, LINE_BYTES_MAX = 1 << 20 };

struct filter_run { struct cli_gate gate; struct smtpd_filter *filter; struct buf in, out; int64_t ticked_ms; bool failed; };

/* The harshest that this server can do for all recipients alike. */
static enum smtpd_decision soften(struct gate_answer *a)
{
    if (a->action == ACTION_REJECT)
        return SMTPD_REFUSE;
    if (a->action == ACTION_DEFER)
        return SMTPD_PUT_OFF;
    while (a->action > ACTION_REWRITE || (a->action > ACTION_TAG && !(a->verdict.bits >= a->action_bits[a->action])))
        a->action--;
    return SMTPD_PROCEED;
}

static enum smtpd_decision judge(void *ctx, const struct gate_request *r, struct buf *head, struct span *rest)
{
    struct filter_run *x = ctx;
    struct gate_answer *a;
    struct report why = {0};
    int64_t now = cli_now_ms();
    if (now - x->ticked_ms >= 1000 || now < x->ticked_ms) {
        x->ticked_ms = now;
        gate_tick(x->gate.gate, now, gate_steady_ms()); /* what others taught meanwhile */
    }
    *rest = r->raw;
    if (gate_judge(x->gate.gate, r, &a, &why)) {
        cli_report(&why);
        return gate_trouble(x->gate.gate, r) == TROUBLE_DEFER ? SMTPD_PUT_OFF : SMTPD_PROCEED;
    }
    struct gate_answer soft = *a;
    struct mark m;
    enum smtpd_decision d = soften(&soft);
    if (d == SMTPD_PROCEED) {
        mark_of(&soft, gate_level(&soft), r->who, &m);
        mark_message(r->raw, &m, head, rest);
    }
    gate_done(x->gate.gate, &a);
    return d;
}

static bool write_out(struct buf *b)
{
    bool good = fd_write(STDOUT_FILENO, buf_span(b)) && !buf_error(b);
    buf_clear(b);
    return good;
}

static void flush(void *ctx, struct buf *out)
{
    struct filter_run *x = ctx;
    if (!x->failed && !write_out(out))
        x->failed = true;
    buf_clear(out);
}

/* Whole lines are taken, what is left moves to the front. */
static bool take_lines(struct filter_run *x)
{
    struct span left = buf_span(&x->in);
    for (ptrdiff_t nl; (nl = span_chr(left, '\n')) >= 0; left = span_sub(left, (size_t)nl + 1, left.n)) {
        smtpd_filter_take(x->filter, span_sub(left, 0, (size_t)nl), &x->out);
        if (x->out.n > PIECE)
            flush(x, &x->out);
        if (x->failed)
            return false;
    }
    if (left.n)
        memmove(x->in.p, left.p, left.n);
    x->in.n = left.n;
    flush(x, &x->out);
    return !x->failed;
}

static int run(struct filter_run *x)
{
    for (;;) {
        uint8_t *to = buf_reserve(&x->in, PIECE);
        if (!to)
            return cli_error("a line of over %d bytes: this is not OpenSMTPD", LINE_BYTES_MAX);
        ssize_t n = read(STDIN_FILENO, to, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? CLI_OK : cli_error("cannot read from the mail server: %s", strerror(errno));
        x->in.n += (size_t)n;
        if (!take_lines(x))
            return cli_error("cannot write to the mail server: %s", strerror(errno));
    }
}

static int smtpd_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct filter_run x = {.ticked_ms = 0};
    struct report why = {0};
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1)
        if (!cli_gate_option(&x.gate, key, optarg))
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    if (cli_gate_open(&x.gate, &why))
        return cli_gate_close(&x.gate, cli_report(&why));
    const struct config *c = gate_config(x.gate.gate);
    size_t max = (size_t)config_int(c, "limits.message_bytes");
    gate_config_done(x.gate.gate, c);
    buf_init(&x.in, LINE_BYTES_MAX + PIECE);
    buf_init(&x.out, 4 * LINE_BYTES_MAX);
    x.filter = smtpd_filter_new(max, judge, flush, &x);
    int status = x.filter ? run(&x) : cli_error("out of memory");
    smtpd_filter_free(&x.filter);
    buf_deinit(&x.in);
    buf_deinit(&x.out);
    return cli_gate_close(&x.gate, status);
}

static const struct cli_option smtpd_options[] = {
    {OPT_HOME, "home", "DIR", "where lessons, settings and history are"},
    {OPT_MODEL, "model", "FILE", "the shipped model to build upon"},
    {OPT_EMPTY, "empty", NULL, "build upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_smtpd = {
    .name = "smtpd-filter",
    .summary = "filter for OpenSMTPD, which starts it",
    .synopsis = "[OPTION]...",
    .about = "In smtpd.conf: filter posse proc-exec \"posse smtpd-filter\"; listen on ... filter posse.\n"
             "Policies are those of the daemon; mail that they would keep back is marked, for a filter of\n"
             "OpenSMTPD can mark, refuse and put off. Ends with its input.",
    .options = smtpd_options,
    .run = smtpd_run,
};
