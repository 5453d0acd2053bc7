/* One log: its format is told by its first bytes, then line by line (or packet by packet) handed to that format's reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/log_argus.h"
#include "flow/log_bytes.h"
#include "flow/log_eve.h"
#include "flow/log_netflow.h"
#include "flow/log_zeek.h"
#include "flow/logs_priv.h"

struct logs_file {
    struct log_bytes *bytes;
    enum logs_format format;
    bool is_told, is_cut, grows;
    uint64_t line, header;
    struct logs_lost lost;
    char *path;
    struct zeek zeek;
    struct columns columns;
    struct netflow *netflow;
    size_t packet; /* bytes of the packet being read, in the buffer */
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

void logs_sum(struct logs_lost *to, const struct logs_lost *l)
{
    uint64_t before = to->lines + to->files;
    size_t n = strlen(to->first), more = strlen(l->first);
    to->lines += l->lines;
    to->records += l->records;
    to->others += l->others;
    to->files += l->files;
    to->late += l->late;
    if (more && before < LOGS_NAMED && n + more + 3 < sizeof to->first) {
        memcpy(to->first + n, "; ", n ? 2 : 0);
        memcpy(to->first + n + (n ? 2 : 0), l->first, more + 1);
    }
}

static bool starts(struct span s, const char *with) { return span_istarts(s, span_str(with)); }

/* LOGS_UNKNOWN: nothing that is read here. */
static enum logs_format tell(struct span head)
{
    struct span first = head;
    if (head.n >= 2 && ((head.p[0] == 0x0c && head.p[1] == 0xa5) || (head.p[0] == 0xa5 && head.p[1] == 0x0c)))
        return LOGS_NFCAPD;
    if (netflow_version(head))
        return netflow_version(head) == 10 ? LOGS_IPFIX : LOGS_NETFLOW;
    while (first.n && (first.p[0] == '\n' || first.p[0] == '\r' || first.p[0] == ' '))
        first = span_sub(first, 1, first.n);
    if (starts(first, "#separator") || starts(first, "#fields\t"))
        return LOGS_ZEEK_TSV;
    ptrdiff_t nl = span_chr(first, '\n');
    struct span line = nl < 0 ? first : span_sub(first, 0, (size_t)nl);
    if (first.n && first.p[0] == '{')
        return span_find(line, SPAN_LIT("\"event_type\"")) >= 0 ? LOGS_EVE : span_chr(line, '"') >= 0 ? LOGS_ZEEK_JSON : LOGS_UNKNOWN;
    struct columns c;
    if (line.n && columns_header(&c, line))
        return starts(span_trim(line), "StartTime") ? LOGS_ARGUS : LOGS_NFDUMP;
    return LOGS_UNKNOWN;
}

/* nfdump's own files are read by it: it prints columns, times as seconds, numbers in full. */
static int ask_nfdump(struct logs_file *f, struct report *why)
{
    static const char columns[] = "ts,te,td,pr,sa,sp,da,dp,ipkt,ibyt,opkt,obyt,flg";
    const char *argv[] = {"nfdump", "-q", "-N", "-6", "-r", f->path, "-o",
                          "fmt:%tsr,%ter,%td,%pr,%sa,%sp,%da,%dp,%ipkt,%ibyt,%opkt,%obyt,%flg", NULL};
    struct log_bytes *program;
    if (strcmp(f->path, "-") == 0)
        return report_set(why, POSSE_EINVAL, "nfcapd's files are read by nfdump, which needs their name: not from standard input");
    int rc = log_bytes_program(argv, &program, why);
    if (rc < 0)
        return report_set(why, rc, "%s: an nfcapd file, and nfdump, which reads those, cannot be run; install the package nfdump", f->path);
    log_bytes_close(&f->bytes);
    f->bytes = program;
    columns_header(&f->columns, SPAN_LIT(columns));
    return 1;
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
    if (f->format == LOGS_NFCAPD)
        return ask_nfdump(f, why);
    if ((f->format == LOGS_NETFLOW || f->format == LOGS_IPFIX) && !(f->netflow = netflow_new()))
        return report_set(why, POSSE_ENOMEM, "%s: no memory to read it", f->path);
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
    netflow_free(&f->netflow);
    free(f->path);
    free(f);
}

static void broken(struct logs_file *f, const char *what) { logs_name(&f->lost, f->lost.lines++, f->path, f->line, what); }

static enum log_line one_line(struct logs_file *f, struct span s, struct flow *out, struct log_why *why)
{
    uint8_t *p = (uint8_t *)s.p; /* of the reader's own buffer */
    switch (f->format) {
    case LOGS_ZEEK_TSV:
    case LOGS_ZEEK_JSON: /* a log may change from one to the other in its middle */
        return s.n && p[0] == '{' ? zeek_json(&f->zeek, p, s.n, out, why) : zeek_tsv(&f->zeek, p, s.n, out, why);
    case LOGS_EVE: return s.n ? eve_line(p, s.n, out, why) : LOG_NOTHING;
    case LOGS_ARGUS:
    case LOGS_NFCAPD:
    case LOGS_NFDUMP: return columns_line(&f->columns, s, out, why);
    default: return LOG_OTHER;
    }
}

static bool begins_header(const struct logs_file *f, struct span line)
{
    struct columns c;
    if (f->format == LOGS_ARGUS || f->format == LOGS_NFDUMP)
        return line.n && ascii_is_alpha(line.p[0]) && columns_header(&c, line);
    return line.n && line.p[0] == '#' && starts(line, "#separator");
}

enum { FIRST_MAX = 256 << 10 };
enum { STEP_END, STEP_RECORD, STEP_ON }; /* what a step came to; < 0: an error */

/* What is wrong with the bytes themselves is told once, at the end. */
static void at_end(struct logs_file *f)
{
    const char *trouble = log_bytes_trouble(f->bytes);
    if (!trouble || f->is_cut)
        return;
    f->is_cut = true;
    logs_name(&f->lost, f->lost.files++, f->path, 0, trouble);
}

/* A record of the packet being read, or the next packet. */
static int packet_step(struct logs_file *f, struct flow *out, struct report *why)
{
    static const struct ip nobody;
    struct span s;
    if (f->packet) {
        if (netflow_next(f->netflow, out))
            return STEP_RECORD;
        log_bytes_take(f->bytes, f->packet);
        f->packet = 0;
        return STEP_ON;
    }
    int rc = log_bytes_peek(f->bytes, NETFLOW_PACKET_MAX, &s, why);
    if (rc < 0)
        return rc;
    if (s.n == 0) {
        at_end(f);
        return STEP_END;
    }
    size_t n = netflow_size(s);
    f->line++;
    if (n == 0 || n > s.n) {
        if (f->grows && s.n < NETFLOW_PACKET_MAX && n) {
            f->line--;
            return STEP_END; /* the rest of it is still to come */
        }
        broken(f, n ? "a packet that is cut short" : "no packet of NetFlow v5, v9 or IPFIX; the rest of the file is not read");
        log_bytes_skip(f->bytes, UINT64_MAX, why);
        return STEP_ON;
    }
    f->packet = n;
    netflow_begin(f->netflow, &nobody, span_of(s.p, n), f->path, f->line);
    return STEP_ON;
}


/* A line or what else stands for one. */
static int step(struct logs_file *f, struct flow *out, struct report *why)
{
    struct log_why what = {{0}};
    struct span s;
    if (f->netflow)
        return packet_step(f, out, why);
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
    if (begins_header(f, s))
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
    if (rc == 0)
        at_end(f);
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

void logs_file_place(const struct logs_file *f, struct logs_place *out)
{
    uint64_t at = log_bytes_at(f->bytes);
    *out = (struct logs_place){at, f->line - (f->packet > 0), f->header, at + f->packet};
}

/* The lines at the place of the header say what the columns are; then the rest is passed over. */
static int reread_header(struct logs_file *f, const struct logs_place *to, struct report *why)
{
    struct span s, head;
    int rc = log_bytes_skip(f->bytes, to->header, why);
    while (rc == 0 && log_bytes_at(f->bytes) < to->at) {
        bool is_first = log_bytes_at(f->bytes) == to->header; /* a header of columns is one line */
        if ((rc = log_bytes_peek(f->bytes, 1, &head, why)) < 0 || head.n == 0 || (head.p[0] != '#' && !is_first) || head.p[0] == '{')
            break;
        if ((rc = log_bytes_line(f->bytes, &s, why)) != 1)
            break;
        rc = 0;
        one_line(f, s, &(struct flow){0}, NULL);
    }
    return rc;
}

/* Packets are read again for their templates. */
static int reread_packets(struct logs_file *f, const struct logs_place *to, struct report *why)
{
    struct flow flow;
    int rc = STEP_ON;
    while (rc > STEP_END && (f->packet || log_bytes_at(f->bytes) < to->at))
        rc = packet_step(f, &flow, why);
    memset(&f->lost, 0, sizeof f->lost);
    return rc < 0 ? rc : 0;
}

int logs_file_go(struct logs_file *f, const struct logs_place *to, struct report *why)
{
    if (!f->is_told && know(f, why) < 0)
        return POSSE_ESYNTAX;
    if (f->netflow)
        return reread_packets(f, to, why);
    int rc = reread_header(f, to, why);
    uint64_t at = log_bytes_at(f->bytes);
    if (rc >= 0 && at < to->at)
        rc = log_bytes_skip(f->bytes, to->at - at, why);
    f->line = to->line;
    f->header = to->header;
    return rc < 0 ? rc : 0;
}

enum logs_format logs_file_format(const struct logs_file *f) { return f->format; }

void logs_file_lost(const struct logs_file *f, struct logs_lost *out)
{
    *out = f->lost;
    if (!f->netflow)
        return;
    struct logs_lost l;
    netflow_lost(f->netflow, &l);
    logs_sum(out, &l);
}

uint64_t logs_file_bytes(const struct logs_file *f, uint64_t *of) { return log_bytes_raw(f->bytes, of); }
void logs_file_grows(struct logs_file *f, bool grows) 
{
    f->grows = grows;
    log_bytes_grows(f->bytes, grows);
}
