/* fuzz_decode: the transfer decoders into a buffer of exactly the promised size. */
#include <stdint.h>
#include <stdlib.h>

#include "mail/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef size_t decode_fn(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static decode_fn *const all[] = {base64_decode, qp_decode, q_decode, uu_decode};
    uint8_t *copy = malloc(size ? size : 1), *out = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    for (size_t i = 0; i < 4; i++) {
        uint64_t anomalies = 0;
        size_t n = all[i](in, out, size, &anomalies);
        if (n > size || all[i](in, out, n / 2, &anomalies) > n / 2)
            abort();
    }
    /* Cutting base64 anywhere must not change what comes out. */
    uint64_t anomalies = 0;
    struct base64_state s = {0}, whole = {0};
    size_t half = size / 2, n = base64_feed(&s, span_sub(in, 0, half), out, size, &anomalies);
    n += base64_feed(&s, span_sub(in, half, size), out + n, size - n, &anomalies);
    if (base64_feed(&whole, in, out, size, &anomalies) != n || whole.n != s.n)
        abort();
    struct uu_file f;
    for (size_t at = 0, found = 0; uu_find(in, at, &f) && found < 100; found++) {
        if (f.begin < at || f.end <= f.begin || f.end > size)
            abort();
        at = f.end;
    }
    free(copy);
    free(out);
    return 0;
}
