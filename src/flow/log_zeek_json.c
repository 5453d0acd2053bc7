/* Zeek's JSON: the values are gathered by name, then what the line is follows from "_path" or from names that only one log has. */
#include "flow/log_json.h"
#include "flow/log_text.h"
#include "flow/log_zeek_priv.h"

/* "_path" of a JSON log of open_conn says "conn": that bit is in the file's name alone. */
static bool kind_of(const struct zeek_values *l, enum flow_kind *kind, bool *is_open)
{
    /* Fields that Zeek always writes in these logs and in no other; sip has http's method, uri and status_code too. */
    static const struct { enum flow_kind kind; uint64_t any; } by[] = {
#define K(id) UINT64_C(1) << ZEEK_##id
        {FLOW_CONN, K(STATE) | K(SRC_PACKETS) | K(SRC_IP_BYTES)},
        {FLOW_DNS, K(TRANS_ID) | K(QUERY) | K(REJECTED) | K(RCODE) | K(QTYPE)},
        {FLOW_HTTP, K(REQUEST_LEN) | K(RESPONSE_LEN) | K(HOST)},
        {FLOW_TLS, K(SNI) | K(CIPHER) | K(ESTABLISHED) | K(RESUMED)},
        {FLOW_SMTP, K(HELO) | K(MAILFROM) | K(RCPTTO) | K(LAST_REPLY)},
#undef K
    };
    *is_open = false;
    if (zeek_has(l, ZEEK_PATH))
        return zeek_path(l->v[ZEEK_PATH], kind, is_open);
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        if (l->has & by[i].any) {
            *kind = by[i].kind;
            return true;
        }
    return false;
}

static void lists(const struct zeek_values *l, struct flow *f)
{
    struct json_value v;
    if (f->kind == FLOW_DNS && zeek_has(l, ZEEK_ANSWERS)) {
        struct json j = json_open(l->v[ZEEK_ANSWERS]);
        size_t n = 0;
        for (; n < FLOW_ANSWERS_MAX && json_item(&j, &v) == JSON_ITEM; n++) {
            f->dns.answer[n] = v.text;
            f->dns.ttl[n] = 0;
        }
        f->dns.n_answers = n;
        j = json_open(zeek_has(l, ZEEK_TTLS) ? l->v[ZEEK_TTLS] : SPAN_NONE);
        for (size_t i = 0; i < n && json_item(&j, &v) == JSON_ITEM; i++) {
            int64_t us = 0;
            if (log_seconds(v.text, &us) && us >= 0 && us / 1000000 <= UINT32_MAX)
                f->dns.ttl[i] = (uint32_t)(us / 1000000);
        }
    }
    if (f->kind == FLOW_SMTP && zeek_has(l, ZEEK_RCPTTO))
        for (struct json j = json_open(l->v[ZEEK_RCPTTO]); json_item(&j, &v) == JSON_ITEM;)
            f->smtp.n_rcpt++;
    if (f->kind == FLOW_HTTP && zeek_has(l, ZEEK_PROXIED)) {
        struct json j = json_open(l->v[ZEEK_PROXIED]);
        f->http.is_proxied = json_item(&j, &v) == JSON_ITEM;
    }
}

static bool put(struct zeek_values *l, uint8_t key, const struct json_value *v)
{
    if (key && v->type != JSON_NULL && v->type != JSON_OBJECT)
        zeek_put(l, key, v->text);
    return key != ZEEK_SKIP;
}

/* Names that Zeek does not write: shippers make a record of what stands before the point, or a line under it of the point. */
static bool put_id(struct zeek_values *l, struct span name, const struct json_value *v)
{
    char dotted[9] = {'i', 'd', '.'};
    if (v->type != JSON_OBJECT) {
        if (name.n != sizeof dotted || memcmp(name.p, "id_", 3) != 0)
            return true;
        memcpy(dotted + 3, name.p + 3, 6);
        put(l, zeek_key(span_of(dotted, sizeof dotted)), v);
        return true;
    }
    struct json inner = json_into(v);
    struct json_value one;
    enum json_step step;
    while ((step = json_next(&inner, &name, &one)) == JSON_ITEM)
        if (name.n == 6) {
            memcpy(dotted + 3, name.p, 6);
            put(l, zeek_key(span_of(dotted, sizeof dotted)), &one);
        }
    return step == JSON_END;
}

enum log_line zeek_json(struct zeek *z, uint8_t *line, size_t n, struct flow *out, struct log_why *why)
{
    struct zeek_values l;
    struct json j = json_open(span_of(line, n));
    struct span name;
    struct json_value v;
    enum json_step step;
    enum flow_kind kind;
    bool is_open;
    l.has = 0;
    while ((step = json_next(&j, &name, &v)) == JSON_ITEM) {
        if (!put(&l, zeek_key(name), &v) && name.n >= 2 && name.p[0] == 'i' && name.p[1] == 'd' && (name.n == 2 || name.p[2] == '_') &&
            !put_id(&l, name, &v))
            return log_broken(why, "not JSON", name, v.text);
    }
    if (step == JSON_BAD)
        return log_broken(why, "not JSON, or cut off", SPAN_NONE, SPAN_NONE);
    if (!kind_of(&l, &kind, &is_open))
        return LOG_OTHER;
    enum log_line rc = zeek_record(&l, kind, is_open || z->is_named_open, out, why);
    if (rc == LOG_RECORD && kind != FLOW_CONN)
        lists(&l, out);
    return rc;
}
