/* load: sends mail to a filter's daemon over a socket and writes down the
 * verdicts; times the whole.
 *
 *   load rspamd|rspamd-learn|spamd PORT THREADS INDEX ROOT [OUT]
 *
 * INDEX has lines label<TAB>path, ROOT is what paths are relative to.  For
 * each message one line goes to OUT, in the order of the index:
 *   path judge=LABEL class=spam|ham score=X
 * and at the end one line to standard output: messages seconds failures.
 * With one thread and `rspamd-learn` each message is taught to the
 * controller at PORT+1 as its label says, right after it was judged.
 *
 * Connections go to 127.0.0.1 only.  A message that could not be judged
 * counts as a failure and scores 0.  Memory: one message a thread.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct job { char *path; bool spam, said_spam, failed; double score; };
struct buf { char *p; size_t len, cap; };
enum proto { RSPAMD, RSPAMD_LEARN, SPAMD };

static struct job *jobs;
static size_t n_jobs;
static atomic_size_t next_job;
static const char *root;
static enum proto proto;
static int port;

static void die(const char *what) { perror(what); exit(2); }

static void grow(struct buf *b, size_t want) {
    if (want <= b->cap) return;
    b->cap = want * 2;
    if (!(b->p = realloc(b->p, b->cap))) die("realloc");
}

static bool slurp(const char *path, struct buf *b) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    b->len = 0;
    for (size_t got; grow(b, b->len + 65536), (got = fread(b->p + b->len, 1, 65536, f)) > 0;) b->len += got;
    fclose(f);
    return true;
}

static void load_index(const char *file) {
    struct buf b = {0};
    if (!slurp(file, &b)) die(file);
    grow(&b, b.len + 1);
    b.p[b.len] = 0;
    size_t cap = 0;
    for (char *line = strtok(b.p, "\n"); line; line = strtok(NULL, "\n")) {
        char *tab = strchr(line, '\t');
        if (!tab) continue;
        *tab = 0;
        char *end = strchr(tab + 1, '\t');
        if (end) *end = 0;
        if (n_jobs == cap && !(jobs = realloc(jobs, (cap = cap ? cap * 2 : 1024) * sizeof *jobs))) die("realloc");
        jobs[n_jobs++] = (struct job){ .path = tab + 1, .spam = !strcmp(line, "spam") };
    }
}

static int dial(int to) {
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)to),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) { close(fd); return -1; }
    return fd;
}

static bool send_all(int fd, const char *p, size_t n) {
    for (ssize_t w; n; p += w, n -= (size_t)w)
        if ((w = send(fd, p, n, MSG_NOSIGNAL)) <= 0) return false;
    return true;
}

/* Sends one request and reads the answer up to the end of the connection. */
static bool ask(int to, const char *head, const struct buf *msg, struct buf *ans) {
    int fd = dial(to);
    if (fd < 0) return false;
    bool ok = send_all(fd, head, strlen(head)) && send_all(fd, msg->p, msg->len);
    if (ok && proto == SPAMD) shutdown(fd, SHUT_WR);
    ans->len = 0;
    for (ssize_t r = 1; ok && r > 0;) {
        grow(ans, ans->len + 16385);
        r = recv(fd, ans->p + ans->len, 16384, 0);
        if (r > 0) ans->len += (size_t)r;
        if (r < 0) ok = false;
    }
    close(fd);
    grow(ans, ans->len + 1);
    ans->p[ans->len] = 0;
    return ok && ans->len;
}

static void judge(struct job *j, struct buf *msg, struct buf *ans) {
    char name[4096], head[256];
    snprintf(name, sizeof name, "%s/%s", root, j->path);
    j->failed = true;
    if (!slurp(name, msg)) return;
    const char *at;
    if (proto == SPAMD) {
        snprintf(head, sizeof head, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", msg->len);
        if (!ask(port, head, msg, ans) || !(at = strstr(ans->p, "Spam: "))) return;
        j->said_spam = !strncmp(at + 6, "True", 4);
        if (!(at = strchr(at, ';'))) return;
        j->score = atof(at + 1);
    } else {
        snprintf(head, sizeof head, "POST /checkv2 HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", msg->len);
        if (!ask(port, head, msg, ans) || !(at = strstr(ans->p, "\"score\":"))) return;
        /* the symbols have scores too; the message's own is outside "symbols" */
        const char *sym = strstr(ans->p, "\"symbols\":");
        if (sym && at > sym) return;
        j->score = atof(at + 8);
        j->said_spam = strstr(ans->p, "\"action\":\"reject\"") || strstr(ans->p, "\"action\":\"add header\"") ||
                       strstr(ans->p, "\"action\":\"rewrite subject\"");
    }
    j->failed = false;
    if (proto != RSPAMD_LEARN) return;
    snprintf(head, sizeof head, "POST /%s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n",
             j->spam ? "learnspam" : "learnham", msg->len);
    if (!ask(port + 1, head, msg, ans)) j->failed = true;
}

static void *worker(void *unused) {
    struct buf msg = {0}, ans = {0};
    for (size_t i; (i = atomic_fetch_add(&next_job, 1)) < n_jobs;) judge(&jobs[i], &msg, &ans);
    free(msg.p);
    free(ans.p);
    return unused;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc < 6) { fprintf(stderr, "usage: load rspamd|rspamd-learn|spamd PORT THREADS INDEX ROOT [OUT]\n"); return 2; }
    proto = !strcmp(argv[1], "spamd") ? SPAMD : !strcmp(argv[1], "rspamd-learn") ? RSPAMD_LEARN : RSPAMD;
    port = atoi(argv[2]);
    int threads = proto == RSPAMD_LEARN ? 1 : atoi(argv[3]);
    root = argv[5];
    load_index(argv[4]);
    if (threads < 1 || threads > 64) return 2;
    pthread_t t[64];
    double t0 = now_s();
    for (int i = 0; i < threads; i++)
        if (pthread_create(&t[i], NULL, worker, NULL)) die("pthread_create");
    for (int i = 0; i < threads; i++) pthread_join(t[i], NULL);
    double secs = now_s() - t0;
    FILE *out = argc > 6 ? fopen(argv[6], "w") : NULL;
    if (argc > 6 && !out) die(argv[6]);
    size_t failed = 0;
    for (size_t i = 0; i < n_jobs; i++) {
        failed += jobs[i].failed;
        if (out)
            fprintf(out, "%s judge=%s class=%s score=%.17g\n", jobs[i].path, jobs[i].spam ? "spam" : "ham",
                    jobs[i].said_spam ? "spam" : "ham", jobs[i].score);
    }
    if (out && fclose(out)) die(argv[6]);
    printf("%zu %.3f %zu\n", n_jobs, secs, failed);
    return 0;
}
