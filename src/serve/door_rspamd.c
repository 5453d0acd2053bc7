/* The rspamd door: https://rspamd.com/doc/developers/protocol.html as its clients use it. What answers which path stands in the
 * table at the end. */
#include "serve/door_rspamd.h"

#include <math.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/jsonout.h"
#include "serve/zbody.h"

static const char json_type[] = "application/json";

static void request_of(const struct rspamd_request *r, bool is_trusted, struct span raw, struct gate_request *out)
{
    *out = (struct gate_request){.door = DOOR_RSPAMD, .raw = raw, .queue_id = r->queue_id};
    rspamd_envelope(r, is_trusted, &out->env, &out->who);
}

int rspamd_judge(struct gate *g, const struct rspamd_request *r, bool is_trusted, struct span raw, uint64_t *symbols_seen,
                 struct gate_answer **out, struct report *why)
{
    struct gate_request q;
    request_of(r, is_trusted, raw, &q);
    int err = gate_judge(g, &q, out, why);
    if (err)
        return err;
    const struct verdict *v = &(*out)->verdict;
    unsigned kinds = 0;
    for (size_t i = 0; i < v->n_reasons; i++)
        kinds |= 1u << v->reason[i].kind;
    for (unsigned i = 0; i < REASON_KINDS; i++)
        if (kinds & 1u << i)
            __atomic_fetch_add(&symbols_seen[i], 1, __ATOMIC_RELAXED);
    return POSSE_OK;
}

enum action rspamd_in_trouble(struct gate *g, const struct rspamd_request *r, bool is_trusted, const struct report *why)
{
    struct gate_request q;
    request_of(r, is_trusted, SPAN_NONE, &q);
    bool defer = gate_trouble(g, &q) == TROUBLE_DEFER;
    log_event(gate_log(g), LOG_ERROR, "trouble", "door", "rspamd", "why", why->text, "action", defer ? "defer" : "none", NULL);
    return defer ? ACTION_DEFER : ACTION_NONE;
}

static bool is_trusted(const struct http_context *c, const struct http_request *q)
{
    return nets_has(c->settings->trusted, (const struct sockaddr *)&q->peer->addr);
}

/* ---- scanning ---- */

static void read_headers(struct http_context *c, const struct http_request *q)
{
    rspamd_request_clear(c->rspamd);
    for (size_t i = 0; i < q->n_fields; i++)
        rspamd_header(c->rspamd, q->field[i].name, q->field[i].value);
}

/* Unpacks `in` into the connection's spare buffer if it is compressed. False: answered. */
static bool unpack(struct http_context *c, struct http_answer *a, bool is_zstd, struct span *in)
{
    if (!is_zstd)
        return true;
    size_t max = c->spare->max;
    c->spare->max = c->settings->message_bytes;
    int err = zbody_decode(*in, c->spare);
    c->spare->max = max;
    *in = buf_span(c->spare);
    if (err == POSSE_ETOOBIG) {
        counters_add(gate_counters(c->gate), DOOR_RSPAMD, METRIC_TOO_BIG, 1);
        http_answer_error(a, 413, "unpacked, the body is bigger than limits.message_bytes or its window than 8 MB");
    } else if (err) {
        counters_add(gate_counters(c->gate), DOOR_RSPAMD, METRIC_PROTOCOL_ERRORS, 1);
        http_answer_error(a, err == POSSE_ENOMEM ? 503 : 400, "the body is not one whole zstd frame");
    }
    return err == POSSE_OK;
}

/* Headers and message of the request; false: answered. */
static bool read_request(struct http_context *c, const struct http_request *q, struct http_answer *a, struct span *raw)
{
    read_headers(c, q);
    *raw = q->body;
    if (c->rspamd->err)
        http_answer_error(a, 503, "out of memory");
    else if (c->rspamd->other_coding)
        http_answer_error(a, 415, "Content-Encoding or Compression may be zstd");
    else if (q->body.n == 0 && c->rspamd->names_file)
        http_answer_error(a, 400, "File, Path and Shm are not followed: send the message as the body");
    else
        return unpack(c, a, c->rspamd->is_zstd, raw);
    return false;
}

static void pack(struct http_context *c, struct http_answer *a)
{
    struct buf packed;
    if (!c->rspamd->wants_zstd && !(c->rspamd->accepts_zstd && a->body->n > 1024))
        return;
    buf_init(&packed, a->body->max);
    if (zbody_encode(buf_span(a->body), &packed) == POSSE_OK) {
        buf_clear(a->body);
        buf_add_span(a->body, buf_span(&packed));
        http_answer_header(a, c->rspamd->wants_zstd ? "Compression" : "Content-Encoding", "zstd");
    }
    buf_deinit(&packed);
}

/* No verdict: what the policy says about such times, in words that every client understands. */
static void write_trouble(struct http_context *c, const struct http_request *q, struct http_answer *a, const struct report *why)
{
    enum action act = rspamd_in_trouble(c->gate, c->rspamd, is_trusted(c, q), why);
    buf_clear(a->body);
    buf_add_fmt(a->body, "{\"is_skipped\":true,\"score\":0.00,\"required_score\":0.00,\"action\":\"%s\",\"thresholds\":{},"
                         "\"symbols\":{},\"messages\":{%s},\"message-id\":\"undef\",\"time_real\":0.0,\"milter\":{}}",
                rspamd_action_name(act), act == ACTION_DEFER ? "\"smtp_message\":\"Try again later\"" : "");
}

static void scan(struct http_context *c, const struct http_request *q, struct http_answer *a, struct span raw)
{
    struct gate_answer *g;
    struct report why = {.code = 0};
    a->type = json_type;
    if (rspamd_judge(c->gate, c->rspamd, is_trusted(c, q), raw, c->symbols_seen, &g, &why) != POSSE_OK) {
        write_trouble(c, q, a, &why);
        return;
    }
    struct envelope env;
    enum policy_who who;
    rspamd_envelope(c->rspamd, is_trusted(c, q), &env, &who);
    rspamd_json(g, gate_level(g), who, a->body);
    gate_done(c->gate, &g);
}

static void do_check(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    struct span raw;
    if (!read_request(c, q, a, &raw))
        return;
    scan(c, q, a, raw);
    pack(c, a);
}

/* Two parts in, one part out. */
static void do_check_v3(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    static const char boundary[] = "posse-4d1f0c6b8e2a";
    struct rspamd_form form;
    struct report why;
    struct span raw;
    if (!read_request(c, q, a, &raw))
        return;
    if (c->rspamd->is_zstd || rspamd_form_read(http_field(q, "Content-Type"), raw, &form, &why) != POSSE_OK) {
        http_answer_error(a, 400, "%s", c->rspamd->is_zstd ? "compress the parts, not the body" : why.text);
        return;
    }
    bool ok = !form.metadata_zstd;
    if (!ok || rspamd_metadata(c->rspamd, form.metadata, &why) != POSSE_OK) {
        http_answer_error(a, 400, "%s", ok ? why.text : "metadata must not be compressed");
        return;
    }
    if (!unpack(c, a, form.message_zstd, &form.message))
        return;
    buf_add_fmt(a->body, "--%s\r\nContent-Disposition: form-data; name=\"result\"\r\nContent-Type: application/json\r\n\r\n", boundary);
    scan(c, q, a, form.message);
    buf_add_fmt(a->body, "\r\n--%s--\r\n", boundary);
    a->type = "multipart/mixed; boundary=\"posse-4d1f0c6b8e2a\"";
}

/* ---- rights ---- */

/* Takes the same time wherever two passwords differ, and however long they are. */
static bool same_password(struct span given, const char *wanted)
{
    uint8_t a[32], b[32];
    sha256(given, a);
    sha256(span_str(wanted), b);
    return CRYPTO_memcmp(a, b, sizeof a) == 0;
}

/* A program of this machine, by itself: what a proxy or a web page passed on is somebody else's. */
static bool is_loopback(const struct http_context *c, const struct http_request *q)
{
    if (c->rspamd->is_relayed)
        return false;
    return strcmp(q->peer->text, "unix") == 0 || address_is_loopback(span_str(q->peer->text));
}

static void refuse(struct http_context *c, const struct http_request *q, struct http_answer *a, enum metric which, unsigned status,
                   const char *text)
{
    counters_add(gate_counters(c->gate), DOOR_RSPAMD, which, 1);
    log_event(gate_log(c->gate), LOG_WARNING, which == METRIC_AUTH_FAILED ? "auth_failed" : "learn_refused", "door", "rspamd",
              "client", q->peer->text, "path", q->path, NULL);
    http_answer_error(a, status, "%s", text);
}

static bool has_password(const struct http_context *c)
{
    return c->settings->password[0] && c->rspamd->password.p && same_password(c->rspamd->password, c->settings->password);
}

/* May it teach? False: answered. */
static bool may_learn(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    if (has_password(c) || (!c->rspamd->password.p && c->settings->loopback_learns && is_loopback(c, q)))
        return true;
    if (c->settings->password[0])
        refuse(c, q, a, METRIC_AUTH_FAILED, 401, "Unauthorized: the Password header is missing or wrong");
    else
        refuse(c, q, a, METRIC_LEARN_REFUSED, 403, "learning is off here: set rspamd.password, or rspamd.loopback_learns");
    return false;
}

/* May it see numbers? */
static bool may_look(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    read_headers(c, q);
    if ((is_trusted(c, q) && !c->rspamd->is_relayed) || has_password(c))
        return true;
    refuse(c, q, a, METRIC_AUTH_FAILED, 401, "Unauthorized: not from here without the password");
    return false;
}

/* ---- learning ---- */

/* "rspamd:" and whom the client names; he is as good as the password. */
static struct span teacher_of(const struct http_context *c, const struct http_request *q, char out[64])
{
    struct span who = c->rspamd->user.n ? c->rspamd->user : span_str(q->peer->text);
    size_t n = (size_t)snprintf(out, 64, "rspamd:");
    for (size_t i = 0; i < who.n && n < 64; i++)
        out[n++] = who.p[i] > ' ' && who.p[i] < 0x7f ? (char)who.p[i] : '_';
    return span_of(out, n);
}

static void learn(struct http_context *c, const struct http_request *q, struct http_answer *a, enum lesson_class klass)
{
    struct span raw;
    char teacher[64];
    struct report why = {.code = 0};
    if (!read_request(c, q, a, &raw) || !may_learn(c, q, a))
        return;
    struct gate_teaching t = {.door = DOOR_RSPAMD, .klass = klass, .known = span_str(q->peer->text), .raw = raw, .time_ms = q->now_ms};
    t.teacher = teacher_of(c, q, teacher);
    uint64_t id;
    switch (raw.n ? gate_teach(c->gate, &t, &id, &why) : POSSE_EINVAL) {
    case POSSE_OK: http_answer_text(a, json_type, "{\"success\":true}"); break;
    case POSSE_EEXIST: http_answer_error(a, 208, "learned already as %s", klass == LESSON_SPAM ? "spam" : "ham"); break;
    case POSSE_EINVAL: a->status = 204; break;
    case POSSE_ELIMIT:
        http_answer_error(a, 429, "%s", why.text);
        http_answer_header(a, "Retry-After", "600");
        break;
    default:
        log_event(gate_log(c->gate), LOG_ERROR, "learn_failed", "door", "rspamd", "why", why.text, NULL);
        http_answer_error(a, 503, "%s", why.text);
    }
}

static void do_learn_spam(struct http_context *c, const struct http_request *q, struct http_answer *a) { learn(c, q, a, LESSON_SPAM); }
static void do_learn_ham(struct http_context *c, const struct http_request *q, struct http_answer *a) { learn(c, q, a, LESSON_HAM); }

/* ---- numbers ---- */

static int64_t over_doors(struct counters *m, enum metric which)
{
    int64_t sum = 0;
    for (int d = 0; d < DOORS; d++)
        sum += counters_get(m, (enum metric_door)d, which);
    return sum;
}

static void add_actions(struct buf *b, struct counters *m)
{
    json_name(b, "actions", false);
    for (int i = ACTIONS - 1; i >= 0; i--) {
        int64_t n = 0;
        for (int d = 0; d < DOORS; d++)
            n += counters_get_action(m, (enum metric_door)d, (enum action)i);
        buf_add_fmt(b, "%c\"%s\":%lld", i == ACTIONS - 1 ? '{' : ',', rspamd_action_name((enum action)i), (long long)n);
    }
    buf_add_byte(b, '}');
}

static void do_stat(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    struct counters *m = gate_counters(c->gate);
    struct gate_stat s;
    if (!may_look(c, q, a))
        return;
    gate_stat(c->gate, &s);
    long long learned = (long long)(s.learned_spam + s.learned_ham);
    buf_add_fmt(a->body, "{\"version\":\"" POSSE_VERSION "\",\"config_id\":\"posse\",\"read_only\":false,\"uptime\":%lld",
                (long long)(q->now_ms - s.started_ms) / 1000);
    buf_add_fmt(a->body, ",\"scanned\":%lld,\"learned\":%lld", (long long)over_doors(m, METRIC_MESSAGES), learned);
    buf_add_fmt(a->body, ",\"spam_count\":%lld,\"ham_count\":%lld", (long long)over_doors(m, METRIC_SPAM),
                (long long)over_doors(m, METRIC_HAM));
    add_actions(a->body, m);
    buf_add_fmt(a->body, ",\"connections\":%lld,\"control_connections\":%lld", (long long)counters_get(m, DOOR_RSPAMD, METRIC_CONNECTIONS),
                (long long)counters_get(m, DOOR_RSPAMD, METRIC_REQUESTS));
    buf_add_fmt(a->body, ",\"scan_times\":[],\"total_learns\":%lld,\"fuzzy_hashes\":{},\"bytes_allocated\":%llu,\"statfiles\":[", learned,
                (unsigned long long)s.model_bytes);
    buf_add_fmt(a->body, "{\"symbol\":\"POSSE_SPAM\",\"type\":\"posse\",\"revision\":%lld,\"used\":0,\"total\":0,\"size\":0,\"languages\":0,"
                         "\"users\":1},", (long long)s.learned_spam);
    buf_add_fmt(a->body, "{\"symbol\":\"POSSE_HAM\",\"type\":\"posse\",\"revision\":%lld,\"used\":0,\"total\":0,\"size\":0,\"languages\":0,"
                         "\"users\":1}]}", (long long)s.learned_ham);
}

/* How often each kind of reason was told to the clients of this door; frequency is per second, as rspamd's. */
static void do_counters(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    const char *name, *text;
    struct gate_stat s;
    if (!may_look(c, q, a))
        return;
    gate_stat(c->gate, &s);
    double seconds = q->now_ms > s.started_ms ? (double)(q->now_ms - s.started_ms) / 1000 : 1;
    buf_add_byte(a->body, '[');
    for (size_t i = 0; (name = symbol_kind(i, &text)) != NULL; i++) {
        uint64_t n = __atomic_load_n(&c->symbols_seen[i], __ATOMIC_RELAXED);
        buf_add_fmt(a->body, "%s{\"symbol\":\"%s\",\"weight\":0.0,\"frequency\":%.6f,\"frequency_stddev\":0.0,\"hits\":%llu,\"time\":0.0}",
                    i ? "," : "", name, (double)n / seconds, (unsigned long long)n);
    }
    buf_add_byte(a->body, ']');
}

static void do_symbols(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    const char *name, *text;
    if (!may_look(c, q, a))
        return;
    buf_add_str(a->body, "[{\"group\":\"posse\",\"rules\":[");
    for (size_t i = 0; (name = symbol_kind(i, &text)) != NULL; i++)
        buf_add_fmt(a->body, "%s{\"symbol\":\"%s\",\"weight\":0.0,\"description\":\"%s\",\"frequency\":0.0,\"time\":0.0}", i ? "," : "", name,
                    text);
    buf_add_str(a->body, "]}]");
}

/* The thresholds of the default policy; an action that is never taken has none. */
static void do_actions(struct http_context *c, const struct http_request *q, struct http_answer *a)
{
    double from[ACTIONS];
    bool first = true;
    if (!may_look(c, q, a))
        return;
    gate_actions(c->gate, POLICY_REMOTE, SPAN_NONE, from);
    buf_add_byte(a->body, '[');
    for (int i = ACTIONS - 1; i > ACTION_NONE; i--) {
        buf_add_fmt(a->body, "%s{\"action\":\"%s\",\"value\":", first ? "" : ",", rspamd_action_name((enum action)i));
        if (isfinite(from[i]))
            buf_add_fmt(a->body, "%.2f}", rspamd_score(from[i]));
        else
            buf_add_str(a->body, "null}");
        first = false;
    }
    buf_add_byte(a->body, ']');
}

enum { WORKER = 1 << HTTP_RSPAMD, CONTROL = 1 << HTTP_CONTROLLER };
const struct http_route rspamd_routes[] = {
    {WORKER | CONTROL, "POST", "/checkv2", do_check, 0},
    {WORKER | CONTROL, "POST", "/check", do_check, 0},
    {WORKER | CONTROL, "POST", "/symbols", do_check, 0},
    {WORKER | CONTROL, "POST", "/checkv3", do_check_v3, 0},
    {CONTROL, "POST", "/learnspam", do_learn_spam, HTTP_SLOW},
    {CONTROL, "POST", "/learnham", do_learn_ham, HTTP_SLOW},
    {CONTROL, NULL, "/stat", do_stat, HTTP_SLOW},
    {CONTROL, NULL, "/counters", do_counters, HTTP_SLOW},
    {CONTROL, "GET", "/symbols", do_symbols, 0},
    {CONTROL, "GET", "/actions", do_actions, 0},
    {0, NULL, NULL, NULL, 0},
};
