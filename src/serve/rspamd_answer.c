/* What the gate answered, in rspamd's words. */
#include <math.h>
#include <stdio.h>

#include "base/jsonout.h"
#include "mail/url.h"
#include "serve/mark.h"
#include "serve/rspamd_proto.h"
#include "serve/spamd_answer.h"

enum { URLS_LOOKED_AT = 128 };

static const char *const action_names[ACTIONS] = {
    [ACTION_NONE] = "no action",      [ACTION_TAG] = "add header",        [ACTION_REWRITE] = "rewrite subject",
    [ACTION_DEFER] = "soft reject",   [ACTION_QUARANTINE] = "quarantine", [ACTION_REJECT] = "reject",
    [ACTION_DISCARD] = "discard",
};

const char *rspamd_action_name(enum action a) { return action_names[a]; }

static long hundredths(double bits) { return lround(fmax(-1e9, fmin(1e9, bits)) * 100); }

double rspamd_score(double bits) { return (double)hundredths(bits) / 100; }

double rspamd_required(const struct gate_answer *a)
{
    static const enum action harshest_first[] = {ACTION_REJECT, ACTION_DISCARD, ACTION_QUARANTINE, ACTION_DEFER, ACTION_REWRITE,
                                                 ACTION_TAG};
    for (size_t i = 0; i < sizeof harshest_first / sizeof *harshest_first; i++)
        if (isfinite(a->action_bits[harshest_first[i]]))
            return rspamd_score(a->action_bits[harshest_first[i]]);
    return rspamd_score(a->verdict.threshold_bits);
}

size_t rspamd_symbols(const struct verdict *v, struct rspamd_symbol out[REASONS_MAX])
{
    char name[REASONS_MAX][SYMBOL_NAME];
    double bits[REASONS_MAX];
    long rounded[REASONS_MAX];
    for (size_t i = 0; i < v->n_reasons; i++)
        bits[i] = v->reason[i].bits;
    reason_round(bits, v->n_reasons, v->bits, rounded);
    symbol_names(v, name);
    for (size_t i = 0; i < v->n_reasons; i++) {
        memcpy(out[i].name, name[i], sizeof out[i].name);
        out[i].score = (double)rounded[i] / 100;
        out[i].text = v->reason[i].text;
    }
    return v->n_reasons;
}

/* x with two or six decimals; printf would cost more than all else that is done here. */
static void put_decimal(struct buf *b, double x, unsigned decimals)
{
    char text[40], *p = text + sizeof text;
    double scaled = fabs(x) * (decimals == 6 ? 1e6 : 1e2);
    uint64_t n = (uint64_t)(fmin(scaled, 1e15) + 0.5);
    bool negative = x < 0 && n;
    for (unsigned i = 0; n || i <= decimals; i++, n /= 10) {
        if (i == decimals)
            *--p = '.';
        *--p = (char)('0' + n % 10);
    }
    if (negative)
        *--p = '-';
    buf_add(b, p, (size_t)(text + sizeof text - p));
}

static void add_number(struct buf *b, const char *name, double x, bool is_first)
{
    json_name(b, name, is_first);
    put_decimal(b, x, 2);
}

static void add_text(struct buf *b, const char *name, struct span s, bool is_first)
{
    json_name(b, name, is_first);
    json_string(b, s);
}

static void add_thresholds(struct buf *b, const struct gate_answer *a)
{
    bool first = true;
    buf_add_str(b, ",\"thresholds\":{");
    for (int i = ACTIONS - 1; i > ACTION_NONE; i--)
        if (isfinite(a->action_bits[i])) {
            add_number(b, action_names[i], rspamd_score(a->action_bits[i]), first);
            first = false;
        }
    buf_add_byte(b, '}');
}

static void add_symbols(struct buf *b, const struct gate_answer *a)
{
    struct rspamd_symbol s[REASONS_MAX];
    size_t n = rspamd_symbols(&a->verdict, s);
    buf_add_str(b, ",\"symbols\":{");
    for (size_t i = 0; i < n; i++) { /* names and numbers need no escapes */
        buf_add_str(b, i ? ",\"" : "\"");
        buf_add_str(b, s[i].name);
        buf_add_str(b, "\":{\"name\":\"");
        buf_add_str(b, s[i].name);
        buf_add_str(b, "\",\"score\":");
        put_decimal(b, s[i].score, 2);
        buf_add_str(b, ",\"metric_score\":");
        put_decimal(b, s[i].score, 2);
        buf_add_str(b, ",\"description\":");
        json_string(b, span_str(s[i].text));
        buf_add_str(b, ",\"options\":["); /* what rspamc shows */
        json_string(b, span_str(s[i].text));
        buf_add_str(b, "]}");
    }
    buf_add_byte(b, '}');
}

/* What a mail server says to the one who sends it. */
static const char *smtp_message(enum action action)
{
    switch (action) {
    case ACTION_DEFER: return "Try again later";
    case ACTION_QUARANTINE:
    case ACTION_REJECT: return "Message refused as spam";
    default: return NULL;
    }
}

/* The subject with the policy's prefix, as the header would hold it but on one line. False: it stays as it is. */
static bool new_subject(const struct gate_answer *a, const struct mark *m, struct buf *out)
{
    const struct field *f = a->message ? message_field(a->message, FIELD_SUBJECT) : NULL;
    if (!m->prefix || !mark_subject(f ? f->raw : SPAN_NONE, m->prefix, "\n", out))
        return false;
    for (size_t i = 0; i < out->n; i++)
        if (out->p[i] < ' ' || out->p[i] == 127)
            out->p[i] = ' ';
    return !buf_error(out);
}

static void add_subject(struct buf *b, const struct gate_answer *a, const struct mark *m)
{
    struct buf text;
    buf_init(&text, 64 << 10);
    if (new_subject(a, m, &text))
        add_text(b, "subject", buf_span(&text), false);
    buf_deinit(&text);
}

/* One value a name, never a list, and remove_headers in small whole numbers: some clients decode nothing else. 0: all of them. */
static void add_milter(struct buf *b, const struct gate_answer *a, const struct mark *m)
{
    buf_add_str(b, ",\"milter\":{\"add_headers\":{");
    for (size_t i = 0; i < m->n; i++)
        buf_add_fmt(b, "%s\"%s\":{\"value\":\"%s\",\"order\":0}", i ? "," : "", m->field[i].name, m->field[i].value);
    buf_add_str(b, "},\"remove_headers\":{\"X-Spam\":0,\"X-Posse\":0}");
    for (size_t i = 0; i < a->n_remove; i++) { /* whose copy is in quarantine */
        buf_add_str(b, i ? "," : ",\"del_rcpt\":[");
        json_string(b, a->remove[i]);
    }
    buf_add_str(b, a->n_remove ? "]}" : "}");
}

/* The hosts of links, each once. */
static void add_urls(struct buf *b, const struct message *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_urls && i < URLS_LOOKED_AT; i++) {
        const struct url *u = &m->url[i];
        bool again = u->host.n == 0 || (u->flags & URL_IS_MAILTO);
        for (size_t j = 0; j < i && !again; j++)
            again = span_eq(m->url[j].host, u->host);
        if (again)
            continue;
        buf_add_str(b, n ? "," : ",\"urls\":[");
        json_string(b, u->host);
        n++;
    }
    if (n)
        buf_add_byte(b, ']');
}

static struct span message_id(const struct message *m)
{
    const struct field *f = m ? message_field(m, FIELD_MESSAGE_ID) : NULL;
    return f ? rspamd_address(f->raw) : SPAN_NONE;
}

void rspamd_json(const struct gate_answer *a, unsigned level, enum policy_who who, struct buf *out)
{
    struct mark m;
    mark_of(a, level, who, &m);
    const char *said = smtp_message(a->action);
    struct span id = message_id(a->message);
    buf_add_str(out, "{\"is_skipped\":false");
    add_number(out, "score", rspamd_score(a->verdict.bits), false);
    add_number(out, "required_score", rspamd_required(a), false);
    add_text(out, "action", span_str(action_names[a->action]), false);
    add_thresholds(out, a);
    add_symbols(out, a);
    buf_add_str(out, ",\"messages\":{");
    if (said)
        add_text(out, "smtp_message", span_str(said), true);
    buf_add_byte(out, '}');
    add_subject(out, a, &m);
    if (a->message)
        add_urls(out, a->message);
    add_text(out, "message-id", id.n ? id : SPAN_LIT("undef"), false);
    buf_add_str(out, ",\"time_real\":");
    put_decimal(out, a->seconds, 6);
    add_text(out, "posse-id", span_str(a->id), false);
    add_milter(out, a, &m);
    buf_add_byte(out, '}');
}

void rspamd_text(const struct gate_answer *a, const char *version, struct buf *out)
{
    bool spam = a->action != ACTION_NONE;
    long score = hundredths(a->verdict.bits), threshold = hundredths(spamd_acts_from(a));
    struct rspamd_symbol s[REASONS_MAX];
    size_t n = rspamd_symbols(&a->verdict, s);
    if (!spam && score >= threshold)
        score = threshold - 1; /* clients compare the two numbers: neither rounding nor a dry run may make them act */
    buf_add_fmt(out, "RSPAMD/%s 0 EX_OK\r\nMetric: default; %s; %.2f / %.2f / 0.0\r\nAction: %s\r\n", version,
                spam ? "True" : "False", (double)score / 100, (double)threshold / 100, action_names[a->action]);
    for (size_t i = 0; i < n; i++)
        buf_add_fmt(out, "Symbol: %s(%.2f)\r\n", s[i].name, s[i].score);
    struct mark m;
    struct buf subject;
    mark_of(a, 0, POLICY_REMOTE, &m);
    buf_init(&subject, 64 << 10);
    if (new_subject(a, &m, &subject))
        buf_add_fmt(out, "Subject: %.*s\r\n", (int)subject.n, (const char *)subject.p);
    buf_deinit(&subject);
    buf_add_str(out, "\r\n");
}
