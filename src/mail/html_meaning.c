/* What elements mean: addresses and where they stand, facts to count, and the raw text of
 * script, style, title and form fields. */
#include "mail/html_priv.h"
#include "mail/url.h"

enum { HREF_MAX = 2048, TITLE_MAX = 1024 };

/* Text in which '<' is just a letter: a form field's. */
static void read_field_text(struct html_doc *d, struct span s)
{
    for (size_t i = 0; i < s.n && !d->visible.is_full && !d->hidden.is_full && !arena_failed(d->a);) {
        if (s.p[i] == '<') {
            html_doc_text(d, SPAN_LIT("&lt;"), 0);
            i++;
        } else
            i = html_doc_text(d, s, i);
    }
}

/* ---- links ---- */

static struct span clean_address(struct html_doc *d, struct span raw)
{
    /* A reference may be longer than what it stands for: &CounterClockwiseContourIntegral; */
    struct span s = html_unescape(d->a, span_sub(span_trim(raw), 0, 4 * HREF_MAX));
    return arena_copy(d->a, span_sub(url_strip(d->a, s), 0, HREF_MAX));
}

static void note_scheme(struct html_doc *d, struct span href, enum url_origin origin, bool has_download)
{
    if (span_istarts(href, SPAN_LIT("javascript:")) || span_istarts(href, SPAN_LIT("vbscript:")))
        d->facts->has_js_uri = true;
    if (!span_istarts(href, SPAN_LIT("data:")))
        return;
    if (origin != URL_FROM_IMG)
        d->facts->has_data_uri = true;
    if (has_download)
        d->facts->has_smuggling = true;
}

/* Returns 1 + its index, or 0. */
static size_t add_link(struct html_doc *d, struct span raw, enum url_origin origin, bool has_download)
{
    raw = span_trim(raw);
    if (raw.n == 0 || raw.p[0] == '#')
        return 0;
    if (d->n_links >= d->caps->max_links) {
        d->out->anomalies |= ANOMALY_BIT(ANOMALY_URLS_LIMIT);
        return 0;
    }
    if (d->n_links == d->cap_links) {
        size_t cap = d->cap_links ? d->cap_links * 2 : 16;
        struct html_draft *p = arena_grow(d->a, d->link, d->cap_links * sizeof *p, cap * sizeof *p);
        if (!p)
            return 0;
        d->link = p;
        d->cap_links = cap;
    }
    struct span href = clean_address(d, raw);
    note_scheme(d, href, origin, has_download);
    d->link[d->n_links] = (struct html_draft){.out = {.href = href, .origin = origin, .hidden = html_is_hidden(d)}};
    return ++d->n_links;
}

static bool is_remote(const struct html_doc *d, struct span s)
{
    s = span_trim(s);
    if (span_istarts(s, SPAN_LIT("http")) || span_istarts(s, SPAN_LIT("//")))
        return true;
    return s.n && span_istarts(d->out->base_href, SPAN_LIT("http")) && !url_has_scheme(s);
}

void html_add_image(struct html_doc *d, struct span src)
{
    d->facts->n_remote_images += is_remote(d, src);
    add_link(d, src, URL_FROM_IMG, false);
}

void html_end_link(struct html_doc *d)
{
    if (d->open_link)
        d->link[d->open_link - 1].to = d->visible.n;
    d->open_link = 0;
}

/* <meta http-equiv=refresh content="0; url='...'"> */
static void read_refresh(struct html_doc *d, const struct html_tag *t)
{
    if (!span_ieq(span_trim(html_tag_value(t, ATTR_HTTP_EQUIV)), SPAN_LIT("refresh")))
        return;
    d->facts->has_refresh = true;
    struct span c = html_unescape(d->a, span_sub(html_tag_value(t, ATTR_CONTENT), 0, 4 * HREF_MAX));
    size_t i = 0;
    while (i < c.n && (ascii_is_space(c.p[i]) || ascii_is_digit(c.p[i]) || strchr(".;,", c.p[i])))
        i++;
    struct span url = span_sub(c, i, c.n);
    if (span_istarts(url, SPAN_LIT("url"))) {
        struct span rest = span_trim(span_sub(url, 3, url.n));
        if (rest.n && rest.p[0] == '=')
            url = span_trim(span_sub(rest, 1, rest.n));
    }
    if (url.n && (url.p[0] == '"' || url.p[0] == '\'')) {
        ptrdiff_t end = span_chr(span_sub(url, 1, url.n), url.p[0]);
        url = span_sub(url, 1, end < 0 ? url.n : 1 + (size_t)end);
    }
    add_link(d, url, URL_FROM_REFRESH, false);
}

static void read_input(struct html_doc *d, const struct html_tag *t)
{
    struct span type = span_trim(html_tag_value(t, ATTR_TYPE));
    d->facts->n_inputs++;
    if (span_ieq(type, SPAN_LIT("password")))
        d->facts->n_password_inputs++;
    if (span_ieq(type, SPAN_LIT("image")))
        html_add_image(d, html_tag_value(t, ATTR_SRC));
    add_link(d, html_tag_value(t, ATTR_FORMACTION), URL_FROM_FORM, false);
    bool is_button = span_ieq(type, SPAN_LIT("submit")) || span_ieq(type, SPAN_LIT("button"));
    if (is_button) { /* its value is what one reads on it */
        read_field_text(d, html_tag_value(t, ATTR_VALUE));
        html_break(d, ' ');
    }
}

static void set_base(struct html_doc *d, const struct html_tag *t)
{
    d->facts->has_base = true;
    if (d->out->base_href.n == 0)
        d->out->base_href = clean_address(d, html_tag_value(t, ATTR_HREF));
}

static void read_anchor(struct html_doc *d, const struct html_tag *t)
{
    if (!html_tag_has(t, ATTR_HREF) && !html_tag_has(t, ATTR_XLINK_HREF))
        return;
    struct span href = html_tag_value(t, html_tag_has(t, ATTR_HREF) ? ATTR_HREF : ATTR_XLINK_HREF);
    d->facts->n_links++;
    html_end_link(d);
    size_t k = add_link(d, href, URL_FROM_HREF, html_tag_has(t, ATTR_DOWNLOAD));
    if (k && t->id == TAG_A) {
        d->open_link = k;
        d->link[k - 1].from = d->link[k - 1].to = d->visible.n;
        stack_top(&d->stack)->is_link = true;
    }
}

void html_meaning(struct html_doc *d, const struct html_tag *t)
{
    struct html_facts *f = d->facts;
    switch (t->id) {
    case TAG_A: case TAG_AREA: read_anchor(d, t); break;
    case TAG_IMG: case TAG_IMAGE:
        f->n_images++;
        html_add_image(d, html_tag_has(t, ATTR_SRC) ? t->value[ATTR_SRC] : html_tag_value(t, ATTR_XLINK_HREF));
        break;
    case TAG_FORM:
        f->n_forms++;
        add_link(d, html_tag_value(t, ATTR_ACTION), URL_FROM_FORM, false);
        break;
    case TAG_INPUT: read_input(d, t); break;
    case TAG_BUTTON: add_link(d, html_tag_value(t, ATTR_FORMACTION), URL_FROM_FORM, false); break;
    case TAG_TABLE: f->n_tables++; break;
    case TAG_IFRAME: case TAG_FRAME:
        f->n_iframes++;
        add_link(d, html_tag_value(t, ATTR_SRC), URL_FROM_OTHER, false);
        break;
    case TAG_SCRIPT: f->n_scripts++; /* fall through */
    case TAG_EMBED: case TAG_SOURCE: case TAG_AUDIO: case TAG_VIDEO: case TAG_BGSOUND:
        add_link(d, html_tag_value(t, ATTR_SRC), URL_FROM_OTHER, false);
        break;
    case TAG_OBJECT: add_link(d, html_tag_value(t, ATTR_DATA), URL_FROM_OTHER, false); break;
    case TAG_LINK: add_link(d, html_tag_value(t, ATTR_HREF), URL_FROM_OTHER, false); break;
    case TAG_META: read_refresh(d, t); break;
    case TAG_BASE:
        if (html_tag_has(t, ATTR_HREF))
            set_base(d, t);
        break;
    default: break;
    }
    if (html_tag_has(t, ATTR_BACKGROUND))
        html_add_image(d, t->value[ATTR_BACKGROUND]);
}

/* ---- raw text: script, style, title and kin ---- */

/* Offset of the "</name" that ends it, or the end of input. */
static size_t raw_end(struct span in, size_t i, struct span name)
{
    while (i < in.n) {
        const uint8_t *lt = memchr(in.p + i, '<', in.n - i);
        if (!lt)
            break;
        i = (size_t)(lt - in.p);
        struct span after = span_sub(in, i + 2 + name.n, in.n);
        if (i + 1 < in.n && in.p[i + 1] == '/' && span_istarts(span_sub(in, i + 2, in.n), name) &&
            (after.n == 0 || ascii_is_space(after.p[0]) || after.p[0] == '>' || after.p[0] == '/'))
            return i;
        i++;
    }
    return in.n;
}

static bool contains(struct span s, const char *what) { return span_find(s, span_str(what)) >= 0; }

/* A file built inside the page: a decoder and a way to hand its result to the reader. */
static bool is_smuggling(struct span script)
{
    if (contains(script, "createObjectURL") || contains(script, "msSaveOrOpenBlob") || contains(script, "msSaveBlob"))
        return true;
    bool decodes = contains(script, "atob(") || contains(script, "unescape(") || contains(script, "fromCharCode") ||
                   contains(script, "charCodeAt");
    return decodes && (contains(script, "document.write") || contains(script, "eval(") || contains(script, "Blob(") ||
                       contains(script, "innerHTML") || contains(script, ".download") || contains(script, "location"));
}

static void read_style_block(struct html_doc *d, struct span css)
{
    if (d->is_second_pass)
        return;
    if (!d->sheet)
        d->sheet = sheet_new(d->a);
    if (!d->sheet)
        return;
    bool had_text = d->visible.n || d->hidden.n;
    bool was_empty = sheet_is_empty(d->sheet);
    sheet_read(d->a, d->sheet, css);
    if (had_text && (was_empty ? !sheet_is_empty(d->sheet) : true))
        d->sheet_is_late = true;
}

static void read_title(struct html_doc *d, struct span s)
{
    if (d->out->title.n)
        return;
    struct html_text t = {.max = TITLE_MAX};
    for (size_t i = 0; i < s.n && !t.is_full && !t.failed;) {
        size_t at = html_text_run(d->a, &t, s, i, false);
        i = at == i ? at + 1 : at;
    }
    d->out->title = span_trim(span_of(t.p, t.n < TITLE_MAX ? t.n : TITLE_MAX));
}

size_t html_raw(struct html_doc *d, const struct html_tag *t, size_t i)
{
    size_t end = raw_end(d->in, i, t->name);
    struct span s = span_sub(d->in, i, end);
    if (end == d->in.n)
        d->out->anomalies |= ANOMALY_BIT(ANOMALY_HTML_BROKEN);
    if (t->id == TAG_SCRIPT)
        d->facts->has_smuggling = d->facts->has_smuggling || is_smuggling(s);
    else if (t->id == TAG_STYLE)
        read_style_block(d, s);
    else if (t->id == TAG_TITLE)
        read_title(d, s);
    else if (t->id == TAG_TEXTAREA || t->id == TAG_XMP)
        read_field_text(d, s);
    return end;
}
