/* signature_match: one scan of the text, a count a signature; subjects are scanned only when some signature wants one. */
#include <stdlib.h>

#include "campaign/signature_priv.h"

size_t pad(struct span text, uint8_t *out)
{
    size_t n = text.n < TEXT_MAX ? text.n : TEXT_MAX;
    out[0] = ' ';
    if (n)
        memcpy(out + 1, text.p, n);
    out[n + 1] = ' ';
    return n + 2;
}

struct signature_scratch *signature_scratch_new(const struct signatures *s)
{
    struct signature_scratch *x = calloc(1, sizeof *x);
    bool ok = x;
    if (ok) {
        x->text = malloc(TEXT_MAX + 2);
        x->count = calloc(s->n + 1, sizeof *x->count);
        x->touched = calloc(s->n + 1, sizeof *x->touched);
        x->agrees = calloc(s->n + 1, 1);
        ok = x->text && x->count && x->touched && x->agrees;
    }
    ok = ok && (!s->body || hs_alloc_scratch(s->body, &x->hs) == HS_SUCCESS);
    ok = ok && (!s->subject || hs_alloc_scratch(s->subject, &x->hs) == HS_SUCCESS);
    if (!ok)
        signature_scratch_free(&x);
    return x;
}

void signature_scratch_free(struct signature_scratch **s)
{
    struct signature_scratch *x = *s;
    *s = NULL;
    if (!x)
        return;
    hs_free_scratch(x->hs);
    free(x->text);
    free(x->count);
    free(x->touched);
    free(x->agrees);
    free(x);
}

struct match { const struct signatures *s; struct signature_scratch *x; };

static int on_passage(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    (void)from, (void)to, (void)flags;
    struct match *m = ctx;
    size_t i = m->s->passage[id].signature;
    if (i != SIZE_MAX && m->x->count[i]++ == 0)
        m->x->touched[m->x->n++] = (uint32_t)i;
    return 0;
}

static int on_subject(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    (void)from, (void)to, (void)flags;
    ((struct match *)ctx)->x->agrees[id] = 1;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool scan(const hs_database_t *db, struct match *m, struct span text, match_event_handler on)
{
    size_t n = pad(text, m->x->text);
    return hs_scan(db, (const char *)m->x->text, (unsigned)n, 0, m->x->hs, on, m) == HS_SUCCESS;
}

size_t signatures_match(const struct signatures *s, struct signature_scratch *x, struct span subject, struct span text,
                        struct signature_hit *out, size_t max)
{
    struct match m = {s, x};
    size_t hits = 0;
    bool wants_subject = false;
    x->n = 0;
    if (!s->body)
        return 0;
    bool ok = scan(s->body, &m, text, on_passage);
    qsort(x->touched, x->n, sizeof *x->touched, by_number);
    for (size_t k = 0; k < x->n; k++)
        wants_subject |= s->one[x->touched[k]].s.wants_subject && x->count[x->touched[k]] >= s->one[x->touched[k]].s.least;
    if (ok && wants_subject && s->subject)
        ok = scan(s->subject, &m, subject, on_subject);
    for (size_t k = 0; k < x->n; k++) {
        uint32_t i = x->touched[k];
        const struct signature *g = &s->one[i].s;
        if (ok && x->count[i] >= g->least && (!g->wants_subject || x->agrees[i])) {
            if (hits < max)
                out[hits] = (struct signature_hit){g->campaign, g->version, g->proof, x->count[i]};
            hits++;
        }
        x->count[i] = 0;
    }
    if (wants_subject)
        memset(x->agrees, 0, s->n);
    return hits;
}
