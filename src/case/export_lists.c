/* Blocklists. What stands in them is text of three kinds only: our own, names and addresses that the guard let through, and reasons in
 * plain ASCII without the characters that mean something to any of the readers (quotes, $, ;, #, \, {, }, <, >, line ends). */
#include <inttypes.h>
#include <stdio.h>

#include "case/export.h"

enum { REASON_TEXT = 200, NFT_COMMENT = 120 /* nft takes 128 */, FRESH_S = 300 };

#define EACH_LISTED(e, c) \
    for (const struct entry *e = (c)->entries.entry, *end_ = e + (c)->entries.n; e < end_; e++) \
        if (!e->left_out)

/* ---- RPZ: a zone that a resolver is told to obey ---- */

static void rpz_address(struct buf *b, const struct ip *ip)
{
    if (ip_is_v4(ip)) {
        buf_add_fmt(b, "32.%u.%u.%u.%u.rpz-ip", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
        return;
    }
    /* Groups from the last to the first; one run of two or more zero groups, the longest, is "zz". */
    unsigned group[8], best = 8, most = 1;
    for (unsigned i = 0; i < 8; i++)
        group[i] = (unsigned)(ip->b[2 * i] << 8 | ip->b[2 * i + 1]);
    for (unsigned i = 0, n = 0; i < 8; i++) {
        n = group[i] ? 0 : n + 1;
        if (n > most) {
            most = n;
            best = i + 1 - n;
        }
    }
    buf_add_str(b, "128.");
    for (unsigned i = 8; i-- > 0;) {
        if (most > 1 && i >= best && i < best + most) {
            buf_add_str(b, i == best ? "zz." : "");
            continue;
        }
        buf_add_fmt(b, "%x.", group[i]);
    }
    buf_add_str(b, "rpz-ip");
}

int export_rpz(const struct export_case *c, struct buf *b)
{
    export_head(b, c, ";", "response policy zone: these names, and what resolves to these addresses, do not exist");
    /* The serial is the time in seconds: a later export is the newer zone. */
    buf_add_fmt(b, "$TTL %d\n@ IN SOA localhost. hostmaster.localhost. %u 3600 600 604800 %d\n@ IN NS localhost.\n", FRESH_S,
                (unsigned)(c->now_ms / 1000), FRESH_S);
    EACH_LISTED(e, c)
    {
        if (e->role == ENTRY_SENDER) /* who sends is no answer that anybody would ask for */
            continue;
        buf_add_str(b, "; ");
        export_reason(b, c, e, REASON_TEXT);
        buf_add_byte(b, '\n');
        if (e->is_name) {
            buf_add_fmt(b, "%.*s CNAME .\n*.%.*s CNAME .\n", (int)e->text.n, (const char *)e->text.p, (int)e->text.n, (const char *)e->text.p);
            continue;
        }
        rpz_address(b, &e->ip);
        buf_add_str(b, " CNAME .\n");
    }
    return buf_error(b);
}

/* ---- rbldnsd: zones that mail servers ask (RFC 5782: 127.0.0.2 is always listed, 127.0.0.1 never; of names "test" and "invalid") ---- */

static void rbldnsd_head(struct buf *b, const struct export_case *c, const char *what)
{
    export_head(b, c, "#", what);
    buf_add_fmt(b, "$SOA %d localhost hostmaster.localhost %u 3600 600 604800 %d\n$NS %d localhost\n$TTL %d\n", FRESH_S,
                (unsigned)(c->now_ms / 1000), FRESH_S, FRESH_S, FRESH_S);
}

static void rbldnsd_entry(struct buf *b, const struct export_case *c, const struct entry *e, const char *before)
{
    static const unsigned code[ENTRY_ROLES] = {[ENTRY_CONTROLLER] = 4, [ENTRY_SENDER] = 2, [ENTRY_PAGE] = 3};
    buf_add_fmt(b, "%s%.*s :127.0.0.%u:", before, (int)e->text.n, (const char *)e->text.p, code[e->role]);
    export_reason(b, c, e, REASON_TEXT);
    buf_add_byte(b, '\n');
}

int export_rbldnsd_ip4(const struct export_case *c, struct buf *b)
{
    rbldnsd_head(b, c, "rbldnsd ip4set: 127.0.0.2 sent spam, 127.0.0.4 controller");
    buf_add_str(b, "127.0.0.2 :127.0.0.2:test entry\n");
    EACH_LISTED(e, c)
        if (!e->is_name && ip_is_v4(&e->ip))
            rbldnsd_entry(b, c, e, "");
    return buf_error(b);
}

int export_rbldnsd_ip6(const struct export_case *c, struct buf *b)
{
    rbldnsd_head(b, c, "rbldnsd ip6trie: 127.0.0.2 sent spam, 127.0.0.4 controller");
    buf_add_str(b, "::ffff:7f00:2 :127.0.0.2:test entry\n");
    EACH_LISTED(e, c)
        if (!e->is_name && !ip_is_v4(&e->ip))
            rbldnsd_entry(b, c, e, "");
    return buf_error(b);
}

int export_rbldnsd_names(const struct export_case *c, struct buf *b)
{
    rbldnsd_head(b, c, "rbldnsd dnset: 127.0.0.3 spam links to it, 127.0.0.4 controller");
    buf_add_str(b, "test :127.0.0.2:test entry\n");
    EACH_LISTED(e, c)
        if (e->is_name)
            rbldnsd_entry(b, c, e, "."); /* with the dot: the name and all below it */
    return buf_error(b);
}

/* ---- nftables ---- */

int export_nft(const struct export_case *c, struct buf *b)
{
    export_head(b, c, "#", "nftables sets: load with nft -f, then use @posse4 and @posse6 in rules of table inet posse");
    buf_add_str(b, "add table inet posse\n"
                   "add set inet posse posse4 { type ipv4_addr; flags timeout; }\n"
                   "add set inet posse posse6 { type ipv6_addr; flags timeout; }\n"
                   "flush set inet posse posse4\nflush set inet posse posse6\n");
    EACH_LISTED(e, c)
    {
        if (e->is_name)
            continue;
        buf_add_fmt(b, "add element inet posse posse%c { %.*s timeout %" PRId64 "s comment \"", ip_is_v4(&e->ip) ? '4' : '6', (int)e->text.n,
                    (const char *)e->text.p, (e->until_ms - c->now_ms + 999) / 1000);
        export_reason(b, c, e, NFT_COMMENT);
        buf_add_str(b, "\" }\n");
    }
    return buf_error(b);
}

/* ---- Postfix, rspamd ---- */

int export_postfix_clients(const struct export_case *c, struct buf *b)
{
    export_head(b, c, "#", "Postfix: smtpd_client_restrictions = check_client_access cidr:/path/postfix-clients.cidr");
    EACH_LISTED(e, c)
    {
        if (e->is_name)
            continue;
        buf_add_fmt(b, "%.*s/%d REJECT ", (int)e->text.n, (const char *)e->text.p, ip_is_v4(&e->ip) ? 32 : 128);
        export_reason(b, c, e, REASON_TEXT);
        buf_add_byte(b, '\n');
    }
    return buf_error(b);
}

int export_postfix_names(const struct export_case *c, struct buf *b)
{
    export_head(b, c, "#", "Postfix: check_sender_access, check_helo_access or check_reverse_client_hostname_access, texthash:/path/postfix-names");
    EACH_LISTED(e, c)
    {
        for (int below = 0; e->is_name && below < 2; below++) { /* whichever parent_domain_matches_subdomains says */
            buf_add_fmt(b, "%s%.*s REJECT ", below ? "." : "", (int)e->text.n, (const char *)e->text.p);
            export_reason(b, c, e, REASON_TEXT);
            buf_add_byte(b, '\n');
        }
    }
    return buf_error(b);
}

static int rspamd_map(const struct export_case *c, struct buf *b, bool of_names, const char *what)
{
    export_head(b, c, "#", what);
    EACH_LISTED(e, c)
    {
        if (e->is_name != of_names)
            continue;
        buf_add_str(b, "# ");
        export_reason(b, c, e, REASON_TEXT);
        buf_add_fmt(b, "\n%.*s\n", (int)e->text.n, (const char *)e->text.p);
    }
    return buf_error(b);
}

int export_rspamd_ips(const struct export_case *c, struct buf *b) { return rspamd_map(c, b, false, "rspamd multimap of addresses"); }
int export_rspamd_names(const struct export_case *c, struct buf *b) { return rspamd_map(c, b, true, "rspamd multimap of registered domains"); }

int export_rspamd_conf(const struct export_case *c, struct buf *b)
{
    export_head(b, c, "#", "rspamd: for local.d/multimap.conf; the maps go to /etc/rspamd/maps.d");
    buf_add_str(b, "POSSE_CASE_IP {\n  type = \"ip\";\n  map = \"/etc/rspamd/maps.d/rspamd-ips.map\";\n  score = 4.0;\n"
                   "  description = \"sent spam, or commands who does\";\n}\n"
                   "POSSE_CASE_LINK {\n  type = \"url\";\n  filter = \"tld\";\n  map = \"/etc/rspamd/maps.d/rspamd-names.map\";\n  score = 6.0;\n"
                   "  description = \"spam links to it\";\n}\n");
    return buf_error(b);
}
