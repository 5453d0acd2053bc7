/* fuzz_header: one header block, and every reader of a field's value on each field. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/param.h"
#include "mail/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_value(struct charset_set *cs, struct arena *a, struct span raw)
{
    struct mailbox box[8];
    struct mail_date date;
    uint64_t anomalies = 0;
    struct param_want want[] = {{SPAN_LIT("boundary"), false, SPAN_NONE}, {SPAN_LIT("filename"), true, SPAN_NONE}};
    struct span text = words_decode(cs, a, raw, &anomalies);
    if (text.n && utf8_valid_prefix(text) != text.n)
        abort();
    param_read(cs, a, raw, want, 2, &anomalies);
    if (want[1].value.n && utf8_valid_prefix(want[1].value) != want[1].value.n)
        abort();
    address_list(a, raw, box, 8);
    address_list(a, text, box, 8);
    address_angle(a, raw);
    date_read(raw, &date);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct field_list l = {.max = 64};
    struct header_block h;
    uint64_t anomalies = 0;
    static struct charset_set *cs;
    if (!cs && !(cs = charset_set_new()))
        return 0;
    struct arena *a = arena_new(64 << 20);
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    if (header_split(&l, in, 0, 4096, NULL, NULL, &h, &anomalies) == 0) {
        if (h.body > size || l.n > 64)
            abort();
        for (size_t i = 0; i < l.n; i++)
            read_value(cs, a, l.p[i].raw);
    }
    read_value(cs, a, in);
    header_mbox_line(in);
    field_list_deinit(&l);
    arena_free(&a);
    free(copy);
    return 0;
}
