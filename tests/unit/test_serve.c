/* The daemon before it serves: addresses, sockets and who may write to them, what systemd hands over and is told, giving up
 * root, the lock, settings that make no sense. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "serve/notify.h"
#include "serve/privilege.h"
#include "serve/serve_setup.h"
#include "serve/sockets.h"

static const struct config_key table[] = {
    {"one.listen", CONFIG_LIST, "", "", 0, 0, "One."},
    {"two.listen", CONFIG_LIST, "", "", 0, 0, "Two."},
    {NULL, CONFIG_BOOL, NULL, NULL, 0, 0, NULL},
};
static const char *const roles[] = {"one.listen", "two.listen", NULL};

static int set_up(void **state)
{
    char *dir = strdup("/tmp/posse-serve-XXXXXX");
    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    int rc = system(command);
    free(*state);
    return rc;
}

static struct config *config_with(const char *one, const char *two)
{
    struct config *c;
    struct report why = {0};
    assert_int_equal(config_new(table, &c, &why), 0);
    assert_int_equal(config_set(c, "one.listen", one, &why), 0);
    assert_int_equal(config_set(c, "two.listen", two, &why), 0);
    return c;
}

static struct sockets_options options(const struct config *c)
{
    return (struct sockets_options){.config = c, .role = roles, .mode = 0620, .uid = (uid_t)-1, .gid = (gid_t)-1};
}

static void addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1:783", "0.0.0.0:0", "[::1]:783", "[::]:65535", "unix:/run/posse/s"};
    static const char *const bad[] = {"", ":", "783", ":783", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                      "127.0.0.1:7a", "localhost:783", "::1:783", "[::1:783", "[127.0.0.1]:783", "[]:1", "unix:",
                                      "unix:run/s", "/run/s", "127.0.0.1:000783",
                                      "unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
                                      "0123456789012345678901234567890123456789"};
    struct report why;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (sockets_check(good[i], "k", &why))
            fail_msg("%s", why.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sockets_check(bad[i], "k", &why) != POSSE_ESYNTAX)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(sockets_check("x", "spamd.listen", &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "spamd.listen: \"x\" is no address; write 127.0.0.1:783, [::1]:783 or unix:/run/posse/door.sock");
}

static int connects(const char *address)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", address + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return rc;
}

static void sockets_bind(void **state)
{
    char path[80], text[160];
    const struct listening *l;
    struct sockets *s, *second;
    struct report why = {0};
    struct stat st;
    snprintf(path, sizeof path, "unix:%s/s", (char *)*state);
    snprintf(text, sizeof text, "127.0.0.1:0, %s", path);
    struct config *c = config_with("127.0.0.1:0", text);
    struct sockets_options o = options(c);
    if (sockets_open(&o, &s, &why))
        fail_msg("%s", why.text);
    assert_int_equal(sockets_all(s, &l), 3);
    assert_string_equal(l[0].role, "one.listen");
    assert_string_equal(l[2].role, "two.listen");
    assert_memory_equal(l[0].address, "127.0.0.1:", 10);
    assert_string_not_equal(l[0].address, "127.0.0.1:0");
    assert_string_equal(l[2].address, path);
    assert_int_equal(fcntl(l[1].fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(l[1].fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(stat(path + 5, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0620);
    assert_int_equal(connects(path), 0);

    /* in use: by name and by number, and what answers keeps its name */
    assert_int_equal(config_set(c, "one.listen", path, &why), 0);
    assert_true(sockets_open(&o, &second, &why) < 0);
    assert_null(second);
    assert_non_null(strstr(why.text, "one.listen: cannot listen on unix:"));
    assert_non_null(strstr(why.text, "Address already in use; stop who has it"));
    assert_int_equal(connects(path), 0);
    assert_int_equal(config_set(c, "one.listen", l[0].address, &why), 0);
    assert_true(sockets_open(&o, &second, &why) < 0);

    /* taken: no longer closed with the rest */
    int fd = sockets_take(s, 0);
    sockets_close(&s);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    assert_true(stat(path + 5, &st) != 0);
    config_free(&c);
}

static void what_a_dead_daemon_left(void **state)
{
    char path[80];
    struct sockets *s;
    struct report why = {0};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "unix:%s/left", (char *)*state);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd);
    struct config *c = config_with(path, "");
    struct sockets_options o = options(c);
    if (sockets_open(&o, &s, &why))
        fail_msg("%s", why.text);
    sockets_close(&s);
    fd = open(path + 5, O_CREAT | O_WRONLY, 0600); /* a file is nobody's leftover */
    close(fd);
    assert_true(sockets_open(&o, &s, &why) < 0);
    assert_int_equal(access(path + 5, F_OK), 0);
    config_free(&c);
}

/* Two sockets at consecutive numbers from 100 on, as systemd hands them over. */
static void hand_over(int first, char address[2][128])
{
    struct config *c = config_with("127.0.0.1:0, 127.0.0.1:0", "");
    struct sockets_options o = options(c);
    const struct listening *l;
    struct sockets *s;
    struct report why = {0};
    assert_int_equal(sockets_open(&o, &s, &why), 0);
    sockets_all(s, &l);
    for (int i = 0; i < 2; i++) {
        memcpy(address[i], l[i].address, 128);
        assert_int_equal(dup2(l[i].fd, first + i), first + i);
    }
    sockets_close(&s);
    config_free(&c);
}

static void systemd_hands_over(void **state)
{
    (void)state;
    char address[2][128], both[300];
    const struct listening *l;
    struct sockets *s;
    struct report why = {0};
    hand_over(100, address);
    /* by name, and what the key says itself is not bound then; the second by its address */
    struct config *c = config_with(address[1], "192.0.2.1:25");
    struct sockets_options o = options(c);
    o.inherited = (struct sockets_inherited){100, 2, "two.listen:posse.socket"};
    if (sockets_open(&o, &s, &why))
        fail_msg("%s", why.text);
    assert_int_equal(sockets_all(s, &l), 2);
    assert_string_equal(l[0].role, "two.listen");
    assert_string_equal(l[1].role, "one.listen");
    assert_true(l[0].is_inherited && l[1].is_inherited);
    assert_string_equal(l[0].address, address[0]);
    sockets_close(&s);
    config_free(&c);

    /* for no door */
    hand_over(100, address);
    snprintf(both, sizeof both, "%s", address[0]);
    c = config_with(both, "");
    o = options(c);
    o.inherited = (struct sockets_inherited){100, 2, ""};
    assert_int_equal(sockets_open(&o, &s, &why), POSSE_EINVAL);
    assert_non_null(strstr(why.text, "is for no door; give it FileDescriptorName=spamd.listen"));
    close(100);
    close(101);

    /* no socket at all */
    assert_int_equal(dup2(0, 100), 100);
    o.inherited.n = 1;
    assert_int_equal(sockets_open(&o, &s, &why), POSSE_EINVAL);
    assert_non_null(strstr(why.text, "is no listening stream socket"));
    close(100);
    config_free(&c);
}

static void the_environment_is_cleared(void **state)
{
    (void)state;
    char pid[16], names[64];
    struct sockets_inherited in;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
    sockets_inherit(&in, names, sizeof names);
    assert_int_equal(in.n, 2);
    assert_int_equal(in.first, 3);
    assert_string_equal(names, "a:b");
    assert_null(getenv("LISTEN_FDS"));
    setenv("LISTEN_PID", "1", 1); /* somebody else's */
    setenv("LISTEN_FDS", "2", 1);
    sockets_inherit(&in, names, sizeof names);
    assert_int_equal(in.n, 0);
}

static void systemd_is_told(void **state)
{
    char path[80], got[512], want[80];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct notify n;
    snprintf(path, sizeof path, "%s/notify", (char *)*state);
    static const char *const forms[] = {"/", "@"};
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        path[0] = forms[i][0];
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        a.sun_path[0] = i ? '\0' : '/';
        assert_int_equal(bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + !i)), 0);
        setenv("NOTIFY_SOCKET", path, 1);
        setenv("WATCHDOG_USEC", "3000000", 1);
        notify_init(&n);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_null(getenv("WATCHDOG_USEC"));
        assert_int_equal(n.watchdog_ms, 3000);
        notify_ready(&n, "at rest");
        ssize_t len = recv(fd, got, sizeof got - 1, 0);
        snprintf(want, sizeof want, "READY=1\nMAINPID=%ld\nSTATUS=at rest", (long)getpid());
        got[len > 0 ? len : 0] = '\0';
        assert_string_equal(got, want);
        notify_reloading(&n);
        len = recv(fd, got, sizeof got - 1, 0);
        got[len > 0 ? len : 0] = '\0';
        assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
        notify_stopping(&n);
        notify_watchdog(&n);
        assert_int_equal(recv(fd, got, sizeof got, 0), 10);
        assert_int_equal(recv(fd, got, sizeof got, 0), 10);
        close(fd);
        notify_stopping(&n); /* nobody listens any more: no matter */
    }
    notify_init(&n);
    assert_int_equal(n.n, 0);
    notify_ready(&n, "");
}

/* In a child: what is given up is gone. */
static void root_is_given_up(void **state)
{
    (void)state;
    struct privilege p;
    struct report why = {0};
    assert_int_equal(privilege_find("no-such-user-here", &p, &why), POSSE_EINVAL);
    assert_non_null(strstr(why.text, "there is no user \"no-such-user-here\""));
    if (geteuid() != 0)
        skip();
    assert_int_equal(privilege_find("", &p, &why), POSSE_EINVAL);
    assert_int_equal(privilege_find("root", &p, &why), 0);
    pid_t child = fork();
    if (child == 0) {
        int rc = privilege_find("nobody", &p, &why);
        rc = rc ? rc : privilege_drop(&p, &why);
        if (rc)
            fprintf(stderr, "%s\n", why.text);
        _exit(rc != 0 || getuid() == 0 || getgid() == 0 || setuid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void one_daemon_a_home(void **state)
{
    int first = -1, second = -1;
    char want[200], path[120];
    struct report why = {0};
    assert_int_equal(serve_lock(*state, &first, &why), 0);
    assert_int_equal(serve_lock(*state, &second, &why), POSSE_EBUSY); /* flock: of another open file of this process too */
    snprintf(want, sizeof want, "%s: another daemon serves this home already, process %ld; stop it", (char *)*state, (long)getpid());
    assert_memory_equal(why.text, want, strlen(want));
    close(first);
    assert_int_equal(serve_lock(*state, &second, &why), 0);
    close(second);
    snprintf(path, sizeof path, "%s/none", (char *)*state);
    assert_true(serve_lock(path, &second, &why) < 0);
}

static int presets(const char *file, const char *home, struct config **out, struct report *why)
{
    (void)file;
    (void)home;
    return config_new(cli_keys, out, why);
}

static void settings_are_checked(void **state)
{
    (void)state;
    static const struct { const char *set, *report; } cases[] = {
        {"log.level=loud", "log.level must be error, warning, notice, info or debug, not \"loud\""},
        {"log.format=xml", "log.format must be text or json, not \"xml\""},
        {"serve.socket_mode=0999", "serve.socket_mode must be an octal mode such as 0660, not \"0999\""},
        {"serve.socket_mode=", "serve.socket_mode must be an octal mode such as 0660, not \"\""},
        {"limits.grace", "\"limits.grace\" sets nothing; write KEY=VALUE"},
        {"limits.grace=1x", "limits.grace must be a time such as 30s, 5m, 2h or 7d, not \"1x\""},
    };
    struct config *c;
    struct report why = {0};
    struct serve_options o = {.home = "/nowhere", .settings = presets, .n_set = 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        o.set = &cases[i].set;
        assert_true(serve_settings(&o, &c, &why) < 0);
        assert_null(c);
        assert_string_equal(why.text, cases[i].report);
    }
    static const char *const good[] = {"log.level=debug", "log.format=json", "limits.grace=0", "policy[a=b.example].tag=0.25"};
    o.set = good;
    o.n_set = 4;
    if (serve_settings(&o, &c, &why))
        fail_msg("%s", why.text);
    assert_int_equal(serve_log_level(c), LOG_DEBUG);
    assert_int_equal(serve_socket_mode(c), 0660);
    assert_int_equal(config_int(c, "limits.grace"), 0);
    assert_true(config_float_of(c, "policy[].tag", "a=b.example") == 0.25);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test_setup_teardown(sockets_bind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_dead_daemon_left, set_up, tear_down),
        cmocka_unit_test(systemd_hands_over),
        cmocka_unit_test(the_environment_is_cleared),
        cmocka_unit_test_setup_teardown(systemd_is_told, set_up, tear_down),
        cmocka_unit_test(root_is_given_up),
        cmocka_unit_test_setup_teardown(one_daemon_a_home, set_up, tear_down),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
