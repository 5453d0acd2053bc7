/* fuzz_findings: findings from hostile bytes. What is taken is written, read again, and written as the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "case/findings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64 << 20), *again = arena_new(256 << 20);
    struct findings *f, *g;
    struct report why = {0};
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    if (findings_read(a, span_of(copy, size), &f, &why) == 0) {
        struct buf one, two;
        buf_init(&one, 128 << 20);
        buf_init(&two, 128 << 20);
        check(findings_write(f, &one) == 0);
        check(findings_read(again, buf_span(&one), &g, &why) == 0);
        check(findings_write(g, &two) == 0 && span_eq(buf_span(&one), buf_span(&two)));
        buf_deinit(&one);
        buf_deinit(&two);
    } else {
        check(why.code < 0 && why.text[0] && !f);
    }
    free(copy);
    arena_free(&a);
    arena_free(&again);
    return 0;
}
