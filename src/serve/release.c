#include "serve/release.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fdio.h"

extern char **environ;

enum { ADDRESS_MAX = 1000 };

/* What could end a command of SMTP, or begin another. */
static bool is_sendable(struct span address)
{
    for (size_t i = 0; i < address.n; i++)
        if (address.p[i] <= ' ' || address.p[i] == 127 || address.p[i] == '<' || address.p[i] == '>')
            return false;
    return address.n <= ADDRESS_MAX;
}

static int check(const struct release *r, struct report *why)
{
    if (!r->n_rcpt)
        return report_set(why, POSSE_EINVAL, "it was kept for nobody, so there is nobody to send it to");
    bool good = is_sendable(r->from);
    for (size_t i = 0; i < r->n_rcpt; i++)
        good = good && r->rcpt[i].n && is_sendable(r->rcpt[i]);
    return good ? POSSE_OK : report_set(why, POSSE_EINVAL, "an address of its envelope cannot be written in SMTP; take the message out "
                                        "with --raw");
}

static void with_line_ends(struct span raw, bool crlf, struct buf *out)
{
    while (raw.n) {
        ptrdiff_t nl = span_chr(raw, '\n');
        size_t n = nl < 0 ? raw.n : (size_t)nl, text = n;
        if (nl >= 0 && n && raw.p[n - 1] == '\r')
            text--;
        buf_add(out, raw.p, text);
        if (nl >= 0)
            buf_add_str(out, crlf ? "\r\n" : "\n");
        raw = span_sub(raw, nl < 0 ? n : n + 1, raw.n);
    }
}

static char *c_string(struct span s)
{
    return strndup(s.n ? (const char *)s.p : "", s.n);
}

/* ---- SMTP ---- */

struct upload { struct span left; };

static size_t give(char *to, size_t size, size_t n, void *ctx)
{
    struct upload *u = ctx;
    size_t k = size * n < u->left.n ? size * n : u->left.n;
    if (k)
        memcpy(to, u->left.p, k);
    u->left = span_sub(u->left, k, u->left.n);
    return k;
}

struct said { char text[256]; };

/* The server's last word, for the report. */
static size_t hear(char *line, size_t size, size_t n, void *ctx)
{
    struct said *s = ctx;
    size_t k = size * n < sizeof s->text - 1 ? size * n : sizeof s->text - 1;
    memcpy(s->text, line, k);
    s->text[k] = '\0';
    s->text[strcspn(s->text, "\r\n")] = '\0';
    return size * n;
}

static bool list_rcpts(const struct release *r, struct curl_slist **list)
{
    for (size_t i = 0; i < r->n_rcpt; i++) {
        char *one = c_string(r->rcpt[i]);
        struct curl_slist *longer = one ? curl_slist_append(*list, one) : NULL;
        free(one);
        if (!longer)
            return false;
        *list = longer;
    }
    return true;
}

static CURLcode talk(CURL *c, const char *url, const char *from, struct curl_slist *rcpts, struct upload *u, struct said *said)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 300L);
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, rcpts);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(c, CURLOPT_READDATA, u);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, hear);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, said);
    return curl_easy_perform(c);
}

static int send_smtp(const char *url, const struct release *r, struct span text, struct report *why)
{
    struct curl_slist *rcpts = NULL;
    struct upload u = {text};
    struct said said = {""};
    CURL *c = curl_easy_init();
    char *from = c_string(r->from);
    int rc = POSSE_ENOMEM;
    if (c && from && list_rcpts(r, &rcpts)) {
        CURLcode err = talk(c, url, from, rcpts, &u, &said);
        rc = err == CURLE_OK ? POSSE_OK : POSSE_EIO;
        if (err)
            report_set(why, rc, "%s: %s%s%s", url, curl_easy_strerror(err), *said.text ? "; it said: " : "", said.text);
    } else {
        report_set(why, rc, "out of memory");
    }
    free(from);
    curl_slist_free_all(rcpts);
    curl_easy_cleanup(c);
    return rc;
}

/* ---- sendmail ---- */

static char **arguments(const char *program, const struct release *r)
{
    size_t n = 0;
    char **argv = calloc(r->n_rcpt + 7, sizeof *argv);
    if (!argv)
        return NULL;
    argv[n++] = strdup(program);
    argv[n++] = strdup("-i");
    argv[n++] = strdup("-f");
    argv[n++] = r->from.n ? c_string(r->from) : strdup("<>");
    argv[n++] = strdup("--");
    for (size_t i = 0; i < r->n_rcpt; i++)
        argv[n++] = c_string(r->rcpt[i]);
    return argv;
}

static void arguments_free(char **argv, size_t n)
{
    for (size_t i = 0; argv && i < n; i++)
        free(argv[i]);
    free(argv);
}

static int start(const char *program, char **argv, const int in[2], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &pipes);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    int err = posix_spawn(pid, program, &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return err;
}

static int run(const char *program, char **argv, struct span text, struct report *why)
{
    int in[2], status = 0;
    pid_t pid;
    if (pipe2(in, O_CLOEXEC))
        return report_errno(why, "make a pipe for", program);
    int err = start(program, argv, in, &pid);
    close(in[0]);
    if (err) {
        close(in[1]);
        errno = err;
        return report_errno(why, "run", program);
    }
    bool written = fd_write(in[1], text);
    close(in[1]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (written && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return POSSE_OK;
    return report_set(why, POSSE_EIO, "%s: did not take the message (%s %d)", program, WIFEXITED(status) ? "exit status" : "signal",
                      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int send_program(const char *program, const struct release *r, struct span text, struct report *why)
{
    size_t n = r->n_rcpt + 5;
    char **argv = arguments(program, r);
    bool good = argv != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = argv[i] != NULL;
    int rc = good ? run(program, argv, text, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    arguments_free(argv, n);
    return rc;
}

int release_send(const char *way, const struct release *r, struct report *why)
{
    bool by_program = strncmp(way, "sendmail:/", 10) == 0;
    bool by_smtp = strncmp(way, "smtp://", 7) == 0 || strncmp(way, "smtps://", 8) == 0;
    if (!by_program && !by_smtp)
        return report_set(why, POSSE_EINVAL, "quarantine.release = \"%s\": write smtp://HOST:PORT or sendmail:/PATH", way);
    int rc = check(r, why);
    if (rc)
        return rc;
    struct buf text;
    buf_init(&text, 2 * r->raw.n + 16);
    with_line_ends(r->raw, by_smtp, &text);
    if (buf_error(&text))
        rc = report_set(why, POSSE_ENOMEM, "out of memory");
    else
        rc = by_smtp ? send_smtp(way, r, buf_span(&text), why) : send_program(way + 9, r, buf_span(&text), why);
    buf_deinit(&text);
    return rc;
}
