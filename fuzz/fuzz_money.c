/* fuzz_money: the marks of money of a message, whatever room there is for them. */
#include <stdint.h>
#include <stdlib.h>

#include "botnet/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mail_parser *p;
    if (!p && !(p = mail_parser_new(NULL)))
        return 0;
    struct money_mark out[SIGHTING_MARKS_MAX];
    struct message *m;
    struct arena *a = arena_new(64 << 20);
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    if (message_parse(p, a, span_of(copy, size), &m) == 0) {
        size_t n = money_find(a, m, out, SIGHTING_MARKS_MAX);
        if (n > SIGHTING_MARKS_MAX || money_find(a, m, out, n / 2) != n / 2)
            abort();
        for (size_t i = 0; i < n / 2; i++)
            if (!out[i].text.n || out[i].kind >= MARK_N)
                abort();
    }
    wallet_read(a, span_of(copy, size));
    arena_free(&a);
    free(copy);
    return 0;
}
