/* brand_domain: what a host pretends to be: the mark in other characters (punycode undone, UTS 39 skeletons), one letter off
 * (Damerau), with
 * a word beside it, under another ending, or the owner's own domain as a part of another. */
#include <idn2.h>
#include <stdlib.h>

#include "case/brands_priv.h"
#include "mail/url.h"

enum { MISSPELT_LEAST = 6, COMBINED_LEAST = 5, LABELS = 16, HOST_MAX = 255 };

/* Words beside a mark that a lure has and an owner's partner has seldom. */
static const char *const lures[] = {
    "login",    "signin",   "logon",   "secure",  "security",  "verify",   "verification", "account",
    "accounts", "update",   "support", "service", "services",  "billing",  "payment",      "pay",
    "wallet",   "confirm",  "alert",   "auth",    "recovery",  "unlock",   "id",           "help",
    "helpdesk", "customer", "client",  "cliente", "gift",      "giftcard", "reward",       "rewards",
    "bonus",    "promo",    "claim",   "airdrop", "gutschein", "konto",    "kunden",       "delivery",
    "track",    "tracking", "paket",   "bank",    "banking",   "winner",   "survey",       NULL};

static bool is_lure(struct span word)
{
    for (const char *const *l = lures; *l; l++)
        if (span_eq(word, span_str(*l)))
            return true;
    return false;
}

/* Are they one change of a letter, one letter more or less, or two letters swapped apart? */
static bool one_off(struct span a, struct span b)
{
    size_t i = 0, j = 0;
    if (a.n > b.n + 1 || b.n > a.n + 1)
        return false;
    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    while (j < a.n - i && j < b.n - i && a.p[a.n - 1 - j] == b.p[b.n - 1 - j])
        j++;
    size_t x = a.n - i - j, y = b.n - i - j;
    return (x <= 1 && y <= 1 && x + y > 0) || (x == 2 && y == 2 && a.p[i] == b.p[i + 1] && a.p[i + 1] == b.p[i]);
}

struct host {
    struct brand_collect *c;
    enum brand_place place;
    struct span host, domain; /* as it stands; registered */
    struct span unicode;      /* the registered domain's first label, punycode undone */
};

static bool may_pretend(const struct host *h, uint32_t brand)
{
    const struct brand *b = &h->c->b->brand[brand];
    return !b->is_common && !b->is_project && !b->is_replaced && b->n_domains && !brand_owns(h->c->b, brand, h->domain);
}

static void add(const struct host *h, uint32_t brand, enum brand_how how)
{
    brand_add_use(h->c, brand, h->place, how, h->host, SPAN_NONE);
}

/* The whole label: the mark itself, drawn alike, or one letter off. True: it was found. */
static bool whole_label(const struct host *h)
{
    const struct brands *b = h->c->b;
    uint8_t skeleton[256];
    struct span look = span_of(skeleton, brand_skeleton(h->unicode, skeleton, sizeof skeleton));
    const struct brand_name *name;
    bool is_name = false, found = false;
    for (size_t at = 0; (name = brand_by_name(b, h->unicode, &at)); is_name = true)
        if (may_pretend(h, name->brand) && name->squashed.n >= COMBINED_LEAST) {
            add(h, name->brand, BRAND_ENDING);
            found = true;
        }
    if (is_name)
        return found;
    for (size_t at = 0; (name = brand_by_skeleton(b, look, &at));)
        if (may_pretend(h, name->brand) && name->squashed.n >= COMBINED_LEAST) {
            add(h, name->brand, BRAND_CONFUSABLE);
            return true;
        }
    for (size_t i = 0; i < b->n_names && h->unicode.n >= MISSPELT_LEAST; i++) {
        name = &b->name[i];
        if (name->squashed.n >= MISSPELT_LEAST && one_off(name->squashed, h->unicode) && may_pretend(h, name->brand)) {
            add(h, name->brand, BRAND_MISSPELT);
            found = true;
        }
    }
    return found;
}

/* "mark-login", "loginmark": a mark and a word. A mark with a word that says nothing ("mark-club") is not taken. */
static bool combined_label(const struct host *h, struct span label, bool is_registered)
{
    const struct brands *b = h->c->b;
    struct span part[LABELS];
    size_t n = 0, from = 0;
    bool has_lure = !is_registered, found = false;
    for (size_t i = 0; i <= label.n && n < LABELS; i++)
        if (i == label.n || label.p[i] == '-') {
            part[n++] = span_sub(label, from, i);
            from = i + 1;
        }
    for (size_t i = 0; i < n; i++)
        has_lure = has_lure || is_lure(part[i]) || (n > 1 && part[i].n && ascii_is_digit(part[i].p[0]));
    const struct brand_name *name;
    for (size_t i = 0; i < n && has_lure && (n > 1 || !is_registered); i++)
        for (size_t at = 0; part[i].n >= COMBINED_LEAST && (name = brand_by_name(b, part[i], &at));)
            if (may_pretend(h, name->brand)) {
                add(h, name->brand, BRAND_COMBINED);
                found = true;
            }
    for (size_t cut = 2; cut < label.n && n == 1 && is_registered && !found; cut++) { /* "paypallogin", "loginpaypal" */
        struct span head = span_sub(label, 0, cut), tail = span_sub(label, cut, label.n);
        struct span mark = is_lure(tail) ? head : is_lure(head) ? tail : SPAN_NONE;
        for (size_t at = 0; mark.n >= COMBINED_LEAST && (name = brand_by_name(b, mark, &at));)
            if (may_pretend(h, name->brand)) {
                add(h, name->brand, BRAND_COMBINED);
                found = true;
            }
    }
    return found;
}

/* "paypal.com.other.example", "paypal.com-x.example": the owner's domain where it is none. */
static void within(const struct host *h)
{
    struct span rest = span_sub(h->host, 0, h->host.n - h->domain.n);
    struct span text = h->domain.n
                           ? span_sub(h->host, 0,
                                      rest.n + (size_t)(span_chr(h->domain, '.') > 0 ? span_chr(h->domain, '.') : 0))
                           : rest;
    const struct brands *b = h->c->b;
    for (size_t i = 0; i < b->n_domains; i++) {
        struct span own = b->domain[i].domain;
        if (own.n < 6 || own.n >= text.n)
            continue;
        ptrdiff_t at = span_find(text, own);
        size_t end = (size_t)at + own.n;
        if (at >= 0 && (at == 0 || text.p[at - 1] == '.') && end < h->host.n &&
            (h->host.p[end] == '.' || h->host.p[end] == '-') && !b->brand[b->domain[i].brand].is_project &&
            !brand_owns(b, b->domain[i].brand, h->domain)) {
            add(h, b->domain[i].brand, BRAND_WITHIN);
            return;
        }
    }
}

void brand_host(struct brand_collect *c, enum brand_place place, struct span host, struct span domain)
{
    struct host h = {.c = c, .place = place, .host = host, .domain = domain};
    char text[HOST_MAX + 1], *unicode = NULL;
    if (!domain.n || host.n > HOST_MAX || domain.n > host.n)
        return;
    memcpy(text, domain.p, domain.n);
    text[domain.n] = '\0';
    if (span_find(domain, SPAN_LIT("xn--")) >= 0)
        idn2_to_unicode_8z8z(text, &unicode, 0);
    struct span all = span_str(unicode ? unicode : text);
    ptrdiff_t dot = span_chr(all, '.');
    h.unicode = arena_copy(c->a, span_sub(all, 0, dot < 0 ? all.n : (size_t)dot));
    idn2_free(unicode);
    if (!h.unicode.n)
        return;
    if (!whole_label(&h))
        combined_label(&h, h.unicode, true);
    struct span front = span_sub(host, 0, host.n - domain.n);
    while (front.n) { /* "login.paypal.other.example" */
        dot = span_chr(front, '.');
        struct span label = span_sub(front, 0, dot < 0 ? front.n : (size_t)dot);
        combined_label(&h, label, false);
        front = dot < 0 ? SPAN_NONE : span_sub(front, (size_t)dot + 1, front.n);
    }
    within(&h);
}
