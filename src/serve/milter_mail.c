#include "serve/milter_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

enum { ARENA_MAX = 8 << 20, TRACE_MAX = 4096 };

int milter_mail_init(struct milter_mail *m)
{
    *m = (struct milter_mail){.arena = arena_new(ARENA_MAX)};
    return m->arena ? POSSE_OK : POSSE_ENOMEM;
}

void milter_mail_deinit(struct milter_mail *m)
{
    arena_free(&m->arena);
    buf_deinit(&m->raw);
    *m = (struct milter_mail){0};
}

void milter_mail_reset(struct milter_mail *m, size_t max_bytes)
{
    struct milter_mail was = *m;
    arena_reset(was.arena);
    *m = (struct milter_mail){.arena = was.arena, .raw = was.raw, .max_bytes = max_bytes, .keeps_space = was.keeps_space};
    if (m->raw.cap > 1 << 20) /* one big message must not stay in every connection */
        buf_deinit(&m->raw);
    buf_clear(&m->raw);
    m->raw.max = max_bytes + TRACE_MAX;
}

/* Room for one more in an array of the arena's; NULL: none. */
static void *more(struct milter_mail *m, void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    size_t grown = *cap ? *cap * 2 : 8;
    void *q = arena_grow(m->arena, p, *cap * size, grown * size);
    if (q)
        *cap = grown;
    return q;
}

static struct span without_brackets(const char *address)
{
    struct span s = span_trim(span_str(address));
    if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
        s = span_sub(s, 1, s.n - 1);
    return s;
}

void milter_mail_dialect(struct milter_mail *m, const char *helo, struct span protocol, char *const *argv)
{
    struct smtp_dialect *d = &m->dialect;
    bool is_extended = span_istarts(protocol, SPAN_LIT("ESMTP"));
    *d = (struct smtp_dialect){.greeting = !helo[0] ? '-' : is_extended ? 'E' : span_istarts(protocol, SPAN_LIT("SMTP")) ? 'H' : 0};
    dialect_mail(d, span_str(argv[0] ? argv[0] : ""));
    for (size_t i = 1; argv[0] && argv[i]; i++)
        dialect_argument(d, span_str(argv[i]));
}

int milter_mail_from(struct milter_mail *m, const char *address)
{
    struct span s = without_brackets(address);
    m->from = arena_copy(m->arena, s);
    return s.n && !m->from.n ? POSSE_ENOMEM : POSSE_OK;
}

int milter_mail_rcpt(struct milter_mail *m, const char *address)
{
    struct span s = without_brackets(address), copy;
    if (s.n > MILTER_RCPT_BYTES)
        return POSSE_ETOOBIG;
    if (m->n_rcpt == MILTER_RCPT_MAX)
        return POSSE_ELIMIT;
    struct span *p = more(m, m->rcpt, m->n_rcpt, &m->cap_rcpt, sizeof *p);
    if (!p)
        return POSSE_ENOMEM;
    m->rcpt = p;
    copy = arena_copy(m->arena, s);
    if (s.n && !copy.n)
        return POSSE_ENOMEM;
    m->rcpt[m->n_rcpt++] = copy;
    return POSSE_OK;
}

static void add(struct milter_mail *m, struct span s)
{
    if (m->is_big || s.n > m->max_bytes || m->raw.n > m->max_bytes - s.n) {
        m->is_big = true;
        return;
    }
    buf_add_span(&m->raw, s);
}

/* A word of somebody's into a field of ours: nothing that ends it or opens a comment. */
static void add_word(struct buf *b, struct span s)
{
    if (!s.n)
        buf_add_str(b, "unknown");
    for (size_t i = 0; i < s.n && i < 256; i++)
        buf_add_byte(b, s.p[i] > ' ' && s.p[i] < 127 && !strchr("()<>;\\\"", s.p[i]) ? s.p[i] : '?');
}

void milter_mail_trace(struct milter_mail *m, const struct milter_trace *t)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct buf *b = &m->raw;
    time_t seconds = (time_t)(t->time_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    m->has_received = true;
    buf_add_str(b, "Received: from ");
    add_word(b, t->helo);
    buf_add_str(b, " (");
    add_word(b, t->name);
    buf_add_str(b, " [");
    add_word(b, t->addr);
    buf_add_str(b, "])\r\n");
    if (t->tls_version.n) {
        buf_add_str(b, "\t(using ");
        add_word(b, t->tls_version);
        buf_add_str(b, " with cipher ");
        add_word(b, t->tls_cipher);
        buf_add_str(b, ")\r\n");
    }
    buf_add_str(b, "\tby ");
    add_word(b, t->by);
    if (t->software.n) {
        buf_add_str(b, " (");
        add_word(b, t->software);
        buf_add_str(b, ")");
    }
    buf_add_fmt(b, " with %s%s%s", t->helo.n ? "ESMTP" : "SMTP", t->tls_version.n ? "S" : "", t->auth_user.n ? "A" : "");
    buf_add_str(b, " id ");
    add_word(b, t->queue_id);
    buf_add_fmt(b, ";\r\n\t%s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
                tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Past white space and comments. */
static struct span skip_cfws(struct span s)
{
    while (s.n && (ascii_is_space(s.p[0]) || s.p[0] == '(')) {
        size_t depth = 0, i = 0;
        if (s.p[0] != '(') {
            s = span_sub(s, 1, s.n);
            continue;
        }
        do {
            if (s.p[i] == '\\' && i + 1 < s.n)
                i++;
            else
                depth += (s.p[i] == '(') - (size_t)(s.p[i] == ')');
            i++;
        } while (depth && i < s.n);
        s = span_sub(s, i, s.n);
    }
    return s;
}

bool milter_results_are(struct span value, struct span authserv_id)
{
    size_t n = 0;
    value = skip_cfws(value);
    if (value.n && value.p[0] == '"') {
        value = span_sub(value, 1, value.n);
        while (n < value.n && value.p[n] != '"')
            n++;
    } else {
        while (n < value.n && !ascii_is_space(value.p[n]) && value.p[n] != ';' && value.p[n] != '(')
            n++;
    }
    return authserv_id.n && span_ieq(span_sub(value, 0, n), authserv_id);
}

static int note_results(struct milter_mail *m)
{
    unsigned *p = more(m, m->forged_results, m->n_forged_results, &m->cap_forged_results, sizeof *p);
    if (!p)
        return POSSE_ENOMEM;
    m->forged_results = p;
    p[m->n_forged_results++] = m->n_results;
    return POSSE_OK;
}

static int note_forged(struct milter_mail *m, struct span name)
{
    for (size_t i = 0; i < m->n_forged; i++)
        if (span_ieq(name, span_str(m->forged[i].name))) {
            m->forged[i].n++;
            return POSSE_OK;
        }
    struct milter_forged *p = more(m, m->forged, m->n_forged, &m->cap_forged, sizeof *p);
    char *copy = p ? arena_alloc(m->arena, name.n + 1) : NULL;
    if (p)
        m->forged = p;
    if (!copy)
        return POSSE_ENOMEM;
    memcpy(copy, name.p, name.n);
    copy[name.n] = '\0';
    p[m->n_forged++] = (struct milter_forged){copy, 1};
    return POSSE_OK;
}

/* Values come with LF (or CRLF) where they are folded. */
static void add_value(struct milter_mail *m, struct span v)
{
    while (v.n) {
        ptrdiff_t lf = span_chr(v, '\n');
        size_t n = lf < 0 ? v.n : (size_t)lf;
        add(m, span_sub(v, 0, n && lf >= 0 && v.p[n - 1] == '\r' ? n - 1 : n));
        if (lf >= 0)
            add(m, SPAN_LIT("\r\n"));
        v = span_sub(v, lf < 0 ? v.n : (size_t)lf + 1, v.n);
    }
}

int milter_mail_field(struct milter_mail *m, const char *name, const char *value, const char *authserv_id)
{
    struct span n = span_str(name), v = span_str(value);
    int err = POSSE_OK;
    add(m, n);
    add(m, m->keeps_space ? SPAN_LIT(":") : SPAN_LIT(": "));
    add_value(m, v);
    add(m, SPAN_LIT("\r\n"));
    if (mark_is_ours(n))
        err = note_forged(m, n);
    if (span_ieq(n, SPAN_LIT("Authentication-Results"))) {
        m->n_results++;
        if (milter_results_are(v, span_str(authserv_id)))
            err = note_results(m);
    }
    if (m->n_subjects < MARK_SUBJECTS_MAX && span_ieq(n, SPAN_LIT("Subject")))
        m->subject[m->n_subjects++] = arena_copy(m->arena, v);
    return err ? err : buf_error(&m->raw);
}

void milter_mail_end_head(struct milter_mail *m) { add(m, SPAN_LIT("\r\n")); }
void milter_mail_body(struct milter_mail *m, struct span bytes) { add(m, bytes); }
