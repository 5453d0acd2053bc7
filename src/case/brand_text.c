/* brand_text: words of a text, folded, with what they look like; and the marks among them. */
#include "base/fold.h"
#include "base/utf8.h"
#include "case/brands_priv.h"

#include "case/brand_lookalikes.h"

enum { TEXT_WORDS = 40000, CONFUSABLE_LEAST = 5 };

/* Lower-case ASCII that cp is drawn like; NULL: nothing known. */
static const char *look(uint32_t cp)
{
    size_t lo = 0, hi = sizeof lookalike / sizeof *lookalike;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (lookalike[mid].cp < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof lookalike / sizeof *lookalike && lookalike[lo].cp == cp ? lookalike[lo].to : NULL;
}

/* The skeleton of one character; 0: there is no room. Beyond UTS 39: small i is drawn like l as well, as names begin with a
 * capital I
 * and hosts have no capitals. */
static size_t put_skeleton(uint32_t cp, uint8_t *out, size_t room)
{
    const char *to = look(cp);
    uint32_t folded = to ? 0 : fold_codepoint(cp);
    if (!to && folded && folded != cp)
        to = look(folded);
    uint8_t utf8[4];
    size_t n = to ? strlen(to) : folded ? utf8_encode(folded, utf8) : 0;
    if (n > room)
        return 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = to ? (uint8_t)to[i] : utf8[i];
        out[i] = c == 'i' ? 'l' : c;
    }
    return n;
}

static bool is_word(uint32_t folded)
{
    enum fold_class k = fold_class(folded);
    return k == FOLD_WORD || k == FOLD_DIGIT || k == FOLD_IDEOGRAPH;
}

/* A letter that is folded by what it looks like, not by what it is. */
static bool is_alien(uint32_t cp, uint32_t folded) { return cp >= 0x250 && (folded < 0x250 || look(cp)); }

/* Takes cp into the word; one that is too long is cut: it is no mark. */
static void grow_word(struct brand_word *w, uint32_t cp, uint32_t folded)
{
    uint8_t utf8[4];
    unsigned n = utf8_encode(folded, utf8);
    bool is_letter = fold_class(folded) != FOLD_DIGIT,
         is_small = is_letter && (cp >= 0x80 ? cp == folded : cp >= 'a' && cp <= 'z');
    if (!w->n) {
        w->is_capital = !is_small;
        w->is_upper = true;
    }
    w->is_upper = w->is_upper && !is_small;
    w->has_alien = w->has_alien || is_alien(cp, folded);
    if (w->n + n <= WORD_MAX) {
        memcpy(w->folded + w->n, utf8, n);
        w->n = (uint8_t)(w->n + n);
    }
    w->n_skeleton = (uint8_t)(w->n_skeleton + put_skeleton(cp, w->skeleton + w->n_skeleton, WORD_MAX - w->n_skeleton));
}

size_t brand_words(struct span text, struct brand_word *out, size_t max)
{
    size_t n = 0;
    bool in_word = false;
    uint32_t cp;
    for (size_t at = 0, step; at < text.n; at += step) {
        step = utf8_decode(span_sub(text, at, text.n), &cp);
        uint32_t folded = fold_codepoint(cp);
        if (!folded && in_word)
            continue; /* a mark on the letter before, or nothing that is seen */
        if (!folded || !is_word(folded)) {
            in_word = false;
            continue;
        }
        if (!in_word && n == max)
            break;
        if (!in_word)
            out[n++] = (struct brand_word){.from = {text.p + at, 0}};
        in_word = true;
        grow_word(&out[n - 1], cp, folded);
        out[n - 1].from.n = (size_t)(text.p + at + step - out[n - 1].from.p);
    }
    return n;
}

size_t brand_squash(struct span text, uint8_t *out, size_t max)
{
    struct brand_word w[BRAND_NAME_WORDS];
    size_t n = brand_words(text, w, BRAND_NAME_WORDS), at = 0;
    for (size_t i = 0; i < n && at + w[i].n <= max; i++) {
        memcpy(out + at, w[i].folded, w[i].n);
        at += w[i].n;
    }
    return at;
}

size_t brand_skeleton(struct span text, uint8_t *out, size_t max)
{
    size_t n = 0;
    uint32_t cp;
    for (size_t at = 0; at < text.n;) {
        at += utf8_decode(span_sub(text, at, text.n), &cp);
        n += put_skeleton(cp, out + n, max - n);
    }
    return n;
}

bool brand_looks_like(struct span a, struct span b)
{
    uint8_t x[256], y[256];
    size_t n = brand_skeleton(a, x, sizeof x), m = brand_skeleton(b, y, sizeof y);
    return n == m && memcmp(x, y, n) == 0;
}

/* ---- marks among words ---- */

/* Is it written as the mark's owner would? Short and common words only with their capitals. */
static bool case_fits(const struct brands *b, const struct brand_name *name, const struct brand_word *w, size_t n)
{
    bool is_strict = b->brand[name->brand].is_common || name->squashed.n <= 3;
    if (!is_strict && name->squashed.n > 4)
        return true;
    if (is_strict && name->is_upper && name->squashed.n <= 4) {
        for (size_t i = 0; i < n; i++)
            if (!w[i].is_upper)
                return false;
        return true;
    }
    return w[0].is_capital;
}

static bool edges_fit(const struct brand_name *name, const struct brand_word *w, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        at += w[i].n;
        if (at >= 32 || !(name->edges >> at & 1))
            return false;
    }
    return true;
}

static const struct brand_name *find(const struct brands *b, const struct brand_word *w, size_t n, bool by_look)
{
    uint8_t key[NAME_MAX_BYTES];
    size_t at = 0, slot = 0;
    bool has_alien = false;
    for (size_t i = 0; i < n; i++) {
        size_t length = by_look ? w[i].n_skeleton : w[i].n;
        if (at + length > sizeof key)
            return NULL;
        memcpy(key + at, by_look ? w[i].skeleton : w[i].folded, length);
        at += length;
        has_alien = has_alien || w[i].has_alien;
    }
    const struct brand_name *name;
    struct span k = span_of(key, at);
    while ((name = by_look ? brand_by_skeleton(b, k, &slot) : brand_by_name(b, k, &slot))) {
        const struct brand *x = &b->brand[name->brand];
        if (by_look ? name->squashed.n >= CONFUSABLE_LEAST && (has_alien || !x->is_common) && !x->is_project && n == 1
                    : edges_fit(name, w, n) && case_fits(b, name, w, n))
            return name;
    }
    return NULL;
}

bool brand_match(const struct brands *b, const struct brand_word *w, size_t n, size_t i, struct brand_hit *out)
{
    size_t most = n - i < BRAND_NAME_WORDS ? n - i : BRAND_NAME_WORDS;
    for (size_t k = most; k > 0; k--)
        if ((out->name = find(b, w + i, k, false))) {
            out->first = i;
            out->n = k;
            out->is_confusable = false;
            for (size_t j = i; j < i + k; j++)
                out->is_confusable = out->is_confusable || w[j].has_alien;
            return true;
        }
    out->name = find(b, w + i, 1, true);
    out->first = i;
    out->n = 1;
    out->is_confusable = true;
    return out->name != NULL;
}

/* ---- what stands around them ---- */

static bool among(const struct brand_word *w, const char *const *list)
{
    for (; *list; list++)
        if (w->n == strlen(*list) && memcmp(w->folded, *list, w->n) == 0)
            return true;
    return false;
}

/* Words with which a firm speaks of itself, in the languages of the corpora. */
static const char *const roles[] = {"account",
                                    "accounts",
                                    "team",
                                    "security",
                                    "support",
                                    "service",
                                    "services",
                                    "customer",
                                    "customers",
                                    "billing",
                                    "wallet",
                                    "card",
                                    "member",
                                    "membership",
                                    "subscription",
                                    "rewards",
                                    "reward",
                                    "helpdesk",
                                    "help",
                                    "desk",
                                    "center",
                                    "centre",
                                    "department",
                                    "notification",
                                    "notifications",
                                    "alert",
                                    "alerts",
                                    "admin",
                                    "administrator",
                                    "noreply",
                                    "reply",
                                    "no",
                                    "info",
                                    "mail",
                                    "email",
                                    "online",
                                    "bank",
                                    "banking",
                                    "inc",
                                    "llc",
                                    "ltd",
                                    "gmbh",
                                    "corp",
                                    "corporation",
                                    "company",
                                    "user",
                                    "users",
                                    "delivery",
                                    "express",
                                    "shipping",
                                    "tracking",
                                    "order",
                                    "orders",
                                    "payment",
                                    "payments",
                                    "invoice",
                                    "verification",
                                    "update",
                                    "updates",
                                    "id",
                                    "login",
                                    "app",
                                    "official",
                                    "news",
                                    "winner",
                                    "gift",
                                    "giftcard",
                                    "surprise",
                                    "promo",
                                    "promotions",
                                    "konto",
                                    "kundenservice",
                                    "kunden",
                                    "kunde",
                                    "kundendienst",
                                    "gutschein",
                                    "gewinnspiel",
                                    "sicherheit",
                                    "konta",
                                    "clube",
                                    "cliente",
                                    "clientes",
                                    "cuenta",
                                    "conta",
                                    "cartao",
                                    "recompensas",
                                    "seguranca",
                                    "equipe",
                                    "equipo",
                                    "compte",
                                    "client",
                                    "equipes",
                                    "conto",
                                    "servizio",
                                    "assistenza",
                                    "de",
                                    "do",
                                    "da",
                                    "of",
                                    "the",
                                    "from",
                                    "by",
                                    "via",
                                    "your",
                                    "ihr",
                                    "voucher",
                                    "store",
                                    "survey",
                                    "feedback",
                                    "office",
                                    "wireless",
                                    "com",
                                    "prime",
                                    "plus",
                                    NULL};
static const char *const yours[] = {"your", "dear",  "ihr", "ihre", "ihrem",  "dein",      "deine", "sua",
                                    "seu",  "votre", "tu",  "su",   "vostro", "copyright", "the",   NULL};
static const char *const self[] = {
    "account",       "accounts", "team",    "security",   "support",      "customer",     "customers",
    "wallet",        "billing",  "member",  "membership", "subscription", "rewards",      "konto",
    "kundenservice", "kunde",    "cliente", "clientes",   "cuenta",       "conta",        "compte",
    "client",        "inc",      "llc",     "gmbh",       "corporation",  "verification", "helpdesk",
    "user",          "id",       NULL};

static bool is_address(struct span text, const struct brand_word *first, const struct brand_word *last)
{
    const uint8_t *before = first->from.p - 1, *after = last->from.p + last->from.n, *end = text.p + text.n;
    if (before >= text.p && *before < 0x80 && strchr("./@_=:+\\#", *before) &&
        !(before == text.p || ascii_is_space(before[-1])))
        return true;
    if (after >= end)
        return false;
    if (strchr("@/_=\\", *after) && *after)
        return true;
    return (*after == '.' || *after == ':') && after + 1 < end && ascii_is_alnum(after[1]);
}

/* "jane@mark" in a display name: where somebody works, not who writes. */
static bool is_at(struct span text, const struct brand_word *first)
{
    return first->from.p > text.p && first->from.p[-1] == '@';
}

static bool is_copyright(struct span text, const struct brand_word *first)
{
    size_t at = (size_t)(first->from.p - text.p), from = at > 16 ? at - 16 : 0;
    struct span before = span_sub(text, from, at);
    return span_find(before, SPAN_LIT("\xc2\xa9")) >= 0 || span_ifind(before, SPAN_LIT("(c)")) >= 0 ||
           span_ifind(before, SPAN_LIT("copyright")) >= 0;
}

static bool is_addressed(struct span text, const struct brand_word *w, size_t n, const struct brand_hit *h)
{
    const struct brand_word *next = h->first + h->n < n ? &w[h->first + h->n] : NULL,
                            *last = h->first ? &w[h->first - 1] : NULL;
    if (is_copyright(text, &w[h->first]))
        return true;
    return next && last && among(next, self) && among(last, yours);
}

/* Is there nothing else, but what a firm's sender says of itself? */
static bool is_whole(const struct brand_word *w, size_t n, const struct brand_hit *h)
{
    for (size_t i = 0; i < n; i++)
        if ((i < h->first || i >= h->first + h->n) && w[i].n > 1 && !ascii_is_digit(w[i].folded[0]) &&
            !among(&w[i], roles))
            return false;
    return true;
}

/* "eBay", "openSUSE": the name itself begins small. */
static bool is_name_small(const struct brand_name *name, const struct brand_word *first)
{
    return name->is_small && !first->is_upper;
}

static void take(struct brand_collect *c, enum brand_place place, struct span text, struct span leads,
                 const struct brand_word *w, size_t n, const struct brand_hit *h)
{
    const struct brand_word *first = &w[h->first], *last = &w[h->first + h->n - 1];
    enum brand_how how = h->is_confusable ? BRAND_CONFUSABLE : BRAND_WRITTEN;
    struct span shown = span_of(first->from.p, (size_t)(last->from.p + last->from.n - first->from.p));
    if (place == BRAND_NAME && !h->is_confusable && !first->is_capital && !is_address(text, first, last))
        how = is_name_small(h->name, first) ? BRAND_WRITTEN : BRAND_SMALL;
    else if (place == BRAND_NAME && is_whole(w, n, h))
        how = h->is_confusable ? BRAND_CONFUSABLE : BRAND_WHOLE;
    else if (how == BRAND_WRITTEN && (place == BRAND_TEXT || place == BRAND_SUBJECT) && is_addressed(text, w, n, h))
        how = BRAND_ADDRESSED;
    brand_add_use(c, h->name->brand, place, how, shown, leads);
}

void brand_text(struct brand_collect *c, enum brand_place place, struct span text, struct span leads)
{
    struct brand_hit h;
    text = span_sub(text, 0, BRAND_TEXT_BYTES);
    size_t max = text.n / 2 + 1 < TEXT_WORDS ? text.n / 2 + 1 : TEXT_WORDS;
    struct brand_word *w = arena_alloc(c->a, max * sizeof *w);
    size_t n = w ? brand_words(text, w, max) : 0;
    for (size_t i = 0; i < n; i++)
        if (brand_match(c->b, w, n, i, &h)) {
            if ((place == BRAND_NAME && !is_at(text, &w[h.first])) ||
                !is_address(text, &w[h.first], &w[h.first + h.n - 1]))
                take(c, place, text, leads, w, n, &h);
            i += h.n - 1;
        }
}
