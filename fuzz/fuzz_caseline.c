/* fuzz_caseline: a line of a case's log, read in one pass and by jansson: what the one pass takes means the same to both. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "case/casefile_priv.h"
#include "case/verify_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void is_text(const json_t *o, const char *name, struct span got)
{
    const json_t *v = json_object_get(o, name);
    struct span want = json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
    check(span_eq(want, got) && !want.p == !got.p);
}

static void is_number(const json_t *o, const char *name, int64_t got)
{
    const json_t *v = json_object_get(o, name);
    check(json_is_integer(v) ? json_integer_value(v) == got : got == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plain_line f = {.n = -1, .pack = -1, .offset = -1, .size = -1};
    struct plain_pair pair[PLAIN_PAIRS];
    struct vline l;
    json_error_t e;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    struct span s = span_of(copy, size);
    verify_read_line(s, &l);
    if (casefile_plain(s, &f)) {
        json_t *o = json_loadb((const char *)copy, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
        check(json_is_object(o) && json_object_size(o) == casefile_pairs(s, pair));
        is_text(o, "kind", f.kind);
        is_text(o, "prev", f.prev);
        is_text(o, "sha256", f.sha256);
        is_number(o, "n", f.n);
        is_number(o, "pack", f.pack);
        is_number(o, "offset", f.offset);
        is_number(o, "size", f.size);
        json_decref(o);
    }
    free(copy);
    return 0;
}
