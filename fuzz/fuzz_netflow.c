/* fuzz_netflow: packets of NetFlow v5, v9 and IPFIX, each with two bytes of its length before it, by two exporters in turn. */
#include <stdint.h>
#include <stdlib.h>

#include "flow/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int see(void *ctx, const struct flow *f)
{
    if (f->kind != FLOW_CONN || f->duration_us < 0 || f->uid.n || f->service.n)
        abort();
    ++*(uint64_t *)ctx;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct collector *c;
    struct logs_lost lost;
    uint64_t n = 0;
    unsigned turn = 0;
    if (collector_new(&c, NULL) < 0)
        return 0;
    while (size >= 2) {
        size_t length = (size_t)(data[0] << 8 | data[1]);
        struct ip from = ip_of_v4(0xc6336401 + turn++ % 2);
        data += 2, size -= 2;
        length = length < size ? length : size;
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, data, length);
        collector_packet(c, &from, span_of(copy, length), see, &n);
        free(copy);
        data += length, size -= length;
    }
    collector_lost(c, &lost);
    collector_free(&c);
    return 0;
}
