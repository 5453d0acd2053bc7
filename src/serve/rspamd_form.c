/* The body of /checkv3: multipart/form-data (RFC 7578) with a part `metadata` (JSON) and a part `message`. */
#include <jansson.h>
#include <stdlib.h>

#include "base/error.h"
#include "serve/rspamd_proto.h"

enum { BOUNDARY_MAX = 70 /* RFC 2046 5.1.1 */ };

void rspamd_request_deinit(struct rspamd_request *r)
{
    json_decref(r->metadata);
    free(r->rcpt);
    *r = (struct rspamd_request){.err = 0};
}

/* The value of a parameter, a token or in quotes; "name" must stand where a name may. */
static struct span parameter(struct span s, struct span name)
{
    for (size_t at = 0; at < s.n;) {
        ptrdiff_t found = span_ifind(span_sub(s, at, s.n), name);
        if (found < 0)
            return SPAN_NONE;
        size_t from = at + (size_t)found, to = from + name.n;
        at = to;
        bool begins = from > 0 && (s.p[from - 1] == ';' || ascii_is_space(s.p[from - 1]));
        if (!begins || to >= s.n || s.p[to] != '=')
            continue;
        struct span v = span_sub(s, to + 1, s.n);
        bool quoted = v.n && v.p[0] == '"';
        if (quoted)
            v = span_sub(v, 1, v.n);
        size_t n = 0;
        while (n < v.n && (quoted ? v.p[n] != '"' : v.p[n] != ';' && !ascii_is_space(v.p[n])))
            n++;
        return span_sub(v, 0, n);
    }
    return SPAN_NONE;
}

/* Where "--boundary" next stands at the beginning of a line, alone or with "--" or blanks behind it; in.n when nowhere. */
static size_t delimiter(struct span in, size_t at, struct span mark)
{
    while (at < in.n) {
        ptrdiff_t found = span_find(span_sub(in, at, in.n), mark);
        if (found < 0)
            return in.n;
        at += (size_t)found;
        struct span after = span_sub(in, at + mark.n, at + mark.n + 2);
        bool ends = after.n == 0 || ascii_is_space(after.p[0]) || span_eq(after, SPAN_LIT("--"));
        if (ends && (at == 0 || in.p[at - 1] == '\n'))
            return at;
        at++;
    }
    return in.n;
}

static bool next_line(struct span in, size_t *at, struct span *out)
{
    ptrdiff_t end = span_chr(span_sub(in, *at, in.n), '\n');
    if (end < 0)
        return false;
    *out = span_trim(span_sub(in, *at, *at + (size_t)end));
    *at += (size_t)end + 1;
    return true;
}

static void read_part(struct span part, struct rspamd_form *out)
{
    struct span line, name = SPAN_NONE;
    size_t at = 0;
    bool zstd = false;
    while (next_line(part, &at, &line) && line.n) {
        if (span_istarts(line, SPAN_LIT("Content-Disposition:")))
            name = parameter(line, SPAN_LIT("name"));
        else if (span_istarts(line, SPAN_LIT("Content-Encoding:")))
            zstd = span_ifind(line, SPAN_LIT("zstd")) >= 0;
    }
    struct span body = span_sub(part, at, part.n);
    if (span_ieq(name, SPAN_LIT("metadata"))) {
        out->metadata = body;
        out->metadata_zstd = zstd;
    } else if (span_ieq(name, SPAN_LIT("message"))) {
        out->message = body;
        out->message_zstd = zstd;
    }
}

int rspamd_form_read(struct span content_type, struct span body, struct rspamd_form *out, struct report *why)
{
    uint8_t text[2 + BOUNDARY_MAX] = "--";
    struct span boundary = parameter(content_type, SPAN_LIT("boundary"));
    *out = (struct rspamd_form){.metadata_zstd = false};
    if (!span_istarts(content_type, SPAN_LIT("multipart/form-data")) || boundary.n == 0 || boundary.n > BOUNDARY_MAX)
        return report_set(why, POSSE_ESYNTAX, "Content-Type must be multipart/form-data with a boundary of 1 to 70 bytes");
    memcpy(text + 2, boundary.p, boundary.n);
    struct span mark = span_of(text, 2 + boundary.n), line;
    size_t at = delimiter(body, 0, mark), parts = 0;
    while (at < body.n) {
        struct span after = span_sub(body, at + mark.n, at + mark.n + 2);
        if (span_eq(after, SPAN_LIT("--")) || !next_line(body, &at, &line))
            break;
        size_t end = delimiter(body, at, mark);
        if (end == body.n || ++parts > 2)
            return report_set(why, POSSE_ESYNTAX, end == body.n ? "the body ends within a part" : "more than two parts");
        size_t stop = end - 1; /* the line end before a boundary belongs to the boundary */
        if (stop > at && body.p[stop - 1] == '\r')
            stop--;
        read_part(span_sub(body, at, stop), out);
        at = end;
    }
    if (!out->metadata.p || !out->message.p)
        return report_set(why, POSSE_ESYNTAX, "a part named %s is missing", out->metadata.p ? "message" : "metadata");
    return POSSE_OK;
}

static struct span text_of(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

int rspamd_metadata(struct rspamd_request *r, struct span json, struct report *why)
{
    static const struct { const char *key, *header; } map[] = {
        {"from", "From"}, {"ip", "IP"}, {"helo", "Helo"}, {"hostname", "Hostname"},
        {"queue_id", "Queue-Id"}, {"user", "User"}, {"deliver_to", "Deliver-To"},
        {"rcpt", "Rcpt"}, {"file", "File"}, {"shm", "Shm"},
    };
    json_error_t error;
    if (json.n > RSPAMD_METADATA_MAX)
        return report_set(why, POSSE_ETOOBIG, "metadata of more than %d bytes", RSPAMD_METADATA_MAX);
    json_t *top = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(top)) {
        json_decref(top);
        return report_set(why, POSSE_ESYNTAX, "metadata is no JSON object%s%s", top ? "" : ": ", top ? "" : error.text);
    }
    json_decref(r->metadata);
    r->metadata = top;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        struct span v = text_of(top, map[i].key);
        if (v.p)
            rspamd_header(r, span_str(map[i].header), v);
    }
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(top, "rcpt"), i, one)
        if (json_is_string(one))
            rspamd_header(r, SPAN_LIT("Rcpt"), span_of(json_string_value(one), json_string_length(one)));
    return POSSE_OK;
}
