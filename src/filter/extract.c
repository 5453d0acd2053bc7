#include "filter/extract.h"

#include <stdlib.h>

#include "base/error.h"
#include "filter/shape.h"
#include "filter/view_local.h"
#include "filter/view_text.h"

/* Features a view may have (bench/ablation.md, "caps"). */
static const uint32_t view_cap[VIEW_N] = {
    [VIEW_SUBJECT] = 40, [VIEW_WORD] = 400, [VIEW_PAIR] = 900, [VIEW_SENDER] = 550 /* and all that are dealt out of it */,
    [VIEW_ROUTE] = 300, [VIEW_AUTHOR] = 200, [VIEW_CHAR] = 250,
};

struct extractor {
    struct sink sink;
    const char *const *without; /* sorted */
    size_t n_without;
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

void extractor_without(struct extractor *x, const char *const *words, size_t n)
{
    x->without = words;
    x->n_without = n;
}

static int compare_word(const void *key, const void *entry)
{
    const struct span *k = key;
    const char *word = *(const char *const *)entry;
    size_t n = strlen(word);
    int c = memcmp(k->p, word, k->n < n ? k->n : n);
    return c ? c : k->n < n ? -1 : k->n > n;
}

static void leave_out(const struct extractor *x, struct text *t)
{
    struct token *tok = (struct token *)t->tok; /* made for us by text_fold a moment ago */
    size_t out = 0, start[ZONE_N + 1];
    for (size_t z = 0; z < ZONE_N; z++) {
        start[z] = out;
        for (size_t i = t->zone_start[z]; i < t->zone_start[z + 1]; i++) {
            struct span w = span_of(t->folded.p + tok[i].off, tok[i].len);
            if (!bsearch(&w, x->without, x->n_without, sizeof *x->without, compare_word))
                tok[out++] = tok[i];
        }
    }
    start[ZONE_N] = t->n = out;
    memcpy(t->zone_start, start, sizeof start);
}

static int notes_on(struct extractor *x)
{
    if (!x->note)
        x->note = malloc(FEATURES_MAX * sizeof *x->note);
    x->sink.note = x->note;
    return x->note ? POSSE_OK : POSSE_ENOMEM;
}

static void view_open(struct sink *s, enum view v) { sink_begin(s, v, view_cap[v]); }

static void emit_text(struct sink *s, const struct text *t)
{
    view_open(s, VIEW_SUBJECT);
    subject_emit(s, t);
    sink_end(s);
    view_open(s, VIEW_WORD);
    words_emit(s, t);
    sink_end(s);
    view_open(s, VIEW_PAIR);
    pairs_emit(s, t);
    sink_end(s);
}

static void emit_shape(struct sink *s, const struct shape_in *in, bool with_hosts)
{
    view_open(s, VIEW_SENDER);
    shape_emit(s, in);
    s->tag_now = VIEW_HOST;
    if (with_hosts)
        host_emit(s, in->m);
    sink_sort(s, VIEW_SENDER, VIEW_HOST);
}

static void emit_local(struct sink *s, struct arena *a, const struct message *m)
{
    view_open(s, VIEW_ROUTE);
    route_emit(s, m);
    sink_end(s);
    view_open(s, VIEW_AUTHOR);
    author_emit(s, m);
    sink_end(s);
    view_open(s, VIEW_CHAR);
    char_emit(s, a, m);
    sink_end(s);
}

int extract(struct extractor *x, struct mail_parser *p, struct arena *a, const struct message *m,
            const struct envelope *env, struct extract_what what, struct extracted *out)
{
    x->sink.note = NULL;
    if (what.with_notes && notes_on(x))
        return POSSE_ENOMEM;
    int err = text_fold(a, m, &out->text);
    if (err)
        return err;
    if (x->n_without)
        leave_out(x, &out->text);
    sink_reset(&x->sink);
    struct shape_in in = {.p = p, .a = a, .m = m, .env = env};
    emit_text(&x->sink, &out->text);
    emit_shape(&x->sink, &in, !what.general_only);
    if (!what.general_only)
        emit_local(&x->sink, a, m);
    out->note = x->sink.note;
    return sink_take(&x->sink, a, &out->set);
}
