/* posse case dossier: the sealed case as one page for its receiver. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/hash.h"
#include "case/dossier.h"
#include "cli/cli_case.h"
#include "engine/engine.h"
#include "sender/received.h"

extern char **environ;

/* The table that ships, and the user's own after it; their digest is of both, one after the other. */
static int load_marks(struct case_request *q, struct brands **out, char digest[65])
{
    struct report why = {0};
    struct buf all;
    uint8_t sha[32];
    const char *shipped = engine_shipped_path("brands.tsv");
    int status = brands_new(out) ? cli_error("out of memory") : CLI_OK;
    buf_init(&all, 2 * BRAND_FILE_BYTES + (4 << 20));
    if (!status && shipped && !(status = case_load(shipped, &all)) && brands_add(*out, buf_span(&all), shipped, &why))
        status = cli_report(&why);
    size_t first = all.n;
    if (!status && q->marks && !(status = case_load(q->marks, &all)) &&
        brands_add(*out, span_sub(buf_span(&all), first, all.n), q->marks, &why))
        status = cli_report(&why);
    sha256(buf_span(&all), sha);
    hex_encode(span_of(sha, 32), digest);
    buf_deinit(&all);
    return status;
}

/* What the settings call ours, so that what our own hosts wrote of a sender (SPF, DKIM) is told from what he wrote himself. */
struct own { struct config *settings; struct networks *networks; struct buf said; };

static int load_ours(struct case_request *q, struct own *x)
{
    struct report why = {0};
    const char *const *list;
    buf_init(&x->said, 1 << 16);
    if (cli_settings(NULL, cli_is_dir(q->home_path) ? q->home_path : NULL, &x->settings, &why))
        return cli_report(&why);
    size_t n = config_list(x->settings, "observe.ours", &list);
    for (size_t i = 0; i < n; i++)
        buf_add_fmt(&x->said, "%s%s", i ? ", " : "", list[i]);
    return networks_new(list, n, &x->networks, &why) ? cli_report(&why) : CLI_OK;
}

static void free_ours(struct own *x)
{
    networks_free(&x->networks);
    config_free(&x->settings);
    buf_deinit(&x->said);
}

/* The whole page under its name, or none. */
static int write_page(const char *path, struct span s)
{
    char part[4400];
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
        return cli_error("%s: the path is too long", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    while (ok && s.n) {
        ssize_t n = write(fd, s.p, s.n);
        ok = n > 0 || (n < 0 && errno == EINTR);
        s = span_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    ok = ok && fsync(fd) == 0;
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (ok && rename(part, path) == 0)
        return CLI_OK;
    if (ok)
        err = errno;
    unlink(part);
    return cli_error("%s: cannot be written: %s", path, strerror(err));
}

/* WeasyPrint makes a PDF of the page: it is a program of its own, and the page fetches nothing. */
static int write_pdf(const char *html)
{
    char pdf[4400];
    pid_t pid;
    int how = 0;
    size_t n = strlen(html);
    bool is_html = n > 5 && strcmp(html + n - 5, ".html") == 0;
    if ((size_t)snprintf(pdf, sizeof pdf, "%.*s.pdf", (int)(is_html ? n - 5 : n), html) >= sizeof pdf)
        return cli_error("%s: the path is too long", html);
    char *const argv[] = {(char *)"weasyprint", (char *)"--quiet", (char *)html, pdf, NULL};
    int err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (err)
        return cli_error("weasyprint cannot be run (%s): install it for --pdf, or print the page from a browser",
                         strerror(err));
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(how) || WEXITSTATUS(how))
        return cli_error("%s: weasyprint made no PDF of it", html);
    printf("%s\n", pdf);
    return CLI_OK;
}

/* Evidence fails closed: no page of a case that is not what was sealed. */
static int check_sound(struct case_request *q)
{
    struct report why = {0};
    struct verified v;
    if (case_verify(q->folder, &(struct verify_options){0}, NULL, NULL, &v, &why))
        return cli_report(&why);
    return v.is_sound
               ? CLI_OK
               : cli_error("%s: is not what was sealed ('posse case verify' says where): no dossier is made of it",
                           q->folder);
}

static int note_dossier(struct case_request *q, struct case_source *s)
{
    struct report why = {0};
    char exhibit[24];
    snprintf(exhibit, sizeof exhibit, "%" PRIu64, s->exhibit);
    struct case_field f[] = {{"what", q->shows_recipients ? SPAN_LIT("dossier with recipients") : SPAN_LIT("dossier")},
                             {"exhibit", span_str(exhibit)},
                             {"to", span_str(q->out ? q->out : "-")}};
    return casefile_note(s->file, "custody", f, 3, NULL, &why) ? cli_report(&why) : CLI_OK;
}

static int make(struct case_request *q, struct case_source *s, const struct dossier_options *o)
{
    struct report why = {0};
    struct buf page;
    buf_init(&page, DOSSIER_BYTES);
    int status = dossier_write(s->file, &s->head, s->findings, s->exhibit, o, &page, &why) ? cli_report(&why)
                                                                                           : note_dossier(q, s);
    if (!status && !q->out)
        fwrite(page.p, 1, page.n, stdout);
    else if (!status && !(status = write_page(q->out, buf_span(&page))))
        printf("%s\n", q->out);
    buf_deinit(&page);
    return status || !q->is_pdf ? status : write_pdf(q->out);
}

int case_dossier_run(struct case_request *q, int argc, char **argv)
{
    struct case_source s;
    struct dossier_options o = {.shows_recipients = q->shows_recipients};
    struct brands *b = NULL;
    struct own ours = {0};
    if (argc != 1)
        return cli_usage(q->cmd, "dossier wants a case");
    if (q->is_pdf && !q->out)
        return cli_usage(q->cmd, "--pdf wants --out FILE: the PDF is written beside it");
    if (case_folder(q, argv[0]) || check_sound(q))
        return CLI_TROUBLE;
    int status = case_source_open(q, argv[0], &s);
    if (status)
        return status;
    o.id = s.id;
    o.title = s.title;
    if (!(status = load_marks(q, &b, o.brands_digest)) && !(status = load_ours(q, &ours))) {
        o.brands = b;
        o.ours = ours.networks;
        o.ours_said = buf_span(&ours.said);
        status = make(q, &s, &o);
    }
    brands_free(&b);
    free_ours(&ours);
    return case_source_close(&s, status);
}
