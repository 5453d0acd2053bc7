/* What a person would read of a message: each text part transfer-decoded, turned to UTF-8 and,
 * for HTML, rendered to words; the links of both. */
#include <stdlib.h>

#include "base/error.h"
#include "mail/decode.h"
#include "mail/magic.h"
#include "mail/message_priv.h"
#include "mail/sample.h"

/* Markup is several times its text; so much of it is read for the text that is kept. */
enum { HTML_PER_TEXT = 4 };
/* No more of one part is transfer-decoded: several times this must fit into a message's arena. */
enum { DECODED_MOST = 16 << 20 };

struct builder {
    struct mail_parser *p;
    struct arena *a;
    struct message *m;
    size_t n_text, n_url;
    size_t level; /* bytes of text that are kept of one part */
};

static void flag(struct builder *b, enum mail_anomaly bit) { b->m->anomalies |= ANOMALY_BIT(bit); }

static size_t decode_some(const struct part *p, uint8_t *out, size_t max, uint64_t *anomalies)
{
    switch (p->encoding) {
    case PART_BASE64: return base64_decode(p->body, out, max, anomalies);
    case PART_QP: return qp_decode(p->body, out, max, anomalies);
    case PART_UUENCODE: return uu_decode(p->body, out, max, anomalies);
    default: return 0;
    }
}

static bool is_encoded(const struct part *p)
{
    return p->encoding == PART_BASE64 || p->encoding == PART_QP || p->encoding == PART_UUENCODE;
}

/* The latest allocation, n of its cap bytes, sampled in place. */
static struct span sampled_here(struct builder *b, uint8_t *p, size_t cap, size_t n, size_t room, enum sample_kind kind)
{
    if (n > room) {
        n = sample_text(span_of(p, n), room, kind, p);
        flag(b, ANOMALY_TEXT_TRUNCATED);
    }
    arena_shrink(b->a, p, cap, n);
    return span_of(p, n);
}

/* A leaf's content, transfer-decoded and then sampled where it was encoded. Of one that is too long to decode, the
 * first and the last half of what may be; in base64 the second half begins at a line, which the writer's lines of
 * whole groups make the right place. */
static struct span content(struct builder *b, const struct part *p, size_t room, enum sample_kind kind)
{
    if (!is_encoded(p))
        return p->body;
    struct span body = p->body;
    size_t half = body.n > DECODED_MOST ? DECODED_MOST / 2 : body.n, cap = body.n < DECODED_MOST ? body.n : DECODED_MOST;
    struct part piece = *p;
    uint8_t *out = arena_alloc(b->a, cap);
    if (!out)
        return SPAN_NONE;
    piece.body.n = half;
    size_t n = decode_some(&piece, out, cap, &b->m->anomalies);
    if (half < body.n) {
        struct span rest = span_sub(body, body.n - half, body.n);
        ptrdiff_t line = span_chr(rest, '\n');
        piece.body = span_sub(rest, line < 0 ? 0 : (size_t)line + 1, rest.n);
        n += decode_some(&piece, out + n, cap - n, &b->m->anomalies);
        flag(b, ANOMALY_TEXT_TRUNCATED);
    }
    return sampled_here(b, out, cap, n, room, kind);
}

/* What is kept of s (sample.h); s itself where there is room. */
static struct span sampled(struct builder *b, struct span s, size_t room, enum sample_kind kind)
{
    if (s.n <= room)
        return s;
    flag(b, ANOMALY_TEXT_TRUNCATED);
    uint8_t *out = arena_alloc(b->a, room);
    return out ? span_of(out, sample_text(s, room, kind, out)) : SPAN_NONE;
}

/* Kind, label and name of a leaf. */
static void judge_leaf(struct builder *b, struct part *p)
{
    uint8_t small[MAGIC_BYTES];
    uint64_t ignored = 0;
    struct span head = is_encoded(p) ? span_of(small, decode_some(p, small, sizeof small, &ignored))
                                     : span_sub(p->body, 0, MAGIC_BYTES);
    p->magic = magic_of(head);
    if (p->magic == MAGIC_EXE || p->magic == MAGIC_ELF || p->magic == MAGIC_LNK)
        flag(b, ANOMALY_EXECUTABLE);
    if (magic_mismatch(p->magic, p->type))
        flag(b, ANOMALY_TYPE_MISMATCH);
    if (p->filename.n)
        b->m->anomalies |= magic_filename(p->filename);
}

/* A zero-width or direction-changing character with a letter on both sides. */
static bool has_zero_width(struct span s)
{
    if (s.n < 4)
        return false;
    const uint8_t *p = s.p, *end = s.p + s.n;
    while (end - p > 3 && (p = memchr(p, 0xe2, (size_t)(end - p) - 3)) != NULL) {
        /* U+200B..200F, 202A..202E, 2060..2064, 2066..2069 */
        bool odd = (p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xaa && p[2] <= 0xae))) ||
                   (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xa9 && p[2] != 0xa5);
        if (odd && p > s.p && ascii_is_alpha(p[-1]) && ascii_is_alpha(p[3]))
            return true;
        p++;
    }
    return false;
}

static void judge_uu(struct builder *b, struct span text, const struct uu_file *f)
{
    uint8_t head[MAGIC_BYTES];
    flag(b, ANOMALY_UUENCODED);
    size_t n = uu_decode(span_sub(text, f->begin, f->end), head, sizeof head, &b->m->anomalies);
    enum part_magic magic = magic_of(span_of(head, n));
    if (magic == MAGIC_EXE || magic == MAGIC_ELF || magic == MAGIC_LNK)
        flag(b, ANOMALY_EXECUTABLE);
    b->m->anomalies |= magic_filename(f->name);
}

/* The text, sampled, without the uuencoded files in it. */
static struct span cut_uu(struct builder *b, struct span text, size_t room)
{
    struct uu_file f;
    size_t at = 0, n = 0;
    if (!uu_find(text, 0, &f))
        return text;
    uint8_t *out = arena_alloc(b->a, text.n);
    if (!out)
        return text;
    do {
        judge_uu(b, text, &f);
        memcpy(out + n, text.p + at, f.begin - at);
        n += f.begin - at;
        at = f.end;
    } while (uu_find(text, at, &f));
    memcpy(out + n, text.p + at, text.n - at);
    n += text.n - at;
    return sampled_here(b, out, text.n, n, room, SAMPLE_TEXT);
}

/* The charset of a page that only its <meta> names; looked for where 8-bit bytes make it matter. */
static struct span meta_charset(struct span html)
{
    struct span head = span_sub(html, 0, 2048);
    ptrdiff_t at = span_ifind(head, SPAN_LIT("charset="));
    if (at < 0)
        return SPAN_NONE;
    size_t i = (size_t)at + 8;
    while (i < head.n && (head.p[i] == '"' || head.p[i] == '\'' || head.p[i] == ' '))
        i++;
    size_t from = i;
    while (i < head.n && (ascii_is_alnum(head.p[i]) || strchr("-_:.+", head.p[i])) && head.p[i])
        i++;
    return span_sub(head, from, i);
}

static struct span to_utf8(struct builder *b, const struct part *p, const struct scan_facts *f,
                           struct span s, bool html, size_t max)
{
    struct span charset = p->charset;
    bool cut = false;
    /* What the scan has seen to be ASCII need not be looked at again. (A multipart without parts was
     * scanned in pieces.) */
    bool ascii = is_encoded(p) || p->is_multipart ? charset_is_ascii(s) : !f->high;
    if (ascii && (!charset.n || span_eq(charset, SPAN_LIT("us-ascii")) || span_eq(charset, SPAN_LIT("utf-8"))))
        return span_sub(s, 0, max);
    if (html && !charset.n)
        charset = meta_charset(s);
    struct span out = charset_to_utf8(b->p->charsets, b->a, s, charset, max, &cut, &b->m->anomalies);
    if (cut)
        flag(b, ANOMALY_TEXT_TRUNCATED);
    return out;
}

static struct url *url_room(struct builder *b)
{
    if (b->n_url < b->p->limits.max_urls)
        return &b->p->url[b->n_url];
    flag(b, ANOMALY_URLS_LIMIT);
    return NULL;
}

static bool within(struct span outer, struct span inner)
{
    return outer.n && inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n;
}

static uint64_t url_anomalies(const struct url *u)
{
    return (u->flags & URL_HAS_USERINFO ? ANOMALY_BIT(ANOMALY_URL_USERINFO) : 0) |
           (u->flags & URL_NUMERIC_HOST ? ANOMALY_BIT(ANOMALY_URL_NUMERIC) : 0) |
           (u->flags & URL_IS_OBFUSCATED ? ANOMALY_BIT(ANOMALY_URL_OBFUSCATED) : 0) |
           (u->flags & URL_IDN ? ANOMALY_BIT(ANOMALY_URL_PUNYCODE) : 0);
}

static void add_links(struct builder *b, uint32_t part, const struct html_result *h)
{
    for (size_t i = 0; i < h->n_links; i++) {
        const struct html_link *l = &h->link[i];
        struct url *u = url_room(b);
        if (!u)
            return;
        if (!url_parse(b->a, b->p->suffixes, url_join(b->a, h->base_href, l->href), u))
            continue;
        u->raw = l->href;
        u->origin = (uint8_t)l->origin;
        u->shown = l->shown;
        u->part = part;
        if (l->hidden)
            u->flags |= URL_HIDDEN;
        b->m->anomalies |= url_anomalies(u);
        b->n_url++;
    }
}

static bool same_place(const struct url *a, const struct url *b)
{
    return span_eq(a->host, b->host) && span_eq(a->path, b->path) && span_eq(a->query, b->query);
}

/* URLs of the visible text. One that a link shows is either the link's own target (dropped) or,
 * with another registered domain, a lie (counted and kept). Links and texts come in the same
 * order, so one walk over both does. */
static void add_text_urls(struct builder *b, uint32_t part, struct span visible, size_t first_link)
{
    size_t room = b->p->limits.max_urls - b->n_url, links_end = b->n_url, link = first_link;
    struct url *found = b->p->url + b->n_url;
    size_t n = url_find(b->a, b->p->suffixes, visible, found, room, &b->m->anomalies), kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct url *u = &found[i];
        u->part = part;
        while (link < links_end && (!b->p->url[link].shown.n || b->p->url[link].shown.p + b->p->url[link].shown.n <= u->raw.p))
            link++;
        if (link < links_end && within(b->p->url[link].shown, u->raw)) {
            const struct url *l = &b->p->url[link];
            if (same_place(l, u))
                continue;
            if (l->domain.n && u->domain.n && !span_eq(l->domain, u->domain) && !(u->flags & URL_IS_MAILTO)) {
                b->m->html.n_mismatched_links++;
                flag(b, ANOMALY_LINK_MISMATCH);
            }
        }
        b->m->anomalies |= url_anomalies(u);
        found[kept++] = *u;
    }
    b->n_url += kept;
}

static void add_facts(struct html_facts *all, const struct html_facts *f)
{
    all->n_tags += f->n_tags;
    all->n_links += f->n_links;
    all->n_images += f->n_images;
    all->n_remote_images += f->n_remote_images;
    all->n_forms += f->n_forms;
    all->n_inputs += f->n_inputs;
    all->n_password_inputs += f->n_password_inputs;
    all->n_tables += f->n_tables;
    all->n_comments += f->n_comments;
    all->n_unknown_tags += f->n_unknown_tags;
    all->n_scripts += f->n_scripts;
    all->n_iframes += f->n_iframes;
    all->n_style_attrs += f->n_style_attrs;
    all->visible_bytes += f->visible_bytes;
    all->hidden_bytes += f->hidden_bytes;
    all->has_refresh |= f->has_refresh;
    all->has_base |= f->has_base;
    all->has_data_uri |= f->has_data_uri;
    all->has_js_uri |= f->has_js_uri;
    all->has_smuggling |= f->has_smuggling;
    all->layout_hash = all->layout_hash * 31 + f->layout_hash;
}

static int add_html(struct builder *b, uint32_t part, struct span utf8, struct text_block *t)
{
    struct html_caps caps = html_caps_default;
    struct html_result h;
    caps.max_text_bytes = utf8.n + 1024; /* all of it: what is too long is sampled, not cut */
    if (caps.max_links > b->p->limits.max_urls)
        caps.max_links = b->p->limits.max_urls;
    memset(&h, 0, sizeof h);
    int err = html_read(b->a, utf8, &caps, &h);
    if (err != POSSE_OK)
        return err;
    t->is_html = true;
    size_t hidden = h.hidden.n < b->level / 4 ? h.hidden.n : b->level / 4;
    t->visible = sampled(b, h.visible, b->level - hidden, SAMPLE_TEXT);
    t->hidden = sampled(b, h.hidden, b->level - t->visible.n, SAMPLE_TEXT);
    b->m->anomalies |= h.anomalies;
    add_facts(&b->m->html, &h.facts);
    size_t first = b->n_url;
    add_links(b, part, &h);
    add_text_urls(b, part, h.visible, first);
    return POSSE_OK;
}

static int add_text(struct builder *b, uint32_t index, struct part *p, const struct scan_facts *f)
{
    bool html = span_eq(p->type, SPAN_LIT("text/html")) || span_eq(p->type, SPAN_LIT("application/xhtml+xml")) ||
                (p->is_multipart && p->magic == MAGIC_HTML);
    bool wide = span_istarts(p->charset, SPAN_LIT("utf-16")) || span_istarts(p->charset, SPAN_LIT("utf-32"));
    enum sample_kind kind = wide ? SAMPLE_WIDE : html ? SAMPLE_HTML : SAMPLE_TEXT;
    size_t room = html && b->level < SIZE_MAX / HTML_PER_TEXT ? b->level * HTML_PER_TEXT : b->level;
    struct span s = content(b, p, room, kind);
    if (arena_failed(b->a))
        return POSSE_ELIMIT;
    if (is_encoded(p) || p->is_multipart ? s.n && memchr(s.p, 0, s.n) != NULL : f->nul)
        flag(b, ANOMALY_BODY_NUL);
    if (!is_encoded(p) && f->high && p->encoding == PART_7BIT)
        flag(b, ANOMALY_BODY_8BIT_7BIT);
    if (p->magic == MAGIC_HTML && span_eq(p->type, SPAN_LIT("text/plain")))
        flag(b, ANOMALY_HTML_IN_PLAIN);
    if (f->uu_begin && !html && !is_encoded(p))
        s = cut_uu(b, s.n > DECODED_MOST ? sampled(b, s, room, kind) : s, room);
    s = sampled(b, s, room, kind);
    struct span utf8 = to_utf8(b, p, f, s, html, s.n * 4 + 16);
    struct text_block *t = &b->p->text[b->n_text++];
    *t = (struct text_block){.part = index};
    if (html) {
        int err = add_html(b, index, utf8, t);
        if (err != POSSE_OK)
            return err;
    } else {
        t->visible = sampled(b, utf8, b->level, SAMPLE_TEXT);
        add_text_urls(b, index, utf8, b->n_url);
    }
    if (has_zero_width(t->visible))
        flag(b, ANOMALY_ZERO_WIDTH);
    return arena_failed(b->a) ? POSSE_ELIMIT : POSSE_OK;
}

/* Would a reader see this part's text? Attached files are not read; the message itself always is.
 * A multipart without parts is shown as text by most readers. */
static bool is_read(const struct message *m, uint32_t i)
{
    const struct part *p = &m->part[i];
    if (p->is_multipart)
        return i + 1 == m->n_parts || m->part[i + 1].parent != i;
    return (p->is_text || span_eq(p->type, SPAN_LIT("application/xhtml+xml"))) &&
           (i == 0 || !span_eq(p->disposition, SPAN_LIT("attachment")));
}

static bool is_leaf(const struct message *m, uint32_t i)
{
    return i + 1 == m->n_parts || m->part[i + 1].parent != i;
}

static int reserve(struct mail_parser *p, size_t n)
{
    if (p->cap_text >= n)
        return POSSE_OK;
    struct text_block *t = realloc(p->text, n * sizeof *t);
    if (!t)
        return POSSE_ENOMEM;
    p->text = t;
    p->cap_text = n;
    return POSSE_OK;
}

static void *keep(struct arena *a, const void *from, size_t bytes)
{
    void *p = arena_alloc(a, bytes);
    if (p && bytes)
        memcpy(p, from, bytes);
    return p;
}

/* How much of each text may be kept, so that no part takes the room of another. */
static int share_room(struct builder *b, const struct message *m)
{
    size_t *size = arena_alloc(b->a, m->n_parts * sizeof *size), n = 0;
    if (!size)
        return POSSE_ELIMIT;
    for (uint32_t i = 0; i < m->n_parts; i++)
        if (is_read(m, i))
            size[n++] = m->part[i].body.n;
    b->level = sample_level(size, n, b->p->limits.max_text_bytes);
    /* Alone, a text may still grow as it becomes UTF-8. */
    if (b->level > b->p->limits.max_text_bytes)
        b->level = b->p->limits.max_text_bytes;
    arena_shrink(b->a, size, m->n_parts * sizeof *size, 0);
    return POSSE_OK;
}

int message_texts(struct mail_parser *p, struct arena *a, struct message *m, struct part *part)
{
    struct builder b = {.p = p, .a = a, .m = m};
    int err = reserve(p, m->n_parts);
    if (err == POSSE_OK)
        err = share_room(&b, m);
    for (uint32_t i = 0; i < m->n_parts && err == POSSE_OK; i++) {
        if (is_leaf(m, i))
            judge_leaf(&b, &part[i]);
        if (!is_read(m, i) || !part[i].body.n)
            continue;
        err = add_text(&b, i, &part[i], &p->tree.facts[i]);
    }
    if (err != POSSE_OK)
        return err;
    m->n_text = b.n_text;
    m->n_urls = b.n_url;
    m->text = keep(a, p->text, b.n_text * sizeof *m->text);
    m->url = keep(a, p->url, b.n_url * sizeof *m->url);
    return m->text && m->url ? POSSE_OK : POSSE_ELIMIT;
}
