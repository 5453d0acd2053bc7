/* One log: its format is told by its first bytes, then line by line (or packet by packet) handed to that format's reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/log_bytes.h"
#include "flow/log_zeek.h"
#include "flow/logs_priv.h"

struct logs_file {
    struct log_bytes *bytes;
    enum logs_format format;
    bool is_told, is_cut;
    uint64_t line, header;
    struct logs_lost lost;
    char *path;
    struct zeek zeek;
};

void logs_name(struct logs_lost *l, uint64_t so_far, const char *path, uint64_t line, const char *what)
{
    size_t n = strlen(l->first);
    if (so_far >= LOGS_NAMED)
        return;
    const char *between = n ? "; " : "";
    if (line)
        snprintf(l->first + n, sizeof l->first - n, "%s%s:%llu: %s", between, path, (unsigned long long)line, what);
    else
        snprintf(l->first + n, sizeof l->first - n, "%s%s: %s", between, path, what);
}

static bool starts(struct span s, const char *with) { return span_istarts(s, span_str(with)); }

/* LOGS_UNKNOWN: nothing that is read here. */
static enum logs_format tell(struct span head)
{
    struct span first = head;
    while (first.n && (first.p[0] == '\n' || first.p[0] == '\r' || first.p[0] == ' '))
        first = span_sub(first, 1, first.n);
    if (starts(first, "#separator") || starts(first, "#fields\t"))
        return LOGS_ZEEK_TSV;
    return LOGS_UNKNOWN;
}

/* Some bytes must be there; 0: not yet. */
static int know(struct logs_file *f, struct report *why)
{
    struct span head;
    int rc = log_bytes_peek(f->bytes, 4096, &head, why);
    if (rc < 0 || head.n == 0)
        return rc;
    f->format = tell(head);
    f->is_told = true;
    if (f->format == LOGS_UNKNOWN)
        return report_set(why, POSSE_ESYNTAX, "%s: not a flow log that is known (Zeek, Argus, NetFlow, IPFIX, nfdump, Suricata)", f->path);
    return 1;
}

int logs_file_open(const char *path, struct logs_file **out, struct report *why)
{
    struct logs_file *f = calloc(1, sizeof *f);
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    *out = NULL;
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return report_set(why, POSSE_ENOMEM, "%s: no memory to read it", path);
    }
    zeek_init(&f->zeek, strncmp(base, "open_", 5) == 0);
    int rc = log_bytes_open(path, &f->bytes, why);
    if (rc == 0)
        rc = know(f, why);
    if (rc < 0) {
        logs_file_close(&f);
        return rc;
    }
    *out = f;
    return 0;
}

void logs_file_close(struct logs_file **fp)
{
    struct logs_file *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    log_bytes_close(&f->bytes);
    free(f->path);
    free(f);
}

static void broken(struct logs_file *f, const char *what) { logs_name(&f->lost, f->lost.lines++, f->path, f->line, what); }

static enum log_line one_line(struct logs_file *f, struct span s, struct flow *out, struct log_why *why)
{
    uint8_t *p = (uint8_t *)s.p; /* of the reader's own buffer */
    return zeek_tsv(&f->zeek, p, s.n, out, why);
}

/* What is wrong with the bytes themselves is told once, at the end. */
static void at_end(struct logs_file *f)
{
    const char *trouble = log_bytes_trouble(f->bytes);
    if (!trouble || f->is_cut)
        return;
    f->is_cut = true;
    logs_name(&f->lost, f->lost.files++, f->path, 0, trouble);
}

enum { FIRST_MAX = 256 << 10 };

/* A line or what else stands for one; < 0: an error. */
enum { STEP_END, STEP_RECORD, STEP_ON };

static int step(struct logs_file *f, struct flow *out, struct report *why)
{
    struct log_why what = {{0}};
    struct span s;
    uint64_t at = log_bytes_at(f->bytes);
    int rc = log_bytes_line(f->bytes, &s, why);
    if (rc == 0) {
        at_end(f);
        return STEP_END;
    }
    if (rc != 1 && rc != LOG_LINE_LONG)
        return rc;
    f->line++;
    if (rc == LOG_LINE_LONG) {
        broken(f, "a line of more than 1 MB");
        return STEP_ON;
    }
    if (s.n && s.p[0] == '#' && starts(s, "#separator"))
        f->header = at;
    switch (one_line(f, s, out, f->lost.lines < LOGS_NAMED ? &what : NULL)) {
    case LOG_RECORD: return STEP_RECORD;
    case LOG_BROKEN: broken(f, what.text); break;
    case LOG_OTHER: f->lost.others++; break;
    case LOG_NOTHING: break;
    }
    return STEP_ON;
}

int logs_file_next(struct logs_file *f, struct flow *out, struct report *why)
{
    int rc = f->is_told ? 1 : know(f, why);
    if (rc <= 0)
        return rc;
    do
        rc = step(f, out, why);
    while (rc == STEP_ON);
    return rc;
}

int logs_file_first(struct logs_file *f, int64_t *out_us, struct report *why)
{
    struct flow flow;
    int rc = f->is_told ? STEP_ON : know(f, why) < 0 ? POSSE_EIO : STEP_END;
    *out_us = INT64_MIN;
    while (rc == STEP_ON && log_bytes_at(f->bytes) < FIRST_MAX)
        rc = step(f, &flow, why);
    if (rc == STEP_RECORD)
        *out_us = flow.start_us;
    return rc < 0 ? rc : 0;
}

int logs_file_head(struct logs_file *f, size_t n, struct span *out, struct report *why) { return log_bytes_peek(f->bytes, n, out, why); }
int logs_file_fd(const struct logs_file *f) { return log_bytes_fd(f->bytes); }

void logs_file_place(const struct logs_file *f, struct logs_place *out)
{
    *out = (struct logs_place){log_bytes_at(f->bytes), f->line, f->header};
}

/* The lines at the place of the header say what the columns are; then the rest is passed over. */
static int reread_header(struct logs_file *f, const struct logs_place *to, struct report *why)
{
    struct span s, head;
    int rc = log_bytes_skip(f->bytes, to->header, why);
    while (rc == 0 && log_bytes_at(f->bytes) < to->at) {
        if ((rc = log_bytes_peek(f->bytes, 1, &head, why)) < 0 || head.n == 0 || head.p[0] != '#')
            break;
        if ((rc = log_bytes_line(f->bytes, &s, why)) != 1)
            break;
        rc = 0;
        one_line(f, s, &(struct flow){0}, NULL);
    }
    return rc;
}

int logs_file_go(struct logs_file *f, const struct logs_place *to, struct report *why)
{
    int rc = reread_header(f, to, why);
    uint64_t at = log_bytes_at(f->bytes);
    if (rc >= 0 && at < to->at)
        rc = log_bytes_skip(f->bytes, to->at - at, why);
    f->line = to->line;
    f->header = to->header;
    return rc < 0 ? rc : 0;
}

enum logs_format logs_file_format(const struct logs_file *f) { return f->format; }
void logs_file_lost(const struct logs_file *f, struct logs_lost *out) { *out = f->lost; }
uint64_t logs_file_bytes(const struct logs_file *f, uint64_t *of) { return log_bytes_raw(f->bytes, of); }
void logs_file_grows(struct logs_file *f, bool grows) { log_bytes_grows(f->bytes, grows); }
