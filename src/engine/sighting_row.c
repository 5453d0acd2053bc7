#include "engine/sighting_row.h"

#include "base/error.h"
#include "base/reader.h"

enum { VERSION = 2, WORD_MAX = 4096 };

static void add_text(struct buf *b, struct span s, size_t most)
{
    if (s.n > most)
        s = SPAN_NONE;
    buf_add_varint(b, s.n);
    buf_add_span(b, s);
}

static void add_texts(struct buf *b, const struct span *s, size_t n)
{
    buf_add_varint(b, n);
    for (size_t i = 0; i < n; i++)
        add_text(b, s[i], WORD_MAX);
}

static void write_mailer(struct buf *b, const struct mailer *m)
{
    buf_add_u64(b, m->key);
    buf_add_u64(b, m->machine);
    buf_add_varint(b, m->n);
    for (size_t i = 0; i < m->n; i++) {
        buf_add_byte(b, m->trait[i].kind);
        add_text(b, span_str(m->trait[i].value), MAILER_TRAIT_TEXT - 1);
    }
}

int sighting_row_write(struct buf *b, const struct sighting *s, const struct mailer *m, bool with_texts)
{
    buf_add_u32(b, VERSION);
    buf_add_u64(b, (uint64_t)s->time_ms);
    buf_add(b, s->source.b, sizeof s->source.b);
    buf_add_u32(b, s->asn);
    buf_add_u32(b, s->n_rcpt);
    buf_add_u64(b, s->size_bytes);
    buf_add_u32(b, s->flags);
    buf_add(b, &s->sketch, sizeof s->sketch);
    buf_add_u64(b, s->key);
    buf_add_u64(b, s->mailer);
    buf_add_u64(b, s->machine);
    buf_add_u64(b, s->sender);
    buf_add_u64(b, s->sender_domain);
    buf_add(b, s->language, sizeof s->language);
    add_texts(b, s->rcpt_domain, s->n_rcpt_domains);
    add_texts(b, s->link_host, s->n_links);
    buf_add_varint(b, s->n_files);
    for (size_t i = 0; i < s->n_files; i++)
        buf_add_u64(b, s->file[i]);
    buf_add_varint(b, s->n_marks);
    for (size_t i = 0; i < s->n_marks; i++) {
        buf_add_byte(b, (uint8_t)s->mark[i].kind);
        add_text(b, s->mark[i].text, WORD_MAX);
    }
    write_mailer(b, m);
    add_text(b, with_texts ? s->subject : SPAN_NONE, SIGHTING_TEXT_MAX);
    add_text(b, with_texts ? s->text : SPAN_NONE, SIGHTING_TEXT_MAX);
    add_text(b, with_texts ? s->raw : SPAN_NONE, SIGHTING_RAW_MAX);
    return buf_error(b);
}

/* ---- reading ---- */

static struct span read_text(struct reader *r, size_t most)
{
    uint64_t n = reader_varint(r);
    if (n > most) {
        reader_fail(r, POSSE_ECORRUPT);
        return SPAN_NONE;
    }
    return n ? reader_bytes(r, (size_t)n) : SPAN_NONE;
}

static size_t read_n(struct reader *r, size_t most)
{
    uint64_t n = reader_varint(r);
    if (n <= most)
        return (size_t)n;
    reader_fail(r, POSSE_ECORRUPT);
    return 0;
}

static size_t read_texts(struct reader *r, struct span *out, size_t most)
{
    size_t n = read_n(r, most);
    for (size_t i = 0; i < n; i++)
        out[i] = read_text(r, WORD_MAX);
    return n;
}

static void read_bytes(struct reader *r, void *out, size_t n)
{
    struct span s = reader_bytes(r, n);
    if (s.n == n)
        memcpy(out, s.p, n);
}

static void read_lists(struct reader *r, struct sighting *s)
{
    s->n_rcpt_domains = read_texts(r, s->rcpt_domain, SIGHTING_RCPT_MAX);
    s->n_links = read_texts(r, s->link_host, SIGHTING_LINKS_MAX);
    s->n_files = read_n(r, SIGHTING_FILES_MAX);
    for (size_t i = 0; i < s->n_files; i++)
        s->file[i] = reader_u64(r);
    s->n_marks = read_n(r, SIGHTING_MARKS_MAX);
    for (size_t i = 0; i < s->n_marks; i++) {
        uint8_t kind = reader_u8(r);
        if (kind >= MARK_N)
            reader_fail(r, POSSE_ECORRUPT);
        s->mark[i].kind = (enum mark_kind)(kind < MARK_N ? kind : 0);
        s->mark[i].text = read_text(r, WORD_MAX);
    }
}

static void read_mailer(struct reader *r, struct mailer *m)
{
    m->key = reader_u64(r);
    m->machine = reader_u64(r);
    m->n = read_n(r, MAILER_TRAITS);
    for (size_t i = 0; i < m->n; i++) {
        m->trait[i].kind = reader_u8(r);
        struct span v = read_text(r, MAILER_TRAIT_TEXT - 1);
        if (v.n && memchr(v.p, 0, v.n))
            reader_fail(r, POSSE_ECORRUPT);
        if (v.n)
            memcpy(m->trait[i].value, v.p, v.n);
        m->trait[i].value[v.n] = '\0';
    }
}

int sighting_row_read(struct span row, struct sighting *s, struct mailer *m)
{
    enum { KNOWN = SIGHTING_SPAM | SIGHTING_NO_TIME | SIGHTING_ODD_TIME | SIGHTING_AUTHENTICATED | SIGHTING_LIST | SIGHTING_TRUSTED_SOURCE };
    struct reader r = reader_of(row);
    const char *why;
    memset(s, 0, sizeof *s);
    memset(m, 0, sizeof *m);
    if (reader_u32(&r) != VERSION)
        return reader_error(&r) ? reader_error(&r) : POSSE_EVERSION;
    s->time_ms = (int64_t)reader_u64(&r);
    read_bytes(&r, s->source.b, sizeof s->source.b);
    s->asn = reader_u32(&r);
    s->n_rcpt = reader_u32(&r);
    s->size_bytes = reader_u64(&r);
    s->flags = reader_u32(&r);
    read_bytes(&r, &s->sketch, sizeof s->sketch);
    s->key = reader_u64(&r);
    s->mailer = reader_u64(&r);
    s->machine = reader_u64(&r);
    s->sender = reader_u64(&r);
    s->sender_domain = reader_u64(&r);
    read_bytes(&r, s->language, sizeof s->language);
    read_lists(&r, s);
    read_mailer(&r, m);
    s->subject = read_text(&r, SIGHTING_TEXT_MAX);
    s->text = read_text(&r, SIGHTING_TEXT_MAX);
    s->raw = read_text(&r, SIGHTING_RAW_MAX);
    if (reader_error(&r) || reader_left(&r))
        return POSSE_ECORRUPT;
    bool is_sound = s->n_rcpt > 0 && !(s->flags & ~(uint32_t)KNOWN) && s->language[sizeof s->language - 1] == '\0' &&
                    s->key == 0 && s->size_bytes <= UINT32_MAX && sketch_validate(&s->sketch, &why);
    return is_sound ? POSSE_OK : POSSE_ECORRUPT;
}
