/* rules_compile: expressions to databases.
 *
 * Every expression goes through PCRE2's compiler first: its errors name an offset, and it knows whether an expression
 * can match nothing (such a one would hit every message). Then Vectorscan takes what it can, all of a target in one
 * database; what it cannot (back-references, look-around, what grows too large) stays with PCRE2. */
#include <stdlib.h>

#include "base/error.h"
#include "filter/rules_priv.h"

/* A body of raw-header may hold any bytes; all other texts are UTF-8 when they are scanned. */
static bool is_utf8(const struct rules_expr *e) { return e->target != TEXT_RAW; }

pcre2_code *rules_pcre(const struct rules_expr *e, int *err, size_t *offset)
{
    uint32_t o = PCRE2_NEVER_BACKSLASH_C;
    o |= is_utf8(e) ? PCRE2_UTF : PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
    o |= e->flags & EXPR_CASELESS ? PCRE2_CASELESS : 0;
    o |= e->flags & EXPR_DOTALL ? PCRE2_DOTALL : 0;
    o |= e->flags & EXPR_MULTILINE ? PCRE2_MULTILINE : 0;
    o |= e->flags & EXPR_UCP ? PCRE2_UCP : 0;
    return pcre2_compile(e->text.p, e->text.n, o, err, offset, NULL);
}

int rules_check_expr(const struct rules_cursor *c, const struct rules_expr *e)
{
    size_t at = c->line_start + e->column - 1, offset = 0;
    int err = 0;
    if (e->target == TEXT_RAW && (e->flags & EXPR_UCP))
        return rules_error(c, at, "flag u does not go with raw-header, which is bytes and not text");
    pcre2_code *code = rules_pcre(e, &err, &offset);
    if (!code) {
        PCRE2_UCHAR text[160];
        if (pcre2_get_error_message(err, text, sizeof text) < 0)
            text[0] = '\0';
        return rules_error(c, at + offset, "bad expression: %s", (const char *)text);
    }
    uint32_t empty = 0;
    pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
    pcre2_code_free(code);
    if (empty)
        return rules_error(c, at, "this expression can match nothing at all, and so would hit every message");
    return POSSE_OK;
}

static unsigned hs_flags(const struct rules_expr *e)
{
    unsigned f = HS_FLAG_SINGLEMATCH;
    f |= is_utf8(e) ? HS_FLAG_UTF8 : 0;
    f |= e->flags & EXPR_CASELESS ? HS_FLAG_CASELESS : 0;
    f |= e->flags & EXPR_DOTALL ? HS_FLAG_DOTALL : 0;
    f |= e->flags & EXPR_MULTILINE ? HS_FLAG_MULTILINE : 0;
    f |= e->flags & EXPR_UCP ? HS_FLAG_UCP : 0;
    return f;
}

/* Expressions of one target, as hs_compile_multi wants them. */
struct group {
    const char **text;
    unsigned *flags, *id;
    unsigned n;
};

static void group_fill(struct group *g, const struct rules *r, int target)
{
    g->n = 0;
    for (size_t i = 0; i < r->n_exprs; i++)
        if (r->expr[i].target == target && !r->expr[i].is_slow) {
            g->text[g->n] = (const char *)r->expr[i].text.p;
            g->flags[g->n] = hs_flags(&r->expr[i]);
            g->id[g->n++] = (unsigned)i;
        }
}

/* What is refused moves to the slow ones, and the rest is tried again. */
static int compile_group(struct rules *r, struct group *g, int target, struct report *why)
{
    for (;;) {
        group_fill(g, r, target);
        if (!g->n)
            return POSSE_OK;
        hs_compile_error_t *e = NULL;
        hs_error_t rc = hs_compile_multi(g->text, g->flags, g->id, g->n, HS_MODE_BLOCK, NULL, &r->db[target], &e);
        if (rc == HS_SUCCESS)
            return POSSE_OK;
        int bad = e ? e->expression : -1;
        char text[200] = "";
        if (e && e->message)
            strncat(text, e->message, sizeof text - 1);
        hs_free_compile_error(e);
        if (rc == HS_NOMEM)
            return report_set(why, POSSE_ENOMEM, "rules: out of memory while compiling them");
        if (bad < 0 || (unsigned)bad >= g->n)
            return report_set(why, POSSE_ESYNTAX, "rules: Vectorscan cannot compile them together: %s", text);
        r->expr[g->id[bad]].is_slow = true;
    }
}

/* Refusing one by one costs a compilation of all; most refusals show in this cheap look at one. */
static void find_slow(struct rules *r)
{
    for (size_t i = 0; i < r->n_exprs; i++) {
        struct rules_expr *e = &r->expr[i];
        hs_expr_info_t *info = NULL;
        hs_compile_error_t *err = NULL;
        e->is_slow = hs_expression_info((const char *)e->text.p, hs_flags(e), &info, &err) != HS_SUCCESS;
        free(info);
        hs_free_compile_error(err);
    }
}

static int compile_all(struct rules *r, struct report *why)
{
    struct group g = {0};
    g.text = malloc((r->n_exprs + 1) * sizeof *g.text);
    g.flags = malloc((r->n_exprs + 1) * sizeof *g.flags);
    g.id = malloc((r->n_exprs + 1) * sizeof *g.id);
    int rc = g.text && g.flags && g.id ? POSSE_OK : report_set(why, POSSE_ENOMEM, "rules: out of memory");
    if (!rc)
        find_slow(r);
    for (int t = 0; t < TEXT_N && !rc; t++)
        rc = compile_group(r, &g, t, why);
    free(g.text);
    free(g.flags);
    free(g.id);
    return rc;
}

/* The slow ones get their code, compiled to machine code where PCRE2 can. */
static int keep_slow(struct rules *r, struct report *why)
{
    for (size_t i = 0; i < r->n_exprs; i++) {
        struct rules_expr *e = &r->expr[i];
        r->has_text[e->target] = true;
        if (!e->is_slow)
            continue;
        int err = 0;
        size_t offset = 0;
        e->code = rules_pcre(e, &err, &offset);
        if (!e->code)
            return report_set(why, POSSE_ENOMEM, "%s:%u: out of memory", e->file, (unsigned)e->line);
        pcre2_jit_compile(e->code, PCRE2_JIT_COMPLETE);
        r->has_slow[e->target] = true;
    }
    return POSSE_OK;
}

int rules_compile(struct rules *r, const char *cache_dir, struct report *why)
{
    if (r->n_exprs && hs_valid_platform() != HS_SUCCESS) {
        for (size_t i = 0; i < r->n_exprs; i++)
            r->expr[i].is_slow = true; /* this processor is too old for Vectorscan */
    } else if (r->n_exprs && !rules_cache_read(r, cache_dir)) {
        int rc = compile_all(r, why);
        if (rc)
            return rc;
        rules_cache_write(r, cache_dir);
    }
    return keep_slow(r, why);
}
