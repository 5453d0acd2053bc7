/* posse case redact: a copy without those to whom it was sent, as another exhibit. */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "case/redact.h"
#include "cli/cli_case.h"

static void show(const struct case_request *q, uint64_t n, uint64_t of, const struct redacted *what)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    if (q->is_json) {
        buf_add_fmt(&b, "{\"n\":%" PRIu64 ",\"redacts\":%" PRIu64 ",\"mailboxes\":%zu,\"places\":%zu,\"what\":", n, of, what->mailboxes, what->places);
        json_string(&b, span_str(what->text));
        buf_add_str(&b, "}\n");
    } else
        buf_add_fmt(&b, "%" PRIu64 "  a copy of %" PRIu64 ", without %s\n", n, of, what->text);
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
}

static int redact(struct case_request *q, struct casefile *c, uint64_t n)
{
    struct report why = {0};
    struct redact_options o = {.n_also = 0};
    struct redacted what;
    struct case_line l;
    struct buf raw, out;
    uint64_t copy = 0;
    char name[120];
    if (*q->what)
        o.also[o.n_also++] = span_str(q->what);
    buf_init(&raw, (size_t)CASE_EXHIBIT_MAX + 1);
    buf_init(&out, (size_t)CASE_EXHIBIT_MAX + 1);
    int err = casefile_line(c, n, &l, &why);
    if (!err)
        err = casefile_bytes(c, &l, &raw, &why);
    if (!err)
        err = redact_bytes(l.media, buf_span(&raw), &o, &out, &what, &why);
    snprintf(name, sizeof name, "redacted copy of exhibit %" PRIu64, n);
    struct exhibit e = {.name = span_str(name), .media = l.media, .source = l.source, .command = span_str(q->command), .redacts = (int64_t)n,
                        .what = span_str(what.text)};
    struct case_time seen;
    if (!err && l.seen.n && case_time_read(l.seen, &seen)) {
        e.has_seen = true;
        e.seen = seen;
    }
    if (!err)
        err = casefile_exhibit(c, &e, buf_span(&out), &copy, &why);
    if (!err)
        show(q, copy, n, &what);
    buf_deinit(&raw);
    buf_deinit(&out);
    return err ? cli_report(&why) : CLI_OK;
}

int case_redact_run(struct case_request *q, int argc, char **argv)
{
    struct casefile *c;
    uint64_t n;
    if (argc != 2 || !cli_number(argv[1], 0, UINT32_MAX, &n))
        return cli_usage(q->cmd, "redact wants a case and the number of an exhibit");
    int status = case_open(q, argv[0], true, &c);
    return status ? status : case_done(&c, redact(q, c, n));
}
