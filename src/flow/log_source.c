#include "flow/log_source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/error.h"

enum { DAY_S = 86400, CONVINCED = 32 };

bool log_source_head(const char *path, size_t n, uint64_t *out)
{
    struct logs_file *f;
    struct span s;
    if (logs_file_open(path, &f, NULL) < 0)
        return false;
    bool ok = logs_file_head(f, n, &s, NULL) == 0 && s.n == n && n > 0;
    if (ok)
        *out = XXH3_64bits(s.p, s.n);
    logs_file_close(&f);
    return ok;
}

int log_source_new(const char *path, struct log_source **out, struct report *why)
{
    struct log_source *s = calloc(1, sizeof *s);
    struct logs_file *f = NULL;
    struct stat st;
    struct span head;
    int rc = POSSE_ENOMEM;
    *out = s;
    if (!s || !(s->path = strdup(path)) || !(s->mark = calloc(LOG_MARKS, sizeof *s->mark))) {
        report_set(why, rc, "%s: no memory to read it", path);
        goto failed;
    }
    s->every = LOG_MARK_EVERY;
    if ((rc = logs_file_open(path, &f, why)) < 0 || (rc = logs_file_head(f, LOG_HEAD, &head, why)) < 0)
        goto failed;
    s->head_n = head.n;
    s->head = head.n ? XXH3_64bits(head.p, head.n) : 0;
    s->first_us = s->clock_us = INT64_MIN;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        s->dev = st.st_dev;
        s->ino = st.st_ino;
        if ((rc = logs_file_first(f, &s->first_us, why)) < 0)
            goto failed;
        s->clock_us = s->first_us;
        logs_file_close(&f);
    }
    s->f = f; /* what comes through a pipe cannot be opened again */
    return 0;
failed:
    logs_file_close(&f);
    log_source_free(out);
    return rc;
}

void log_source_free(struct log_source **sp)
{
    struct log_source *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    logs_file_close(&s->f);
    free(s->path);
    free(s->mark);
    free(s);
}

int log_source_open(struct log_source *s, bool grows, struct report *why)
{
    int rc = s->f ? 0 : logs_file_open(s->path, &s->f, why);
    if (rc < 0)
        return rc;
    logs_file_grows(s->f, grows);
    s->at_end = false;
    return s->at.at ? logs_file_go(s->f, &s->at, why) : 0;
}

void log_source_close(struct log_source *s)
{
    struct logs_lost l;
    if (!s->f)
        return;
    logs_file_place(s->f, &s->at);
    logs_file_lost(s->f, &l);
    logs_sum(&s->gone, &l);
    logs_file_close(&s->f);
}

void log_tick(int64_t *clock_us, unsigned *wild, int64_t us)
{
    int64_t off;
    if (*clock_us == INT64_MIN) {
        *clock_us = us;
        return;
    }
    if (__builtin_sub_overflow(us, *clock_us, &off))
        off = us > *clock_us ? INT64_MAX : INT64_MIN;
    bool is_wild = off > (int64_t)DAY_S * 1000000 || off < -(int64_t)DAY_S * 1000000;
    *wild = is_wild ? *wild + 1 : 0;
    if (is_wild ? *wild >= CONVINCED : off > 0) {
        *clock_us = us;
        *wild = 0;
    }
}

/* Two stretches become one, twice as long. */
static void join_marks(struct log_source *s)
{
    for (size_t i = 0; i < LOG_MARKS / 2; i++) {
        s->mark[i] = s->mark[2 * i];
        if (s->mark[2 * i + 1].last_us > s->mark[i].last_us)
            s->mark[i].last_us = s->mark[2 * i + 1].last_us;
    }
    s->n_marks = LOG_MARKS / 2;
    s->every *= 2;
}

int log_source_next(struct log_source *s, struct flow *out, struct report *why)
{
    struct logs_place before;
    if (s->n_marks == 0 || s->in_mark >= s->every)
        logs_file_place(s->f, &before);
    int rc = logs_file_next(s->f, out, why);
    if (rc != 1)
        return rc;
    if (s->n_marks == 0 || s->in_mark >= s->every) {
        if (s->n_marks == LOG_MARKS)
            join_marks(s);
        s->mark[s->n_marks++] = (struct log_mark){before, INT64_MIN};
        s->in_mark = 0;
    }
    s->in_mark++;
    if (out->start_us > s->mark[s->n_marks - 1].last_us)
        s->mark[s->n_marks - 1].last_us = out->start_us;
    log_tick(&s->clock_us, &s->wild, out->start_us);
    return 1;
}

struct logs_place log_source_at(const struct log_source *s)
{
    struct logs_place at = s->at;
    if (s->f)
        logs_file_place(s->f, &at);
    return at;
}

struct logs_place log_source_held(const struct log_source *s, int64_t told_us)
{
    for (size_t i = 0; i < s->n_marks; i++)
        if (s->mark[i].last_us >= told_us)
            return s->mark[i].from;
    return log_source_at(s);
}

void log_source_lost(const struct log_source *s, struct logs_lost *to)
{
    struct logs_lost l;
    logs_sum(to, &s->gone);
    if (s->f) {
        logs_file_lost(s->f, &l);
        logs_sum(to, &l);
    }
}
