/* signature: a set is built in five steps: templates are cut into passages and the sketch of ham is asked for each; what Vectorscan cannot
 * take is left out; all are compiled together; the sample of ham is scanned and what it has is dropped; and each signature takes the best
 * passages that are left and how many of them a message must have: half, and enough that the shortest of them have NEED_LETTERS. */
#include <stdlib.h>

#include "base/error.h"
#include "campaign/signature_priv.h"

enum { ARENA_BYTES = 1 << 30, FLAGS = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH };

struct builder {
    const struct signature_in *in;
    size_t n;
    const struct ham *ham;
    void (*refused)(void *ctx, size_t i, const char *why);
    void *ctx;
    struct signatures *s;
    struct passage *p;           /* candidates of all, in order; [first[i], first[i + 1]) are of in[i] */
    size_t *first;
    struct report *why;
};

static void refuse(const struct builder *b, size_t i, const char *why)
{
    if (b->refused)
        b->refused(b->ctx, i, why);
}

/* ---- candidates ---- */

static bool hs_takes(const char *expression)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *err = NULL;
    bool ok = hs_expression_info(expression, FLAGS, &info, &err) == HS_SUCCESS && info->min_width > 0;
    free(info);
    hs_free_compile_error(err);
    return ok;
}

static int cut_all(struct builder *b)
{
    b->p = arena_alloc(b->s->a, b->n * CANDIDATES_MAX * sizeof *b->p);
    b->first = arena_zalloc(b->s->a, (b->n + 1) * sizeof *b->first);
    if (!b->p || !b->first)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < b->n; i++) {
        size_t at = b->first[i], k = passages_cut(b->s->a, b->in[i].t, b->ham, b->p + at, CANDIDATES_MAX);
        if (k == SIZE_MAX)
            return POSSE_ENOMEM;
        for (size_t j = at; j < at + k; j++)
            b->p[j].is_ham |= !hs_takes(b->p[j].expression);
        b->first[i + 1] = at + k;
    }
    return POSSE_OK;
}

/* ---- compilation ---- */

/* Those that are not NULL; the id of each is its index. What Vectorscan refuses after all becomes NULL. */
static int compile(const char **text, size_t n, hs_database_t **out, struct report *why)
{
    const char **list = calloc(n + 1, sizeof *list);
    unsigned *id = calloc(n + 1, sizeof *id), *flags = calloc(n + 1, sizeof *flags);
    int rc = list && id && flags ? POSSE_EBUSY : POSSE_ENOMEM;
    while (rc == POSSE_EBUSY) {
        unsigned k = 0;
        for (size_t i = 0; i < n; i++)
            if (text[i]) {
                list[k] = text[i];
                flags[k] = FLAGS;
                id[k++] = (unsigned)i;
            }
        hs_compile_error_t *e = NULL;
        hs_error_t got = k ? hs_compile_multi(list, flags, id, k, HS_MODE_BLOCK, NULL, out, &e) : HS_SUCCESS;
        if (got == HS_SUCCESS)
            rc = POSSE_OK;
        else if (got == HS_COMPILER_ERROR && e && e->expression >= 0 && (unsigned)e->expression < k)
            text[id[e->expression]] = NULL;
        else
            rc = got == HS_NOMEM ? POSSE_ENOMEM : POSSE_EINVAL;
        if (rc == POSSE_EINVAL)
            report_set(why, rc, "signatures: Vectorscan cannot compile them: %s", e && e->message ? e->message : "no reason given");
        hs_free_compile_error(e);
    }
    free(list);
    free(id);
    free(flags);
    return rc;
}

static int compile_bodies(struct builder *b)
{
    size_t n = b->first[b->n];
    const char **text = calloc(n + 1, sizeof *text);
    if (!text)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < n; i++)
        text[i] = b->p[i].is_ham ? NULL : b->p[i].expression;
    int rc = compile(text, n, &b->s->body, b->why);
    for (size_t i = 0; i < n; i++)
        b->p[i].is_ham |= !text[i];
    free(text);
    return rc;
}

static int compile_subjects(struct builder *b)
{
    const char **text = calloc(b->s->n + 1, sizeof *text);
    if (!text)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < b->s->n; i++)
        text[i] = b->s->one[i].subject;
    int rc = compile(text, b->s->n, &b->s->subject, b->why);
    free(text);
    return rc;
}

/* ---- proof ---- */

struct proof_scan { struct builder *b; hs_scratch_t *scratch; uint8_t *text; };

static int on_ham(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    (void)from, (void)to, (void)flags;
    ((struct builder *)ctx)->p[id].is_ham = true;
    return 0;
}

static int scan_ham(void *ctx, struct span text)
{
    struct proof_scan *x = ctx;
    size_t n = pad(text, x->text);
    hs_error_t rc = hs_scan(x->b->s->body, (const char *)x->text, (unsigned)n, 0, x->scratch, on_ham, x->b);
    return rc == HS_SUCCESS ? POSSE_OK : POSSE_ENOMEM;
}

static int prove(struct builder *b)
{
    struct proof_scan x = {.b = b, .text = malloc(TEXT_MAX + 2)};
    int rc = x.text ? POSSE_OK : POSSE_ENOMEM;
    if (!rc && b->s->body && b->ham)
        rc = hs_alloc_scratch(b->s->body, &x.scratch) == HS_SUCCESS ? ham_each(b->ham, scan_ham, &x) : POSSE_ENOMEM;
    hs_free_scratch(x.scratch);
    free(x.text);
    return rc;
}

/* ---- signatures ---- */

static int by_letters(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How many passages a message must have, so that any so many of them have `need` letters; 0: all of them have less. */
static uint32_t least_of(uint32_t *letters, size_t n, uint32_t need)
{
    uint32_t sum = 0;
    qsort(letters, n, sizeof *letters, by_letters);
    for (size_t k = 0; k < n; k++) {
        sum += letters[k];
        if (sum >= need)
            return (uint32_t)(k + 1 > (n + 1) / 2 ? k + 1 : (n + 1) / 2);
    }
    return 0;
}

/* Takes passages for one signature. A static string says why not; NULL: it is taken, or memory failed (*ok). */
static const char *take(struct builder *b, size_t i, enum proof proof, bool *ok)
{
    struct one *o = &b->s->one[b->s->n];
    uint32_t letters[PASSAGES_MAX];
    size_t n = 0, ham = 0;
    for (size_t k = b->first[i]; k < b->first[i + 1]; k++) {
        bool is_good = !b->p[k].is_ham && (b->p[k].is_proven || proof == PROOF_SAMPLE);
        ham += !is_good;
        if (is_good && n < PASSAGES_MAX) {
            b->p[k].signature = b->s->n;
            letters[n++] = b->p[k].letters;
        }
    }
    *o = (struct one){.s = {b->in[i].campaign, b->in[i].version, proof, (uint32_t)n, 0, false}, .first = b->first[i],
                      .n = b->first[i + 1] - b->first[i]};
    o->s.least = n ? least_of(letters, n, NEED_LETTERS) : 0;
    if (n && !o->s.least) { /* a text of half as much, or with a subject that says the rest */
        uint32_t in_subject = 0;
        o->subject = passage_of_subject(b->s->a, b->in[i].t, &in_subject, ok);
        uint32_t need = in_subject < NEED_LETTERS * 3 / 4 ? NEED_LETTERS - in_subject : NEED_LETTERS / 4;
        need = need < NEED_LETTERS / 2 ? need : NEED_LETTERS / 2;
        o->s.wants_subject = o->subject && hs_takes(o->subject) && least_of(letters, n, need);
        o->s.least = o->s.wants_subject ? (uint32_t)n : 0;
    }
    if (o->s.least) {
        b->s->n++;
        return NULL;
    }
    for (size_t k = b->first[i]; k < b->first[i + 1]; k++)
        b->p[k].signature = SIZE_MAX;
    return ham ? "what it is made of is also in ham, or cannot be told from it" : "too little of it is fixed";
}

static int take_all(struct builder *b)
{
    enum proof proof = !b->ham ? PROOF_NONE : ham_texts(b->ham) >= HAM_LEAST ? PROOF_SAMPLE : PROOF_SKETCH;
    b->s->one = arena_alloc(b->s->a, b->n * sizeof *b->s->one);
    bool ok = b->s->one;
    for (size_t i = 0; i < b->n && ok; i++) {
        const char *why = take(b, i, proof, &ok);
        if (why)
            refuse(b, i, why);
    }
    b->s->passage = b->p;
    b->s->n_passages = b->first[b->n];
    return ok ? POSSE_OK : POSSE_ENOMEM;
}

static int build(struct builder *b)
{
    if (b->ham && ham_seen(b->ham) < HAM_LEAST) {
        for (size_t i = 0; i < b->n; i++)
            refuse(b, i, "too little wanted mail is known to prove anything; name some with posse observe --ham");
        return POSSE_OK;
    }
    int rc = cut_all(b);
    rc = rc ? rc : compile_bodies(b);
    rc = rc ? rc : prove(b);
    rc = rc ? rc : take_all(b);
    return rc ? rc : compile_subjects(b);
}

int signatures_build(const struct signature_in *in, size_t n, const struct ham *ham,
                     void (*refused)(void *ctx, size_t i, const char *why), void *ctx, struct signatures **out, struct report *why)
{
    *out = NULL;
    if (n > SIGNATURES_MAX)
        return report_set(why, POSSE_EINVAL, "signatures: at most %d in a set", SIGNATURES_MAX);
    if (hs_valid_platform() != HS_SUCCESS)
        return report_set(why, POSSE_EINVAL, "signatures: this processor has no SSSE3, which Vectorscan needs");
    struct signatures *s = calloc(1, sizeof *s);
    if (!s || !(s->a = arena_new(ARENA_BYTES))) {
        signatures_free(&s);
        return report_set(why, POSSE_ENOMEM, "signatures: out of memory");
    }
    struct builder b = {.in = in, .n = n, .ham = ham, .refused = refused, .ctx = ctx, .s = s, .why = why};
    int rc = build(&b);
    if (rc)
        signatures_free(&s);
    *out = s;
    return rc == POSSE_ENOMEM ? report_set(why, rc, "signatures: out of memory") : rc;
}

void signatures_free(struct signatures **s)
{
    if (*s) {
        hs_free_database((*s)->body);
        hs_free_database((*s)->subject);
        arena_free(&(*s)->a);
    }
    free(*s);
    *s = NULL;
}

size_t signatures_count(const struct signatures *s) { return s->n; }
struct signature signatures_get(const struct signatures *s, size_t i) { return s->one[i].s; }

int signatures_text(const struct signatures *s, size_t i, struct buf *out)
{
    const struct one *o = &s->one[i];
    for (size_t k = o->first; k < o->first + o->n; k++)
        if (s->passage[k].signature == i) {
            buf_add_str(out, s->passage[k].expression);
            buf_add_byte(out, '\n');
        }
    if (o->s.wants_subject) {
        buf_add_str(out, o->subject);
        buf_add_byte(out, '\n');
    }
    return buf_error(out);
}

bool signature_is_old(int64_t made_ms, int64_t last_hit_ms, int64_t now_ms)
{
    int64_t last = last_hit_ms > made_ms ? last_hit_ms : made_ms;
    return now_ms > last && now_ms - last > SIGNATURE_QUIET_MS;
}
