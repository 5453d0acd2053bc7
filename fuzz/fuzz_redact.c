/* fuzz_redact: the first byte says what it is (a message, a log), the rest is redacted. Of a copy that is made nobody may be read to whom the
 * fields To and Delivered-To name. */
#include <stdint.h>
#include <stdlib.h>

#include "case/redact.h"
#include "mail/address.h"
#include "mail/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

static void is_gone(struct arena *a, struct span out, const struct mailbox *m)
{
    if (m->domain.n < 2 || !m->local.n || m->local.n > 256 || m->domain.n > 256 || span_ifind(m->domain, SPAN_LIT("redacted")) >= 0 ||
        span_ifind(m->local, SPAN_LIT("recipient")) >= 0)
        return; /* none that is taken for one, or what a copy says itself */
    uint8_t *p = arena_alloc(a, m->local.n + m->domain.n + 1);
    if (!p)
        return;
    memcpy(p, m->local.p, m->local.n);
    p[m->local.n] = '@';
    memcpy(p + m->local.n + 1, m->domain.p, m->domain.n);
    if (span_ifind(out, span_of(p, m->local.n + m->domain.n + 1)) >= 0)
        abort();
}

static void nobody_is_left(struct span raw, struct span out)
{
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct message *m;
    if (p && a && message_parse(p, a, raw, &m) == 0)
        for (size_t i = 0; i < m->n_fields; i++) {
            struct mailbox box[MOST];
            if (m->field[i].id != FIELD_TO && m->field[i].id != FIELD_DELIVERED_TO)
                continue;
            struct span value = field_value(p, a, &m->field[i]);
            size_t n = value.n ? address_list(a, value, box, MOST) : 0;
            for (size_t k = 0; k < n; k++)
                is_gone(a, out, &box[k]);
        }
    arena_free(&a);
    mail_parser_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const media[] = {"message/rfc822", "text/plain", "application/json"};
    struct redacted what;
    struct report why = {0};
    struct buf out;
    if (!size)
        return 0;
    struct redact_options o = {.n_also = data[0] & 8 ? 1 : 0};
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    struct span raw = span_of(copy, size - 1);
    o.also[0] = span_sub(raw, 0, 3);
    buf_init(&out, 64 << 20);
    unsigned kind = data[0] % 3;
    if (redact_bytes(span_str(media[kind]), raw, &o, &out, &what, &why) == 0) {
        if (!what.text[0])
            abort();
        if (kind == 0 && !o.n_also)
            nobody_is_left(raw, buf_span(&out));
    } else if (!why.text[0]) {
        abort();
    }
    buf_deinit(&out);
    free(copy);
    return 0;
}
