#include "filter/explain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/utf8.h"

enum { QUOTE_MAX = 60, PHRASE_MAX = 6, PHRASES = 16, CANDIDATES_MAX = 4096, NO_FIELD = UINT32_MAX };
enum { LABELS = 1024 /* twice what a message can have */, BLOCK = 32 /* tokens whose strongest is known */ };

/* What is too weak to be told by itself is told together, a group a reason. */
enum group { /* in the order of enum reason_kind */ GROUP_RULE, GROUP_WORDS, GROUP_FORM, GROUP_HEADER, GROUP_N };
static const char *const group_text[GROUP_N] = {"all other rules", "all other words of subject and text",
                                                "all other signs in sender, form, parts and links",
                                                "all other header fields, byte for byte"};

/* Its words are put together only when it is told: a message has hundreds of candidates and tells four. */
struct candidate {
    double bits;
    const char *text;      /* a label or a rule's reason; NULL: to be made */
    uint32_t part;
    uint32_t first, end;   /* GROUP_WORDS: the phrase's tokens. GROUP_HEADER: the field; first == NO_FIELD: the part as a whole */
    struct span where;
    uint8_t group;
    bool is_told;
};

/* A token's place in memory. */
struct place { const uint8_t *from, *end; uint32_t token; };

struct explainer {
    struct arena *a;
    const struct explain_in *in;
    double *tok_bits;             /* one a token */
    struct place *place;          /* tokens in order of their place */
    size_t place_now;             /* where the last search ended: features come in the order of the text */
    double *field_bits;           /* one a header field */
    size_t field_now;
    double *part_bits;            /* one a part: bytes as sent */
    struct candidate *cand;
    size_t n_cand;
    uint32_t *by_label;           /* open table of LABELS entries: index of a candidate + 1 */
    double words_left;
};

static const char *format(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *format(struct arena *a, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n >= sizeof text ? sizeof text - 1 : (size_t)n;
    len = utf8_valid_prefix(span_of(text, len)); /* a cut may fall within a letter */
    text[len] = '\0';
    return (const char *)arena_copy(a, span_of(text, len + 1)).p;
}

/* Printable UTF-8 of at most QUOTE_MAX bytes: hostile bytes must not reach a terminal. */
static const char *quotable(struct arena *a, struct span s)
{
    char *out = arena_alloc(a, QUOTE_MAX + 8);
    if (!out)
        return "";
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < s.n && n < QUOTE_MAX;) {
        uint32_t cp;
        unsigned len = utf8_decode(span_sub(s, i, s.n), &cp);
        bool plain = cp > ' ' && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) && cp != '"' && cp != 0xfffd &&
                     !(cp >= 0x2000 && cp <= 0x206f) && cp != 0xfeff;
        if (plain) {
            if (gap && n)
                out[n++] = ' ';
            gap = false;
            memcpy(out + n, s.p + i, len);
            n += len;
        } else {
            gap = true;
        }
        i += len;
    }
    out[n] = '\0';
    return out;
}

static struct candidate *add_candidate(struct explainer *x, enum group group, double bits)
{
    if (x->n_cand == CANDIDATES_MAX || bits == 0)
        return NULL;
    struct candidate *c = &x->cand[x->n_cand++];
    *c = (struct candidate){.bits = bits, .group = (uint8_t)group};
    return c;
}

/* Features of one label are one reason. It points at the first of their places. */
static void give_label(struct explainer *x, const struct note *n, double bits)
{
    size_t len = strlen(n->label);
    uint32_t i = (uint32_t)hash64(span_of(n->label, len), 0) & (LABELS - 1), left = LABELS;
    for (; x->by_label[i] && left; i = (i + 1) & (LABELS - 1), left--) {
        struct candidate *c = &x->cand[x->by_label[i] - 1];
        if (strcmp(c->text, n->label) != 0)
            continue;
        c->bits += bits;
        if (n->where.p < c->where.p) {
            c->where = n->where;
            c->part = n->part;
        }
        return;
    }
    struct candidate *c = left ? add_candidate(x, GROUP_FORM, bits) : NULL;
    if (!c)
        return;
    c->text = n->label;
    c->part = n->part;
    c->where = n->where;
    x->by_label[i] = (uint32_t)x->n_cand;
}

/* Is k the first place that ends after p? Both ends ascend. */
static inline bool is_first_after(const struct explainer *x, size_t k, const uint8_t *p)
{
    size_t n = x->in->text->n;
    return k <= n && (k == n || x->place[k].end > p) && (k == 0 || x->place[k - 1].end <= p);
}

/* First token, by place, that ends after p. */
static size_t token_after(struct explainer *x, const uint8_t *p)
{
    for (size_t k = x->place_now; k < x->place_now + 2; k++)
        if (is_first_after(x, k, p))
            return x->place_now = k;
    size_t lo = 0, hi = x->in->text->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (x->place[mid].end <= p)
            lo = mid + 1;
        else
            hi = mid;
    }
    return x->place_now = lo;
}

static bool give_tokens(struct explainer *x, struct span where, double bits)
{
    size_t n = x->in->text->n, first = token_after(x, where.p), last = first;
    while (last < n && x->place[last].from < where.p + where.n)
        last++;
    if (last == first || last - first > 16)
        return false;
    double share = bits / (double)(last - first);
    for (size_t i = first; i < last; i++)
        x->tok_bits[x->place[i].token] += share;
    return true;
}

static bool within(struct span outer, const uint8_t *p)
{
    return outer.n && p >= outer.p && p < outer.p + outer.n;
}

static inline bool in_field(const struct field *f, const uint8_t *p)
{
    return p >= f->name.p && p <= f->raw.p + f->raw.n;
}

static bool give_field(struct explainer *x, struct span where, double bits)
{
    const struct message *m = x->in->m;
    size_t i = x->field_now; /* no two fields share a byte */
    if (i >= m->n_fields || !in_field(&m->field[i], where.p))
        for (i = 0; i < m->n_fields && !in_field(&m->field[i], where.p); i++)
            ;
    if (i == m->n_fields)
        return false;
    x->field_now = i;
    x->field_bits[i] += bits;
    return true;
}

static void give_part(struct explainer *x, struct span where, double bits)
{
    const struct message *m = x->in->m;
    for (size_t i = m->n_parts; i-- > 0;)
        if (within(m->part[i].body, where.p)) {
            x->part_bits[i] += bits;
            return;
        }
}

static void give_bits(struct explainer *x)
{
    for (size_t i = 0; i < x->in->n; i++) {
        const struct note *n = &x->in->note[i];
        double bits = x->in->bits[i];
        if (bits == 0)
            continue;
        if (n->label)
            give_label(x, n, bits);
        else if (!n->where.p || !n->where.n || (!give_tokens(x, n->where, bits) && !give_field(x, n->where, bits)))
            give_part(x, n->where, bits);
    }
}

static const char *zone_name(uint8_t zone)
{
    return zone == ZONE_SUBJECT ? "in the subject" : zone == ZONE_OWN ? "in the text" : "in quoted text";
}

static bool same_run(const struct token *a, const struct token *b)
{
    return a->zone == b->zone && a->part == b->part;
}

/* The bytes from the phrase's first word to its last where they stand close together, else the first word's. */
static struct span phrase_span(const struct text *t, size_t from, size_t to)
{
    const struct span a = t->tok[from].from, b = t->tok[to - 1].from;
    return b.p >= a.p && b.p + b.n - a.p < 400 ? span_of(a.p, (size_t)(b.p + b.n - a.p)) : a;
}

/* How strongly each token pulls that is in no phrase yet, with the strongest of each block. */
struct force { double *of, *block; size_t n; };

static void force_block(struct force *f, size_t b)
{
    double most = 0;
    for (size_t i = b * BLOCK; i < f->n && i < (b + 1) * BLOCK; i++)
        most = f->of[i] > most ? f->of[i] : most;
    f->block[b] = most;
}

static bool force_init(struct force *f, const struct explainer *x)
{
    f->n = x->in->text->n;
    f->of = arena_alloc(x->a, (f->n + f->n / BLOCK + 1) * sizeof *f->of);
    if (!f->of)
        return false;
    f->block = f->of + f->n;
    for (size_t i = 0; i < f->n; i++)
        f->of[i] = fabs(x->tok_bits[i]);
    for (size_t b = 0; b * BLOCK < f->n; b++)
        force_block(f, b);
    return true;
}

/* The first of the strongest tokens; n: none pulls. */
static size_t force_best(const struct force *f)
{
    size_t best = 0, i;
    for (size_t b = 1; b * BLOCK < f->n; b++)
        best = f->block[b] > f->block[best] ? b : best;
    if (f->n == 0 || f->block[best] == 0)
        return f->n;
    for (i = best * BLOCK; f->of[i] != f->block[best]; i++)
        ;
    return i;
}

/* Grows the phrase around token k over neighbours that pull the same way with some force. */
static void add_phrase(struct explainer *x, size_t k, struct force *f)
{
    const struct text *t = x->in->text;
    double top = x->tok_bits[k];
    size_t from = k, to = k + 1;
    while (to - from < PHRASE_MAX) {
        double left = from > 0 && f->of[from - 1] > 0 && same_run(&t->tok[from - 1], &t->tok[k]) ? x->tok_bits[from - 1] / top : 0;
        double right = to < t->n && f->of[to] > 0 && same_run(&t->tok[to], &t->tok[k]) ? x->tok_bits[to] / top : 0;
        if (left < 0.25 && right < 0.25)
            break;
        if (left >= right)
            from--;
        else
            to++;
    }
    double bits = 0;
    for (size_t i = from; i < to; i++) {
        f->of[i] = 0;
        bits += x->tok_bits[i];
    }
    for (size_t b = from / BLOCK; b * BLOCK < to; b++)
        force_block(f, b);
    struct candidate *c = add_candidate(x, GROUP_WORDS, bits);
    if (!c)
        return;
    c->first = (uint32_t)from;
    c->end = (uint32_t)to;
    c->part = t->tok[from].part;
    c->where = phrase_span(t, from, to);
}

/* The strongest phrases; what the other words add is left in x->words_left. */
static void add_phrases(struct explainer *x)
{
    struct force f;
    if (!force_init(&f, x))
        return;
    for (int round = 0; round < PHRASES; round++) {
        size_t best = force_best(&f);
        if (best == f.n)
            return;
        add_phrase(x, best, &f);
    }
    for (size_t i = 0; i < f.n; i++)
        if (f.of[i] != 0)
            x->words_left += x->tok_bits[i];
}

static void add_fields_and_parts(struct explainer *x)
{
    const struct message *m = x->in->m;
    struct candidate *c;
    for (size_t i = 0; i < m->n_fields; i++)
        if ((c = add_candidate(x, GROUP_HEADER, x->field_bits[i]))) {
            c->first = (uint32_t)i;
            c->part = m->field[i].part;
            c->where = m->field[i].raw;
        }
    for (size_t i = 0; i < m->n_parts; i++)
        if ((c = add_candidate(x, GROUP_HEADER, x->part_bits[i]))) {
            c->first = NO_FIELD;
            c->part = (uint32_t)i;
            c->where = m->part[i].body;
        }
}

static void add_rules(struct explainer *x)
{
    struct candidate *c;
    for (size_t i = 0; i < x->in->n_hits; i++) {
        const struct rule_hit *h = &x->in->hit[i];
        if (h->reason && (c = add_candidate(x, GROUP_RULE, h->bits))) {
            c->text = h->reason;
            c->where = h->matched;
        }
    }
}

/* ---- telling ---- */

static const char *header_text(const struct explainer *x, const struct candidate *c)
{
    const struct message *m = x->in->m;
    if (c->first == NO_FIELD)
        return format(x->a, "how the %s part is written, byte for byte", quotable(x->a, m->part[c->part].type));
    const struct field *f = &m->field[c->first];
    return format(x->a, "header %s: %s", quotable(x->a, span_sub(f->name, 0, 40)), quotable(x->a, span_trim(f->raw)));
}

static const char *text_of(const struct explainer *x, const struct candidate *c)
{
    if (c->text)
        return c->text;
    if (c->group == GROUP_HEADER)
        return header_text(x, c);
    return format(x->a, c->end - c->first > 1 ? "words \"%s\" %s" : "word \"%s\" %s", quotable(x->a, c->where),
                  zone_name(x->in->text->tok[c->first].zone));
}

/* What the operator wrote comes first, then by strength; labels of one strength by their letters. */
static bool is_before(const struct candidate *a, const struct candidate *b)
{
    if ((a->group == GROUP_RULE) != (b->group == GROUP_RULE))
        return a->group == GROUP_RULE;
    double x = fabs(a->bits), y = fabs(b->bits);
    if (x != y)
        return x > y;
    return a->group == GROUP_FORM && b->group == GROUP_FORM && strcmp(a->text, b->text) < 0;
}

/* The fewest of the reasons told by themselves (nobody can take a group away) without which the verdict would be the other one. */
static const char *flip_text(struct arena *a, const struct explain_in *in, const struct explained *r, size_t n)
{
    bool spam = in->total_bits >= in->threshold_bits;
    double need = fabs(in->total_bits - in->threshold_bits), sign = spam ? 1 : -1, sum = 0;
    const char *other = spam ? "ham" : "spam";
    int one = -1;
    for (size_t i = 0; i < n; i++)
        if (r[i].bits * sign > need && (one < 0 || fabs(r[i].bits) < fabs(r[one].bits)))
            one = (int)i;
    if (one >= 0)
        return format(a, "%s without: %s (%+.1f bits)", other, r[one].text, r[one].bits);
    size_t took = 0;
    char list[300] = "";
    for (size_t i = 0; i < n && sum <= need; i++)
        if (r[i].bits * sign > 0) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", took ? "; " : "", r[i].text);
            sum += fabs(r[i].bits);
            took++;
        }
    if (took && sum > need)
        return format(a, "%s without these %zu together: %s", other, took, list);
    return format(a, "no few reasons decide: it would take %.1f bits to make it %s", need, other);
}

/* Merges neighbouring runs of ascending places, until one is left: subject, own and quoted text are one each, most often. */
static void sort_places(struct place *p, struct place *other, size_t n)
{
    for (size_t runs = 2; runs > 1;) {
        runs = 0;
        for (size_t i = 0; i < n; runs++) {
            size_t a = i, b = i + 1;
            while (b < n && p[b - 1].from <= p[b].from)
                b++;
            size_t a_end = b, b_end = b + 1;
            if (i == 0 && b == n)
                return;
            while (b_end < n && p[b_end - 1].from <= p[b_end].from)
                b_end++;
            b_end = b_end < n ? b_end : n;
            for (; i < b_end; i++)
                other[i] = b == b_end || (a < a_end && p[a].from <= p[b].from) ? p[a++] : p[b++];
        }
        memcpy(p, other, n * sizeof *p);
    }
}

static bool explainer_init(struct explainer *x, struct arena *a, const struct explain_in *in)
{
    size_t n = in->text->n;
    *x = (struct explainer){.a = a, .in = in};
    x->tok_bits = arena_zalloc(a, n * sizeof *x->tok_bits + 1);
    x->place = arena_alloc(a, 2 * n * sizeof *x->place + 1);
    x->field_bits = arena_zalloc(a, in->m->n_fields * sizeof *x->field_bits + 1);
    x->part_bits = arena_zalloc(a, in->m->n_parts * sizeof *x->part_bits + 1);
    x->cand = arena_alloc(a, CANDIDATES_MAX * sizeof *x->cand);
    x->by_label = arena_zalloc(a, LABELS * sizeof *x->by_label);
    if (!x->tok_bits || !x->place || !x->field_bits || !x->part_bits || !x->cand || !x->by_label)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct span s = in->text->tok[i].from;
        x->place[i] = (struct place){s.p, s.p + s.n, i};
    }
    sort_places(x->place, x->place + n, n);
    return true;
}

/* Behind the operator's rules, among the others by its strength. */
static size_t tell_outside(const struct explained *outside, struct explained *out, size_t n)
{
    size_t at = 0;
    while (at < n && (out[at].kind == REASON_RULE || fabs(out[at].bits) >= fabs(outside->bits)))
        at++;
    memmove(&out[at + 1], &out[at], (n - at) * sizeof *out);
    out[at] = *outside;
    return n + 1;
}

/* The strongest reasons by themselves: as many as leave room for a line a group and the rest. */
static size_t tell_each(struct explainer *x, struct explained *out)
{
    size_t most = EXPLAIN_REASONS - 1 - (GROUP_N - 1) - (x->in->n_hits > 1) - (x->in->outside != NULL), n = 0;
    for (; n < most; n++) {
        struct candidate *best = NULL;
        for (size_t i = 0; i < x->n_cand; i++)
            if (!x->cand[i].is_told && (!best || is_before(&x->cand[i], best)))
                best = &x->cand[i];
        if (!best)
            break;
        best->is_told = true;
        out[n] = (struct explained){(enum reason_kind)best->group, best->bits, text_of(x, best), best->part, best->where};
    }
    return x->in->outside ? tell_outside(x->in->outside, out, n) : n;
}

static size_t tell_groups(const struct explainer *x, size_t told, struct explained *out)
{
    double sum[GROUP_N] = {[GROUP_WORDS] = x->words_left};
    for (size_t i = 0; i < x->n_cand; i++)
        sum[x->cand[i].group] += x->cand[i].is_told ? 0 : x->cand[i].bits;
    for (int g = 0; g < GROUP_N; g++)
        if (sum[g] != 0)
            out[told++] = (struct explained){(enum reason_kind)(REASON_RULES_LEFT + g), sum[g], group_text[g], 0, SPAN_NONE};
    return told;
}

size_t explain_reasons(struct arena *a, const struct explain_in *in, struct explained *out, const char **flip_out)
{
    struct explainer x;
    *flip_out = NULL;
    if (!explainer_init(&x, a, in))
        return 0;
    add_rules(&x); /* first: there is always room for what the operator wrote */
    give_bits(&x);
    add_phrases(&x);
    add_fields_and_parts(&x);
    size_t each = tell_each(&x, out), n = tell_groups(&x, each, out);
    double rest = in->total_bits;
    for (size_t i = 0; i < n; i++)
        rest -= out[i].bits;
    out[n++] = (struct explained){REASON_REST, rest, "everything else: prior odds and calibration", 0, SPAN_NONE};
    *flip_out = flip_text(a, in, out, each);
    return n;
}
