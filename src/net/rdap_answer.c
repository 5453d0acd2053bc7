/* An answer about a network, read for what a complaint needs.
 *
 * Contacts hang on entities, and entities on entities: RIPE and APNIC give the abuse contact beside the network, ARIN and LACNIC below the
 * registrant. They are looked at level by level, so that what stands nearest to the network comes first. Where the role is another and the
 * e-mail address alone is typed "abuse" (RIPE's abuse-mailbox), it is an abuse contact too. */
#include <stdio.h>
#include <jansson.h>

#include "base/error.h"
#include "base/utf8.h"
#include "net/rdap.h"

static struct span text_of(const json_t *v)
{
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static bool is_drawn(uint32_t c)
{
    return c >= ' ' && !(c >= 0x7f && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) &&
           c != 0xfeff && c != 0xfffd;
}

/* What is not drawn (controls, marks of direction, ill-formed bytes) becomes one blank; cut between letters. */
static void put_text(char *out, size_t size, struct span s)
{
    size_t n = 0;
    bool gap = false;
    while (s.n) {
        uint32_t c;
        unsigned len = utf8_decode(s, &c);
        bool is_gap = c == ' ' || !is_drawn(c);
        if (n + (gap && n) + (is_gap ? 0 : len) >= size)
            break;
        if (!is_gap) {
            if (gap && n)
                out[n++] = ' ';
            memcpy(out + n, s.p, len);
            n += len;
        }
        gap = is_gap;
        s = span_sub(s, len, s.n);
    }
    out[n] = '\0';
}

/* ---- e-mail ---- */

/* One that may stand in a header field and on a command line: no comments, no quotes, no group, no routes, nothing that a shell or an
 * option parser would take for its own. Complaints are not lost by that: such desks have plain addresses. */
static bool is_email(struct span s)
{
    ptrdiff_t at = span_chr(s, '@');
    if (s.n > 254 || at < 1 || at > 64 || s.p[0] == '-' || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    struct span domain = span_sub(s, (size_t)at + 1, s.n);
    if (span_chr(domain, '.') < 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool is_domain = i > (size_t)at;
        if (i == (size_t)at)
            continue;
        if (!ascii_is_alnum(s.p[i]) && !memchr(is_domain ? ".-" : ".-_+=", s.p[i], is_domain ? 2 : 5))
            return false;
    }
    return true;
}

static unsigned role_rank(struct span role)
{
    static const char *const known[] = {"abuse", "noc", "technical", "administrative", "registrant"};
    unsigned i = 0;
    while (i < sizeof known / sizeof *known && !span_ieq(role, span_str(known[i])))
        i++;
    return i;
}

/* In among the others behind those of its rank or better; one address stands once, with its best rank. */
static void add_contact(struct rdap_network *out, const struct rdap_contact *c)
{
    size_t at = 0, end = out->n_contacts;
    unsigned rank = role_rank(span_str(c->role));
    while (at < end && role_rank(span_str(out->contact[at].role)) <= rank) {
        if (span_ieq(span_str(out->contact[at].email), span_str(c->email)))
            return;
        at++;
    }
    for (size_t i = at; i < end; i++)
        if (span_ieq(span_str(out->contact[i].email), span_str(c->email)))
            end = i; /* it goes from its worse place */
    if (at == RDAP_CONTACTS)
        return;
    if (end == out->n_contacts && out->n_contacts < RDAP_CONTACTS)
        out->n_contacts++;
    else if (end == RDAP_CONTACTS)
        end--;
    memmove(out->contact + at + 1, out->contact + at, (end - at) * sizeof *c);
    out->contact[at] = *c;
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ')
            return true;
    return false;
}

/* "a@b.example", "mailto:a@b.example", or several with blanks, commas or semicolons between. A line's end within them is nobody's mistake. */
static void add_emails(struct rdap_network *out, struct rdap_contact *c, struct span s)
{
    if (has_control(s)) {
        out->n_odd++;
        return;
    }
    if (span_istarts(s, SPAN_LIT("mailto:")))
        s = span_sub(s, 7, s.n);
    for (unsigned most = 16; s.n && most; most--) {
        size_t n = 0;
        while (n < s.n && s.p[n] != ',' && s.p[n] != ';' && s.p[n] != ' ')
            n++;
        if (is_email(span_of(s.p, n))) {
            memcpy(c->email, s.p, n);
            c->email[n] = '\0';
            add_contact(out, c);
        } else {
            out->n_odd += n > 0;
        }
        s = span_sub(s, n + 1, s.n);
    }
}

/* ---- jCard: ["vcard", [[name, parameters, type, value...], ...]] ---- */

static const json_t *card_of(const json_t *entity)
{
    const json_t *v = json_object_get(entity, "vcardArray");
    const json_t *list = json_array_get(v, 1);
    return span_ieq(text_of(json_array_get(v, 0)), SPAN_LIT("vcard")) && json_is_array(list) ? list : NULL;
}

static bool is_property(const json_t *p, const char *name)
{
    return json_array_size(p) >= 4 && span_ieq(text_of(json_array_get(p, 0)), span_str(name));
}

/* The first of that name; a structured value's first text. */
static struct span card_text(const json_t *card, const char *name)
{
    for (size_t i = 0; i < json_array_size(card); i++) {
        const json_t *p = json_array_get(card, i), *v = json_array_get(p, 3);
        if (is_property(p, name))
            return text_of(json_is_array(v) ? json_array_get(v, 0) : v);
    }
    return SPAN_NONE;
}

static bool has_text(const json_t *v, struct span what)
{
    if (!json_is_array(v))
        return span_ieq(text_of(v), what);
    for (size_t i = 0; i < json_array_size(v); i++)
        if (span_ieq(text_of(json_array_get(v, i)), what))
            return true;
    return false;
}

static void put_country(char out[3], struct span s)
{
    if (out[0] || s.n != 2 || !ascii_is_alpha(s.p[0]) || !ascii_is_alpha(s.p[1]))
        return;
    out[0] = (char)(s.p[0] & 0xdf);
    out[1] = (char)(s.p[1] & 0xdf);
    out[2] = '\0';
}

/* Of an address: the parameter "cc" (RFC 8605), or its last part where that is a code. */
static void country_of(const json_t *card, char out[3])
{
    for (size_t i = 0; i < json_array_size(card); i++) {
        const json_t *p = json_array_get(card, i);
        if (!is_property(p, "adr"))
            continue;
        put_country(out, text_of(json_object_get(json_array_get(p, 1), "cc")));
        put_country(out, text_of(json_array_get(json_array_get(p, 3), 6)));
    }
}

static void put_phone(const json_t *card, char *out, size_t size)
{
    struct span s = card_text(card, "tel");
    if (span_istarts(s, SPAN_LIT("tel:")))
        s = span_sub(s, 4, s.n);
    put_text(out, size, s);
}

/* ---- entities ---- */

static struct span best_role(const json_t *entity)
{
    const json_t *roles = json_object_get(entity, "roles");
    struct span best = SPAN_NONE;
    if (json_is_string(roles))
        return text_of(roles);
    for (size_t i = 0; i < json_array_size(roles); i++) {
        struct span s = text_of(json_array_get(roles, i));
        if (!best.n || role_rank(s) < role_rank(best))
            best = s;
    }
    return best;
}

static void read_entity(const json_t *entity, struct rdap_network *out, unsigned depth)
{
    const json_t *card = card_of(entity);
    struct rdap_contact c = {.is_abuse = false};
    struct span role = best_role(entity), name = card_text(card, "org");
    if (!name.n)
        name = card_text(card, "fn");
    put_text(c.name, sizeof c.name, name);
    put_text(c.handle, sizeof c.handle, text_of(json_object_get(entity, "handle")));
    put_phone(card, c.phone, sizeof c.phone);
    if (depth == 0 && has_text(json_object_get(entity, "roles"), SPAN_LIT("registrant"))) {
        if (!out->holder[0])
            memcpy(out->holder, c.name, sizeof out->holder);
        country_of(card, out->country);
    }
    for (size_t i = 0; i < json_array_size(card); i++) {
        const json_t *p = json_array_get(card, i);
        if (!is_property(p, "email"))
            continue;
        bool is_typed = has_text(json_object_get(json_array_get(p, 1), "type"), SPAN_LIT("abuse"));
        c.is_abuse = is_typed || role_rank(role) == 0;
        put_text(c.role, sizeof c.role, c.is_abuse ? SPAN_LIT("abuse") : role);
        for (size_t k = 3; k < json_array_size(p) && k < 16; k++)
            add_emails(out, &c, text_of(json_array_get(p, k)));
    }
}

static void read_entities(const json_t *top, struct rdap_network *out)
{
    const json_t *queue[RDAP_ENTITIES];
    uint8_t depth[RDAP_ENTITIES];
    size_t n = 0;
    const json_t *from = top;
    for (size_t next = 0;; next++) {
        const json_t *list = json_object_get(from, "entities");
        unsigned level = from == top ? 0 : depth[next - 1] + 1u;
        for (size_t i = 0; i < json_array_size(list) && n < RDAP_ENTITIES && level < RDAP_DEPTH; i++) {
            queue[n] = json_array_get(list, i);
            depth[n++] = (uint8_t)level;
        }
        if (next == n)
            break;
        from = queue[next];
        read_entity(from, out, depth[next]);
    }
}

/* ---- range ---- */

/* An address; some registries write a prefix behind it. */
static bool read_ip(const json_t *v, struct ip *out)
{
    struct span s = text_of(v);
    ptrdiff_t slash = span_chr(s, '/');
    return ip_read(slash < 0 ? s : span_sub(s, 0, (size_t)slash), out);
}

/* The extension cidr0: where there is no range in two addresses, the first prefix. */
static void read_cidr(const json_t *top, struct rdap_network *out)
{
    const json_t *c = json_array_get(json_object_get(top, "cidr0_cidrs"), 0), *length = json_object_get(c, "length");
    const json_t *v4 = json_object_get(c, "v4prefix"), *v6 = json_object_get(c, "v6prefix");
    json_int_t n = json_is_integer(length) ? json_integer_value(length) : -1;
    if (!read_ip(v4 ? v4 : v6, &out->first) || n < 0 || n > (ip_is_v4(&out->first) ? 32 : 128))
        return;
    unsigned bits = (unsigned)n + (ip_is_v4(&out->first) ? 96 : 0);
    out->first = ip_prefix(&out->first, bits);
    out->last = ip_prefix_last(&out->first, bits);
    out->has_range = true;
}

static void read_range(const json_t *top, struct rdap_network *out)
{
    out->has_range = read_ip(json_object_get(top, "startAddress"), &out->first) && read_ip(json_object_get(top, "endAddress"), &out->last) &&
                     ip_is_v4(&out->first) == ip_is_v4(&out->last) && ip_compare(&out->first, &out->last) <= 0;
    if (!out->has_range)
        read_cidr(top, out);
}

/* ---- the whole ---- */

static int read_error(const json_t *top, struct report *why)
{
    char title[RDAP_TEXT];
    json_int_t code = json_integer_value(json_object_get(top, "errorCode"));
    put_text(title, sizeof title, text_of(json_object_get(top, "title")));
    return report_set(why, code == 404 ? POSSE_ENOENT : POSSE_ECORRUPT, "the registry answers with error %lld: %s", (long long)code, title);
}

static int read_top(const json_t *top, struct rdap_network *out, struct report *why)
{
    struct span kind = text_of(json_object_get(top, "objectClassName"));
    if (!json_is_object(top))
        return report_set(why, POSSE_ECORRUPT, "the answer is no object");
    if (json_object_get(top, "errorCode"))
        return read_error(top, why);
    if (!span_ieq(kind, SPAN_LIT("ip network")))
        return report_set(why, POSSE_ECORRUPT, "the answer is not about a network");
    read_range(top, out);
    put_text(out->handle, sizeof out->handle, text_of(json_object_get(top, "handle")));
    put_text(out->name, sizeof out->name, text_of(json_object_get(top, "name")));
    put_text(out->type, sizeof out->type, text_of(json_object_get(top, "type")));
    put_country(out->country, text_of(json_object_get(top, "country")));
    read_entities(top, out);
    return POSSE_OK;
}

int rdap_read(struct span json, struct rdap_network *out, struct report *why)
{
    json_error_t e;
    memset(out, 0, sizeof *out);
    if (json.n > RDAP_ANSWER_MAX)
        return report_set(why, POSSE_ETOOBIG, "the answer has over %d bytes", RDAP_ANSWER_MAX);
    json_t *top = json_loadb(json.n ? (const char *)json.p : "", json.n, JSON_ALLOW_NUL, &e);
    if (!top)
        return report_set(why, POSSE_ECORRUPT, "the answer is no JSON, at byte %d", e.position);
    int rc = read_top(top, out, why);
    json_decref(top);
    return rc;
}

const struct rdap_contact *rdap_abuse(const struct rdap_network *n)
{
    return n->n_contacts && n->contact[0].is_abuse ? &n->contact[0] : NULL;
}

bool rdap_covers(const struct rdap_network *n, const struct ip *a)
{
    return n->has_range && ip_compare(&n->first, a) <= 0 && ip_compare(a, &n->last) <= 0;
}

void rdap_range_text(const struct rdap_network *n, char out[IP_RANGE_TEXT])
{
    out[0] = '\0';
    if (n->has_range)
        ip_range_text(&n->first, &n->last, out);
}
