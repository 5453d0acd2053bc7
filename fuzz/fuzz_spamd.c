/* fuzz_spamd: a client's bytes, in pieces. What is read must not depend on where the pieces end; answers must parse. */
#include <stdint.h>
#include <stdlib.h>

#include "serve/spamd_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 1 << 16 };

static void feed(struct spamd_reader *r, struct span in, size_t step)
{
    spamd_reader_init(r, BODY_MAX);
    for (size_t at = 0; at < in.n; at += step) {
        struct span piece = span_sub(in, at, at + step);
        uint8_t *copy = malloc(piece.n);
        memcpy(copy, piece.p, piece.n);
        spamd_read(r, span_of(copy, piece.n));
        free(copy);
    }
    spamd_read_end(r);
    if (r->state != SPAMD_DONE && r->state != SPAMD_FAILED)
        abort();
    if (r->body.n > BODY_MAX || r->line.cap > 2 * SPAMD_LINE_MAX || r->n_headers > SPAMD_HEADERS_MAX + 1)
        abort();
    if (r->state == SPAMD_FAILED && (r->code < 64 || r->code > 79 || !r->error[0]))
        abort();
}

static void answer(const struct spamd_reader *r)
{
    struct buf out, text;
    struct spamd_result result = {true, 7, 5, SPAN_LIT("A"), buf_span(&r->line), SPAN_LIT("X: y\n\n"), buf_span(&r->body)};
    buf_init(&out, 4 * BODY_MAX);
    buf_init(&text, BODY_MAX);
    if (r->request.is_zlib && spamd_inflate(buf_span(&r->body), &text) == 0 && text.n > BODY_MAX)
        abort();
    spamd_write_result(&out, &r->request, &result);
    if (buf_error(&out) || out.n < 10 || memcmp(out.p, "SPAMD/1.", 8) != 0)
        abort();
    buf_deinit(&out);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spamd_reader a, b;
    if (size == 0)
        return 0;
    struct span in = span_of(data + 1, size - 1);
    feed(&a, in, (size_t)data[0] % 63 + 1);
    feed(&b, in, size);
    if (a.state != b.state || a.code != b.code || a.request.method != b.request.method || !span_eq(a.request.user, b.request.user) ||
        !span_eq(buf_span(&a.body), buf_span(&b.body)))
        abort();
    if (a.state == SPAMD_DONE)
        answer(&a);
    spamd_reader_deinit(&a);
    spamd_reader_deinit(&b);
    return 0;
}
