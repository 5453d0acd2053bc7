/* The route: what Received fields say of the hosts that passed the mail on. Everything below the receiver's own
 * hosts may be forged, and forgeries have a form of their own. Hosts are only put into classes. */
#include "filter/shape_priv.h"

enum { HOPS_READ = 20, HOP_BYTES = 600 };

enum helo_form { HELO_NONE, HELO_ADDRESS, HELO_SINGLE, HELO_LOCAL, HELO_FULL };

struct hop {
    struct span helo, reverse, with;
    struct span raw;
    bool unverified; /* "unknown", "may be forged" */
    bool by_http, has_from;
    enum helo_form form;
    bool dynamic;
};

/* Letters, digits and ".-:_" as bits of four words: one load and one shift a byte. */
static bool is_host_byte(uint8_t c)
{
    static const uint64_t set[4] = {UINT64_C(0x07FF600000000000), UINT64_C(0x07FFFFFE87FFFFFE), 0, 0};
    return set[c >> 6] >> (c & 63) & 1;
}

/* Numbers and dots only, as in 192.0.2.1. */
static bool is_address(struct span h)
{
    for (size_t i = 0; i < h.n; i++)
        if (!ascii_is_digit(h.p[i]) && h.p[i] != '.')
            return false;
    return h.n > 0;
}

static bool has_dot(struct span h) { return h.n && memchr(h.p, '.', h.n); }

/* Three numbers in a row with '.' or '-' between: an address written into a name. */
static bool embeds_address(struct span h)
{
    unsigned run = 0;
    bool digit = false;
    for (size_t i = 0; i < h.n; i++) {
        if (ascii_is_digit(h.p[i])) {
            run += !digit;
            digit = true;
            if (run == 3)
                return true;
        } else {
            run = digit && (h.p[i] == '.' || h.p[i] == '-') ? run : 0;
            digit = false;
        }
    }
    return false;
}

/* Names that access providers give to customers' lines. */
static bool names_line(struct span h)
{
    static const char *const word[] = {"dsl",  "dhcp",      "dial", "ppp",   "cable", "dyn",  "pool",   "client",
                                       "cust", "broadband", "catv", "modem", "user",  "home", "mobile", "static"};
    static const char firsts[] = "dpcbmuhs";
    for (size_t i = 0; i < h.n; i++) {
        if (!ascii_is_alpha(h.p[i]) || !strchr(firsts, ascii_lower(h.p[i])))
            continue;
        for (size_t w = 0; w < sizeof word / sizeof *word; w++)
            if (span_istarts(span_sub(h, i, h.n), span_str(word[w])))
                return true;
    }
    return false;
}

static bool has_digit(struct span h)
{
    for (size_t i = 0; i < h.n; i++)
        if (ascii_is_digit(h.p[i]))
            return true;
    return false;
}

static bool ends_in(struct span h, struct span tail)
{
    return h.n >= tail.n && span_ieq(span_sub(h, h.n - tail.n, h.n), tail);
}

static enum helo_form helo_form(struct span h)
{
    if (h.n == 0)
        return HELO_NONE;
    if (is_address(h) || memchr(h.p, ':', h.n))
        return HELO_ADDRESS;
    if (!has_dot(h))
        return HELO_SINGLE;
    if (ends_in(h, SPAN_LIT(".local")) || ends_in(h, SPAN_LIT(".localdomain")) || ends_in(h, SPAN_LIT(".lan")) ||
        span_istarts(h, SPAN_LIT("localhost")))
        return HELO_LOCAL;
    return HELO_FULL;
}

/* The word decides what the next one is. */
enum expect { EXPECT_NONE, EXPECT_FROM, EXPECT_HELO, EXPECT_WITH, EXPECT_VIA };

static enum expect keyword(struct hop *h, struct span w, unsigned depth)
{
    switch (ascii_lower(w.p[0])) {
    case 'w': return depth == 0 && span_ieq(w, SPAN_LIT("with")) ? EXPECT_WITH : EXPECT_NONE;
    case 'v': return depth == 0 && span_ieq(w, SPAN_LIT("via")) ? EXPECT_VIA : EXPECT_NONE;
    case 'h':
    case 'e':
        return depth && (span_ieq(w, SPAN_LIT("helo")) || span_ieq(w, SPAN_LIT("ehlo"))) ? EXPECT_HELO : EXPECT_NONE;
    case 'u':
    case 'f':
        h->unverified |= depth && (span_ieq(w, SPAN_LIT("unknown")) || span_ieq(w, SPAN_LIT("unverified")) ||
                                   span_ieq(w, SPAN_LIT("forged")));
        return EXPECT_NONE;
    default: return EXPECT_NONE;
    }
}

static enum expect take_word(struct hop *h, struct span w, unsigned depth, enum expect want, bool before_by)
{
    if (want == EXPECT_FROM || want == EXPECT_HELO) {
        h->unverified |= want == EXPECT_FROM && span_ieq(w, SPAN_LIT("unknown"));
        h->helo = w;
        return EXPECT_NONE;
    }
    if (want == EXPECT_WITH && h->with.n == 0)
        h->with = w;
    if (want == EXPECT_WITH || want == EXPECT_VIA) {
        h->by_http |= span_ieq(w, SPAN_LIT("http")) || span_ieq(w, SPAN_LIT("https"));
        return EXPECT_NONE;
    }
    if (depth && before_by && h->reverse.n == 0 && has_dot(w) && !is_address(w) && !memchr(w.p, ':', w.n))
        h->reverse = w;
    return keyword(h, w, depth);
}

static void read_hop(struct span raw, struct hop *h)
{
    *h = (struct hop){.raw = raw};
    unsigned depth = 0;
    enum expect want = EXPECT_NONE;
    bool before_by = true, first = true;
    for (size_t i = 0; i < raw.n;) {
        uint8_t c = raw.p[i];
        if (!is_host_byte(c)) {
            depth += c == '(';
            depth -= c == ')' && depth;
            if (c == ';' && depth == 0)
                break;
            i++;
            continue;
        }
        size_t from = i;
        while (i < raw.n && is_host_byte(raw.p[i]))
            i++;
        struct span w = span_sub(raw, from, i);
        if (first && span_ieq(w, SPAN_LIT("from"))) {
            h->has_from = true;
            want = EXPECT_FROM;
        } else {
            if (depth == 0 && w.n == 2 && span_ieq(w, SPAN_LIT("by")))
                before_by = false;
            want = take_word(h, w, depth, want, before_by);
        }
        first = false;
        if (!before_by && h->with.n)
            break; /* what follows is the receiver's own: id, for, date */
    }
    h->form = helo_form(h->helo);
    h->dynamic = (h->reverse.n && has_digit(h->reverse) && (names_line(h->reverse) || embeds_address(h->reverse))) ||
                 (h->form == HELO_FULL && embeds_address(h->helo));
}

/* The registered domain of x.from_domain is lower case; a Received field may not be. */
static bool within_sender(const struct shape *x, struct span host)
{
    struct span d = x->from_domain;
    return d.n && host.n >= d.n && span_ieq(span_sub(host, host.n - d.n, host.n), d) &&
           (host.n == d.n || host.p[host.n - d.n - 1] == '.');
}

static struct span lower_copy(struct span s, uint8_t buf[128])
{
    s = span_sub(s, 0, 128);
    for (size_t i = 0; i < s.n; i++)
        buf[i] = ascii_lower(s.p[i]);
    return span_of(buf, s.n);
}

static struct span last_labels(struct span h)
{
    unsigned dots = 0;
    size_t i = h.n;
    while (i > 0 && (dots += h.p[i - 1] == '.') < 2)
        i--;
    return span_sub(h, i, h.n);
}

/* The suffix list is only asked where the last two labels agree and might be a country's suffix. */
static bool same_domain(const struct shape *x, struct span a, struct span b)
{
    struct span tail = last_labels(a);
    if (!span_ieq(tail, last_labels(b)))
        return false;
    if (tail.n > 3 && tail.p[tail.n - 3] != '.')
        return true;
    uint8_t la[128], lb[128];
    a = lower_copy(a, la);
    b = lower_copy(b, lb);
    return span_eq(a, b) || shape_within(b, shape_domain(x, a));
}

static void first_hop(struct shape *x, const struct hop *h)
{
    static const char *const form[] = {
        "", "its first host calls itself by an address", "its first host calls itself by a single word",
        "its first host calls itself by a private name", "its first host calls itself by a full name"};
    static const char *const line[] = {"its first host is no customer's line", "its first host has no verified name",
                                       "its first host is on a customer's line",
                                       "its first host is on a customer's line, its name unverified"};
    static const char *const protocol[] = {"smtp",      "esmtp",    "esmtps", "esmtpa", "esmtpsa", "http",
                                           "https",     "lmtp",     "local",  "asmtp",  "mapi",    "smtpsvc",
                                           "microsoft", "utf8smtp", "qmtp",   "uucp",   "nntp",    "pop3"};
    unsigned l = h->dynamic * 2u + h->unverified;
    shape_put(x, SHAPE_KIND(SHAPE_RECEIVED, 1), h->form, form[h->form], h->raw);
    shape_put(x, SHAPE_KIND(SHAPE_RECEIVED, 2), l, line[l], h->raw);
    if (h->reverse.n && h->form == HELO_FULL)
        shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 3), same_domain(x, h->helo, h->reverse),
                   "its first host's name agrees with its address",
                   "its first host calls itself by another domain than its address has", h->raw);
    size_t p = shape_word_index(h->with, protocol, sizeof protocol / sizeof *protocol);
    if (h->with.n)
        shape_text(x, SHAPE_KIND(SHAPE_RECEIVED, 4),
                   p < sizeof protocol / sizeof *protocol ? span_str(protocol[p]) : SPAN_LIT("other"),
                   "protocol of its first hop", h->raw);
}

struct route {
    unsigned n;
    bool dynamic, unverified, address, sender, auth, http;
    struct span any;
};

static void emit_route(struct shape *x, const struct route *r)
{
    struct span at = r->any;
    shape_count(x, SHAPE_KIND(SHAPE_RECEIVED, 0), r->n, "Received fields", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 8), r->dynamic, "a customer's line is on its way",
               "no customer's line is on its way", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 9), r->unverified, "a host on its way is unverified",
               "no host on its way is marked unverified", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 10), r->address, "a host on its way calls itself by an address",
               "no host on its way calls itself by an address", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 11), r->sender, "a host of the sender's domain is on its way",
               "no host of the sender's domain is on its way", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 12), r->auth, "its author logged in", "no login on its way", at);
    shape_flag(x, SHAPE_KIND(SHAPE_RECEIVED, 13), r->http, "it was written on a web page",
               "it was not written on a web page", at);
    static const char *const cross[] = {"hosts with names, none of the sender's domain",
                                        "hosts with names, one of the sender's domain",
                                        "an unverified host, none of the sender's domain",
                                        "an unverified host and one of the sender's domain",
                                        "a customer's line, no host of the sender's domain",
                                        "a customer's line and a host of the sender's domain",
                                        "an unverified customer's line, no host of the sender's domain",
                                        "an unverified customer's line and a host of the sender's domain"};
    unsigned c = r->dynamic * 4u + r->unverified * 2u + r->sender;
    shape_put(x, SHAPE_KIND(SHAPE_RECEIVED, 14), c, cross[c], at);
}

void shape_received(struct shape *x)
{
    struct route r = {0};
    struct hop hop = {0}, last = {0};
    for (size_t i = 0; i < x->n_fields; i++) {
        if (x->field[i].id != FIELD_RECEIVED || ++r.n > HOPS_READ)
            continue;
        read_hop(span_sub(span_trim(x->field[i].raw), 0, HOP_BYTES), &hop);
        r.any = r.any.n ? r.any : hop.raw;
        if (!hop.has_from)
            continue;
        r.dynamic |= hop.dynamic;
        r.unverified |= hop.unverified;
        r.address |= hop.form == HELO_ADDRESS;
        r.sender |= within_sender(x, hop.helo) || within_sender(x, hop.reverse);
        r.auth |= span_ieq(hop.with, SPAN_LIT("esmtpsa")) || span_ieq(hop.with, SPAN_LIT("esmtpa"));
        r.http |= hop.by_http;
        last = hop;
    }
    if (r.n == 0)
        return;
    emit_route(x, &r);
    if (!hop.has_from)
        shape_put(x, SHAPE_KIND(SHAPE_RECEIVED, 5), 1, "it was handed over on the author's own host", hop.raw);
    if (last.form != HELO_NONE)
        first_hop(x, &last);
}
