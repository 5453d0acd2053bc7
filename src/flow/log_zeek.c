/* What Zeek's TSV and JSON have in common: names of fields, what a value must be, what must be there; and the TSV itself. */
#include "flow/log_zeek.h"

#include <stdio.h>

#include "flow/log_text.h"
#include "flow/log_zeek_priv.h"

static const struct span names[ZEEK_KEYS_END] = {
    {NULL, 0},
#define X(id, name) LOG_NAME(name),
    ZEEK_KEYS(X)
#undef X
};

struct span zeek_key_name(uint8_t key) { return names[key]; }

uint8_t zeek_key(struct span s)
{
    /* The first name of each length; a unit test looks up every name. */
    static const uint8_t first[] = {1, 1, 1, 2, 7, 11, 17, 21, 26, 31, 37, 44, 47, 47, 49, 49, 49, 50, 52};
    if (s.n + 1 >= sizeof first)
        return ZEEK_SKIP;
    for (uint8_t i = first[s.n]; i < first[s.n + 1]; i++)
        if (names[i].p[s.n - 3 + (s.n < 3)] == s.p[s.n - 3 + (s.n < 3)] && memcmp(names[i].p, s.p, s.n) == 0)
            return i;
    return ZEEK_SKIP;
}

bool zeek_path(struct span path, enum flow_kind *kind, bool *is_open)
{
    static const struct { struct span path; enum flow_kind kind; bool is_open; } known[] = {
        {LOG_NAME("conn"), FLOW_CONN, false}, {LOG_NAME("dns"), FLOW_DNS, false}, {LOG_NAME("http"), FLOW_HTTP, false},
        {LOG_NAME("ssl"), FLOW_TLS, false}, {LOG_NAME("smtp"), FLOW_SMTP, false}, {LOG_NAME("open_conn"), FLOW_CONN, true},
        {LOG_NAME("open_http"), FLOW_HTTP, true}, {LOG_NAME("open_ssl"), FLOW_TLS, true},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_eq(path, known[i].path)) {
            *kind = known[i].kind;
            *is_open = known[i].is_open;
            return true;
        }
    return false;
}

uint8_t zeek_state(struct span s, const struct flow *f)
{
    static const struct { char name[8]; uint8_t is; } known[] = {
        {"S0", FLOW_STATE_TRIED}, {"SF", FLOW_STATE_CLOSED}, {"REJ", FLOW_STATE_REFUSED}, {"S1", FLOW_STATE_ESTABLISHED},
        {"S2", FLOW_STATE_ESTABLISHED}, {"S3", FLOW_STATE_ESTABLISHED}, {"RSTR", FLOW_STATE_RESET}, {"RSTOS0", FLOW_STATE_TRIED},
        {"SH", FLOW_STATE_TRIED}, {"SHR", FLOW_STATE_ESTABLISHED}, {"RSTRH", FLOW_STATE_RESET},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (s.n == strlen(known[i].name) && memcmp(s.p, known[i].name, s.n) == 0)
            return known[i].is;
    if (span_eq(s, SPAN_LIT("RSTO")))
        return f->src_bytes || f->dst_bytes ? FLOW_STATE_RESET : FLOW_STATE_REFUSED;
    if (span_eq(s, SPAN_LIT("OTH")) && f->src_packets && f->dst_packets) /* its beginning was not seen, but both spoke */
        return FLOW_STATE_ESTABLISHED;
    return FLOW_STATE_UNKNOWN;
}

static enum log_line wrong(struct log_why *why, const char *what, const struct zeek_values *l, unsigned key)
{
    return log_broken(why, what, names[key], l->v[key]);
}

static bool count(const struct zeek_values *l, unsigned key, uint64_t *out) { return !zeek_has(l, key) || log_u64(l->v[key], out); }

/* Zeek's JSON may write times as seconds, as milliseconds or as a date (LogAscii::json_timestamps). */
static bool when(struct span s, int64_t *out_us)
{
    static const int64_t most_s = 100000000000; /* the year 5138 in seconds, 1973 in milliseconds */
    if (s.n > 10 && s.p[4] == '-')
        return log_date(s, out_us);
    if (!log_seconds(s, out_us))
        return false;
    if (*out_us / 1000000 > most_s)
        *out_us /= 1000;
    return true;
}

static enum log_line common(const struct zeek_values *l, struct flow *f, struct log_why *why)
{
    if (!zeek_has(l, ZEEK_TS))
        return log_broken(why, "no time", SPAN_NONE, SPAN_NONE);
    if (!when(l->v[ZEEK_TS], &f->start_us))
        return wrong(why, "is no time", l, ZEEK_TS);
    if (!zeek_has(l, ZEEK_SRC) || !zeek_has(l, ZEEK_DST))
        return log_broken(why, "an address is missing", SPAN_NONE, SPAN_NONE);
    if (!log_ip(l->v[ZEEK_SRC], &f->src))
        return wrong(why, "is no address", l, ZEEK_SRC);
    if (!log_ip(l->v[ZEEK_DST], &f->dst))
        return wrong(why, "is no address", l, ZEEK_DST);
    if (zeek_has(l, ZEEK_SRC_PORT) && !log_port(l->v[ZEEK_SRC_PORT], &f->src_port))
        return wrong(why, "is no port", l, ZEEK_SRC_PORT);
    if (zeek_has(l, ZEEK_DST_PORT) && !log_port(l->v[ZEEK_DST_PORT], &f->dst_port))
        return wrong(why, "is no port", l, ZEEK_DST_PORT);
    if (!zeek_has(l, ZEEK_PROTO) || !log_proto(l->v[ZEEK_PROTO], &f->proto))
        f->proto = zeek_has(l, ZEEK_PROTO) ? 0 : 6; /* http, ssl and smtp do not tell: TCP */
    if (zeek_has(l, ZEEK_UID))
        f->uid = l->v[ZEEK_UID];
    if (zeek_has(l, ZEEK_LABEL))
        f->label = l->v[ZEEK_LABEL];
    return LOG_RECORD;
}

static enum log_line conn(const struct zeek_values *l, struct flow *f, struct log_why *why)
{
    if (zeek_has(l, ZEEK_DURATION) && (!log_seconds(l->v[ZEEK_DURATION], &f->duration_us) || f->duration_us < 0))
        return wrong(why, "is no duration", l, ZEEK_DURATION);
    /* Payload that is not told is none that was seen; the bytes of headers would not be of the same measure as the other lines'. */
    if (!count(l, ZEEK_SRC_BYTES, &f->src_bytes))
        return wrong(why, "is no number", l, ZEEK_SRC_BYTES);
    if (!count(l, ZEEK_DST_BYTES, &f->dst_bytes))
        return wrong(why, "is no number", l, ZEEK_DST_BYTES);
    if (!count(l, ZEEK_SRC_PACKETS, &f->src_packets))
        return wrong(why, "is no number", l, ZEEK_SRC_PACKETS);
    if (!count(l, ZEEK_DST_PACKETS, &f->dst_packets))
        return wrong(why, "is no number", l, ZEEK_DST_PACKETS);
    if (zeek_has(l, ZEEK_SERVICE))
        f->service = l->v[ZEEK_SERVICE];
    if (zeek_has(l, ZEEK_STATE))
        f->state = zeek_state(l->v[ZEEK_STATE], f);
    return LOG_RECORD;
}

static struct span text(const struct zeek_values *l, unsigned key) { return zeek_has(l, key) ? l->v[key] : SPAN_NONE; }

static enum log_line http(const struct zeek_values *l, struct flow *f, struct log_why *why)
{
    uint64_t status = 0;
    if (!count(l, ZEEK_STATUS, &status))
        return wrong(why, "is no number", l, ZEEK_STATUS);
    if (!count(l, ZEEK_REQUEST_LEN, &f->src_bytes))
        return wrong(why, "is no number", l, ZEEK_REQUEST_LEN);
    if (!count(l, ZEEK_RESPONSE_LEN, &f->dst_bytes))
        return wrong(why, "is no number", l, ZEEK_RESPONSE_LEN);
    f->http.status = status > 999 ? 0 : (uint16_t)status;
    f->http.host = text(l, ZEEK_HOST);
    f->http.uri = text(l, ZEEK_URI);
    f->http.method = text(l, ZEEK_METHOD);
    f->http.user_agent = text(l, ZEEK_USER_AGENT);
    f->http.referrer = text(l, ZEEK_REFERRER);
    f->http.is_proxied = text(l, ZEEK_PROXIED).n > 0;
    return LOG_RECORD;
}

static void tls(const struct zeek_values *l, struct flow *f)
{
    f->tls.sni = text(l, ZEEK_SNI);
    f->tls.ja3 = text(l, ZEEK_JA3);
    f->tls.ja3s = text(l, ZEEK_JA3S);
    f->tls.subject = text(l, ZEEK_SUBJECT);
    f->tls.issuer = text(l, ZEEK_ISSUER);
    f->tls.is_valid = span_eq(text(l, ZEEK_VALIDATION), SPAN_LIT("ok"));
    f->state = text(l, ZEEK_ESTABLISHED).n && (text(l, ZEEK_ESTABLISHED).p[0] | 0x20) == 't' ? FLOW_STATE_ESTABLISHED : FLOW_STATE_UNKNOWN;
}

enum log_line zeek_record(const struct zeek_values *l, enum flow_kind kind, bool is_open, struct flow *f, struct log_why *why)
{
    static const struct span service[FLOW_KINDS] = {{NULL, 0}, LOG_NAME("dns"), LOG_NAME("http"), LOG_NAME("ssl"), LOG_NAME("smtp")};
    log_clear(f);
    f->kind = kind;
    f->is_open = is_open;
    enum log_line rc = common(l, f, why);
    if (rc != LOG_RECORD)
        return rc;
    if (kind == FLOW_CONN)
        return conn(l, f, why);
    log_clear_kind(f);
    f->service = service[kind];
    switch (kind) {
    case FLOW_DNS:
        if (zeek_has(l, ZEEK_RTT) && (!log_seconds(l->v[ZEEK_RTT], &f->duration_us) || f->duration_us < 0))
            return wrong(why, "is no duration", l, ZEEK_RTT);
        f->dns.query = text(l, ZEEK_QUERY);
        f->dns.type = text(l, zeek_has(l, ZEEK_QTYPE_NAME) ? ZEEK_QTYPE_NAME : ZEEK_QTYPE);
        f->dns.rcode = text(l, zeek_has(l, ZEEK_RCODE_NAME) ? ZEEK_RCODE_NAME : ZEEK_RCODE);
        return LOG_RECORD;
    case FLOW_HTTP: return http(l, f, why);
    case FLOW_TLS: tls(l, f); return LOG_RECORD;
    case FLOW_SMTP:
        f->smtp.helo = text(l, ZEEK_HELO);
        f->smtp.from = text(l, ZEEK_MAILFROM);
        f->smtp.last_reply = text(l, ZEEK_LAST_REPLY);
        f->smtp.is_tls = text(l, ZEEK_TLS).n && (text(l, ZEEK_TLS).p[0] | 0x20) == 't';
        return LOG_RECORD;
    default: return LOG_OTHER;
    }
}

void zeek_init(struct zeek *z, bool name_is_open)
{
    memset(z, 0, sizeof *z);
    z->separator = '\t';
    z->set_separator = ',';
    z->is_named_open = name_is_open;
    memcpy(z->unset, "-", 1);
    memcpy(z->empty, "(empty)", 7);
    z->unset_n = 1;
    z->empty_n = 7;
}

static void set_text(char *to, size_t *n, struct span s)
{
    if (s.n <= 15) {
        if (s.n)
            memcpy(to, s.p, s.n);
        *n = s.n;
    }
}

static void set_columns(struct zeek *z, struct span rest)
{
    struct span name;
    memset(z->column, ZEEK_SKIP, sizeof z->column);
    z->n_columns = z->last = 0;
    for (; log_field(&rest, z->separator, &name); z->n_columns++) {
        uint8_t key = z->n_columns < ZEEK_COLUMNS ? zeek_key(name) : ZEEK_SKIP;
        if (key == ZEEK_SKIP)
            continue;
        z->column[z->n_columns] = key;
        z->last = z->n_columns + 1;
    }
    z->has_fields = true;
}

/* "#path<tab>conn"; "#separator \x09" alone has a blank in between. */
static void header(struct zeek *z, struct span line)
{
    struct span rest = line, what;
    if (span_istarts(line, SPAN_LIT("#separator ")) && line.n > 11) {
        struct span s = span_sub(line, 11, line.n);
        uint8_t copy[4] = {0};
        memcpy(copy, s.p, s.n < 4 ? s.n : 4);
        zeek_init(z, z->is_named_open); /* a log begins */
        if (log_unescape(copy, s.n < 4 ? s.n : 4).n == 1)
            z->separator = copy[0];
        return;
    }
    if (!log_field(&rest, z->separator, &what))
        return;
    if (span_eq(what, SPAN_LIT("#set_separator")) && rest.n == 1)
        z->set_separator = rest.p[0];
    else if (span_eq(what, SPAN_LIT("#unset_field")))
        set_text(z->unset, &z->unset_n, rest);
    else if (span_eq(what, SPAN_LIT("#empty_field")))
        set_text(z->empty, &z->empty_n, rest);
    else if (span_eq(what, SPAN_LIT("#path")))
        z->is_of_use = zeek_path(rest, &z->kind, &z->is_open);
    else if (span_eq(what, SPAN_LIT("#fields")))
        set_columns(z, rest);
}

static bool is_set(const struct zeek *z, struct span v)
{
    return !(v.n == z->unset_n && memcmp(v.p, z->unset, v.n) == 0);
}

static struct span plain(const struct zeek *z, struct span v)
{
    return v.n == z->empty_n && memcmp(v.p, z->empty, v.n) == 0 ? span_of(v.p, 0) : v;
}

static void lists(const struct zeek *z, const struct zeek_values *l, struct flow *f)
{
    struct span rest = text(l, ZEEK_ANSWERS), v;
    if (f->kind == FLOW_DNS && rest.n) {
        size_t n = 0;
        while (n < FLOW_ANSWERS_MAX && log_field(&rest, z->set_separator, &v)) {
            f->dns.ttl[n] = 0;
            f->dns.answer[n++] = log_unescape((uint8_t *)v.p, v.n);
        }
        f->dns.n_answers = n;
        rest = text(l, ZEEK_TTLS);
        for (size_t i = 0; i < n && rest.n && log_field(&rest, z->set_separator, &v); i++) {
            int64_t us = 0;
            if (log_seconds(v, &us) && us >= 0 && us / 1000000 <= UINT32_MAX)
                f->dns.ttl[i] = (uint32_t)(us / 1000000);
        }
    }
    rest = text(l, ZEEK_RCPTTO);
    if (f->kind == FLOW_SMTP && rest.n)
        while (log_field(&rest, z->set_separator, &v))
            f->smtp.n_rcpt++;
}

/* Of the texts that a record keeps, those in which an escape may stand; lists are split before they are unescaped. */
static void unescape(struct flow *f)
{
#define PLAIN(s) ((s) = log_unescape((uint8_t *)(s).p, (s).n))
    switch (f->kind) {
    case FLOW_DNS: PLAIN(f->dns.query); break;
    case FLOW_HTTP:
        PLAIN(f->http.host), PLAIN(f->http.uri), PLAIN(f->http.method), PLAIN(f->http.user_agent), PLAIN(f->http.referrer);
        break;
    case FLOW_TLS: PLAIN(f->tls.sni), PLAIN(f->tls.subject), PLAIN(f->tls.issuer); break;
    case FLOW_SMTP: PLAIN(f->smtp.helo), PLAIN(f->smtp.from), PLAIN(f->smtp.last_reply); break;
    default: break;
    }
#undef PLAIN
}

static enum log_line columns_differ(size_t got, size_t wanted, struct log_why *why)
{
    if (why)
        snprintf(why->text, sizeof why->text, "%zu columns in place of %zu", got, wanted);
    return LOG_BROKEN;
}

enum log_line zeek_tsv(struct zeek *z, uint8_t *line, size_t n, struct flow *out, struct log_why *why)
{
    struct zeek_values l;
    struct span rest = span_of(line, n), v;
    size_t i = 0;
    if (n == 0)
        return LOG_NOTHING;
    if (line[0] == '#') {
        header(z, rest);
        return LOG_NOTHING;
    }
    if (!z->has_fields)
        return log_broken(why, "no #fields line came before", SPAN_NONE, SPAN_NONE);
    if (!z->is_of_use)
        return LOG_OTHER;
    l.has = 0;
    for (; i < z->last && log_field(&rest, z->separator, &v); i++)
        if (z->column[i] && is_set(z, v))
            zeek_put(&l, z->column[i], plain(z, v));
    while (log_field(&rest, z->separator, &v))
        i += v.n || rest.p; /* an empty last column more is somebody's blank at the end of the line */
    if (i != z->n_columns)
        return columns_differ(i, z->n_columns, why);
    enum log_line rc = zeek_record(&l, z->kind, z->is_open || z->is_named_open, out, why);
    if (rc == LOG_RECORD && out->kind != FLOW_CONN) {
        lists(z, &l, out);
        unescape(out);
    }
    return rc;
}
