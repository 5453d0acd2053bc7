/* The HTTP listener on a real loop: a connection that its owner closed without a word leaves nothing behind. */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "serve/http_listen.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* As a library that refuses a socket: it is closed, and its number is soon another file's. */
static void closes_it(void *ctx, struct http_slot *s)
{
    int *file = ctx;
    close(s->fd);
    *file = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void a_refused_socket_leaves_no_slot(void **state)
{
    (void)state;
    char home[] = "/tmp/posse-listen.XXXXXX";
    struct config *c;
    struct counters *counters;
    struct gate *gate;
    struct nets *none;
    struct report why = {0};
    uv_loop_t loop;
    int file = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    assert_non_null(mkdtemp(home));
    assert_int_equal(config_new(cli_keys, &c, NULL), 0);
    assert_int_equal(counters_open(-1, &counters, &why), 0);
    struct gate_options o = {.home = home, .model = "", .config = c, .counters = counters};
    assert_int_equal(gate_open(&o, &gate, &why), 0);
    assert_int_equal(nets_new(NULL, 0, "none", &none, &why), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a) | listen(fd, 8) | getsockname(fd, (struct sockaddr *)&a, &n), 0);
    struct http_settings settings = {.trusted = none, .message_bytes = 1 << 20, .time_s = 60, .connections = 4, .per_address = 1};
    enum http_role role = HTTP_PLAIN;
    struct http_listener *l;
    uv_loop_init(&loop);
    struct http_listen_options lo = {.loop = &loop, .gate = gate, .fd = &fd, .role = &role, .n_fd = 1, .hand = closes_it, .ctx = &file};
    assert_int_equal(http_listener_new(&lo, &settings, &l, &why), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
    for (int i = 0; i < 100 && (file < 0 || counters_get(counters, DOOR_HTTP, METRIC_OPEN_CONNECTIONS)); i++)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(file >= 0);
    assert_int_equal(counters_get(counters, DOOR_HTTP, METRIC_CONNECTIONS), 1);
    assert_int_equal(counters_get(counters, DOOR_HTTP, METRIC_OPEN_CONNECTIONS), 0);
    assert_int_not_equal(fcntl(file, F_GETFD), -1);
    http_listener_free(&l);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(client);
    close(file);
    nets_free(&none);
    assert_int_equal(gate_close(&gate, &why), 0);
    counters_close(&counters);
    nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_refused_socket_leaves_no_slot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
