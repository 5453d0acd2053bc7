/* brand_claim: the uses of a message, and what they add up to.
 *
 * Weights are whole numbers that add up, CLAIM makes a claim; a use counts once however often it stands there. They were set
 * by reading the first half
 * of the messages named in bench/brands and judged on the other half. */
#include <stdlib.h>

#include "base/error.h"
#include "case/brands_priv.h"
#include "filter/freemail.h"
#include "mail/address.h"
#include "mail/url.h"

enum { CLAIM = 5, LINK_TEXTS = 200, FROM_BOXES = 4 };

static const char *const places[BRAND_PLACES] = {"display name",     "sender's mailbox", "subject",
                                                 "visible text",     "text of a link",   "sender's domain",
                                                 "domain of a link", "picture"};
static const char *const hows[BRAND_HOWS] = {"as written",
                                             "in small letters",
                                             "the mark and nothing else",
                                             "spoken as its owner",
                                             "confusable characters",
                                             "one letter off",
                                             "the mark with a word beside it",
                                             "the mark under another ending",
                                             "the owner's domain within another",
                                             "shows the owner's domain, leads elsewhere",
                                             "picture like the logo",
                                             "the owner's own domain"};
static const char *const origins[BRAND_ORIGINS] = {
    "unknown",  "owner", "owner's domain, unproven", "owner's domain, forged", "a domain of the mark's name",
    "elsewhere"};

const char *brand_place_name(enum brand_place p) { return places[p]; }
const char *brand_how_name(enum brand_how h) { return hows[h]; }
const char *brand_origin_name(enum brand_origin o) { return origins[o]; }

/* What a use says, of a mark that is no common word; and of one that is. */
static const struct {
    enum brand_place place;
    enum brand_how how;
    signed char weight, common;
} table[] = {
    {BRAND_NAME, BRAND_WHOLE, 5, 4},
    {BRAND_NAME, BRAND_WRITTEN, 4, 1},
    {BRAND_NAME, BRAND_SMALL, 3, 0},
    {BRAND_NAME, BRAND_CONFUSABLE, 6, 4},
    {BRAND_ADDRESS, BRAND_WRITTEN, 2, 0},
    {BRAND_ADDRESS, BRAND_CONFUSABLE, 3, 0},
    {BRAND_SUBJECT, BRAND_WRITTEN, 2, 1},
    {BRAND_SUBJECT, BRAND_ADDRESSED, 3, 2},
    {BRAND_SUBJECT, BRAND_CONFUSABLE, 4, 2},
    {BRAND_TEXT, BRAND_WRITTEN, 1, 0},
    {BRAND_TEXT, BRAND_ADDRESSED, 2, 2},
    {BRAND_TEXT, BRAND_CONFUSABLE, 2, 1},
    {BRAND_LINK_TEXT, BRAND_WRITTEN, 0, 0},
    {BRAND_LINK_TEXT, BRAND_CONFUSABLE, 2, 0},
    {BRAND_LINK_TEXT, BRAND_SHOWN, 3, 2},
    {BRAND_SENDER_DOMAIN, BRAND_CONFUSABLE, 5, 0},
    {BRAND_SENDER_DOMAIN, BRAND_MISSPELT, 2, 0},
    {BRAND_SENDER_DOMAIN, BRAND_COMBINED, 4, 0},
    {BRAND_SENDER_DOMAIN, BRAND_ENDING, 1, 0},
    {BRAND_SENDER_DOMAIN, BRAND_WITHIN, 5, 3},
    {BRAND_SENDER_DOMAIN, BRAND_OWN, 3, 3},
    {BRAND_LINK_DOMAIN, BRAND_CONFUSABLE, 4, 0},
    {BRAND_LINK_DOMAIN, BRAND_MISSPELT, 1, 0},
    {BRAND_LINK_DOMAIN, BRAND_COMBINED, 3, 0},
    {BRAND_LINK_DOMAIN, BRAND_ENDING, 1, 0},
    {BRAND_LINK_DOMAIN, BRAND_WITHIN, 5, 3},
    {BRAND_LOGO, BRAND_SEEN, 3, 3},
};

static int weigh(const struct brand *b, enum brand_place place, enum brand_how how)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].place == place && table[i].how == how)
            return b->is_common || b->is_project ? table[i].common : table[i].weight;
    return 0;
}

void brand_add_use(struct brand_collect *c, uint32_t brand, enum brand_place place, enum brand_how how,
                   struct span text, struct span leads)
{
    bool is_host = place == BRAND_LINK_DOMAIN || place == BRAND_LINK_TEXT;
    for (size_t i = 0; i < c->n; i++) {
        struct brand_use *u = &c->use[i];
        if (u->brand == brand && u->place == place && u->how == how && (!is_host || span_eq(u->text, text))) {
            u->n++;
            return;
        }
    }
    if (c->n == c->cap)
        return;
    c->use[c->n++] = (struct brand_use){brand, place, how, text, leads, 1, weigh(&c->b->brand[brand], place, how)};
}

/* ---- where to look ---- */

struct sender {
    struct span name, local, host, domain;
};

/* "Some Bank ,_<x@other.example>" is a mailbox without address before another, to a parser; a reader sees one name. */
static void read_sender(struct mail_parser *p, struct arena *a, const struct message *m, struct sender *out)
{
    struct mailbox box[FROM_BOXES];
    struct span value = message_value(p, a, m, FIELD_FROM);
    const struct suffixes *s = mail_parser_suffixes(p);
    size_t n = address_list(a, value, box, FROM_BOXES), i = 0;
    *out = (struct sender){.name = value};
    while (i < n && !box[i].domain.n)
        i++;
    if (i == n)
        return;
    ptrdiff_t angle = span_chr(value, '<');
    out->name = i && angle >= 0 ? span_sub(value, 0, (size_t)angle) : box[i].name;
    out->local = box[i].local;
    out->host = box[i].domain;
    out->domain = s ? suffixes_domain(s, out->host) : out->host;
    if (!out->domain.n)
        out->domain = out->host;
}

static void read_local(struct brand_collect *c, struct span local)
{
    struct brand_word w[2];
    struct brand_hit h;
    if (brand_words(local, w, 2) == 1 && brand_match(c->b, w, 1, 0, &h))
        brand_add_use(c, h.name->brand, BRAND_ADDRESS, h.is_confusable ? BRAND_CONFUSABLE : BRAND_WRITTEN, local,
                      SPAN_NONE);
}

/* A link that shows an owner's domain and leads elsewhere. Redirections by the sender's own domain are what every newsletter
 * does. */
static void read_shown(struct brand_collect *c, const struct url *u)
{
    struct url shown;
    struct span text = span_trim(u->shown);
    if (!text.n || text.n > 300 || !c->suffixes || span_chr(text, '.') < 0 ||
        !url_parse(c->a, c->suffixes, text, &shown) || !shown.domain.n)
        return;
    for (size_t i = 0; i < c->b->n_domains; i++)
        if (span_eq(c->b->domain[i].domain, shown.domain) && !c->b->brand[c->b->domain[i].brand].is_replaced) {
            uint32_t brand = c->b->domain[i].brand;
            if (!brand_owns(c->b, brand, u->domain) && !span_eq(u->domain, c->from_domain))
                brand_add_use(c, brand, BRAND_LINK_TEXT, BRAND_SHOWN, text, u->host);
            return;
        }
}

static void read_links(struct brand_collect *c, const struct message *m)
{
    struct span seen[BRAND_LINKS];
    size_t n = 0, texts = 0;
    for (size_t i = 0; i < m->n_urls; i++) {
        const struct url *u = &m->url[i];
        bool is_known = !u->host.n || (u->flags & (URL_IS_MAILTO | URL_IS_DATA | URL_IS_SCRIPT));
        if (u->host.n && u->shown.n && u->origin == URL_FROM_HREF && texts++ < LINK_TEXTS) {
            brand_text(c, BRAND_LINK_TEXT, u->shown, u->host);
            read_shown(c, u);
        }
        for (size_t k = 0; k < n && !is_known; k++)
            is_known = span_eq(seen[k], u->host);
        if (is_known || n == BRAND_LINKS || u->origin == URL_FROM_IMG)
            continue;
        seen[n++] = u->host;
        brand_host(c, BRAND_LINK_DOMAIN, u->host, u->domain);
    }
}

/* Rings and discs are many firms' marks: where another is nearly as near, it is nobody's. */
static bool nearest_logo(const struct brands *b, const struct logo *l, uint32_t *brand)
{
    unsigned least = LOGO_FAR, second = LOGO_FAR;
    for (size_t k = 0; k < b->n_logos; k++) {
        unsigned d = logo_distance(l, &b->logo[k].logo);
        if (b->brand[b->logo[k].brand].is_replaced || d >= second)
            continue;
        if (d < least) {
            second = least;
            least = d;
            *brand = b->logo[k].brand;
        } else {
            second = d;
        }
    }
    return least <= LOGO_NEAR && second >= least + LOGO_NEAR / 2;
}

void brand_logos(struct brand_collect *c, const struct message *m)
{
    size_t pictures = 0;
    for (size_t i = 0; i < m->n_parts && pictures < BRAND_LOGOS && c->b->n_logos; i++) {
        const struct part *p = &m->part[i];
        struct logo l;
        uint64_t anomalies = 0;
        if ((p->magic != MAGIC_PNG && p->magic != MAGIC_JPEG) || p->body.n > 2 * LOGO_BYTES)
            continue;
        pictures++;
        if (!logo_hash(part_content(c->a, p, &anomalies), &l))
            continue;
        uint32_t brand;
        if (nearest_logo(c->b, &l, &brand))
            brand_add_use(c, brand, BRAND_LOGO, BRAND_SEEN, p->filename.n ? p->filename : SPAN_LIT("picture"),
                          SPAN_NONE);
    }
}

/* ---- adding up ---- */

static bool is_aligned(struct span domain, struct span registered)
{
    return registered.n && domain.n >= registered.n &&
           span_ieq(span_sub(domain, domain.n - registered.n, domain.n), registered) &&
           (domain.n == registered.n || domain.p[domain.n - registered.n - 1] == '.');
}

static bool is_pass(struct span s) { return span_ieq(s, SPAN_LIT("pass")) || span_ieq(s, SPAN_LIT("bestguesspass")); }

/* "mark.xx": firms have their name under many endings, and we know only some of them. */
static bool is_namesake(const struct brands *b, uint32_t brand, struct span domain)
{
    uint8_t squashed[NAME_MAX_BYTES];
    ptrdiff_t dot = span_chr(domain, '.');
    size_t n = brand_squash(span_sub(domain, 0, dot < 0 ? domain.n : (size_t)dot), squashed, sizeof squashed), at = 0;
    for (const struct brand_name *name; (name = brand_by_name(b, span_of(squashed, n), &at));)
        if (name->brand == brand)
            return true;
    return false;
}

/* A free mail host is nobody's: that its owner has a mark proves nothing about who has an address there. */
static enum brand_origin origin(const struct brands *b, uint32_t brand, const struct brand_reading *r)
{
    const struct brand_auth *auth = &r->auth;
    if (!r->from_domain.n || !b->brand[brand].n_domains)
        return BRAND_BY_UNKNOWN;
    if (!brand_owns(b, brand, r->from_domain) || freemail_is(r->from_domain))
        return is_namesake(b, brand, r->from_domain) ? BRAND_BY_NAMESAKE : BRAND_BY_OTHER;
    if (!auth->is_ours)
        return BRAND_BY_UNPROVEN;
    if (is_pass(auth->dmarc) || (is_pass(auth->dkim) && is_aligned(auth->dkim_domain, r->from_domain)) ||
        (is_pass(auth->spf) && is_aligned(auth->spf_domain, r->from_domain)))
        return BRAND_BY_OWNER;
    return span_ieq(auth->dmarc, SPAN_LIT("fail")) || span_ieq(auth->spf, SPAN_LIT("fail")) ? BRAND_BY_FORGED
                                                                                            : BRAND_BY_UNPROVEN;
}

static int by_brand(const void *x, const void *y)
{
    const struct brand_use *a = x, *b = y;
    return a->brand != b->brand     ? (a->brand > b->brand) - (a->brand < b->brand)
           : a->weight != b->weight ? b->weight - a->weight
                                    : (a->place > b->place) - (a->place < b->place);
}

static int by_weight(const void *x, const void *y)
{
    const struct brand_claim *a = x, *b = y;
    return a->weight != b->weight ? b->weight - a->weight : (a->brand > b->brand) - (a->brand < b->brand);
}

/* A place counts once, by its heaviest use: ten links do not make a mention a claim. Over a mailing list, names are its
 * members'. */
static void add_up(const struct brand_collect *c, struct brand_reading *r, struct brand_claim *claim)
{
    int best[BRAND_PLACES] = {0};
    for (size_t i = 0; i < claim->n_uses; i++)
        if (claim->use[i].weight > best[claim->use[i].place])
            best[claim->use[i].place] = claim->use[i].weight;
    for (int p = 0; p < BRAND_PLACES; p++)
        claim->weight += best[p];
    claim->origin = origin(c->b, claim->brand, r);
    bool has_identity = best[BRAND_NAME] || best[BRAND_SENDER_DOMAIN] || best[BRAND_LOGO] || best[BRAND_LINK_DOMAIN] ||
                        best[BRAND_LINK_TEXT] || best[BRAND_ADDRESS];
    claim->is_claimed = claim->weight >= CLAIM + (r->is_list ? 3 : 0) && has_identity;
    claim->is_spoofed = claim->is_claimed && (claim->origin == BRAND_BY_FORGED || claim->origin == BRAND_BY_OTHER);
}

static int sum_up(const struct brand_collect *c, struct brand_reading *r)
{
    struct brand_claim *claim = arena_zalloc(c->a, (c->n + 1) * sizeof *claim);
    size_t n = 0;
    if (!claim)
        return POSSE_ENOMEM;
    if (c->n)
        qsort(c->use, c->n, sizeof *c->use, by_brand);
    for (size_t i = 0; i < c->n; i++) {
        if (i == 0 || c->use[i].brand != c->use[i - 1].brand)
            claim[n++] = (struct brand_claim){.brand = c->use[i].brand, .use = &c->use[i]};
        claim[n - 1].n_uses++;
    }
    for (size_t i = 0; i < n; i++)
        add_up(c, r, &claim[i]);
    if (n)
        qsort(claim, n, sizeof *claim, by_weight);
    r->claim = claim;
    r->n_claims = n;
    return 0;
}

static void read_own_domain(struct brand_collect *c, struct span domain)
{
    for (size_t i = 0; i < c->b->n_domains && domain.n && !freemail_is(domain); i++)
        if (span_eq(c->b->domain[i].domain, domain) && !c->b->brand[c->b->domain[i].brand].is_replaced)
            brand_add_use(c, c->b->domain[i].brand, BRAND_SENDER_DOMAIN, BRAND_OWN, domain, SPAN_NONE);
}

int brands_read(const struct brands *b, struct mail_parser *p, struct arena *a, const struct message *m,
                const struct brand_options *o, struct brand_reading *out)
{
    struct sender s;
    struct brand_collect c = {.b = b, .a = a, .suffixes = mail_parser_suffixes(p), .cap = BRAND_USES_MAX};
    *out = (struct brand_reading){0};
    c.use = arena_alloc(a, c.cap * sizeof *c.use);
    if (!c.use)
        return POSSE_ENOMEM;
    read_sender(p, a, m, &s);
    c.from_domain = s.domain;
    out->from_name = s.name;
    out->from_host = s.host;
    out->from_domain = s.domain;
    out->is_list = m->first_of[FIELD_LIST_ID] || m->first_of[FIELD_LIST_POST];
    brand_auth_read(p, a, m, o ? o->ours : NULL, &out->auth);
    brand_text(&c, BRAND_NAME, s.name, SPAN_NONE);
    read_local(&c, s.local);
    read_own_domain(&c, s.domain);
    if (s.host.n && !freemail_is(s.domain))
        brand_host(&c, BRAND_SENDER_DOMAIN, s.host, s.domain);
    brand_text(&c, BRAND_SUBJECT, m->subject, SPAN_NONE);
    for (size_t i = 0; i < m->n_text; i++)
        brand_text(&c, BRAND_TEXT, m->text[i].visible, SPAN_NONE);
    read_links(&c, m);
    if (!o || !o->no_logos)
        brand_logos(&c, m);
    return sum_up(&c, out);
}
