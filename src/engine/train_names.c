#include "engine/train_names.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "filter/prior.h"

enum { NAME_MAX_BYTES = 48 };

struct name { char text[NAME_MAX_BYTES - 1]; uint8_t view; };

struct train_names {
    unsigned bits;
    struct name **of; /* 1 << bits */
};

struct train_names *train_names_new(unsigned bits)
{
    struct train_names *t = calloc(1, sizeof *t);
    if (t && !(t->of = calloc((size_t)1 << bits, sizeof *t->of))) {
        free(t);
        return NULL;
    }
    if (t)
        t->bits = bits;
    return t;
}

void train_names_free(struct train_names **t)
{
    if (!t || !*t)
        return;
    for (size_t i = 0; i >> (*t)->bits == 0; i++)
        free((*t)->of[i]);
    free((*t)->of);
    free(*t);
    *t = NULL;
}

/* A pair's note points at its second word; the first one is not told. */
static void name_make(struct name *n, unsigned view, const struct note *note)
{
    struct span s = note->label ? span_str(note->label) : note->where;
    size_t len = 0;
    n->view = (uint8_t)view;
    for (size_t i = 0; i < s.n && len < sizeof n->text - 1; i++)
        n->text[len++] = s.p[i] < ' ' || s.p[i] == 0x7f ? ' ' : (char)ascii_lower(s.p[i]);
    n->text[len] = '\0';
}

void train_names_add(struct train_names *t, const struct extracted *x)
{
    for (unsigned v = 0; v < VIEW_GENERAL_N; v++)
        for (uint32_t i = x->set.start[v]; i < x->set.start[v + 1]; i++) {
            struct name **n = &t->of[x->set.slot[i] >> (FEATURE_BITS - t->bits)];
            if (*n || !(*n = malloc(sizeof **n)))
                continue;
            name_make(*n, v, &x->note[i]);
        }
}

struct ranked { uint32_t slot; int16_t weight; };

static int compare_ranked(const void *va, const void *vb)
{
    const struct ranked *a = va, *b = vb;
    return a->weight != b->weight ? (a->weight > b->weight ? -1 : 1) : a->slot < b->slot ? -1 : a->slot > b->slot;
}

static void write_line(FILE *f, const struct train_names *t, const struct ranked *r, double step)
{
    static const char *const views[VIEW_GENERAL_N] = {"subject", "word", "pair ending in", "sender", "fields", "form", "mime", "link"};
    const struct name *n = t->of[r->slot];
    fprintf(f, "%+.2f\t%s\t%s\n", r->weight * step, n ? views[n->view] : "?", n ? n->text : "?");
}

int train_names_write(const struct train_names *t, const int16_t *weight, double step, unsigned most, const char *path,
                      struct report *why)
{
    struct ranked *r = malloc(sizeof *r << t->bits);
    if (!r)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    size_t n = 0;
    for (uint32_t i = 0; i >> t->bits == 0; i++)
        if (weight[i] != 0 && t->of[i])
            r[n++] = (struct ranked){i, weight[i]};
    qsort(r, n, sizeof *r, compare_ranked);
    FILE *f = fopen(path, "w");
    int err = f ? POSSE_OK : report_errno(why, "write", path);
    for (size_t i = 0; f && i < n; i++)
        if (i < most || i + most >= n)
            write_line(f, t, &r[i], step);
    if (f && fclose(f) != 0)
        err = report_errno(why, "write", path);
    free(r);
    return err;
}
