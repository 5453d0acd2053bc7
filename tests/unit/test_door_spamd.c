/* The spamd door on a real loop, gate and sockets: who is answered, who is turned away, who may teach, and what hostile peers get. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "cli/cli.h"
#include "serve/door.h"

struct kit {
    char home[64], path[100];
    int port;
    struct gate *gate;
    struct counters *counters;
    struct log *log;
    uv_loop_t loop;
    uv_async_t leave;
    struct door *door;
    pthread_t thread;
};

static const char spam[] = "From: Ann <ann@spam.test>\r\nSubject: watches\r\n\r\nCheap watches\r\n";
static const char ham[] = "From: Carl <carl@example.org>\r\nSubject: minutes\r\n\r\nSee you, Carl\r\n";

static void on_leave(uv_async_t *a)
{
    struct kit *k = a->data;
    door_spamd.stop(k->door);
    door_spamd.free(&k->door);
    uv_close((uv_handle_t *)a, NULL);
}

static void *run(void *arg)
{
    struct kit *k = arg;
    uv_run(&k->loop, UV_RUN_DEFAULT); /* ends when the door's last handle is closed */
    return NULL;
}

static struct config *config_with(const struct kit *k, const char *text)
{
    struct config *c;
    char path[128];
    FILE *f;
    snprintf(path, sizeof path, "%s/test.rules", k->home);
    assert_non_null(f = fopen(path, "w"));
    fputs("deny domain spam.test \"sells watches\"\nallow domain example.org\n", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/test.conf", k->home);
    assert_non_null(f = fopen(path, "w"));
    fprintf(f, "filter { rules = {\"%s/test.rules\"} }\nserve { threads = 2 }\n%s\n", k->home, text);
    fclose(f);
    assert_int_equal(config_new(cli_keys, &c, NULL), 0);
    assert_int_equal(config_load(c, path, NULL), 0);
    return c;
}

static int listen_unix(struct kit *k)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", k->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static int listen_tcp(struct kit *k)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    getsockname(fd, (struct sockaddr *)&a, &n);
    k->port = ntohs(a.sin_port);
    return fd;
}

static void kit_open(struct kit *k, const char *text)
{
    struct report why = {0};
    static const char *const roles[] = {"spamd.listen", "spamd.listen"};
    *k = (struct kit){.home = "/tmp/posse-door.XXXXXX"};
    assert_non_null(mkdtemp(k->home));
    snprintf(k->path, sizeof k->path, "%s/s", k->home);
    assert_int_equal(counters_open(-1, &k->counters, &why), 0);
    k->log = log_new(open("/dev/null", O_WRONLY), LOG_NOTICE, false, 100);
    struct gate_options o = {.home = k->home, .model = "", .config = config_with(k, text), .counters = k->counters, .log = k->log};
    if (gate_open(&o, &k->gate, &why))
        fail_msg("%s", why.text);
    uv_loop_init(&k->loop);
    k->leave.data = k;
    uv_async_init(&k->loop, &k->leave, on_leave);
    int fd[] = {listen_unix(k), listen_tcp(k)};
    struct door_context c = {.loop = &k->loop, .gate = k->gate, .fd = fd, .n_fd = 2, .role = roles};
    if (door_spamd.start(&c, &k->door, &why))
        fail_msg("%s", why.text);
    pthread_create(&k->thread, NULL, run, k);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void kit_close(struct kit *k)
{
    uv_async_send(&k->leave);
    pthread_join(k->thread, NULL);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    assert_int_equal(counters_get(k->counters, DOOR_SPAMD, METRIC_OPEN_CONNECTIONS), 0);
    assert_int_equal(counters_get(k->counters, DOOR_SPAMD, METRIC_IN_WORK), 0);
    assert_int_equal(gate_close(&k->gate, NULL), 0);
    counters_close(&k->counters);
    log_free(&k->log);
    nftw(k->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int dial(const struct kit *k, bool is_unix)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)k->port)};
    struct timeval limit = {20, 0};
    int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    snprintf(u.sun_path, sizeof u.sun_path, "%s", k->path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(is_unix ? connect(fd, (struct sockaddr *)&u, sizeof u) : connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* The door may have closed already, on a busy machine: what it said before is still read. */
static void send_text(int fd, const char *s)
{
    ssize_t n = send(fd, s, strlen(s), MSG_NOSIGNAL);
    assert_true(n == (ssize_t)strlen(s) || (n < 0 && (errno == EPIPE || errno == ECONNRESET)));
}

/* All until the door closes. */
static void receive(int fd, char *out, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = recv(fd, out + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(fd);
}

enum { UNIX = 1, HALF_CLOSE = 2 };
static void ask(const struct kit *k, unsigned how, const char *request, const char *mail, char *out, size_t size)
{
    int fd = dial(k, how & UNIX);
    char head[1024];
    snprintf(head, sizeof head, request, strlen(mail));
    send_text(fd, head);
    send_text(fd, mail);
    if (how & HALF_CLOSE)
        shutdown(fd, SHUT_WR);
    receive(fd, out, size);
}

#define ASK(how, request, mail) ask(&k, how, request, mail, out, sizeof out)

static void verdicts(void **state)
{
    (void)state;
    struct kit k;
    char out[8192];
    kit_open(&k, "");
    for (unsigned how = 0; how < 4; how++) {
        ASK(how, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", spam);
        assert_non_null(strstr(out, "SPAMD/1.1 0 EX_OK\r\nSpam: True ; "));
        ASK(how, "CHECK SPAMC/1.2\r\nUser: a@b.test\r\nContent-length: %zu\r\n\r\n", ham);
        assert_non_null(strstr(out, "SPAMD/1.1 0 EX_OK\r\nSpam: False ; "));
    }
    ASK(HALF_CLOSE, "PROCESS SPAMC/1.2\r\n\r\n", spam);
    assert_non_null(strstr(out, "X-Spam-Flag: YES\r\n"));
    assert_non_null(strstr(out, "\r\n\r\nCheap watches\r\n"));
    ASK(0, "REPORT SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", spam);
    assert_non_null(strstr(out, "sells watches"));
    ASK(0, "PING SPAMC/1.2\r\n", "");
    assert_string_equal(out, "SPAMD/1.5 0 PONG\r\n");
    ASK(0, "SKIP SPAMC/1.2\r\n", "");
    assert_string_equal(out, "");
    kit_close(&k);
}

/* What Exim 4 sends for `spam = nobody`, and what it can parse: no Content-length in the answer. */
static void exim(void **state)
{
    (void)state;
    struct kit k;
    char out[8192];
    kit_open(&k, "");
    ASK(HALF_CLOSE, "REPORT SPAMC/1.2\r\nUser: nobody\r\nContent-length: %zu\r\n\r\n", spam);
    unsigned version;
    int n = 0;
    double score, required;
    char verdict[8];
    assert_int_equal(sscanf(out, "SPAMD/1.%u 0 EX_OK\r\nSpam: %7s ; %lf / %lf\r\n\r\n%n", &version, verdict, &score, &required, &n), 4);
    assert_true(n > 0 && score > required);
    assert_string_equal(verdict, "True");
    assert_null(strstr(out, "Content-length"));
    kit_close(&k);
}

#define LEARN "TELL SPAMC/1.5\r\nUser: ann\r\nMessage-class: spam\r\nSet: local\r\nContent-length: %zu\r\n\r\n"
#define FORGET "TELL SPAMC/1.5\r\nUser: ann\r\nRemove: local\r\nContent-length: %zu\r\n\r\n"

static void telling(void **state)
{
    (void)state;
    struct kit k;
    char out[8192];
    struct gate_stat stat;
    kit_open(&k, "");
    ASK(UNIX, LEARN, spam);
    assert_non_null(strstr(out, "SPAMD/1.0 69 Service Unavailable: TELL commands are not enabled"));
    gate_stat(k.gate, &stat);
    assert_int_equal(stat.lessons, 0);
    kit_close(&k);

    kit_open(&k, "spamd { tell = local }\nteach { per_hour = 3 }");
    ASK(UNIX, LEARN, spam);
    assert_string_equal(out, "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n\r\n");
    ASK(UNIX, LEARN, spam);
    assert_string_equal(out, "SPAMD/1.1 0 EX_OK\r\n\r\n\r\n");
    gate_stat(k.gate, &stat);
    assert_int_equal(stat.learned_spam, 1);
    ASK(0, FORGET, spam); /* another teacher's */
    assert_string_equal(out, "SPAMD/1.1 0 EX_OK\r\n\r\n\r\n");
    ASK(UNIX, FORGET, spam);
    assert_string_equal(out, "SPAMD/1.1 0 EX_OK\r\nDidRemove: local\r\n\r\n\r\n");
    ASK(UNIX, "TELL SPAMC/1.5\r\nMessage-class: ham\r\nSet: local\r\nRemove: local\r\nContent-length: %zu\r\n\r\n", ham);
    assert_non_null(strstr(out, "SPAMD/1.0 76 Bad header line: "));
    gate_stat(k.gate, &stat);
    assert_int_equal(stat.learned_spam, 0);
    kit_close(&k);
}

/* Another name for each lesson is still the same peer. */
static void the_cap_counts_the_peer(void **state)
{
    (void)state;
    struct kit k;
    char out[8192], request[256], mail[256];
    int learned = 0, refused = 0;
    kit_open(&k, "spamd { tell = all }\nteach { per_hour = 3 }");
    for (int i = 0; i < 6; i++) {
        snprintf(request, sizeof request, "TELL SPAMC/1.5\r\nUser: name%d\r\nMessage-class: spam\r\nSet: local\r\nContent-length: %%zu\r\n\r\n", i);
        snprintf(mail, sizeof mail, "From: a@spam.test\r\nSubject: offer %d\r\n\r\ntext %d\r\n", i, i * 7);
        ASK(0, request, mail);
        learned += strstr(out, "DidSet: local") != NULL;
        refused += strstr(out, "SPAMD/1.0 75 ") != NULL;
    }
    assert_int_equal(learned, 3);
    assert_int_equal(refused, 3);
    kit_close(&k);
}

static void lies_and_limits(void **state)
{
    (void)state;
    struct kit k;
    char out[8192], mismatch[128];
    snprintf(mismatch, sizeof mismatch, "SPAMD/1.0 76 Bad header line: (Content-Length mismatch: Expected 4000 bytes, got %zu bytes)",
             strlen(spam));
    kit_open(&k, "limits { message_bytes = 4K time = 2s connections = 4 }");
    ASK(HALF_CLOSE, "CHECK SPAMC/1.5\r\nContent-length: 4000\r\n\r\n", spam);
    assert_non_null(strstr(out, mismatch));
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: 9\r\n\r\n", spam);
    assert_non_null(strstr(out, "SPAMD/1.0 76 "));
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: 9999\r\n\r\n", spam);
    assert_non_null(strstr(out, "SPAMD/1.0 65 "));
    ASK(0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "");
    assert_non_null(strstr(out, "SPAMD/1.0 76 "));
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: 100\r\n\r\n", spam); /* and never the rest */
    assert_non_null(strstr(out, "SPAMD/1.0 79 Timeout: "));
    assert_true(counters_get(k.counters, DOOR_SPAMD, METRIC_TIMEOUTS) == 1);
    assert_true(counters_get(k.counters, DOOR_SPAMD, METRIC_TOO_BIG) == 1);
    assert_true(counters_get(k.counters, DOOR_SPAMD, METRIC_PROTOCOL_ERRORS) == 3);
    int slow[4];
    for (int i = 0; i < 4; i++) {
        slow[i] = dial(&k, false);
        send_text(slow[i], "CHECK SPAMC/1.5\r\nUs");
    }
    ASK(0, "PING SPAMC/1.2\r\n", "");
    assert_true(strstr(out, "SPAMD/1.0 75 ") == out || out[0] == '\0'); /* the answer may be lost to a reset */
    for (int i = 0; i < 4; i++) {
        receive(slow[i], out, sizeof out);
        assert_non_null(strstr(out, "SPAMD/1.0 79 Timeout: "));
    }
    ASK(0, "PING SPAMC/1.2\r\n", "");
    assert_string_equal(out, "SPAMD/1.5 0 PONG\r\n");
    kit_close(&k);
}

/* An address of this machine that is not loopback; 0: it has none. */
static uint32_t own_address(void)
{
    struct ifaddrs *all;
    uint32_t found = 0;
    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *i = all; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK))
            found = ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr;
    freeifaddrs(all);
    return found;
}

/* One who is not of this machine's loopback gets so many connections and no more; loopback is not counted. */
static void one_address(void **state)
{
    (void)state;
    struct kit k;
    char out[256];
    int fd[3];
    struct timeval limit = {20, 0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = own_address()};
    if (!a.sin_addr.s_addr)
        skip();
    kit_open(&k, "limits { per_address = 2 }");
    a.sin_port = htons((uint16_t)k.port);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            fd[i] = socket(AF_INET, SOCK_STREAM, 0);
            setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            assert_int_equal(connect(fd[i], (struct sockaddr *)&a, sizeof a), 0);
        }
        receive(fd[2], out, sizeof out);
        assert_non_null(strstr(out, "SPAMD/1.0 75 Temporary failure: too many connections (limits.per_address)"));
        for (int i = 0; i < 3; i++) {
            ASK(0, "PING SPAMC/1.2\r\n", "");
            assert_string_equal(out, "SPAMD/1.5 0 PONG\r\n");
        }
        for (int i = 0; i < 2; i++) {
            send_text(fd[i], "PING SPAMC/1.2\r\n");
            receive(fd[i], out, sizeof out);
            assert_string_equal(out, "SPAMD/1.5 0 PONG\r\n");
        }
        for (int i = 0; i < 500 && counters_get(k.counters, DOOR_SPAMD, METRIC_OPEN_CONNECTIONS); i++)
            usleep(10000);
    }
    kit_close(&k);
}

/* A small body that becomes a big answer, and who asked does not take it: a limit for all of them, and the small pass still. */
static void answers_that_nobody_takes(void **state)
{
    (void)state;
    enum { N = 40, BIG = 1000000 };
    struct kit k;
    char out[8192], head[128], *mail = malloc(BIG);
    uint8_t packed[8192];
    uLongf n = sizeof packed;
    int fd[N];
    memset(mail, 'A', BIG);
    memcpy(mail, spam, sizeof spam - 1);
    assert_int_equal(compress(packed, &n, (const Bytef *)mail, BIG), Z_OK);
    kit_open(&k, "limits { message_bytes = 1M time = 20s }");
    snprintf(head, sizeof head, "PROCESS SPAMC/1.5\r\nContent-length: %lu\r\nCompress: zlib\r\n\r\n", (unsigned long)n);
    for (int i = 0; i < N; i++) {
        fd[i] = dial(&k, true);
        send_text(fd[i], head);
        assert_int_equal(send(fd[i], packed, n, 0), n);
    }
    for (int i = 0; i < 2000 && counters_get(k.counters, DOOR_SPAMD, METRIC_MESSAGES) < N; i++)
        usleep(10000);
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", spam);
    assert_non_null(strstr(out, "Spam: True"));
    /* a verdict is counted before its answer is refused */
    for (int i = 0; i < 2000 && counters_get(k.counters, DOOR_SPAMD, METRIC_OVER_LIMIT) < N - 16; i++)
        usleep(10000);
    assert_in_range(counters_get(k.counters, DOOR_SPAMD, METRIC_OVER_LIMIT), N - 16, N - 1);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    kit_close(&k);
    free(mail);
}

/* Lessons wait for whoever holds the journal; verdicts do not wait for lessons. */
static void a_busy_journal(void **state)
{
    (void)state;
    enum { N = 6 };
    struct kit k;
    char out[8192], path[128];
    int fd[N], taught = 0;
    sqlite3 *db;
    kit_open(&k, "spamd { tell = local }");
    snprintf(path, sizeof path, "%s/lessons.db", k.home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < N; i++) {
        snprintf(out, sizeof out, "TELL SPAMC/1.5\r\nContent-length: %zu\r\nMessage-class: spam\r\nSet: local\r\n\r\n%s%d", strlen(spam) + 1,
                 spam, i);
        fd[i] = dial(&k, false);
        send_text(fd[i], out);
    }
    close(fd[N - 1]); /* one goes while he waits */
    usleep(200000);
    time_t begun = time(NULL);
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", spam);
    assert_non_null(strstr(out, "Spam: True"));
    assert_in_range(time(NULL) - begun, 0, 5);
    assert_int_equal(counters_get(k.counters, DOOR_SPAMD, METRIC_BYTES), strlen(spam));
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (int i = 0; i < N - 1; i++) {
        receive(fd[i], out, sizeof out);
        taught += strstr(out, "DidSet: local") != NULL;
    }
    assert_int_equal(taught, N - 1);
    kit_close(&k);
}

/* Closed in the middle of everything, and the door closed while there are connections. */
static void rude_peers(void **state)
{
    (void)state;
    struct kit k;
    char head[256], out[8192];
    kit_open(&k, "");
    snprintf(head, sizeof head, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", strlen(spam));
    for (int i = 0; i < 200; i++) {
        int fd = dial(&k, i & 1);
        struct linger hard = {1, 0};
        if (i % 3 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        if (i % 4)
            send_text(fd, head);
        if (i % 4 == 2)
            send_text(fd, spam);
        close(fd);
    }
    ASK(0, "CHECK SPAMC/1.5\r\nContent-length: %zu\r\n\r\n", spam);
    assert_non_null(strstr(out, "Spam: True"));
    int left[8];
    for (int i = 0; i < 8; i++) {
        left[i] = dial(&k, i & 1);
        send_text(left[i], head);
        if (i & 2)
            send_text(left[i], spam);
    }
    kit_close(&k);
    for (int i = 0; i < 8; i++)
        close(left[i]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),        cmocka_unit_test(exim),       cmocka_unit_test(telling), cmocka_unit_test(the_cap_counts_the_peer),
        cmocka_unit_test(lies_and_limits), cmocka_unit_test(one_address), cmocka_unit_test(answers_that_nobody_takes), cmocka_unit_test(a_busy_journal),
        cmocka_unit_test(rude_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
