#include "serve/rspamc_text.h"

#include "base/error.h"

static const struct { const char *name; enum rspamc_command command; } commands[] = {
    {"CHECK", RSPAMC_CHECK},         {"SYMBOLS", RSPAMC_CHECK}, {"REPORT", RSPAMC_CHECK},
    {"REPORT_IFSPAM", RSPAMC_CHECK}, {"PROCESS", RSPAMC_CHECK}, {"PING", RSPAMC_PING},
    {"SKIP", RSPAMC_SKIP},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

enum rspamc_guess rspamc_guess(struct span first)
{
    ptrdiff_t blank = span_chr(first, ' ');
    struct span word = blank < 0 ? first : span_sub(first, 0, (size_t)blank);
    for (size_t i = 0; i < COMMANDS; i++) {
        struct span name = span_str(commands[i].name);
        if (blank >= 0 && span_eq(word, name))
            return RSPAMC_YES;
        if (blank < 0 && word.n <= name.n && span_eq(word, span_sub(name, 0, word.n)))
            return RSPAMC_MORE;
    }
    return RSPAMC_NO;
}

static bool read_version(struct span s, char out[8])
{
    if (s.n == 0 || s.n >= 8)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]) && s.p[i] != '.')
            return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static int read_command(struct span line, struct rspamc_head *out, struct report *why)
{
    ptrdiff_t blank = span_chr(line, ' ');
    struct span word = span_sub(line, 0, blank < 0 ? line.n : (size_t)blank);
    struct span rest = blank < 0 ? SPAN_NONE : span_trim(span_sub(line, (size_t)blank, line.n));
    for (size_t i = 0; i < COMMANDS; i++)
        if (span_eq(word, span_str(commands[i].name))) {
            out->command = commands[i].command;
            if (!span_istarts(rest, SPAN_LIT("RSPAMC/")) || !read_version(span_sub(rest, 7, rest.n), out->version))
                return report_set(why, POSSE_ESYNTAX, "after the command RSPAMC/1.3 was expected");
            return POSSE_OK;
        }
    return report_set(why, POSSE_ESYNTAX, "no such command");
}

static bool read_length(struct span s, int64_t *out)
{
    int64_t n = 0;
    if (s.n == 0 || s.n > 15)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]))
            return false;
        n = n * 10 + (s.p[i] - '0');
    }
    *out = n;
    return true;
}

static int read_header(struct span line, struct rspamc_head *out, struct rspamd_request *r, struct report *why)
{
    ptrdiff_t colon = span_chr(line, ':');
    if (colon < 1)
        return report_set(why, POSSE_ESYNTAX, "a header line without a name");
    struct span name = span_trim(span_sub(line, 0, (size_t)colon)), value = span_trim(span_sub(line, (size_t)colon + 1, line.n));
    if (!span_ieq(name, SPAN_LIT("Content-length"))) {
        rspamd_header(r, name, value);
        return POSSE_OK;
    }
    int64_t before = out->body_bytes;
    if (!read_length(value, &out->body_bytes) || (before >= 0 && before != out->body_bytes))
        return report_set(why, POSSE_ESYNTAX, "Content-length must be one number");
    return POSSE_OK;
}

/* Where the head ends: behind the empty line; 0: not yet. */
static size_t head_end(struct span in)
{
    size_t at = 0;
    while (at < in.n) {
        ptrdiff_t nl = span_chr(span_sub(in, at, in.n), '\n');
        if (nl < 0)
            return 0;
        bool empty = nl == 0 || (nl == 1 && in.p[at] == '\r');
        at += (size_t)nl + 1;
        if (empty)
            return at;
    }
    return 0;
}

int rspamc_read(struct span in, struct rspamc_head *out, struct rspamd_request *r, struct report *why)
{
    struct span whole = in;
    *out = (struct rspamc_head){.body_bytes = -1, .version = "1.3"};
    in = span_sub(in, 0, RSPAMC_HEAD_MAX);
    size_t end = head_end(in), at = 0, lines = 0;
    if (!end)
        return whole.n > RSPAMC_HEAD_MAX ? report_set(why, POSSE_ETOOBIG, "a head of more than %d bytes", RSPAMC_HEAD_MAX) : 0;
    out->bytes = end;
    while (at < end) {
        size_t nl = (size_t)span_chr(span_sub(in, at, end), '\n');
        struct span line = span_trim(span_sub(in, at, at + nl));
        at += nl + 1;
        if (line.n == 0)
            break;
        if (++lines > RSPAMC_LINES_MAX)
            return report_set(why, POSSE_ETOOBIG, "more than %d header lines", RSPAMC_LINES_MAX);
        int err = lines == 1 ? read_command(line, out, why) : read_header(line, out, r, why);
        if (err)
            return err;
    }
    if (lines == 0)
        return report_set(why, POSSE_ESYNTAX, "no command");
    return r->err ? report_set(why, r->err, "out of memory") : 1;
}
