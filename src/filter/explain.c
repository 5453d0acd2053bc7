#include "filter/explain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { QUOTE_MAX = 60, PHRASE_MAX = 6, CANDIDATES_MAX = 4096 };

/* What is too weak to be told by itself is told together, a group a reason. */
enum group { /* in the order of enum reason_kind */ GROUP_RULE, GROUP_WORDS, GROUP_FORM, GROUP_HEADER, GROUP_N };
static const char *const group_text[GROUP_N] = {"all other rules", "all other words of subject and text",
                                                "all other signs in sender, form, parts and links",
                                                "all other header fields, byte for byte"};

struct candidate {
    double bits;
    const char *text;
    uint32_t part;
    struct span where;
    uint8_t group;
};

struct explainer {
    struct arena *a;
    const struct explain_in *in;
    double *tok_bits;             /* one a token */
    uint32_t *by_place;           /* tokens in order of their place in memory */
    double *field_bits;           /* one a header field */
    double *part_bits;            /* one a part: bytes as sent */
    struct candidate *cand;
    size_t n_cand;
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

static void add_candidate(struct explainer *x, enum group group, double bits, const char *text, uint32_t part,
                          struct span where)
{
    if (text && x->n_cand < CANDIDATES_MAX && bits != 0)
        x->cand[x->n_cand++] = (struct candidate){bits, text, part, where, (uint8_t)group};
}

static int compare_place(const void *va, const void *vb, void *ctx)
{
    const struct token *t = ctx;
    const uint8_t *p = t[*(const uint32_t *)va].from.p, *q = t[*(const uint32_t *)vb].from.p;
    return p < q ? -1 : p > q;
}

/* First token, by place, that ends after p. */
static size_t token_after(const struct explainer *x, const uint8_t *p)
{
    const struct text *t = x->in->text;
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct token *k = &t->tok[x->by_place[mid]];
        if (k->from.p + k->from.n <= p)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool give_tokens(struct explainer *x, struct span where, double bits)
{
    const struct text *t = x->in->text;
    size_t first = token_after(x, where.p), last = first;
    while (last < t->n && t->tok[x->by_place[last]].from.p < where.p + where.n)
        last++;
    if (last == first || last - first > 16)
        return false;
    for (size_t i = first; i < last; i++)
        x->tok_bits[x->by_place[i]] += bits / (double)(last - first);
    return true;
}

static bool within(struct span outer, const uint8_t *p)
{
    return outer.n && p >= outer.p && p < outer.p + outer.n;
}

static bool give_field(struct explainer *x, struct span where, double bits)
{
    const struct message *m = x->in->m;
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        if (where.p >= f->name.p && where.p <= f->raw.p + f->raw.n) {
            x->field_bits[i] += bits;
            return true;
        }
    }
    return false;
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
            add_candidate(x, GROUP_FORM, bits, n->label, n->part, n->where);
        else if (!n->where.p || !n->where.n || (!give_tokens(x, n->where, bits) && !give_field(x, n->where, bits)))
            give_part(x, n->where, bits);
    }
}

static int compare_label(const void *va, const void *vb)
{
    const struct candidate *a = va, *b = vb;
    int c = strcmp(a->text, b->text);
    return c ? c : a->where.p < b->where.p ? -1 : a->where.p > b->where.p;
}

/* Features of one label are one reason. */
static void merge_labels(struct explainer *x)
{
    qsort(x->cand, x->n_cand, sizeof *x->cand, compare_label);
    size_t out = 0;
    for (size_t i = 0; i < x->n_cand; i++) {
        if (out && strcmp(x->cand[out - 1].text, x->cand[i].text) == 0)
            x->cand[out - 1].bits += x->cand[i].bits;
        else
            x->cand[out++] = x->cand[i];
    }
    x->n_cand = out;
}

static const char *zone_name(uint8_t zone)
{
    return zone == ZONE_SUBJECT ? "in the subject" : zone == ZONE_OWN ? "in the text" : "in quoted text";
}

static bool same_run(const struct token *a, const struct token *b)
{
    return a->zone == b->zone && a->part == b->part;
}

/* Grows the phrase around token k over neighbours that pull the same way with some force. */
static void add_phrase(struct explainer *x, size_t k, bool *used)
{
    const struct text *t = x->in->text;
    double top = x->tok_bits[k];
    size_t from = k, to = k + 1;
    while (to - from < PHRASE_MAX) {
        double left = from > 0 && !used[from - 1] && same_run(&t->tok[from - 1], &t->tok[k]) ? x->tok_bits[from - 1] / top : 0;
        double right = to < t->n && !used[to] && same_run(&t->tok[to], &t->tok[k]) ? x->tok_bits[to] / top : 0;
        if (left < 0.25 && right < 0.25)
            break;
        if (left >= right)
            from--;
        else
            to++;
    }
    double bits = 0;
    for (size_t i = from; i < to; i++) {
        used[i] = true;
        bits += x->tok_bits[i];
    }
    const struct token *a = &t->tok[from], *b = &t->tok[to - 1];
    struct span where = a->from;
    if (b->from.p >= a->from.p && b->from.p + b->from.n - a->from.p < 400)
        where.n = (size_t)(b->from.p + b->from.n - a->from.p);
    const char *words = quotable(x->a, where);
    add_candidate(x, GROUP_WORDS, bits, format(x->a, to - from > 1 ? "words \"%s\" %s" : "word \"%s\" %s", words, zone_name(a->zone)),
                  a->part, where);
}

/* The strongest phrases; what the other words add is left in x->words_left. */
static void add_phrases(struct explainer *x)
{
    size_t n = x->in->text->n;
    bool *used = arena_zalloc(x->a, n + 1);
    if (!used)
        return;
    for (int round = 0; round < 16; round++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!used[i] && x->tok_bits[i] != 0 && (best == n || fabs(x->tok_bits[i]) > fabs(x->tok_bits[best])))
                best = i;
        if (best == n)
            return;
        add_phrase(x, best, used);
    }
    for (size_t i = 0; i < n; i++)
        if (!used[i])
            x->words_left += x->tok_bits[i];
}

static void add_fields_and_parts(struct explainer *x)
{
    const struct message *m = x->in->m;
    for (size_t i = 0; i < m->n_fields; i++)
        if (x->field_bits[i] != 0) {
            struct span name = m->field[i].name;
            add_candidate(x, GROUP_HEADER, x->field_bits[i],
                          format(x->a, "header %s: %s", quotable(x->a, span_sub(name, 0, 40)),
                                 quotable(x->a, span_trim(m->field[i].raw))),
                          m->field[i].part, m->field[i].raw);
        }
    for (size_t i = 0; i < m->n_parts; i++)
        if (x->part_bits[i] != 0)
            add_candidate(x, GROUP_HEADER, x->part_bits[i],
                          format(x->a, "how the %s part is written, byte for byte", quotable(x->a, m->part[i].type)),
                          (uint32_t)i, m->part[i].body);
}

static void add_rules(struct explainer *x)
{
    for (size_t i = 0; i < x->in->n_hits; i++) {
        const struct rule_hit *h = &x->in->hit[i];
        add_candidate(x, GROUP_RULE, h->bits, h->reason, 0, h->matched);
    }
}

/* What the operator wrote comes first, then by strength. */
static int compare_strength(const void *va, const void *vb)
{
    const struct candidate *a = va, *b = vb;
    if ((a->group == GROUP_RULE) != (b->group == GROUP_RULE))
        return a->group == GROUP_RULE ? -1 : 1;
    double x = fabs(a->bits), y = fabs(b->bits);
    return x > y ? -1 : x < y;
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

static bool explainer_init(struct explainer *x, struct arena *a, const struct explain_in *in)
{
    *x = (struct explainer){.a = a, .in = in};
    x->tok_bits = arena_zalloc(a, in->text->n * sizeof *x->tok_bits + 1);
    x->by_place = arena_alloc(a, in->text->n * sizeof *x->by_place + 1);
    x->field_bits = arena_zalloc(a, in->m->n_fields * sizeof *x->field_bits + 1);
    x->part_bits = arena_zalloc(a, in->m->n_parts * sizeof *x->part_bits + 1);
    x->cand = arena_alloc(a, CANDIDATES_MAX * sizeof *x->cand);
    if (!x->tok_bits || !x->by_place || !x->field_bits || !x->part_bits || !x->cand)
        return false;
    for (uint32_t i = 0; i < in->text->n; i++)
        x->by_place[i] = i;
    qsort_r(x->by_place, in->text->n, sizeof *x->by_place, compare_place, (void *)in->text->tok);
    return true;
}

/* The strongest reasons by themselves: as many as leave room for a line a group and the rest. */
static size_t tell_each(const struct explainer *x, struct explained *out)
{
    size_t most = EXPLAIN_REASONS - 1 - (GROUP_N - 1) - (x->in->n_hits > 1), n = 0;
    for (; n < most && n < x->n_cand; n++)
        out[n] = (struct explained){(enum reason_kind)x->cand[n].group, x->cand[n].bits, x->cand[n].text, x->cand[n].part,
                                    x->cand[n].where};
    return n;
}

static size_t tell_groups(const struct explainer *x, size_t told, struct explained *out)
{
    double sum[GROUP_N] = {[GROUP_WORDS] = x->words_left};
    for (size_t i = told; i < x->n_cand; i++)
        sum[x->cand[i].group] += x->cand[i].bits;
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
    give_bits(&x);
    merge_labels(&x);
    add_phrases(&x);
    add_fields_and_parts(&x);
    add_rules(&x);
    qsort(x.cand, x.n_cand, sizeof *x.cand, compare_strength);
    size_t each = tell_each(&x, out), n = tell_groups(&x, each, out);
    double rest = in->total_bits;
    for (size_t i = 0; i < n; i++)
        rest -= out[i].bits;
    out[n++] = (struct explained){REASON_REST, rest, "everything else: prior odds and calibration", 0, SPAN_NONE};
    *flip_out = flip_text(a, in, out, each);
    return n;
}
