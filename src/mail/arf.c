#include "mail/arf.h"

static enum arf_class class_of(struct span type)
{
    static const struct { const char *name; enum arf_class klass; } types[] = {
        {"abuse", ARF_SPAM}, {"fraud", ARF_SPAM}, {"virus", ARF_SPAM}, {"not-spam", ARF_HAM},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_ieq(type, span_str(types[i].name)))
            return types[i].klass;
    return ARF_OTHER;
}

static struct span feedback_type(struct span fields)
{
    static const struct span name = {(const uint8_t *)"feedback-type:", 14};
    while (fields.n) {
        ptrdiff_t nl = span_chr(fields, '\n');
        struct span line = span_sub(fields, 0, nl < 0 ? fields.n : (size_t)nl);
        if (span_istarts(line, name))
            return span_trim(span_sub(line, name.n, line.n));
        fields = span_sub(fields, nl < 0 ? fields.n : (size_t)nl + 1, fields.n);
    }
    return SPAN_NONE;
}

static bool is_plain(enum part_encoding e) { return e != PART_BASE64 && e != PART_QP && e != PART_UUENCODE; }

void arf_read(struct arena *a, const struct message *m, struct arf *out)
{
    *out = (struct arf){ARF_NONE, SPAN_NONE, SPAN_NONE};
    size_t report = 0;
    while (report < m->n_parts && !span_eq(m->part[report].type, SPAN_LIT("message/feedback-report")))
        report++;
    if (report == m->n_parts)
        return;
    uint64_t anomalies = 0;
    out->type = feedback_type(part_content(a, &m->part[report], &anomalies));
    out->klass = class_of(out->type);
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->part[i].is_message && i != report && m->part[i].parent == m->part[report].parent && is_plain(m->part[i].encoding)) {
            out->original = m->part[i].body;
            return;
        }
}
