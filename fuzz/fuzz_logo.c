/* logo_hash and the table of marks on any bytes: no crash, no memory past the limits, and what is written is read back. */
#include <stdlib.h>

#include "case/brand_logo.h"
#include "case/brands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct logo l, back;
    struct brands *b;
    char text[LOGO_TEXT];
    if (logo_hash(span_of(data, size), &l)) {
        logo_text(&l, text);
        check(logo_read(span_str(text), &back) && logo_distance(&l, &back) == 0);
    }
    if (size < 4096 && brands_new(&b) == 0) {
        struct report why = {0};
        int err = brands_add(b, span_of(data, size), "fuzz", &why);
        check(err == 0 || why.text[0]);
        brands_free(&b);
    }
    return 0;
}
