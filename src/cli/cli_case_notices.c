/* posse case notices: prepares what is told to hosting firms and networks: files to read, XARF, and drafts in a Maildir. Sends nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "case/notice.h"
#include "cli/cli_case.h"
#include "cli/verdict_out.h"
#include "net/rdap.h"

enum { MAIL_BYTES = 1 << 30 };

struct writing {
    struct case_request *q;
    struct notice_case c;
    const struct notice *n;
    char folder[4400]; /* where they are until all are there */
    struct buf b, index;
    unsigned drafts, files;
};

/* All of them are put on disk together, at the end. */
static int put(struct writing *w, const char *name)
{
    if (buf_error(&w->b))
        return cli_error("%s: %s", name, posse_strerror(buf_error(&w->b)));
    int status = case_put(w->folder, name, buf_span(&w->b));
    w->files += !status;
    return status;
}

static int make_folder(const struct writing *w, const char *name)
{
    char path[8600];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    return mkdir(path, 0700) == 0 ? CLI_OK : cli_error("%s: cannot be made: %s", path, strerror(errno));
}

/* A Maildir's name is ours alone: time, notice, number; the flag says that it is a draft. */
static int write_draft(struct writing *w, const struct incident *e)
{
    char name[200];
    snprintf(name, sizeof name, "Maildir/cur/%" PRId64 ".%s-%06zu.posse:2,D", w->c.now.unix_ms / 1000, w->n->id,
             e ? (size_t)(e - w->n->incident) + 1 : 0);
    buf_clear(&w->b);
    if (notice_mail(&w->c, w->n, e, &w->b))
        return cli_error("%s: %s", w->n->id, "its draft is too big");
    w->drafts++;
    return put(w, name);
}

/* A report as RFC 5965 has it is of one message: where such reports are wanted together, they follow one letter about all. And addresses
 * without a time of their own are no reports: one letter has them. */
static int write_drafts(struct writing *w)
{
    size_t vague = 0;
    for (size_t i = 0; i < w->n->n; i++)
        vague += w->n->incident[i].is_vague;
    int status = w->n->is_single && !vague ? CLI_OK : write_draft(w, NULL);
    for (size_t i = 0; i < w->n->n && !status; i++)
        if ((w->n->is_single && !w->n->incident[i].is_vague) || notice_is_arf(w->n, &w->n->incident[i]))
            status = write_draft(w, &w->n->incident[i]);
    return status;
}

static void index_line(struct writing *w)
{
    struct buf *b = &w->index;
    buf_add_fmt(b, "%s\n{\"notice\":\"%s\",\"to\":", b->n > 1 ? "," : "", w->n->id);
    json_string(b, w->n->to);
    buf_add_str(b, ",\"firm\":");
    json_string(b, w->n->firm);
    buf_add_fmt(b, ",\"asn\":%u,\"network\":", w->n->asn);
    json_string(b, w->n->network);
    buf_add_fmt(b, ",\"form\":\"%s\",\"single\":%s,\"incidents\":%zu,\"controllers\":%zu,\"pages\":%zu,\"senders\":%zu,\"hosts\":%zu,\"follows\":",
                notice_form_name(w->n->form), w->n->is_single ? "true" : "false", w->n->n, w->n->of_kind[NOTICE_CONTROLLER],
                w->n->of_kind[NOTICE_PAGE], w->n->of_kind[NOTICE_SENDER], w->n->of_kind[NOTICE_HOST]);
    json_string(b, w->n->follows);
    buf_add_byte(b, '}');
}

static int write_notice(struct writing *w)
{
    char name[100];
    const struct notice *n = w->n;
    int status = make_folder(w, n->id);
    buf_clear(&w->b);
    snprintf(name, sizeof name, "%s/notice.txt", n->id);
    if (!status && !notice_text(&w->c, n, NULL, &w->b))
        status = put(w, name);
    buf_clear(&w->b);
    snprintf(name, sizeof name, "%s/incidents.csv", n->id);
    if (!status && !notice_csv(&w->c, n, &w->b))
        status = put(w, name);
    for (size_t i = 0; i < n->n && !status; i++) {
        buf_clear(&w->b);
        snprintf(name, sizeof name, "%s/xarf-%06zu.json", n->id, i + 1);
        notice_xarf(&w->c, &n->incident[i], &w->b);
        status = w->b.n || buf_error(&w->b) ? put(w, name) : CLI_OK;
        if (status || !n->incident[i].message.n)
            continue;
        buf_clear(&w->b);
        buf_add_span(&w->b, n->incident[i].message);
        snprintf(name, sizeof name, "%s/message-%06zu.eml", n->id, i + 1);
        status = put(w, name);
    }
    return status || !n->to.n ? status : write_drafts(w);
}

static int write_all(struct writing *w, const struct notices *all)
{
    static const char *const maildir[] = {"Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"};
    int status = case_part_begin(w->q->out, w->folder, sizeof w->folder);
    for (size_t i = 0; i < sizeof maildir / sizeof *maildir && !status; i++)
        status = make_folder(w, maildir[i]);
    buf_add_byte(&w->index, '[');
    for (size_t i = 0; i < all->n && !status; i++) {
        w->n = &all->notice[i];
        index_line(w);
        status = write_notice(w);
    }
    buf_add_str(&w->index, "\n]\n");
    buf_clear(&w->b);
    buf_add_span(&w->b, buf_span(&w->index));
    if (!status)
        status = put(w, "notices.json");
    return status ? status : case_part_end(w->folder, w->q->out);
}

static void show(const struct writing *w, const struct notices *all)
{
    for (const struct notice *n = all->notice; n < all->notice + all->n; n++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        buf_add_fmt(&b, "%s  %-30.*s  %zu incident%s  ", n->id, n->to.n ? (int)n->to.n : 10, n->to.n ? (const char *)n->to.p : "no contact",
                    n->n, n->n == 1 ? "" : "s");
        if (n->asn)
            buf_add_fmt(&b, "AS%u  ", n->asn);
        export_plain(&b, n->firm, 100);
        buf_add_byte(&b, '\n');
        fwrite(b.p, 1, b.n, stdout);
        buf_deinit(&b);
    }
    fprintf(stderr, "posse: %zu notices, %u drafts in %s/Maildir; nothing was sent\n", all->n - all->n_without, w->drafts, w->q->out);
    if (all->n_without)
        fprintf(stderr, "posse: %zu firms or networks without a contact: they have no draft; find one, and name it with --contacts\n", all->n_without);
}

/* Who was told before is told so. And the log has each notice before anybody can send it. */
static int log_notices(struct case_source *s, struct notices *all, const struct case_ledger *l)
{
    struct report why = {0};
    char count[24], exhibit[24], text[400];
    int rc = casefile_begin(s->file, &why);
    for (struct notice *n = all->notice; !rc && n < all->notice + all->n; n++) {
        const struct case_told *known = case_ledger_find(l, span_str(n->id));
        for (size_t i = 0; i < l->n && n->to.n; i++)
            if (l->told[i].sent[0] && &l->told[i] != known && span_eq(span_str(l->told[i].to), n->to)) {
                int len = snprintf(text, sizeof text, "%s, sent %s", l->told[i].id, l->told[i].sent);
                n->follows = arena_copy(s->arena, span_of(text, (size_t)len));
            }
        if (known && span_eq(span_str(known->to), n->to))
            continue;
        snprintf(count, sizeof count, "%zu", n->n);
        snprintf(exhibit, sizeof exhibit, "%" PRIu64, s->exhibit);
        struct case_field f[] = {{"notice", span_str(n->id)}, {"to", n->to}, {"firm", span_sub(n->firm, 0, 500)}, {"incidents", span_str(count)},
                                 {"form", span_str(notice_form_name(n->form))}, {"findings", span_str(exhibit)}};
        rc = casefile_note(s->file, "notice", f, 6, NULL, &why);
    }
    if (!rc)
        rc = casefile_commit(s->file, &why);
    return rc ? cli_report(&why) : CLI_OK;
}

struct registries { struct casefile *file; struct contacts *c; struct resolved *r; struct buf b; uint64_t sealed; struct report why; };

static int64_t time_of(const struct case_line *l)
{
    struct case_time t;
    return case_time_read(l->seen.n ? l->seen : l->at, &t) ? t.unix_ms : 0;
}

static int read_registry(void *ctx, const struct case_line *l)
{
    struct registries *r = ctx;
    bool is_rdap = span_ieq(l->media, SPAN_LIT("application/rdap+json"));
    if (l->n >= r->sealed || !l->is_exhibit || l->redacts >= 0 || l->size > (is_rdap ? RDAP_ANSWER_MAX : RESOLVED_BYTES) ||
        (!is_rdap && (!resolved_takes(l->media) || span_eq(l->name, SPAN_LIT(FINDINGS_NAME)))))
        return 0;
    buf_clear(&r->b);
    int rc = casefile_bytes(r->file, l, &r->b, &r->why);
    if (!rc && is_rdap)
        contacts_add_rdap(r->c, buf_span(&r->b));
    else if (!rc && (rc = resolved_add(r->r, buf_span(&r->b), l->n, time_of(l))))
        report_set(&r->why, rc, "out of memory");
    return rc;
}

/* What registries and resolvers answered, as exhibits of the case have it. */
static int read_registries(struct case_source *s, struct contacts *c, struct resolved *names)
{
    struct registries r = {.file = s->file, .c = c, .r = names, .sealed = s->head.n};
    buf_init(&r.b, RESOLVED_BYTES + 1);
    int rc = casefile_each(s->file, read_registry, &r, &r.why);
    buf_deinit(&r.b);
    return rc ? cli_report(&r.why) : CLI_OK;
}

struct linked { struct notice_page *page; size_t n, unresolved; };

/* Pages that the mails link to, where the case has what resolvers said of them. */
static int find_pages(struct case_request *q, struct case_source *s, struct resolved *names, struct linked *out)
{
    struct report why = {0};
    struct guard *g = NULL;
    int status = CLI_OK;
    if (!resolved_count(names))
        return CLI_OK;
    if (resolved_lost(names))
        fprintf(stderr, "posse: of what resolvers answered %zu records past the first %d were not looked at\n", resolved_lost(names), RESOLVED_MOST);
    if (case_guard_open(q, s->arena, &g, &why))
        status = cli_report(&why);
    else if (notice_pages(s->findings, g, names, s->arena, &out->page, &out->n, &out->unresolved))
        status = cli_error("out of memory");
    guard_free(&g);
    return status;
}

static int prepare(struct case_request *q, struct case_source *s, struct contacts *c, struct writing *w)
{
    struct report why = {0};
    struct notices all;
    struct linked pages = {0};
    struct case_ledger l = {0};
    struct resolved *names = resolved_new(s->arena);
    int status = names ? case_ledger_read(s->file, &l) : cli_error("out of memory");
    if (!status)
        status = read_registries(s, c, names);
    if (!status)
        status = find_pages(q, s, names, &pages);
    resolved_free(&names);
    if (!status && notices_of(s->findings, pages.page, pages.n, c, s->id, s->exhibit, s->arena, &all))
        status = cli_error("out of memory");
    if (!status && !all.n)
        status = cli_error("%s: its findings name no controller, sender or host: there is nobody to tell", q->folder);
    if (!status && pages.unresolved)
        fprintf(stderr, "posse: %zu linked names have no answer of a resolver in the case: add one (what dig prints, or a DNS log) to tell who hosts them\n",
                pages.unresolved);
    if (!status && notices_evidence(s->file, s->findings, s->arena, &all, &why))
        status = cli_report(&why);
    if (!status)
        status = log_notices(s, &all, &l);
    case_ledger_free(&l);
    if (!status)
        status = write_all(w, &all);
    if (!status)
        show(w, &all);
    return status;
}

int case_notices_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct case_source s;
    struct contacts *c = NULL;
    struct writing w = {.q = q};
    if (argc != 1 || !q->out || !q->org || !q->contact)
        return cli_usage(q->cmd, "notices wants a case, --out DIR, and who tells: --org NAME and --contact ADDRESS");
    if (!mail_address_ok(span_str(q->contact)))
        return cli_error("--contact %s: is no plain mail address", q->contact);
    if (contacts_open(q->contacts, q->receivers, &c, &why))
        return cli_report(&why);
    int status = case_source_open(q, argv[0], &s);
    if (!status) {
        w.c = (struct notice_case){.id = s.id, .title = s.title, .org = span_str(q->org), .contact = span_str(q->contact), .findings = s.exhibit,
                                   .head = s.head, .now = q->at ? (struct case_time){.unix_ms = s.now_ms} : case_now(NULL)};
        buf_init(&w.b, MAIL_BYTES);
        buf_init(&w.index, MAIL_BYTES);
        status = prepare(q, &s, c, &w);
        status = case_source_close(&s, status);
        buf_deinit(&w.b);
        buf_deinit(&w.index);
    }
    contacts_free(&c);
    return status;
}
