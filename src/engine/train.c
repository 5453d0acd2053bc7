#include "engine/train.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "engine/train_names.h"
#include "filter/extract.h"
#include "filter/prior_train.h"
#include "store/snapshot.h"

enum { FEATURES_LISTED = 150, LINE_MAX_BYTES = 8192, TRAIN_ARENA_BYTES = 96 << 20 };

struct word_list { char **word; size_t n; };

static int compare_words(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int words_read(struct word_list *w, const char *path, struct report *why)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return report_errno(why, "open", path);
    char line[256];
    int err = POSSE_OK;
    while (!err && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        char **p = realloc(w->word, (w->n + 1) * sizeof *p);
        if (p)
            w->word = p;
        if (!p || !(w->word[w->n] = strdup(line)))
            err = report_set(why, POSSE_ENOMEM, "out of memory");
        else
            w->n++;
    }
    fclose(f);
    if (w->n)
        qsort(w->word, w->n, sizeof *w->word, compare_words);
    return err;
}

static void words_free(struct word_list *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->word[i]);
    free(w->word);
}

struct corpus_reader {
    const struct train_options *o;
    struct report *why;
    struct train_example *ex;
    size_t n, cap;
    unsigned n_sources, n_corpora, bits;
    struct mail_parser *parser;
    struct extractor *extractor;
    struct arena *arena;
    struct train_names *names;  /* NULL: not asked for */
    uint8_t *bytes;
    size_t cap_bytes;
};

static int read_message(struct corpus_reader *r, const char *path, size_t *n_out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = report_errno(r->why, "open", path);
        if (fd >= 0)
            close(fd);
        return err;
    }
    size_t want = (size_t)st.st_size < r->o->max_bytes ? (size_t)st.st_size : r->o->max_bytes, got = 0;
    if (want > r->cap_bytes) {
        uint8_t *p = realloc(r->bytes, want);
        if (!p) {
            close(fd);
            return report_set(r->why, POSSE_ENOMEM, "out of memory");
        }
        r->bytes = p;
        r->cap_bytes = want;
    }
    while (got < want) {
        ssize_t k = read(fd, r->bytes + got, want - got);
        if (k <= 0) {
            if (k < 0 && errno == EINTR)
                continue;
            break;
        }
        got += (size_t)k;
    }
    close(fd);
    *n_out = got;
    return got == want ? POSSE_OK : report_errno(r->why, "read", path);
}

/* The sender's domain, two labels of it; without one, the path's folder: the people of one archive write alike. */
static uint32_t block_of(const struct message *m, const char *path)
{
    const struct field *from = message_field(m, FIELD_FROM);
    ptrdiff_t at = from ? span_chr(from->raw, '@') : -1;
    const char *slash = strrchr(path, '/');
    struct span s = span_of(path, slash ? (size_t)(slash - path) : 0);
    if (at >= 0) {
        s = span_sub(from->raw, (size_t)at + 1, from->raw.n);
        size_t n = 0, dots = 0;
        while (n < s.n && (ascii_is_alnum(s.p[n]) || s.p[n] == '.' || s.p[n] == '-'))
            n++;
        s.n = n;
        while (n > 0 && (dots += s.p[n - 1] == '.') < 2)
            n--;
        s = span_sub(s, n, s.n);
    }
    return (uint32_t)hash64(s, 1);
}

static int keep(struct corpus_reader *r, const struct message *m, const struct extracted *x, const char *path, bool is_spam)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 4096;
        struct train_example *p = realloc(r->ex, cap * sizeof *p);
        if (!p)
            return POSSE_ENOMEM;
        r->ex = p;
        r->cap = cap;
    }
    const struct feature_set *f = &x->set;
    uint32_t n = f->start[VIEW_GENERAL_N];
    uint32_t *slot = malloc(n * sizeof *slot + 1);
    if (!slot)
        return POSSE_ENOMEM;
    struct train_example *e = &r->ex[r->n++];
    *e = (struct train_example){.slot = slot, .source = (uint8_t)r->n_sources, .corpus = (uint8_t)r->n_corpora,
                                .is_spam = is_spam, .block = block_of(m, path), .is_english = x->text.is_english};
    for (uint32_t i = 0; i < n; i++)
        slot[i] = f->slot[i] >> (FEATURE_BITS - r->bits);
    for (unsigned v = 0; v < VIEW_GENERAL_N; v++)
        e->n[v] = (uint16_t)(f->start[v + 1] - f->start[v]);
    return POSSE_OK;
}

static int take_message(struct corpus_reader *r, const char *path, bool is_spam)
{
    size_t n = 0;
    int err = read_message(r, path, &n);
    if (err)
        return err;
    struct message *m;
    struct extracted x;
    arena_reset(r->arena);
    err = message_parse(r->parser, r->arena, span_of(r->bytes, n), &m);
    if (!err)
        err = extract(r->extractor, r->parser, r->arena, m, NULL,
                      (struct extract_what){.with_notes = r->names != NULL, .general_only = true}, &x);
    if (!err)
        err = keep(r, m, &x, path, is_spam);
    if (err)
        return report_set(r->why, err, "%s: %s", path, posse_strerror(err));
    if (r->names)
        train_names_add(r->names, &x);
    if (r->o->step)
        r->o->step(r->o->ctx);
    return POSSE_OK;
}

static int take_line(struct corpus_reader *r, const char *index, unsigned line_no, char *line)
{
    char *path = strchr(line, '\t');
    if (path)
        *path++ = '\0';
    if (!path || (strcmp(line, "spam") != 0 && strcmp(line, "ham") != 0))
        return report_set(r->why, POSSE_ESYNTAX, "%s:%u: expected spam or ham, a tab and a path", index, line_no);
    path[strcspn(path, "\t\r\n")] = '\0';
    char full[LINE_MAX_BYTES];
    const char *slash = strrchr(index, '/');
    int dir = slash ? (int)(slash - index) : 1;
    if (path[0] == '/')
        snprintf(full, sizeof full, "%s", path);
    else if (r->o->root)
        snprintf(full, sizeof full, "%s/%s", r->o->root, path);
    else
        snprintf(full, sizeof full, "%.*s/%s", dir, slash ? index : ".", path);
    return take_message(r, full, line[0] == 's');
}

static int take_index(struct corpus_reader *r, const char *index)
{
    FILE *f = fopen(index, "r");
    if (!f)
        return report_errno(r->why, "open", index);
    char line[LINE_MAX_BYTES];
    int err = POSSE_OK;
    for (unsigned no = 1; !err && fgets(line, sizeof line, f); no++)
        if (line[0] != '\n' && line[0] != '#')
            err = take_line(r, index, no, line);
    fclose(f);
    r->n_corpora++;
    return err;
}

static int take_source(struct corpus_reader *r, const char *source)
{
    char *copy = strdup(source), *rest = copy;
    if (!copy)
        return report_set(r->why, POSSE_ENOMEM, "out of memory");
    int err = POSSE_OK;
    for (char *index; !err && (index = strsep(&rest, "+"));)
        err = *index ? take_index(r, index) : report_set(r->why, POSSE_ESYNTAX, "%s: an empty name beside '+'", source);
    free(copy);
    r->n_sources++;
    return err;
}

static void pass_step(void *ctx, double done)
{
    const struct train_options *o = ctx;
    (void)done;
    if (o->step)
        o->step(o->ctx);
}

static int write_prior(const struct train_options *o, const struct train_result *t, struct report *why)
{
    struct snapshot_section s[] = {
        {"prior.head", span_of(&t->head, sizeof t->head)},
        {"prior.weights", span_of(t->weight, sizeof *t->weight << (o->bits ? o->bits : PRIOR_BITS))},
        {"prior.calib", span_of(&t->calib, sizeof t->calib)},
    };
    return snapshot_write(o->out, SNAPSHOT_PRIOR, s, sizeof s / sizeof *s, why);
}

int train_run(const struct train_options *o, struct report *why)
{
    struct corpus_reader r = {.o = o, .why = why, .bits = o->bits ? o->bits : PRIOR_BITS, .parser = mail_parser_new(NULL), .extractor = extractor_new(),
                              .arena = arena_new(TRAIN_ARENA_BYTES)};
    int err = r.parser && r.extractor && r.arena ? POSSE_OK : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!err && o->features && !(r.names = train_names_new(r.bits)))
        err = report_set(why, POSSE_ENOMEM, "out of memory");
    struct word_list without = {0};
    if (!err && o->without)
        err = words_read(&without, o->without, why);
    if (!err)
        extractor_without(r.extractor, (const char *const *)without.word, without.n);
    if (!err && o->n_index > TRAIN_SOURCES_MAX)
        err = report_set(why, POSSE_EINVAL, "at most %d sources", TRAIN_SOURCES_MAX);
    for (size_t i = 0; i < o->n_index && !err; i++)
        err = take_source(&r, o->index[i]);
    struct train_result t = {.weight = NULL};
    if (!err)
        err = prior_train(r.ex, r.n, r.n_sources, r.n_corpora, r.bits, pass_step, (void *)o, &t, why);
    if (!err)
        err = write_prior(o, &t, why);
    if (!err && r.names)
        err = train_names_write(r.names, t.weight, t.head.step * t.head.slope, FEATURES_LISTED, o->features, why);
    train_names_free(&r.names);
    free(t.weight);
    for (size_t i = 0; i < r.n; i++)
        free((void *)r.ex[i].slot);
    free(r.ex);
    words_free(&without);
    free(r.bytes);
    arena_free(&r.arena);
    extractor_free(&r.extractor);
    mail_parser_free(&r.parser);
    return err;
}
