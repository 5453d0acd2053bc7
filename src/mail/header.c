#include "mail/header.h"

#include <stdlib.h>

#include "base/error.h"
#include "mail/scan.h"

void field_list_deinit(struct field_list *l)
{
    free(l->p);
    *l = (struct field_list){.max = l->max};
}

static struct field *field_add(struct field_list *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 128;
        struct field *p = realloc(l->p, cap * sizeof *p);
        if (!p)
            return NULL;
        l->p = p;
        l->cap = cap;
    }
    return &l->p[l->n++];
}

/* Marks that other filters leave: a filter must not feed on them, so they get an id of their own. */
static bool is_filter_mark(struct span n)
{
    static const char *const prefix[] = {
        "x-bogosity", "x-crm114", "x-dspam", "x-rspam", "x-ham-", "x-forefront-",
        "x-ms-exchange-organization-scl", "x-ironport-av", "x-pyzor", "x-razor", "x-dcc", "x-amavis",
        "x-assp", "x-mailscanner", "x-barracuda", "x-proofpoint", "x-ovh-", "x-vr-", "x-cmae",
        "x-hits", "x-pmx-", "x-sa-", "x-uribl",
    };
    if (n.n < 4 || n.p[1] != '-')
        return false;
    uint8_t third = ascii_lower(n.p[2]);
    for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
        if ((uint8_t)prefix[i][2] == third && span_istarts(n, span_str(prefix[i])))
            return true;
    for (size_t i = 2; i + 4 <= n.n; i++)
        if ((n.p[i] | 0x20) == 's' && span_istarts(span_sub(n, i, n.n), SPAN_LIT("spam")))
            return true;
    return false;
}

#define IS(lit, id) \
    if (span_istarts(n, SPAN_LIT(lit))) \
        return id; \
    break
#define KEY(len, first) ((len) << 8 | (first))

/* One comparison a name: length and first letter choose it. */
static enum field_id exact_id(struct span n)
{
    switch (KEY(n.n, ascii_lower(n.p[0]))) {
    case KEY(2, 't'): IS("to", FIELD_TO);
    case KEY(2, 'c'): IS("cc", FIELD_CC);
    case KEY(3, 'b'): IS("bcc", FIELD_BCC);
    case KEY(4, 'f'): IS("from", FIELD_FROM);
    case KEY(4, 'd'): IS("date", FIELD_DATE);
    case KEY(6, 's'): IS("sender", FIELD_SENDER);
    case KEY(7, 's'): IS("subject", FIELD_SUBJECT);
    case KEY(7, 'l'): IS("list-id", FIELD_LIST_ID);
    case KEY(8, 'r'):
        if (span_istarts(n, SPAN_LIT("received")))
            return FIELD_RECEIVED;
        IS("reply-to", FIELD_REPLY_TO);
    case KEY(8, 'x'): IS("x-mailer", FIELD_X_MAILER);
    case KEY(9, 'l'): IS("list-post", FIELD_LIST_POST);
    case KEY(9, 'e'): IS("errors-to", FIELD_ERRORS_TO);
    case KEY(10, 'm'): IS("message-id", FIELD_MESSAGE_ID);
    case KEY(10, 'r'): IS("references", FIELD_REFERENCES);
    case KEY(10, 'u'): IS("user-agent", FIELD_USER_AGENT);
    case KEY(10, 'i'): IS("importance", FIELD_IMPORTANCE);
    case KEY(10, 'x'): IS("x-priority", FIELD_X_PRIORITY);
    case KEY(10, 'p'): IS("precedence", FIELD_PRECEDENCE);
    case KEY(10, 'c'): IS("content-id", FIELD_CONTENT_ID);
    case KEY(11, 'r'): IS("return-path", FIELD_RETURN_PATH);
    case KEY(11, 'i'): IS("in-reply-to", FIELD_IN_REPLY_TO);
    case KEY(11, 'f'): IS("feedback-id", FIELD_FEEDBACK_ID);
    case KEY(12, 'c'): IS("content-type", FIELD_CONTENT_TYPE);
    case KEY(12, 'm'): IS("mime-version", FIELD_MIME_VERSION);
    case KEY(12, 'd'): IS("delivered-to", FIELD_DELIVERED_TO);
    case KEY(12, 'o'): IS("organization", FIELD_ORGANIZATION);
    case KEY(12, 'r'): IS("received-spf", FIELD_RECEIVED_SPF);
    case KEY(12, 't'): IS("thread-topic", FIELD_THREAD_TOPIC);
    case KEY(14, 'a'): IS("auto-submitted", FIELD_AUTO_SUBMITTED);
    case KEY(14, 'd'): IS("dkim-signature", FIELD_DKIM_SIGNATURE);
    case KEY(16, 'l'): IS("list-unsubscribe", FIELD_LIST_UNSUBSCRIBE);
    case KEY(16, 'c'): IS("content-location", FIELD_CONTENT_LOCATION);
    case KEY(16, 'x'): IS("x-originating-ip", FIELD_X_ORIGINATING_IP);
    case KEY(19, 'c'): IS("content-disposition", FIELD_CONTENT_DISPOSITION);
    case KEY(22, 'a'): IS("authentication-results", FIELD_AUTHENTICATION_RESULTS);
    case KEY(25, 'c'): IS("content-transfer-encoding", FIELD_CONTENT_TRANSFER_ENCODING);
    default: break;
    }
    return FIELD_OTHER;
}

enum field_id field_id_of(struct span n)
{
    if (n.n < 2 || n.n > 255)
        return FIELD_OTHER;
    enum field_id id = exact_id(n);
    if (id != FIELD_OTHER)
        return id;
    switch (ascii_lower(n.p[0])) {
    case 'l': return span_istarts(n, SPAN_LIT("list-")) ? FIELD_LIST_OTHER : FIELD_OTHER;
    case 'a': return span_istarts(n, SPAN_LIT("arc-")) ? FIELD_ARC : FIELD_OTHER;
    case 'x': return is_filter_mark(n) ? FIELD_X_SPAM : FIELD_OTHER;
    case 's': return span_istarts(n, SPAN_LIT("spam")) ? FIELD_X_SPAM : FIELD_OTHER;
    default: return FIELD_OTHER;
    }
}

size_t header_mbox_line(struct span s)
{
    size_t skip = s.n && s.p[0] == '>';
    if (!span_istarts(span_sub(s, skip, s.n), SPAN_LIT("from ")) || s.p[skip] != 'F')
        return 0;
    const uint8_t *nl = memchr(s.p, '\n', s.n);
    return nl ? (size_t)(nl + 1 - s.p) : s.n;
}

/* The length of the field name that the line starts with, or 0. Names are printable ASCII; 8-bit
 * bytes are let through (RFC 6532 does not allow them, mailers write them). */
static size_t name_length(const uint8_t *p, size_t n, size_t *colon)
{
    const uint8_t *at = memchr(p, ':', n);
    if (!at || at == p)
        return 0;
    size_t len = (size_t)(at - p);
    *colon = len;
    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t'))
        len--;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= ' ' || p[i] == 0x7f)
            return 0;
    return len;
}

struct splitter {
    struct field_list *l;
    struct span in;
    struct header_block *out;
    uint64_t anomalies;
    uint32_t part;
};

/* The end of the line at p, without its line end; *next is the line after it. */
static const uint8_t *line_at(struct splitter *s, const uint8_t *p, const uint8_t *end,
                              const uint8_t **next)
{
    const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
    if (!nl) {
        *next = end;
        return end;
    }
    *next = nl + 1;
    bool cr = nl > p && nl[-1] == '\r';
    s->out->crlf |= cr;
    s->out->lf |= !cr;
    return nl - cr;
}

/* Fields that say how the body is to be read. A quarter of the room is kept for them: header that is
 * padded past the caps must not hide the body. */
static bool is_structural(enum field_id id)
{
    return id == FIELD_CONTENT_TYPE || id == FIELD_CONTENT_TRANSFER_ENCODING || id == FIELD_CONTENT_DISPOSITION;
}

static int field_take(struct splitter *s, const uint8_t *p, size_t name, size_t colon,
                      const uint8_t *line_end, bool over)
{
    enum field_id id = field_id_of(span_of(p, name));
    size_t room = is_structural(id) ? s->l->max : s->l->max - s->l->max / 4;
    if (s->l->n >= room || (over && !is_structural(id))) {
        s->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_TRUNCATED);
        return POSSE_OK;
    }
    struct field *f = field_add(s->l);
    if (!f)
        return POSSE_ENOMEM;
    f->name = span_of(p, name);
    f->raw = span_of(p + colon + 1, (size_t)(line_end - p) - colon - 1);
    f->id = id;
    f->part = s->part;
    return POSSE_OK;
}

/* A line that is no field ends the block when nothing before it proves a header: a text that begins
 * with "Subject: ..." or "Note: ..." and goes on without a blank line. After a real header field such
 * a line is skipped, as other readers do, or a spammer could push the rest of his header out of sight. */
static bool proves_header(enum field_id id)
{
    return id != FIELD_OTHER && id != FIELD_SUBJECT;
}

int header_split(struct field_list *l, struct span in, uint32_t part, size_t max_bytes,
                 header_stop_fn *stop, void *ctx, struct header_block *out,
                 uint64_t *anomalies)
{
    struct splitter s = {l, in, out, 0, part};
    const uint8_t *p = in.p, *end = in.p + in.n, *next;
    int err = POSSE_OK;
    bool skipping = true, proven = false;

    *out = (struct header_block){.no_blank = true};
    while (p < end && err == POSSE_OK) {
        const uint8_t *stop_at = line_at(&s, p, end, &next);
        if (stop_at == p) { /* blank: the end (a CR at the very end counts too) */
            out->no_blank = next == end && end[-1] != '\n';
            p = next;
            break;
        }
        bool over = (size_t)(p - in.p) >= max_bytes;
        if (*p == ' ' || *p == '\t') {
            /* What continues a line that was no field belongs to nothing. */
            if (!skipping) {
                struct field *f = &l->p[l->n - 1];
                f->raw.n = (size_t)(stop_at - f->raw.p);
            }
        } else {
            if (*p == '-' && stop && stop(ctx, span_of(p, (size_t)(end - p))))
                break;
            skipping = true;
            size_t colon = 0, name = name_length(p, (size_t)(stop_at - p), &colon);
            if (!name) {
                s.anomalies |= ANOMALY_BIT(ANOMALY_HEADER_SYNTAX);
                if (!proven)
                    break; /* this is the body */
            } else {
                size_t had = l->n;
                err = field_take(&s, p, name, colon, stop_at, over);
                skipping = l->n == had;
                proven |= !skipping && proves_header(l->p[had].id);
            }
        }
        p = next;
    }
    out->body = (size_t)(p - in.p);

    struct scan_facts facts = {0};
    bool bare_cr = false;
    scan_bytes(span_of(in.p, out->body), &facts, &bare_cr);
    s.anomalies |= (facts.high ? ANOMALY_BIT(ANOMALY_HEADER_8BIT) : 0) |
                   (facts.nul ? ANOMALY_BIT(ANOMALY_HEADER_NUL) : 0) |
                   (bare_cr ? ANOMALY_BIT(ANOMALY_HEADER_BARE_CR) : 0);
    *anomalies |= s.anomalies;
    return err;
}
