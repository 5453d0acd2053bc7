#include "case/resolved.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "flow/logs.h"

enum { NAME_MOST = 253, LOOKED_AT = 4096, WORDS = 8, STEPS = 20000 /* records that one question looks at */ };

struct record {
    struct span name, target; /* target empty: ip is its address */
    struct ip ip;
    int64_t first_ms, last_ms;
    uint64_t exhibit;
};
struct resolved {
    struct arena *a;
    struct record *record; /* sorted by the name read from its end, so that what is below a name stands together */
    size_t n, cap, lost;
    bool is_sorted, is_bad;
};

struct resolved *resolved_new(struct arena *a)
{
    struct resolved *r = calloc(1, sizeof *r);
    if (r)
        r->a = a;
    return r;
}

void resolved_free(struct resolved **r)
{
    if (*r)
        free((*r)->record);
    free(*r);
    *r = NULL;
}

size_t resolved_count(const struct resolved *r) { return r->n; }
size_t resolved_lost(const struct resolved *r) { return r->lost; }

bool resolved_takes(struct span media)
{
    static const char *const types[] = {"text/dns", "text/plain", "application/json", "application/dns-json", "application/dns+json",
                                        "application/x-ndjson"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_ieq(media, span_str(types[i])))
            return true;
    return false;
}

/* ---- one record ---- */

/* In lower case, without its last dot; empty: it is no name of a host. */
static struct span name_of(struct resolved *r, struct span s)
{
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    if (!s.n || s.n > NAME_MOST)
        return SPAN_NONE;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
            return SPAN_NONE;
    uint8_t *p = arena_alloc(r->a, s.n);
    r->is_bad |= !p;
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return p ? span_of(p, s.n) : SPAN_NONE;
}

static bool is_nowhere(const struct ip *ip) { return ip_is_zero(ip) || (ip_is_v4(ip) && (ip->b[12] == 0 || ip->b[12] == 127)); }

/* An address, or (is_alias) another name. `like` has the times and the exhibit. */
static void add(struct resolved *r, struct span name, struct span data, bool is_alias, const struct record *like)
{
    struct record x = *like;
    if (is_alias ? !(x.target = name_of(r, data)).n : !ip_read(data, &x.ip) || is_nowhere(&x.ip))
        return;
    if (r->n == RESOLVED_MOST) {
        r->lost++;
        return;
    }
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct record *more = realloc(r->record, cap * sizeof *more);
        r->is_bad |= !more;
        if (!more)
            return;
        r->record = more;
        r->cap = cap;
    }
    x.name = name_of(r, name);
    if (x.name.n)
        r->record[r->n++] = x;
    r->is_sorted = false;
}

/* ---- what dig prints ---- */

static size_t words_of(struct span line, struct span out[WORDS])
{
    size_t n = 0;
    for (size_t i = 0; i < line.n && n < WORDS;) {
        size_t from = i;
        while (i < line.n && !ascii_is_space(line.p[i]))
            i++;
        if (i > from)
            out[n++] = span_sub(line, from, i);
        i += i == from;
    }
    return n;
}

static bool is_number(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

static void read_line(struct resolved *r, struct span line, const struct record *like)
{
    struct span w[WORDS];
    ptrdiff_t comment = span_chr(line, ';');
    size_t n = words_of(span_sub(line, 0, comment < 0 ? line.n : (size_t)comment), w), i = 1;
    if (n && ascii_is_space(line.p[0]))
        return; /* a zone's line without a name of its own: dig prints none */
    while (i < n && (is_number(w[i]) || span_ieq(w[i], SPAN_LIT("IN"))))
        i++;
    if (i < 2 || i + 1 >= n) /* something between name and type: else it is any text */
        return;
    if (span_ieq(w[i], SPAN_LIT("A")) || span_ieq(w[i], SPAN_LIT("AAAA")))
        add(r, w[0], w[i + 1], false, like);
    else if (span_ieq(w[i], SPAN_LIT("CNAME")))
        add(r, w[0], w[i + 1], true, like);
}

static void read_text(struct resolved *r, struct span s, const struct record *like)
{
    while (s.n && !r->is_bad) {
        ptrdiff_t nl = span_chr(s, '\n');
        read_line(r, span_sub(s, 0, nl < 0 ? s.n : (size_t)nl), like);
        s = span_sub(s, nl < 0 ? s.n : (size_t)nl + 1, s.n);
    }
}

/* ---- JSON ---- */

static struct span text_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

/* Seconds since 1970, as passive DNS has them; what is none stays as it was. */
static void take_time(const json_t *o, const char *name, int64_t *out)
{
    const json_t *v = json_object_get(o, name);
    double s = json_is_number(v) ? json_number_value(v) : -1;
    if (s > 0 && s < 253402300800.0)
        *out = (int64_t)(s * 1000);
}

static void read_passive(struct resolved *r, const json_t *o, const struct record *like)
{
    struct record x = *like;
    struct span type = text_of(o, "rrtype");
    const json_t *data = json_object_get(o, "rdata");
    bool is_alias = span_ieq(type, SPAN_LIT("CNAME"));
    if (!is_alias && !span_ieq(type, SPAN_LIT("A")) && !span_ieq(type, SPAN_LIT("AAAA")))
        return;
    take_time(o, "time_first", &x.first_ms);
    take_time(o, "time_last", &x.last_ms);
    if (json_is_string(data))
        add(r, text_of(o, "rrname"), text_of(o, "rdata"), is_alias, &x);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *v = json_array_get(data, i);
        if (json_is_string(v))
            add(r, text_of(o, "rrname"), span_of(json_string_value(v), json_string_length(v)), is_alias, &x);
    }
}

static void read_answers(struct resolved *r, const json_t *all, const struct record *like)
{
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *o = json_array_get(all, i), *type = json_object_get(o, "type");
        json_int_t t = json_is_integer(type) ? json_integer_value(type) : 0;
        if (t == 1 || t == 28 || t == 5)
            add(r, text_of(o, "name"), text_of(o, "data"), t == 5, like);
    }
}

/* One object after the other, on a line each or not. What is broken ends it. */
static void read_json(struct resolved *r, struct span s, const struct record *like)
{
    while (s.n && !r->is_bad) {
        json_error_t e;
        json_t *o = json_loadb((const char *)s.p, s.n, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &e);
        if (!o)
            return;
        read_answers(r, json_object_get(o, "Answer"), like);
        if (json_object_get(o, "rrname"))
            read_passive(r, o, like);
        json_decref(o);
        s = span_trim(span_sub(s, (size_t)e.position, s.n));
    }
}

/* ---- logs ---- */

static void read_flow(struct resolved *r, const struct flow *f, const struct record *like)
{
    struct record x = *like;
    if (f->kind != FLOW_DNS)
        return;
    if (f->start_us > 0)
        x.first_ms = x.last_ms = f->start_us / 1000;
    for (size_t i = 0; i < f->dns.n_answers && i < FLOW_ANSWERS_MAX; i++)
        add(r, f->dns.query, f->dns.answer[i], false, &x); /* a name among them is where the others come from */
}

/* The reader of logs takes files: this one has no name. */
static int read_log(struct resolved *r, struct span s, const struct record *like)
{
    char path[64];
    struct logs_file *f = NULL;
    struct flow one;
    int fd = memfd_create("dns", MFD_CLOEXEC);
    if (fd < 0)
        return POSSE_ENOMEM;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = fd_write(fd, s) ? logs_file_open(path, &f, NULL) : POSSE_ENOMEM;
    enum logs_format format = rc ? LOGS_UNKNOWN : logs_file_format(f);
    bool is_dns = format == LOGS_ZEEK_TSV || format == LOGS_ZEEK_JSON || format == LOGS_EVE;
    while (!rc && is_dns && !r->is_bad && logs_file_next(f, &one, NULL) == 1)
        read_flow(r, &one, like);
    logs_file_close(&f);
    close(fd);
    return rc == POSSE_ENOMEM ? rc : POSSE_OK;
}

int resolved_add(struct resolved *r, struct span s, uint64_t exhibit, int64_t seen_ms)
{
    struct record like = {.first_ms = seen_ms, .last_ms = seen_ms, .exhibit = exhibit};
    struct span start = span_sub(s, 0, LOOKED_AT);
    int err = POSSE_OK;
    if (s.n > RESOLVED_BYTES)
        return POSSE_OK;
    if (span_find(start, SPAN_LIT("\"Answer\"")) >= 0 || span_find(start, SPAN_LIT("\"rrtype\"")) >= 0)
        read_json(r, s, &like);
    if (start.n && (start.p[0] == '#' || start.p[0] == '{'))
        err = read_log(r, s, &like);
    else
        read_text(r, s, &like);
    return r->is_bad || arena_failed(r->a) ? POSSE_ENOMEM : err;
}

/* ---- questions ---- */

static int order(struct span a, struct span b)
{
    for (size_t i = 1; i <= a.n && i <= b.n; i++)
        if (a.p[a.n - i] != b.p[b.n - i])
            return a.p[a.n - i] < b.p[b.n - i] ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *p, const void *q)
{
    const struct record *a = p, *b = q;
    int c = order(a->name, b->name);
    if (!c)
        c = (a->exhibit > b->exhibit) - (a->exhibit < b->exhibit);
    return c ? c : ip_compare(&a->ip, &b->ip);
}

/* The first record that does not stand before the name. */
static size_t first_of(const struct resolved *r, struct span name)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (order(r->record[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool ends_with(struct span s, struct span end) { return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0; }

static size_t take(const struct record *x, struct span asked, struct resolved_address *out, size_t n, size_t most)
{
    for (size_t i = 0; i < n; i++)
        if (ip_compare(&out[i].ip, &x->ip) == 0) {
            out[i].first_ms = x->first_ms < out[i].first_ms ? x->first_ms : out[i].first_ms;
            if (x->last_ms > out[i].last_ms) {
                out[i].last_ms = x->last_ms;
                out[i].exhibit = x->exhibit;
            }
            return n;
        }
    if (n < most)
        out[n++] = (struct resolved_address){x->ip, asked, x->first_ms, x->last_ms, x->exhibit};
    return n;
}

struct asking { const struct resolved *r; struct span asked; struct resolved_address *out; size_t n, most, steps; };

/* Of the name itself; hops: so many aliases may follow. */
static void follow(struct asking *q, struct span name, int hops)
{
    const struct record *x = q->r->record, *end = x + q->r->n;
    for (x += first_of(q->r, name); x < end && span_eq(x->name, name) && q->n < q->most && q->steps++ < STEPS; x++) {
        if (!x->target.n)
            q->n = take(x, q->asked, q->out, q->n, q->most);
        else if (hops > 0)
            follow(q, x->target, hops - 1);
    }
}

size_t resolved_find(struct resolved *r, struct span name, struct resolved_address *out, size_t most)
{
    struct asking q = {.r = r, .out = out, .most = most};
    if (!r->is_sorted && r->n)
        qsort(r->record, r->n, sizeof *r->record, by_name);
    r->is_sorted = true;
    for (size_t i = name.n ? first_of(r, name) : r->n; i < r->n && q.n < most && q.steps++ < STEPS; i++) {
        struct span at = r->record[i].name;
        if (!ends_with(at, name))
            break;
        bool is_below = at.n == name.n || at.p[at.n - name.n - 1] == '.';
        if (!is_below || span_eq(at, q.asked)) /* the same again stands right after it */
            continue;
        q.asked = at;
        follow(&q, at, RESOLVED_HOPS);
    }
    return q.n;
}
