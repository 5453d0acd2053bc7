/* posse case export with a form: blocklists, and what analysts read, made of the sealed findings. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli_case.h"
#include "cli/verdict_out.h"

enum { EXPORT_BYTES = 1 << 30, DAYS_MOST = 3650 };

bool case_list_option(struct case_request *q, int key, const char *arg)
{
    switch (key) {
    case OPT_AT: q->at = arg; return true;
    case OPT_OUT: q->out = arg; return true;
    case OPT_CONTACTS: q->contacts = arg; return true;
    case OPT_RECEIVERS: q->receivers = arg; return true;
    case OPT_DAYS: q->days = arg; return true;
    case OPT_ORG: q->org = arg; return true;
    case OPT_CONTACT: q->contact = arg; return true;
    case OPT_RESERVED: q->lists_reserved = true; return true;
    case OPT_ALLOW:
        if (q->n_allow == CASE_ALLOW_MAX) {
            cli_error("--allow: at most %d files", CASE_ALLOW_MAX);
            return false;
        }
        q->allow[q->n_allow++] = arg;
        return true;
    default:
        if (key < OPT_FORM || key >= OPT_FORM + EXPORT_FORMS)
            return false;
        q->forms |= 1u << (key - OPT_FORM);
        return true;
    }
}

static int newest_head(void *ctx, const struct head *h)
{
    *(struct head *)ctx = *h;
    return 0;
}

static struct span first_word(struct span folder)
{
    while (folder.n && folder.p[folder.n - 1] == '/')
        folder.n--;
    for (size_t i = folder.n; i > 0; i--)
        if (folder.p[i - 1] == '/')
            return span_sub(folder, i, folder.n);
    return folder;
}

static int read_source(struct case_request *q, struct case_source *s)
{
    struct report why = {0};
    struct case_line l;
    struct case_time at = {0};
    if (seal_heads(s->file, newest_head, &s->head, &why))
        return cli_report(&why);
    int rc = s->head.n ? findings_newest(s->file, s->head.n, s->arena, &s->findings, &s->exhibit, &why) : POSSE_ENOENT;
    if (rc == POSSE_ENOENT)
        return cli_error("%s: no findings are sealed in it: what leaves a case is made of them alone; add them, then 'posse case seal'", q->folder);
    if (rc || casefile_line(s->file, 0, &l, &why))
        return cli_report(&why);
    s->title = arena_copy(s->arena, casefile_field(s->file, "title"));
    s->id = first_word(span_str(q->folder));
    if (case_time_read(l.at, &at))
        s->opened_ms = at.unix_ms;
    return CLI_OK;
}

int case_source_open(struct case_request *q, const char *which, struct case_source *s)
{
    struct report why = {0};
    *s = (struct case_source){.now_ms = cli_now_ms()};
    if (q->at && !cli_time(q->at, s->now_ms, &s->now_ms))
        return cli_error("--at %s: is no time such as \"2011-03-16 14:45\"", q->at);
    if (case_folder(q, which))
        return CLI_TROUBLE;
    s->arena = arena_new(FINDINGS_ARENA);
    if (!s->arena)
        return cli_error("out of memory");
    if (casefile_open(q->folder, &q->writer, &s->file, &why))
        return case_source_close(s, cli_report(&why));
    int status = read_source(q, s);
    return status ? case_source_close(s, status) : CLI_OK;
}

int case_source_close(struct case_source *s, int status)
{
    struct report why = {0};
    arena_free(&s->arena);
    return casefile_close(&s->file, &why) ? cli_report(&why) : status;
}

int case_part_begin(const char *to, char *part, size_t n)
{
    if (access(to, F_OK) == 0)
        return cli_error("%s: is there already; name a folder to make", to);
    if ((size_t)snprintf(part, n, "%s.part", to) >= n)
        return cli_error("%s: the path is too long", to);
    return mkdir(part, 0700) == 0 ? CLI_OK
                                  : cli_error("%s: cannot be made: %s%s", part, strerror(errno), errno == EEXIST ? " (left by a run that failed: remove it)" : "");
}

int case_part_end(const char *part, const char *to)
{
    int fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0 && rename(part, to) == 0;
    int err = errno;
    if (fd >= 0)
        close(fd);
    return ok ? CLI_OK : cli_error("%s: cannot be written: %s", to, strerror(err));
}

static int write_files(struct case_request *q, const struct export_case *c)
{
    struct buf b;
    char part[4400];
    int status = case_part_begin(q->to, part, sizeof part);
    buf_init(&b, EXPORT_BYTES);
    for (const struct export_file *f = export_files; f->name && !status; f++) {
        if (!(q->forms & 1u << f->form))
            continue;
        buf_clear(&b);
        status = f->write(c, &b) ? cli_error("%s: %s", f->name, posse_strerror(buf_error(&b))) : case_put(part, f->name, buf_span(&b));
        if (!status)
            printf("%s/%s  %zu bytes\n", q->to, f->name, b.n);
    }
    buf_clear(&b);
    if (!status && c->entries.n_listed < c->entries.n)
        status = export_left_out(c, &b) ? cli_error("out of memory") : case_put(part, "left-out.csv", buf_span(&b));
    buf_deinit(&b);
    return status ? status : case_part_end(part, q->to);
}

static int note_export(struct case_request *q, struct case_source *s)
{
    struct report why = {0};
    char exhibit[24];
    snprintf(exhibit, sizeof exhibit, "%" PRIu64, s->exhibit);
    struct case_field f[] = {{"what", SPAN_LIT("export of lists")}, {"exhibit", span_str(exhibit)}, {"to", span_str(q->to)}};
    return casefile_note(s->file, "custody", f, 3, NULL, &why) ? cli_report(&why) : CLI_OK;
}

int case_guard_open(struct case_request *q, struct arena *a, struct guard **out, struct report *why)
{
    const char *shipped = engine_shipped_path("popular-domains.txt");
    struct span popular = arena_copy(a, span_of(shipped ? shipped : "", shipped ? strlen(shipped) + 1 : 1)); /* the next one goes there too */
    struct guard_options o = {.popular = (const char *)popular.p, .services = engine_shipped_path("known-services.tsv"),
                              .allow = q->allow, .n_allow = q->n_allow, .lists_reserved = q->lists_reserved};
    return guard_open(&o, out, why);
}

int case_lists_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct case_source s;
    struct guard *g = NULL;
    uint64_t days = 0;
    (void)argc;
    if (q->days && !cli_number(q->days, 1, DAYS_MOST, &days))
        return cli_error("--days %s: wants a number of days, 1 to %d", q->days, DAYS_MOST);
    int status = case_source_open(q, argv[0], &s);
    if (status)
        return status;
    struct export_case c = {.id = s.id, .title = s.title, .org = span_str(q->org ? q->org : q->by_name), .contact = span_str(q->contact ? q->contact : ""),
                            .findings = s.findings, .opened_ms = s.opened_ms, .now_ms = s.now_ms};
    struct entries_options eo = {.now_ms = s.now_ms, .keep_days = (int64_t)days};
    if (case_guard_open(q, s.arena, &g, &why) || entries_of(s.findings, g, &eo, s.arena, &c.entries))
        status = why.code ? cli_report(&why) : cli_error("out of memory");
    if (!status)
        status = note_export(q, &s);
    if (!status)
        status = write_files(q, &c);
    if (!status)
        fprintf(stderr, "posse: %zu listed, %zu left out%s\n", c.entries.n_listed, c.entries.n - c.entries.n_listed,
                c.entries.n_listed < c.entries.n ? ": left-out.csv says why" : "");
    guard_free(&g);
    return case_source_close(&s, status);
}
