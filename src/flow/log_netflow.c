/* A cursor goes over the sets of one packet, and over the records of one set. Templates and exporters sit in tables of fixed size: eight
 * places behind a hash are looked at, and the one that was used longest ago is overwritten. */
#include "flow/log_netflow.h"

#include <stdlib.h>
#include <xxhash.h>

#include "flow/log_argus.h"
#include "flow/log_line.h"
#include "flow/logs_priv.h"

enum { PROBES = 8, HEAD5 = 24, RECORD5 = 48, HEAD9 = 20, HEAD10 = 16, REVERSE = 29305, VARIABLE = 65535, GAP_MAX = 1000000 };

struct field { uint16_t type, length; uint32_t enterprise; };
struct template {
    struct ip from;
    uint32_t domain;
    uint16_t id, n_fields, least; /* least bytes of a record */
    bool is_options;
    uint8_t version;
    uint64_t used;
    struct field *field;
};
struct exporter { struct ip from; uint32_t domain, next; uint8_t version; bool is_known, is_sure; uint64_t used; };

struct netflow {
    struct template templates[NETFLOW_TEMPLATES];
    struct exporter exporters[NETFLOW_EXPORTERS];
    struct logs_lost lost;
    uint64_t clock;
    /* The packet being read. */
    struct ip from;
    const char *name;
    uint64_t number;
    unsigned version;
    const uint8_t *p, *end, *set_end; /* p: the next record or set */
    uint32_t domain, uptime_ms;
    int64_t export_us;
    unsigned left5;
    uint64_t records;      /* data records so far, for IPFIX' sequence */
    bool is_counted;       /* all of them could be counted */
    struct template *now;  /* of the set being read; NULL: between sets */
    struct exporter *exporter;
};

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t be32(const uint8_t *p) { return (uint32_t)be16(p) << 16 | be16(p + 2); }

static uint64_t be(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n && i < 8; i++)
        x = x << 8 | p[i];
    return x;
}

struct netflow *netflow_new(void) { return calloc(1, sizeof(struct netflow)); }

void netflow_free(struct netflow **np)
{
    struct netflow *n = *np;
    *np = NULL;
    if (!n)
        return;
    for (size_t i = 0; i < NETFLOW_TEMPLATES; i++)
        free(n->templates[i].field);
    free(n);
}

void netflow_lost(const struct netflow *n, struct logs_lost *out) { *out = n->lost; }

static void damaged(struct netflow *n, const char *what)
{
    logs_name(&n->lost, n->lost.lines++, n->name, n->number, what);
    n->p = n->end;
    n->now = NULL;
    n->is_counted = false;
}

static size_t hash(const struct ip *from, uint32_t domain, uint32_t id)
{
    struct { struct ip from; uint32_t domain, id; } key = {*from, domain, id};
    return (size_t)XXH3_64bits(&key, sizeof key);
}

static struct template *find_template(struct netflow *n, uint16_t id, bool make)
{
    size_t at = hash(&n->from, n->domain, id);
    struct template *oldest = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct template *t = &n->templates[(at + i) % NETFLOW_TEMPLATES];
        if (t->field && t->id == id && t->domain == n->domain && t->version == n->version && ip_compare(&t->from, &n->from) == 0) {
            t->used = ++n->clock;
            return t;
        }
        if (!oldest || t->used < oldest->used)
            oldest = t;
    }
    if (!make)
        return NULL;
    free(oldest->field);
    *oldest = (struct template){.from = n->from, .domain = n->domain, .id = id, .version = (uint8_t)n->version, .used = ++n->clock};
    return oldest;
}

static void drop_template(struct template *t)
{
    free(t->field);
    *t = (struct template){0};
}

static struct exporter *find_exporter(struct netflow *n)
{
    size_t at = hash(&n->from, n->domain, n->version);
    struct exporter *oldest = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct exporter *e = &n->exporters[(at + i) % NETFLOW_EXPORTERS];
        if (e->used && e->domain == n->domain && e->version == n->version && ip_compare(&e->from, &n->from) == 0) {
            e->used = ++n->clock;
            return e;
        }
        if (!oldest || e->used < oldest->used)
            oldest = e;
    }
    *oldest = (struct exporter){.from = n->from, .domain = n->domain, .version = (uint8_t)n->version, .used = ++n->clock};
    return oldest;
}

/* What the exporter numbered and did not arrive. A jump back or a huge one is an exporter that began anew, or packets out of order. */
static void sequence(struct netflow *n, uint32_t seq, uint32_t count)
{
    struct exporter *e = n->exporter = find_exporter(n);
    uint32_t gap = seq - e->next;
    if (e->is_known && gap && gap <= GAP_MAX)
        n->lost.records += gap;
    if (!e->is_known || gap <= GAP_MAX || gap < UINT32_MAX - GAP_MAX)
        e->next = seq + count;
    e->is_known = true;
}

unsigned netflow_version(struct span s)
{
    unsigned v = s.n >= 16 ? be16(s.p) : 0;
    if (v == 5)
        return s.n >= HEAD5 && be16(s.p + 2) >= 1 && be16(s.p + 2) <= 1364 ? 5 : 0;
    if (v == 9)
        return s.n >= HEAD9 && be16(s.p + 2) >= 1 ? 9 : 0;
    return v == 10 && be16(s.p + 2) >= HEAD10 ? 10 : 0;
}

size_t netflow_size(struct span s)
{
    switch (netflow_version(s)) {
    case 5: return HEAD5 + (size_t)RECORD5 * be16(s.p + 2);
    case 10: return be16(s.p + 2);
    case 9: break;
    default: return 0;
    }
    size_t at = HEAD9;
    while (s.n - at >= 4) {
        unsigned id = be16(s.p + at), length = be16(s.p + at + 2);
        if (id != 0 && id != 1 && id < 256) /* no set has such a number: another packet begins */
            return at;
        if (length < 4 || length > s.n - at)
            return s.n;
        at += length;
    }
    return s.n;
}

bool netflow_begin(struct netflow *n, const struct ip *from, struct span packet, const char *name, uint64_t number)
{
    const uint8_t *p = packet.p;
    n->from = *from;
    n->name = name;
    n->number = number;
    n->p = n->end = n->set_end = NULL;
    n->now = NULL;
    n->left5 = 0;
    n->records = 0;
    n->is_counted = true;
    n->exporter = NULL;
    n->version = netflow_version(packet);
    if (!n->version) {
        damaged(n, "no packet of NetFlow v5, v9 or IPFIX");
        return false;
    }
    n->end = p + packet.n;
    n->domain = n->version == 5 ? be16(p + 20) : n->version == 9 ? be32(p + 16) : be32(p + 12);
    n->uptime_ms = n->version == 10 ? 0 : be32(p + 4);
    n->export_us = (int64_t)be32(p + (n->version == 10 ? 4 : 8)) * 1000000;
    if (n->version == 5) {
        n->export_us += be32(p + 12) / 1000 % 1000000;
        n->left5 = be16(p + 2);
        sequence(n, be32(p + 16), n->left5);
        n->p = p + HEAD5;
    } else if (n->version == 9) {
        sequence(n, be32(p + 12), 1);
        n->p = p + HEAD9;
    } else {
        if (be16(p + 2) <= packet.n)
            n->end = p + be16(p + 2);
        sequence(n, be32(p + 8), 0);
        n->p = p + HEAD10;
    }
    return true;
}

static bool next5(struct netflow *n, struct flow *f)
{
    const uint8_t *p = n->p;
    if (n->left5 == 0)
        return false;
    if (n->end - p < RECORD5) {
        n->left5 = 0;
        damaged(n, "a packet that is cut short");
        return false;
    }
    n->left5--;
    n->p += RECORD5;
    log_clear(f);
    f->kind = FLOW_CONN;
    f->src = ip_of_v4(be32(p));
    f->dst = ip_of_v4(be32(p + 4));
    f->src_packets = be32(p + 16);
    f->src_bytes = be32(p + 20);
    f->start_us = n->export_us + (int64_t)(int32_t)(be32(p + 24) - n->uptime_ms) * 1000; /* both wrap after 49 days */
    int32_t ms = (int32_t)(be32(p + 28) - be32(p + 24));
    f->duration_us = ms > 0 ? (int64_t)ms * 1000 : 0;
    f->src_port = be16(p + 32);
    f->dst_port = be16(p + 34);
    f->proto = p[38];
    f->state = f->proto == 6 ? flags_state(p[37]) : FLOW_STATE_UNKNOWN;
    f->is_half = true;
    return true;
}

/* One field's description; NULL: the bytes are not enough. */
static const uint8_t *read_field(const struct netflow *n, const uint8_t *p, const uint8_t *end, struct field *out)
{
    if (end - p < 4)
        return NULL;
    *out = (struct field){be16(p), be16(p + 2), 0};
    p += 4;
    if (n->version != 10 || !(out->type & 0x8000))
        return p;
    if (end - p < 4)
        return NULL;
    out->type &= 0x7fff;
    out->enterprise = be32(p);
    return p + 4;
}

static const uint8_t *read_fields(struct netflow *n, const uint8_t *p, const uint8_t *end, uint16_t id, unsigned count, bool is_options)
{
    struct field *field = count && count <= NETFLOW_FIELDS ? malloc(count * sizeof *field) : NULL;
    uint32_t least = 0;
    for (unsigned i = 0; i < count; i++) {
        struct field one;
        p = read_field(n, p, end, &one);
        if (!p) {
            free(field);
            return NULL;
        }
        if (field)
            field[i] = one;
        least += one.length == VARIABLE ? 1 : one.length;
    }
    if (!field || least == 0 || least > UINT16_MAX) { /* withdrawn, too wide for us, or of records that have no bytes */
        struct template *t = find_template(n, id, false);
        if (t)
            drop_template(t);
        free(field);
        return p;
    }
    struct template *t = find_template(n, id, true);
    free(t->field);
    t->field = field;
    t->n_fields = (uint16_t)count;
    t->least = (uint16_t)least;
    t->is_options = is_options;
    return p;
}

/* The templates of one set. */
static void templates(struct netflow *n, const uint8_t *p, const uint8_t *end, bool is_options)
{
    while (end - p >= 4) { /* less is padding */
        uint16_t id = be16(p);
        unsigned count = be16(p + 2);
        if (id < 256)
            return; /* padding */
        p += 4;
        if (is_options && !(n->version == 10 && count == 0)) {
            if (end - p < 2) {
                damaged(n, "a template that is cut short");
                return;
            }
            if (n->version == 9)
                count = (count + be16(p)) / 4; /* bytes of scopes and of options */
            p += 2;
        }
        p = read_fields(n, p, end, id, count, is_options);
        if (!p) {
            damaged(n, "a template that is cut short");
            return;
        }
    }
}

/* What the fields of one record say, before it is known which of them count. */
struct told {
    uint64_t first, last;      /* switched: ms of uptime */
    int64_t start_us, end_us, boot_us;
    uint64_t duration_us;
    unsigned flags, back_flags, biflow;
    bool has_first, has_start, has_end, has_boot, has_src, has_dst, has_back, has_ports;
};

static int64_t ntp_us(const uint8_t *p) { return ((int64_t)be32(p) - INT64_C(2208988800)) * 1000000 + (int64_t)((uint64_t)be32(p + 4) * 1000000 >> 32); }

static int64_t times(uint64_t x, int64_t by) { return x > (uint64_t)(INT64_MAX / 2 / by) ? 0 : (int64_t)x * by; }

static void reverse_field(const struct field *f, const uint8_t *p, size_t len, struct flow *r, struct told *t)
{
    switch (f->type) {
    case 1: case 85: r->dst_bytes = be(p, len); t->has_back = true; break;
    case 2: case 86: r->dst_packets = be(p, len); t->has_back = true; break;
    case 6: t->back_flags = (unsigned)be(p, len); break;
    default: break;
    }
}

static void time_field(const struct netflow *n, unsigned type, const uint8_t *p, size_t len, struct told *t)
{
    uint64_t x = be(p, len);
    switch (type) {
    case 22: t->first = x; t->has_first = true; return;
    case 21: t->last = x; return;
    case 160: t->boot_us = times(x, 1000); t->has_boot = true; return;
    case 161: t->duration_us = (uint64_t)times(x, 1000); return;
    case 162: t->duration_us = x > INT64_MAX / 2 ? 0 : x; return;
    case 150: t->start_us = times(x, 1000000); break;
    case 151: t->end_us = times(x, 1000000); break;
    case 152: t->start_us = times(x, 1000); break;
    case 153: t->end_us = times(x, 1000); break;
    case 154: case 156: t->start_us = len == 8 ? ntp_us(p) : 0; break;
    case 155: case 157: t->end_us = len == 8 ? ntp_us(p) : 0; break;
    case 158: t->start_us = n->export_us - times(x, 1); break;
    case 159: t->end_us = n->export_us - times(x, 1); break;
    default: return;
    }
    bool is_start = type == 158 || (type <= 156 && type % 2 == 0);
    *(is_start ? &t->has_start : &t->has_end) = true;
}

static void one_field(const struct netflow *n, const struct field *f, const uint8_t *p, size_t len, struct flow *r, struct told *t)
{
    if (f->enterprise) {
        if (f->enterprise == REVERSE)
            reverse_field(f, p, len, r, t);
        return;
    }
    switch (f->type) {
    case 1: case 85: case 231: r->src_bytes = be(p, len); break;
    case 2: case 86: case 298: r->src_packets = be(p, len); break;
    case 232: r->dst_bytes = be(p, len); t->has_back = true; break;
    case 299: r->dst_packets = be(p, len); t->has_back = true; break;
    case 4: r->proto = (uint8_t)be(p, len); break;
    case 6: t->flags = (unsigned)be(p, len); break;
    case 7: r->src_port = (uint16_t)be(p, len); t->has_ports = true; break;
    case 11: r->dst_port = (uint16_t)be(p, len); t->has_ports = true; break;
    case 32: case 139:
        if (!t->has_ports)
            r->dst_port = (uint16_t)be(p, len); /* ICMP: type and code, where NetFlow v5 has them */
        break;
    case 8: case 12:
        if (len == 4) {
            *(f->type == 8 ? &r->src : &r->dst) = ip_of_v4(be32(p));
            *(f->type == 8 ? &t->has_src : &t->has_dst) = true;
        }
        break;
    case 27: case 28:
        if (len == 16 && !(f->type == 27 ? t->has_src : t->has_dst)) {
            memcpy((f->type == 27 ? &r->src : &r->dst)->b, p, 16);
            *(f->type == 27 ? &t->has_src : &t->has_dst) = true;
        }
        break;
    case 239: t->biflow = (unsigned)be(p, len); break;
    default: time_field(n, f->type, p, len, t); break;
    }
}

static void finish(const struct netflow *n, struct flow *r, const struct told *t)
{
    int64_t boot_us = t->has_boot ? t->boot_us : n->export_us;
    r->start_us = n->export_us;
    if (t->has_start) {
        r->start_us = t->start_us;
        r->duration_us = t->has_end && t->end_us > t->start_us ? t->end_us - t->start_us : (int64_t)t->duration_us;
    } else if (t->has_first && (n->version == 9 || t->has_boot)) {
        int32_t ms = (int32_t)((uint32_t)t->last - (uint32_t)t->first);
        r->start_us = t->has_boot ? boot_us + (int64_t)(uint32_t)t->first * 1000 : boot_us + (int64_t)(int32_t)((uint32_t)t->first - n->uptime_ms) * 1000;
        r->duration_us = ms > 0 ? (int64_t)ms * 1000 : (int64_t)t->duration_us;
    } else if (t->has_end) {
        r->duration_us = (int64_t)t->duration_us;
        r->start_us = t->end_us - r->duration_us;
    }
    r->is_half = !t->has_back;
    if (r->proto == 6)
        r->state = t->has_back ? tcp_state(t->flags, t->back_flags) : flags_state(t->flags);
    else if (t->has_back)
        r->state = r->dst_packets ? FLOW_STATE_ESTABLISHED : FLOW_STATE_TRIED;
}

/* One record by its template; its length, 0: the bytes are not enough. */
static size_t record(const struct netflow *n, const uint8_t *p, const uint8_t *end, struct flow *r, bool *is_flow)
{
    const struct template *t = n->now;
    const uint8_t *from = p;
    struct told told = {0};
    log_clear(r);
    r->kind = FLOW_CONN;
    for (unsigned i = 0; i < t->n_fields; i++) {
        size_t len = t->field[i].length;
        if (len == VARIABLE) {
            if (end - p < 1)
                return 0;
            len = *p++;
            if (len == 255) {
                if (end - p < 2)
                    return 0;
                len = be16(p);
                p += 2;
            }
        }
        if ((size_t)(end - p) < len)
            return 0;
        if (!t->is_options)
            one_field(n, &t->field[i], p, len, r, &told);
        p += len;
    }
    *is_flow = !t->is_options && told.has_src && told.has_dst;
    finish(n, r, &told);
    return (size_t)(p - from);
}

/* The next set that has records: n->now is its template. */
static bool next_set(struct netflow *n)
{
    while (n->end - n->p >= 4) {
        unsigned id = be16(n->p), length = be16(n->p + 2);
        const uint8_t *body = n->p + 4;
        if (length < 4 || length > n->end - n->p) {
            damaged(n, "a packet that is cut short");
            return false;
        }
        n->p += length;
        if (id == (n->version == 9 ? 0 : 2) || id == (n->version == 9 ? 1 : 3)) {
            templates(n, body, n->p, id == (n->version == 9 ? 1 : 3));
        } else if (id >= 256) {
            n->now = find_template(n, (uint16_t)id, false);
            if (n->now) {
                n->set_end = n->p;
                n->p = body;
                return true;
            }
            logs_name(&n->lost, n->lost.lines++, n->name, n->number, "records whose template did not come");
            n->is_counted = false;
        }
    }
    return false;
}

/* IPFIX numbers its records: what comes next can be foretold if all of these could be counted. */
static void end_packet(struct netflow *n)
{
    if (n->version == 10 && n->exporter) {
        n->exporter->next += (uint32_t)n->records;
        n->exporter->is_known = n->is_counted;
    }
    n->exporter = NULL;
}

bool netflow_next(struct netflow *n, struct flow *out)
{
    if (n->version == 5)
        return next5(n, out);
    for (;;) {
        bool is_flow = false;
        if (!n->now && !next_set(n)) {
            end_packet(n);
            return false;
        }
        size_t used = n->set_end - n->p >= n->now->least ? record(n, n->p, n->set_end, out, &is_flow) : 0;
        if (used == 0) { /* padding, or a record that is cut short */
            if (n->set_end - n->p >= n->now->least)
                logs_name(&n->lost, n->lost.lines++, n->name, n->number, "a record that is longer than its set");
            n->p = n->set_end;
            n->now = NULL;
            continue;
        }
        n->p += used;
        n->records++;
        if (is_flow)
            return true;
        n->lost.others++;
    }
}
