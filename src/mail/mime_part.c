#include "mail/mime_priv.h"

#include "mail/param.h"
#include "mail/words.h"

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7f && !memchr("()<>@,;:\\\"[]?=", c, 14);
}

/* "type/subtype" of two tokens; blanks around the slash are forgiven, anything else is not. */
static struct span clean_type(struct arena *a, struct span head)
{
    ptrdiff_t slash = span_chr(head, '/');
    if (slash <= 0 || (size_t)slash + 1 >= head.n)
        return SPAN_NONE;
    size_t i = 0;
    while (i < head.n && (is_token(head.p[i]) || head.p[i] >= 0x80))
        i++;
    if (i == head.n && memchr(head.p + slash + 1, '/', head.n - (size_t)slash - 1) == NULL)
        return param_lower(a, head);
    if (i < head.n && i > (size_t)slash + 1)
        return param_lower(a, span_sub(head, 0, i));
    struct span type = span_trim(span_sub(head, 0, (size_t)slash));
    struct span sub = span_trim(span_sub(head, (size_t)slash + 1, head.n));
    size_t n = 0;
    while (n < sub.n && is_token(sub.p[n]) && sub.p[n] != '/')
        n++;
    if (!type.n || !n || !is_token(type.p[0]))
        return SPAN_NONE;
    uint8_t *p = arena_alloc(a, type.n + 1 + n);
    if (!p)
        return SPAN_NONE;
    memcpy(p, type.p, type.n);
    p[type.n] = '/';
    memcpy(p + type.n + 1, sub.p, n);
    return param_lower(a, span_of(p, type.n + 1 + n));
}

static void read_type(struct part *p, struct charset_set *cs, struct arena *a, struct span raw, uint64_t *anomalies)
{
    struct param_want want[] = {
        {SPAN_LIT("charset"), false, SPAN_NONE},
        {SPAN_LIT("boundary"), false, SPAN_NONE},
        {SPAN_LIT("name"), true, SPAN_NONE},
    };
    struct span head = param_read(cs, a, raw, want, 3, anomalies);
    p->type = clean_type(a, head);
    if (!p->type.n)
        *anomalies |= ANOMALY_BIT(ANOMALY_BAD_TYPE);
    p->charset = param_lower(a, span_trim(want[0].value));
    p->boundary = want[1].value;
    if (!p->filename.n)
        p->filename = want[2].value;
}

static void read_disposition(struct part *p, struct charset_set *cs, struct arena *a, struct span raw, uint64_t *anomalies)
{
    struct param_want want[] = {{SPAN_LIT("filename"), true, SPAN_NONE}};
    p->disposition = param_lower(a, param_read(cs, a, raw, want, 1, anomalies));
    if (want[0].value.n)
        p->filename = want[0].value;
}

static enum part_encoding encoding_of(struct charset_set *cs, struct arena *a, struct span raw, uint64_t *anomalies)
{
    static const struct { const char *name; enum part_encoding enc; } known[] = {
        {"7bit", PART_7BIT}, {"8bit", PART_8BIT}, {"binary", PART_BINARY}, {"base64", PART_BASE64},
        {"quoted-printable", PART_QP}, {"x-uuencode", PART_UUENCODE}, {"uuencode", PART_UUENCODE},
        {"x-uue", PART_UUENCODE},
    };
    struct span head = span_trim(raw);
    if (memchr(head.p, '(', head.n) || memchr(head.p, ';', head.n))
        head = param_read(cs, a, raw, NULL, 0, anomalies);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_ieq(head, span_str(known[i].name)))
            return known[i].enc;
    *anomalies |= ANOMALY_BIT(ANOMALY_UNKNOWN_CTE);
    return PART_UNKNOWN;
}

static struct span strip_angle(struct span s)
{
    s = span_trim(s);
    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = span_sub(s, 1, s.n - 1);
    return s;
}

static void classify(struct part *p, bool digest)
{
    if (!p->type.n)
        p->type = digest ? SPAN_LIT("message/rfc822") : SPAN_LIT("text/plain");
    p->is_multipart = span_istarts(p->type, SPAN_LIT("multipart/"));
    p->is_message = span_eq(p->type, SPAN_LIT("message/rfc822")) || span_eq(p->type, SPAN_LIT("message/global")) ||
                    span_eq(p->type, SPAN_LIT("message/rfc2822")) || span_eq(p->type, SPAN_LIT("message/news"));
    p->is_text = span_istarts(p->type, SPAN_LIT("text/"));
    bool inline_kind = p->is_multipart || p->is_message || p->is_text ||
                       span_istarts(p->type, SPAN_LIT("image/")) || span_istarts(p->type, SPAN_LIT("message/"));
    p->is_attachment = !p->is_multipart && (span_eq(p->disposition, SPAN_LIT("attachment")) || p->filename.n || !inline_kind);
}

void mime_part_fields(struct mime_tree *t, uint32_t index, struct charset_set *cs, struct arena *a,
                      bool digest, uint64_t *anomalies)
{
    struct part *p = &t->part[index];
    bool type = false, disposition = false, encoding = false;
    for (uint32_t i = 0; i < p->n_fields; i++) {
        const struct field *f = &t->fields.p[p->first_field + i];
        switch (f->id) {
        case FIELD_CONTENT_TYPE:
            if (!type)
                read_type(p, cs, a, f->raw, anomalies);
            else
                *anomalies |= ANOMALY_BIT(ANOMALY_FIELD_REPEATED);
            type = true;
            break;
        case FIELD_CONTENT_DISPOSITION:
            if (!disposition)
                read_disposition(p, cs, a, f->raw, anomalies);
            disposition = true;
            break;
        case FIELD_CONTENT_TRANSFER_ENCODING:
            if (!encoding)
                p->encoding = encoding_of(cs, a, f->raw, anomalies);
            encoding = true;
            break;
        case FIELD_CONTENT_ID:
            if (!p->content_id.n)
                p->content_id = strip_angle(words_unfold(a, f->raw));
            break;
        default: break;
        }
    }
    classify(p, digest);
}
