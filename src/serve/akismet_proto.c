#include "serve/akismet_proto.h"

#include "base/error.h"

/* ---- forms ---- */

void akismet_form_init(struct akismet_form *f)
{
    f->n = 0;
    buf_init(&f->bytes, (size_t)2 * AKISMET_BODY_MAX);
}

void akismet_form_deinit(struct akismet_form *f) { buf_deinit(&f->bytes); }

void akismet_form_clear(struct akismet_form *f)
{
    f->n = 0;
    buf_clear(&f->bytes);
}

static int hex_of(uint8_t c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends what s stands for; says how long it became. */
static uint32_t decode(struct buf *b, struct span s)
{
    uint8_t *out = s.n ? buf_reserve(b, s.n) : NULL; /* never longer than it was */
    size_t n = 0;
    if (!out)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        int hi = c == '%' && i + 2 < s.n ? hex_of(s.p[i + 1]) : -1, lo = hi >= 0 ? hex_of(s.p[i + 2]) : -1;
        if (lo >= 0) {
            c = (uint8_t)(hi << 4 | lo);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    b->n += n;
    return (uint32_t)n;
}

static int room_for(struct akismet_form *f, size_t n, struct report *why)
{
    if (n > AKISMET_BODY_MAX || f->bytes.n + n > f->bytes.max)
        return report_set(why, POSSE_ETOOBIG, "a request may hold %d bytes", AKISMET_BODY_MAX);
    if (f->n == AKISMET_FIELDS_MAX)
        return report_set(why, POSSE_ELIMIT, "a request may hold %d fields", AKISMET_FIELDS_MAX);
    return POSSE_OK;
}

static int add(struct akismet_form *f, struct span name, struct span value, struct report *why)
{
    int err = room_for(f, 0, why);
    if (err)
        return err;
    struct akismet_pair *p = &f->pair[f->n++];
    p->name_at = (uint32_t)f->bytes.n;
    p->name_n = decode(&f->bytes, name);
    p->value_at = (uint32_t)f->bytes.n;
    p->value_n = decode(&f->bytes, value);
    return buf_error(&f->bytes) ? report_set(why, buf_error(&f->bytes), "out of memory") : POSSE_OK;
}

int akismet_form_read(struct akismet_form *f, struct span in, struct report *why)
{
    int err = room_for(f, in.n, why);
    for (size_t at = 0; !err && at < in.n;) {
        ptrdiff_t end = span_chr(span_sub(in, at, in.n), '&');
        struct span one = end < 0 ? span_sub(in, at, in.n) : span_sub(in, at, at + (size_t)end);
        at += one.n + 1;
        if (one.n == 0)
            continue;
        ptrdiff_t equals = span_chr(one, '=');
        size_t n = equals < 0 ? one.n : (size_t)equals;
        err = add(f, span_sub(one, 0, n), span_sub(one, n + 1, one.n), why);
    }
    return err;
}

int akismet_form_add(struct akismet_form *f, struct span name, struct span value, struct report *why)
{
    int err = room_for(f, name.n + value.n, why);
    if (err)
        return err;
    struct akismet_pair *p = &f->pair[f->n++];
    *p = (struct akismet_pair){(uint32_t)f->bytes.n, (uint32_t)name.n, (uint32_t)(f->bytes.n + name.n),
                               (uint32_t)value.n};
    buf_add_span(&f->bytes, name);
    buf_add_span(&f->bytes, value);
    return buf_error(&f->bytes) ? report_set(why, buf_error(&f->bytes), "out of memory") : POSSE_OK;
}

static struct span name_of(const struct akismet_form *f, size_t i)
{
    return span_sub(buf_span(&f->bytes), f->pair[i].name_at, f->pair[i].name_at + (size_t)f->pair[i].name_n);
}

static struct span value_of(const struct akismet_form *f, size_t i)
{
    return span_sub(buf_span(&f->bytes), f->pair[i].value_at, f->pair[i].value_at + (size_t)f->pair[i].value_n);
}

struct span akismet_form_get(const struct akismet_form *f, const char *name)
{
    for (size_t i = f->n; i-- > 0;)
        if (span_eq(name_of(f, i), span_str(name)))
            return value_of(f, i);
    return SPAN_NONE;
}

/* ---- requests ---- */

static const struct {
    const char *name;
    size_t at;
} fields[] = {
#define FIELD(name, member)                            \
    {                                                  \
        name, offsetof(struct akismet_request, member) \
    }
    FIELD("api_key", key),
    FIELD("key", asked_key),
    FIELD("blog", blog),
    FIELD("user_ip", user_ip),
    FIELD("user_agent", user_agent),
    FIELD("referrer", referrer),
    FIELD("permalink", permalink),
    FIELD("comment_type", type),
    FIELD("comment_author", author),
    FIELD("comment_author_email", email),
    FIELD("comment_author_url", url),
    FIELD("comment_content", content),
    FIELD("comment_date_gmt", date),
    FIELD("comment_post_modified_gmt", post_modified),
    FIELD("comment_parent", parent),
    FIELD("blog_lang", language),
    FIELD("blog_charset", charset),
    FIELD("user_role", role),
    FIELD("recheck_reason", recheck_reason),
    FIELD("honeypot_field_name", honeypot_name),
#undef FIELD
};

static bool is_true(struct span v)
{
    v = span_trim(v);
    return v.n && !span_eq(v, SPAN_LIT("0")) && !span_ieq(v, SPAN_LIT("false"));
}

static void read_one(struct akismet_request *r, struct span name, struct span value)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!span_eq(name, span_str(fields[i].name)))
            continue;
        struct span *to = (struct span *)(void *)((char *)r + fields[i].at);
        *to = to == &r->content ? value : span_trim(span_sub(value, 0, AKISMET_VALUE_MAX));
        return;
    }
    if (span_eq(name, SPAN_LIT("is_test")))
        r->is_test = is_true(value);
    else if (span_eq(name, SPAN_LIT("test_discard")))
        r->wants_discard = is_true(value);
    else if (name.n > 16 && span_eq(span_sub(name, 0, 16), SPAN_LIT("comment_context[")) &&
             r->n_context < AKISMET_CONTEXT_MAX)
        r->context[r->n_context++] = span_sub(value, 0, AKISMET_VALUE_MAX);
}

void akismet_request_read(const struct akismet_form *f, struct span host, struct akismet_request *out)
{
    *out = (struct akismet_request){.n_context = 0};
    for (size_t i = 0; i < f->n; i++)
        read_one(out, name_of(f, i), value_of(f, i));
    if (out->key.n == 0)
        out->key = akismet_host_key(host);
    if (out->key.n == 0)
        out->key = out->asked_key;
    if (out->asked_key.n == 0)
        out->asked_key = out->key;
    for (size_t i = 0; out->honeypot_name.n && i < f->n; i++)
        if (span_eq(name_of(f, i), out->honeypot_name))
            out->honeypot = span_trim(value_of(f, i));
}

bool akismet_key_is_sound(struct span key)
{
    if (key.n < 12 || key.n > AKISMET_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.n; i++)
        if (!ascii_is_alnum(key.p[i]))
            return false;
    return true;
}

struct span akismet_host_key(struct span host)
{
    ptrdiff_t dot = span_chr(host, '.');
    struct span key = span_sub(host, 0, dot < 0 ? 0 : (size_t)dot);
    return akismet_key_is_sound(key) ? key : SPAN_NONE;
}

/* ---- addresses of the web ---- */

static struct span without_scheme(struct span s)
{
    s = span_trim(s);
    ptrdiff_t colon = span_find(s, SPAN_LIT("://"));
    if (colon >= 0 && colon <= 8)
        s = span_sub(s, (size_t)colon + 3, s.n);
    else if (s.n > 2 && s.p[0] == '/' && s.p[1] == '/')
        s = span_sub(s, 2, s.n);
    return span_istarts(s, SPAN_LIT("www.")) ? span_sub(s, 4, s.n) : s;
}

static size_t host_length(struct span s)
{
    size_t n = 0;
    while (n < s.n && (ascii_is_alnum(s.p[n]) || s.p[n] >= 0x80 || (s.p[n] && strchr("-._~[]:%", s.p[n]))))
        n++;
    return n;
}

/* Host and port as they are kept: lower case, without the ports that everybody means. */
static size_t put_host(struct span s, char *out, size_t n)
{
    static const char *const ports[] = {":80", ":443"};
    for (size_t i = 0; i < 2; i++) {
        struct span p = span_str(ports[i]);
        if (s.n > p.n && span_eq(span_sub(s, s.n - p.n, s.n), p))
            s.n -= p.n;
    }
    while (s.n && (s.p[s.n - 1] == '.' || s.p[s.n - 1] == ':'))
        s.n--;
    if (s.n > n)
        s.n = n;
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)ascii_lower(s.p[i]);
    return s.n;
}

size_t akismet_url_host(struct span url, char *out, size_t n)
{
    struct span s = without_scheme(url);
    ptrdiff_t at = span_chr(span_sub(s, 0, 200), '@'), slash = span_chr(s, '/');
    if (at >= 0 && (slash < 0 || at < slash)) /* user:password@ */
        s = span_sub(s, (size_t)at + 1, s.n);
    return put_host(span_sub(s, 0, host_length(s)), out, n);
}

size_t akismet_blog(struct span blog, char *out, size_t n)
{
    struct span s = without_scheme(blog);
    size_t host = host_length(s), length = put_host(span_sub(s, 0, host), out, n);
    if (length == 0)
        return 0;
    struct span path = span_sub(s, host, s.n);
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '?' || path.p[i] == '#')
            path.n = i;
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    for (size_t i = 0; i < path.n && length < n; i++)
        out[length++] = path.p[i] > ' ' && path.p[i] != 127 ? (char)path.p[i] : '_';
    return length;
}

/* ---- values for trying out ---- */

enum akismet_sample akismet_sample(const struct akismet_request *r)
{
    if (span_eq(r->role, SPAN_LIT("administrator")))
        return AKISMET_SAMPLE_HAM;
    if (span_eq(r->author, SPAN_LIT("viagra-test-123")) || span_eq(r->author, SPAN_LIT("akismet-guaranteed-spam")) ||
        span_ieq(r->email, SPAN_LIT("akismet-guaranteed-spam@example.com")))
        return AKISMET_SAMPLE_SPAM;
    return AKISMET_REAL;
}
