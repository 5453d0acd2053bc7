/* XARF 4.2, one report an incident. The type says no more than is known: messaging/spam over SMTP wants the envelope's sender and the
 * port that the machine sent from, which few logs have; where they are not known, a machine of a known botnet is told of as that
 * (infrastructure/botnet), and any other as spam by a protocol that is not named, with the reason in words. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/jsonout.h"
#include "case/notice.h"
#include "case/uuid.h"

enum { TEXT_MOST = 900, SUBJECT_MOST = 400, NAME_MOST = 150 };

/* At most `most` bytes, not through a character. */
static struct span cut(struct span s, size_t most)
{
    if (s.n <= most)
        return s;
    while (most && (s.p[most] & 0xc0) == 0x80)
        most--;
    return span_sub(s, 0, most);
}

static void field(struct buf *b, const char *name, struct span s, size_t most)
{
    if (!s.n)
        return;
    json_name(b, name, false);
    json_string(b, cut(s, most));
}

static void time_field(struct buf *b, const char *name, int64_t ms)
{
    char text[CASE_TIME_TEXT];
    case_time_text(&(struct case_time){.unix_ms = ms}, text);
    json_name(b, name, false);
    json_string(b, span_str(text));
}

static void party(struct buf *b, const char *name, const struct notice_case *c)
{
    ptrdiff_t at = span_chr(c->contact, '@');
    json_name(b, name, false);
    buf_add_str(b, "{\"org\":");
    json_string(b, cut(c->org, 190));
    buf_add_str(b, ",\"contact\":");
    json_string(b, c->contact);
    buf_add_str(b, ",\"domain\":");
    json_string(b, span_sub(c->contact, (size_t)at + 1, c->contact.n));
    buf_add_byte(b, '}');
}

static void evidence(struct buf *b, const char *media, const char *what, struct span taken_out, struct span bytes)
{
    uint8_t d[32];
    char hex[65];
    struct buf text;
    sha256(bytes, d);
    hex_encode(span_of(d, 32), hex);
    buf_init(&text, 4096);
    buf_add_str(&text, what);
    buf_add_span(&text, taken_out);
    buf_add_fmt(b, "{\"content_type\":\"%s\",\"description\":", media);
    json_string(b, cut(buf_span(&text), 450));
    buf_deinit(&text);
    buf_add_str(b, ",\"payload\":\"");
    uint8_t *p = buf_reserve(b, (bytes.n + 2) / 3 * 4 + 1);
    if (p)
        b->n += (size_t)EVP_EncodeBlock(p, bytes.p, (int)bytes.n);
    buf_add_fmt(b, "\",\"hash\":\"sha256:%s\",\"size\":%zu}", hex, bytes.n);
}

/* What the case says of it, for who has no message: our own lines. */
static void statement(const struct notice_case *c, const struct incident *e, struct buf *b)
{
    char first[CASE_TIME_TEXT] = "not known", last[CASE_TIME_TEXT];
    case_time_text(&(struct case_time){.unix_ms = e->last_ms}, last);
    if (e->first_ms)
        case_time_text(&(struct case_time){.unix_ms = e->first_ms}, first);
    buf_add_fmt(b, "address: %.*s\nfirst seen: %s\nlast seen: %s\nwhat: ", (int)e->address.n, (const char *)e->address.p, first, last);
    buf_add_span(b, e->what);
    buf_add_fmt(b, "\ncase: %.*s, sealed over %" PRIu64 " lines by key %s\nfindings: exhibit %" PRIu64 "\n", (int)c->id.n,
                (const char *)c->id.p, c->head.n, c->head.key, c->findings);
    for (size_t i = 0; i < e->n_reasons && i < 12; i++) {
        buf_add_fmt(b, "%+.1f bits: ", e->reason[i].bits);
        buf_add_span(b, cut(e->reason[i].text, 300));
        buf_add_byte(b, '\n');
    }
    if (e->exhibit)
        buf_add_fmt(b, "exhibit: %" PRIu64 "\n", e->exhibit);
}

static bool is_udp(const struct incident *e) { return span_ieq(e->proto, SPAN_LIT("udp")); }

static void as_botnet(struct buf *b, const struct incident *e)
{
    bool is_controller = e->kind == NOTICE_CONTROLLER;
    buf_add_str(b, ",\"category\":\"infrastructure\",\"type\":\"botnet\",\"compromise_evidence\":");
    json_string(b, cut(e->what, TEXT_MOST));
    field(b, "malware_family", e->botnet, NAME_MOST);
    if (is_controller) {
        field(b, "c2_server", e->name.n ? e->name : e->address, 253);
        buf_add_fmt(b, ",\"c2_protocol\":\"%s\",\"evidence_source\":\"flow_analysis\",\"tags\":[\"botnet:command-and-control\"]",
                    is_udp(e) ? "udp" : "tcp");
    } else {
        buf_add_str(b, ",\"bot_capabilities\":[\"spam\"],\"evidence_source\":\"spamtrap\",\"tags\":[\"botnet:spam\"]");
    }
}

static void as_spam(struct buf *b, const struct incident *e)
{
    bool is_smtp = e->port && e->smtp_from.n;
    buf_add_fmt(b, ",\"category\":\"messaging\",\"type\":\"spam\",\"protocol\":\"%s\",\"evidence_source\":\"spamtrap\",\"tags\":[\"spam:mail\"]",
                is_smtp ? "smtp" : "other");
    field(b, "smtp_from", e->smtp_from, 254);
    field(b, "subject", e->subject, SUBJECT_MOST);
    field(b, "message_id", e->message_id, NAME_MOST);
}

static void as_host(struct buf *b, const struct incident *e)
{
    buf_add_str(b, ",\"category\":\"connection\",\"type\":\"infected_host\",\"protocol\":\"tcp\",\"bot_type\":\"malicious\","
                   "\"verification_status\":\"unverified\",\"evidence_source\":\"flow_analysis\"");
    time_field(b, "first_seen", e->first_ms ? e->first_ms : e->last_ms);
    time_field(b, "last_seen", e->last_ms);
}

/* That a page is linked to by spam is known; what it does to whom is not, and no type of content says less. */
static void as_page(struct buf *b, const struct incident *e)
{
    buf_add_str(b, ",\"category\":\"reputation\",\"type\":\"threat_intelligence\",\"threat_type\":\"page that spam links to\","
                   "\"evidence_source\":\"spamtrap\",\"tags\":[\"spam:linked-page\"]");
    field(b, "domain", e->name, 253);
}

static void description(struct buf *b, const struct notice_case *c, const struct incident *e)
{
    struct buf text;
    buf_init(&text, 8192);
    buf_add_span(&text, cut(e->what, 600));
    if (e->kind == NOTICE_SENDER && !(e->port && e->smtp_from.n))
        buf_add_str(&text, ". It came by SMTP; the port it was sent from, or the envelope sender, was not recorded");
    buf_add_str(&text, ". Case ");
    buf_add_span(&text, cut(c->id, CASE_ID_MAX));
    json_name(b, "description", false);
    json_string(b, cut(buf_span(&text), TEXT_MOST));
    buf_deinit(&text);
}

int notice_xarf(const struct notice_case *c, const struct incident *e, struct buf *b)
{
    char uuid[UUID_TEXT];
    struct buf text;
    if (e->is_vague)
        return 0;
    notice_uuid(c, &(struct notice){.id = ""}, e, uuid);
    buf_add_fmt(b, "{\"xarf_version\":\"4.2.0\",\"report_id\":\"%s\"", uuid);
    time_field(b, "timestamp", e->at_ms);
    party(b, "reporter", c);
    party(b, "sender", c);
    field(b, "source_identifier", e->address, IP_TEXT);
    if (e->port)
        buf_add_fmt(b, ",\"source_port\":%u", e->port);
    if (e->kind == NOTICE_HOST)
        as_host(b, e);
    else if (e->kind == NOTICE_PAGE)
        as_page(b, e);
    else if (e->kind == NOTICE_CONTROLLER || (e->botnet.n && !(e->port && e->smtp_from.n)))
        as_botnet(b, e);
    else
        as_spam(b, e);
    buf_add_str(b, ",\"confidence\":");
    json_number(b, e->probability >= 1 ? 0.95 : e->probability > 0 ? e->probability : 0);
    description(b, c, e);
    buf_init(&text, 1 << 16);
    statement(c, e, &text);
    buf_add_str(b, ",\"evidence\":[");
    evidence(b, "text/plain", "What was seen, and where it is kept", SPAN_NONE, buf_span(&text));
    if (e->message.n) {
        buf_add_byte(b, ',');
        evidence(b, "message/rfc822", e->kind == NOTICE_PAGE ? "A message that links to it. Taken out: " : "A message that it sent. Taken out: ",
                 e->taken_out, e->message);
    }
    buf_add_str(b, "]}\n");
    int err = buf_error(&text);
    buf_deinit(&text);
    return err ? err : buf_error(b);
}
