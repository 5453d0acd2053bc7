/* fuzz_received: one Received field; and a message's way down them. */
#include <stdint.h>
#include <stdlib.h>

#include "sender/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct span in, struct span s)
{
    if (s.n && (s.p < in.p || s.p + s.n > in.p + in.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mail_parser *p;
    if (!p && !(p = mail_parser_new(NULL)))
        return 0;
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    struct received r;
    bool ok = received_read(in, &r);
    const struct span all[] = {r.helo, r.name, r.by, r.with, r.id, r.for_addr};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        within(in, all[i]);
        if (!ok && all[i].n && all[i].p != r.with.p && all[i].p != r.id.p && all[i].p != r.for_addr.p)
            abort();
    }
    struct arena *a = arena_new(64 << 20);
    struct message *m;
    if (message_parse(p, a, in, &m) == 0) {
        struct source s;
        source_read(a, m, NULL, NULL, &s);
        if (s.trust == SOURCE_NONE ? !ip_is_zero(&s.ip) : ip_is_zero(&s.ip))
            abort();
    }
    arena_free(&a);
    free(copy);
    return 0;
}
