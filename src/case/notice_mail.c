/* Drafts. What a signer (DKIM) or a relay would have to change on the way is not in them: lines of at most 998 bytes, ASCII in fields,
 * one Date and Message-ID, text parts in 7 bits. An original is never encoded (RFC 2046, 5.2.1): one with 8-bit text is declared so; one
 * that no mail could carry as it is (a longer line, NUL, a bare CR) stands in a report by its header alone, in quoted-printable as
 * text/rfc822-headers may (RFC 6522), and whole as XARF evidence. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/export.h"
#include "case/notice.h"
#include "case/uuid.h"

enum { LINE_MOST = 998, QP_LINE = 76, PART_BYTES = 64 << 20 };

/* ---- pieces ---- */

static void mail_date(const struct case_time *t, struct buf *b)
{
    static const char *const day[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char s[CASE_TIME_TEXT];
    case_time_text(t, s); /* 2011-03-16T14:45:00.000+00:00 */
    int64_t days = (t->unix_ms + (int64_t)t->offset_minutes * 60000) / 86400000;
    buf_add_fmt(b, "%s, %.2s %s %.4s %.8s %.3s%.2s", day[days % 7], s + 8, month[(s[5] - '0') * 10 + s[6] - '1'], s, s + 11, s + 23, s + 27);
}

/* A display name: plain words in quotes, else an encoded word a 45 bytes (RFC 2047). */
static void phrase(struct buf *b, struct span s)
{
    bool is_plain = true;
    for (size_t i = 0; i < s.n; i++)
        is_plain = is_plain && (ascii_is_alnum(s.p[i]) || strchr(" .,-_/()", s.p[i])) && s.p[i];
    s = span_sub(s, 0, 180);
    if (is_plain) {
        buf_add_byte(b, '"');
        buf_add_span(b, s);
        buf_add_byte(b, '"');
        return;
    }
    for (size_t i = 0, n; i < s.n; i += n) {
        uint8_t text[64];
        n = s.n - i < 42 ? s.n - i : 42;
        while (i + n < s.n && n > 38 && (s.p[i + n] & 0xc0) == 0x80)
            n--;
        int len = EVP_EncodeBlock(text, s.p + i, (int)n);
        buf_add_fmt(b, "%s=?utf-8?B?%.*s?=", i ? "\n " : "", len, (const char *)text);
    }
}

static void qp(struct buf *b, struct span s)
{
    size_t at = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
            continue;
        if (c == '\n') {
            buf_add_byte(b, '\n');
            at = 0;
            continue;
        }
        bool ends = i + 1 == s.n || s.p[i + 1] == '\n' || s.p[i + 1] == '\r';
        bool is_plain = c > 32 && c < 127 && c != '=' && !(at == 0 && (c == '.' || c == 'F')); /* a dot, a From: relays change them */
        is_plain = is_plain || (c == ' ' && !ends);
        if (at + (is_plain ? 1 : 3) >= QP_LINE) {
            buf_add_str(b, "=\n");
            at = 0;
            is_plain = is_plain && c != '.' && c != 'F';
        }
        if (is_plain)
            buf_add_byte(b, c);
        else
            buf_add_fmt(b, "=%02X", c);
        at += is_plain ? 1 : 3;
    }
    if (at)
        buf_add_byte(b, '\n');
}

static void base64(struct buf *b, struct span s)
{
    uint8_t text[80];
    for (size_t i = 0; i < s.n; i += 57) {
        int n = EVP_EncodeBlock(text, s.p + i, (int)(s.n - i < 57 ? s.n - i : 57));
        buf_add(b, text, (size_t)n);
        buf_add_byte(b, '\n');
    }
}

/* Can it go as it is? has_8bit: it must be declared. */
static bool is_mailable(struct span s, bool *has_8bit)
{
    size_t line = 0;
    *has_8bit = false;
    for (size_t i = 0; i < s.n; i++) {
        bool is_crlf = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
        if (s.p[i] == '\0' || (s.p[i] == '\r' && !is_crlf) || line > LINE_MOST)
            return false;
        line = s.p[i] == '\n' ? 0 : line + !is_crlf;
        *has_8bit = *has_8bit || s.p[i] >= 128;
    }
    return line <= LINE_MOST;
}

/* Lines ended by LF, whatever they were: whoever sends the draft makes CRLF of it. */
static void lines(struct buf *b, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n'))
            buf_add_byte(b, s.p[i]);
    if (s.n && s.p[s.n - 1] != '\n')
        buf_add_byte(b, '\n');
}

static struct span header_of(struct span s)
{
    ptrdiff_t lf = span_find(s, SPAN_LIT("\n\n")), crlf = span_find(s, SPAN_LIT("\n\r\n"));
    size_t n = lf < 0 ? s.n : (size_t)lf + 1;
    return span_sub(s, 0, crlf >= 0 && (size_t)crlf + 1 < n ? (size_t)crlf + 1 : n);
}

/* ---- parts, each without its boundary ---- */

struct parts { struct buf text; size_t start[NOTICE_PARTS * 2 + 8], n; };

static struct buf *part(struct parts *p, const char *type)
{
    p->start[p->n++] = p->text.n;
    buf_add_fmt(&p->text, "Content-Type: %s\n", type);
    return &p->text;
}

static void text_part(struct parts *p, struct span s)
{
    struct buf *b = part(p, "text/plain; charset=utf-8");
    buf_add_str(b, "Content-Transfer-Encoding: quoted-printable\n\n");
    qp(b, s);
}

static void file_part(struct parts *p, const char *type, const char *name, struct span s)
{
    struct buf *b = part(p, type);
    buf_add_fmt(b, "Content-Disposition: attachment; filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n", name);
    base64(b, s);
}

/* name: of its file, as the text calls it; NULL: it is part of a report. */
static void original_part(struct parts *p, struct span s, const char *name)
{
    bool has_8bit;
    if (is_mailable(s, &has_8bit)) {
        struct buf *b = part(p, "message/rfc822");
        if (name)
            buf_add_fmt(b, "Content-Disposition: attachment; filename=\"%s\"\n", name);
        buf_add_fmt(b, "Content-Transfer-Encoding: %s\n\n", has_8bit ? "8bit" : "7bit");
        lines(b, s);
        return;
    }
    struct buf *b = part(p, "text/rfc822-headers");
    buf_add_str(b, "Content-Transfer-Encoding: quoted-printable\n\n");
    qp(b, header_of(s));
}

static void feedback_part(struct parts *p, const struct incident *e)
{
    struct buf *b = part(p, "message/feedback-report");
    /* "spam from a bot" is abuse; RFC 5965's virus and fraud are about what the message carries */
    buf_add_str(b, "Content-Transfer-Encoding: 7bit\n\nFeedback-Type: abuse\nUser-Agent: posse/" POSSE_VERSION "\nVersion: 1\n");
    buf_add_fmt(b, "Source-IP: %.*s\n", (int)e->address.n, (const char *)e->address.p);
    if (e->port)
        buf_add_fmt(b, "Source-Port: %u\n", e->port); /* RFC 6692 */
    buf_add_str(b, "Arrival-Date: ");
    mail_date(&(struct case_time){.unix_ms = e->at_ms}, b);
    buf_add_byte(b, '\n');
    if (e->smtp_from.n)
        buf_add_fmt(b, "Original-Mail-From: <%.*s>\n", (int)e->smtp_from.n, (const char *)e->smtp_from.p);
    if (e->messages > 1)
        buf_add_fmt(b, "Incidents: %" PRIu64 "\n", e->messages);
}

/* ---- a mail ---- */

bool notice_is_arf(const struct notice *n, const struct incident *e)
{
    return e && n->form == NOTICE_ARF && e->kind == NOTICE_SENDER && e->message.n;
}

/* Made of what it parts; that it does not occur there is looked at all the same. */
static void boundary_of(struct span s, char out[48])
{
    uint8_t d[32];
    char hex[65];
    sha256(s, d);
    for (;;) {
        hex_encode(span_of(d, 32), hex);
        snprintf(out, 48, "=_posse_%.32s", hex);
        if (span_find(s, span_str(out)) < 0)
            return;
        sha256(span_of(d, 32), d);
    }
}

static void fields(const struct notice_case *c, const struct notice *n, const struct incident *e, struct buf *b)
{
    char uuid[UUID_TEXT];
    ptrdiff_t at = span_chr(c->contact, '@');
    notice_uuid(c, n, e, uuid);
    buf_add_str(b, "From: ");
    phrase(b, c->org);
    buf_add_fmt(b, "\n <%.*s>\nTo: %.*s\nSubject: [%s] ", (int)c->contact.n, (const char *)c->contact.p, (int)n->to.n, (const char *)n->to.p, n->id);
    if (e)
        buf_add_fmt(b, "%s at %.*s", notice_kind_name(e->kind), (int)e->address.n, (const char *)e->address.p);
    else
        buf_add_fmt(b, "abuse from %zu machine%s in your network", n->n, n->n == 1 ? "" : "s");
    if (n->asn)
        buf_add_fmt(b, ", AS%u", n->asn);
    buf_add_str(b, "\nDate: ");
    mail_date(&c->now, b);
    buf_add_fmt(b, "\nMessage-ID: <%s@%.*s>\nMIME-Version: 1.0\n", uuid, (int)(c->contact.n - (size_t)at - 1), (const char *)c->contact.p + at + 1);
}

static int add_files(const struct notice_case *c, const struct notice *n, const struct incident *e, struct parts *p)
{
    struct buf b;
    size_t first = e ? (size_t)(e - n->incident) : 0, end = e ? first + 1 : n->n, given = 0;
    char name[40];
    buf_init(&b, PART_BYTES);
    if (!e) {
        notice_csv(c, n, &b);
        file_part(p, "text/csv; charset=utf-8; header=present", "incidents.csv", buf_span(&b));
    }
    for (size_t i = first; i < end && given < NOTICE_PARTS && n->form != NOTICE_TEXT && n->form != NOTICE_ARF; i++) {
        buf_clear(&b);
        notice_xarf(c, &n->incident[i], &b);
        if (!b.n)
            continue;
        given++;
        snprintf(name, sizeof name, "xarf-%06zu.json", i + 1);
        file_part(p, "application/json", name, buf_span(&b));
    }
    for (size_t i = first; i < end && given < 2 * NOTICE_PARTS && n->form != NOTICE_XARF; i++)
        if (n->incident[i].message.n) {
            snprintf(name, sizeof name, "message-%06zu.eml", i + 1);
            original_part(p, n->incident[i].message, name);
            given++;
        }
    int rc = buf_error(&b);
    buf_deinit(&b);
    return rc;
}

int notice_mail(const struct notice_case *c, const struct notice *n, const struct incident *e, struct buf *b)
{
    struct parts p = {.n = 0};
    struct buf text;
    char boundary[48];
    bool is_report = notice_is_arf(n, e);
    int rc = 0;
    buf_init(&p.text, (size_t)PART_BYTES * 8);
    buf_init(&text, PART_BYTES);
    notice_text(c, n, e, &text);
    text_part(&p, buf_span(&text));
    if (is_report) {
        feedback_part(&p, e);
        original_part(&p, e->message, NULL);
    } else {
        rc = add_files(c, n, e, &p);
    }
    boundary_of(buf_span(&p.text), boundary);
    fields(c, n, e, b);
    buf_add_fmt(b, "Content-Type: multipart/%s;\n boundary=\"%s\"\n\nThis is a notice in MIME format.\n",
                is_report ? "report; report-type=feedback-report" : "mixed", boundary);
    for (size_t i = 0; i < p.n; i++) {
        buf_add_fmt(b, "\n--%s\n", boundary);
        buf_add_span(b, span_sub(buf_span(&p.text), p.start[i], i + 1 < p.n ? p.start[i + 1] : p.text.n));
    }
    buf_add_fmt(b, "\n--%s--\n", boundary);
    rc = rc ? rc : buf_error(&p.text) ? buf_error(&p.text) : buf_error(&text) ? buf_error(&text) : buf_error(b);
    buf_deinit(&p.text);
    buf_deinit(&text);
    return rc;
}
