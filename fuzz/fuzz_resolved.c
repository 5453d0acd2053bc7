/* fuzz_resolved: answers of resolvers in any of their forms. What is found is of the name that was asked for, or of one below it. */
#include <stdint.h>
#include <stdlib.h>

#include "case/resolved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.example", "example", "b.a.example", "pills.example"};
    struct arena *a = arena_new(16 << 20);
    struct resolved *r = a ? resolved_new(a) : NULL;
    uint8_t *copy = malloc(size ? size : 1);
    if (size && copy)
        memcpy(copy, data, size);
    if (r && copy && resolved_add(r, span_of(copy, size), 1, 1000) == 0)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct resolved_address x[MOST];
            struct span name = span_str(names[i]);
            size_t n = resolved_find(r, name, x, MOST);
            if (n > MOST)
                abort();
            for (size_t k = 0; k < n; k++)
                if (x[k].name.n < name.n || !span_eq(span_sub(x[k].name, x[k].name.n - name.n, x[k].name.n), name) || ip_is_zero(&x[k].ip))
                    abort();
        }
    free(copy);
    if (r)
        resolved_free(&r);
    arena_free(&a);
    return 0;
}
