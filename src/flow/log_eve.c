#include "flow/log_eve.h"

#include "flow/log_json.h"
#include "flow/log_text.h"

/* The line's own names, and the inner objects with what is taken of them. */
enum name { SKIP, TIMESTAMP, FLOW_ID, EVENT, SRC, SRC_PORT, DST, DST_PORT, PROTO, APP, FLOW, NETFLOW, TCP, DNS, HTTP, TLS, SMTP, NAMES };
struct event { struct json_value v[NAMES]; uint64_t has; };

static enum name name_of(struct span s)
{
    static const struct { struct span text; enum name is; } names[] = {
        {LOG_NAME("timestamp"), TIMESTAMP}, {LOG_NAME("flow_id"), FLOW_ID}, {LOG_NAME("event_type"), EVENT}, {LOG_NAME("src_ip"), SRC},
        {LOG_NAME("src_port"), SRC_PORT}, {LOG_NAME("dest_ip"), DST}, {LOG_NAME("dest_port"), DST_PORT}, {LOG_NAME("proto"), PROTO},
        {LOG_NAME("app_proto"), APP}, {LOG_NAME("flow"), FLOW}, {LOG_NAME("netflow"), NETFLOW}, {LOG_NAME("tcp"), TCP},
        {LOG_NAME("dns"), DNS}, {LOG_NAME("http"), HTTP}, {LOG_NAME("tls"), TLS}, {LOG_NAME("smtp"), SMTP},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (s.n == names[i].text.n && memcmp(s.p, names[i].text.p, s.n) == 0)
            return names[i].is;
    return SKIP;
}

static bool is(struct span s, const char *text) { return span_eq(s, span_str(text)); }
static struct span of(const struct event *e, enum name n) { return e->has >> n & 1 ? e->v[n].text : SPAN_NONE; }

static bool begin(const struct event *e, enum name n, struct json *j)
{
    if (!(e->has >> n & 1) || e->v[n].type != JSON_OBJECT)
        return false;
    *j = json_into(&e->v[n]);
    return true;
}

static uint64_t count(struct span s)
{
    uint64_t x = 0;
    log_u64(s, &x);
    return x;
}

/* TCP's flags that were seen, where the line tells of them. */
static void tcp(const struct event *e, bool *syn, bool *rst, bool *fin)
{
    struct json j;
    struct span name;
    struct json_value v;
    *syn = *rst = *fin = false;
    if (!begin(e, TCP, &j))
        return;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        *syn |= is(name, "syn") && v.type == JSON_TRUE;
        *rst |= is(name, "rst") && v.type == JSON_TRUE;
        *fin |= is(name, "fin") && v.type == JSON_TRUE;
    }
}

static void flow(const struct event *e, struct flow *f)
{
    struct json j;
    struct span name, state = SPAN_NONE;
    struct json_value v;
    int64_t start = f->start_us, end = 0;
    bool syn, rst, fin, is_half = !begin(e, FLOW, &j);
    if (is_half && !begin(e, NETFLOW, &j))
        return;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        if (is(name, "pkts_toserver") || is(name, "pkts"))
            f->src_packets = count(v.text);
        else if (is(name, "pkts_toclient"))
            f->dst_packets = count(v.text);
        else if (is(name, "bytes_toserver") || is(name, "bytes"))
            f->src_bytes = count(v.text);
        else if (is(name, "bytes_toclient"))
            f->dst_bytes = count(v.text);
        else if (is(name, "start"))
            log_date(v.text, &start);
        else if (is(name, "end"))
            log_date(v.text, &end);
        else if (is(name, "state"))
            state = v.text;
    }
    f->start_us = start;
    f->duration_us = end > start ? end - start : 0;
    f->is_half = is_half;
    tcp(e, &syn, &rst, &fin);
    if (is_half)
        return;
    if (f->dst_packets == 0)
        f->state = FLOW_STATE_TRIED;
    else if (rst)
        f->state = f->proto == 6 && is(state, "new") ? FLOW_STATE_REFUSED : FLOW_STATE_RESET;
    else if (is(state, "closed"))
        f->state = f->proto == 6 && f->src_packets < 3 && !fin ? FLOW_STATE_REFUSED : FLOW_STATE_CLOSED;
    else
        f->state = FLOW_STATE_ESTABLISHED;
}

static void answers(struct span list, struct flow *f)
{
    struct json all = json_open(list);
    struct json_value one, v;
    struct span name;
    while (f->dns.n_answers < FLOW_ANSWERS_MAX && json_item(&all, &one) == JSON_ITEM) {
        struct json j = json_into(&one);
        struct span data = SPAN_NONE;
        uint64_t ttl = 0;
        while (json_next(&j, &name, &v) == JSON_ITEM) {
            if (is(name, "rdata"))
                data = v.text;
            else if (is(name, "ttl"))
                ttl = count(v.text);
        }
        if (!data.n)
            continue;
        f->dns.ttl[f->dns.n_answers] = ttl > UINT32_MAX ? UINT32_MAX : (uint32_t)ttl;
        f->dns.answer[f->dns.n_answers++] = data;
    }
}

static void turn(struct flow *f)
{
    struct ip a = f->src;
    uint16_t p = f->src_port;
    f->src = f->dst, f->dst = a;
    f->src_port = f->dst_port, f->dst_port = p;
}

/* Version 2 has rrname beside type, version 3 a list of queries. */
static bool dns(const struct event *e, struct flow *f)
{
    struct json j, inner;
    struct span name, type = SPAN_NONE;
    struct json_value v, one;
    if (!begin(e, DNS, &j))
        return false;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        if (is(name, "type"))
            type = v.text;
        else if (is(name, "rrname"))
            f->dns.query = v.text;
        else if (is(name, "rrtype"))
            f->dns.type = v.text;
        else if (is(name, "rcode"))
            f->dns.rcode = v.text;
        else if (is(name, "answers") && v.type == JSON_LIST)
            answers(v.text, f);
        else if (is(name, "queries") && v.type == JSON_LIST) {
            inner = json_into(&v);
            if (json_item(&inner, &one) != JSON_ITEM || one.type != JSON_OBJECT)
                continue;
            for (inner = json_into(&one); json_next(&inner, &name, &v) == JSON_ITEM;)
                *(is(name, "rrname") ? &f->dns.query : is(name, "rrtype") ? &f->dns.type : &name) = v.text;
        }
    }
    if (f->src_port == 53 && f->dst_port != 53) /* an answer's own direction: who asked began it */
        turn(f);
    return is(type, "answer") || is(type, "response");
}

static bool http(const struct event *e, struct flow *f)
{
    struct json j;
    struct span name;
    struct json_value v;
    if (!begin(e, HTTP, &j))
        return false;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        if (is(name, "hostname"))
            f->http.host = v.text;
        else if (is(name, "url"))
            f->http.uri = v.text;
        else if (is(name, "http_method"))
            f->http.method = v.text;
        else if (is(name, "http_user_agent"))
            f->http.user_agent = v.text;
        else if (is(name, "http_refer"))
            f->http.referrer = v.text;
        else if (is(name, "status"))
            f->http.status = (uint16_t)(count(v.text) <= 999 ? count(v.text) : 0);
        else if (is(name, "length"))
            f->dst_bytes = count(v.text);
        else if (is(name, "xff"))
            f->http.is_proxied = v.text.n > 0;
    }
    return true;
}

static struct span hash_in(const struct json_value *v)
{
    struct json j = json_into(v);
    struct span name;
    struct json_value inner;
    while (v->type == JSON_OBJECT && json_next(&j, &name, &inner) == JSON_ITEM)
        if (is(name, "hash"))
            return inner.text;
    return SPAN_NONE;
}

static bool tls(const struct event *e, struct flow *f)
{
    struct json j;
    struct span name;
    struct json_value v;
    if (!begin(e, TLS, &j))
        return false;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        if (is(name, "sni"))
            f->tls.sni = v.text;
        else if (is(name, "subject"))
            f->tls.subject = v.text;
        else if (is(name, "issuerdn"))
            f->tls.issuer = v.text;
        else if (is(name, "ja3"))
            f->tls.ja3 = hash_in(&v);
        else if (is(name, "ja3s"))
            f->tls.ja3s = hash_in(&v);
    }
    return true;
}

static bool smtp(const struct event *e, struct flow *f)
{
    struct json j;
    struct span name;
    struct json_value v, one;
    if (!begin(e, SMTP, &j))
        return false;
    while (json_next(&j, &name, &v) == JSON_ITEM) {
        if (is(name, "helo"))
            f->smtp.helo = v.text;
        else if (is(name, "mail_from"))
            f->smtp.from = v.text;
        else if (is(name, "rcpt_to") && v.type == JSON_LIST)
            for (struct json list = json_into(&v); json_item(&list, &one) == JSON_ITEM;)
                f->smtp.n_rcpt++;
    }
    return true;
}

static enum log_line ends(const struct event *e, struct flow *f, struct log_why *why)
{
    if (!log_date(of(e, TIMESTAMP), &f->start_us))
        return log_broken(why, "is no time", SPAN_LIT("timestamp"), of(e, TIMESTAMP));
    if (!log_ip(of(e, SRC), &f->src))
        return log_broken(why, "is no address", SPAN_LIT("src_ip"), of(e, SRC));
    if (!log_ip(of(e, DST), &f->dst))
        return log_broken(why, "is no address", SPAN_LIT("dest_ip"), of(e, DST));
    if ((of(e, SRC_PORT).n && !log_port(of(e, SRC_PORT), &f->src_port)) || (of(e, DST_PORT).n && !log_port(of(e, DST_PORT), &f->dst_port)))
        return log_broken(why, "a port is none", SPAN_NONE, SPAN_NONE);
    if (!log_proto(of(e, PROTO), &f->proto))
        f->proto = 0;
    f->uid = of(e, FLOW_ID);
    return LOG_RECORD;
}

enum log_line eve_line(uint8_t *line, size_t n, struct flow *f, struct log_why *why)
{
    static const struct { struct span name; enum flow_kind kind; struct span service; } events[] = {
        {LOG_NAME("flow"), FLOW_CONN, {NULL, 0}}, {LOG_NAME("netflow"), FLOW_CONN, {NULL, 0}}, {LOG_NAME("dns"), FLOW_DNS, LOG_NAME("dns")},
        {LOG_NAME("http"), FLOW_HTTP, LOG_NAME("http")}, {LOG_NAME("tls"), FLOW_TLS, LOG_NAME("ssl")},
        {LOG_NAME("smtp"), FLOW_SMTP, LOG_NAME("smtp")},
    };
    struct event e = {.has = 0};
    struct json j = json_open(span_of(line, n));
    struct span name;
    struct json_value v;
    enum json_step step;
    size_t i = 0;
    while ((step = json_next(&j, &name, &v)) == JSON_ITEM) {
        enum name k = name_of(name);
        if (k == SKIP || v.type == JSON_NULL)
            continue;
        e.v[k] = v;
        e.has |= UINT64_C(1) << k;
    }
    if (step == JSON_BAD)
        return log_broken(why, "not JSON, or cut off", SPAN_NONE, SPAN_NONE);
    while (i < sizeof events / sizeof *events && !span_eq(of(&e, EVENT), events[i].name))
        i++;
    if (i == sizeof events / sizeof *events)
        return LOG_OTHER;
    log_clear(f);
    f->kind = events[i].kind;
    f->service = events[i].service;
    log_clear_kind(f);
    enum log_line rc = ends(&e, f, why);
    if (rc != LOG_RECORD)
        return rc;
    switch (f->kind) {
    case FLOW_CONN:
        f->service = is(of(&e, APP), "failed") ? SPAN_NONE : is(of(&e, APP), "tls") ? SPAN_LIT("ssl") : of(&e, APP);
        flow(&e, f);
        return LOG_RECORD;
    case FLOW_DNS: return dns(&e, f) ? LOG_RECORD : LOG_OTHER;
    case FLOW_HTTP: return http(&e, f) ? LOG_RECORD : LOG_OTHER;
    case FLOW_TLS: return tls(&e, f) ? LOG_RECORD : LOG_OTHER;
    default: return smtp(&e, f) ? LOG_RECORD : LOG_OTHER;
    }
}
