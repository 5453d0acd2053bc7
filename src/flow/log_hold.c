/* A hash table of seconds and a heap of the same seconds. A packed record is its length, the plain part of struct flow, what its kind
 * adds, and the bytes of its texts one behind the other; the pointers are made anew when it is taken out. */
#include "flow/log_hold.h"

#include <stdlib.h>

#include "base/error.h"

enum { TEXTS = 3 + 3 + FLOW_ANSWERS_MAX, SECOND_US = 1000000 };
struct second { int64_t at; uint8_t *p; size_t n, cap, count; };
struct item { int64_t start_us; uint8_t *p; };
struct log_hold {
    struct second *slot; /* by hash; p == NULL: free */
    int64_t *heap;       /* seconds, earliest first */
    size_t n_seconds, cap; /* cap: of slot, a power of two; heap has half */
    size_t count, bytes;
    struct second now;   /* the one being told */
    struct item *item;
    size_t told, n_items, cap_items;
    bool has_begun;
};

/* The texts of a record in the order in which they are packed. */
static size_t texts(struct flow *f, struct span *list[TEXTS])
{
    size_t n = 0;
    list[n++] = &f->uid, list[n++] = &f->service, list[n++] = &f->label;
    switch (f->kind) {
    case FLOW_DNS:
        list[n++] = &f->dns.query, list[n++] = &f->dns.type, list[n++] = &f->dns.rcode;
        for (size_t i = 0; i < f->dns.n_answers && i < FLOW_ANSWERS_MAX; i++)
            list[n++] = &f->dns.answer[i];
        break;
    case FLOW_HTTP:
        list[n++] = &f->http.host, list[n++] = &f->http.uri, list[n++] = &f->http.method, list[n++] = &f->http.user_agent;
        list[n++] = &f->http.referrer;
        break;
    case FLOW_TLS:
        list[n++] = &f->tls.sni, list[n++] = &f->tls.ja3, list[n++] = &f->tls.ja3s, list[n++] = &f->tls.subject, list[n++] = &f->tls.issuer;
        break;
    case FLOW_SMTP: list[n++] = &f->smtp.helo, list[n++] = &f->smtp.from, list[n++] = &f->smtp.last_reply; break;
    default: break;
    }
    return n;
}

static size_t plain_size(enum flow_kind kind)
{
    switch (kind) {
    case FLOW_DNS: return offsetof(struct flow, dns) + sizeof((struct flow *)NULL)->dns;
    case FLOW_HTTP: return offsetof(struct flow, http) + sizeof((struct flow *)NULL)->http;
    case FLOW_TLS: return offsetof(struct flow, tls) + sizeof((struct flow *)NULL)->tls;
    case FLOW_SMTP: return offsetof(struct flow, smtp) + sizeof((struct flow *)NULL)->smtp;
    default: return offsetof(struct flow, dns);
    }
}

struct log_hold *log_hold_new(void)
{
    struct log_hold *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->cap = 1024;
    h->slot = calloc(h->cap, sizeof *h->slot);
    h->heap = calloc(h->cap / 2 + 1, sizeof *h->heap);
    if (!h->slot || !h->heap)
        log_hold_free(&h);
    return h;
}

void log_hold_free(struct log_hold **hp)
{
    struct log_hold *h = *hp;
    *hp = NULL;
    if (!h)
        return;
    for (size_t i = 0; h->slot && i < h->cap; i++)
        free(h->slot[i].p);
    free(h->slot);
    free(h->heap);
    free(h->now.p);
    free(h->item);
    free(h);
}

static int64_t second_of(int64_t us) { return us / SECOND_US - (us % SECOND_US < 0); }
static size_t home(const struct log_hold *h, int64_t at) { return (size_t)((uint64_t)at * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (h->cap - 1); }

static struct second *find(const struct log_hold *h, int64_t at)
{
    size_t i = home(h, at);
    while (h->slot[i].p && h->slot[i].at != at)
        i = (i + 1) & (h->cap - 1);
    return &h->slot[i];
}

static int grow(struct log_hold *h)
{
    struct log_hold wide = *h;
    wide.cap = h->cap * 2;
    wide.slot = calloc(wide.cap, sizeof *wide.slot);
    int64_t *heap = realloc(h->heap, (wide.cap / 2 + 1) * sizeof *heap);
    if (heap)
        h->heap = heap;
    if (!wide.slot || !heap) {
        free(wide.slot);
        return POSSE_ENOMEM;
    }
    for (size_t i = 0; i < h->cap; i++)
        if (h->slot[i].p)
            *find(&wide, h->slot[i].at) = h->slot[i];
    free(h->slot);
    h->slot = wide.slot;
    h->cap = wide.cap;
    return 0;
}

static void heap_put(struct log_hold *h, int64_t at)
{
    size_t i = h->n_seconds++;
    for (; i && h->heap[(i - 1) / 2] > at; i = (i - 1) / 2)
        h->heap[i] = h->heap[(i - 1) / 2];
    h->heap[i] = at;
}

static void heap_pop(struct log_hold *h)
{
    int64_t last = h->heap[--h->n_seconds];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->n_seconds; i = child) {
        child += child + 1 < h->n_seconds && h->heap[child + 1] < h->heap[child];
        if (h->heap[child] >= last)
            break;
        h->heap[i] = h->heap[child];
    }
    h->heap[i] = last;
}

/* Room for n bytes in the second of `at`. */
static uint8_t *room(struct log_hold *h, int64_t at, size_t n)
{
    if (h->n_seconds >= h->cap / 2 && grow(h) < 0)
        return NULL;
    struct second *s = find(h, at);
    if (s->n + n > s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 512;
        while (cap < s->n + n)
            cap *= 2;
        uint8_t *p = realloc(s->p, cap);
        if (!p)
            return NULL;
        if (!s->p) {
            *s = (struct second){at, p, 0, 0, 0};
            heap_put(h, at);
        }
        s->p = p;
        h->bytes += cap - s->cap;
        s->cap = cap;
    }
    s->n += n;
    s->count++;
    return s->p + s->n - n;
}

int log_hold_put(struct log_hold *h, const struct flow *f)
{
    struct span *list[TEXTS];
    struct flow *same = (struct flow *)(uintptr_t)f; /* only read through it */
    size_t n = texts(same, list), plain = plain_size(f->kind), all = sizeof(uint64_t) + plain;
    for (size_t i = 0; i < n; i++)
        all += list[i]->n;
    all = (all + 7) & ~(size_t)7;
    uint8_t *p = room(h, second_of(f->start_us), all);
    if (!p)
        return POSSE_ENOMEM;
    uint64_t length = all;
    memcpy(p, &length, sizeof length);
    memcpy(p + sizeof length, f, plain);
    p += sizeof length + plain;
    for (size_t i = 0; i < n; i++) {
        if (list[i]->n)
            memcpy(p, list[i]->p, list[i]->n);
        p += list[i]->n;
    }
    h->count++;
    return 0;
}

static void unpack(uint8_t *p, struct flow *out)
{
    struct span *list[TEXTS];
    enum flow_kind kind;
    memcpy(&kind, p + sizeof(uint64_t) + offsetof(struct flow, kind), sizeof kind);
    size_t plain = plain_size(kind);
    memcpy(out, p + sizeof(uint64_t), plain);
    p += sizeof(uint64_t) + plain;
    size_t n = texts(out, list);
    for (size_t i = 0; i < n; i++) {
        list[i]->p = p;
        p += list[i]->n;
    }
}

/* Of a packed record: its uid is the first of its texts. */
static struct span uid_of(const uint8_t *p, enum flow_kind *kind)
{
    struct span uid;
    p += sizeof(uint64_t);
    memcpy(kind, p + offsetof(struct flow, kind), sizeof *kind);
    memcpy(&uid, p + offsetof(struct flow, uid), sizeof uid);
    return span_of(p + plain_size(*kind), uid.n);
}

/* Equal starts: by uid, then addresses and ports; what is alike in these two reads the same in either order. NetFlow's milliseconds make
 * equals common, so they are compared as they are packed. */
static int compare(const void *va, const void *vb)
{
    enum { ENDS = sizeof(uint64_t) + offsetof(struct flow, src) };
    const struct item *a = va, *b = vb;
    enum flow_kind ka, kb;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    struct span x = uid_of(a->p, &ka), y = uid_of(b->p, &kb);
    if (ka != kb)
        return ka < kb ? -1 : 1;
    size_t n = x.n < y.n ? x.n : y.n;
    int d = n ? memcmp(x.p, y.p, n) : 0;
    if (d == 0 && x.n != y.n)
        d = x.n < y.n ? -1 : 1;
    return d ? d : memcmp(a->p + ENDS, b->p + ENDS, offsetof(struct flow, proto) - offsetof(struct flow, src));
}

/* The earliest second becomes the one being told. */
static bool begin(struct log_hold *h)
{
    struct second *s = find(h, h->heap[0]);
    if (s->count > h->cap_items) {
        struct item *item = realloc(h->item, s->count * sizeof *item);
        if (!item)
            return false;
        h->item = item;
        h->cap_items = s->count;
    }
    h->bytes -= s->cap;
    free(h->now.p);
    h->now = *s;
    h->has_begun = true;
    heap_pop(h);
    /* Take it out of the table: those behind it move up into the gap where they belong. */
    size_t gap = (size_t)(s - h->slot), i = gap;
    for (h->slot[gap].p = NULL; h->slot[i = (i + 1) & (h->cap - 1)].p;) {
        size_t at = home(h, h->slot[i].at);
        if (((i - at) & (h->cap - 1)) >= ((i - gap) & (h->cap - 1))) {
            h->slot[gap] = h->slot[i];
            h->slot[i].p = NULL;
            gap = i;
        }
    }
    h->slot[gap] = (struct second){0};
    uint8_t *p = h->now.p;
    for (size_t k = 0; k < h->now.count; k++) {
        uint64_t length;
        memcpy(&length, p, sizeof length);
        h->item[k].p = p;
        memcpy(&h->item[k].start_us, p + sizeof length + offsetof(struct flow, start_us), sizeof h->item[k].start_us);
        p += length;
    }
    h->told = 0;
    h->n_items = h->now.count;
    qsort(h->item, h->n_items, sizeof *h->item, compare);
    return true;
}

int log_hold_take(struct log_hold *h, int64_t until_us, struct flow *out)
{
    if (h->told == h->n_items) {
        if (h->n_seconds == 0 || h->heap[0] >= second_of(until_us))
            return 0;
        if (!begin(h))
            return POSSE_ENOMEM;
    }
    unpack(h->item[h->told++].p, out);
    h->count--;
    return 1;
}

bool log_hold_is_past(const struct log_hold *h, int64_t start_us) { return h->has_begun && second_of(start_us) <= h->now.at; }
size_t log_hold_count(const struct log_hold *h) { return h->count; }
size_t log_hold_bytes(const struct log_hold *h) { return h->bytes + h->now.cap; }

int64_t log_hold_first(const struct log_hold *h)
{
    if (h->n_seconds == 0)
        return INT64_MAX;
    return h->heap[0] > INT64_MAX / SECOND_US ? INT64_MAX : h->heap[0] * SECOND_US;
}
