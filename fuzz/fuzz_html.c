/* html_read on any bytes: no crash, and what it promises holds: UTF-8 out, spans within their buffers. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/html.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_result(const struct html_result *r, const struct html_caps *caps)
{
    check(utf8_valid_prefix(r->visible) == r->visible.n);
    check(utf8_valid_prefix(r->hidden) == r->hidden.n);
    check(r->visible.n <= caps->max_text_bytes + 128 && r->hidden.n <= caps->max_text_bytes + 128);
    check(r->n_links <= caps->max_links);
    for (size_t i = 0; i < r->n_links; i++) {
        struct span shown = r->link[i].shown;
        check(r->link[i].href.n <= 2048);
        check(shown.n == 0 || (shown.p >= r->visible.p && shown.p + shown.n <= r->visible.p + r->visible.n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct html_caps small = {.max_text_bytes = 200, .max_links = 3, .max_stack = 5};
    struct arena *a = arena_new(64u << 20);
    if (!a)
        return 0;
    struct html_result r;
    check(html_read(a, span_of(data, size), NULL, &r) == 0);
    check_result(&r, &html_caps_default);
    check(html_read(a, span_of(data, size), &small, &r) == 0);
    check_result(&r, &small);
    html_unescape(a, span_of(data, size));
    arena_reset(a);
    if (size) { /* an arena that fails in the middle */
        arena_fail_at(a, 1 + data[size - 1] % 24);
        html_read(a, span_of(data, size), NULL, &r);
    }
    arena_free(&a);
    return 0;
}
