/* observe_read: from a message to a sighting. Runs on any thread; looks at nothing that changes. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/money.h"
#include "engine/observe_priv.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/url.h"

enum { ARENA_MAX = 256 << 20, ADDRESSES = 64 };
#define RCPT_MOST 100000u /* of one envelope */

struct observe_worker {
    const struct astable *as;
    const struct networks *ours;
    const struct suffixes *suffixes;
    struct mail_parser *parser;
    struct arena *arena;
    struct sketcher *sketcher;
    struct sighting sighting;
    struct mailer mailer;
};

struct observe_worker *observe_worker_new(const struct observatory *o)
{
    struct observe_worker *w = observe_worker_bare(o->ours);
    if (w)
        w->as = asfile_table(o->as);
    return w;
}

void observe_worker_ours(struct observe_worker *w, const struct networks *ours) { w->ours = ours; }

struct observe_worker *observe_worker_bare(const struct networks *ours)
{
    struct observe_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->ours = ours;
    w->parser = mail_parser_new(NULL);
    w->arena = arena_new(ARENA_MAX);
    w->sketcher = sketcher_new();
    if (!w->parser || !w->arena || !w->sketcher)
        observe_worker_free(&w);
    else
        w->suffixes = mail_parser_suffixes(w->parser);
    return w;
}

void observe_worker_free(struct observe_worker **wp)
{
    struct observe_worker *w = wp ? *wp : NULL;
    if (!w)
        return;
    mail_parser_free(&w->parser);
    arena_free(&w->arena);
    sketcher_free(&w->sketcher);
    free(w);
    *wp = NULL;
}

/* ---- when it came ---- */

/* "From sender Thu Jan  1 00:00:00 1970", in UTC as most programs write it. */
static int64_t mbox_time(struct span line)
{
    struct mail_date d;
    struct span s = span_trim(line);
    for (size_t i = s.n; i >= 24; i--) { /* the weekday: three letters and a blank before a month's */
        struct span tail = span_sub(s, i - 24, s.n);
        if ((i == 24 || s.p[i - 25] == ' ') && tail.p[3] == ' ' && tail.p[7] == ' ' && ascii_is_alpha(tail.p[4]) && date_read(tail, &d))
            return d.unix_s * 1000;
    }
    return 0;
}

/* What the receiving host wrote: the topmost Received field that has a time, else the mbox's line, else the sender's own Date. */
static int64_t arrival(const struct message *m)
{
    unsigned looked = 0;
    for (size_t i = 0; i < m->n_fields && looked < 3; i++) {
        const struct field *f = &m->field[i];
        struct received r;
        if (f->id != FIELD_RECEIVED || f->part != 0)
            continue;
        looked++;
        if (received_read(f->raw, &r) && r.has_time)
            return r.unix_s * 1000;
    }
    int64_t t = m->mbox_from.n ? mbox_time(m->mbox_from) : 0;
    struct mail_date d;
    const struct field *f = t ? NULL : message_field(m, FIELD_DATE);
    return f && date_read(f->raw, &d) ? d.unix_s * 1000 : t;
}

/* ---- to whom ---- */

static bool is_recipient_field(const struct field *f)
{
    static const char *const names[] = {"X-Original-To", "Envelope-To", "X-Envelope-To", "X-RcptTo", "X-Rcpt-To"};
    if (f->part != 0)
        return false;
    for (size_t i = 0; f->id == FIELD_OTHER && i < sizeof names / sizeof *names; i++)
        if (span_ieq(f->name, span_str(names[i])))
            return true;
    return f->id == FIELD_DELIVERED_TO;
}

static void add_domain(struct sighting *s, struct span domain)
{
    for (size_t i = 0; i < s->n_rcpt_domains; i++)
        if (span_ieq(s->rcpt_domain[i], domain))
            return;
    if (domain.n && s->n_rcpt_domains < SIGHTING_RCPT_MAX)
        s->rcpt_domain[s->n_rcpt_domains++] = domain;
}

static struct span domain_of(struct span address)
{
    ptrdiff_t at = -1;
    for (size_t i = 0; i < address.n; i++)
        if (address.p[i] == '@')
            at = (ptrdiff_t)i;
    return at < 0 ? SPAN_NONE : span_sub(address, (size_t)at + 1, address.n);
}

/* How many different mailboxes the fields of delivery name. */
static uint32_t recipients_of_fields(struct observe_worker *w, const struct message *m, struct sighting *s)
{
    struct mailbox seen[ADDRESSES];
    size_t n = 0;
    for (size_t i = 0; i < m->n_fields && n < ADDRESSES; i++) {
        struct mailbox box[ADDRESSES];
        size_t k = is_recipient_field(&m->field[i]) ? address_list(w->arena, m->field[i].raw, box, ADDRESSES) : 0;
        for (size_t j = 0; j < k && n < ADDRESSES; j++) {
            bool is_new = box[j].domain.n > 0;
            for (size_t old = 0; old < n && is_new; old++)
                is_new = !span_eq(seen[old].domain, box[j].domain) || !span_ieq(seen[old].local, box[j].local);
            if (is_new) {
                seen[n++] = box[j];
                add_domain(s, box[j].domain);
            }
        }
    }
    return (uint32_t)n;
}

static void read_recipients(struct observe_worker *w, const struct message *m, const struct envelope *env, struct sighting *s)
{
    struct mailbox box[SIGHTING_RCPT_MAX];
    struct received r;
    s->n_rcpt = env && env->n_rcpt ? (uint32_t)(env->n_rcpt < RCPT_MOST ? env->n_rcpt : RCPT_MOST) : recipients_of_fields(w, m, s);
    for (size_t i = 0; env && i < env->n_rcpt && i < ADDRESSES; i++)
        add_domain(s, domain_of(env->rcpt[i]));
    const struct field *top = s->n_rcpt ? NULL : message_field(m, FIELD_RECEIVED);
    if (top && received_read(top->raw, &r) && r.for_addr.n)
        add_domain(s, domain_of(r.for_addr));
    const struct field *to = s->n_rcpt_domains ? NULL : message_field(m, FIELD_TO);
    size_t n = to ? address_list(w->arena, to->raw, box, SIGHTING_RCPT_MAX) : 0;
    for (size_t i = 0; i < n; i++)
        add_domain(s, box[i].domain);
    if (s->n_rcpt == 0)
        s->n_rcpt = 1; /* To is for show, and says nothing of the envelope */
}

/* ---- from whom ---- */

static struct span registered(const struct observe_worker *w, struct span domain)
{
    struct span d = w->suffixes ? suffixes_domain(w->suffixes, domain) : SPAN_NONE;
    return d.n ? d : domain;
}

/* "key=" somewhere in s, and what stands after it up to a blank, ';' or ')'. */
static struct span result_of(struct span s, const char *key)
{
    size_t len = strlen(key);
    for (size_t at = 0; at < s.n;) {
        ptrdiff_t i = span_ifind(span_sub(s, at, s.n), span_of(key, len));
        if (i < 0)
            break;
        size_t from = at + (size_t)i, end = from + len;
        at = end;
        if (from > 0 && (ascii_is_alnum(s.p[from - 1]) || s.p[from - 1] == '-' || s.p[from - 1] == '.'))
            continue;
        while (end < s.n && !ascii_is_space(s.p[end]) && s.p[end] != ';' && s.p[end] != ')')
            end++;
        return span_sub(s, from + len, end);
    }
    return SPAN_NONE;
}

static bool is_aligned(const struct observe_worker *w, struct span identity, struct span shown)
{
    struct span d = domain_of(identity);
    return span_ieq(registered(w, d.n ? d : identity), shown);
}

static bool says_pass(const struct observe_worker *w, struct span v, struct span shown)
{
    struct span signer = result_of(v, "header.d=");
    return span_ieq(result_of(v, "dmarc="), SPAN_LIT("pass")) ||
           (span_ieq(result_of(v, "dkim="), SPAN_LIT("pass")) && is_aligned(w, signer.n ? signer : result_of(v, "header.i="), shown)) ||
           (span_ieq(result_of(v, "spf="), SPAN_LIT("pass")) && is_aligned(w, result_of(v, "smtp.mailfrom="), shown));
}

/* The name before the first blank or ';'. */
static struct span authserv_id(struct span v)
{
    struct span s = span_trim(v);
    size_t n = 0;
    while (n < s.n && s.p[n] != ';' && !ascii_is_space(s.p[n]))
        n++;
    return span_sub(s, 0, n);
}

/* Our own host writes what it found above its Received field, or right below it where a milter adds it; there it must have that host's
 * name (RFC 8601 5: a border host takes forged ones of its name away). */
static bool is_authenticated(const struct observe_worker *w, const struct message *m, struct span shown)
{
    struct received top = {.has_time = false};
    unsigned passed = 0;
    for (size_t i = 0; shown.n && i < m->n_fields && passed <= 1 && m->field[i].part == 0; i++) {
        const struct field *f = &m->field[i];
        if (f->id == FIELD_RECEIVED && passed++ == 0)
            received_read(f->raw, &top);
        if (f->id == FIELD_AUTHENTICATION_RESULTS && (passed == 0 || (top.by.n && span_ieq(authserv_id(f->raw), top.by))) &&
            says_pass(w, f->raw, shown))
            return true;
    }
    return false;
}

static void read_sender(struct observe_worker *w, const struct message *m, const struct source *from, struct sighting *s)
{
    struct mailbox box = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    struct as_info as;
    const struct field *f = message_field(m, FIELD_FROM);
    if (f)
        address_list(w->arena, f->raw, &box, 1);
    struct span shown = registered(w, box.domain), domain = shown.n ? shown : registered(w, from->from_domain);
    s->source = from->ip;
    s->sender = box.local.n ? hash64(box.local, hash64(box.domain, 1)) | 1 : 0;
    s->sender_domain = domain.n ? hash64(domain, 0) | 1 : 0;
    if (from->trust >= SOURCE_TRAP)
        s->flags |= SIGHTING_TRUSTED_SOURCE;
    if (is_authenticated(w, m, shown))
        s->flags |= SIGHTING_AUTHENTICATED;
    if (m->first_of[FIELD_LIST_UNSUBSCRIBE])
        s->flags |= SIGHTING_LIST;
    if (!ip_is_zero(&s->source) && astable_find(w->as, &s->source, &as))
        s->asn = as.asn;
}

/* ---- what it says ---- */

static void read_links(struct observe_worker *w, const struct message *m, struct sighting *s)
{
    for (size_t i = 0; i < m->n_urls && s->n_links < SIGHTING_LINKS_MAX; i++) {
        const struct url *u = &m->url[i];
        struct span host = u->domain.n ? u->domain : u->host;
        bool is_new = host.n && !(u->flags & (URL_IS_MAILTO | URL_IS_DATA | URL_IS_SCRIPT));
        for (size_t k = 0; k < s->n_links && is_new; k++)
            is_new = !span_eq(s->link_host[k], host);
        if (is_new)
            s->link_host[s->n_links++] = host;
    }
    (void)w;
}

static int read_content(struct observe_worker *w, const struct message *m, struct sighting *s)
{
    int rc = sketch_make(w->sketcher, w->arena, m, &s->sketch, &s->text, &s->subject);
    if (rc)
        return rc;
    read_links(w, m, s);
    for (size_t i = 0; i < s->sketch.n_files && s->n_files < SIGHTING_FILES_MAX; i++)
        s->file[s->n_files++] = s->sketch.file[i];
    s->n_marks = money_find(w->arena, m, s->mark, SIGHTING_MARKS_MAX);
    language_guess(s->text, s->language);
    return 0;
}

static int read_message(struct observe_worker *w, const struct message *m, const struct observe_in *in, struct sighting **out,
                        const struct mailer **mailer_out)
{
    struct sighting *s = &w->sighting;
    struct source from;
    memset(s, 0, sizeof *s);
    bool is_spam = (in->flags & OBSERVE_SPAM) || (in->verdict && in->verdict->klass == VERDICT_SPAM);
    s->flags = is_spam ? SIGHTING_SPAM : 0;
    s->time_ms = in->time_ms ? in->time_ms : arrival(m);
    s->size_bytes = m->raw.n;
    source_read(w->arena, m, in->env, w->ours, &from);
    read_sender(w, m, &from, s);
    read_recipients(w, m, in->env, s);
    int rc = read_content(w, m, s);
    if (!rc && arena_failed(w->arena))
        rc = POSSE_ELIMIT;
    if (rc)
        return rc;
    mailer_read(m, &from, in->dialect, &w->mailer);
    s->mailer = w->mailer.key;
    s->machine = w->mailer.machine;
    if (in->flags & OBSERVE_KEEP)
        s->raw = m->raw;
    *out = s;
    *mailer_out = &w->mailer;
    return 0;
}

int observe_read(struct observe_worker *w, const struct message *m, const struct observe_in *in, struct sighting **out,
                 const struct mailer **mailer_out)
{
    arena_reset(w->arena);
    return read_message(w, m, in, out, mailer_out);
}

int observe_bytes(struct observe_worker *w, struct span raw, const struct observe_in *in, struct sighting **out,
                  const struct mailer **mailer_out)
{
    struct message *m;
    arena_reset(w->arena);
    int rc = message_parse(w->parser, w->arena, raw, &m);
    return rc ? rc : read_message(w, m, in, out, mailer_out);
}

int64_t observe_when(struct observe_worker *w, struct span head)
{
    struct message *m;
    arena_reset(w->arena);
    return message_parse(w->parser, w->arena, head, &m) ? 0 : arrival(m);
}
