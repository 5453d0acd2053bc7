/* Many logs as one, in order of time. Sources wait in order of their first record until the others have come that far; of the open ones
 * that with the earliest clock is read, record by record, into log_hold; what began before the earliest clock minus the slack is told.
 * A record from before what was told already is told at once, out of order, and counted as late. */
#include "flow/logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "flow/log_hold.h"
#include "flow/log_pair.h"
#include "flow/log_source.h"
#include "flow/log_text.h"
#include "flow/log_twins.h"

enum { OPEN_MAX_LOGS = 128, SECOND_US = 1000000, BYTES_A_RECORD = 512, COLLECT_MOST = 1 << 16 };

struct logs {
    struct logs_options o;
    int64_t slack_us;
    char **path;
    size_t n_paths;
    struct log_source **all, **open, **wait; /* wait: in order of first_us, from next_wait on */
    size_t n_all, cap_all, n_open, n_wait, next_wait;
    struct log_source *now; /* being read until its clock passes until_clock */
    int64_t limit_us, until_us; /* now's; what began before it may be told */
    struct log_hold *hold;
    struct log_pair *pair;  /* once there was a half flow */
    struct log_twins twins;
    struct collector *net;  /* with a socket; NULL: none */
    int64_t net_clock;
    unsigned net_wild;
    int64_t ordered_us;     /* what began before went from the hold to pair */
    int64_t told_us;        /* all that began before is told, and told_n of those that began then */
    uint64_t told_n, skip_n, late;
    bool is_flushed;
    struct logs_lost bad;   /* files that are no log */
};

static int by_first(const void *va, const void *vb)
{
    const struct log_source *const *a = va, *const *b = vb;
    if ((*a)->first_us != (*b)->first_us)
        return (*a)->first_us < (*b)->first_us ? -1 : 1;
    return strcmp((*a)->path, (*b)->path);
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t x;
    return __builtin_sub_overflow(a, b, &x) ? INT64_MIN : x;
}

static bool same_file(const struct log_source *s, const struct stat *st) { return s->ino && s->ino == st->st_ino && s->dev == st->st_dev; }

static struct log_source *by_inode(const struct logs *l, const struct stat *st)
{
    for (size_t i = 0; i < l->n_all; i++)
        if (same_file(l->all[i], st))
            return l->all[i];
    return NULL;
}

static int keep(struct logs *l, struct log_source *s)
{
    if (l->n_all == l->cap_all) {
        size_t cap = l->cap_all ? l->cap_all * 2 : 64;
        struct log_source **all = realloc(l->all, cap * sizeof *all), **open, **wait;
        if (all)
            l->all = all;
        open = realloc(l->open, cap * sizeof *open);
        if (open)
            l->open = open;
        wait = realloc(l->wait, cap * sizeof *wait);
        if (wait)
            l->wait = wait;
        if (!all || !open || !wait)
            return POSSE_ENOMEM;
        l->cap_all = cap;
    }
    l->all[l->n_all++] = s;
    return 0;
}

static void line_up(struct logs *l, struct log_source *s)
{
    memmove(l->wait, l->wait + l->next_wait, (l->n_wait - l->next_wait) * sizeof *l->wait);
    l->n_wait -= l->next_wait;
    l->next_wait = 0;
    l->wait[l->n_wait++] = s;
}

struct finding { struct logs *l; struct report *why; bool is_named; };

/* What is no log is an error where it was asked for by its name, and counted where it only lies in a folder. */
static int found(void *ctx, const char *path)
{
    struct finding *at = ctx;
    struct logs *l = at->l;
    struct log_source *s;
    struct report why = {0};
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && by_inode(l, &st))
        return 0; /* given twice */
    int rc = log_source_new(path, &s, &why);
    if (rc < 0 && (rc == POSSE_ENOMEM || at->is_named))
        return report_set(at->why, rc, "%s", why.text);
    if (rc < 0) {
        const char *what = strncmp(why.text, path, strlen(path)) == 0 && why.text[strlen(path)] == ':' ? why.text + strlen(path) + 2 : why.text;
        logs_name(&l->bad, l->bad.files++, path, 0, what);
        return 0;
    }
    if ((rc = keep(l, s)) < 0) {
        log_source_free(&s);
        return report_set(at->why, rc, "no memory for so many logs");
    }
    line_up(l, s);
    return 0;
}

int logs_open(const char *const *path, size_t n, const struct logs_options *o, struct logs **out, struct report *why)
{
    struct logs *l = calloc(1, sizeof *l);
    int rc = 0;
    *out = l;
    if (!l || !(l->hold = log_hold_new()) || !(l->path = calloc(n ? n : 1, sizeof *l->path))) {
        logs_close(out);
        return report_set(why, POSSE_ENOMEM, "no memory to read logs");
    }
    if (o)
        l->o = *o;
    l->slack_us = (l->o.slack_ms ? l->o.slack_ms : 3600000) * 1000;
    l->o.max_ahead = l->o.max_ahead ? l->o.max_ahead : 1000000;
    l->until_us = l->told_us = l->ordered_us = l->net_clock = INT64_MIN;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct stat st;
        struct finding at = {l, why, stat(path[i], &st) < 0 || !S_ISDIR(st.st_mode)};
        if (!(l->path[l->n_paths++] = strdup(path[i])))
            rc = report_set(why, POSSE_ENOMEM, "no memory to read logs");
        else
            rc = log_find(path[i], found, &at, why);
    }
    if (rc < 0) {
        logs_close(out);
        return rc;
    }
    if (l->n_wait)
        qsort(l->wait, l->n_wait, sizeof *l->wait, by_first);
    return 0;
}

void logs_close(struct logs **lp)
{
    struct logs *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    for (size_t i = 0; i < l->n_all; i++)
        log_source_free(&l->all[i]);
    for (size_t i = 0; i < l->n_paths; i++)
        free(l->path[i]);
    free(l->path);
    free(l->all);
    free(l->open);
    free(l->wait);
    log_hold_free(&l->hold);
    log_pair_free(&l->pair);
    collector_free(&l->net);
    free(l);
}

static void drop_open(struct logs *l, size_t i)
{
    log_source_close(l->open[i]);
    l->open[i]->is_over = true;
    l->open[i] = l->open[--l->n_open];
}

/* Opens the next that waits; one that cannot be opened any more is counted. */
static void open_next(struct logs *l)
{
    struct log_source *s = l->wait[l->next_wait++];
    struct report why = {0};
    if (log_source_open(s, l->o.follow, &why) == 0) {
        l->open[l->n_open++] = s;
        return;
    }
    logs_name(&l->bad, l->bad.files++, s->path, 0, why.text);
    log_source_close(s);
    s->is_over = true;
}

/* The source whose turn it is, and for how long; NULL: all are at their end. */
static struct log_source *choose(struct logs *l)
{
    for (;;) {
        struct log_source *least = NULL;
        int64_t second = INT64_MAX;
        for (size_t i = 0; i < l->n_open; i++) {
            struct log_source *s = l->open[i];
            if (s->at_end)
                continue;
            if (!least || s->clock_us < least->clock_us) {
                second = least ? least->clock_us : second;
                least = s;
            } else if (s->clock_us < second) {
                second = s->clock_us;
            }
        }
        int64_t waits = l->next_wait < l->n_wait ? l->wait[l->next_wait]->first_us : INT64_MAX;
        if (l->next_wait < l->n_wait && (!least || waits <= least->clock_us) && l->n_open < OPEN_MAX_LOGS) {
            open_next(l);
            continue;
        }
        if (!least)
            return NULL;
        second = waits < second ? waits : second;
        l->until_us = minus(least->clock_us < waits ? least->clock_us : waits, l->slack_us);
        int64_t step = least->clock_us > INT64_MAX - SECOND_US ? INT64_MAX : least->clock_us + SECOND_US;
        l->limit_us = second < step && second > least->clock_us ? second : step;
        return least;
    }
}

/* From the hold, if anything is old enough; from the first half flow on by way of log_pair. */
static int take(struct logs *l, struct flow *out)
{
    for (;;) {
        int rc = l->pair ? log_pair_take(l->pair, l->ordered_us, out) : 0;
        if (rc != 0)
            return rc;
        rc = log_hold_take(l->hold, l->until_us, out);
        if (rc < 0 || (rc > 0 && !l->pair && !out->is_half))
            return rc;
        int64_t before = l->ordered_us;
        l->ordered_us = rc > 0 ? out->start_us : l->until_us;
        if (rc == 0 && (!l->pair || l->ordered_us <= before))
            return 0;
        if (rc > 0 && !l->pair && !(l->pair = log_pair_new()))
            return POSSE_ENOMEM;
        if (rc > 0 && (rc = log_pair_put(l->pair, out)) < 0)
            return rc;
    }
}

/* In a resumed reading those are passed over that were told before. */
static int tell(struct logs *l, struct flow *out, struct report *why)
{
    int rc;
    while ((rc = take(l, out)) > 0) {
        if (log_twins_seen(&l->twins, out)) {
            l->bad.twins++;
            continue;
        }
        if (l->skip_n && out->start_us == l->told_us) {
            l->skip_n--;
            continue;
        }
        l->skip_n = 0;
        if (out->start_us < l->told_us)
            return 1; /* off the network, and late */
        l->told_n = out->start_us == l->told_us ? l->told_n + 1 : 1;
        l->told_us = out->start_us;
        return 1;
    }
    return rc < 0 ? report_set(why, rc, "no memory to put records in order") : 0;
}

static void is_at_end(struct logs *l, struct log_source *s)
{
    for (size_t i = 0; i < l->n_open; i++)
        if (l->open[i] == s) {
            if (!l->o.follow || s->is_gone) {
                drop_open(l, i);
            } else if (l->n_open > OPEN_MAX_LOGS / 2) { /* so many can be kept open; this one is looked at by its size */
                logs_file_bytes(s->f, &s->parked);
                log_source_close(s);
                l->open[i] = l->open[--l->n_open];
            } else {
                s->at_end = true;
            }
            break;
        }
    l->now = NULL;
}

static int hold(struct logs *l, const struct flow *f, struct report *why)
{
    if (log_hold_put(l->hold, f) < 0)
        return report_set(why, POSSE_ENOMEM, "no memory to put records in order");
    if (log_hold_count(l->hold) > l->o.max_ahead || log_hold_bytes(l->hold) / BYTES_A_RECORD > l->o.max_ahead) {
        int64_t first = log_hold_first(l->hold);
        if (first < INT64_MAX - 2 * SECOND_US && l->until_us < first + SECOND_US)
            l->until_us = first + SECOND_US;
    }
    return 0;
}

/* One record of the source whose turn it is: 1: it is late, tell it; 0: on; < 0: an error. */
static int read_one(struct logs *l, struct flow *out, struct report *why)
{
    struct log_source *s = l->now;
    struct report trouble = {0};
    uint64_t at = s->again ? log_source_at(s).at : 0;
    int rc = log_source_next(s, out, &trouble);
    if (rc <= 0) {
        if (rc < 0) { /* a disk that fails, a file that is cut under us: the others go on */
            logs_name(&l->bad, l->bad.files++, s->path, 0, trouble.text);
            s->is_gone = true;
        }
        is_at_end(l, s);
        return 0;
    }
    if (s->clock_us > l->limit_us)
        l->now = NULL;
    if (out->start_us < l->told_us || log_hold_is_past(l->hold, out->start_us)) {
        if (at < s->again)
            return 0; /* told before the resume */
        l->late++;
        return 1;
    }
    return hold(l, out, why);
}

/* All were read to their end: what is left to tell. */
static void nothing_to_read(struct logs *l)
{
    int64_t last = l->net_clock;
    for (size_t i = 0; i < l->n_open; i++)
        last = l->open[i]->clock_us > last ? l->open[i]->clock_us : last;
    l->until_us = l->o.follow && !l->is_flushed ? minus(last, l->slack_us) : INT64_MAX;
}

static bool look(struct logs *l, struct report *why);

int logs_next(struct logs *l, struct flow *out, struct report *why)
{
    for (bool has_looked = false;;) {
        int rc = tell(l, out, why);
        if (rc != 0)
            return rc;
        if (!l->now && !(l->now = choose(l))) {
            if (l->net && (rc = logs_collect(l, why)) < 0)
                return rc;
            nothing_to_read(l);
            if ((rc = tell(l, out, why)) != 0)
                return rc;
            l->is_flushed = false;
            if (!l->o.follow || has_looked || !look(l, why))
                return 0;
            has_looked = true;
            continue;
        }
        if ((rc = read_one(l, out, why)) != 0)
            return rc;
    }
}

int logs_listen(struct logs *l, const char *where, struct report *why)
{
    int rc = l->net ? 0 : collector_new(&l->net, why);
    return rc < 0 ? rc : collector_bind(l->net, where, why);
}

int logs_socket(const struct logs *l, unsigned *port_out)
{
    *port_out = l->net ? collector_port(l->net) : 0;
    return l->net ? collector_fd(l->net) : -1;
}

int logs_collect(struct logs *l, struct report *why)
{
    struct flow f;
    int rc = 0;
    for (unsigned i = 0; l->net && i < COLLECT_MOST && (rc = collector_next(l->net, &f, why)) > 0; i++) {
        log_tick(&l->net_clock, &l->net_wild, f.start_us);
        l->late += f.start_us < l->told_us || log_hold_is_past(l->hold, f.start_us);
        if ((rc = hold(l, &f, why)) < 0)
            break;
    }
    return rc < 0 ? rc : 0;
}

void logs_flush(struct logs *l) { l->is_flushed = true; }

/* A file of a new name: one that is known was renamed (the same inode) or packed (the same first bytes, and the old name is gone). */
static int appeared(void *ctx, const char *path)
{
    struct finding *at = ctx;
    struct logs *l = at->l;
    struct log_source *known;
    struct stat st;
    if (stat(path, &st) < 0)
        return 0;
    if ((known = by_inode(l, &st))) {
        if (strcmp(known->path, path) != 0) {
            char *copy = strdup(path);
            if (!copy)
                return report_set(at->why, POSSE_ENOMEM, "no memory to read logs");
            free(known->path);
            known->path = copy;
            known->is_gone = false;
        }
        return 0;
    }
    size_t before = l->n_all;
    int rc = found(ctx, path);
    if (rc < 0 || l->n_all == before)
        return rc;
    struct log_source *s = l->all[before];
    uint64_t head;
    for (size_t i = 0; i < before; i++) {
        known = l->all[i];
        if (known->is_gone && known->head_n && log_source_head(path, known->head_n, &head) && head == known->head) {
            s->at = log_source_at(known);
            s->clock_us = s->first_us = known->clock_us;
            known->head_n = 0;
            break;
        }
    }
    return 0;
}

/* The names that sources have in the folders: is it still the same file behind them? One cut to nothing begins anew. */
static void check_names(struct logs *l)
{
    for (size_t i = 0; i < l->n_all; i++) {
        struct log_source *s = l->all[i];
        struct stat st;
        if (!s->ino || s->is_gone)
            continue;
        s->is_gone = stat(s->path, &st) < 0 || !same_file(s, &st) || (s->f && (uint64_t)st.st_size < logs_file_bytes(s->f, NULL));
        if (s->is_gone && s->f && stat(s->path, &st) == 0 && same_file(s, &st))
            s->ino = 0; /* it was cut: the same file will be found as a new one */
    }
}

/* Folders and files again: true if there may be something to read. */
static bool look(struct logs *l, struct report *why)
{
    size_t before = l->n_all;
    bool more = false;
    check_names(l);
    for (size_t i = 0; i < l->n_paths; i++) {
        struct finding at = {l, why, false};
        if (strcmp(l->path[i], "-") != 0)
            log_find(l->path[i], appeared, &at, NULL);
    }
    for (size_t i = 0; i < before; i++) {
        struct log_source *s = l->all[i];
        struct stat st;
        if (s->parked && stat(s->path, &st) == 0 && same_file(s, &st) && (uint64_t)st.st_size > s->parked) {
            s->parked = 0;
            line_up(l, s);
            more = true;
        }
    }
    if (l->next_wait < l->n_wait)
        qsort(l->wait + l->next_wait, l->n_wait - l->next_wait, sizeof *l->wait, by_first);
    for (size_t i = 0; i < l->n_open; i++) {
        l->open[i]->at_end = false; /* each is tried once more */
        more = true;
    }
    return more || l->n_all > before;
}

void logs_lost(const struct logs *l, struct logs_lost *out)
{
    *out = l->bad;
    out->late = l->late;
    for (size_t i = 0; i < l->n_all; i++)
        log_source_lost(l->all[i], out);
    if (l->net) {
        struct logs_lost lost;
        collector_lost(l->net, &lost);
        logs_sum(out, &lost);
    }
}

uint64_t logs_bytes(const struct logs *l, uint64_t *of_out)
{
    uint64_t read = 0, all = 0;
    for (size_t i = 0; i < l->n_all; i++) {
        struct log_source *s = l->all[i];
        uint64_t of = 0, got = s->f ? logs_file_bytes(s->f, &of) : 0;
        struct stat st;
        if (!s->f && stat(s->path, &st) == 0)
            of = (uint64_t)st.st_size;
        read += s->is_over ? of : got;
        all += of;
    }
    *of_out = all;
    return read;
}

/* "posse-logs 1 TOLD_US N", then a line for each source that was begun:
 * "HEAD HEAD_N FROM LINE HEADER READ PATH": a reader begins at FROM, and knows that it read up to READ before. */
int logs_position(const struct logs *l, struct buf *out)
{
    buf_add_fmt(out, "posse-logs 1 %" PRId64 " %" PRIu64 "\n", l->told_us, l->told_n);
    for (size_t i = 0; i < l->n_all; i++) {
        const struct log_source *s = l->all[i];
        struct logs_place from = log_source_held(s, l->told_us), at = log_source_at(s);
        uint64_t read = at.end > s->again ? at.end : s->again;
        if (s->head_n && read && !strchr(s->path, '\n'))
            buf_add_fmt(out, "%016" PRIx64 " %zu %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", s->head, s->head_n, from.at, from.line,
                        from.header, read, s->path);
    }
    return buf_error(out);
}

struct entry { uint64_t head, head_n, from, line, header, read; struct span path; };

static bool read_entry(struct span line, struct entry *e)
{
    char copy[160];
    int n = 0;
    size_t some = line.n < sizeof copy - 1 ? line.n : sizeof copy - 1;
    memcpy(copy, line.p, some);
    copy[some] = '\0';
    if (sscanf(copy, "%" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &e->head, &e->head_n, &e->from, &e->line,
               &e->header, &e->read, &n) != 6 || n == 0)
        return false;
    e->path = span_sub(line, (size_t)n, line.n);
    return e->head_n > 0 && e->head_n <= LOG_HEAD && e->header <= e->from && e->from <= e->read;
}

/* By its name, else by its first bytes under another. */
static struct log_source *match(const struct logs *l, const struct entry *e)
{
    for (int by_name = 1; by_name >= 0; by_name--)
        for (size_t i = 0; i < l->n_all; i++) {
            struct log_source *s = l->all[i];
            uint64_t head = s->head;
            if (s->again || s->head_n < e->head_n || (by_name && !span_eq(span_str(s->path), e->path)))
                continue;
            if (s->head_n > e->head_n && !log_source_head(s->path, e->head_n, &head))
                continue;
            if (head == e->head)
                return s;
        }
    return NULL;
}

int logs_resume(struct logs *l, struct span position, struct report *why)
{
    struct span rest = position, line;
    char copy[80] = "";
    if (!log_field(&rest, '\n', &line) || line.n >= sizeof copy)
        return report_set(why, POSSE_ESYNTAX, "this is no position in logs");
    memcpy(copy, line.p, line.n);
    if (sscanf(copy, "posse-logs 1 %" SCNd64 " %" SCNu64, &l->told_us, &l->told_n) != 2)
        return report_set(why, POSSE_ESYNTAX, "this is no position in logs, or one of another version");
    l->skip_n = l->told_n;
    while (log_field(&rest, '\n', &line) && line.n) {
        struct entry e;
        if (!read_entry(line, &e))
            return report_set(why, POSSE_ESYNTAX, "a position in logs is damaged");
        struct log_source *s = match(l, &e);
        if (!s)
            continue; /* it is gone */
        s->at = (struct logs_place){e.from, e.line, e.header, e.from};
        s->again = e.read;
    }
    return 0;
}
