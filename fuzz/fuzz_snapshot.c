/* fuzz_snapshot: a file of sections from hostile bytes. Whatever passes is walked, byte by byte.
 * Half of the mutations get their checksums mended, or no mutant would come past the first of them. */
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "store/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum snapshot_kind kinds[] = {SNAPSHOT_PRIOR, SNAPSHOT_MODEL, SNAPSHOT_RULES, SNAPSHOT_AS};
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span file = span_of(copy, size);
    for (size_t k = 0; k < 4; k++) {
        struct report why = {0};
        if (snapshot_validate(file, kinds[k], "fuzz", &why)) {
            if (!why.code || !why.text[0])
                abort();
            continue;
        }
        const char *name;
        struct span s;
        uint64_t sum = 0;
        size_t n = 0;
        for (; snapshot_section_at(file, n, &name, &s); n++)
            sum += hash64(s, strlen(name));
        if (n > SNAPSHOT_SECTIONS_MAX || sum == 1)
            abort();
    }
    free(copy);
    return 0;
}

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

static void put(uint8_t *p, uint64_t x)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max_size) : size;
    if ((seed & 1) || size < 64)
        return size;
    uint64_t n = get(data + 24, 4);
    size_t table = n <= (size - 64) / 40 ? (size_t)n * 40 : 0;
    if (seed & 2)
        put(data + 16, size);
    for (uint8_t *e = data + 64; e < data + 64 + table; e += 40) {
        uint64_t at = get(e + 16, 8), len = get(e + 24, 8);
        if (at <= size && len <= size - at)
            put(e + 32, hash64(span_of(data + at, len), 0));
    }
    put(data + 32, hash64(span_of(data, 32), hash64(span_of(data + 64, table), 0)));
    return size;
}
