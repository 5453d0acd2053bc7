#include "case/contacts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/rdap.h"

enum { FILE_MOST = 64 << 20, LOCAL_MOST = 64, ADDRESS_MOST = 254 };

struct row {
    struct span key;         /* of receivers: as it stands */
    uint32_t asn;            /* 0: not an AS */
    bool is_network;
    struct ip ip;
    unsigned bits;
    struct span to, firm;
    enum notice_form form;
    bool is_single;
};
struct table { struct buf text; struct row *row; size_t n; };
struct holder { struct ip first, last; char to[RDAP_TEXT], firm[RDAP_TEXT]; };
struct contacts { struct table contact, receiver; struct holder *holder; size_t n_holders, cap; };

static const char *const form_names[NOTICE_FORMS] = {"all", "xarf", "arf", "text"};
const char *notice_form_name(enum notice_form f) { return form_names[f]; }

bool mail_address_ok(struct span s)
{
    ptrdiff_t at = span_chr(s, '@');
    bool has_dot = false;
    if (at < 1 || at > LOCAL_MOST || s.n > ADDRESS_MOST || (size_t)at + 1 == s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i], last = i ? s.p[i - 1] : '.';
        bool is_local = i < (size_t)at;
        if (i == (size_t)at || c == '.') { /* no dot first, last or twice in either half */
            if (last == '.' || last == '@' || (!is_local && last == '-'))
                return false;
            has_dot = has_dot || (c == '.' && !is_local);
        } else if (!(ascii_is_alnum(c) || c == '-' || (is_local && (c == '_' || c == '+')))) {
            return false;
        } else if (c == '-' && (last == '@' || last == '.')) { /* nor one that a program would take for an option */
            return false;
        }
    }
    return has_dot && ascii_is_alnum(s.p[s.n - 1]);
}

static struct span word(struct span *rest)
{
    *rest = span_trim(*rest);
    size_t n = 0;
    while (n < rest->n && !ascii_is_space(rest->p[n]))
        n++;
    struct span w = span_sub(*rest, 0, n);
    *rest = span_trim(span_sub(*rest, n, rest->n));
    return w;
}

static bool number(struct span s, unsigned long most, uint32_t *out)
{
    uint64_t x = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) || (x = x * 10 + (s.p[i] - '0')) > most)
            return false;
    }
    *out = (uint32_t)x;
    return s.n > 0;
}

static bool read_as(struct span s, uint32_t *out) { return span_istarts(s, SPAN_LIT("AS")) && number(span_sub(s, 2, s.n), UINT32_MAX, out); }

static bool read_network(struct span s, struct row *r)
{
    ptrdiff_t slash = span_chr(s, '/');
    uint32_t bits = 128;
    if (!ip_read(slash < 0 ? s : span_sub(s, 0, (size_t)slash), &r->ip))
        return false;
    unsigned base = ip_is_v4(&r->ip) ? 96 : 0;
    if (slash >= 0 && !number(span_sub(s, (size_t)slash + 1, s.n), 128 - base, &bits))
        return false;
    r->bits = slash >= 0 ? base + bits : 128;
    r->ip = ip_prefix(&r->ip, r->bits);
    return r->is_network = true;
}

/* NULL: fine; else what is wrong. */
static const char *read_contact(struct span line, struct row *r)
{
    r->key = word(&line);
    if (!read_as(r->key, &r->asn) && !read_network(r->key, r))
        return "begins with AS and its number, an address or a network such as 192.0.2.0/24";
    r->to = word(&line);
    r->firm = line;
    return mail_address_ok(r->to) ? NULL : "wants a plain mail address in second place";
}

static const char *read_receiver(struct span line, struct row *r)
{
    r->key = word(&line);
    bool is_domain = r->key.n > 1 && r->key.p[0] == '@';
    if (!read_as(r->key, &r->asn) && !is_domain && !span_eq(r->key, SPAN_LIT("*")) && !mail_address_ok(r->key))
        return "begins with a mail address, @ and a domain, AS and its number, or *";
    struct span form = word(&line), group = word(&line);
    size_t f = 0;
    while (f < NOTICE_FORMS && !span_eq(form, span_str(form_names[f])))
        f++;
    r->form = (enum notice_form)f;
    r->is_single = span_eq(group, SPAN_LIT("single"));
    return f < NOTICE_FORMS && (r->is_single || span_eq(group, SPAN_LIT("grouped"))) && !line.n
               ? NULL : "wants xarf, arf, text or all, then single or grouped";
}

static int load(const char *path, struct buf *b, struct report *why)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return report_errno(why, "cannot be read", path);
    for (size_t got = 1; got;) {
        uint8_t *p = buf_reserve(b, 65536);
        got = p ? fread(p, 1, 65536, f) : 0;
        b->n += got;
    }
    bool bad = ferror(f);
    fclose(f);
    return bad || buf_error(b) ? report_set(why, POSSE_EIO, "%s: cannot be read whole", path) : 0;
}

static int read_table(const char *path, const char *(*read)(struct span, struct row *), struct table *t, struct report *why)
{
    buf_init(&t->text, FILE_MOST);
    int rc = path ? load(path, &t->text, why) : 0;
    size_t lines = 1, no = 0;
    for (size_t i = 0; i < t->text.n; i++)
        lines += t->text.p[i] == '\n';
    t->row = rc ? NULL : calloc(lines, sizeof *t->row);
    if (!t->row)
        return rc ? rc : report_set(why, POSSE_ENOMEM, "out of memory");
    for (struct span rest = buf_span(&t->text); rest.n;) {
        ptrdiff_t nl = span_chr(rest, '\n');
        struct span line = span_sub(rest, 0, nl < 0 ? rest.n : (size_t)nl);
        rest = span_sub(rest, nl < 0 ? rest.n : (size_t)nl + 1, rest.n);
        ptrdiff_t hash = span_chr(line, '#');
        line = span_trim(hash < 0 ? line : span_sub(line, 0, (size_t)hash));
        no++;
        const char *wrong = line.n ? read(line, &t->row[t->n]) : NULL;
        if (wrong)
            return report_set(why, POSSE_ESYNTAX, "%s:%zu: a line %s", path, no, wrong);
        t->n += line.n > 0;
    }
    return 0;
}

int contacts_open(const char *contacts, const char *receivers, struct contacts **out, struct report *why)
{
    struct contacts *c = calloc(1, sizeof *c);
    if (!c)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int rc = read_table(contacts, read_contact, &c->contact, why);
    if (!rc)
        rc = read_table(receivers, read_receiver, &c->receiver, why);
    if (rc)
        contacts_free(&c);
    *out = c;
    return rc;
}

void contacts_free(struct contacts **c)
{
    if (!c || !*c)
        return;
    buf_deinit(&(*c)->contact.text);
    buf_deinit(&(*c)->receiver.text);
    free((*c)->contact.row);
    free((*c)->receiver.row);
    free((*c)->holder);
    free(*c);
    *c = NULL;
}

bool contacts_add_rdap(struct contacts *c, struct span json)
{
    struct rdap_network *n = malloc(sizeof *n);
    const struct rdap_contact *abuse = n && rdap_read(json, n, NULL) == 0 && n->has_range ? rdap_abuse(n) : NULL;
    bool is_known = abuse && mail_address_ok(span_str(abuse->email));
    if (is_known && c->n_holders == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        struct holder *more = realloc(c->holder, cap * sizeof *more);
        if ((is_known = more != NULL)) {
            c->holder = more;
            c->cap = cap;
        }
    }
    if (is_known) {
        struct holder *h = &c->holder[c->n_holders++];
        *h = (struct holder){.first = n->first, .last = n->last};
        snprintf(h->to, sizeof h->to, "%s", abuse->email);
        snprintf(h->firm, sizeof h->firm, "%s", *n->holder ? n->holder : n->name);
    }
    free(n);
    return is_known;
}

static bool is_within(const struct holder *a, const struct holder *b)
{
    return ip_compare(&a->first, &b->first) >= 0 && ip_compare(&a->last, &b->last) <= 0;
}

static const struct holder *holder_of(const struct contacts *c, const struct ip *a)
{
    const struct holder *best = NULL;
    for (const struct holder *h = c->holder; h < c->holder + c->n_holders; h++)
        if (ip_compare(a, &h->first) >= 0 && ip_compare(a, &h->last) <= 0 && (!best || is_within(h, best)))
            best = h;
    return best;
}

struct contact contacts_find(const struct contacts *c, const struct found_network *n, const struct ip *a)
{
    const struct row *best = NULL;
    for (const struct row *r = c->contact.row; r < c->contact.row + c->contact.n; r++) {
        struct ip p = ip_prefix(a, r->bits);
        if (r->is_network ? ip_compare(&p, &r->ip) == 0 && (!best || !best->is_network || r->bits > best->bits)
                          : r->asn && r->asn == n->asn && !best)
            best = r;
    }
    struct contact found = {best ? best->to : mail_address_ok(n->abuse) ? n->abuse : SPAN_NONE, n->firm.n ? n->firm : n->name};
    const struct holder *h = best ? NULL : holder_of(c, a);
    if (h)
        found.to = span_str(h->to);
    if (h && *h->firm)
        found.firm = span_str(h->firm);
    if (best && best->firm.n)
        found.firm = best->firm;
    return found;
}

static bool is_in_domain(struct span to, struct span key)
{
    ptrdiff_t at = span_chr(to, '@');
    return at >= 0 && span_ieq(span_sub(to, (size_t)at, to.n), key);
}

void contacts_form(const struct contacts *c, struct span to, uint32_t asn, enum notice_form *form, bool *is_single)
{
    unsigned best = 0;
    *form = NOTICE_ALL;
    *is_single = false;
    for (const struct row *r = c->receiver.row; r < c->receiver.row + c->receiver.n; r++) {
        unsigned rank = span_ieq(r->key, to) ? 4 : is_in_domain(to, r->key) ? 3 : r->asn && r->asn == asn ? 2 : span_eq(r->key, SPAN_LIT("*"));
        if (rank > best) {
            best = rank;
            *form = r->form;
            *is_single = r->is_single;
        }
    }
}
