#include "flow/log_argus.h"

#include <stdio.h>

#include "flow/log_text.h"

enum key {
    SKIP, START, END, DURATION, PROTO, SRC, SPORT, DIR, DST, DPORT, STATE, PACKETS, BYTES, SRC_BYTES, SRC_PACKETS, DST_BYTES, DST_PACKETS,
    LABEL, FLAGS, KEYS
};
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const struct { struct span name; uint8_t key; } names[] = {
    {LOG_NAME("StartTime"), START}, {LOG_NAME("Dur"), DURATION}, {LOG_NAME("Proto"), PROTO}, {LOG_NAME("SrcAddr"), SRC},
    {LOG_NAME("Sport"), SPORT}, {LOG_NAME("Dir"), DIR}, {LOG_NAME("DstAddr"), DST}, {LOG_NAME("Dport"), DPORT}, {LOG_NAME("State"), STATE},
    {LOG_NAME("TotPkts"), PACKETS}, {LOG_NAME("TotBytes"), BYTES}, {LOG_NAME("SrcBytes"), SRC_BYTES}, {LOG_NAME("SrcPkts"), SRC_PACKETS},
    {LOG_NAME("DstBytes"), DST_BYTES}, {LOG_NAME("DstPkts"), DST_PACKETS}, {LOG_NAME("Label"), LABEL}, {LOG_NAME("LastTime"), END},
    /* nfdump 1.6 */
    {LOG_NAME("ts"), START}, {LOG_NAME("te"), END}, {LOG_NAME("td"), DURATION}, {LOG_NAME("sa"), SRC}, {LOG_NAME("da"), DST},
    {LOG_NAME("sp"), SPORT}, {LOG_NAME("dp"), DPORT}, {LOG_NAME("pr"), PROTO}, {LOG_NAME("flg"), FLAGS}, {LOG_NAME("ipkt"), SRC_PACKETS},
    {LOG_NAME("ibyt"), SRC_BYTES}, {LOG_NAME("opkt"), DST_PACKETS}, {LOG_NAME("obyt"), DST_BYTES},
    /* nfdump 1.7 */
    {LOG_NAME("firstSeen"), START}, {LOG_NAME("duration"), DURATION}, {LOG_NAME("srcPort"), SPORT}, {LOG_NAME("dstPort"), DPORT},
    {LOG_NAME("packets"), SRC_PACKETS}, {LOG_NAME("bytes"), SRC_BYTES}, {LOG_NAME("flags"), FLAGS},
};

static uint8_t key_of(struct span s)
{
    s = span_trim(s);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_ieq(s, names[i].name))
            return names[i].key;
    return SKIP;
}

bool columns_header(struct columns *c, struct span line)
{
    struct columns got = {0};
    struct span rest = line, name;
    uint64_t has = 0;
    if (span_istarts(line, SPAN_LIT("Date f"))) { /* "Date first seen", "Date flow start": words from here on */
        *c = (struct columns){.separator = ' ', .is_ready = true, .has_flags = span_find(line, SPAN_LIT("Flags")) >= 0};
        return true;
    }
    got.separator = span_chr(line, '\t') >= 0 ? '\t' : ',';
    for (; log_field(&rest, got.separator, &name); got.n++) {
        uint8_t key = got.n < COLUMNS_MAX ? key_of(name) : SKIP;
        if (key == SKIP || has >> key & 1)
            continue;
        has |= UINT64_C(1) << key;
        got.key[got.n] = key;
        got.last = got.n + 1;
    }
    if (!(has >> START & 1) || !(has >> SRC & 1) || !(has >> DST & 1))
        return false;
    got.is_ready = true;
    *c = got;
    return true;
}

/* What stands for nobody in particular in columns of flags: "FSPA". */
static unsigned flags_of(struct span s)
{
    unsigned f = 0;
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case 'F': f |= FIN; break;
        case 'S': f |= SYN; break;
        case 'R': f |= RST; break;
        case 'P': f |= PSH; break;
        case 'A': f |= ACK; break;
        default: break;
        }
    return f;
}

uint8_t flags_state(unsigned f)
{
    if (f & RST)
        return f & SYN ? f & ACK ? FLOW_STATE_RESET : FLOW_STATE_TRIED : FLOW_STATE_REFUSED;
    if (f & FIN)
        return f & ACK ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED;
    if (f & ACK)
        return FLOW_STATE_ESTABLISHED;
    return f & SYN ? FLOW_STATE_TRIED : FLOW_STATE_UNKNOWN;
}

uint8_t tcp_state(unsigned src, unsigned dst)
{
    if (!dst)
        return src ? FLOW_STATE_TRIED : FLOW_STATE_UNKNOWN;
    if (dst & RST && !(dst & SYN) && src & SYN)
        return FLOW_STATE_REFUSED;
    if (src & FIN && dst & FIN)
        return FLOW_STATE_CLOSED;
    if ((src | dst) & RST)
        return FLOW_STATE_RESET;
    return FLOW_STATE_ESTABLISHED;
}

uint8_t argus_state(struct span s, uint8_t proto)
{
    static const struct { struct span name; uint8_t is; } words[] = {
        {LOG_NAME("CON"), FLOW_STATE_ESTABLISHED}, {LOG_NAME("EST"), FLOW_STATE_ESTABLISHED}, {LOG_NAME("INT"), FLOW_STATE_TRIED},
        {LOG_NAME("REQ"), FLOW_STATE_TRIED}, {LOG_NAME("ACC"), FLOW_STATE_ESTABLISHED}, {LOG_NAME("FIN"), FLOW_STATE_CLOSED},
        {LOG_NAME("CLO"), FLOW_STATE_CLOSED}, {LOG_NAME("RST"), FLOW_STATE_RESET}, {LOG_NAME("ECR"), FLOW_STATE_ESTABLISHED},
        {LOG_NAME("ECO"), FLOW_STATE_TRIED},
    };
    s = span_trim(s);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_eq(s, words[i].name))
            return words[i].is;
    ptrdiff_t bar = span_chr(s, '_');
    if (proto != 6 || bar < 0)
        return FLOW_STATE_UNKNOWN;
    return tcp_state(flags_of(span_sub(s, 0, (size_t)bar)), flags_of(span_sub(s, (size_t)bar + 1, s.n)));
}

static bool time_of(struct span s, int64_t *out)
{
    s = span_trim(s);
    return span_chr(s, ':') >= 0 ? log_date(s, out) : log_seconds(s, out);
}

/* A name or Argus' empty column is a port that is not known. */
static uint16_t port_of(struct span s)
{
    uint16_t port = 0;
    s = span_trim(s);
    ptrdiff_t dot = span_chr(s, '.'); /* ICMP of nfdump: type.code */
    log_port(dot > 0 ? span_sub(s, 0, (size_t)dot) : s, &port);
    return port;
}

static void turn(struct flow *f)
{
    struct flow was = *f;
    f->src = was.dst, f->dst = was.src;
    f->src_port = was.dst_port, f->dst_port = was.src_port;
    f->src_bytes = was.dst_bytes, f->dst_bytes = was.src_bytes;
    f->src_packets = was.dst_packets, f->dst_packets = was.src_packets;
}

static uint64_t number(const struct span v[KEYS], unsigned key, bool *ok)
{
    uint64_t x = 0;
    struct span s = span_trim(v[key]);
    if (s.n && !log_u64(s, &x))
        *ok = false;
    return x;
}

/* Totals less what is told of one side are the other's. */
static bool counts(const struct span v[KEYS], struct flow *f)
{
    bool ok = true;
    uint64_t bytes = number(v, BYTES, &ok), packets = number(v, PACKETS, &ok);
    f->src_bytes = number(v, SRC_BYTES, &ok);
    f->dst_bytes = number(v, DST_BYTES, &ok);
    f->src_packets = number(v, SRC_PACKETS, &ok);
    f->dst_packets = number(v, DST_PACKETS, &ok);
    if (!v[DST_BYTES].p && bytes >= f->src_bytes && v[SRC_BYTES].p)
        f->dst_bytes = bytes - f->src_bytes;
    if (!v[DST_PACKETS].p && packets >= f->src_packets && v[SRC_PACKETS].p)
        f->dst_packets = packets - f->src_packets;
    else if (!v[SRC_PACKETS].p)
        f->src_packets = packets; /* of both: nothing tells them apart */
    return ok;
}

static enum log_line record(const struct span v[KEYS], struct flow *f, struct log_why *why)
{
    int64_t end;
    bool has_proto;
    log_clear(f);
    f->kind = FLOW_CONN;
    has_proto = log_proto(span_trim(v[PROTO]), &f->proto);
    if (!log_ip(span_trim(v[SRC]), &f->src))
        return has_proto && v[SRC].n ? log_broken(why, "is no address", SPAN_LIT("source"), v[SRC]) : LOG_OTHER;
    if (!log_ip(span_trim(v[DST]), &f->dst))
        return has_proto && v[DST].n ? log_broken(why, "is no address", SPAN_LIT("destination"), v[DST]) : LOG_OTHER;
    if (!has_proto && v[PROTO].n)
        return LOG_OTHER;
    if (!time_of(v[START], &f->start_us))
        return log_broken(why, "is no time", SPAN_LIT("start"), v[START]);
    if (span_trim(v[DURATION]).n) {
        if (!log_seconds(span_trim(v[DURATION]), &f->duration_us) || f->duration_us < 0)
            return log_broken(why, "is no duration", SPAN_LIT("duration"), v[DURATION]);
    } else if (v[END].n && time_of(v[END], &end) && end > f->start_us) {
        f->duration_us = end - f->start_us;
    }
    if (!counts(v, f))
        return log_broken(why, "a number of bytes or packets is none", SPAN_NONE, SPAN_NONE);
    f->src_port = port_of(v[SPORT]);
    f->dst_port = port_of(v[DPORT]);
    f->label = span_trim(v[LABEL]);
    if (v[FLAGS].n)
        f->state = f->proto == 6 ? flags_state(flags_of(v[FLAGS])) : FLOW_STATE_UNKNOWN;
    else
        f->state = argus_state(v[STATE], f->proto);
    f->is_half = v[STATE].p == NULL && f->dst_packets == 0;
    if (span_eq(span_trim(v[DIR]), SPAN_LIT("<-")) || span_eq(span_trim(v[DIR]), SPAN_LIT("<?")))
        turn(f);
    return LOG_RECORD;
}

/* The next word; false: none is left. */
static bool next_word(struct span *rest, struct span *out)
{
    *rest = span_trim(*rest);
    size_t n = 0;
    while (n < rest->n && !ascii_is_space(rest->p[n]))
        n++;
    *out = span_sub(*rest, 0, n);
    *rest = span_sub(*rest, n, rest->n);
    return n > 0;
}

/* "192.0.2.1:443", also "192.0.2.1:0:0"; "2001:db8::1.443": a dot, since colons are taken. */
static void split_port(struct span s, struct span *ip, struct span *port)
{
    ptrdiff_t colon = span_chr(s, ':'), dot = span_chr(s, '.');
    bool is_v6 = colon >= 0 && (dot < 0 || colon < dot);
    size_t at = s.n;
    if (is_v6)
        for (at = s.n; at > 0 && s.p[at - 1] != '.' && s.p[at - 1] != ':';)
            at--;
    if (is_v6 && (at == 0 || s.p[at - 1] == ':'))
        at = s.n + 1; /* no port */
    if (!is_v6)
        at = colon < 0 ? s.n + 1 : (size_t)colon + 1;
    *ip = span_sub(s, 0, at - 1);
    *port = span_sub(s, at, s.n);
    colon = span_chr(*port, ':');
    if (colon >= 0)
        *port = span_sub(*port, 0, (size_t)colon);
}

/* "1231" or, for people, "1.2 M" (what is a million to nfdump is 10^6). */
static bool next_count(struct span *rest, uint64_t *out)
{
    struct span s, after, unit;
    int64_t us;
    if (!next_word(rest, &s))
        return false;
    after = *rest;
    if (next_word(&after, &unit) && unit.n == 1 && memchr("KMGT", unit.p[0], 4) && log_seconds(s, &us) && us >= 0 && us < INT64_C(1000000000000)) {
        uint64_t by = unit.p[0] == 'K' ? 1000 : unit.p[0] == 'M' ? 1000000 : unit.p[0] == 'G' ? 1000000000 : UINT64_C(1000000000000);
        *out = by < 1000000 ? (uint64_t)us / 1000 : (uint64_t)us * (by / 1000000);
        *rest = after;
        return true;
    }
    return log_u64(s, out);
}

/* "2013-07-09 01:00:23.040 0.028 UDP 192.0.2.1:53 -> 192.0.2.9:49058 ...... 0 1 126 1 [label]" */
static enum log_line words(const struct columns *c, struct span line, struct flow *f, struct log_why *why)
{
    struct span rest = line, day, time, w, v[KEYS] = {{0}};
    uint64_t packets = 0, bytes = 0, flows = 0;
    if (line.n == 0 || !ascii_is_digit(line.p[0]))
        return LOG_NOTHING; /* the summary below */
    if (!next_word(&rest, &day) || !next_word(&rest, &time) || !next_word(&rest, &v[DURATION]) || !next_word(&rest, &v[PROTO]) ||
        !next_word(&rest, &w))
        return log_broken(why, "words are missing", SPAN_NONE, SPAN_NONE);
    split_port(w, &v[SRC], &v[SPORT]);
    if (!next_word(&rest, &w) || !span_eq(w, SPAN_LIT("->")) || !next_word(&rest, &w))
        return log_broken(why, "an arrow and an address are missing", SPAN_NONE, SPAN_NONE);
    split_port(w, &v[DST], &v[DPORT]);
    if (c->has_flags && (!next_word(&rest, &v[FLAGS]) || !next_word(&rest, &w)))
        return log_broken(why, "words are missing", SPAN_NONE, SPAN_NONE);
    if (!next_count(&rest, &packets) || !next_count(&rest, &bytes) || !next_count(&rest, &flows))
        return log_broken(why, "packets, bytes and flows are missing", SPAN_NONE, SPAN_NONE);
    char when[48];
    if (day.n + time.n + 2 > sizeof when)
        return log_broken(why, "is no time", day, SPAN_NONE);
    snprintf(when, sizeof when, "%.*s %.*s", (int)day.n, (const char *)day.p, (int)time.n, (const char *)time.p);
    v[START] = span_str(when);
    v[LABEL] = rest;
    enum log_line rc = record(v, f, why);
    f->src_packets = packets;
    f->src_bytes = bytes;
    f->is_half = true;
    return rc;
}

enum log_line columns_line(struct columns *c, struct span line, struct flow *out, struct log_why *why)
{
    struct span rest = line, s, v[KEYS] = {{0}};
    struct columns again;
    size_t i = 0;
    if (line.n == 0)
        return LOG_NOTHING;
    if (ascii_is_alpha(line.p[0]) && columns_header(&again, line)) { /* files put together */
        *c = again;
        return LOG_NOTHING;
    }
    if (c->separator == ' ')
        return words(c, line, out, why);
    if (span_istarts(line, SPAN_LIT("Summary")) || line.p[0] == '#')
        return LOG_NOTHING;
    for (; log_field(&rest, c->separator, &s); i++)
        if (i < c->last)
            v[c->key[i]] = s;
    if (i != c->n) {
        if (why)
            snprintf(why->text, sizeof why->text, "%zu columns in place of %zu", i, c->n);
        return LOG_BROKEN;
    }
    v[SKIP] = SPAN_NONE;
    return record(v, out, why);
}
