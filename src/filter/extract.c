#include "filter/extract.h"

#include <stdlib.h>

#include "base/error.h"
#include "filter/shape.h"
#include "filter/view_local.h"
#include "filter/view_text.h"

/* Features a view may have. Experiment: bench/ablation.md, "caps". */
static const uint32_t view_cap[VIEW_N] = {
    [VIEW_WORD] = 600, [VIEW_PAIR] = 1000, [VIEW_SHAPE] = 400, [VIEW_HEAD] = 700, [VIEW_RAW] = 450, [VIEW_CHAR] = 450,
};

struct extractor {
    struct sink sink;
    struct note *note;
};

struct extractor *extractor_new(void)
{
    struct extractor *x = calloc(1, sizeof *x);
    if (x && sink_init(&x->sink)) {
        free(x);
        return NULL;
    }
    return x;
}

void extractor_free(struct extractor **x)
{
    if (!x || !*x)
        return;
    sink_deinit(&(*x)->sink);
    free((*x)->note);
    free(*x);
    *x = NULL;
}

static int notes_on(struct extractor *x)
{
    if (!x->note)
        x->note = malloc(FEATURES_MAX * sizeof *x->note);
    x->sink.note = x->note;
    return x->note ? POSSE_OK : POSSE_ENOMEM;
}

static void view_emit(struct extractor *x, enum view v, const struct shape_in *in, const struct text *t)
{
    struct sink *s = &x->sink;
    sink_begin(s, v, view_cap[v]);
    switch (v) {
    case VIEW_WORD: words_emit(s, t); break;
    case VIEW_PAIR: pairs_emit(s, t); break;
    case VIEW_SHAPE: shape_emit(s, in); break;
    case VIEW_HEAD: head_emit(s, in->m); break;
    case VIEW_RAW: raw_emit(s, in->m); break;
    case VIEW_CHAR: char_emit(s, in->a, in->m); break;
    case VIEW_N: break;
    }
    sink_end(s);
}

int extract(struct extractor *x, struct mail_parser *p, struct arena *a, const struct message *m,
            const struct envelope *env, bool with_notes, struct extracted *out)
{
    x->sink.note = NULL;
    if (with_notes && notes_on(x))
        return POSSE_ENOMEM;
    int err = text_fold(a, m, &out->text);
    if (err)
        return err;
    sink_reset(&x->sink);
    struct shape_in in = {.p = p, .a = a, .m = m, .env = env};
    for (int v = 0; v < VIEW_N; v++)
        view_emit(x, (enum view)v, &in, &out->text);
    out->note = x->sink.note;
    return sink_take(&x->sink, a, &out->set);
}
