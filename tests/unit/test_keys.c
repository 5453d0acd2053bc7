/* Keys of the Akismet door: made, found, removed; damage; and the way out of the quarantine, by SMTP and by program. */
#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/keys.h"
#include "serve/release.h"

struct place { char dir[64], path[96]; struct report why; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/posse-keys-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/keys/akismet", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", p->dir);
    int rc = system(command);
    free(p);
    return rc;
}

static void add(struct place *p, uint8_t seed, const char *site, char key[KEY_BYTES + 1])
{
    uint8_t random[KEY_RANDOM_BYTES];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(seed * 31 + i * 7);
    if (keys_add(p->path, site, "a note", 1700000000, random, key, &p->why))
        fail_msg("%s", p->why.text);
}

static struct keys *load(struct place *p)
{
    struct keys *k;
    if (keys_load(p->path, &k, &p->why))
        fail_msg("%s", p->why.text);
    return k;
}

static void a_key_is_found(void **state)
{
    struct place *p = *state;
    char a[KEY_BYTES + 1], b[KEY_BYTES + 1];
    struct keys *k = load(p);
    assert_int_equal(keys_count(k), 0);
    assert_null(keys_find(k, SPAN_LIT("abcdefghijkl")));
    assert_false(keys_is_stale(k));
    add(p, 1, "https://a.example", a);
    assert_true(keys_is_stale(k));
    keys_free(&k);
    add(p, 2, "", b);
    assert_string_not_equal(a, b);
    k = load(p);
    assert_int_equal(keys_count(k), 2);
    assert_false(keys_is_stale(k));
    const struct key *found = keys_find(k, span_str(a));
    assert_non_null(found);
    assert_string_equal(found->site, "https://a.example");
    assert_string_equal(found->note, "a note");
    assert_int_equal(found->made_s, 1700000000);
    assert_ptr_equal(keys_find(k, span_str(b)), keys_at(k, 1));
    for (char *c = a; *c; c++)
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    assert_ptr_equal(keys_find(k, span_str(a)), found); /* a host's name has no case */
    assert_null(keys_find(k, span_of(a, 11)));
    assert_null(keys_find(k, SPAN_NONE));
    assert_null(keys_find(k, SPAN_LIT("abcdefghijklm")));
    keys_free(&k);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_key_is_removed(void **state)
{
    struct place *p = *state;
    char a[KEY_BYTES + 1], b[KEY_BYTES + 1];
    add(p, 1, "", a);
    add(p, 2, "", b);
    assert_int_equal(keys_remove(p->path, a, &p->why), POSSE_OK);
    assert_int_equal(keys_remove(p->path, a, &p->why), POSSE_ENOENT);
    struct keys *k = load(p);
    assert_int_equal(keys_count(k), 1);
    assert_non_null(keys_find(k, span_str(b)));
    keys_free(&k);
}

static void bad_input_is_told(void **state)
{
    struct place *p = *state;
    static const char *const lines[] = {"short\t\t1\t\n", "abcdefghijkL\t\t1\t\n", "abcdefghijkl\n", "abcdefghijkl\tsite\tsoon\tnote\n"};
    char key[KEY_BYTES + 1], folder[80];
    uint8_t random[KEY_RANDOM_BYTES];
    memset(random, 255, sizeof random);
    assert_int_equal(keys_add(p->path, "", "", 1, random, key, &p->why), POSSE_EINVAL); /* nothing of it can be used */
    assert_int_equal(keys_add(p->path, "a\tb", "", 1, random, key, &p->why), POSSE_EINVAL);
    snprintf(folder, sizeof folder, "%s/keys", p->dir);
    mkdir(folder, 0700);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct keys *k;
        FILE *f = fopen(p->path, "w");
        fprintf(f, "# a comment\n\n%s", lines[i]);
        fclose(f);
        chmod(p->path, 0600);
        assert_int_equal(keys_load(p->path, &k, &p->why), POSSE_ESYNTAX);
        assert_non_null(strstr(p->why.text, "line 3"));
        assert_null(k);
    }
}

/* ---- release ---- */

/* Answers one session of SMTP and writes what it heard to a file; `refuse`: a command that gets 550. */
static void serve_smtp(int listener, const char *path, const char *refuse)
{
    int fd = accept(listener, NULL, NULL);
    FILE *in = fdopen(fd, "r"), *log = fopen(path, "w");
    char line[4096];
    bool is_data = false;
    dprintf(fd, "220 mx.example\r\n");
    while (fgets(line, sizeof line, in)) {
        fputs(line, log);
        if (is_data && strcmp(line, ".\r\n") != 0)
            continue;
        bool refused = refuse && strncmp(line, refuse, strlen(refuse)) == 0;
        bool starts = strncmp(line, "DATA", 4) == 0 && !refused;
        dprintf(fd, "%s\r\n", refused ? "550 5.7.1 no, thank you" : starts ? "354 go" : strncmp(line, "QUIT", 4) == 0 ? "221 bye" : "250 ok");
        is_data = starts;
    }
    fclose(log);
    _exit(0);
}

static int send_to(struct place *p, const struct release *r, const char *refuse, char *log, size_t n)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    char url[64], path[96];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&at, &len);
    snprintf(url, sizeof url, "smtp://127.0.0.1:%d", ntohs(at.sin_port));
    snprintf(path, sizeof path, "%s/log", p->dir);
    pid_t pid = fork();
    if (pid == 0)
        serve_smtp(listener, path, refuse);
    close(listener);
    int rc = release_send(url, r, &p->why);
    waitpid(pid, NULL, 0);
    FILE *f = fopen(path, "r");
    log[fread(log, 1, n - 1, f)] = '\0';
    fclose(f);
    return rc;
}

static void a_message_goes_out_by_smtp(void **state)
{
    struct place *p = *state;
    char log[8192];
    struct span rcpt[] = {SPAN_LIT("bob@example.org"), SPAN_LIT("eve@example.org")};
    struct release r = {.from = SPAN_LIT("ann@example.com"), .rcpt = rcpt, .n_rcpt = 2,
                        .raw = SPAN_LIT("Subject: x\nA: b\r\n\n.\n..dots\nlast\xff line")};
    if (send_to(p, &r, NULL, log, sizeof log))
        fail_msg("%s", p->why.text);
    assert_non_null(strstr(log, "MAIL FROM:<ann@example.com>"));
    assert_non_null(strstr(log, "RCPT TO:<bob@example.org>\r\nRCPT TO:<eve@example.org>\r\n"));
    assert_non_null(strstr(log, "DATA\r\nSubject: x\r\nA: b\r\n\r\n..\r\n...dots\r\nlast\xff line\r\n.\r\n"));
    r.from = SPAN_NONE;
    assert_int_equal(send_to(p, &r, NULL, log, sizeof log), POSSE_OK);
    assert_non_null(strstr(log, "MAIL FROM:<>"));
}

static void refusals_are_told(void **state)
{
    struct place *p = *state;
    static const char *const refuse[] = {"MAIL", "RCPT TO:<eve", "DATA", ".\r\n"};
    char log[8192];
    struct span rcpt[] = {SPAN_LIT("bob@example.org"), SPAN_LIT("eve@example.org")};
    struct release r = {.from = SPAN_LIT("ann@example.com"), .rcpt = rcpt, .n_rcpt = 2, .raw = SPAN_LIT("Subject: x\n\ny\n")};
    for (size_t i = 0; i < sizeof refuse / sizeof *refuse; i++) {
        assert_int_equal(send_to(p, &r, refuse[i], log, sizeof log), POSSE_EIO);
        assert_true(i > 2 || !strstr(log, "Subject"));
    }
    static const char *const bad[] = {"a@b>\r\nRCPT TO:<c@d", "a b@c", "<a@b>", "", "a\n@b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rcpt[1] = span_str(bad[i]);
        assert_int_equal(release_send("smtp://127.0.0.1:1", &r, &p->why), POSSE_EINVAL);
    }
    rcpt[1] = SPAN_LIT("eve@example.org");
    assert_int_equal(release_send("http://127.0.0.1:1", &r, &p->why), POSSE_EINVAL);
    assert_int_equal(release_send("file:///etc/passwd", &r, &p->why), POSSE_EINVAL);
    assert_int_equal(release_send("sendmail:relative", &r, &p->why), POSSE_EINVAL);
    assert_int_equal(release_send("sendmail:/nonexistent/x", &r, &p->why), POSSE_ENOENT);
    assert_int_equal(release_send("sendmail:/bin/false", &r, &p->why), POSSE_EIO);
    r.n_rcpt = 0;
    assert_int_equal(release_send("sendmail:/bin/true", &r, &p->why), POSSE_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_found), TEST(a_key_is_removed), TEST(bad_input_is_told), TEST(a_message_goes_out_by_smtp), TEST(refusals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
