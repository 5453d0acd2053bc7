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

int logs_file_next(struct logs_file *f, struct flow *out, struct report *why)
{
    struct log_why what;
    struct span s;
    if (!f->is_told) {
        int rc = know(f, why);
        if (rc <= 0)
            return rc;
    }
    for (;;) {
        uint64_t at = log_bytes_at(f->bytes);
        int rc = log_bytes_line(f->bytes, &s, why);
        if (rc == 0)
            at_end(f);
        if (rc != 1 && rc != LOG_LINE_LONG)
            return rc;
        f->line++;
        if (rc == LOG_LINE_LONG) {
            broken(f, "a line of more than 1 MB");
            continue;
        }
        if (s.n && s.p[0] == '#' && starts(s, "#separator"))
            f->header = at;
        what.text[0] = '\0';
        switch (one_line(f, s, out, f->lost.lines < LOGS_NAMED ? &what : NULL)) {
        case LOG_RECORD: return 1;
        case LOG_BROKEN: broken(f, what.text); break;
        case LOG_OTHER: f->lost.others++; break;
        case LOG_NOTHING: break;
        }
    }
}

enum logs_format logs_file_format(const struct logs_file *f) { return f->format; }
void logs_file_lost(const struct logs_file *f, struct logs_lost *out) { *out = f->lost; }
uint64_t logs_file_bytes(const struct logs_file *f, uint64_t *of) { return log_bytes_raw(f->bytes, of); }
void logs_file_grows(struct logs_file *f, bool grows) { log_bytes_grows(f->bytes, grows); }
