/* Which message did this address send? Samples are read once each; the topmost Received field whose client is an address that we tell of
 * names it (what stands below may be the sender's own invention). An address keeps the first message of its own campaign. And which message
 * links to this page? The first of those. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "case/notice.h"
#include "case/redact.h"
#include "mail/address.h"
#include "mail/url.h"
#include "sender/received.h"

struct finder {
    struct casefile *file;
    struct arena *keep, *work; /* what stays; what one message needs */
    struct mail_parser *parser;
    struct incident **sender;  /* sorted by address */
    struct incident **page;    /* sorted by name */
    size_t n, n_pages, kept_bytes;
    struct buf raw, clean;
    struct report *why;
};

static int by_ip(const void *p, const void *q)
{
    const struct incident *const *a = p, *const *b = q;
    int c = ip_compare(&(*a)->ip, &(*b)->ip);
    return c ? c : (*a > *b) - (*a < *b);
}

static int order_names(struct span a, struct span b)
{
    int c = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *p, const void *q)
{
    const struct incident *const *a = p, *const *b = q;
    int c = order_names((*a)->name, (*b)->name);
    return c ? c : (*a > *b) - (*a < *b);
}

/* The address's incident of that campaign, if it has one, else its first; NULL: none. */
static struct incident *find(const struct finder *f, const struct ip *ip, struct span campaign)
{
    size_t lo = 0, hi = f->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (ip_compare(&f->sender[mid]->ip, ip) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    struct incident *first = lo < f->n && ip_compare(&f->sender[lo]->ip, ip) == 0 ? f->sender[lo] : NULL;
    for (size_t i = lo; i < f->n && ip_compare(&f->sender[i]->ip, ip) == 0; i++)
        if (span_eq(f->sender[i]->campaign, campaign))
            return f->sender[i];
    return first;
}

/* "[192.0.2.1]:4242" as some write it, or "port=4242" in that field. 0: not written. */
static uint32_t client_port(struct span field)
{
    ptrdiff_t at = span_find(field, SPAN_LIT("]:")), eq = span_ifind(field, SPAN_LIT("port="));
    size_t i = at >= 0 ? (size_t)at + 2 : eq >= 0 ? (size_t)eq + 5 : field.n;
    uint32_t port = 0;
    for (; i < field.n && ascii_is_digit(field.p[i]) && port < 65536; i++)
        port = port * 10 + (field.p[i] - '0');
    return port < 65536 ? port : 0;
}

static struct span keep_field(struct finder *f, const struct message *m, enum field_id id)
{
    return arena_copy(f->keep, span_sub(message_value(f->parser, f->work, m, id), 0, 2000));
}

static int take(struct finder *f, struct incident *e, const struct message *m, struct span media, const struct found_sample *s, uint32_t port)
{
    struct redacted what;
    struct report why = {0};
    if (f->raw.n > NOTICE_MESSAGE || f->kept_bytes + f->raw.n > NOTICE_EVIDENCE) {
        e->message_lost = "too long to be sent";
        return 0;
    }
    buf_clear(&f->clean);
    int rc = redact_bytes(media, buf_span(&f->raw), NULL, &f->clean, &what, &why);
    if (rc == POSSE_ENOMEM)
        return report_set(f->why, rc, "out of memory");
    if (rc) { /* what we cannot read whole we do not hand on */
        e->message_lost = "its recipients could not be taken out";
        return 0;
    }
    e->message = arena_copy(f->keep, buf_span(&f->clean));
    e->taken_out = arena_copy(f->keep, span_str(what.text));
    e->message_exhibit = s->exhibit;
    e->message_ms = s->time_ms;
    f->kept_bytes += e->message.n;
    e->message_lost = NULL;
    if (e->kind == NOTICE_PAGE) /* when it led there is another matter than when the message came */
        return arena_failed(f->keep) ? POSSE_ENOMEM : 0;
    e->at_ms = s->time_ms ? s->time_ms : e->at_ms;
    if (e->is_vague && s->time_ms) {
        e->first_ms = e->last_ms = s->time_ms;
        e->is_vague = false;
    }
    e->port = port;
    const struct field *from = message_field(m, FIELD_RETURN_PATH);
    struct mailbox box = from ? address_angle(f->work, from->raw) : (struct mailbox){0};
    char text[300];
    int n = snprintf(text, sizeof text, "%.*s@%.*s", box.local.n < 100 ? (int)box.local.n : 100, (const char *)box.local.p,
                     box.domain.n < 150 ? (int)box.domain.n : 150, (const char *)box.domain.p);
    if (n > 0 && mail_address_ok(span_of(text, (size_t)n)) && span_find(buf_span(&f->clean), span_of(text, (size_t)n)) >= 0)
        e->smtp_from = arena_copy(f->keep, span_of(text, (size_t)n)); /* it is still in the redacted copy: no recipient */
    return arena_failed(f->keep) ? POSSE_ENOMEM : 0;
}

/* Subject and Message-ID as they stand in the copy without recipients. */
static int name_message(struct finder *f, struct incident *e)
{
    struct message *m;
    if (message_parse(f->parser, f->work, e->message, &m))
        return 0;
    e->subject = keep_field(f, m, FIELD_SUBJECT);
    e->message_id = keep_field(f, m, FIELD_MESSAGE_ID);
    return arena_failed(f->keep) ? POSSE_ENOMEM : 0;
}

/* Every incident of a name that this message links to: a page may be at several addresses, of several firms. */
static int take_pages(struct finder *f, const struct message *m, const struct found_sample *s)
{
    int rc = 0;
    for (size_t i = 0; i < m->n_urls && !rc; i++) {
        struct span name = m->url[i].host;
        size_t lo = 0, hi = name.n ? f->n_pages : 0;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (order_names(f->page[mid]->name, name) < 0)
                lo = mid + 1;
            else
                hi = mid;
        }
        for (; lo < f->n_pages && !rc && name.n && span_eq(f->page[lo]->name, name); lo++)
            if (!f->page[lo]->message.n)
                rc = take(f, f->page[lo], m, SPAN_LIT("message/rfc822"), s, 0);
    }
    return rc;
}

static int look_at(struct finder *f, const struct found_campaign *c, const struct found_sample *s)
{
    struct case_line l;
    struct message *m;
    buf_clear(&f->raw);
    arena_reset(f->work);
    int rc = casefile_line(f->file, s->exhibit, &l, f->why);
    if (rc || !l.is_exhibit)
        return rc;
    rc = casefile_bytes(f->file, &l, &f->raw, f->why);
    if (rc) /* evidence that is not as it was is not passed over */
        return rc;
    if (message_parse(f->parser, f->work, buf_span(&f->raw), &m))
        return 0;
    rc = take_pages(f, m, s);
    if (rc)
        return rc;
    for (size_t i = 0, seen = 0; i < m->n_fields && seen < 16; i++) {
        struct received r;
        if (m->field[i].part || m->field[i].id != FIELD_RECEIVED)
            continue;
        seen++;
        if (!received_read(m->field[i].raw, &r))
            continue;
        struct incident *e = find(f, &r.ip, c->id);
        if (!e)
            continue;
        if (e->message.n)
            return 0;
        char media[] = "message/rfc822"; /* l's texts are good until the next look at the case */
        rc = take(f, e, m, span_str(media), s, client_port(m->field[i].raw));
        return rc || !e->message.n ? rc : name_message(f, e);
    }
    return 0;
}

/* What can be acted on comes first: with a message, then with a time. */
static int by_worth(const void *p, const void *q)
{
    const struct incident *a = p, *b = q;
    if (a->kind != b->kind)
        return (a->kind > b->kind) - (a->kind < b->kind);
    if (!a->message.n != !b->message.n)
        return a->message.n ? -1 : 1;
    if (a->is_vague != b->is_vague)
        return a->is_vague - b->is_vague;
    int c = ip_compare(&a->ip, &b->ip);
    return c ? c : a->port != b->port ? (a->port > b->port) - (a->port < b->port) : (a->last_ms > b->last_ms) - (a->last_ms < b->last_ms);
}

int notices_evidence(struct casefile *file, const struct findings *fi, struct arena *a, struct notices *n, struct report *why)
{
    size_t most = 0, pages = 0;
    for (size_t i = 0; i < n->n; i++) {
        most += n->notice[i].of_kind[NOTICE_SENDER];
        pages += n->notice[i].of_kind[NOTICE_PAGE];
    }
    struct finder f = {.file = file, .keep = a, .work = arena_new(512 << 20), .parser = mail_parser_new(NULL),
                       .sender = arena_alloc(a, (most + 1) * sizeof *f.sender), .page = arena_alloc(a, (pages + 1) * sizeof *f.page), .why = why};
    buf_init(&f.raw, (size_t)CASE_EXHIBIT_MAX + 1);
    buf_init(&f.clean, (size_t)NOTICE_MESSAGE * 4);
    int rc = f.work && f.parser && f.sender && f.page ? 0 : report_set(why, POSSE_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < n->n; i++)
        for (size_t k = 0; k < n->notice[i].n; k++) {
            if (n->notice[i].incident[k].kind == NOTICE_SENDER)
                f.sender[f.n++] = &n->notice[i].incident[k];
            else if (n->notice[i].incident[k].kind == NOTICE_PAGE)
                f.page[f.n_pages++] = &n->notice[i].incident[k];
        }
    if (f.n)
        qsort(f.sender, f.n, sizeof *f.sender, by_ip);
    if (f.n_pages)
        qsort(f.page, f.n_pages, sizeof *f.page, by_name);
    for (size_t i = 0; !rc && f.n + f.n_pages && i < fi->n_campaigns; i++)
        for (size_t k = 0; !rc && k < fi->campaign[i].n_samples; k++)
            rc = look_at(&f, &fi->campaign[i], &fi->campaign[i].sample[k]);
    for (size_t i = 0; !rc && i < n->n; i++)
        qsort(n->notice[i].incident, n->notice[i].n, sizeof *n->notice[i].incident, by_worth);
    buf_deinit(&f.raw);
    buf_deinit(&f.clean);
    mail_parser_free(&f.parser);
    arena_free(&f.work);
    return rc;
}
