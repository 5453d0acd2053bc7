/* The clauses of a Received field, whoever wrote it.
 *
 * Outside comments a field is words: `from` and what the client called itself (or its name, or its address), `by`, `via`, `with`, `id`, `for`,
 * then `;` and the date. What the receiving host saw of the client stands in comments of the from clause, in one of these shapes:
 *   Postfix, Sendmail, Haraka   HELO (name [address])          Sendmail also ([address] (may be forged)), (IDENT:user@name [address])
 *   Exim                        name ([address] helo=HELO)     or [address] (port=1 helo=HELO), or name ([address]:1)
 *   qmail, qpsmtpd              name (HELO helo) (user@address)
 *   CommuniGate                 [address] (account x HELO helo)  or ([address] verified)
 *   Exchange, Domino, MDaemon   HELO (address), HELO ([address])
 *   IMail                       HELO [address]
 *   zmailer                     name ([address]:1 "EHLO helo" ident: x)
 *   Courier                     name (name [::ffff:address])
 * The client chooses its HELO, so a HELO's brackets are never taken for an address while the receiver's own are there. */
#include "sender/received.h"

#include "mail/date.h"

enum { FIELD_BYTES = 8192 };

enum clause { CLAUSE_NONE, CLAUSE_FROM, CLAUSE_BY, CLAUSE_VIA, CLAUSE_WITH, CLAUSE_ID, CLAUSE_FOR };

struct client {
    struct span first;       /* the word after `from` */
    struct span said;        /* after helo=, HELO, EHLO */
    struct span name;        /* before the address in a comment */
    struct ip seen, bare, loose; /* in a comment's brackets; in a comment; in brackets outside of comments */
    bool is_exim;
};

/* Addresses may come in brackets, with a zone (Exchange) and, of IPv4, with a port. */
static bool address_of(struct span w, struct ip *out)
{
    w = span_trim(w);
    if (w.n && w.p[0] == '[') {
        ptrdiff_t end = span_chr(w, ']');
        w = span_sub(w, 1, end < 0 ? w.n : (size_t)end);
    }
    ptrdiff_t zone = span_chr(w, '%'), colon = span_chr(w, ':');
    if (zone > 0)
        w = span_sub(w, 0, (size_t)zone);
    else if (colon > 0 && span_chr(w, '.') >= 0 && span_chr(w, '.') < colon) /* not ::ffff:192.0.2.1 */
        w = span_sub(w, 0, (size_t)colon);
    return w.n >= 2 && ip_read(w, out);
}

static struct span unquoted(struct span w)
{
    while (w.n && (w.p[0] == '"' || w.p[0] == '<'))
        w = span_sub(w, 1, w.n);
    while (w.n && (w.p[w.n - 1] == '"' || w.p[w.n - 1] == '>' || w.p[w.n - 1] == ','))
        w = span_sub(w, 0, w.n - 1);
    return w;
}

/* The next word of a comment; an opening bracket goes with all up to its end. */
static struct span comment_word(struct span c, size_t *at)
{
    size_t i = *at;
    while (i < c.n && (ascii_is_space(c.p[i]) || c.p[i] == '(' || c.p[i] == ')'))
        i++;
    size_t from = i;
    while (i < c.n && !(ascii_is_space(c.p[i]) || c.p[i] == '(' || c.p[i] == ')')) {
        if (c.p[i] == '[')
            while (i + 1 < c.n && c.p[i] != ']')
                i++;
        i++;
    }
    *at = i;
    return span_sub(c, from, i);
}

static bool is_helo_word(struct span w)
{
    w = unquoted(w);
    return span_ieq(w, SPAN_LIT("helo")) || span_ieq(w, SPAN_LIT("ehlo")) || span_ieq(w, SPAN_LIT("lhlo"));
}

/* user@name, IDENT:user@name, name. -> name */
static struct span host_of(struct span w)
{
    for (size_t i = w.n; i > 0; i--)
        if (w.p[i - 1] == '@') {
            w = span_sub(w, i, w.n);
            break;
        }
    while (w.n && w.p[w.n - 1] == '.')
        w = span_sub(w, 0, w.n - 1);
    return w;
}

static bool is_name(struct span w)
{
    bool dot = false;
    for (size_t i = 0; i < w.n; i++) {
        dot |= w.p[i] == '.';
        if (!ascii_is_alnum(w.p[i]) && w.p[i] != '.' && w.p[i] != '-' && w.p[i] != '_' && w.p[i] < 0x80)
            return false;
    }
    struct ip ip;
    return dot && w.n <= 255 && !ip_read(w, &ip);
}

static void client_comment(struct client *c, struct span text)
{
    struct span name = SPAN_NONE;
    for (size_t at = 0; at < text.n;) {
        struct span w = comment_word(text, &at);
        ptrdiff_t open = span_chr(w, '[');
        struct ip ip;
        if (w.n == 0)
            break;
        if (span_istarts(w, SPAN_LIT("helo=")) || span_istarts(w, SPAN_LIT("ehlo="))) {
            c->said = c->said.n ? c->said : unquoted(span_sub(w, 5, w.n));
        } else if (is_helo_word(w)) {
            w = comment_word(text, &at);
            c->said = c->said.n ? c->said : unquoted(w);
        } else if (open >= 0 && address_of(span_sub(w, (size_t)open, w.n), &ip)) {
            if (ip_is_zero(&c->seen)) {
                c->seen = ip;
                c->name = open > 0 ? host_of(span_sub(w, 0, (size_t)open)) : name;
            }
        } else if (ip_is_zero(&c->bare) && address_of(host_of(w), &ip)) {
            c->bare = ip;
        } else if (!name.n && is_name(host_of(w))) {
            name = host_of(w);
        }
    }
}

/* ---- words outside comments ---- */

static enum clause clause_of(struct span w, bool is_first)
{
    static const struct { const char *word; enum clause c; } t[] = {
        {"by", CLAUSE_BY}, {"via", CLAUSE_VIA}, {"with", CLAUSE_WITH}, {"id", CLAUSE_ID}, {"for", CLAUSE_FOR},
    };
    if (is_first && span_ieq(w, SPAN_LIT("from")))
        return CLAUSE_FROM;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (span_ieq(w, span_str(t[i].word)))
            return t[i].c;
    return CLAUSE_NONE;
}

static void clause_value(struct received *r, struct client *c, enum clause in, struct span w)
{
    struct span plain = unquoted(w);
    switch (in) {
    case CLAUSE_FROM: c->first = w; break;
    case CLAUSE_BY: r->by = plain; break;
    case CLAUSE_WITH:
    case CLAUSE_VIA:
        if (!r->with.n || in == CLAUSE_WITH)
            r->with = plain;
        break;
    case CLAUSE_ID: r->id = plain; break;
    case CLAUSE_FOR:
        if (span_chr(plain, '@') > 0)
            r->for_addr = plain;
        break;
    case CLAUSE_NONE: break;
    }
}

/* The end of the comment that opens at i; parentheses nest, and one that is never closed reaches to the end. */
static size_t comment_end(struct span s, size_t i)
{
    unsigned depth = 0;
    for (; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '(')
            depth++;
        else if (s.p[i] == ')' && --depth == 0)
            return i + 1;
    }
    return s.n;
}

static size_t word_end(struct span s, size_t i)
{
    uint8_t close = s.p[i] == '<' ? '>' : s.p[i] == '[' ? ']' : s.p[i] == '"' ? '"' : 0;
    if (close)
        for (size_t k = i + 1; k < s.n && s.p[k] != '\n'; k++)
            if (s.p[k] == close) {
                i = k + 1;
                break;
            }
    while (i < s.n && !ascii_is_space(s.p[i]) && s.p[i] != '(' && s.p[i] != ';')
        i++;
    return i;
}

static bool read_time(struct received *r, struct span rest)
{
    struct mail_date d;
    if (!date_read(rest, &d))
        return false;
    r->unix_s = d.unix_s;
    r->has_time = true;
    return true;
}

static bool tells_tls(struct span s)
{
    static const char *const mark[] = {"version=tls", "using tls", "version=ssl", "(tls"};
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++)
        if (span_ifind(s, span_str(mark[i])) >= 0)
            return true;
    return false;
}

static bool is_tls_protocol(struct span with)
{
    static const char *const name[] = {"esmtps", "esmtpsa", "smtps", "lmtps", "lmtpsa", "utf8smtps", "utf8smtpsa"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (span_ieq(with, span_str(name[i])))
            return true;
    return false;
}

/* What was learnt of the client, put together. */
static void settle(struct received *r, const struct client *c)
{
    struct ip first;
    bool is_literal = c->first.n && address_of(c->first, &first);
    r->ip = !ip_is_zero(&c->seen) ? c->seen : !ip_is_zero(&c->bare) ? c->bare : !ip_is_zero(&c->loose) ? c->loose
            : is_literal                                                                               ? first
                                                                                                       : r->ip;
    bool first_is_name = !is_literal && is_name(host_of(c->first));
    if (c->said.n) {
        r->helo = c->said;
        r->name = first_is_name ? host_of(c->first) : c->name;
    } else {
        r->helo = span_ieq(c->first, SPAN_LIT("unknown")) ? SPAN_NONE : unquoted(c->first);
        r->name = c->name.n || !c->is_exim || !first_is_name ? c->name : host_of(c->first);
    }
    if (c->is_exim && is_literal && !c->said.n)
        r->helo = SPAN_NONE; /* Exim tells of no HELO; what stands there is the address */
}

bool received_read(struct span value, struct received *out)
{
    struct received r = {0};
    struct client c = {0};
    enum clause in = CLAUSE_NONE, want = CLAUSE_NONE;
    bool is_first = true;
    struct span s = span_sub(value, 0, FIELD_BYTES);
    for (size_t i = 0; i < s.n;) {
        if (ascii_is_space(s.p[i])) {
            i++;
        } else if (s.p[i] == '(') {
            size_t end = comment_end(s, i);
            struct span text = span_sub(s, i + 1, end);
            if (in == CLAUSE_FROM)
                client_comment(&c, text);
            else
                c.is_exim |= span_istarts(text, SPAN_LIT("exim"));
            r.is_tls |= tells_tls(span_sub(s, i, end));
            i = end;
        } else if (s.p[i] == ';') {
            if (read_time(&r, span_sub(s, ++i, s.n)))
                break;
        } else {
            size_t end = word_end(s, i);
            struct span w = span_sub(s, i, end);
            i = end;
            enum clause next = want == CLAUSE_NONE ? clause_of(w, is_first) : CLAUSE_NONE;
            if (want != CLAUSE_NONE) {
                clause_value(&r, &c, want, w);
                want = CLAUSE_NONE;
            } else if (next != CLAUSE_NONE) {
                in = want = next;
                r.has_from |= next == CLAUSE_FROM;
            } else if (in == CLAUSE_FROM && w.p[0] == '[' && ip_is_zero(&c.loose)) {
                address_of(w, &c.loose);
            }
            is_first = false;
        }
    }
    if (r.has_from)
        settle(&r, &c);
    r.is_tls |= is_tls_protocol(r.with);
    *out = r;
    return r.has_from || r.by.n || r.has_time;
}
