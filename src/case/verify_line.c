/* One line of a log, as a verifier reads it: the plain form in one pass (case_plain.c), anything else by jansson. */
#include <jansson.h>
#include <string.h>

#include "base/hash.h"
#include "case/casefile_priv.h"
#include "case/verify_priv.h"

static int64_t number_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}

static struct span text_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static json_t *read_json(struct span s, struct plain_line *f)
{
    json_error_t e;
    json_t *o = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    *f = (struct plain_line){text_of(o, "kind"), text_of(o, "prev"), text_of(o, "sha256"), number_of(o, "n"), number_of(o, "pack"),
                         number_of(o, "offset"), number_of(o, "size")};
    return o;
}

void verify_read_line(struct span s, struct vline *l)
{
    struct plain_line f = {.n = -1, .pack = -1, .offset = -1, .size = -1};
    *l = (struct vline){.n = NOT_READ};
    sha256(s, l->hash);
    merkle_leaf(s, l->leaf);
    json_t *o = casefile_plain(s, &f) ? NULL : read_json(s, &f);
    if (f.kind.p && f.n >= 0 && f.n <= UINT32_MAX && hex_decode(f.prev, l->prev, 32)) {
        bool wants = span_eq(f.kind, SPAN_LIT("exhibit")) || span_eq(f.kind, SPAN_LIT("redaction"));
        l->is_exhibit = wants && f.pack >= 0 && f.pack <= 9999 && f.offset >= 0 && f.size >= 0 && f.size <= CASE_EXHIBIT_MAX &&
                        hex_decode(f.sha256, l->sha256, 32);
        if (l->is_exhibit) {
            l->pack = (uint32_t)f.pack;
            l->offset = (uint64_t)f.offset;
            l->size = (uint64_t)f.size;
        }
        l->n = wants && !l->is_exhibit ? NOT_READ : f.n;
    }
    json_decref(o);
}
