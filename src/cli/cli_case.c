/* posse case: evidence that stays as it was: exhibits, what was done with them, signed heads. */
#include "cli/cli_case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/verdict_out.h"
#include "store/home.h"

enum { BATCH = 100, CLOCK_SLACK_MS = 60000 };

struct case_time case_now(void *ctx)
{
    struct timespec t;
    struct tm tm;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &t);
    localtime_r(&t.tv_sec, &tm);
    return (struct case_time){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, (int)(tm.tm_gmtoff / 60)};
}

int case_folder(struct case_request *q, const char *which)
{
    bool is_path = strchr(which, '/') || strcmp(which, ".") == 0;
    int n = is_path ? snprintf(q->folder, sizeof q->folder, "%s", which)
                    : snprintf(q->folder, sizeof q->folder, "%s/cases/%s", q->home_path, which);
    return n < 0 || (size_t)n >= sizeof q->folder ? cli_error("%s: the path is too long", which) : CLI_OK;
}

/* A clock that went back makes times that contradict each other: that it did stands in the log then, where it happened. */
static int watch_clock(struct casefile *c)
{
    struct report why = {0};
    struct case_line l;
    struct case_time last, now = case_now(NULL);
    char was[CASE_TIME_TEXT], is[CASE_TIME_TEXT];
    uint64_t n = casefile_count(c);
    if (n == 0 || casefile_line(c, n - 1, &l, &why) || !case_time_read(l.at, &last) || last.unix_ms <= now.unix_ms + CLOCK_SLACK_MS)
        return CLI_OK;
    case_time_text(&last, was);
    case_time_text(&now, is);
    fprintf(stderr, "posse: the clock says %s, and the case's last line is of %s: is the clock right? The log says that it went back.\n", is, was);
    struct case_field f[] = {{"was", span_str(was)}, {"text", SPAN_LIT("the clock went back, or was ahead before")}};
    return casefile_note(c, casefile_is_closed(c) ? "custody" : "clock", f, 2, NULL, &why) ? cli_report(&why) : CLI_OK;
}

static int case_done_if(struct casefile **c, int status)
{
    if (status)
        casefile_close(c, NULL);
    return status;
}

int case_open(struct case_request *q, const char *which, bool to_write, struct casefile **out)
{
    struct report why = {0};
    if (case_folder(q, which))
        return CLI_TROUBLE;
    if (casefile_open(q->folder, to_write ? &q->writer : NULL, out, &why))
        return cli_report(&why);
    return to_write ? case_done_if(out, watch_clock(*out)) : CLI_OK;
}

int case_done(struct casefile **c, int status)
{
    struct report why = {0};
    return casefile_close(c, &why) ? cli_report(&why) : status;
}

/* ---- open ---- */

/* Letters and digits of the title, after the day: sorts by time, says what it is. */
static void make_id(const char *title, char *out, size_t n)
{
    char day[CASE_TIME_TEXT];
    struct case_time now = case_now(NULL);
    case_time_text(&now, day);
    size_t at = (size_t)snprintf(out, n, "%.10s", day);
    bool gap = true;
    for (const char *p = title; *p && at < n - 2 && at < 40; p++) {
        bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z');
        if (is_word && gap)
            out[at++] = '-';
        if (is_word)
            out[at++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        gap = !is_word;
    }
    out[at] = '\0';
}

static bool id_ok(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++)
        if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= 'A' && id[i] <= 'Z') || (id[i] >= '0' && id[i] <= '9') || (i && strchr("-_.", id[i]))))
            return false;
    return n && n < CASE_ID_MAX;
}

/* What it is opened on, when nobody says it in other words. */
static const char *case_subject(const struct case_request *q)
{
    return q->n_botnets ? q->botnet[0] : q->n_campaigns ? q->campaign[0] : q->only;
}

int case_open_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    char id[CASE_ID_MAX], cases[4200];
    struct casefile *c;
    if (argc != 1)
        return cli_usage(q->cmd, "open wants one title, in quotes");
    if (q->id && !id_ok(q->id))
        return cli_error("%s: an id has letters, digits, '-', '_' and '.', and begins with a letter or digit", q->id);
    make_id(argv[0], id, sizeof id);
    snprintf(cases, sizeof cases, "%s/cases", q->home_path);
    if (home_prepare(q->home_path, &why))
        return cli_report(&why);
    if (mkdir(cases, 0700) != 0 && errno != EEXIST)
        return cli_error("%s: cannot be made: %s", cases, strerror(errno));
    if (case_folder(q, q->id ? q->id : id))
        return CLI_TROUBLE;
    struct case_gathering *g = NULL;
    int status = case_wants_gathering(q) ? case_gather_begin(q, &g) : CLI_OK;
    if (!status && casefile_create(q->folder, argv[0], *q->subject ? q->subject : case_subject(q), &q->writer, &c, &why))
        status = cli_report(&why);
    else if (!status) {
        puts(q->id ? q->id : id);
        status = case_done(&c, g ? case_gather_write(g, c) : CLI_OK);
    }
    case_gather_end(&g);
    return status;
}

/* ---- add, note ---- */

static const char *media_of(const char *path, struct span bytes)
{
    static const char *const known[][2] = {{".eml", "message/rfc822"}, {".json", "application/json"}, {".txt", "text/plain"}, {".log", "text/plain"},
                                           {".csv", "text/csv"}, {".html", "text/html"}, {".pdf", "application/pdf"}, {".png", "image/png"}};
    const char *dot = strrchr(path, '.');
    if (span_find(span_sub(bytes, 0, 200), SPAN_LIT("; <<>> DiG ")) >= 0)
        return "text/dns";
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (strcmp(dot, known[i][0]) == 0)
            return known[i][1];
    return span_istarts(bytes, SPAN_LIT("Return-Path:")) || span_istarts(bytes, SPAN_LIT("Received:")) ? "message/rfc822"
                                                                                                      : "application/octet-stream";
}

int case_load(const char *path, struct buf *b)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t got = 1;
    if (fd < 0 || fstat(fd, &st) != 0)
        return cli_error("%s: cannot be read: %s", path, strerror(errno));
    bool is_folder = S_ISDIR(st.st_mode), is_big = S_ISREG(st.st_mode) && st.st_size > CASE_EXHIBIT_MAX;
    if (is_big) {
        b->err = POSSE_ELIMIT;
        got = -1;
    }
    while (got > 0 && !is_folder) {
        uint8_t *p = buf_reserve(b, 1 << 20);
        got = p ? read(fd, p, 1 << 20) : -1;
        b->n += got > 0 ? (size_t)got : 0;
    }
    int err = errno;
    if (fd != STDIN_FILENO)
        close(fd);
    if (is_folder)
        return cli_error("%s: is a folder; name its files", path);
    if (got < 0)
        return b->err == POSSE_ELIMIT ? cli_error("%s: is over %d bytes: too big for an exhibit", path, CASE_EXHIBIT_MAX)
                                      : cli_error("%s: cannot be read: %s", path, b->err ? "out of memory" : strerror(err));
    return CLI_OK;
}

static bool read_seen(const struct case_request *q, struct exhibit *e)
{
    int64_t ms;
    e->has_seen = q->seen;
    if (!q->seen || case_time_read(span_str(q->seen), &e->seen))
        return true;
    if (!cli_time(q->seen, cli_now_ms(), &ms))
        return false;
    e->seen = (struct case_time){.unix_ms = ms};
    return true;
}

static int add_file(struct case_request *q, struct casefile *c, const char *path)
{
    struct report why = {0};
    struct buf b;
    uint64_t n = 0, redacts = 0;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    struct exhibit e = {.name = span_str(q->name ? q->name : base), .source = span_str(q->source), .command = span_str(q->command),
                        .redacts = -1, .what = span_str(q->what)};
    if (q->redacts && !cli_number(q->redacts, 0, UINT32_MAX, &redacts))
        return cli_error("%s: --redacts wants the number of an exhibit", q->redacts);
    if (q->redacts)
        e.redacts = (int64_t)redacts;
    if (!read_seen(q, &e))
        return cli_error("%s: is no time such as 2011-03-16T14:45:00.000+00:00 or \"2011-03-16 14:45\"", q->seen);
    buf_init(&b, (size_t)CASE_EXHIBIT_MAX + (1 << 20));
    int status = case_load(path, &b);
    e.media = span_str(q->media ? q->media : media_of(path, buf_span(&b)));
    if (!status && casefile_exhibit(c, &e, buf_span(&b), &n, &why))
        status = cli_report(&why);
    if (!status && q->is_json)
        printf("{\"n\":%" PRIu64 ",\"size\":%zu}\n", n, b.n);
    else if (!status)
        printf("%" PRIu64 "  %zu bytes  %s\n", n, b.n, path);
    buf_deinit(&b);
    return status;
}

int case_add_run(struct case_request *q, int argc, char **argv)
{
    struct casefile *c;
    struct case_gathering *g = NULL;
    bool is_gathering = case_wants_gathering(q);
    if (argc < 1 || (argc < 2 && !is_gathering))
        return cli_usage(q->cmd, "add wants a case and the files that are exhibits, or --botnet, --campaign, --trace");
    int status = is_gathering ? case_gather_begin(q, &g) : CLI_OK;
    if (!status)
        status = case_open(q, argv[0], true, &c);
    if (!status && g)
        status = case_gather_write(g, c);
    else if (status) {
        case_gather_end(&g);
        return status;
    }
    case_gather_end(&g);
    struct report why = {0};
    for (int i = 1; i < argc && !status; i++) { /* the disk is flushed once for many */
        if (i % BATCH == 1 && casefile_begin(c, &why))
            status = cli_report(&why);
        else
            status = add_file(q, c, argv[i]);
        if (!status && (i % BATCH == 0 || i + 1 == argc) && casefile_commit(c, &why))
            status = cli_report(&why);
    }
    return case_done(&c, status);
}

int case_note_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct casefile *c;
    if (argc != 2)
        return cli_usage(q->cmd, "note wants a case and a text, in quotes");
    int status = case_open(q, argv[0], true, &c);
    if (status)
        return status;
    if (casefile_note(c, "note", (struct case_field[]){{"text", span_str(argv[1])}}, 1, NULL, &why))
        status = cli_report(&why);
    return case_done(&c, status);
}

/* ---- show, read ---- */

struct show { struct casefile *c; bool is_json; };

static int show_line(void *ctx, const struct case_line *l)
{
    struct show *s = ctx;
    struct buf b;
    buf_init(&b, 2 * CASE_LINE_MAX);
    if (s->is_json) {
        buf_add_span(&b, l->line);
    } else {
        struct span text = l->is_exhibit ? l->name : casefile_field(s->c, "text");
        if (!text.n)
            text = casefile_field(s->c, "title");
        buf_add_fmt(&b, "%4" PRIu64 "  %.*s  ", l->n, (int)l->at.n, (const char *)l->at.p);
        text_write(&b, l->kind);
        if (l->is_exhibit)
            buf_add_fmt(&b, "  %" PRIu64 " bytes", l->size);
        if (l->redacts >= 0)
            buf_add_fmt(&b, "  of %" PRId64, l->redacts);
        buf_add_str(&b, "  ");
        text_write(&b, text);
        if (l->is_exhibit && l->source.n) {
            buf_add_str(&b, "  from ");
            text_write(&b, l->source);
        }
        buf_add_str(&b, "  by ");
        text_write(&b, l->by);
    }
    buf_add_byte(&b, '\n');
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return 0;
}

int case_show_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct show s = {.is_json = q->is_json};
    if (argc != 1)
        return cli_usage(q->cmd, "show wants a case");
    int status = case_open(q, argv[0], false, &s.c);
    if (status)
        return status;
    if (casefile_each(s.c, show_line, &s, &why))
        status = cli_report(&why);
    return case_done(&s.c, status);
}

/* Who looked at what, and when, is part of the case (RFC 3227). */
static int custody(struct casefile *c, const char *what, const char *exhibit)
{
    struct report why = {0};
    struct case_field f[] = {{"what", span_str(what)}, {"exhibit", span_str(exhibit)}};
    return casefile_note(c, "custody", f, 2, NULL, &why) ? cli_report(&why) : CLI_OK;
}

int case_read_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct casefile *c;
    struct case_line l;
    struct buf b;
    uint64_t n;
    if (argc != 2 || !cli_number(argv[1], 0, UINT32_MAX, &n))
        return cli_usage(q->cmd, "read wants a case and the number of an exhibit");
    int status = case_open(q, argv[0], true, &c);
    if (status)
        return status;
    buf_init(&b, (size_t)CASE_EXHIBIT_MAX + 1);
    if (casefile_line(c, n, &l, &why) || casefile_bytes(c, &l, &b, &why))
        status = cli_report(&why);
    if (!status)
        status = custody(c, "read", argv[1]);
    if (!status)
        fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return case_done(&c, status);
}

/* ---- seal, stamp, key ---- */

static int open_key(struct case_request *q, bool make, struct seal_key **k)
{
    struct report why = {0};
    char folder[4200];
    snprintf(folder, sizeof folder, "%s/keys", q->home_path);
    snprintf(q->key_path, sizeof q->key_path, "%s/keys/case.key", q->home_path);
    if (make && (home_prepare(q->home_path, &why) || home_prepare(folder, &why)))
        return cli_report(&why);
    return seal_key_open(q->key_path, make, k, &why) ? cli_report(&why) : CLI_OK;
}

static int newest_head(void *ctx, const struct head *h)
{
    *(struct head *)ctx = *h;
    return 0;
}

/* A case goes on under the key that it began with, unless somebody says that that one is lost: who holds its fingerprint would call the
 * rest forged. */
static int check_key(struct case_request *q, struct casefile *c, const struct seal_key *k)
{
    struct report why = {0};
    struct head h = {0};
    char print[SEAL_PRINT];
    seal_key_print(k, print);
    if (seal_heads(c, newest_head, &h, &why))
        return cli_report(&why);
    if (!h.n || strcmp(h.key, print) == 0)
        return CLI_OK;
    if (!q->is_new_key)
        return cli_error("%s: was sealed by key %s, and the key here is %s. Put the old one back into %s; if it is lost: --new-key", q->folder, h.key,
                         print, q->key_path);
    struct case_field f[] = {{"was", span_str(h.key)}, {"is", span_str(print)}, {"text", SPAN_LIT("sealed with another key from here on")}};
    return casefile_note(c, casefile_is_closed(c) ? "custody" : "key", f, 3, NULL, &why) ? cli_report(&why) : CLI_OK;
}

int case_seal_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct casefile *c;
    struct seal_key *k = NULL;
    struct head h;
    struct case_time now = case_now(NULL);
    if (argc != 1)
        return cli_usage(q->cmd, "seal wants a case");
    int status = open_key(q, true, &k);
    if (status)
        return status;
    status = case_open(q, argv[0], true, &c);
    if (!status)
        status = check_key(q, c, k);
    if (!status && seal_case(c, k, &now, &h, &why))
        status = cli_report(&why);
    if (!status) {
        puts(h.line);
        fprintf(stderr, "sealed: %" PRIu64 " lines, by key %s. Keep this head, or that key's fingerprint, somewhere else: only what is held "
                "elsewhere shows that a case was not rolled back or sealed anew.\n", h.n, h.key);
    }
    seal_key_free(&k);
    return case_done(&c, status);
}

int case_key_run(struct case_request *q, int argc, char **argv)
{
    struct seal_key *k = NULL;
    char print[SEAL_PRINT];
    (void)argv;
    if (argc)
        return cli_usage(q->cmd, "key takes no argument");
    int status = open_key(q, true, &k);
    if (status)
        return status;
    seal_key_print(k, print);
    puts(print);
    seal_key_free(&k);
    return CLI_OK;
}

static int write_new(const char *path, struct span s)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t w = fd >= 0 ? write(fd, s.p, s.n) : -1;
    bool ok = w == (ssize_t)s.n && fsync(fd) == 0;
    int err = w >= 0 && w < (ssize_t)s.n ? ENOSPC : errno;
    if (fd >= 0)
        close(fd);
    return ok ? CLI_OK : cli_error("%s: cannot be written: %s", path, strerror(err));
}

static int take_token(struct case_request *q, const struct head *h)
{
    struct report why = {0};
    struct stamp s;
    struct buf b;
    char path[4400], time[CASE_TIME_TEXT];
    buf_init(&b, 4 << 20);
    int status = case_load(q->token, &b);
    if (!status && stamp_check(buf_span(&b), h, q->ca, &s, &why))
        status = cli_report(&why);
    snprintf(path, sizeof path, "%s/tokens/%" PRIu64 ".tsr", q->folder, h->n);
    if (!status)
        status = write_new(path, buf_span(&b));
    if (!status) {
        case_time_text(&s.time, time);
        printf("stamped %s %s%s\n", time, s.authority, q->ca ? "" : " (its signer was not checked: give --ca)");
    }
    buf_deinit(&b);
    return status;
}

int case_stamp_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct casefile *c;
    struct head h = {0};
    struct buf b;
    if (argc != 1 || !q->request == !q->token)
        return cli_usage(q->cmd, "stamp wants a case, and --request FILE or --token FILE");
    int status = case_open(q, argv[0], false, &c);
    if (status)
        return status;
    if (seal_heads(c, newest_head, &h, &why))
        status = cli_report(&why);
    else if (!h.n)
        status = cli_error("%s: is not sealed yet: 'posse case seal' first", argv[0]);
    buf_init(&b, 1 << 16);
    if (!status && q->token)
        status = take_token(q, &h);
    else if (!status && stamp_request(&h, &b, &why))
        status = cli_report(&why);
    else if (!status)
        status = write_new(q->request, buf_span(&b));
    buf_deinit(&b);
    return case_done(&c, status);
}

/* ---- list ---- */

int case_list_run(struct case_request *q, int argc, char **argv)
{
    struct dirent **e;
    char folder[4200];
    (void)argv;
    if (argc)
        return cli_usage(q->cmd, "list takes no argument");
    snprintf(folder, sizeof folder, "%s/cases", q->home_path);
    int n = scandir(folder, &e, NULL, alphasort);
    if (n < 0)
        return errno == ENOENT ? CLI_OK : cli_error("%s: cannot be read: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (e[i]->d_name[0] != '.')
            puts(e[i]->d_name);
        free(e[i]);
    }
    free(e);
    return CLI_OK;
}
