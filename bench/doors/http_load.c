/* http_load: asks an rspamd door (or rspamd) for verdicts over connections that stay open, from one thread, and says how many it
 * got and how long each took.
 *
 *   http_load PORT CONNECTIONS SECONDS RATE LIST [PATH]
 *
 * LIST names a message a line; they are sent in turn, to PATH (/checkv2). A server that closes after its answer is dialled again. RATE 0: every connection asks again as soon as it was answered, which finds the most that the
 * server does. RATE n: n requests a second fall due at even distances, whether or not the server keeps up; each waits for a free
 * connection, and its time runs from when it fell due, so that a server that stalls is charged for all who waited.
 * Prints: messages/s, p50, p99, longest in ms, answers that were not 200.
 * Connects to 127.0.0.1 only. The first second is not counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, TIMES_MAX = 1 << 24, WARM_NS = 1000000000 };

struct request { char *p; size_t n; };
struct conn {
    int fd;
    bool busy, bad, closes;
    uint64_t due;
    const struct request *r;
    size_t sent, got, want; /* want 0: the head is not whole yet */
    char *answer;
};

static struct request *requests;
static size_t n_requests, next_request, done, bad;
static uint32_t *times; /* in us */
static size_t n_times;
static int poller, port;
static const char *to_path = "/checkv2";
static uint64_t begun;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void load_request(const char *path)
{
    if (!(requests = realloc(requests, (n_requests + 1) * sizeof *requests)))
        die("realloc");
    FILE *f = fopen(path, "rb");
    char head[256];
    if (!f)
        die(path);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    rewind(f);
    int h = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nIP: 192.0.2.1\r\nFrom: <a@b.example>\r\nRcpt: <c@d.example>\r\n"
                     "Content-Length: %zu\r\n\r\n", to_path, n);
    struct request *r = &requests[n_requests++];
    r->n = (size_t)h + n;
    if (!(r->p = malloc(r->n)))
        die("malloc");
    memcpy(r->p, head, (size_t)h);
    if (fread(r->p + h, 1, n, f) != n)
        die(path);
    fclose(f);
}

static void dial(struct conn *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int one = 1;
    if ((c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a))
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e))
        die("epoll_ctl");
}

static void push(struct conn *c)
{
    while (c->busy && c->sent < c->r->n) {
        ssize_t n = send(c->fd, c->r->p + c->sent, c->r->n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            die("send");
        c->sent += (size_t)n;
    }
}

static void ask(struct conn *c, uint64_t due)
{
    if (c->closes) {
        close(c->fd);
        dial(c);
        c->closes = false;
    }
    c->r = &requests[next_request++ % n_requests];
    c->busy = true;
    c->due = due;
    c->sent = c->got = c->want = 0;
    push(c);
}

static void head_is_there(struct conn *c)
{
    c->answer[c->got] = '\0';
    char *end = strstr(c->answer, "\r\n\r\n"), *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!end)
        return;
    if (!length || length > end) {
        fprintf(stderr, "http_load: an answer without Content-Length\n");
        exit(2);
    }
    c->want = (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
    char *closing = strcasestr(c->answer, "\r\nConnection: close");
    c->closes = closing && closing < end;
    c->bad = strncmp(c->answer + 9, "200", 3) != 0;
}

static void take(struct conn *c)
{
    uint64_t now = now_ns();
    c->busy = false;
    if (now - begun < WARM_NS)
        return;
    done++;
    bad += c->bad;
    if (n_times < TIMES_MAX)
        times[n_times++] = (uint32_t)((now - c->due) / 1000);
}

/* True: answered. */
static bool pull(struct conn *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got - 1, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (n <= 0) {
            fprintf(stderr, "http_load: the server closed a connection\n");
            exit(2);
        }
        c->got += (size_t)n;
        if (!c->want)
            head_is_there(c);
        if (c->want && c->got >= c->want) {
            take(c);
            return true;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc == 7)
        to_path = argv[6];
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: http_load PORT CONNECTIONS SECONDS RATE LIST\n");
        return 2;
    }
    char path[4096];
    FILE *list = fopen(argv[5], "r");
    if (!list)
        die(argv[5]);
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        load_request(path);
    }
    fclose(list);
    port = atoi(argv[1]);
    int n = atoi(argv[2]);
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    times = malloc(TIMES_MAX * sizeof *times);
    struct conn *conn = calloc((size_t)n, sizeof *conn), **idle = calloc((size_t)n, sizeof *idle);
    size_t n_idle = 0;
    poller = epoll_create1(0);
    begun = now_ns();
    uint64_t end = begun + (uint64_t)(seconds * 1e9) + WARM_NS, due = 0;
    for (int i = 0; i < n; i++) {
        conn[i].answer = malloc(ANSWER_MAX);
        dial(&conn[i]);
        idle[n_idle++] = &conn[i];
    }
    for (uint64_t now = begun; now < end; now = now_ns()) {
        while (n_idle && rate > 0 && begun + (uint64_t)((double)due * 1e9 / rate) <= now) {
            ask(idle[--n_idle], begun + (uint64_t)((double)due * 1e9 / rate));
            due++;
        }
        while (n_idle && rate <= 0)
            ask(idle[--n_idle], now_ns());
        struct epoll_event e[64];
        struct timespec wait = {0, 100000000};
        if (rate > 0 && n_idle) {
            uint64_t at = begun + (uint64_t)((double)due * 1e9 / rate);
            now = now_ns();
            wait.tv_nsec = at > now ? (long)(at - now) : 0;
            if (wait.tv_nsec > 100000000)
                wait.tv_nsec = 100000000;
        }
        int got = epoll_pwait2(poller, e, 64, &wait, NULL);
        for (int i = 0; i < got; i++) {
            struct conn *c = e[i].data.ptr;
            push(c);
            if (c->busy && pull(c))
                idle[n_idle++] = c;
        }
    }
    double took = (double)(now_ns() - begun - WARM_NS) / 1e9;
    qsort(times, n_times, sizeof *times, by_size);
    if (!n_times)
        return 1;
    printf("%.0f %.3f %.3f %.3f %zu\n", (double)done / took, times[n_times / 2] / 1e3, times[n_times * 99 / 100] / 1e3,
           times[n_times - 1] / 1e3, bad);
    return 0;
}
