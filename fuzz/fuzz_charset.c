/* fuzz_charset: the first line names a charset, the rest is text in it. Out must come UTF-8, capped. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "mail/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct charset_set *cs;
    if (!cs && !(cs = charset_set_new()))
        return 0;
    struct arena *a = arena_new(16 << 20);
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    ptrdiff_t nl = span_chr(in, '\n');
    struct span name = span_sub(in, 0, nl < 0 ? 0 : (size_t)nl);
    struct span text = span_sub(in, nl < 0 ? 0 : (size_t)nl + 1, size);
    static const size_t caps[] = {1 << 20, 7, 100};
    for (size_t i = 0; i < 3; i++) {
        uint64_t anomalies = 0;
        bool cut = false;
        struct span out = charset_to_utf8(cs, a, text, name, caps[i], &cut, &anomalies);
        if (out.n > caps[i] || utf8_valid_prefix(out) != out.n || (cut && i == 0))
            abort();
    }
    struct span h = charset_header_8bit(cs, a, text);
    if (utf8_valid_prefix(h) != h.n)
        abort();
    arena_free(&a);
    free(copy);
    return 0;
}
