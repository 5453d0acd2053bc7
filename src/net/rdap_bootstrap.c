/* The bootstrap registry (RFC 9224): {"services": [[["192.0.2.0/24", ...], ["https://rdap.example/", ...]], ...]}. */
#include <jansson.h>
#include <stdlib.h>

#include "base/error.h"
#include "net/rdap.h"

enum { SERVICES_MAX = 4096, PREFIXES_MAX = 65536, URL_MAX = RDAP_URL - 64 };

struct prefix { struct ip first; unsigned bits; const char *url; };
struct rdap_bootstrap {
    char **url;
    struct prefix *prefix;
    size_t n_urls, n_prefixes;
};

void rdap_bootstrap_free(struct rdap_bootstrap **bp)
{
    struct rdap_bootstrap *b = *bp;
    *bp = NULL;
    if (!b)
        return;
    for (size_t i = 0; i < b->n_urls; i++)
        free(b->url[i]);
    free(b->url);
    free(b->prefix);
    free(b);
}

/* What can be asked with a request line and a Host field of ours: no blanks, no controls, no user name. */
static bool is_url(struct span s)
{
    bool is_tls = span_istarts(s, SPAN_LIT("https://"));
    if (s.n > URL_MAX || (!is_tls && !span_istarts(s, SPAN_LIT("http://"))) || s.n < 9)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || memchr("\"<>\\^`{|}@?#", s.p[i], 12))
            return false;
    return true;
}

/* The one to ask of those that are offered: the first with TLS, else the first. */
static struct span best_url(const json_t *list)
{
    struct span best = SPAN_NONE;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        struct span s = json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
        if (!is_url(s))
            continue;
        if (span_istarts(s, SPAN_LIT("https://")))
            return s;
        if (!best.n)
            best = s;
    }
    return best;
}

static bool read_prefix(const json_t *v, struct prefix *out)
{
    struct span s = json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
    ptrdiff_t slash = span_chr(s, '/');
    unsigned bits = 0;
    if (slash < 0 || !ip_read(span_sub(s, 0, (size_t)slash), &out->first))
        return false;
    s = span_sub(s, (size_t)slash + 1, s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) || s.n > 3)
            return false;
        bits = bits * 10 + s.p[i] - '0';
    }
    if (!s.n || bits > (ip_is_v4(&out->first) ? 32u : 128u))
        return false;
    out->bits = bits + (ip_is_v4(&out->first) ? 96 : 0);
    out->first = ip_prefix(&out->first, out->bits);
    return true;
}

static const char *keep_url(struct rdap_bootstrap *b, struct span s)
{
    char **more = realloc(b->url, (b->n_urls + 1) * sizeof *more);
    if (!more)
        return NULL;
    b->url = more;
    char *copy = malloc(s.n + 2);
    if (!copy)
        return NULL;
    memcpy(copy, s.p, s.n);
    strcpy(copy + s.n, s.p[s.n - 1] == '/' ? "" : "/"); /* registries have left it out */
    return b->url[b->n_urls++] = copy;
}

static int add_service(struct rdap_bootstrap *b, const json_t *service, struct report *why)
{
    const json_t *list = json_array_get(service, 0);
    struct span url = best_url(json_array_get(service, 1));
    size_t n = json_array_size(list);
    if (!url.n || !n)
        return POSSE_OK;
    if (b->n_urls == SERVICES_MAX || n > PREFIXES_MAX - b->n_prefixes)
        return report_set(why, POSSE_ELIMIT, "the bootstrap registry has over %d services or %d prefixes", SERVICES_MAX, PREFIXES_MAX);
    const char *kept = keep_url(b, url);
    struct prefix *more = realloc(b->prefix, (b->n_prefixes + n) * sizeof *more);
    if (more)
        b->prefix = more;
    if (!kept || !more)
        return report_set(why, POSSE_ENOMEM, "no memory for the bootstrap registry");
    for (size_t i = 0; i < n; i++)
        if (read_prefix(json_array_get(list, i), &b->prefix[b->n_prefixes]))
            b->prefix[b->n_prefixes++].url = kept;
    return POSSE_OK;
}

int rdap_bootstrap_add(struct rdap_bootstrap **bp, struct span json, struct report *why)
{
    json_error_t e;
    if (json.n > 4 * RDAP_ANSWER_MAX)
        return report_set(why, POSSE_ETOOBIG, "the bootstrap registry has over %d bytes", 4 * RDAP_ANSWER_MAX);
    json_t *top = json_loadb(json.n ? (const char *)json.p : "", json.n, JSON_ALLOW_NUL, &e);
    const json_t *services = json_object_get(top, "services");
    int rc = POSSE_OK;
    if (!top)
        rc = report_set(why, POSSE_ECORRUPT, "the bootstrap registry is no JSON, at line %d", e.line);
    else if (!json_is_array(services))
        rc = report_set(why, POSSE_ECORRUPT, "the bootstrap registry has no list of services");
    else if (!*bp && !(*bp = calloc(1, sizeof **bp)))
        rc = report_set(why, POSSE_ENOMEM, "no memory for the bootstrap registry");
    for (size_t i = 0; !rc && i < json_array_size(services); i++)
        rc = add_service(*bp, json_array_get(services, i), why);
    json_decref(top);
    return rc;
}

static bool is_private(const struct prefix *p)
{
    struct ip last = p->first;
    for (unsigned i = p->bits; i < 128; i++)
        last.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return ip_is_special(&p->first) && ip_is_special(&last);
}

const char *rdap_bootstrap_find(const struct rdap_bootstrap *b, const struct ip *a)
{
    const struct prefix *best = NULL;
    for (size_t i = 0; b && i < b->n_prefixes; i++) {
        const struct prefix *p = &b->prefix[i];
        struct ip cut = ip_prefix(a, p->bits);
        if (ip_is_v4(a) == ip_is_v4(&p->first) && ip_compare(&cut, &p->first) == 0 && (!best || p->bits > best->bits))
            best = p;
    }
    return best && (!ip_is_special(a) || is_private(best)) ? best->url : NULL;
}
