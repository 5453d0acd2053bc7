/* The client: from the cache, or from the server that the bootstrap registry names, in that server's time.
 *
 * What a registry said of one address is kept for its neighbours too, but no further than what is probably one network (/24, /48): a wide
 * range may have parts that were given to somebody else, and only a question for an address in them tells of it. */
#include "net/rdap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "net/rdap_priv.h"

enum { DAY_MS = 86400000, BOOTSTRAP_MAX = 4 * RDAP_ANSWER_MAX, LATER_S = 30 };

struct rdap {
    struct rdap_options o;
    struct rdap_bootstrap *table[2]; /* v4, v6 */
    struct buf body;
    struct rdap_turns turns;
};

static int64_t or_else(int64_t x, int64_t preset) { return x > 0 ? x : preset; }

/* The folder and its parents. */
static int make_folder(const char *path, struct report *why)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return report_set(why, POSSE_EINVAL, "%s: the path is too long", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return report_errno(why, "make", part);
        *p = '/';
    }
    struct stat st;
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        return report_errno(why, "make", part);
    return stat(part, &st) == 0 && S_ISDIR(st.st_mode) ? POSSE_OK : report_set(why, POSSE_ENOTFILE, "%s: no folder", part);
}

int rdap_open(const struct rdap_options *o, struct rdap **out, struct report *why)
{
    struct rdap *r = *out = calloc(1, sizeof *r);
    if (!r)
        return report_set(why, POSSE_ENOMEM, "no memory to ask registries");
    r->o = *o;
    r->o.fresh_s = or_else(o->fresh_s, 7 * 86400);
    r->o.interval_ms = or_else(o->interval_ms, 2000);
    r->o.timeout_ms = or_else(o->timeout_ms, 20000);
    r->o.patience_ms = or_else(o->patience_ms, 60000);
    if (!r->o.bootstrap)
        r->o.bootstrap = RDAP_BOOTSTRAP;
    r->turns.fd = -1;
    buf_init(&r->body, BOOTSTRAP_MAX + (1 << 17)); /* and a cached one's first line, and a block to read into */
    int rc = o->cache && o->is_online ? make_folder(o->cache, why) : POSSE_OK;
    if (rc)
        rdap_close(out);
    return rc;
}

void rdap_close(struct rdap **rp)
{
    struct rdap *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    rdap_bootstrap_free(&r->table[0]);
    rdap_bootstrap_free(&r->table[1]);
    buf_deinit(&r->body);
    free(r);
}

/* ---- in the server's time ---- */

/* Waits until the host of url may be asked; EBUSY: that is longer than we wait. */
static int take_turn(struct rdap *r, const char *url, char host[256], struct report *why)
{
    int64_t now = r->o.now_ms(r->o.ctx);
    if (!rdap_host(url, host))
        return report_set(why, POSSE_ECORRUPT, "%s: not a URL that can be asked", url);
    int64_t wait = rdap_turns_from(&r->turns, host) - now;
    if (wait > r->o.patience_ms)
        return report_set(why, POSSE_EBUSY, "%s wants to be asked again in %" PRId64 " s, and not before", host, (wait + 999) / 1000);
    if (wait > 0)
        r->o.wait_ms(r->o.ctx, wait);
    rdap_turns_set(&r->turns, host, r->o.now_ms(r->o.ctx) + r->o.interval_ms);
    return POSSE_OK;
}

static bool is_redirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/* Along redirects to a reply that is none. A server that says "later" is asked once more, if it is soon. */
static int fetch(struct rdap *r, char url[RDAP_URL], const char *accept, struct rdap_reply *reply, struct report *why)
{
    char host[256];
    bool was_patient = false;
    for (int hops = 0; hops <= RDAP_HOPS;) {
        int rc = take_turn(r, url, host, why);
        if (!rc)
            rc = rdap_get(url, accept, r->o.timeout_ms, &r->body, reply, why);
        if (rc)
            return rc;
        if (reply->status == 429 || reply->status == 503) {
            int64_t later = reply->retry_after_s >= 0 ? reply->retry_after_s : LATER_S;
            rdap_turns_set(&r->turns, host, r->o.now_ms(r->o.ctx) + later * 1000);
            if (was_patient)
                return report_set(why, POSSE_EBUSY, "%s is asked too often; it wants %" PRId64 " s of rest", host, later);
            was_patient = true;
            continue;
        }
        if (!is_redirect(reply->status))
            return POSSE_OK;
        if (!rdap_may_redirect(url, reply->location)) {
            char to[256];
            return report_set(why, POSSE_ECORRUPT, "%s sends us to %s, where we do not go", host, rdap_host(reply->location, to) ? to : "nowhere");
        }
        strcpy(url, reply->location);
        hops++;
    }
    return report_set(why, POSSE_ECORRUPT, "%s: over %d redirects", url, RDAP_HOPS);
}

/* ---- the bootstrap registry ---- */

static bool is_folder(const char *path) { return strncmp(path, "http://", 7) != 0 && strncmp(path, "https://", 8) != 0; }

static int from_file(struct rdap *r, const char *name, struct rdap_bootstrap **out, struct report *why)
{
    char path[4400];
    snprintf(path, sizeof path, "%.4096s/%s", r->o.bootstrap, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return report_errno(why, "open", path);
    buf_clear(&r->body);
    uint8_t *room = buf_reserve(&r->body, BOOTSTRAP_MAX);
    ssize_t n = room ? read(fd, room, BOOTSTRAP_MAX) : -1; /* a file: one read is all of it */
    close(fd);
    if (n < 0)
        return room ? report_errno(why, "read", path) : report_set(why, POSSE_ENOMEM, "no memory for %s", path);
    r->body.n = (size_t)n;
    return rdap_bootstrap_add(out, buf_span(&r->body), why);
}

/* Fetched, and kept for a day. One that is older is better than none. */
static int from_publisher(struct rdap *r, const char *name, struct rdap_bootstrap **out, struct report *why)
{
    char kept[32];
    struct rdap_cached c = {.is_none = false};
    struct rdap_reply reply;
    int64_t now = r->o.now_ms(r->o.ctx);
    snprintf(kept, sizeof kept, "bootstrap-%s", name);
    int rc = r->o.cache ? rdap_cache_load(r->o.cache, kept, &r->body, &c, NULL) : POSSE_ENOENT;
    if (!rc && now >= c.asked_ms && now - c.asked_ms < DAY_MS && !rdap_bootstrap_add(out, c.body, NULL))
        return POSSE_OK;
    c = (struct rdap_cached){.asked_ms = now};
    size_t n = strlen(r->o.bootstrap);
    snprintf(c.url, sizeof c.url, "%.900s%s%s", r->o.bootstrap, n && r->o.bootstrap[n - 1] == '/' ? "" : "/", name);
    rc = fetch(r, c.url, "application/json", &reply, why);
    if (!rc && reply.status != 200)
        rc = report_set(why, POSSE_EIO, "%s: the server answers %ld", c.url, reply.status);
    c.body = buf_span(&r->body);
    if (!rc)
        rc = rdap_bootstrap_add(out, c.body, why);
    if (!rc && r->o.cache)
        return rdap_cache_save(r->o.cache, kept, &c, why);
    if (rc && r->o.cache && rdap_cache_load(r->o.cache, kept, &r->body, &c, NULL) == 0 && rdap_bootstrap_add(out, c.body, NULL) == 0)
        rc = POSSE_OK;
    return rc;
}

static int bootstrap_for(struct rdap *r, const struct ip *a, const struct rdap_bootstrap **out, struct report *why)
{
    struct rdap_bootstrap **t = &r->table[!ip_is_v4(a)];
    const char *name = ip_is_v4(a) ? "ipv4.json" : "ipv6.json";
    int rc = POSSE_OK;
    if (!*t)
        rc = is_folder(r->o.bootstrap) ? from_file(r, name, t, why) : from_publisher(r, name, t, why);
    *out = *t;
    return rc;
}

/* ---- one answer ---- */

/* What of the range the answer is kept for (above). */
static void near(const struct ip *a, struct ip *first, struct ip *last)
{
    struct ip from = ip_network(a), to = from;
    for (unsigned i = ip_is_v4(a) ? 96 + 24 : 48; i < 128; i++)
        to.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    if (ip_compare(&from, first) > 0)
        *first = from;
    if (ip_compare(&to, last) < 0)
        *last = to;
}

static int read_body(const struct ip *a, struct span body, struct rdap_answer *out, struct report *why)
{
    char text[IP_TEXT];
    int rc = rdap_read(body, &out->network, why);
    ip_text(a, text);
    if (!rc && !rdap_covers(&out->network, a))
        rc = report_set(why, POSSE_ECORRUPT, "the answer for %s is about other addresses", text);
    out->raw = body;
    return rc;
}

static int none(const struct ip *a, const char *url, struct report *why)
{
    char text[IP_TEXT];
    ip_text(a, text);
    return report_set(why, POSSE_ENOENT, "%s: the registry knows nothing of it (%s)", text, url);
}

static int from_cache(struct rdap *r, const struct ip *a, struct rdap_answer *out, bool any_age, struct report *why)
{
    struct rdap_cached c;
    int rc = r->o.cache ? rdap_cache_find(r->o.cache, a, &r->body, &c, why) : report_set(why, POSSE_ENOENT, "there is no cache");
    if (rc)
        return rc;
    int64_t age = r->o.now_ms(r->o.ctx) - c.asked_ms;
    out->is_cached = true;
    out->is_old = age < 0 || age / 1000 > r->o.fresh_s;
    out->asked_ms = c.asked_ms;
    strcpy(out->url, c.url);
    if (out->is_old && !any_age)
        return report_set(why, POSSE_EVERSION, "it is old"); /* never told: the server is asked */
    return c.is_none ? none(a, c.url, why) : read_body(a, c.body, out, why);
}

static int ask_server(struct rdap *r, const struct ip *a, const char *base, struct rdap_answer *out, struct report *why)
{
    char text[IP_TEXT];
    struct rdap_reply reply;
    struct ip first = *a, last = *a;
    struct rdap_cached c = {.asked_ms = r->o.now_ms(r->o.ctx)};
    ip_text(a, text);
    snprintf(c.url, sizeof c.url, "%.960sip/%s", base, text);
    int rc = fetch(r, c.url, "application/rdap+json, application/json", &reply, why);
    if (rc)
        return rc;
    c.is_none = reply.status == 404;
    if (!c.is_none && reply.status != 200)
        return report_set(why, POSSE_EIO, "%s: the server answers %ld", c.url, reply.status);
    c.body = buf_span(&r->body);
    if (!c.is_none)
        rc = read_body(a, c.body, out, why);
    if (rc)
        return rc;
    if (!c.is_none) {
        first = out->network.first;
        last = out->network.last;
        near(a, &first, &last);
    }
    out->asked_ms = c.asked_ms;
    strcpy(out->url, c.url);
    rc = r->o.cache ? rdap_cache_put(r->o.cache, &first, &last, &c, why) : POSSE_OK;
    return rc || !c.is_none ? rc : none(a, c.url, why);
}

static int ask_online(struct rdap *r, const struct ip *a, struct rdap_answer *out, struct report *why)
{
    char text[IP_TEXT];
    const struct rdap_bootstrap *b;
    struct report later = {0};
    int rc = r->o.cache ? rdap_turns_begin(r->o.cache, &r->turns, why) : POSSE_OK;
    if (rc)
        return rc;
    rc = bootstrap_for(r, a, &b, why);
    const char *base = rc ? NULL : rdap_bootstrap_find(b, a);
    ip_text(a, text);
    if (!rc && !base)
        rc = report_set(why, ip_is_special(a) ? POSSE_EINVAL : POSSE_ENOENT, ip_is_special(a) ? "%s: nobody on the Internet has this address"
                        : "%s: no registry is known for it", text);
    if (!rc)
        rc = ask_server(r, a, base, out, why);
    int closed = rdap_turns_end(&r->turns, &later);
    return rc || !closed ? rc : report_set(why, closed, "%s", later.text);
}

int rdap_ask(struct rdap *r, const struct ip *a, struct rdap_answer *out, struct report *why)
{
    struct report inner = {0};
    char text[IP_TEXT];
    memset(out, 0, sizeof *out);
    int rc = from_cache(r, a, out, !r->o.is_online, &inner);
    bool is_known = rc == 0 || (out->is_cached && rc == POSSE_ENOENT);
    if (is_known || (!r->o.is_online && rc != POSSE_ENOENT))
        return rc ? report_set(why, rc, "%s", inner.text) : rc;
    if (!r->o.is_online) {
        ip_text(a, text);
        return report_set(why, POSSE_ENOENT, "%s: it is not in the cache, and asking is not switched on (--online)", text);
    }
    memset(out, 0, sizeof *out);
    return ask_online(r, a, out, why);
}
