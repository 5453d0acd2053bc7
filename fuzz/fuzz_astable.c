/* fuzz_astable: a table of autonomous systems from hostile bytes, as lines and as compiled bytes. What is read answers, and says the same
 * once it was compiled. */
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "net/astable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks at edges: all of the first bytes' addresses and a few others. */
static uint64_t ask(const struct astable *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 600; i++) {
        struct as_info as;
        struct ip a = ip_of_v4(i < 256 ? i << 24 : i < 512 ? 0x0a000000 + (i - 256) : (uint32_t)mix64(i));
        if (i % 3 == 2)
            memset(a.b, (int)(i & 0xff), 12);
        if (astable_find(t, &a, &as))
            sum = mix64(sum + as.asn + strlen(as.name) + (uint64_t)(uint8_t)as.country[0] + as.is_dynamic);
        else if (as.asn || as.name[0])
            abort();
    }
    return sum;
}

static void view(struct span bytes)
{
    struct report why = {0};
    struct astable *t;
    if (astable_view(bytes, "fuzz", &t, &why) == 0) {
        ask(t);
        astable_free(&t);
    } else if (!why.code || !why.text[0] || t) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report why = {0};
    struct astable *t, *again;
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    view(span_of(copy, size));
    if (astable_read(span_of(copy, size), "fuzz", &t, &why) == 0) {
        struct buf b;
        buf_init(&b, 64 << 20);
        if (astable_encode(t, &b) || astable_view(buf_span(&b), "fuzz", &again, &why) || ask(t) != ask(again))
            abort();
        astable_free(&again);
        astable_free(&t);
        buf_deinit(&b);
    } else if (!why.code || !why.text[0]) {
        abort();
    }
    free(copy);
    return 0;
}
