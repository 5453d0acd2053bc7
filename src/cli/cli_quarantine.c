/* posse quarantine: what was kept back; let out, or let go. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli_gate.h"
#include "cli/history_out.h"
#include "cli/verdict_out.h"
#include "serve/release.h"

enum { OPT_UNTIL = 400, OPT_FROM, OPT_RCPT, OPT_STATE, OPT_LIMIT, OPT_RAW, OPT_AGAIN, OPT_NO_LEARN, OPT_BEFORE, HEADERS_MAX = 64 << 10 };

struct keep_request {
    struct cli_gate gate;
    struct quarantine_filter filter;
    const char *teacher;
    int64_t before_ms;
    bool is_json, is_raw, again, no_learn;
    bool has_filter;
    char folder[4200];
    struct quarantine *quarantine; /* NULL: there is none */
    struct config *settings;
    uint64_t n;
};

static int state_of(const char *name)
{
    for (int i = 0; i < QUARANTINE_STATES; i++)
        if (strcmp(name, quarantine_state_name((enum quarantine_state)i)) == 0)
            return i;
    return -1;
}

/* 1: taken, 0: not one of these, negative: said already. */
static int filter_option(const struct cli_command *cmd, struct keep_request *q, int key)
{
    int64_t *time = key == OPT_SINCE ? &q->filter.since_ms : key == OPT_UNTIL ? &q->filter.until_ms : key == OPT_BEFORE ? &q->before_ms : NULL;
    if (time) {
        if (cli_time(optarg, cli_now_ms(), time))
            return 1;
        cli_usage(cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
        return -1;
    }
    switch (key) {
    case OPT_FROM: q->filter.from = optarg; return 1;
    case OPT_RCPT: q->filter.rcpt = optarg; return 1;
    case OPT_STATE:
        if ((q->filter.state = state_of(optarg)) >= 0)
            return 1;
        cli_usage(cmd, "a state is kept, releasing or released");
        return -1;
    case OPT_LIMIT:
        if (cli_number(optarg, 1, UINT64_MAX, &q->filter.limit))
            return 1;
        cli_usage(cmd, "--limit is a number above 0");
        return -1;
    case OPT_JSON: q->is_json = true; return 1;
    case OPT_RAW: q->is_raw = true; return 1;
    case OPT_AGAIN: q->again = true; return 1;
    case OPT_NO_LEARN: q->no_learn = true; return 1;
    case OPT_TEACHER: q->teacher = optarg; return 1;
    default: return 0;
    }
}

static int open_all(struct keep_request *q, struct report *why)
{
    char home[4096];
    if (!cli_home(q->gate.home, home, sizeof home))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    if (q->gate.home && !cli_is_dir(home))
        return report_set(why, POSSE_ENOENT, "%s: no such home", home);
    snprintf(q->folder, sizeof q->folder, "%s/quarantine", home);
    int rc = cli_settings(NULL, home, &q->settings, why);
    if (!rc && cli_is_dir(q->folder))
        rc = quarantine_open(q->folder, &q->quarantine, why);
    return rc;
}

/* ---- list, show ---- */

static int print_item(void *ctx, const struct quarantine_item *x)
{
    struct keep_request *q = ctx;
    struct buf b;
    buf_init(&b, 8 << 20);
    quarantine_write(&b, q->is_json, x);
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return ferror(stdout) ? POSSE_EIO : 0;
}

static int list(struct keep_request *q)
{
    struct report why = {0};
    int rc = q->quarantine ? quarantine_each(q->quarantine, &q->filter, print_item, q, &why) : 0;
    return rc && !ferror(stdout) ? cli_report(&why) : CLI_OK;
}

static void add_field(struct buf *b, const char *name, struct span s)
{
    if (!s.n)
        return;
    buf_add_fmt(b, "%-10s ", name);
    text_write(b, s);
    buf_add_byte(b, '\n');
}

static int explain_item(void *ctx, const struct quarantine_item *x)
{
    struct buf *b = ctx;
    struct span left = x->reasons;
    quarantine_write(b, false, x);
    for (size_t i = 1; i < x->n_rcpt; i++)
        add_field(b, "also to", x->rcpt[i]);
    add_field(b, "client", x->client_addr);
    add_field(b, "helo", x->helo);
    add_field(b, "user", x->auth_user);
    add_field(b, "queue id", x->queue_id);
    add_field(b, "verdict", x->verdict_id);
    while (left.n) {
        ptrdiff_t nl = span_chr(left, '\n');
        add_field(b, "reason", span_sub(left, 0, nl < 0 ? left.n : (size_t)nl));
        left = span_sub(left, nl < 0 ? left.n : (size_t)nl + 1, left.n);
    }
    buf_add_byte(b, '\n');
    return 0;
}

/* The header, made safe for a terminal. */
static void add_header(struct buf *b, struct span raw)
{
    raw = span_sub(raw, 0, HEADERS_MAX);
    while (raw.n) {
        ptrdiff_t nl = span_chr(raw, '\n');
        struct span line = span_sub(raw, 0, nl < 0 ? raw.n : (size_t)nl);
        raw = span_sub(raw, nl < 0 ? raw.n : (size_t)nl + 1, raw.n);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!line.n)
            return;
        size_t blanks = 0;
        while (blanks < line.n && line.p[blanks] == '\t')
            blanks++;
        buf_add(b, line.p, blanks);
        text_write(b, span_sub(line, blanks, line.n));
        buf_add_byte(b, '\n');
    }
}

static int show(struct keep_request *q, uint64_t id)
{
    struct report why = {0};
    struct buf raw, out;
    buf_init(&raw, (size_t)1 << 31);
    buf_init(&out, (size_t)1 << 31);
    struct quarantine_filter f = QUARANTINE_FILTER_ANY;
    f.id = id;
    int rc = quarantine_bytes(q->quarantine, id, (size_t)1 << 30, &raw, &why);
    if (!rc && !q->is_raw)
        rc = quarantine_each(q->quarantine, &f, q->is_json ? print_item : explain_item, q->is_json ? (void *)q : (void *)&out, &why);
    if (!rc && !q->is_raw && !q->is_json)
        add_header(&out, buf_span(&raw));
    struct span text = q->is_raw ? buf_span(&raw) : buf_span(&out);
    if (!rc && text.n)
        fwrite(text.p, 1, text.n, stdout);
    buf_deinit(&raw);
    buf_deinit(&out);
    return rc ? cli_report(&why) : CLI_OK;
}

/* ---- release ---- */

struct outgoing { struct span from; struct span *rcpt; size_t n_rcpt; struct buf text; };

static int copy_envelope(void *ctx, const struct quarantine_item *x)
{
    struct outgoing *o = ctx;
    o->rcpt = calloc(x->n_rcpt + 1, sizeof *o->rcpt);
    buf_add_span(&o->text, x->from);
    for (size_t i = 0; i < x->n_rcpt; i++)
        buf_add_span(&o->text, x->rcpt[i]);
    if (!o->rcpt || buf_error(&o->text))
        return POSSE_ENOMEM;
    size_t at = x->from.n;
    o->from = span_of(o->text.p, x->from.n);
    for (o->n_rcpt = 0; o->n_rcpt < x->n_rcpt; o->n_rcpt++) {
        o->rcpt[o->n_rcpt] = span_of(o->text.p + at, x->rcpt[o->n_rcpt].n);
        at += x->rcpt[o->n_rcpt].n;
    }
    return 0;
}

static int teach_ham(struct keep_request *q, struct span raw)
{
    struct report why = {0};
    uint64_t lesson;
    if (!q->gate.gate && cli_gate_open(&q->gate, &why))
        return cli_report(&why);
    struct gate_teaching t = {.door = DOOR_PIPE, .klass = LESSON_HAM, .teacher = span_str(q->teacher ? q->teacher : cli_own_name()),
                              .raw = raw, .time_ms = cli_now_ms()};
    int rc = gate_teach(q->gate.gate, &t, &lesson, &why);
    if (rc == 0 || rc == POSSE_EEXIST)
        return CLI_OK;
    return cli_error("it was released, but not taught: %s", why.text);
}

static int send_item(struct keep_request *q, uint64_t id, struct buf *raw, struct report *why)
{
    struct outgoing o = {.n_rcpt = 0};
    struct quarantine_filter f = QUARANTINE_FILTER_ANY;
    f.id = id;
    buf_init(&o.text, 16 << 20);
    int rc = quarantine_bytes(q->quarantine, id, (size_t)1 << 30, raw, why);
    if (!rc)
        rc = quarantine_each(q->quarantine, &f, copy_envelope, &o, why);
    struct release r = {.from = o.from, .rcpt = o.rcpt, .n_rcpt = o.n_rcpt, .raw = buf_span(raw)};
    if (!rc)
        rc = release_send(config_string(q->settings, "quarantine.release"), &r, why);
    free(o.rcpt);
    buf_deinit(&o.text);
    return rc;
}

static int release(struct keep_request *q, uint64_t id)
{
    struct report why = {0}, end = {0};
    struct buf raw;
    int rc = quarantine_release_begin(q->quarantine, id, q->again, &why);
    if (rc == POSSE_EEXIST || rc == POSSE_EBUSY)
        return cli_error("%s; --again releases it once more", why.text);
    if (rc)
        return cli_report(&why);
    buf_init(&raw, (size_t)1 << 31);
    rc = send_item(q, id, &raw, &why);
    if (quarantine_release_end(q->quarantine, id, rc == 0, cli_now_ms(), &end))
        cli_report(&end);
    int status = rc ? cli_error("item %llu: not released: %s", (unsigned long long)id, why.text) : CLI_OK;
    if (!rc) {
        q->n++;
        status = q->no_learn ? CLI_OK : teach_ham(q, buf_span(&raw));
    }
    buf_deinit(&raw);
    return status;
}

/* ---- remove, expire ---- */

static int remove_item(struct keep_request *q, uint64_t id)
{
    struct report why = {0};
    int rc = quarantine_remove(q->quarantine, id, &why);
    q->n += rc == 0;
    return rc ? cli_report(&why) : CLI_OK;
}

static int expire(struct keep_request *q)
{
    struct report why = {0};
    int64_t before = q->before_ms ? q->before_ms : cli_now_ms() - config_int(q->settings, "quarantine.days") * 86400000;
    int rc = q->quarantine ? quarantine_expire(q->quarantine, before, (uint64_t)config_int(q->settings, "quarantine.bytes"), &q->n, &why) : 0;
    if (rc)
        return cli_report(&why);
    printf("removed %llu\n", (unsigned long long)q->n);
    return CLI_OK;
}

static int each_id(struct keep_request *q, char **ids, int n, int (*fn)(struct keep_request *, uint64_t))
{
    int status = CLI_OK;
    for (int i = 0; i < n; i++) {
        uint64_t id;
        int one;
        if (!cli_number(ids[i], 1, INT64_MAX, &id))
            one = cli_error("'%s' is no item's number", ids[i]);
        else if (!q->quarantine)
            one = cli_error("the quarantine holds no item %s", ids[i]);
        else
            one = fn(q, id);
        status = one > status ? one : status;
    }
    return status;
}

static int run_verb(const struct cli_command *cmd, struct keep_request *q, const char *verb, char **ids, int n)
{
    static const char *const verbs[] = {"list", "show", "release", "remove", "expire"};
    static int (*const fns[])(struct keep_request *, uint64_t) = {NULL, show, release, remove_item, NULL};
    size_t v = 0;
    while (v < 5 && strcmp(verb, verbs[v]) != 0)
        v++;
    if (v == 5)
        return cli_usage(cmd, "'%s' is none of list, show, release, remove, expire", verb);
    if ((fns[v] == NULL) != (n == 0))
        return cli_usage(cmd, fns[v] ? "%s needs the items' numbers" : "%s takes options only", verb);
    if (!fns[v])
        return v == 0 ? list(q) : expire(q);
    int status = each_id(q, ids, n, fns[v]);
    if (v >= 2)
        printf("%s %llu\n", v == 2 ? "released" : "removed", (unsigned long long)q->n);
    return status;
}

static int quarantine_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct keep_request q = {.filter = QUARANTINE_FILTER_ANY};
    struct report why = {0};
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1)
        if (!cli_gate_option(&q.gate, key, optarg) && filter_option(cmd, &q, key) <= 0)
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    const char *verb = first < argc ? argv[first++] : "list";
    int status = open_all(&q, &why) ? cli_report(&why) : run_verb(cmd, &q, verb, argv + first, argc - first);
    quarantine_close(&q.quarantine);
    config_free(&q.settings);
    return cli_gate_close(&q.gate, status);
}

static const struct cli_option quarantine_options[] = {
    {OPT_SINCE, "since", "TIME", "list: only items since then: 2026-11-21 14:30, @UNIXTIME, or 7d ago"},
    {OPT_UNTIL, "until", "TIME", "list: only items before then"},
    {OPT_FROM, "from", "PATTERN", "list: only these senders, of the envelope or of From"},
    {OPT_RCPT, "rcpt", "PATTERN", "list: only with such a recipient"},
    {OPT_STATE, "state", "STATE", "list: only kept, releasing or released ones"},
    {OPT_LIMIT, "limit", "N", "list: at most so many, the newest"},
    {OPT_JSON, "json", NULL, "list, show: one JSON object a line"},
    {OPT_RAW, "raw", NULL, "show: the message itself, byte for byte"},
    {OPT_AGAIN, "again", NULL, "release: also what was released before, or where that broke off"},
    {OPT_NO_LEARN, "no-learn", NULL, "release: do not teach that it is wanted"},
    {OPT_TEACHER, "teacher", "NAME", "release: who teaches (the user's name)"},
    {OPT_BEFORE, "before", "TIME", "expire: what came before then (quarantine.days)"},
    {OPT_HOME, "home", "DIR", "where the quarantine is"},
    {OPT_MODEL, "model", "FILE", "release: the shipped model that teaching builds upon"},
    {OPT_EMPTY, "empty", NULL, "release: teaching builds upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_quarantine = {
    .name = "quarantine",
    .summary = "list, show, release or remove what was kept back",
    .synopsis = "[list|expire] [OPTION]...\n       posse quarantine show|release|remove [OPTION]... ID...",
    .about = "list: number, time, state, score, action, sender, recipients, subject; the newest first.\n"
             "show: reasons and header of a message. release: hand it to the mail server\n"
             "(quarantine.release) for those for whom it was kept, and teach that it is wanted.\n"
             "remove: delete it. expire: delete what is older than quarantine.days, or over\n"
             "quarantine.bytes. Exit status: 0 fine, 2 trouble.",
    .options = quarantine_options,
    .run = quarantine_run,
};
