/* fuzz_logline: lines by the readers of one format, chosen by the first byte: Zeek's TSV (headers and lines) and JSON, Argus and nfdump
 * (a header, then lines), Suricata's EVE; each line in memory of its exact size. Texts must
 * lie within the line. */
#include <stdint.h>
#include <stdlib.h>

#include "flow/log_argus.h"
#include "flow/log_eve.h"
#include "flow/log_text.h"
#include "flow/log_zeek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct span line, struct span s)
{
    if (s.n && (s.p < line.p || s.p + s.n > line.p + line.n))
        abort();
}

static void check(struct span line, const struct flow *f)
{
    within(line, f->uid);
    within(line, f->label);
    if (f->kind == FLOW_CONN)
        return;
    const struct span *first = &f->dns.query; /* the texts come first in every kind */
    static const size_t texts[FLOW_KINDS] = {0, 3, 5, 5, 3};
    for (size_t i = 0; i < texts[f->kind]; i++)
        within(line, first[i]);
    for (size_t i = 0; f->kind == FLOW_DNS && i < f->dns.n_answers; i++)
        within(line, f->dns.answer[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zeek z;
    struct columns c = {0};
    struct span rest, text;
    if (size < 2)
        return 0;
    rest = span_of(data + 1, size - 1);
    zeek_init(&z, data[0] & 4);
    while (log_field(&rest, '\n', &text)) {
        struct flow f = {0};
        struct log_why why, *wanted = data[0] & 8 ? &why : NULL;
        uint8_t *copy = malloc(text.n ? text.n : 1);
        enum log_line rc = LOG_NOTHING;
        if (text.n)
            memcpy(copy, text.p, text.n);
        switch (data[0] & 3) {
        case 0: rc = zeek_tsv(&z, copy, text.n, &f, wanted); break;
        case 1: rc = zeek_json(&z, copy, text.n, &f, wanted); break;
        case 2: rc = c.is_ready ? columns_line(&c, span_of(copy, text.n), &f, wanted) : columns_header(&c, span_of(copy, text.n)) ? LOG_NOTHING : LOG_OTHER; break;
        default: rc = eve_line(copy, text.n, &f, wanted); break;
        }
        if (rc == LOG_RECORD)
            check(span_of(copy, text.n), &f);
        free(copy);
    }
    return 0;
}
