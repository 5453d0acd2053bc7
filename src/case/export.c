#include "case/export.h"

#include <inttypes.h>
#include <stdio.h>

const struct export_file export_files[] = {
    {EXPORT_STIX, "stix.json", export_stix},
    {EXPORT_MISP, "misp.json", export_misp},
    {EXPORT_CSV, "entries.csv", export_csv},
    {EXPORT_RPZ, "posse.rpz", export_rpz},
    {EXPORT_RBLDNSD, "posse.ip4set", export_rbldnsd_ip4},
    {EXPORT_RBLDNSD, "posse.ip6trie", export_rbldnsd_ip6},
    {EXPORT_RBLDNSD, "posse.dnset", export_rbldnsd_names},
    {EXPORT_NFT, "posse.nft", export_nft},
    {EXPORT_POSTFIX, "postfix-clients.cidr", export_postfix_clients},
    {EXPORT_POSTFIX, "postfix-names", export_postfix_names},
    {EXPORT_RSPAMD, "rspamd-ips.map", export_rspamd_ips},
    {EXPORT_RSPAMD, "rspamd-names.map", export_rspamd_names},
    {EXPORT_RSPAMD, "multimap.conf", export_rspamd_conf},
    {EXPORT_FORMS, NULL, NULL},
};

void export_z(int64_t ms, char out[EXPORT_Z])
{
    char text[CASE_TIME_TEXT];
    case_time_text(&(struct case_time){.unix_ms = ms}, text);
    snprintf(out, EXPORT_Z, "%.23sZ", text);
}

void export_plain(struct buf *b, struct span s, size_t max)
{
    for (size_t i = 0; i < s.n && i < max; i++) {
        uint8_t c = s.p[i];
        buf_add_byte(b, ascii_is_alnum(c) || (c && strchr(" .,:-_/()@+%", c)) ? c : '_');
    }
}

void export_cell(struct buf *b, struct span s)
{
    buf_add_byte(b, '"');
    if (s.n && strchr("=+-@\t\r\n", s.p[0]) && s.p[0])
        buf_add_byte(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i] < ' ' || s.p[i] == 127 ? ' ' : s.p[i]; /* a line is a row, whatever reads it */
        if (c == '"')
            buf_add_byte(b, '"');
        buf_add_byte(b, c);
    }
    buf_add_byte(b, '"');
}

void export_reason(struct buf *b, const struct export_case *c, const struct entry *e, size_t max)
{
    char last[EXPORT_Z], until[EXPORT_Z];
    struct buf tail;
    export_z(e->last_ms, last);
    export_z(e->until_ms, until);
    buf_init(&tail, 1024);
    buf_add_str(&tail, "; case ");
    export_plain(&tail, c->id, CASE_ID_MAX);
    buf_add_fmt(&tail, ", last seen %.10s, until %.10s", last, until);
    if (tail.n < max) {
        export_plain(b, e->reason, max - tail.n);
        buf_add_span(b, buf_span(&tail));
    }
    buf_deinit(&tail);
}

void export_head(struct buf *b, const struct export_case *c, const char *mark, const char *what)
{
    char now[EXPORT_Z], until[EXPORT_Z];
    int64_t first = 0;
    for (size_t i = 0; i < c->entries.n; i++)
        if (!c->entries.entry[i].left_out && (!first || c->entries.entry[i].until_ms < first))
            first = c->entries.entry[i].until_ms;
    export_z(c->now_ms, now);
    export_z(first, until);
    buf_add_fmt(b, "%s %s\n%s of case ", mark, what, mark);
    export_plain(b, c->id, CASE_ID_MAX);
    buf_add_str(b, " by ");
    export_plain(b, c->org, 200);
    if (c->contact.n) {
        buf_add_byte(b, ' ');
        export_plain(b, c->contact, 200);
    }
    buf_add_fmt(b, ", made %s\n", now);
    if (first)
        buf_add_fmt(b, "%s entries are good until the day that stands with each; make it anew before %s\n", mark, until);
    else
        buf_add_fmt(b, "%s nothing is listed\n", mark);
}

/* ---- CSV ---- */

static void cell_time(struct buf *b, int64_t ms)
{
    char text[EXPORT_Z] = "";
    if (ms)
        export_z(ms, text);
    buf_add_byte(b, ',');
    export_cell(b, span_str(text));
}

static void row(struct buf *b, const struct entry *e)
{
    export_cell(b, span_str(e->is_name ? "name" : "address"));
    buf_add_byte(b, ',');
    export_cell(b, e->text);
    buf_add_byte(b, ',');
    export_cell(b, span_str(entry_role_name(e->role)));
    buf_add_byte(b, ',');
    export_cell(b, e->reason);
    cell_time(b, e->first_ms);
    cell_time(b, e->last_ms);
    cell_time(b, e->until_ms);
    buf_add_byte(b, ',');
    export_cell(b, e->campaign);
    buf_add_byte(b, ',');
    export_cell(b, e->botnet);
    buf_add_fmt(b, ",%.3f,%" PRIu64 ",%u,", e->probability, e->messages, e->network ? e->network->asn : 0);
    export_cell(b, e->network ? e->network->name : SPAN_NONE);
    buf_add_byte(b, ',');
    export_cell(b, e->network ? e->network->country : SPAN_NONE);
    buf_add_fmt(b, ",%" PRIu64, e->exhibit);
}

static const char columns[] = "kind,value,role,reason,first_seen,last_seen,good_until,campaign,botnet,probability,messages,asn,network,country,exhibit";

int export_csv(const struct export_case *c, struct buf *b)
{
    buf_add_fmt(b, "%s\r\n", columns);
    for (size_t i = 0; i < c->entries.n; i++)
        if (!c->entries.entry[i].left_out) {
            row(b, &c->entries.entry[i]);
            buf_add_str(b, "\r\n");
        }
    return buf_error(b);
}

int export_left_out(const struct export_case *c, struct buf *b)
{
    buf_add_fmt(b, "%s,left_out\r\n", columns);
    for (size_t i = 0; i < c->entries.n; i++)
        if (c->entries.entry[i].left_out) {
            row(b, &c->entries.entry[i]);
            buf_add_byte(b, ',');
            export_cell(b, span_str(c->entries.entry[i].left_out));
            buf_add_str(b, "\r\n");
        }
    return buf_error(b);
}
