/* fuzz_smtpd: what a mail server may send to a filter, line by line. Every question has its answer, and a message goes back as it
 * came when nothing is to be changed. */
#include <stdint.h>
#include <stdlib.h>

#include "serve/smtpd_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum smtpd_decision judge(void *ctx, const struct gate_request *r, struct buf *head, struct span *rest)
{
    unsigned *n = ctx;
    ++*n;
    *rest = r->raw;
    buf_add(head, "", 0);
    if (r->raw.n && r->raw.p[r->raw.n - 1] != '\n')
        abort();
    for (size_t i = 0; i < r->env.n_rcpt; i++)
        if (r->env.rcpt[i].n && memchr(r->env.rcpt[i].p, '\n', r->env.rcpt[i].n))
            abort();
    return *n % 3 == 0 ? SMTPD_REFUSE : SMTPD_PROCEED;
}

/* An answer is due at once to all questions but lines of a message, which come back with its end. */
static void check(struct span line, const struct buf *out)
{
    struct smtpd_line l;
    smtpd_line_read(line, &l);
    bool is_due = l.kind == SMTPD_COMMIT || l.kind == SMTPD_FILTER_OTHER ||
                  (l.kind == SMTPD_DATA_LINE && span_eq(l.text, SPAN_LIT(".")));
    if (is_due && out->n == 0)
        abort();
    if ((l.kind == SMTPD_OTHER || l.kind == SMTPD_CONFIG) && out->n)
        abort();
    if (out->n && out->p[out->n - 1] != '\n')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n = 0;
    struct span left = span_of(data, size);
    struct smtpd_filter *f = smtpd_filter_new(4096, judge, NULL, &n);
    struct buf out;
    buf_init(&out, 1 << 22);
    while (f && left.n) {
        ptrdiff_t nl = span_chr(left, '\n');
        size_t k = nl < 0 ? left.n : (size_t)nl;
        uint8_t *copy = malloc(k + 1);
        memcpy(copy, left.p, k);
        buf_clear(&out);
        smtpd_filter_take(f, span_of(copy, k), &out);
        check(span_of(copy, k), &out);
        free(copy);
        left = span_sub(left, k + 1, left.n);
    }
    buf_deinit(&out);
    smtpd_filter_free(&f);
    return 0;
}
