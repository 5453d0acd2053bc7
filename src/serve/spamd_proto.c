#include "serve/spamd_proto.h"

#include <stdio.h>
#include <zlib.h>

#include "base/error.h"

static const char *const methods[SPAMD_METHODS] = {
    [SPAMD_CHECK] = "CHECK",     [SPAMD_SYMBOLS] = "SYMBOLS", [SPAMD_REPORT] = "REPORT", [SPAMD_REPORT_IFSPAM] = "REPORT_IFSPAM",
    [SPAMD_PROCESS] = "PROCESS", [SPAMD_HEADERS] = "HEADERS", [SPAMD_TELL] = "TELL",     [SPAMD_PING] = "PING",
    [SPAMD_SKIP] = "SKIP",
};

const char *spamd_method_name(enum spamd_method m) { return methods[m]; }

void spamd_reader_init(struct spamd_reader *r, size_t max_body)
{
    *r = (struct spamd_reader){.max_body = max_body};
    buf_init(&r->line, SPAMD_LINE_MAX + 2);
    buf_init(&r->user, SPAMD_LINE_MAX);
    buf_init(&r->body, max_body);
}

void spamd_reader_deinit(struct spamd_reader *r)
{
    buf_deinit(&r->line);
    buf_deinit(&r->user);
    buf_deinit(&r->body);
}

static enum spamd_state fail(struct spamd_reader *r, int code, const char *text)
{
    r->state = SPAMD_FAILED;
    r->code = code;
    snprintf(r->error, sizeof r->error, "%s", text);
    return SPAMD_FAILED;
}

static bool read_number(struct span s, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]))
            return false;
        *out = *out > UINT64_MAX / 10 - 1 ? UINT64_MAX / 10 : *out * 10 + (uint64_t)(s.p[i] - '0');
    }
    return s.n > 0;
}

/* "SPAMC/1.5" as 105; 0: none of that kind. */
static unsigned version_of(struct span s)
{
    uint64_t major, minor;
    if (s.n < 6 || memcmp(s.p, "SPAMC/", 6) != 0)
        return 0;
    s = span_sub(s, 6, s.n);
    ptrdiff_t dot = span_chr(s, '.');
    if (dot < 0 || !read_number(span_sub(s, 0, (size_t)dot), &major) || !read_number(span_sub(s, (size_t)dot + 1, s.n), &minor))
        return 0;
    return major < 1 || major > 9 || minor > 99 ? 0 : (unsigned)(major * 100 + minor);
}

static enum spamd_state body_or_done(struct spamd_reader *r)
{
    const struct spamd_request *q = &r->request;
    if (q->method == SPAMD_PING || q->method == SPAMD_SKIP)
        return r->state = SPAMD_DONE;
    if (q->is_zlib && !q->has_length)
        return fail(r, SPAMD_EX_UNAVAILABLE, "Compress requires Content-length header");
    if (q->has_length && q->length > r->max_body)
        return fail(r, SPAMD_EX_DATAERR, "the message is over the size limit (limits.message_bytes)");
    return r->state = q->has_length && q->length == 0 ? SPAMD_DONE : SPAMD_IN_BODY;
}

static enum spamd_state request_line(struct spamd_reader *r, struct span line)
{
    struct spamd_request *q = &r->request;
    ptrdiff_t space = span_chr(line, ' ');
    struct span verb = span_sub(line, 0, space < 0 ? line.n : (size_t)space);
    while (q->method < SPAMD_METHODS && !span_eq(verb, span_str(methods[q->method])))
        q->method++;
    if (space < 0 || q->method == SPAMD_METHODS || !(q->version = version_of(span_trim(span_sub(line, (size_t)space, line.n))))) {
        q->method = SPAMD_CHECK;
        return fail(r, SPAMD_EX_PROTOCOL, "(expected COMMAND SPAMC/1.x)");
    }
    /* 1.0 knew no headers, and before 1.5 these two had none. */
    if (q->version <= 100 || ((q->method == SPAMD_PING || q->method == SPAMD_SKIP) && q->version < 105))
        return body_or_done(r);
    return r->state = SPAMD_IN_HEADERS;
}

static void read_user(struct spamd_reader *r, struct span value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < 0x20) {
            fail(r, SPAMD_EX_PROTOCOL, "(User header contains control chars)");
            return;
        }
    buf_clear(&r->user);
    buf_add_span(&r->user, value);
    if (buf_error(&r->user))
        fail(r, SPAMD_EX_OSERR, "out of memory");
    r->request.user = buf_span(&r->user);
}

/* Names are compared as spamd does, with their case: Content-length it is. What is not known is passed over. */
static enum spamd_state header(struct spamd_reader *r, struct span name, struct span value)
{
    struct spamd_request *q = &r->request;
    if (span_eq(name, SPAN_LIT("Content-length"))) {
        uint64_t length;
        if (!read_number(value, &length))
            return fail(r, SPAMD_EX_PROTOCOL, "(Content-Length contains non-numeric bytes)");
        if (q->has_length && length != q->length)
            return fail(r, SPAMD_EX_PROTOCOL, "(Content-Length stands twice and differs)");
        q->has_length = true;
        q->length = length;
    } else if (span_eq(name, SPAN_LIT("User"))) {
        read_user(r, value);
    } else if (span_eq(name, SPAN_LIT("Message-class"))) {
        bool spam = span_ieq(value, SPAN_LIT("spam"));
        if (!spam && !span_ieq(value, SPAN_LIT("ham")))
            return fail(r, SPAMD_EX_PROTOCOL, "(Message-class header contains invalid class)");
        q->is_spam |= spam;
        q->is_ham |= !spam;
    } else if (span_eq(name, SPAN_LIT("Set"))) {
        q->set_local |= span_ifind(value, SPAN_LIT("local")) >= 0;
        q->set_remote |= span_ifind(value, SPAN_LIT("remote")) >= 0;
    } else if (span_eq(name, SPAN_LIT("Remove"))) {
        q->remove_local |= span_ifind(value, SPAN_LIT("local")) >= 0;
        q->remove_remote |= span_ifind(value, SPAN_LIT("remote")) >= 0;
    } else if (span_eq(name, SPAN_LIT("Compress"))) {
        if (span_ifind(value, SPAN_LIT("zlib")) < 0)
            return fail(r, SPAMD_EX_PROTOCOL, "(compression type not supported: zlib is)");
        q->is_zlib = true;
    }
    return r->state;
}

static enum spamd_state told_twice(struct spamd_reader *r)
{
    const struct spamd_request *q = &r->request;
    if (q->set_local && q->remove_local)
        return fail(r, SPAMD_EX_PROTOCOL, "Unable to set local and remove local in the same operation.");
    if (q->set_remote && q->remove_remote)
        return fail(r, SPAMD_EX_PROTOCOL, "Unable to set remote and remove remote in the same operation.");
    if (q->is_spam && q->is_ham)
        return fail(r, SPAMD_EX_PROTOCOL, "(Message-class says both spam and ham)");
    if ((q->set_local || q->set_remote) && !q->is_spam && !q->is_ham)
        return fail(r, SPAMD_EX_PROTOCOL, "(Set without Message-class)");
    return r->state;
}

static enum spamd_state header_line(struct spamd_reader *r, struct span line)
{
    if (line.n == 0) {
        if (r->request.method == SPAMD_TELL && told_twice(r) == SPAMD_FAILED)
            return SPAMD_FAILED;
        return body_or_done(r);
    }
    if (++r->n_headers > SPAMD_HEADERS_MAX)
        return fail(r, SPAMD_EX_PROTOCOL, "(too many headers)");
    ptrdiff_t colon = span_chr(line, ':');
    if (colon < 0)
        return fail(r, SPAMD_EX_PROTOCOL, "(header not in 'Name: value' format)");
    struct span value = span_sub(line, (size_t)colon + 1, line.n);
    while (value.n && ascii_is_space(value.p[0]))
        value = span_sub(value, 1, value.n);
    return header(r, span_sub(line, 0, (size_t)colon), value);
}

/* Takes one line off `in`, or all of it when the line goes on in the next piece. */
static void take_line(struct spamd_reader *r, struct span *in)
{
    ptrdiff_t lf = span_chr(*in, '\n');
    size_t take = lf < 0 ? in->n : (size_t)lf;
    if (r->line.n + take > SPAMD_LINE_MAX) {
        fail(r, SPAMD_EX_PROTOCOL, "(line too long)");
        return;
    }
    buf_add(&r->line, in->p, take);
    *in = span_sub(*in, take + (lf >= 0), in->n);
    if (buf_error(&r->line)) {
        fail(r, SPAMD_EX_OSERR, "out of memory");
        return;
    }
    if (lf < 0)
        return;
    struct span line = buf_span(&r->line);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (r->state == SPAMD_IN_LINE)
        request_line(r, line);
    else
        header_line(r, line);
    buf_clear(&r->line);
}

static void take_body(struct spamd_reader *r, struct span *in)
{
    const struct spamd_request *q = &r->request;
    size_t take = in->n;
    if (q->has_length && take > q->length - r->body.n)
        take = (size_t)(q->length - r->body.n);
    if (take > r->max_body - r->body.n) {
        fail(r, SPAMD_EX_DATAERR, "the message is over the size limit (limits.message_bytes)");
        return;
    }
    buf_add(&r->body, in->p, take);
    *in = span_sub(*in, take, in->n);
    if (buf_error(&r->body))
        fail(r, SPAMD_EX_OSERR, "out of memory");
    else if (q->has_length && r->body.n == q->length)
        r->state = SPAMD_DONE;
}

static enum spamd_state length_lies(struct spamd_reader *r, const char *how)
{
    char text[120];
    snprintf(text, sizeof text, "(Content-Length mismatch: Expected %llu bytes, got %s)", (unsigned long long)r->request.length, how);
    return fail(r, SPAMD_EX_PROTOCOL, text);
}

enum spamd_state spamd_read(struct spamd_reader *r, struct span in)
{
    while (in.n && r->state < SPAMD_IN_BODY)
        take_line(r, &in);
    if (in.n && r->state == SPAMD_IN_BODY)
        take_body(r, &in);
    if (r->state == SPAMD_DONE && r->request.has_length)
        for (; in.n; in = span_sub(in, 1, in.n))
            if (in.p[0] != '\r' && in.p[0] != '\n')
                return length_lies(r, "more");
    return r->state;
}

enum spamd_state spamd_read_end(struct spamd_reader *r)
{
    char got[40];
    switch (r->state) {
    case SPAMD_IN_LINE:
        return fail(r, SPAMD_EX_PROTOCOL, "(closed before headers)");
    case SPAMD_IN_HEADERS:
        return fail(r, SPAMD_EX_PROTOCOL, "(EOF during headers)");
    case SPAMD_IN_BODY:
        if (!r->request.has_length)
            return r->state = SPAMD_DONE;
        snprintf(got, sizeof got, "%zu bytes", r->body.n);
        return length_lies(r, got);
    default:
        return r->state;
    }
}

int spamd_inflate(struct span in, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)in.p, .avail_in = (uInt)in.n}; /* zlib does not write there */
    int status = Z_OK;
    if (in.n > UINT32_MAX)
        return POSSE_ELIMIT;
    if (inflateInit(&z) != Z_OK)
        return POSSE_ENOMEM;
    uint8_t piece[16384];
    while (status == Z_OK && !buf_error(out)) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        status = inflate(&z, Z_NO_FLUSH);
        if (status == Z_OK || status == Z_STREAM_END)
            buf_add(out, piece, sizeof piece - z.avail_out);
    }
    inflateEnd(&z);
    if (buf_error(out))
        return buf_error(out);
    return status == Z_STREAM_END ? POSSE_OK : status == Z_MEM_ERROR ? POSSE_ENOMEM : POSSE_ESYNTAX;
}

static void one_decimal(double x, char out[24])
{
    x = x > 99999 ? 99999 : x < -99999 ? -99999 : x; /* also what +-INFINITY becomes: clients read it with sscanf */
    snprintf(out, 24, "%.1f", x);
    if (strcmp(out, "-0.0") == 0)
        memmove(out, out + 1, strlen(out));
}

void spamd_score_text(const struct spamd_result *r, char score_out[24], char required_out[24])
{
    one_decimal(r->score, score_out);
    one_decimal(r->required, required_out);
    if (!r->is_spam && r->score < r->required && strcmp(score_out, required_out) == 0)
        one_decimal(r->required - 0.1, score_out);
}

static void add_spam(struct buf *out, const struct spamd_request *q, const struct spamd_result *r)
{
    char score[24], required[24];
    bool yes_no = q->method == SPAMD_REPORT_IFSPAM;
    spamd_score_text(r, score, required);
    buf_add_fmt(out, "Spam: %s ; %s / %s\r\n\r\n", r->is_spam ? (yes_no ? "Yes" : "True") : yes_no ? "No" : "False", score, required);
}

static struct span text_of(const struct spamd_request *q, const struct spamd_result *r)
{
    if (q->method == SPAMD_SYMBOLS)
        return r->symbols;
    return q->method == SPAMD_REPORT || r->is_spam ? r->report : SPAN_NONE;
}

void spamd_write_result(struct buf *out, const struct spamd_request *q, const struct spamd_result *r)
{
    bool is_mail = q->method == SPAMD_PROCESS || q->method == SPAMD_HEADERS;
    struct span body = q->method == SPAMD_PROCESS ? r->body : SPAN_NONE;
    struct span text = is_mail ? r->head : text_of(q, r);
    buf_add_str(out, is_mail && q->version < 102 ? "SPAMD/1.0 0 EX_OK\r\n" : "SPAMD/1.1 0 EX_OK\r\n");
    if (q->method == SPAMD_CHECK) {
        add_spam(out, q, r);
        return;
    }
    if (q->version >= 103 || (is_mail && q->version >= 102))
        buf_add_fmt(out, "Content-length: %zu\r\n", text.n + body.n);
    if (q->version >= 103 || !is_mail)
        add_spam(out, q, r);
    else if (q->version >= 102)
        buf_add_str(out, "\r\n");
    buf_add_span(out, text);
    buf_add_span(out, body);
    if (q->method == SPAMD_SYMBOLS && q->version < 103)
        buf_add_str(out, "\r\n");
}

void spamd_write_told(struct buf *out, bool did_set, bool did_remove)
{
    buf_add_str(out, "SPAMD/1.1 0 EX_OK\r\n");
    if (did_set)
        buf_add_str(out, "DidSet: local\r\n");
    if (did_remove)
        buf_add_str(out, "DidRemove: local\r\n");
    buf_add_str(out, "\r\n\r\n");
}

/* Without headers, also for 1.5: spamd's own, and spamc stops at the line. */
void spamd_write_pong(struct buf *out) { buf_add_str(out, "SPAMD/1.5 0 PONG\r\n"); }

void spamd_write_error(struct buf *out, int code, const char *text)
{
    const char *what = code == SPAMD_EX_PROTOCOL      ? "Bad header line"
                       : code == SPAMD_EX_UNAVAILABLE ? "Service Unavailable"
                       : code == SPAMD_EX_TIMEOUT     ? "Timeout"
                       : code == SPAMD_EX_TEMPFAIL    ? "Temporary failure"
                       : code == SPAMD_EX_DATAERR     ? "Data error"
                       : code == SPAMD_EX_NOPERM      ? "Permission denied"
                                                      : "Internal error";
    buf_add_fmt(out, "SPAMD/1.0 %d %s: %s\r\n", code, what, text);
}
