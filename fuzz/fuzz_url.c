/* url_parse and url_find on any bytes: no crash, and the spans are what the contract says. */
#include <stdlib.h>

#include "base/arena.h"
#include "mail/url.h"

enum { MAX = 50 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_url(const struct url *u)
{
    check(u->raw.n <= 2048 && u->scheme.n > 0);
    check(u->domain.n <= u->host.n);
    if (u->domain.n) /* a tail of the host that starts a label */
        check(u->domain.p + u->domain.n == u->host.p + u->host.n &&
              (u->domain.p == u->host.p || u->domain.p[-1] == '.'));
    for (size_t i = 0; i < u->host.n; i++)
        check(u->host.p[i] > ' ' && !(u->host.p[i] >= 'A' && u->host.p[i] <= 'Z'));
    check(!(u->flags & URL_NUMERIC_HOST) || u->domain.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct suffixes *suffixes; /* costs milliseconds; kept for the life of the fuzzer */
    if (!suffixes && !(suffixes = suffixes_new()))
        return 0;
    struct arena *a = arena_new(16u << 20);
    if (!a)
        return 0;
    struct span in = span_of(data, size);
    struct url u[MAX];
    uint64_t anomalies = 0;
    if (url_parse(a, suffixes, in, u))
        check_url(u);
    size_t n = url_find(a, suffixes, in, u, MAX, &anomalies);
    check(n <= MAX);
    for (size_t i = 0; i < n; i++) {
        check_url(&u[i]);
        check(u[i].raw.p >= data && u[i].raw.p + u[i].raw.n <= data + size && u[i].host.n);
    }
    suffixes_domain(suffixes, in);
    suffixes_is_tld(suffixes, in);
    arena_reset(a);
    if (size) {
        arena_fail_at(a, 1 + data[size - 1] % 8);
        url_find(a, suffixes, in, u, MAX, &anomalies);
    }
    arena_free(&a);
    return 0;
}
