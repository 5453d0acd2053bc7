/* fuzz_mime: a whole message, with small limits so that each is reached. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "mail/message.h"
#include "mail/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What callers rely on. */
static void check(const struct message *m, const struct mail_limits *lim)
{
    if (!m->n_parts || m->n_parts > lim->max_parts || m->n_fields > lim->max_fields || m->n_urls > lim->max_urls)
        abort();
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct part *p = &m->part[i];
        if ((i && p->parent >= i) || p->first_field + p->n_fields > m->n_fields || p->depth >= lim->max_depth + 1)
            abort();
        if (p->filename.n && utf8_valid_prefix(p->filename) != p->filename.n)
            abort();
    }
    for (size_t i = 0; i < m->n_text; i++)
        if (m->text[i].part >= m->n_parts || utf8_valid_prefix(m->text[i].visible) != m->text[i].visible.n)
            abort();
    for (size_t i = 0; i < m->n_urls; i++)
        if (m->url[i].part >= m->n_parts)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mail_limits small = {.max_bytes = 1 << 16, .max_header_bytes = 2048, .max_fields = 40, .max_parts = 12,
                                      .max_depth = 6, .max_text_bytes = 3000, .max_urls = 5};
    const struct mail_limits *lim = size && data[0] == '~' ? &small : &mail_limits_default;
    /* Kept from run to run, as a server keeps it: what one message leaves behind must not hurt the next. */
    static struct mail_parser *parsers[2];
    struct mail_parser **slot = &parsers[lim == &small];
    if (!*slot && !(*slot = mail_parser_new(lim)))
        return 0;
    struct mail_parser *p = *slot;
    struct arena *a = arena_new(128 << 20);
    struct message *m;
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    if (lim == &small)
        copy[0] = 'X';
    if (message_parse(p, a, span_of(copy, size), &m) == 0) {
        uint64_t anomalies = 0;
        check(m, lim);
        for (size_t i = 0; i < m->n_fields; i++)
            field_value(p, a, &m->field[i]);
        for (size_t i = 0; i < m->n_parts; i++)
            part_content(a, &m->part[i], &anomalies);
    }
    arena_free(&a);
    free(copy);
    return 0;
}
