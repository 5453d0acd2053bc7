#include "zeek.h"

#include "macro.h"
#include "reserved.h"

static void stamp(struct output *o, const char *what, int64_t ms)
{
    struct civil c = civil_of(ms / 1000);
    buf_text(&o->b, what);
    buf_u64(&o->b, (uint64_t)c.year);
    const unsigned parts[] = {c.month, c.day, c.hour, c.minute, c.second};
    for (int i = 0; i < 5; i++) {
        buf_byte(&o->b, '-');
        buf_digits(&o->b, parts[i], 2);
    }
    buf_byte(&o->b, '\n');
}

static void log_open(struct output *o, const char *folder, const char *path, int64_t ms, const char *fields, const char *types)
{
    char name[16] = {0};
    strncat(name, path, 8);
    output_open(o, folder, strcat(name, ".log"));
    buf_text(&o->b, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t");
    buf_text(&o->b, path);
    buf_byte(&o->b, '\n');
    stamp(o, "#open\t", ms);
    buf_text(&o->b, fields);
    buf_text(&o->b, types);
}

#define ID_FIELDS "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t"
#define ID_TYPES "#types\ttime\tstring\taddr\tport\taddr\tport\t"

void zeek_open(struct zeek_logs *z, const char *folder, int64_t ms)
{
    *z = (struct zeek_logs){.lines = 0};
    log_open(&z->conn, folder, "conn", ms,
             ID_FIELDS "proto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\t"
                       "orig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n",
             ID_TYPES "enum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n");
    log_open(&z->dns, folder, "dns", ms,
             ID_FIELDS "proto\ttrans_id\trtt\tquery\tqclass\tqclass_name\tqtype\tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\t"
                       "answers\tTTLs\trejected\n",
             ID_TYPES "enum\tcount\tinterval\tstring\tcount\tstring\tcount\tstring\tcount\tstring\tbool\tbool\tbool\tbool\tcount\t"
                      "vector[string]\tvector[interval]\tbool\n");
    log_open(&z->http, folder, "http", ms,
             ID_FIELDS "trans_depth\tmethod\thost\turi\treferrer\tversion\tuser_agent\trequest_body_len\tresponse_body_len\tstatus_code\t"
                       "status_msg\n",
             ID_TYPES "count\tstring\tstring\tstring\tstring\tstring\tstring\tcount\tcount\tcount\tstring\n");
    log_open(&z->ssl, folder, "ssl", ms, ID_FIELDS "version\tcipher\tcurve\tserver_name\tresumed\tnext_protocol\testablished\n",
             ID_TYPES "string\tstring\tstring\tstring\tbool\tstring\tbool\n");
}

static void seconds(struct buf *b, int64_t us)
{
    buf_u64(b, (uint64_t)us / 1000000);
    buf_byte(b, '.');
    buf_digits(b, (uint64_t)us % 1000000, 6);
}

static void address(struct buf *b, uint32_t a)
{
    if (a >> 24 != 10)
        die("a flow's address is not in 10.0.0.0/8");
    for (int i = 24; i >= 0; i -= 8) {
        buf_u64(b, a >> i & 255);
        buf_text(b, i ? "." : "");
    }
}

static void text(struct buf *b, const char *s)
{
    buf_text(b, s);
    buf_byte(b, '\t');
}
static void number(struct buf *b, uint64_t v)
{
    buf_u64(b, v);
    buf_byte(b, '\t');
}

static void id_write(struct buf *b, const struct flow *f, int64_t us, uint64_t uid)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    seconds(b, us);
    buf_text(b, "\tC");
    for (int i = 0; i < 10; i++, uid /= 62)
        buf_byte(b, letters[uid % 62]);
    buf_byte(b, '\t');
    address(b, f->src);
    buf_byte(b, '\t');
    number(b, f->src_port);
    address(b, f->dst);
    buf_byte(b, '\t');
    number(b, f->dst_port);
}

static void conn_write(struct zeek_logs *z, const struct flow *f, uint64_t uid)
{
    static const char *const apps[] = {"-", "dns", "http", "ssl", "smtp", "ntp"};
    struct buf *b = &z->conn.b;
    bool is_done = f->state[0] == 'S' && f->state[1] == 'F';
    uint64_t sent = is_done ? f->sent : 0, received = is_done ? f->received : 0;
    uint64_t out = f->is_udp ? 1 : 2 + sent / 1400, in = is_done ? (f->is_udp ? 1 : 2 + received / 1400) : f->state[0] == 'R';
    id_write(b, f, f->us, uid);
    text(b, f->is_udp ? "udp" : "tcp");
    text(b, is_done ? apps[f->app] : "-");
    if (is_done) {
        seconds(b, f->duration_us);
        buf_byte(b, '\t');
        number(b, sent);
        number(b, received);
    } else {
        buf_text(b, "-\t-\t-\t");
    }
    text(b, f->state);
    text(b, f->is_inside_src ? "T\tF\t0" : "F\tT\t0");
    text(b, f->is_udp ? (is_done ? "Dd" : "D") : is_done ? "ShADadFf" : f->state[0] == 'R' ? "Sr" : "S");
    number(b, out);
    number(b, sent + out * (f->is_udp ? 28 : 40));
    number(b, in);
    number(b, received + in * (f->is_udp ? 28 : 40));
    buf_text(b, "-\n");
}

static void dns_write(struct zeek_logs *z, const struct flow *f, uint64_t uid)
{
    struct buf *b = &z->dns.b;
    id_write(b, f, f->us, uid);
    text(b, "udp");
    number(b, uid & 0xffff);
    seconds(b, f->duration_us);
    buf_byte(b, '\t');
    text(b, f->name);
    text(b, f->is_mx ? "1\tC_INTERNET\t15\tMX" : "1\tC_INTERNET\t1\tA");
    text(b, f->n_answers > 0 ? "0\tNOERROR\tF\tF\tT\tT\t0" : "3\tNXDOMAIN\tF\tF\tT\tT\t0");
    for (unsigned i = 0; i < f->n_answers; i++) {
        buf_text(b, i ? "," : "");
        if (f->is_mx)
            buf_text(b, "mail."), buf_text(b, f->name);
        else
            address(b, f->answer[i]);
    }
    buf_text(b, f->n_answers ? "\t" : "-\t-\tF\n");
    for (unsigned i = 0; i < f->n_answers; i++)
        buf_text(b, i ? ",300.000000" : "300.000000");
    buf_text(b, f->n_answers ? "\tF\n" : "");
}

static void http_write(struct zeek_logs *z, const struct flow *f, uint64_t uid, struct rng *r)
{
    static const char *const agents[] = {"Mozilla/5.0 (Windows NT 6.1; rv:2.0) Gecko/20110301", "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1)",
                                         "updater/2.1"};
    struct buf *b = &z->http.b;
    id_write(b, f, f->us + 30000, uid);
    text(b, f->sent > 600 ? "1\tPOST" : "1\tGET");
    text(b, f->name);
    buf_byte(b, '/');
    buf_hex(b, mix(f->dst, f->src) & 0xffff, 4, false);
    buf_text(b, "\t-\t1.1\t");
    text(b, agents[rng_below(r, 3)]);
    number(b, f->sent > 600 ? f->sent - 400 : 0);
    number(b, f->received > 300 ? f->received - 300 : 0);
    buf_text(b, "200\tOK\n");
}

void zeek_write(struct zeek_logs *z, const struct flow *f, struct rng *r)
{
    uint64_t uid = rng_next(r);
    if (f->name)
        reserved_check(f->name, strlen(f->name), "a name in a flow log");
    conn_write(z, f, uid);
    z->lines++;
    bool is_done = f->state[0] == 'S' && f->state[1] == 'F';
    if (is_done && f->app == APP_DNS)
        dns_write(z, f, uid);
    if (is_done && f->app == APP_HTTP)
        http_write(z, f, uid, r);
    if (is_done && f->app == APP_SSL) {
        struct buf *b = &z->ssl.b;
        id_write(b, f, f->us + 40000, uid);
        text(b, "TLSv12\tTLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\tsecp256r1");
        text(b, f->name);
        buf_text(b, "F\t-\tT\n");
    }
    output_room(&z->conn);
    output_room(&z->dns);
    output_room(&z->http);
    output_room(&z->ssl);
}

void zeek_close(struct zeek_logs *z, int64_t ms)
{
    struct output *all[] = {&z->conn, &z->dns, &z->http, &z->ssl};
    for (int i = 0; i < 4; i++) {
        stamp(all[i], "#close\t", ms);
        output_close(all[i]);
    }
}
