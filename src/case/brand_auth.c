/* brand_auth: what the receiving host found about the sender (Authentication-Results, RFC 8601), and whether it was our host
 * that says so.
 * Believed is a field above the Received field of the hand-over, or right below it where its authserv-id is the host that
 * wrote that one:
 * that host has to take such fields out of what it is given (RFC 8601, 5). */
#include "case/brands_priv.h"
#include "sender/received.h"

enum { FIELDS_MOST = 16 };

/* The word at s; what follows goes to rest. */
static struct span word(struct span s, struct span *rest)
{
    size_t i = 0, n;
    while (i < s.n && (ascii_is_space(s.p[i]) || s.p[i] == ';'))
        i++;
    for (n = i; n < s.n && !ascii_is_space(s.p[n]) && s.p[n] != ';' && s.p[n] != '('; n++)
        ;
    struct span out = span_sub(s, i, n);
    if (n < s.n && s.p[n] == '(') { /* a comment is passed over */
        ptrdiff_t end = span_chr(span_sub(s, n, s.n), ')');
        n = end < 0 ? s.n : n + (size_t)end + 1;
    }
    *rest = span_sub(s, n, s.n);
    return out;
}

static struct span domain_of(struct span value)
{
    ptrdiff_t at = -1;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '@')
            at = (ptrdiff_t)i;
    struct span d = at < 0 ? value : span_sub(value, (size_t)at + 1, value.n);
    while (d.n && (d.p[0] == '"' || d.p[0] == '<'))
        d = span_sub(d, 1, d.n);
    while (d.n && (d.p[d.n - 1] == '"' || d.p[d.n - 1] == '>' || d.p[d.n - 1] == '.'))
        d.n--;
    return d;
}

/* The first pass wins, else the first word: several signatures are several results. */
static void set(struct span *slot, struct span value, bool *is_current)
{
    *is_current = !slot->n || (!span_ieq(*slot, SPAN_LIT("pass")) && span_ieq(value, SPAN_LIT("pass")));
    if (*is_current)
        *slot = value;
}

static void read_field(struct span value, struct brand_auth *out)
{
    bool is_first = true, is_current = false;
    while (value.n) {
        struct span w = word(value, &value);
        ptrdiff_t eq = span_chr(w, '=');
        struct span name = span_sub(w, 0, eq < 0 ? w.n : (size_t)eq),
                    is = eq < 0 ? SPAN_NONE : span_sub(w, (size_t)eq + 1, w.n);
        if (is_first && eq < 0 && !out->by.n)
            out->by = w;
        is_first = false;
        if (span_ieq(name, SPAN_LIT("spf")))
            set(&out->spf, is, &is_current);
        else if (span_ieq(name, SPAN_LIT("dkim")))
            set(&out->dkim, is, &is_current);
        else if (span_ieq(name, SPAN_LIT("dmarc")))
            set(&out->dmarc, is, &is_current);
        else if (is_current && span_ieq(name, SPAN_LIT("smtp.mailfrom")))
            out->spf_domain = domain_of(is);
        else if (is_current && span_ieq(name, SPAN_LIT("header.d")))
            out->dkim_domain = domain_of(is);
    }
}

static struct span authserv(struct span value)
{
    struct span rest, id = word(value, &rest);
    return span_chr(id, '=') < 0 ? id : SPAN_NONE;
}

/* Index in m->field of the Received field of the hand-over; n_fields: not known. *by: who wrote it. */
static size_t boundary(struct arena *a, const struct message *m, const struct networks *ours, struct span *by)
{
    struct source s;
    struct received r = {0};
    unsigned seen = 0;
    source_read(a, m, NULL, ours, &s);
    for (size_t i = 0; i < m->n_fields && s.trust >= SOURCE_TRAP; i++)
        if (m->field[i].id == FIELD_RECEIVED && m->field[i].part == 0 && seen++ == s.hops) {
            *by = received_read(m->field[i].raw, &r) ? r.by : SPAN_NONE;
            return i;
        }
    return m->n_fields;
}

void brand_auth_read(struct mail_parser *p, struct arena *a, const struct message *m, const struct networks *ours,
                     struct brand_auth *out)
{
    struct span by = SPAN_NONE;
    size_t edge = boundary(a, m, ours, &by), next = m->n_fields, fields = 0;
    *out = (struct brand_auth){0};
    for (size_t i = edge + 1; i < m->n_fields && next == m->n_fields; i++)
        if (m->field[i].id == FIELD_RECEIVED && m->field[i].part == 0)
            next = i;
    for (size_t i = 0; i < m->n_fields && fields < FIELDS_MOST; i++) {
        const struct field *f = &m->field[i];
        if (f->id != FIELD_AUTHENTICATION_RESULTS || f->part != 0)
            continue;
        struct span value = field_value(p, a, f);
        bool is_ours = edge < m->n_fields && (i < edge || (i < next && by.n && span_ieq(authserv(value), by)));
        if (out->is_there && is_ours != out->is_ours)
            break; /* what a stranger wrote is not added to what we know */
        out->is_there = true;
        out->is_ours = is_ours;
        read_field(value, out);
        fields++;
    }
}
