#include "serve/rspamd_proto.h"

#include <stdlib.h>

#include "base/error.h"
#include "serve/nets.h"

void rspamd_request_clear(struct rspamd_request *r)
{
    struct span *rcpt = r->rcpt;
    size_t cap = r->cap_rcpt;
    r->rcpt = NULL;
    rspamd_request_deinit(r);
    r->rcpt = rcpt;
    r->cap_rcpt = cap;
}

struct span rspamd_address(struct span value)
{
    struct span s = span_trim(value);
    ptrdiff_t open = span_chr(s, '<');
    if (open < 0)
        return s;
    s = span_sub(s, (size_t)open + 1, s.n);
    ptrdiff_t close = span_chr(s, '>');
    return span_trim(close < 0 ? s : span_sub(s, 0, (size_t)close));
}

static void add_rcpt(struct rspamd_request *r, struct span value)
{
    struct span a = rspamd_address(value);
    if (a.n == 0 || r->n_rcpt == RSPAMD_RCPT_MAX || r->err)
        return;
    if (r->n_rcpt == r->cap_rcpt) {
        size_t cap = r->cap_rcpt ? r->cap_rcpt * 2 : 8;
        struct span *more = realloc(r->rcpt, cap * sizeof *more);
        if (!more) {
            r->err = POSSE_ENOMEM;
            return;
        }
        r->rcpt = more;
        r->cap_rcpt = cap;
    }
    r->rcpt[r->n_rcpt++] = a;
}

/* One address, or several with commas between them: not those in quotes or brackets. */
static void add_rcpts(struct rspamd_request *r, struct span value)
{
    bool quoted = false, angle = false;
    size_t from = 0;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>'))
            angle = c == '<';
        else if (!quoted && !angle && c == ',') {
            add_rcpt(r, span_sub(value, from, i));
            from = i + 1;
        }
    }
    add_rcpt(r, span_sub(value, from, value.n));
}

static void add_coding(struct rspamd_request *r, struct span value)
{
    value = span_trim(value);
    if (span_ieq(value, SPAN_LIT("zstd")))
        r->is_zstd = true;
    else if (value.n && !span_ieq(value, SPAN_LIT("identity")))
        r->other_coding = true;
}

enum header { H_IP, H_HELO, H_HOSTNAME, H_FROM, H_USER, H_DELIVER_TO, H_QUEUE_ID, H_PASSWORD, H_RCPT, H_COMPRESSION, H_CODING,
              H_ACCEPT, H_FILE, H_FLAGS, H_RELAYED };
#define NAME(s) sizeof(s) - 1, s
static const struct { size_t n; const char *name; enum header id; } headers[] = {
    {NAME("IP"), H_IP}, {NAME("Helo"), H_HELO}, {NAME("Hostname"), H_HOSTNAME}, {NAME("From"), H_FROM},
    {NAME("User"), H_USER}, {NAME("Deliver-To"), H_DELIVER_TO}, {NAME("Queue-Id"), H_QUEUE_ID},
    {NAME("Password"), H_PASSWORD}, {NAME("Rcpt"), H_RCPT}, {NAME("Compression"), H_COMPRESSION},
    {NAME("Content-Encoding"), H_CODING}, {NAME("Accept-Encoding"), H_ACCEPT}, {NAME("File"), H_FILE},
    {NAME("Path"), H_FILE}, {NAME("Shm"), H_FILE}, {NAME("Flags"), H_FLAGS},
    {NAME("Forwarded"), H_RELAYED}, {NAME("X-Forwarded-For"), H_RELAYED}, {NAME("X-Real-IP"), H_RELAYED},
    {NAME("Via"), H_RELAYED}, {NAME("Origin"), H_RELAYED},
};

void rspamd_header(struct rspamd_request *r, struct span name, struct span value)
{
    size_t i = 0, n = sizeof headers / sizeof *headers;
    while (i < n && (headers[i].n != name.n || !span_ieq(span_of(headers[i].name, name.n), name)))
        i++;
    if (i == n)
        return;
    value = span_trim(value);
    switch (headers[i].id) {
    case H_IP: r->ip = address_is_text(value) ? value : SPAN_NONE; break;
    case H_HELO: r->helo = value; break;
    case H_HOSTNAME: r->hostname = span_ieq(value, SPAN_LIT("unknown")) ? SPAN_NONE : value; break;
    case H_FROM: r->from = rspamd_address(value); break;
    case H_USER: r->user = value; break;
    case H_DELIVER_TO: r->deliver_to = rspamd_address(value); break;
    case H_QUEUE_ID: r->queue_id = value; break;
    case H_PASSWORD: r->password = value; break;
    case H_RCPT: add_rcpts(r, value); break;
    case H_COMPRESSION: r->wants_zstd |= span_ieq(value, SPAN_LIT("zstd")); add_coding(r, value); break;
    case H_CODING: add_coding(r, value); break;
    case H_ACCEPT: r->accepts_zstd |= span_ifind(value, SPAN_LIT("zstd")) >= 0; break;
    case H_FLAGS: r->wants_zstd |= span_ifind(value, SPAN_LIT("zstd")) >= 0; break;
    case H_FILE: r->names_file = true; break;
    case H_RELAYED: r->is_relayed = true; break;
    }
}

void rspamd_envelope(const struct rspamd_request *r, bool is_trusted, struct envelope *env, enum policy_who *who)
{
    *env = (struct envelope){.helo = r->helo, .from = r->from, .rcpt = r->rcpt, .n_rcpt = r->n_rcpt};
    *who = POLICY_REMOTE;
    if (r->n_rcpt == 0 && r->deliver_to.n) {
        env->rcpt = &r->deliver_to;
        env->n_rcpt = 1;
    }
    if (!is_trusted)
        return;
    env->client_addr = r->ip;
    env->client_name = r->hostname;
    env->auth_user = r->user;
    if (r->user.n)
        *who = POLICY_AUTHENTICATED;
    else if (address_is_loopback(r->ip))
        *who = POLICY_LOCAL;
}
