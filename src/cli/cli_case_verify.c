/* posse case verify and export. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_case.h"
#include "cli/verdict_out.h"

enum { SMALL_MAX = 4 << 20 };

static int load(const char *path, struct buf *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    if (fd < 0)
        return cli_error("%s: cannot be read: %s", path, strerror(errno));
    while (got > 0) {
        uint8_t *p = buf_reserve(b, 65536);
        got = p ? read(fd, p, 65536) : -1;
        b->n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return got < 0 ? cli_error("%s: cannot be read", path) : CLI_OK;
}

static int show_finding(void *ctx, const struct finding *f)
{
    const struct case_request *q = ctx;
    if (!q->is_json) {
        printf("%-12s %s\n", finding_kind_name(f->kind), f->text);
        return 0;
    }
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add_fmt(&b, "{\"finding\":\"%s\",\"n\":%" PRId64 ",\"text\":", finding_kind_name(f->kind), f->n);
    json_string(&b, span_str(f->text));
    buf_add_str(&b, "}\n");
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return 0;
}

static const char *yes(bool x) { return x ? "true" : "false"; }

static void show_json(const struct verified *v)
{
    char at[CASE_TIME_TEXT] = "";
    if (v->heads)
        case_time_text(&v->sealed_at, at);
    printf("{\"sound\":%s,\"lines\":%" PRIu64 ",\"exhibits\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sealed\":%" PRIu64 ",\"sealed_at\":\"%s\",\"key\":\"%s\","
           "\"timestamps\":%" PRIu64 ",\"proves_key\":%s,\"proves_head\":%s,\"proves_time\":%s,\"findings\":%zu}\n", yes(v->is_sound), v->lines,
           v->exhibits, v->bytes, v->sealed, at, v->key, v->stamps, yes(v->proves_key), yes(v->proves_head), yes(v->proves_time), v->n_findings);
}

static void show_result(const struct case_request *q, const struct verified *v)
{
    char at[CASE_TIME_TEXT];
    printf("%s: %" PRIu64 " lines, %" PRIu64 " exhibits of %" PRIu64 " bytes\n", v->is_sound ? "sound" : "NOT SOUND", v->lines, v->exhibits, v->bytes);
    if (!v->heads) {
        puts("not sealed: nothing but the lines themselves says that they are as they were");
        return;
    }
    case_time_text(&v->sealed_at, at);
    printf("sealed: lines 0 to %" PRIu64 ", at %s by its signer's clock, by key %s", v->sealed - 1, at, v->key);
    if (v->lines > v->sealed)
        printf("; the %" PRIu64 " after them are not", v->lines - v->sealed);
    putchar('\n');
    if (v->stamps)
        printf("timestamps: %" PRIu64 "%s\n", v->stamps, q->ca ? "" : ", whose signers were not checked: give --ca");
    if (!v->proves_key)
        puts("not proven: who sealed it; give --key with the fingerprint that you noted elsewhere");
    if (!v->proves_head && !v->proves_time)
        puts("not proven: that it was not rolled back to an older head; give --head or --token with what was held elsewhere");
}

int case_verify_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct verified v;
    struct buf head, token;
    if (argc != 1)
        return cli_usage(q->cmd, "verify wants a case");
    if (case_folder(q, argv[0]))
        return CLI_TROUBLE;
    buf_init(&head, SMALL_MAX);
    buf_init(&token, SMALL_MAX);
    int status = q->head ? load(q->head, &head) : CLI_OK;
    if (!status && q->token)
        status = load(q->token, &token);
    struct verify_options o = {.key = q->key, .head = buf_span(&head), .token = buf_span(&token), .ca_pem = q->ca};
    if (!status && case_verify(q->folder, &o, show_finding, q, &v, &why))
        status = cli_report(&why);
    if (!status) {
        if (q->is_json)
            show_json(&v);
        else
            show_result(q, &v);
        status = v.is_sound ? CLI_OK : CLI_SPAM;
    }
    buf_deinit(&head);
    buf_deinit(&token);
    return status;
}

/* ---- export ---- */

struct copy { struct casefile *c; const char *to; struct report why; };

int case_put(const char *folder, const char *name, struct span s)
{
    char path[4600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    for (; ok && s.n;) {
        ssize_t w = write(fd, s.p, s.n < (1u << 30) ? s.n : 1u << 30);
        ok = w > 0 || (w < 0 && errno == EINTR);
        s = span_sub(s, w > 0 ? (size_t)w : 0, s.n);
    }
    int err = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        err = errno;
    }
    return ok ? CLI_OK : cli_error("%s: cannot be written: %s", path, strerror(err));
}

static int copy_exhibit(void *ctx, const struct case_line *l)
{
    struct copy *k = ctx;
    struct buf b;
    char name[64];
    if (!l->is_exhibit)
        return 0;
    buf_init(&b, (size_t)CASE_EXHIBIT_MAX + 1);
    snprintf(name, sizeof name, "exhibits/%06" PRIu64, l->n);
    int status = casefile_bytes(k->c, l, &b, &k->why) ? cli_report(&k->why) : case_put(k->to, name, buf_span(&b));
    buf_deinit(&b);
    return status;
}

/* A small file of the case, or the files of a folder of it; one that is not there is none. */
static int copy_small(const char *from, const char *to, const char *name)
{
    char path[4600];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s", from, name);
    if (access(path, F_OK) != 0)
        return CLI_OK;
    buf_init(&b, (size_t)1 << 32);
    int status = load(path, &b);
    if (!status)
        status = case_put(to, name, buf_span(&b));
    buf_deinit(&b);
    return status;
}

static int copy_folder(const char *from, const char *to, const char *name)
{
    char path[4600], file[400];
    int status = CLI_OK;
    snprintf(path, sizeof path, "%s/%s", to, name);
    if (mkdir(path, 0700) != 0)
        return cli_error("%s: cannot be made: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s", from, name);
    DIR *d = opendir(path);
    for (struct dirent *e; d && !status && (e = readdir(d));) {
        snprintf(file, sizeof file, "%s/%s", name, e->d_name);
        status = e->d_name[0] == '.' ? CLI_OK : copy_small(from, to, file);
    }
    if (d)
        closedir(d);
    return status;
}

static int export_all(struct case_request *q, struct copy *k)
{
    char exhibits[4600];
    snprintf(exhibits, sizeof exhibits, "%s/exhibits", k->to);
    struct case_field f[] = {{"what", SPAN_LIT("export")}, {"to", span_str(q->to)}};
    int status = mkdir(exhibits, 0700) != 0 ? cli_error("%s: cannot be made: %s", exhibits, strerror(errno)) : CLI_OK;
    if (!status && casefile_note(k->c, "custody", f, 2, NULL, &k->why)) /* first: what leaves is in the log that leaves */
        status = cli_report(&k->why);
    if (!status) {
        int err = casefile_each(k->c, copy_exhibit, k, &k->why);
        status = err < 0 ? cli_report(&k->why) : err;
    }
    static const char *const small[] = {"log.jsonl", "heads.jsonl"};
    for (size_t i = 0; i < sizeof small / sizeof *small && !status; i++)
        status = copy_small(q->folder, k->to, small[i]);
    if (!status)
        status = copy_folder(q->folder, k->to, "keys");
    return status ? status : copy_folder(q->folder, k->to, "tokens");
}

int case_export_run(struct case_request *q, int argc, char **argv)
{
    char part[4400];
    struct copy k = {.to = part};
    if (argc != 1 || !q->to)
        return cli_usage(q->cmd, "export wants a case and --to DIR");
    if (q->forms)
        return case_lists_run(q, argc, argv);
    if (case_folder(q, argv[0]))
        return CLI_TROUBLE;
    if (casefile_open(q->folder, &q->writer, &k.c, &k.why))
        return cli_report(&k.why);
    int status = case_part_begin(q->to, part, sizeof part);
    if (!status)
        status = export_all(q, &k);
    if (casefile_close(&k.c, &k.why))
        status = cli_report(&k.why);
    return status ? status : case_part_end(part, q->to);
}
