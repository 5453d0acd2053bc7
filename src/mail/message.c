#include "mail/message.h"

#include <stdlib.h>

#include "base/error.h"
#include "mail/date.h"
#include "mail/decode.h"
#include "mail/message_priv.h"
#include "mail/words.h"

const struct mail_limits mail_limits_default = {
    .max_bytes = 64 << 20,
    .max_header_bytes = 1 << 20,
    .max_fields = 4096,
    .max_parts = 1024,
    .max_depth = 32,
    .max_text_bytes = 256 << 10,
    .max_urls = 512,
};

/* Parts nest on the stack, about 1 KiB a level. */
enum { DEPTH_MOST = 2000 };

struct mail_parser *mail_parser_new(const struct mail_limits *limits)
{
    struct mail_parser *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->limits = limits ? *limits : mail_limits_default;
    if (p->limits.max_depth > DEPTH_MOST)
        p->limits.max_depth = DEPTH_MOST;
    p->charsets = charset_set_new();
    p->suffixes = suffixes_new();
    p->url = malloc((p->limits.max_urls + 1) * sizeof *p->url);
    if (!p->charsets || !p->suffixes || !p->url)
        mail_parser_free(&p);
    return p;
}

void mail_parser_free(struct mail_parser **p)
{
    if (!p || !*p)
        return;
    charset_set_free(&(*p)->charsets);
    suffixes_free(&(*p)->suffixes);
    mime_tree_deinit(&(*p)->tree);
    free((*p)->text);
    free((*p)->url);
    free(*p);
    *p = NULL;
}

/* Old Macintosh mail ends its lines with CR alone: then, and only then, CR is a line end. */
static struct span cr_to_lf(struct arena *a, struct span raw, uint64_t *anomalies)
{
    if (!raw.n || memchr(raw.p, '\n', raw.n) || !memchr(raw.p, '\r', raw.n))
        return raw;
    uint8_t *p = arena_alloc(a, raw.n);
    if (!p)
        return SPAN_NONE;
    for (size_t i = 0; i < raw.n; i++)
        p[i] = raw.p[i] == '\r' ? '\n' : raw.p[i];
    *anomalies |= ANOMALY_BIT(ANOMALY_HEADER_BARE_CR);
    return span_of(p, raw.n);
}

static int keep_tree(const struct mime_tree *t, struct arena *a, struct message *m, struct part **part)
{
    struct field *f = arena_alloc(a, t->fields.n * sizeof *f);
    struct part *p = arena_alloc(a, t->n_parts * sizeof *p);
    if (!f || !p)
        return POSSE_ELIMIT;
    if (t->fields.n)
        memcpy(f, t->fields.p, t->fields.n * sizeof *f);
    memcpy(p, t->part, t->n_parts * sizeof *p);
    m->field = f;
    m->n_fields = t->fields.n;
    m->part = *part = p;
    m->n_parts = t->n_parts;
    return POSSE_OK;
}

/* Fields that RFC 5322 3.6 and RFC 2045 allow once. */
static bool is_single(enum field_id id)
{
    switch (id) {
    case FIELD_FROM: case FIELD_SENDER: case FIELD_REPLY_TO: case FIELD_TO: case FIELD_CC:
    case FIELD_BCC: case FIELD_MESSAGE_ID: case FIELD_IN_REPLY_TO: case FIELD_REFERENCES:
    case FIELD_SUBJECT: case FIELD_DATE: case FIELD_MIME_VERSION: case FIELD_CONTENT_TYPE:
    case FIELD_CONTENT_TRANSFER_ENCODING: return true;
    default: return false;
    }
}

static void index_fields(struct message *m)
{
    uint32_t n = m->part[0].n_fields;
    for (uint32_t i = 0; i < n; i++) {
        enum field_id id = m->field[i].id;
        if (!m->first_of[id])
            m->first_of[id] = i + 1;
        else if (is_single(id))
            m->anomalies |= ANOMALY_BIT(ANOMALY_FIELD_REPEATED);
    }
    if (!n)
        m->anomalies |= ANOMALY_BIT(ANOMALY_NO_HEADER);
    static const struct { enum field_id id; enum mail_anomaly bit; } needed[] = {
        {FIELD_FROM, ANOMALY_NO_FROM}, {FIELD_DATE, ANOMALY_NO_DATE},
        {FIELD_MESSAGE_ID, ANOMALY_NO_MESSAGE_ID}, {FIELD_SUBJECT, ANOMALY_NO_SUBJECT}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!m->first_of[needed[i].id])
            m->anomalies |= ANOMALY_BIT(needed[i].bit);
    if (!m->first_of[FIELD_TO] && !m->first_of[FIELD_CC])
        m->anomalies |= ANOMALY_BIT(ANOMALY_NO_TO);
    const struct field *date = message_field(m, FIELD_DATE);
    struct mail_date d;
    if (date && !date_read(date->raw, &d))
        m->anomalies |= ANOMALY_BIT(ANOMALY_DATE_BAD);
}

/* Cuts what is not looked at, and the mbox line before the header. */
static struct span frame(struct mail_parser *p, struct arena *a, struct span raw, struct message *m)
{
    if (raw.n > p->limits.max_bytes) {
        raw.n = p->limits.max_bytes;
        m->anomalies |= ANOMALY_BIT(ANOMALY_SIZE_TRUNCATED);
    }
    if (!raw.n)
        m->anomalies |= ANOMALY_BIT(ANOMALY_EMPTY);
    raw = cr_to_lf(a, raw, &m->anomalies);
    size_t from = header_mbox_line(raw);
    m->mbox_from = span_sub(raw, 0, from);
    return span_sub(raw, from, raw.n);
}

int message_parse(struct mail_parser *p, struct arena *a, struct span raw, struct message **out)
{
    static const uint8_t none;
    struct part *part;
    struct message *m = arena_zalloc(a, sizeof *m);
    *out = NULL;
    if (!m)
        return POSSE_ELIMIT;
    m->raw = frame(p, a, raw.p ? raw : span_of(&none, 0), m);
    if (!m->raw.p)
        return POSSE_ELIMIT;
    int err = mime_read(&p->tree, p->charsets, a, m->raw, &p->limits, &m->anomalies);
    if (err == POSSE_OK)
        err = keep_tree(&p->tree, a, m, &part);
    if (err != POSSE_OK)
        return err;
    index_fields(m);
    const struct field *subject = message_field(m, FIELD_SUBJECT);
    if (subject)
        m->subject = words_decode(p->charsets, a, subject->raw, &m->anomalies);
    err = message_texts(p, a, m, part);
    if (err == POSSE_OK && arena_failed(a))
        err = POSSE_ELIMIT;
    if (err == POSSE_OK)
        *out = m;
    return err;
}

const struct field *message_field(const struct message *m, enum field_id id)
{
    return (unsigned)id < FIELD_ID_N && m->first_of[id] ? &m->field[m->first_of[id] - 1] : NULL;
}

struct span field_value(struct mail_parser *p, struct arena *a, const struct field *f)
{
    uint64_t ignored = 0;
    return words_decode(p->charsets, a, f->raw, &ignored);
}

struct span message_value(struct mail_parser *p, struct arena *a, const struct message *m, enum field_id id)
{
    const struct field *f = message_field(m, id);
    return f ? field_value(p, a, f) : SPAN_NONE;
}

struct span part_content(struct arena *a, const struct part *part, uint64_t *anomalies)
{
    if (part->encoding != PART_BASE64 && part->encoding != PART_QP && part->encoding != PART_UUENCODE)
        return part->body;
    uint8_t *out = arena_alloc(a, part->body.n);
    size_t n = 0;
    if (!out)
        return SPAN_NONE;
    if (part->encoding == PART_BASE64)
        n = base64_decode(part->body, out, part->body.n, anomalies);
    else if (part->encoding == PART_QP)
        n = qp_decode(part->body, out, part->body.n, anomalies);
    else
        n = uu_decode(part->body, out, part->body.n, anomalies);
    arena_shrink(a, out, part->body.n, n);
    return span_of(out, n);
}

const struct suffixes *mail_parser_suffixes(const struct mail_parser *p) { return p->suffixes; }
