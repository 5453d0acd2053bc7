/* The Akismet door: the paths of Akismet's API, as its clients use them, on the HTTP port akismet.listen.
 *
 * Errors are words in the body and a field in the header, with status 200 as Akismet has it, for its clients look at the body:
 * `invalid` and X-akismet-debug-help. 413, 429 (Retry-After) and 503 are said as such; a WordPress that gets neither true nor
 * false holds the comment and asks again. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "serve/comment.h"
#include "serve/http.h"

static const char plain[] = "text/plain; charset=utf-8", json[] = "application/json";
enum { RETRY_S = 600, SITES_MOST = 500, HOURS_OF_A_MONTH = 720 };

struct call {
    struct akismet_form form; /* its bytes are the connection's spare buffer */
    struct akismet_request r;
};

static void help(struct http_answer *a, const char *text) { http_answer_header(a, "X-akismet-debug-help", "%s", text); }

static void say_invalid(struct http_answer *a, const char *why)
{
    http_answer_text(a, plain, "invalid");
    help(a, why);
}

static int read_call(struct http_context *c, const struct http_request *q, struct call *k, struct report *why)
{
    k->form.n = 0;
    k->form.bytes = *c->spare;
    int err = akismet_form_read(&k->form, q->body, why);
    for (size_t i = 0; i < q->n_args && !err; i++)
        err = akismet_form_add(&k->form, q->arg[i].name, q->arg[i].value, why);
    akismet_request_read(&k->form, http_field(q, "Host"), &k->r);
    return err;
}

/* The form is read; false: answered. */
static bool begin(struct http_context *c, const struct http_request *q, struct http_answer *a, struct call *k)
{
    struct report why;
    int err = read_call(c, q, k, &why);
    if (err == POSSE_OK)
        return true;
    counters_add(gate_counters(c->gate), DOOR_AKISMET, err == POSSE_ENOMEM ? METRIC_TROUBLE : METRIC_TOO_BIG, 1);
    http_answer_text(a, plain, "invalid");
    a->status = err == POSSE_ENOMEM ? 503 : 413;
    help(a, why.text);
    return false;
}

static void end(struct http_context *c, struct call *k) { *c->spare = k->form.bytes; }

static bool has_key(struct http_context *c, const struct http_request *q, struct http_answer *a, struct span key,
                    struct span blog)
{
    enum comment_key is = comments_key(c->comments, key, blog, q->now_ms);
    if (is == COMMENT_KEY_FINE)
        return true;
    counters_add(gate_counters(c->gate), DOOR_AKISMET, METRIC_AUTH_FAILED, 1);
    log_event(gate_log(c->gate), LOG_WARNING, "auth_failed", "door", "akismet", "client", q->peer->text, "path",
              q->path, NULL);
    say_invalid(a, key.n == 0                     ? "no key was given: api_key, or the first part of the host's name"
                   : is == COMMENT_KEY_OTHER_SITE ? "this key is for another site"
                                                  : "this key is not known here: posse key add makes one");
    return false;
}

static void too_many(struct http_answer *a, int64_t wait_ms, const char *text)
{
    a->status = 429;
    http_answer_text(a, plain, text);
    http_answer_header(a, "Retry-After", "%lld", (long long)(wait_ms + 999) / 1000);
    http_answer_header(a, "X-akismet-error", "%s", text);
    http_answer_header(a, "X-akismet-alert-code", "429");
    http_answer_header(a, "X-akismet-alert-msg", "%s", text);
}

/* Key, blog, address and rate of a call that is about a comment; false: answered. */
static bool may_ask(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    const struct akismet_request *r = &k->r;
    int64_t wait_ms;
    char name[8];
    if (!has_key(c, q, a, r->key, r->blog))
        return false;
    if (akismet_blog(r->blog, name, sizeof name) == 0)
        say_invalid(a, r->blog.n ? "blog is not the address of a site" : "blog is missing: the address of the site");
    else if (r->user_ip.n == 0)
        say_invalid(a, "user_ip is missing: the address of who wrote the comment");
    else if (!comments_take(c->comments, r->key, q->now_ms, &wait_ms)) {
        counters_add(gate_counters(c->gate), DOOR_AKISMET, METRIC_OVER_LIMIT, 1);
        too_many(a, wait_ms, "this key has made all its calls of this hour");
    } else {
        return true;
    }
    return false;
}

/* ---- comments ---- */

static void check(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    struct comment_asked asked = {&k->r, k->r.key, q->now_ms};
    struct comment_verdict v;
    struct report why = {.code = 0};
    if (comments_judge(c->comments, &asked, &v, &why) == POSSE_OK) {
        http_answer_text(a, plain, v.is_spam ? "true" : "false");
        http_answer_header(a, "X-akismet-guid", "%s", v.id);
        if (v.is_certain)
            http_answer_header(a, "X-akismet-pro-tip", "discard");
    } else if (comments_in_trouble(c->comments) == TROUBLE_ACCEPT) {
        http_answer_text(a, plain, "false");
        help(a, "no verdict could be given"); /* with X-akismet-error WordPress would hold it */
    } else {
        a->status = 503;
        http_answer_text(a, plain, "no verdict could be given");
        http_answer_header(a, "Retry-After", "%d", RETRY_S);
    }
}

static void do_check(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    struct call k;
    if (begin(c, q, a, &k) && may_ask(c, q, a, &k))
        check(c, q, a, &k);
    end(c, &k);
}

static void submit(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k,
                   enum lesson_class klass)
{
    struct comment_asked asked = {&k->r, k->r.key, q->now_ms};
    struct report why = {.code = 0};
    switch (comments_teach(c->comments, &asked, klass, &why)) {
    case POSSE_OK:
    case POSSE_EEXIST: /* known already */
    case POSSE_EINVAL: /* empty: its sender can do nothing about it */
        http_answer_text(a, plain, "Thanks for making the web a better place.");
        break;
    case POSSE_ELIMIT:
        too_many(a, (int64_t)RETRY_S * 1000, "this key may teach no more now (teach.per_hour, akismet.sites)");
        break;
    default:
        log_event(gate_log(c->gate), LOG_ERROR, "learn_failed", "door", "akismet", "why", why.text, NULL);
        a->status = 503;
        http_answer_text(a, plain, "the report could not be kept");
        http_answer_header(a, "Retry-After", "%d", RETRY_S);
    }
}

static void do_submit(struct http_context *c, const struct http_request *q, struct http_answer *a,
                      enum lesson_class klass)
{
    struct call k;
    if (begin(c, q, a, &k) && may_ask(c, q, a, &k))
        submit(c, q, a, &k, klass);
    end(c, &k);
}

static void do_submit_spam(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    do_submit(c, q, a, LESSON_SPAM);
}
static void do_submit_ham(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    do_submit(c, q, a, LESSON_HAM);
}

/* ---- keys and numbers: `key` is asked about; where it is not given, the caller's own ---- */

typedef void answer_of_key(struct http_context *c, const struct http_request *q, struct http_answer *a,
                           const struct call *k);

static void with_key(struct http_context *c, const struct http_request *q, struct http_answer *a, answer_of_key *fn)
{
    struct call k;
    if (begin(c, q, a, &k) && has_key(c, q, a, k.r.asked_key, k.r.blog))
        fn(c, q, a, &k);
    end(c, &k);
}

static void say_valid(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    (void)c;
    (void)q;
    (void)k;
    http_answer_text(a, plain, "valid");
}

/* A key goes by `posse key remove`: who only has it cannot take it from others. */
static void say_deactivated(struct http_context *c, const struct http_request *q, struct http_answer *a,
                            const struct call *k)
{
    (void)c;
    (void)q;
    (void)k;
    http_answer_text(a, plain, "deactivated");
}

static void say_subscription(struct http_context *c, const struct http_request *q, struct http_answer *a,
                             const struct call *k)
{
    (void)c;
    (void)q;
    (void)k;
    http_answer_text(
        a, json,
        "{\"account_id\":1,\"account_name\":\"Posse\",\"account_type\":\"enterprise\",\"status\":\"active\","
        "\"next_billing_date\":null,\"limit_reached\":false}");
}

static void say_usage(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    uint64_t n[USAGE_KINDS], per_hour = comments_per_hour(c->comments), limit = per_hour * HOURS_OF_A_MONTH;
    size_t sites;
    comment_usage_sum(comments_usage(c->comments), k->r.asked_key, q->now_ms, n, &sites);
    a->type = json;
    if (limit)
        buf_add_fmt(a->body, "{\"limit\":%llu", (unsigned long long)limit);
    else
        buf_add_str(a->body, "{\"limit\":\"none\"");
    buf_add_fmt(a->body, ",\"usage\":%llu,\"percentage\":\"%.2f\",\"throttled\":%s}",
                (unsigned long long)n[USAGE_CALLS], limit ? 100.0 * (double)n[USAGE_CALLS] / (double)limit : 0,
                limit && n[USAGE_CALLS] >= limit ? "true" : "false");
}

static void add_stats(struct buf *b, const uint64_t n[USAGE_KINDS])
{
    uint64_t all = n[USAGE_SPAM] + n[USAGE_HAM], wrong = n[USAGE_MISSED] + n[USAGE_FALSE];
    double right = all ? 100.0 * (double)(all > wrong ? all - wrong : 0) / (double)all : 100;
    buf_add_fmt(b, "\"spam\":%llu,\"ham\":%llu,\"missed_spam\":%llu,\"false_positives\":%llu,\"accuracy\":\"%.2f\"",
                (unsigned long long)n[USAGE_SPAM], (unsigned long long)n[USAGE_HAM],
                (unsigned long long)n[USAGE_MISSED], (unsigned long long)n[USAGE_FALSE], right);
}

static void say_stats(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    uint64_t n[USAGE_KINDS];
    size_t sites;
    char month[8];
    comment_usage_month(q->now_ms, month);
    comment_usage_sum(comments_usage(c->comments), k->r.asked_key, q->now_ms, n, &sites);
    a->type = json;
    buf_add_byte(a->body, '{');
    add_stats(a->body, n);
    buf_add_fmt(a->body, ",\"time_saved\":0,\"breakdown\":{\"%s\":{\"da\":\"%s-01\",", month, month);
    add_stats(a->body, n);
    buf_add_str(a->body, "}}}");
}

static size_t number_of(const struct call *k, const char *name, size_t most, size_t otherwise)
{
    struct span s = akismet_form_get(&k->form, name);
    size_t n = 0;
    if (s.n == 0)
        return otherwise;
    for (size_t i = 0; i < s.n && ascii_is_digit(s.p[i]) && n <= most; i++)
        n = n * 10 + (size_t)(s.p[i] - '0');
    return n < most ? n : most;
}

static void add_site(struct buf *b, const struct usage_row *r, bool is_csv, bool is_first)
{
    static const char *const names[] = {"api_calls", "spam", "ham", "missed_spam", "false_positives"};
    uint64_t n[] = {r->n[USAGE_CALLS], r->n[USAGE_SPAM], r->n[USAGE_HAM], r->n[USAGE_MISSED], r->n[USAGE_FALSE]};
    if (is_csv) {
        for (const char *p = r->site; *p; p++)
            buf_add_byte(b, *p == ',' || *p == '"' ? '_' : (uint8_t)*p);
        for (size_t i = 0; i < 5; i++)
            buf_add_fmt(b, ",%llu", (unsigned long long)n[i]);
        buf_add_str(b, ",false\n");
        return;
    }
    buf_add_str(b, is_first ? "{\"site\":" : ",{\"site\":");
    json_string(b, span_str(r->site));
    for (size_t i = 0; i < 5; i++)
        buf_add_fmt(b, ",\"%s\":\"%llu\"", names[i], (unsigned long long)n[i]);
    buf_add_str(b, ",\"is_revoked\":false}");
}

static void say_sites(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct call *k)
{
    size_t limit = number_of(k, "limit", SITES_MOST, SITES_MOST), offset = number_of(k, "offset", USAGE_ROWS_MAX, 0);
    bool is_csv = span_ieq(akismet_form_get(&k->form, "format"), SPAN_LIT("csv"));
    struct usage_row *row = calloc(limit + 1, sizeof *row);
    char month[8];
    if (!row) {
        http_answer_error(a, 503, "out of memory");
        return;
    }
    size_t total = comment_usage_rows(comments_usage(c->comments), k->r.asked_key, q->now_ms, offset, row, limit);
    size_t n = offset < total ? total - offset : 0;
    comment_usage_month(q->now_ms, month);
    a->type = is_csv ? "text/csv; charset=utf-8" : json;
    if (is_csv)
        buf_add_str(a->body, "Active sites,Total API Calls,Spam,Ham,Missed Spam,False Positives,Is Revoked\n");
    else
        buf_add_fmt(a->body, "{\"%s\":[", month);
    for (size_t i = 0; i < n && i < limit; i++)
        add_site(a->body, &row[i], is_csv, i == 0);
    if (!is_csv)
        buf_add_fmt(a->body, "],\"limit\":%zu,\"offset\":%zu,\"total\":%zu}", limit, offset, total);
    free(row);
}

static void do_verify(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_valid);
}
static void do_deactivate(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_deactivated);
}
static void do_subscription(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_subscription);
}
static void do_usage(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_usage);
}
static void do_stats(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_stats);
}
static void do_sites(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    with_key(c, q, a, say_sites);
}

static void do_test(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    (void)c;
    (void)q;
    http_answer_text(a, plain, "connected");
}

enum { HERE = 1 << HTTP_AKISMET };
const struct http_route akismet_routes[] = {
    {HERE, "POST", "/1.1/comment-check", do_check, 0},
    {HERE, "POST", "/1.1/submit-spam", do_submit_spam, HTTP_SLOW},
    {HERE, "POST", "/1.1/submit-ham", do_submit_ham, HTTP_SLOW},
    {HERE, NULL, "/1.1/verify-key", do_verify, 0},
    {HERE, NULL, "/1.1/get-subscription", do_subscription, 0},
    {HERE, NULL, "/1.1/get-stats", do_stats, 0},
    {HERE, "POST", "/1.1/deactivate", do_deactivate, 0},
    {HERE, NULL, "/1.1/test", do_test, 0},
    {HERE, NULL, "/1.2/usage-limit", do_usage, 0},
    {HERE, NULL, "/1.2/key-sites", do_sites, 0},
    {HERE, NULL, "/1.2/get-key-stats", do_stats, 0},
    {0, NULL, NULL, NULL, 0},
};
