#include "serve/smtpd_line.h"

static struct span field(struct span *s)
{
    ptrdiff_t bar = span_chr(*s, '|');
    struct span f = span_sub(*s, 0, bar < 0 ? s->n : (size_t)bar);
    *s = span_sub(*s, bar < 0 ? s->n : (size_t)bar + 1, s->n);
    return f;
}

/* The last field; what stands before it stays, bars and all. */
static struct span last_field(struct span *s)
{
    size_t at = s->n;
    while (at && s->p[at - 1] != '|')
        at--;
    struct span f = span_sub(*s, at, s->n);
    *s = span_sub(*s, 0, at ? at - 1 : 0);
    return f;
}

static bool is_id(struct span s) { return s.n >= 1 && s.n <= SMTPD_ID_MAX; }

/* "0.6": the number after the dot; of another major version, more than any. */
static unsigned version_of(struct span s)
{
    unsigned x = 0;
    if (s.n < 3 || s.n > 5 || s.p[1] != '.' || !ascii_is_digit(s.p[0]))
        return 0;
    for (size_t i = 2; i < s.n; i++)
        x = ascii_is_digit(s.p[i]) ? x * 10 + (unsigned)(s.p[i] - '0') : x;
    return s.p[0] == '0' ? x : 1000;
}

/* "192.0.2.1:25", "[2001:db8::1]:25", "[IPv6:...]", "unix:/path", "local". */
static void read_source(struct span s, struct smtpd_line *out)
{
    out->is_local = span_istarts(s, SPAN_LIT("unix:")) || span_ieq(s, SPAN_LIT("local"));
    if (out->is_local)
        return;
    if (s.n && s.p[0] == '[') {
        ptrdiff_t end = span_chr(s, ']');
        s = end > 0 ? span_sub(s, 1, (size_t)end) : SPAN_NONE;
        out->addr = span_istarts(s, SPAN_LIT("ipv6:")) ? span_sub(s, 5, s.n) : s;
        return;
    }
    ptrdiff_t colon = span_chr(s, ':');
    bool more = colon >= 0 && span_chr(span_sub(s, (size_t)colon + 1, s.n), ':') >= 0; /* IPv6 without brackets */
    out->addr = colon < 0 || more ? s : span_sub(s, 0, (size_t)colon);
}

static void read_result(struct span rest, bool is_behind, struct smtpd_line *out)
{
    struct span result = is_behind ? last_field(&rest) : field(&rest);
    out->is_good = span_eq(result, SPAN_LIT("ok")) || span_eq(result, SPAN_LIT("pass"));
    out->text = rest;
}

static void read_report(struct span event, struct span rest, struct smtpd_line *out)
{
    static const struct { const char *name; enum smtpd_kind kind; } events[] = {
        {"link-connect", SMTPD_CONNECT}, {"link-disconnect", SMTPD_DISCONNECT}, {"link-identify", SMTPD_IDENTIFY},
        {"link-auth", SMTPD_AUTH}, {"tx-reset", SMTPD_TX_RESET}, {"tx-begin", SMTPD_TX_BEGIN}, {"tx-mail", SMTPD_TX_MAIL},
        {"tx-rcpt", SMTPD_TX_RCPT}, {"protocol-client", SMTPD_COMMAND},
    };
    out->sid = field(&rest);
    if (!is_id(out->sid))
        return;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (span_eq(event, span_str(events[i].name)))
            out->kind = events[i].kind;
    switch (out->kind) {
    case SMTPD_CONNECT:
        out->text = field(&rest);
        out->is_good = span_eq(field(&rest), SPAN_LIT("pass"));
        read_source(field(&rest), out);
        break;
    case SMTPD_IDENTIFY: /* HELO or EHLO, then the name; the oldest had the name alone */
        if (span_istarts(rest, SPAN_LIT("HELO|")) || span_istarts(rest, SPAN_LIT("EHLO|")))
            field(&rest);
        out->text = rest;
        break;
    case SMTPD_AUTH: read_result(rest, out->version < 7, out); break;
    case SMTPD_TX_MAIL:
    case SMTPD_TX_RCPT:
        field(&rest); /* the message's id */
        read_result(rest, out->version < 6, out);
        break;
    default: out->text = rest;
    }
}

static void read_filter(struct span phase, struct span rest, struct smtpd_line *out)
{
    out->sid = field(&rest);
    out->token = field(&rest);
    if (!is_id(out->sid) || !is_id(out->token))
        return;
    out->text = rest;
    out->kind = span_eq(phase, SPAN_LIT("data-line")) ? SMTPD_DATA_LINE
                : span_eq(phase, SPAN_LIT("commit"))  ? SMTPD_COMMIT
                                                      : SMTPD_FILTER_OTHER;
}

void smtpd_line_read(struct span line, struct smtpd_line *out)
{
    *out = (struct smtpd_line){.kind = SMTPD_OTHER};
    struct span rest = line, stream = field(&rest);
    if (span_eq(stream, SPAN_LIT("config"))) {
        out->kind = span_eq(rest, SPAN_LIT("ready")) ? SMTPD_CONFIG_READY : SMTPD_CONFIG;
        return;
    }
    bool is_report = span_eq(stream, SPAN_LIT("report"));
    if (!is_report && !span_eq(stream, SPAN_LIT("filter")))
        return;
    out->version = version_of(field(&rest));
    field(&rest); /* the time */
    if (!span_eq(field(&rest), SPAN_LIT("smtp-in")))
        return;
    struct span what = field(&rest);
    if (is_report)
        read_report(what, rest, out);
    else
        read_filter(what, rest, out);
}
