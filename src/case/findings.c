/* Findings as JSON. What is absent is not written, so that a struct of zeros is {}. */
#include "case/findings.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "case/findings_priv.h"

static void write_struct(struct buf *b, const struct shape *s, const uint8_t *p);

static bool part_is_empty(const struct shape *s, const uint8_t *p);

static size_t count_of(const struct shape_field *f, const uint8_t *p)
{
    size_t n;
    memcpy(&n, p + f->count_at, sizeof n);
    return n;
}

static bool is_absent(const struct shape_field *f, const uint8_t *p)
{
    const uint8_t *at = p + f->at;
    switch (f->type) {
    case SHAPE_TEXT: return ((const struct span *)(const void *)at)->n == 0;
    case SHAPE_TIME: return *(const int64_t *)(const void *)at == 0;
    case SHAPE_U64: return *(const uint64_t *)(const void *)at == 0;
    case SHAPE_U32: return *(const uint32_t *)(const void *)at == 0;
    case SHAPE_REAL: return *(const double *)(const void *)at == 0;
    case SHAPE_BOOL: return !*(const bool *)at;
    case SHAPE_ESTIMATE: return !((const struct estimate *)(const void *)at)->method;
    case SHAPE_IP: return ip_is_zero((const struct ip *)(const void *)at);
    case SHAPE_PART: return part_is_empty(f->of, at);
    case SHAPE_OBJECT: return !*(void *const *)(const void *)at;
    case SHAPE_LIST:
    case SHAPE_TEXTS: return count_of(f, p) == 0;
    }
    return true;
}

static bool part_is_empty(const struct shape *s, const uint8_t *p)
{
    for (size_t i = 0; i < s->n; i++)
        if (!is_absent(&s->field[i], p))
            return false;
    return true;
}

/* Without NUL, which no JSON reader of ours takes. */
static void write_text(struct buf *b, struct span s)
{
    ptrdiff_t nul = span_chr(s, 0);
    if (nul < 0) {
        json_string(b, s);
        return;
    }
    struct buf clean;
    buf_init(&clean, 4 * s.n + 4);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            buf_add_byte(&clean, s.p[i]);
        else
            buf_add_str(&clean, "\xef\xbf\xbd");
    json_string(b, buf_span(&clean));
    if (buf_error(&clean) && !b->err)
        b->err = buf_error(&clean);
    buf_deinit(&clean);
}

static void write_estimate(struct buf *b, const struct estimate *e)
{
    buf_add_str(b, "{\"lo\":");
    json_number(b, e->lo);
    json_name(b, "mid", false);
    json_number(b, e->mid);
    json_name(b, "hi", false);
    json_number(b, e->hi);
    buf_add_fmt(b, ",\"n\":%" PRIu64 ",\"method\":", e->n <= INT64_MAX ? e->n : INT64_MAX);
    write_text(b, span_str(e->method));
    buf_add_byte(b, '}');
}

static void write_list(struct buf *b, const struct shape_field *f, const uint8_t *first, size_t n)
{
    buf_add_byte(b, '[');
    if (n > f->most && !b->err)
        b->err = POSSE_ELIMIT;
    for (size_t i = 0; i < n && !b->err; i++) {
        if (i)
            buf_add_byte(b, ',');
        if (f->type == SHAPE_TEXTS)
            write_text(b, ((const struct span *)(const void *)first)[i]);
        else
            write_struct(b, f->of, first + i * f->of->bytes);
    }
    buf_add_byte(b, ']');
}

static void write_field(struct buf *b, const struct shape_field *f, const uint8_t *p)
{
    const uint8_t *at = p + f->at;
    struct case_time t = {0};
    char text[CASE_TIME_TEXT + IP_TEXT];
    uint64_t n;
    switch (f->type) {
    case SHAPE_TEXT: write_text(b, *(const struct span *)(const void *)at); break;
    case SHAPE_TIME:
        t.unix_ms = *(const int64_t *)(const void *)at;
        case_time_text(&t, text);
        json_string(b, span_str(text));
        break;
    case SHAPE_U64:
        n = *(const uint64_t *)(const void *)at;
        buf_add_fmt(b, "%" PRIu64, n <= INT64_MAX ? n : INT64_MAX);
        break;
    case SHAPE_U32: buf_add_fmt(b, "%" PRIu32, *(const uint32_t *)(const void *)at); break;
    case SHAPE_REAL: json_number(b, *(const double *)(const void *)at); break;
    case SHAPE_BOOL: buf_add_str(b, "true"); break;
    case SHAPE_ESTIMATE: write_estimate(b, (const struct estimate *)(const void *)at); break;
    case SHAPE_IP:
        ip_text((const struct ip *)(const void *)at, text);
        json_string(b, span_str(text));
        break;
    case SHAPE_PART: write_struct(b, f->of, at); break;
    case SHAPE_OBJECT: write_struct(b, f->of, *(const uint8_t *const *)(const void *)at); break;
    case SHAPE_LIST:
    case SHAPE_TEXTS: write_list(b, f, *(const uint8_t *const *)(const void *)at, count_of(f, p)); break;
    }
}

static void write_struct(struct buf *b, const struct shape *s, const uint8_t *p)
{
    bool is_first = true;
    buf_add_byte(b, '{');
    for (size_t i = 0; i < s->n && !b->err; i++) {
        if (is_absent(&s->field[i], p))
            continue;
        json_name(b, s->field[i].name, is_first);
        write_field(b, &s->field[i], p);
        is_first = false;
    }
    buf_add_byte(b, '}');
}

int findings_write(const struct findings *f, struct buf *out)
{
    size_t from = out->n;
    write_struct(out, &findings_shape, (const uint8_t *)f);
    buf_add_byte(out, '\n');
    if (!out->err && out->n - from > FINDINGS_BYTES)
        out->err = POSSE_ELIMIT;
    return buf_error(out);
}

int findings_newest(struct casefile *c, uint64_t lines, struct arena *a, struct findings **out, uint64_t *n_out,
                    struct report *why)
{
    struct case_line l;
    struct buf b;
    uint64_t n = casefile_count(c);
    *out = NULL;
    n = lines < n ? lines : n;
    for (;; n--) {
        if (n == 0)
            return report_set(why, POSSE_ENOENT,
                              "%s: nothing was gathered into it: posse case add --botnet, --campaign or --trace",
                              casefile_folder(c));
        int err = casefile_line(c, n - 1, &l, why);
        if (err)
            return err;
        if (l.is_exhibit && l.redacts < 0 && span_eq(l.name, SPAN_LIT(FINDINGS_NAME)) &&
            span_eq(l.media, SPAN_LIT("application/json")))
            break;
    }
    if (n_out)
        *n_out = n - 1;
    buf_init(&b, FINDINGS_BYTES + 1);
    int err = l.size > FINDINGS_BYTES ? report_set(why, POSSE_ETOOBIG, "exhibit %" PRIu64 ": findings of over %d bytes",
                                                   n - 1, FINDINGS_BYTES)
                                      : casefile_bytes(c, &l, &b, why);
    if (!err)
        err = findings_read(a, buf_span(&b), out, why);
    buf_deinit(&b);
    return err;
}
