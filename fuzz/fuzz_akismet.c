/* fuzz_akismet: a request of Akismet's clients: the host's name up to the first line's end, then the form. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "serve/akismet_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct span s, struct span in) { return s.n == 0 || (s.p >= in.p && s.p + s.n <= in.p + in.n); }

static void check_names(struct span s)
{
    char name[80], again[80];
    size_t n = akismet_blog(s, name, sizeof name);
    if (n > sizeof name || akismet_url_host(s, again, sizeof again) > sizeof again)
        abort();
}

static void check(const struct akismet_form *f, const struct akismet_request *r, struct span host)
{
    struct span bytes = buf_span(&f->bytes);
    if (!lies_in(r->content, bytes) || !lies_in(r->honeypot, bytes) || !lies_in(r->blog, bytes) || r->blog.n > AKISMET_VALUE_MAX ||
        r->n_context > AKISMET_CONTEXT_MAX || (!lies_in(r->key, bytes) && !lies_in(r->key, host)))
        abort();
    for (size_t i = 0; i < r->n_context; i++)
        if (!lies_in(r->context[i], bytes))
            abort();
    check_names(r->blog);
    check_names(r->url);
    akismet_sample(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + !size);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    ptrdiff_t nl = span_chr(in, '\n');
    struct span host = span_sub(in, 0, nl < 0 ? 0 : (size_t)nl), body = span_sub(in, nl < 0 ? 0 : (size_t)nl + 1, in.n);
    struct akismet_form f;
    struct akismet_request r;
    struct report why;
    akismet_form_init(&f);
    int err = akismet_form_read(&f, body, &why);
    if (!err && (f.bytes.n > body.n || f.n > AKISMET_FIELDS_MAX))
        abort();
    akismet_request_read(&f, host, &r);
    check(&f, &r, host);
    if (!err && f.n < AKISMET_FIELDS_MAX) { /* a field that is added raw is read as it is */
        akismet_form_add(&f, SPAN_LIT("comment_content"), body, &why);
        akismet_request_read(&f, host, &r);
        if (!span_eq(r.content, body))
            abort();
    }
    akismet_form_deinit(&f);
    free(copy);
    return 0;
}
