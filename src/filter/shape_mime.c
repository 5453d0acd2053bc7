/* How the message is put together: parts, encodings, attachments, HTML, and where it departs from the RFCs. */
#include "filter/shape_priv.h"

enum { PARTS_READ = 60 };

/* ---- parts ---- */

/* Subtypes by row; the row is a bit of the set that the message's parts make. Append only. */
static const char *const subtype[] = {"plain",
                                      "html",
                                      "mixed",
                                      "alternative",
                                      "related",
                                      "signed",
                                      "encrypted",
                                      "report",
                                      "digest",
                                      "rfc822",
                                      "delivery-status",
                                      "enriched",
                                      "calendar",
                                      "jpeg",
                                      "jpg",
                                      "gif",
                                      "png",
                                      "bmp",
                                      "pdf",
                                      "octet-stream",
                                      "zip",
                                      "x-zip-compressed",
                                      "msword",
                                      "pgp-signature",
                                      "pkcs7-signature",
                                      "x-patch",
                                      "x-diff",
                                      "rtf",
                                      "xml",
                                      "form-data"};
enum { SUBTYPE_N = sizeof subtype / sizeof *subtype };
_Static_assert(SUBTYPE_N < 63, "subtypes are bits of a set");

static struct span subtype_of(struct span type)
{
    ptrdiff_t slash = span_chr(type, '/');
    return slash < 0 ? type : span_sub(type, (size_t)slash + 1, type.n);
}

static void text_part(struct shape *x, const struct part *p)
{
    static const char *const plain[] = {"plain text in 7 bits",
                                        "plain text in 8 bits",
                                        "plain text as binary",
                                        "plain text in quoted-printable",
                                        "plain text in base64",
                                        "plain text in uuencode",
                                        "plain text in an unknown encoding"};
    static const char *const html[] = {"HTML in 7 bits",
                                       "HTML in 8 bits",
                                       "HTML as binary",
                                       "HTML in quoted-printable",
                                       "HTML in base64",
                                       "HTML in uuencode",
                                       "HTML in an unknown encoding"};
    bool is_html = span_eq(p->type, SPAN_LIT("text/html"));
    shape_put(x, SHAPE_KIND(SHAPE_PART, SHAPE_PART_ENCODING), is_html * 8u + p->encoding,
              is_html ? html[p->encoding] : plain[p->encoding], p->type);
    static const char *const charset[] = {"text without a charset", "text in ASCII", "text in UTF-8",
                                          "text in a Latin charset", "text in another charset"};
    struct span c = p->charset;
    unsigned k = c.n == 0                                                                           ? 0
                 : span_ieq(c, SPAN_LIT("us-ascii")) || span_ieq(c, SPAN_LIT("ascii"))              ? 1
                 : span_ieq(c, SPAN_LIT("utf-8")) || span_ieq(c, SPAN_LIT("utf8"))                  ? 2
                 : span_istarts(c, SPAN_LIT("iso-8859-1")) || span_ieq(c, SPAN_LIT("windows-1252")) ? 3
                                                                                                    : 4;
    shape_put(x, SHAPE_KIND(SHAPE_PART, SHAPE_PART_CHARSET), k, charset[k], p->charset);
}

static void attachment(struct shape *x, const struct part *p)
{
    static const char *const known[] = {
        "pdf",  "doc", "docx", "xls",   "xlsx", "ppt", "pptx", "rtf",  "txt",  "csv", "htm",  "html",   "shtml", "jpg",
        "jpeg", "gif", "png",  "bmp",   "tif",  "svg", "zip",  "rar",  "7z",   "gz",  "tgz",  "tar",    "bz2",   "xz",
        "ace",  "arj", "cab",  "iso",   "img",  "exe", "scr",  "pif",  "com",  "bat", "cmd",  "vbs",    "js",    "jse",
        "wsf",  "hta", "lnk",  "jar",   "msi",  "ps1", "docm", "xlsm", "xlsb", "one", "ics",  "vcf",    "eml",   "msg",
        "asc",  "sig", "p7s",  "patch", "diff", "c",   "h",    "py",   "sh",   "log", "conf", "config", "dat",   "mp3",
        "wav",  "avi", "mp4",  "mov",   "wmv",  "odt", "ods",  "ps",   "xml"};
    const uint8_t *dot = p->filename.n ? memrchr(p->filename.p, '.', p->filename.n) : NULL;
    if (dot) {
        struct span ext = span_of(dot + 1, (size_t)(p->filename.p + p->filename.n - dot - 1));
        size_t k = shape_word_index(ext, known, sizeof known / sizeof *known);
        shape_text(x, SHAPE_KIND(SHAPE_PART, 3),
                   k < sizeof known / sizeof *known ? span_str(known[k]) : SPAN_LIT("other"),
                   "an attached file of kind", p->filename);
    } else if (p->filename.n) {
        shape_put(x, SHAPE_KIND(SHAPE_PART, 4), 1, "an attached file without an extension", p->filename);
    }
    if (!p->is_attachment && p->filename.n == 0)
        return;
    static const char *const top[] = {"text", "image", "application", "audio", "video", "message", "multipart"};
    static const char *const label[] = {"text attached",  "an image attached",      "a document or program attached",
                                        "sound attached", "a film attached",        "a message attached",
                                        "parts attached", "something else attached"};
    ptrdiff_t slash = span_chr(p->type, '/');
    size_t t = shape_word_index(span_sub(p->type, 0, slash < 0 ? p->type.n : (size_t)slash), top,
                                sizeof top / sizeof *top);
    shape_put(x, SHAPE_KIND(SHAPE_PART, 5), t, label[t], p->filename.n ? p->filename : p->type);
    if (p->magic > MAGIC_UNKNOWN && p->magic < MAGIC_N)
        shape_text(x, SHAPE_KIND(SHAPE_PART, 6), span_str(part_magic_name(p->magic)), "an attachment that really is",
                   p->filename);
}

static void kinds_together(struct shape *x, uint64_t set)
{
    char text[256];
    size_t n = 0;
    for (; set; set &= set - 1) {
        unsigned st = (unsigned)__builtin_ctzll(set);
        const char *name = st < SUBTYPE_N ? subtype[st] : "other";
        size_t len = strlen(name);
        if (n + len + 1 > sizeof text)
            break;
        if (n)
            text[n++] = '+';
        memcpy(text + n, name, len);
        n += len;
    }
    shape_text(x, SHAPE_KIND(SHAPE_PART, 8), span_of(text, n), "its parts together", SPAN_NONE);
}

void shape_parts(struct shape *x)
{
    const struct message *m = x->m;
    uint64_t set = 0;
    for (size_t i = 0; i < m->n_parts && i < PARTS_READ; i++) {
        const struct part *p = &m->part[i];
        size_t st = shape_word_index(subtype_of(p->type), subtype, SUBTYPE_N);
        x->s->part = (uint32_t)i;
        bool empty = p->body.n <= 3 && !p->is_multipart;
        if (i == 0)
            shape_text(x, SHAPE_KIND(SHAPE_PART, 0), st < SUBTYPE_N ? span_str(subtype[st]) : SPAN_LIT("other"),
                       "the message as a whole", p->type);
        if (!empty)
            set |= UINT64_C(1) << st;
        if (p->is_text && !empty)
            text_part(x, p);
        if (!p->is_multipart)
            attachment(x, p);
        if (span_istarts(p->type, SPAN_LIT("image/")))
            shape_count(x, SHAPE_KIND(SHAPE_PART, 7), p->body.n / 1333, "size of an image in kB", p->type);
    }
    x->s->part = 0;
    kinds_together(x, set);
    shape_count(x, SHAPE_KIND(SHAPE_PART, 9), m->n_parts, "parts", SPAN_NONE);
    shape_count(x, SHAPE_KIND(SHAPE_PART, 10), m->raw.n, "size of the message in bytes", SPAN_NONE);
    static const char *const form[] = {"no text at all", "plain text only", "HTML without a plain text alternative",
                                       "plain text and HTML"};
    unsigned f = (x->html_bytes > 0 || m->html.n_tags > 0) * 2u + (x->text_bytes > 0);
    shape_put(x, SHAPE_KIND(SHAPE_PART, 11), f, form[f], SPAN_NONE);
}

/* ---- HTML ---- */

static void html_counts(struct shape *x, const struct html_facts *h)
{
    const struct {
        uint32_t n;
        const char *label;
        bool zero;
    } row[] = {
        {h->n_images, "images in the HTML", true},
        {h->n_remote_images, "remote images in the HTML", true},
        {h->n_links, "links in the HTML", true},
        {h->n_tables, "tables in the HTML", true},
        {h->n_comments, "comments in the HTML", true},
        {h->n_unknown_tags, "unknown tags in the HTML", false},
        {h->n_style_attrs, "styled elements in the HTML", true},
        {h->n_tags, "tags in the HTML", true},
        {h->hidden_bytes, "bytes of hidden text", true},
        {h->n_mismatched_links, "links that show another domain than they open", false},
        {h->n_forms, "forms in the HTML", false},
        {h->n_inputs, "fields to fill in", false},
        {h->n_password_inputs, "fields for a password", false},
        {h->n_scripts, "scripts in the HTML", false},
        {h->n_iframes, "frames in the HTML", false},
    };
    for (uint32_t i = 0; i < sizeof row / sizeof *row; i++)
        if (row[i].n || row[i].zero)
            shape_count(x, SHAPE_KIND(SHAPE_HTML, 16 + i), row[i].n, row[i].label, SPAN_NONE);
    const struct {
        bool on;
        const char *label;
    } flag[] = {
        {h->has_refresh, "HTML that forwards by itself"},
        {h->has_base, "HTML with a base address"},
        {h->has_data_uri, "HTML that carries data in addresses"},
        {h->has_js_uri, "HTML with script in addresses"},
        {h->has_smuggling, "HTML with a script that builds a file"},
    };
    for (uint32_t i = 0; i < sizeof flag / sizeof *flag; i++)
        if (flag[i].on)
            shape_put(x, SHAPE_KIND(SHAPE_HTML, 1), i, flag[i].label, SPAN_NONE);
}

void shape_html(struct shape *x)
{
    const struct html_facts *h = &x->m->html;
    uint64_t source = 0;
    for (size_t i = 0; i < x->m->n_parts && i < PARTS_READ; i++)
        if (span_eq(x->m->part[i].type, SPAN_LIT("text/html")))
            source += x->m->part[i].body.n;
    if (h->n_tags == 0) {
        shape_put(x, SHAPE_KIND(SHAPE_HTML, 0), 0, "no HTML", SPAN_NONE);
        return;
    }
    SCALE(share, "%", 0, 5, 10, 15, 25, 40, 60, 80);
    SCALE(words, " bytes", 0, 20, 100, 300, 1000);
    shape_scale(x, SHAPE_KIND(SHAPE_HTML, 2), h->visible_bytes * UINT64_C(100) / (source + 1), &share,
                "visible text in the HTML", SPAN_NONE);
    shape_count(x, SHAPE_KIND(SHAPE_HTML, 3), source, "bytes of HTML", SPAN_NONE);
    shape_scale(x, SHAPE_KIND(SHAPE_HTML, 4 + (h->n_images > 0)), h->visible_bytes, &words,
                h->n_images ? "images with visible text" : "HTML without images, with visible text", SPAN_NONE);
    html_counts(x, h);
}

/* ---- departures from the RFCs ---- */

void shape_anomalies(struct shape *x)
{
    /* Line ends are changed by whoever stores or carries mail: they would name the store, not the sender. */
    const uint64_t of_transport = ANOMALY_BIT(ANOMALY_MIXED_EOL);
    for (uint64_t rest = x->m->anomalies & ~of_transport; rest; rest &= rest - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(rest);
        if (bit < ANOMALY_N)
            shape_put(x, SHAPE_KIND(SHAPE_ANOMALY, 0), bit, anomaly_text((enum mail_anomaly)bit), SPAN_NONE);
    }
}
