/* fuzz_rspamd: the readers of rspamd's protocols. The first byte picks one: header lines of a request; a checkv3 body (its type on the
 * first line); metadata; a zstd body; a request of the older text protocol, first in pieces, then whole. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "serve/rspamc_text.h"
#include "serve/zbody.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNPACKED_MAX = 1 << 20 };

static void check_request(const struct rspamd_request *r)
{
    struct envelope env;
    enum policy_who who;
    rspamd_envelope(r, false, &env, &who);
    if (who != POLICY_REMOTE || env.client_addr.n || env.auth_user.n || r->n_rcpt > RSPAMD_RCPT_MAX)
        abort();
    rspamd_envelope(r, true, &env, &who);
    for (size_t i = 0; i < env.n_rcpt; i++)
        if (env.rcpt[i].n == 0)
            abort();
}

static void headers(struct span in)
{
    struct rspamd_request r = {.err = 0};
    for (size_t at = 0; at < in.n;) {
        ptrdiff_t nl = span_chr(span_sub(in, at, in.n), '\n');
        struct span line = span_sub(in, at, nl < 0 ? in.n : at + (size_t)nl);
        ptrdiff_t colon = span_chr(line, ':');
        if (colon >= 0)
            rspamd_header(&r, span_sub(line, 0, (size_t)colon), span_sub(line, (size_t)colon + 1, line.n));
        at += line.n + 1;
    }
    check_request(&r);
    rspamd_request_deinit(&r);
}

static void metadata(struct span in)
{
    struct rspamd_request r = {.err = 0};
    struct report why;
    if (rspamd_metadata(&r, in, &why) == POSSE_OK)
        check_request(&r);
    rspamd_request_deinit(&r);
}

static void form(struct span in)
{
    struct rspamd_form f;
    struct report why;
    ptrdiff_t nl = span_chr(in, '\n');
    struct span type = span_sub(in, 0, nl < 0 ? in.n : (size_t)nl), body = span_sub(in, type.n + 1, in.n);
    if (rspamd_form_read(type, body, &f, &why) != POSSE_OK)
        return;
    if (f.message.p < body.p || f.message.p + f.message.n > body.p + body.n || f.metadata.p < body.p)
        abort();
    metadata(f.metadata);
}

static void unpack(struct span in)
{
    struct buf out;
    buf_init(&out, UNPACKED_MAX);
    zbody_decode(in, &out);
    if (out.n > UNPACKED_MAX)
        abort();
    buf_deinit(&out);
}

/* What is read must not depend on how much more has come. */
static void text(struct span in)
{
    struct rspamc_head whole, part;
    struct report why;
    struct rspamd_request r = {.err = 0}, p = {.err = 0};
    int got = rspamc_read(in, &whole, &r, &why);
    if (got == 1) {
        check_request(&r);
        if (whole.bytes > in.n || rspamc_read(span_sub(in, 0, whole.bytes), &part, &p, &why) != 1 || part.bytes != whole.bytes ||
            part.body_bytes != whole.body_bytes || p.n_rcpt != r.n_rcpt)
            abort();
        rspamd_request_clear(&p);
        if (rspamc_read(span_sub(in, 0, whole.bytes - 1), &part, &p, &why) != 0)
            abort();
    }
    rspamc_guess(span_sub(in, 0, 16));
    rspamd_request_deinit(&r);
    rspamd_request_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct span) = {headers, form, metadata, unpack, text};
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    readers[data[0] % 5](span_of(copy, size - 1));
    free(copy);
    return 0;
}
