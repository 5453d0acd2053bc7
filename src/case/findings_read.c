/* Findings from JSON, by anybody: the table says what may stand where, and how often. */
#include <jansson.h>
#include <math.h>

#include "base/error.h"
#include "case/findings_priv.h"

/* What is written must be readable again: years of four digits, and numbers that do not round up to what is none. */
#define TIME_LEAST (-62135596800000LL)
#define TIME_MOST 253402300799999LL
#define REAL_MOST 1e300

/* Where in the object one is, for the error. */
struct place {
    const struct place *up;
    const char *name;
};
struct reading {
    struct arena *a;
    struct report *why;
};

static int read_struct(struct reading *r, const struct shape *s, const json_t *o, uint8_t *p, const struct place *at);

static size_t path_of(const struct place *at, char *out, size_t n)
{
    size_t k = at->up ? path_of(at->up, out, n) : 0;
    for (const char *p = at->name; *p && k + 2 < n; p++)
        out[k++] = *p;
    if (at->name[0] && k + 2 < n)
        out[k++] = '.';
    out[k] = '\0';
    return k;
}

static int wrong(const struct reading *r, const struct place *at, const char *wanted)
{
    char path[160];
    size_t n = path_of(at, path, sizeof path);
    if (n)
        path[n - 1] = '\0';
    return report_set(r->why, POSSE_ESYNTAX, "findings: %s: %s is wanted", path, wanted);
}

static int no_memory(const struct reading *r) { return report_set(r->why, POSSE_ENOMEM, "findings: out of memory"); }

static int read_text(const struct reading *r, const json_t *v, struct span *out, const struct place *at)
{
    if (!json_is_string(v))
        return wrong(r, at, "a text");
    *out = SPAN_NONE;
    if (json_string_length(v) == 0)
        return POSSE_OK;
    *out = arena_copy(r->a, span_of(json_string_value(v), json_string_length(v)));
    return out->p ? POSSE_OK : no_memory(r);
}

static int read_time(const struct reading *r, const json_t *v, int64_t *out, const struct place *at)
{
    struct case_time t;
    if (!json_is_string(v) || !case_time_read(span_of(json_string_value(v), json_string_length(v)), &t) ||
        t.unix_ms < TIME_LEAST || t.unix_ms > TIME_MOST)
        return wrong(r, at, "a time such as 2011-03-16T14:45:00.000+00:00");
    *out = t.unix_ms;
    return POSSE_OK;
}

static int read_real(const struct reading *r, const json_t *v, double *out, const struct place *at)
{
    if (json_is_null(v)) /* what JSON cannot hold */
        *out = 0;
    else if (json_is_number(v) && fabs(json_number_value(v)) <= REAL_MOST)
        *out = json_number_value(v) + 0.0; /* no -0: it is written as none */
    else
        return wrong(r, at, "a number");
    return POSSE_OK;
}

static int read_count(const struct reading *r, const json_t *v, uint64_t most, uint64_t *out, const struct place *at)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > most)
        return wrong(r, at, "a whole number from 0");
    *out = (uint64_t)json_integer_value(v);
    return POSSE_OK;
}

static int read_estimate(const struct reading *r, const json_t *v, struct estimate *out, const struct place *at)
{
    const struct place lo = {at, "lo"}, mid = {at, "mid"}, hi = {at, "hi"}, n = {at, "n"}, method = {at, "method"};
    const json_t *of = json_object_get(v, "method"), *count = json_object_get(v, "n");
    struct span text = SPAN_NONE;
    if (!json_is_object(v))
        return wrong(r, at, "an estimate {lo, mid, hi, n, method}");
    int err = read_real(r, json_object_get(v, "lo"), &out->lo, &lo);
    if (!err)
        err = read_real(r, json_object_get(v, "mid"), &out->mid, &mid);
    if (!err)
        err = read_real(r, json_object_get(v, "hi"), &out->hi, &hi);
    if (!err && count)
        err = read_count(r, count, INT64_MAX, &out->n, &n);
    if (!err && of)
        err = read_text(r, of, &text, &method);
    if (err)
        return err;
    char *z = arena_alloc(r->a, text.n + 1);
    if (!z)
        return no_memory(r);
    if (text.n)
        memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    out->method = z;
    return POSSE_OK;
}

static int read_list(struct reading *r, const struct shape_field *f, const json_t *v, uint8_t *p,
                     const struct place *at)
{
    if (!json_is_array(v))
        return wrong(r, at, "a list");
    size_t n = json_array_size(v), bytes = f->type == SHAPE_TEXTS ? sizeof(struct span) : f->of->bytes;
    if (n > f->most)
        return report_set(r->why, POSSE_ELIMIT, "findings: %s: a list of %zu; at most %u", f->name, n, f->most);
    uint8_t *first = n ? arena_zalloc(r->a, n * bytes) : NULL;
    if (n && !first)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        const json_t *e = json_array_get(v, i);
        int err = f->type == SHAPE_TEXTS ? read_text(r, e, (struct span *)(void *)(first + i * bytes), at)
                                         : read_struct(r, f->of, e, first + i * bytes, at);
        if (err)
            return err;
    }
    memcpy(p + f->at, &first, sizeof first);
    memcpy(p + f->count_at, &n, sizeof n);
    return POSSE_OK;
}

static int read_object(struct reading *r, const struct shape_field *f, const json_t *v, uint8_t *p,
                       const struct place *at)
{
    uint8_t *o = arena_zalloc(r->a, f->of->bytes);
    if (!o)
        return no_memory(r);
    memcpy(p + f->at, &o, sizeof o);
    return read_struct(r, f->of, v, o, at);
}

static int read_field(struct reading *r, const struct shape_field *f, const json_t *v, uint8_t *p,
                      const struct place *at)
{
    uint8_t *to = p + f->at;
    uint64_t n = 0;
    int err;
    switch (f->type) {
    case SHAPE_TEXT: return read_text(r, v, (struct span *)(void *)to, at);
    case SHAPE_TIME: return read_time(r, v, (int64_t *)(void *)to, at);
    case SHAPE_U64: return read_count(r, v, INT64_MAX, (uint64_t *)(void *)to, at);
    case SHAPE_U32:
        err = read_count(r, v, UINT32_MAX, &n, at);
        *(uint32_t *)(void *)to = (uint32_t)n;
        return err;
    case SHAPE_REAL: return read_real(r, v, (double *)(void *)to, at);
    case SHAPE_BOOL:
        *(bool *)to = json_is_true(v);
        return json_is_boolean(v) ? POSSE_OK : wrong(r, at, "true or false");
    case SHAPE_ESTIMATE: return read_estimate(r, v, (struct estimate *)(void *)to, at);
    case SHAPE_IP:
        if (json_is_string(v) && ip_read(span_of(json_string_value(v), json_string_length(v)), (struct ip *)(void *)to))
            return POSSE_OK;
        return wrong(r, at, "an address");
    case SHAPE_PART: return read_struct(r, f->of, v, to, at);
    case SHAPE_OBJECT: return read_object(r, f, v, p, at);
    case SHAPE_LIST:
    case SHAPE_TEXTS: return read_list(r, f, v, p, at);
    }
    return POSSE_OK;
}

static int read_struct(struct reading *r, const struct shape *s, const json_t *o, uint8_t *p, const struct place *up)
{
    if (!json_is_object(o))
        return wrong(r, up, "an object");
    for (size_t i = 0; i < s->n; i++) {
        const json_t *v = json_object_get(o, s->field[i].name);
        const struct place at = {up, s->field[i].name};
        int err = v ? read_field(r, &s->field[i], v, p, &at) : POSSE_OK;
        if (err)
            return err;
    }
    return POSSE_OK;
}

int findings_read(struct arena *a, struct span json, struct findings **out, struct report *why)
{
    struct reading r = {a, why};
    const struct place top = {NULL, ""};
    json_error_t e;
    *out = NULL;
    if (json.n > FINDINGS_BYTES)
        return report_set(why, POSSE_ETOOBIG, "findings of over %d bytes", FINDINGS_BYTES);
    json_t *o = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &e);
    if (!o)
        return report_set(why, POSSE_ESYNTAX, "findings: line %d, column %d: %s", e.line, e.column, e.text);
    const json_t *version = json_object_get(o, "version");
    struct findings *f = arena_zalloc(a, sizeof *f);
    int err = f ? POSSE_OK : no_memory(&r);
    if (!err && (!json_is_integer(version) || json_integer_value(version) != FINDINGS_VERSION))
        err = json_is_integer(version)
                  ? report_set(why, POSSE_EVERSION, "findings of version %lld; this program knows %d",
                               (long long)json_integer_value(version), FINDINGS_VERSION)
                  : report_set(why, POSSE_ESYNTAX, "these are no findings: they have no version");
    if (!err)
        err = read_struct(&r, &findings_shape, o, (uint8_t *)f, &top);
    json_decref(o);
    if (!err)
        *out = f;
    return err;
}
