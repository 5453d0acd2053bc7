/* rdap, the client: a registry on this machine's loopback: bootstrap, redirects, cache, turns, and servers that lie, hang or say later. */
#include "unit.h"

#include <dirent.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/error.h"
#include "net/rdap.h"
#include "net/rdap_priv.h"

struct world {
    struct MHD_Daemon *server;
    unsigned port;
    char dir[64], cache[80], base[64], asked[16][128];
    size_t n_asked;
    int64_t now_ms, waited_ms;
    unsigned busy; /* so many answers of 429 to come */
    const char *retry_after;
    struct span recorded;
};

static int64_t now(void *ctx) { return ((struct world *)ctx)->now_ms; }
static void wait_for(void *ctx, int64_t ms)
{
    struct world *w = ctx;
    w->now_ms += ms;
    w->waited_ms += ms;
}

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, const char *field, const char *value, const char *text, size_t n)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)text, MHD_RESPMEM_MUST_COPY);
    if (field)
        MHD_add_response_header(r, field, value);
    MHD_add_response_header(r, "Content-Type", "application/rdap+json");
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

#define NET(first, last, mail) "{\"objectClassName\":\"ip network\",\"startAddress\":\"" first "\",\"endAddress\":\"" last "\",\"name\":\"N\",\"entities\":[" \
    "{\"roles\":[\"abuse\"],\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"" mail "\"]]]}]}"

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct world *w = ctx;
    char to[256], text[512];
    (void)method, (void)version, (void)data, (void)size, (void)state;
    if (w->n_asked < 16)
        snprintf(w->asked[w->n_asked++], sizeof w->asked[0], "%s", url);
    const char *ip = strncmp(url, "/reg/ip/", 8) == 0 ? url + 8 : "";
    if (w->busy && *ip) {
        w->busy--;
        return send_text(c, 429, w->retry_after ? "Retry-After" : NULL, w->retry_after, "", 0);
    }
    if (strcmp(url, "/boot/ipv4.json") == 0) {
        int n = snprintf(text, sizeof text, "{\"services\":[[[\"192.0.2.0/24\",\"198.51.100.0/24\",\"101.0.0.0/8\"],[\"%s/reg/\"]]]}", w->base);
        return send_text(c, 200, NULL, NULL, text, (size_t)n);
    }
    const char *body = strcmp(ip, "192.0.2.1") == 0 ? NET("192.0.2.0", "192.0.2.127", "low@a.example")
                       : strcmp(ip, "192.0.2.200") == 0 ? NET("192.0.0.0", "192.0.255.255", "wide@a.example")
                       : strcmp(ip, "198.51.100.7") == 0 ? NET("192.0.2.0", "192.0.2.127", "liar@a.example")
                       : strcmp(ip, "198.51.100.8") == 0 ? "<html>" : strcmp(url, "/other/ip/198.51.100.9") == 0 ? NET("198.51.100.9", "198.51.100.9", "moved@a.example") : NULL;
    if (body)
        return send_text(c, 200, NULL, NULL, body, strlen(body));
    if (strcmp(ip, "101.1.1.1") == 0 && w->recorded.n)
        return send_text(c, 200, NULL, NULL, (const char *)w->recorded.p, w->recorded.n);
    snprintf(to, sizeof to, "%s/%s", w->base, strcmp(ip, "198.51.100.9") == 0 ? "other/ip/198.51.100.9" : "reg/ip/198.51.100.10");
    if (strcmp(ip, "198.51.100.9") == 0 || strcmp(ip, "198.51.100.10") == 0)
        return send_text(c, 302, "Location", to, "", 0);
    if (strcmp(ip, "198.51.100.11") == 0)
        return send_text(c, 302, "Location", "file:///etc/passwd", "", 0);
    return send_text(c, strcmp(ip, "198.51.100.12") == 0 ? 500 : 404, NULL, NULL, "", 0);
}

static int setup(void **state)
{
    static const char *const proxies[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    strcpy(w->dir, "/tmp/posse-rdap.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->cache, sizeof w->cache, "%s/a/b", w->dir);
    w->server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, w, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_END);
    assert_non_null(w->server);
    w->port = MHD_get_daemon_info(w->server, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(w->base, sizeof w->base, "http://127.0.0.1:%u", w->port);
    w->now_ms = 1700000000000;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    MHD_stop_daemon(w->server);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static struct rdap *client(struct world *w, bool is_online, bool has_cache)
{
    static char boot[80];
    struct report why = {0};
    struct rdap *r;
    snprintf(boot, sizeof boot, "%s/boot", w->base);
    struct rdap_options o = {.cache = has_cache ? w->cache : NULL, .bootstrap = boot, .is_online = is_online, .now_ms = now, .wait_ms = wait_for,
                             .ctx = w, .timeout_ms = 5000};
    if (rdap_open(&o, &r, &why))
        fail_msg("%s", why.text);
    return r;
}

static int ask(struct rdap *r, const char *text, struct rdap_answer *out, struct report *why)
{
    struct ip a;
    assert_true(ip_read(span_str(text), &a));
    *why = (struct report){0};
    int rc = rdap_ask(r, &a, out, why);
    assert_int_equal(rc, why->code);
    return rc;
}

/* Asked once; then out of the cache, by another handle too, and offline at any age. */
static void cached(void **state)
{
    struct world *w = *state;
    struct rdap_answer x;
    struct report why;
    struct rdap *r = client(w, true, true);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    assert_string_equal(rdap_abuse(&x.network)->email, "low@a.example");
    assert_false(x.is_cached);
    assert_int_equal(x.asked_ms, 1700000000000);
    assert_non_null(strstr(x.url, "/reg/ip/192.0.2.1"));
    assert_true(x.raw.n > 100 && x.raw.p[0] == '{');
    assert_int_equal(w->n_asked, 2); /* the bootstrap, then the registry: asked one after the other, 2 s apart */
    assert_string_equal(w->asked[0], "/boot/ipv4.json");
    assert_int_equal(w->waited_ms, 2000);
    assert_int_equal(ask(r, "192.0.2.99", &x, &why), POSSE_OK); /* the same network */
    assert_true(x.is_cached && !x.is_old && x.raw.n > 100);
    assert_int_equal(w->n_asked, 2);
    rdap_close(&r);
    r = client(w, false, true);
    w->now_ms += 30 * 86400000ll;
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    assert_true(x.is_cached && x.is_old);
    assert_int_equal(ask(r, "192.0.2.200", &x, &why), POSSE_ENOENT);
    assert_non_null(strstr(why.text, "--online"));
    rdap_close(&r);
    assert_int_equal(w->n_asked, 2); /* offline nobody was asked */
    r = client(w, true, true);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    assert_false(x.is_cached);
    assert_int_equal(w->n_asked, 4); /* the bootstrap was old too */
    rdap_close(&r);
}

/* A wide range is remembered no further than the address's own /24; the narrower answer wins where both are known. */
static void wide(void **state)
{
    struct world *w = *state;
    struct rdap_answer x;
    struct report why;
    struct rdap *r = client(w, true, true);
    assert_int_equal(ask(r, "192.0.2.200", &x, &why), POSSE_OK);
    assert_int_equal(ask(r, "192.0.2.201", &x, &why), POSSE_OK);
    assert_true(x.is_cached);
    rdap_close(&r);
    r = client(w, false, true);
    assert_int_equal(ask(r, "192.0.3.1", &x, &why), POSSE_ENOENT);
    rdap_close(&r);
    struct rdap_cached c = {.asked_ms = w->now_ms, .body = span_str(NET("192.0.2.192", "192.0.2.207", "narrow@a.example"))};
    struct ip first, last;
    ip_read(span_str("192.0.2.192"), &first);
    ip_read(span_str("192.0.2.207"), &last);
    assert_int_equal(rdap_cache_put(w->cache, &first, &last, &c, &why), POSSE_OK);
    r = client(w, false, true);
    assert_int_equal(ask(r, "192.0.2.201", &x, &why), POSSE_OK);
    assert_string_equal(rdap_abuse(&x.network)->email, "narrow@a.example");
    assert_int_equal(ask(r, "192.0.2.208", &x, &why), POSSE_OK);
    assert_string_equal(rdap_abuse(&x.network)->email, "wide@a.example");
    rdap_close(&r);
}

static void lies(void **state)
{
    struct world *w = *state;
    struct rdap_answer x;
    struct report why;
    struct rdap *r = client(w, true, true);
    assert_int_equal(ask(r, "198.51.100.7", &x, &why), POSSE_ECORRUPT); /* about another network */
    assert_int_equal(ask(r, "198.51.100.8", &x, &why), POSSE_ECORRUPT);
    assert_int_equal(ask(r, "198.51.100.9", &x, &why), POSSE_OK); /* where it was sent */
    assert_non_null(strstr(x.url, "/other/ip/"));
    w->n_asked = 0;
    assert_int_equal(ask(r, "198.51.100.10", &x, &why), POSSE_ECORRUPT); /* in circles */
    assert_int_equal(w->n_asked, RDAP_HOPS + 1);
    assert_int_equal(ask(r, "198.51.100.11", &x, &why), POSSE_ECORRUPT);
    assert_int_equal(ask(r, "198.51.100.12", &x, &why), POSSE_EIO);
    assert_int_equal(ask(r, "10.0.0.1", &x, &why), POSSE_EINVAL); /* private, and nobody's */
    assert_int_equal(ask(r, "8.8.8.8", &x, &why), POSSE_ENOENT);
    w->n_asked = 0;
    assert_int_equal(ask(r, "198.51.100.99", &x, &why), POSSE_ENOENT); /* known to be unknown */
    assert_int_equal(ask(r, "198.51.100.99", &x, &why), POSSE_ENOENT);
    assert_int_equal(w->n_asked, 1);
    rdap_close(&r);
}

static void turns(void **state)
{
    struct world *w = *state;
    struct rdap_answer x;
    struct report why;
    struct rdap *r = client(w, true, true);
    w->busy = 1;
    w->retry_after = "7";
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    assert_int_equal(w->waited_ms, 9000);
    w->busy = 2;
    w->retry_after = "3600";
    assert_int_equal(ask(r, "192.0.2.200", &x, &why), POSSE_EBUSY);
    w->n_asked = 0;
    rdap_close(&r);
    r = client(w, true, true); /* another process is told so too, and asks nothing */
    assert_int_equal(ask(r, "192.0.2.200", &x, &why), POSSE_EBUSY);
    assert_non_null(strstr(why.text, "3600 s"));
    assert_int_equal(w->n_asked, 0);
    w->now_ms += 3600000;
    w->busy = 0;
    assert_int_equal(ask(r, "192.0.2.200", &x, &why), POSSE_OK);
    rdap_close(&r);
}

/* A server that says nothing; one that is not there; a cache that is damaged or no folder; without a cache. */
static void trouble(void **state)
{
    struct world *w = *state;
    struct rdap_answer x;
    struct report why;
    char path[256];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int deaf = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(deaf, (struct sockaddr *)&at, sizeof at) | listen(deaf, 4) | getsockname(deaf, (struct sockaddr *)&at, &n), 0);
    snprintf(path, sizeof path, "%s/ipv4.json", w->dir);
    FILE *f = fopen(path, "w");
    fprintf(f, "{\"services\":[[[\"192.0.2.0/24\"],[\"http://127.0.0.1:%d/\"]]]}", ntohs(at.sin_port));
    fclose(f);
    struct rdap_options o = {.bootstrap = w->dir, .is_online = true, .now_ms = now, .wait_ms = wait_for, .ctx = w, .timeout_ms = 100};
    struct rdap *r;
    assert_int_equal(rdap_open(&o, &r, &why), POSSE_OK);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_EIO);
    close(deaf);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_EIO);
    assert_int_equal(ask(r, "2001:db8::1", &x, &why), POSSE_ENOENT); /* no ipv6.json there */
    rdap_close(&r);

    r = client(w, true, false);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    rdap_close(&r);

    r = client(w, true, true);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    rdap_close(&r);
    DIR *d = opendir(w->cache);
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) == 65) {
            snprintf(path, sizeof path, "%.100s/%.65s", w->cache, e->d_name);
            assert_int_equal(truncate(path, 20), 0);
        }
    closedir(d);
    r = client(w, true, true);
    assert_int_equal(ask(r, "192.0.2.1", &x, &why), POSSE_OK);
    assert_false(x.is_cached);
    rdap_close(&r);
    o = (struct rdap_options){.cache = path, .is_online = true, .now_ms = now, .wait_ms = wait_for, .ctx = w};
    assert_int_not_equal(rdap_open(&o, &r, &why), POSSE_OK);
}

static void redirects(void **state)
{
    static const struct { const char *from, *to; bool may; } cases[] = {
        {"https://a.example/", "https://b.example/ip/192.0.2.1", true}, {"http://a.example/", "https://b.example/", true},
        {"https://a.example/", "http://b.example/", false}, {"https://a.example/", "ftp://b.example/", false}, {"https://a.example/", "", false},
        {"https://a.example/", "https://127.0.0.1/", false}, {"https://a.example/", "https://[::1]/", false}, {"https://a.example/", "https://localhost:8/", false},
        {"https://a.example/", "https://169.254.169.254/", false}, {"http://127.0.0.1/", "http://127.0.0.1:8/", true},
        {"https://a.example/", "https://u:p@b.example/", false}, {"https://a.example/", "https://", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rdap_may_redirect(cases[i].from, cases[i].to) != cases[i].may)
            fail_msg("%s to %s", cases[i].from, cases[i].to);
    (void)state;
}

/* An answer as a registry gave it, where the corpora are. */
static void recorded(void **state)
{
    struct world *w = *state;
    static char bytes[1 << 17];
    char path[4096];
    struct rdap_answer x;
    struct report why;
    const char *corpora = getenv("POSSE_CORPORA");
    snprintf(path, sizeof path, "%s/schemas/rdap/icann/validator/src/test/resources/validators/ipNetwork/valid.json", corpora ? corpora : "");
    FILE *f = corpora ? fopen(path, "rb") : NULL;
    if (!f)
        skip();
    w->recorded = span_of(bytes, fread(bytes, 1, sizeof bytes, f));
    fclose(f);
    struct rdap *r = client(w, true, true);
    assert_int_equal(ask(r, "101.1.1.1", &x, &why), POSSE_OK);
    assert_non_null(rdap_abuse(&x.network));
    assert_true(span_eq(x.raw, w->recorded));
    rdap_close(&r);
    r = client(w, false, true);
    assert_int_equal(ask(r, "101.1.1.99", &x, &why), POSSE_OK);
    assert_true(span_eq(x.raw, w->recorded));
    rdap_close(&r);
}

int main(void)
{
#define IN_A_WORLD(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(cached), IN_A_WORLD(wide), IN_A_WORLD(lies), IN_A_WORLD(turns), IN_A_WORLD(trouble), cmocka_unit_test(redirects), IN_A_WORLD(recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
