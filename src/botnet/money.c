#include "botnet/money.h"

#include "mail/address.h"
#include "mail/url.h"

enum { TEXT_MOST = 256 * 1024, OWN_MOST = 32, WORD_BEFORE = 28, PHONE_LEAST = 7, PHONE_MOST = 15, VALUE_MOST = 64 };

struct money {
    struct arena *a;
    struct money_mark *out;
    size_t n, max;
    struct mailbox own[OWN_MOST]; /* the recipients' */
    size_t n_own;
};

const char *mark_kind_name(enum mark_kind k)
{
    static const char *const name[MARK_N] = {"phone", "wallet", "maildrop", "shop", "affiliate"};
    return k < MARK_N ? name[k] : "?";
}

static void add(struct money *x, enum mark_kind kind, struct span text)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->out[i].kind == kind && span_eq(x->out[i].text, text))
            return;
    if (x->n < x->max && text.n)
        x->out[x->n++] = (struct money_mark){.kind = kind, .text = text};
}

static struct span lower(struct money *x, struct span s)
{
    uint8_t *p = arena_alloc(x->a, s.n);
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return p ? span_of(p, s.n) : SPAN_NONE;
}

/* ---- mail drops ---- */

/* A mailbox that says of itself that nobody reads it. */
static bool is_unread(struct span local)
{
    static const char *const name[] = {"noreply", "donotreply", "mailerdaemon"};
    char plain[16];
    size_t n = 0;
    for (size_t i = 0; i < local.n; i++)
        if (local.p[i] != '-' && local.p[i] != '_' && local.p[i] != '.') {
            if (n + 1 == sizeof plain)
                return false;
            plain[n++] = (char)ascii_lower(local.p[i]);
        }
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (strcmp(plain, name[i]) == 0)
            return true;
    return false;
}

static void drop(struct money *x, struct span address)
{
    ptrdiff_t at = span_chr(address, '@');
    if (at <= 0 || (size_t)at + 4 > address.n || address.n > 254)
        return;
    struct span local = span_sub(address, 0, (size_t)at), domain = span_sub(address, (size_t)at + 1, address.n);
    ptrdiff_t dot = span_chr(domain, '.');
    if (dot <= 0 || (size_t)dot + 2 >= domain.n || !ascii_is_alpha(domain.p[domain.n - 1]) || is_unread(local))
        return;
    for (size_t i = 0; i < x->n_own; i++)
        if (span_ieq(local, x->own[i].local) && span_ieq(domain, x->own[i].domain))
            return;
    add(x, MARK_MAIL_DROP, lower(x, address));
}

static bool is_local_byte(uint8_t c) { return ascii_is_alnum(c) || (c && strchr("._%+-", c)); }
static bool is_domain_byte(uint8_t c) { return ascii_is_alnum(c) || c == '.' || c == '-'; }

static void drops(struct money *x, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        const uint8_t *p = memchr(text.p + i, '@', text.n - i);
        if (!p)
            return;
        i = (size_t)(p - text.p);
        size_t from = i, to = i + 1;
        while (from > 0 && i - from < 64 && is_local_byte(text.p[from - 1]))
            from--;
        while (to < text.n && is_domain_byte(text.p[to]))
            to++;
        while (to > i + 1 && !ascii_is_alnum(text.p[to - 1]))
            to--; /* the end of a sentence */
        while (from < i && !ascii_is_alnum(text.p[from]))
            from++;
        drop(x, span_sub(text, from, to));
        i = to - 1 > i ? to - 1 : i;
    }
}

/* ---- wallets ---- */

static void wallets(struct money *x, struct span text)
{
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        while (i < text.n && ascii_is_alnum(text.p[i]))
            i++;
        if (i - from >= 26 && i - from <= 90)
            add(x, MARK_WALLET, wallet_read(x->a, span_sub(text, from, i)));
        i++;
    }
}

/* ---- phone numbers ---- */

static bool has_word_before(struct span text, size_t at)
{
    static const char *const word[] = {"call", "tel", "phone", "whatsapp", "whats app", "mobile", "fax", "hotline", "helpline", "sms", "dial"};
    struct span before = span_sub(text, at > WORD_BEFORE ? at - WORD_BEFORE : 0, at);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (span_ifind(before, span_str(word[i])) >= 0)
            return true;
    return false;
}

struct number { char digit[PHONE_MOST + 2]; unsigned n, group[8], n_groups; bool plus, odd; size_t end; };

/* Digits in groups with one or two separators between; no group is longer than a number. */
static void read_number(struct span t, size_t i, struct number *out)
{
    *out = (struct number){0};
    if (t.p[i] == '+') {
        out->plus = true;
        i++;
    }
    for (unsigned gap = 0; i < t.n && gap <= 2; i++) {
        uint8_t c = t.p[i];
        if (ascii_is_digit(c)) {
            if (gap || !out->n_groups) {
                if (out->n_groups == 8)
                    break;
                out->n_groups++;
            }
            gap = 0;
            out->group[out->n_groups - 1]++;
            if (out->n <= PHONE_MOST)
                out->digit[out->n] = (char)c;
            out->n++;
            out->end = i + 1;
        } else if (c && strchr(" -().", c) && out->n_groups) {
            gap++;
        } else if (c == '(' && !out->n_groups) {
            continue;
        } else {
            out->odd = c && strchr(":/,%$#_=@", c) && i == out->end; /* a time, a date, a sum */
            break;
        }
    }
}

/* (800) 555-0100, 1-800-555-0100 */
static bool is_north_american(const struct number *n)
{
    unsigned skip = n->n == 11 && n->digit[0] == '1';
    if (n->n != 10 + skip || n->digit[skip] < '2' || n->digit[skip + 3] < '2')
        return false;
    const unsigned *g = n->group + (skip && n->n_groups == 4);
    return (n->n_groups == 3 || (skip && n->n_groups == 4)) && g[0] == 3 && g[1] == 3 && g[2] == 4;
}

static void number_mark(struct money *x, struct span text, size_t at, const struct number *n)
{
    char out[PHONE_MOST + 4];
    size_t to = 0, from = 0;
    bool country = n->plus;
    if (!country && n->n > 9 && n->digit[0] == '0' && n->digit[1] == '0' && n->digit[2] != '0') {
        country = has_word_before(text, at); /* 00 as it is dialled */
        from = country ? 2 : 0;
    }
    bool american = !country && is_north_american(n);
    if (!country && !american && !has_word_before(text, at))
        return;
    if (n->n - from < PHONE_LEAST || n->n - from > PHONE_MOST || (country && n->n - from < 8))
        return;
    if (country || american)
        out[to++] = '+';
    if (american && n->n == 10)
        out[to++] = '1';
    for (size_t i = from; i < n->n; i++)
        out[to++] = n->digit[i];
    add(x, MARK_PHONE, arena_copy(x->a, span_of(out, to)));
}

static void phones(struct money *x, struct span t)
{
    for (size_t i = 0; i < t.n; i++) {
        bool starts = ascii_is_digit(t.p[i]) || (t.p[i] == '+' && i + 1 < t.n && (ascii_is_digit(t.p[i + 1]) || t.p[i + 1] == '('));
        if (!starts)
            continue;
        struct number n;
        bool inside = i > 0 && (ascii_is_alnum(t.p[i - 1]) || strchr(".,:/%$#_=@-", t.p[i - 1]) != NULL) && t.p[i - 1];
        read_number(t, i, &n);
        inside &= !n.plus;
        bool runs_on = n.end < t.n && ascii_is_alpha(t.p[n.end]);
        if (!inside && !runs_on && !n.odd && n.n >= PHONE_LEAST && n.n <= PHONE_MOST)
            number_mark(x, t, i, &n);
        i = n.end > i ? n.end - 1 : i;
    }
}

/* ---- links ---- */

static bool is_goods_path(struct span path)
{
    static const char *const word[] = {"cart", "checkout", "basket", "shop", "store", "product", "catalog", "order", "buy", "item", "payment"};
    for (size_t i = 0; i < path.n; i++) {
        if (i && ascii_is_alnum(path.p[i - 1]))
            continue; /* words begin after a mark */
        for (size_t w = 0; w < sizeof word / sizeof *word; w++)
            if (span_istarts(span_sub(path, i, path.n), span_str(word[w])))
                return true;
    }
    return false;
}

static bool is_affiliate_name(struct span name)
{
    static const char *const known[] = {"aff", "affid", "aff_id", "affiliate", "affiliate_id", "affiliateid", "a_aid", "aid", "partner", "partnerid",
                                        "partner_id", "refid", "ref_id", "referrer_id", "subid", "sub_id", "pubid", "pub_id", "hop", "offer_id", "wmid"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_ieq(name, span_str(known[i])))
            return true;
    return false;
}

static void affiliate(struct money *x, struct span pair)
{
    ptrdiff_t eq = span_chr(pair, '=');
    if (eq <= 0)
        return;
    struct span name = span_sub(pair, 0, (size_t)eq), value = span_sub(pair, (size_t)eq + 1, pair.n);
    if (value.n == 0 || value.n > VALUE_MOST || !is_affiliate_name(name))
        return;
    for (size_t i = 0; i < value.n; i++)
        if (!ascii_is_alnum(value.p[i]) && !(value.p[i] && strchr("-_.", value.p[i])))
            return;
    uint8_t *p = arena_alloc(x->a, pair.n);
    if (!p)
        return;
    for (size_t i = 0; i < pair.n; i++)
        p[i] = i < (size_t)eq ? ascii_lower(pair.p[i]) : pair.p[i];
    add(x, MARK_AFFILIATE, span_of(p, pair.n));
}

static void link_marks(struct money *x, const struct url *u)
{
    if (u->flags & (URL_IS_DATA | URL_IS_SCRIPT))
        return;
    if (u->flags & URL_IS_MAILTO) {
        drops(x, u->raw);
        return;
    }
    if (u->domain.n && (is_goods_path(u->path) || is_goods_path(u->query)))
        add(x, MARK_SHOP, u->domain);
    for (size_t from = 0; from < u->query.n;) {
        size_t to = from;
        while (to < u->query.n && u->query.p[to] != '&' && u->query.p[to] != ';')
            to++;
        affiliate(x, span_sub(u->query, from, to));
        from = to + 1;
    }
}

/* ---- the message ---- */

static void own(struct money *x, const struct message *m)
{
    static const enum field_id id[] = {FIELD_TO, FIELD_CC, FIELD_BCC, FIELD_DELIVERED_TO};
    for (size_t i = 0; i < m->n_fields; i++)
        for (size_t k = 0; k < sizeof id / sizeof *id; k++)
            if (m->field[i].id == id[k] && m->field[i].part == 0 && x->n_own < OWN_MOST)
                x->n_own += address_list(x->a, m->field[i].raw, x->own + x->n_own, OWN_MOST - x->n_own);
}

/* Where answers go, when that is not where they seem to come from. */
static void reply_to(struct money *x, const struct message *m)
{
    const struct field *from = message_field(m, FIELD_FROM), *reply = message_field(m, FIELD_REPLY_TO);
    struct mailbox f[1] = {0}, r[4];
    if (!reply)
        return;
    if (from)
        address_list(x->a, from->raw, f, 1);
    size_t n = address_list(x->a, reply->raw, r, 4);
    for (size_t i = 0; i < n; i++) {
        if (span_ieq(r[i].local, f->local) && span_ieq(r[i].domain, f->domain))
            continue;
        uint8_t *p = arena_alloc(x->a, r[i].local.n + 1 + r[i].domain.n);
        if (!p || !r[i].local.n)
            continue;
        memcpy(p, r[i].local.p, r[i].local.n);
        p[r[i].local.n] = '@';
        if (r[i].domain.n)
            memcpy(p + r[i].local.n + 1, r[i].domain.p, r[i].domain.n);
        drop(x, span_of(p, r[i].local.n + 1 + r[i].domain.n));
    }
}

size_t money_find(struct arena *a, const struct message *m, struct money_mark *out, size_t max)
{
    struct money x = {.a = a, .out = out, .max = max};
    size_t left = TEXT_MOST;
    own(&x, m);
    for (size_t i = 0; i <= m->n_text && left; i++) { /* the subject first */
        struct span t = span_sub(i ? m->text[i - 1].visible : m->subject, 0, left);
        left -= t.n;
        wallets(&x, t);
        phones(&x, t);
        drops(&x, t);
    }
    for (size_t i = 0; i < m->n_urls; i++)
        link_marks(&x, &m->url[i]);
    reply_to(&x, m);
    return x.n;
}
