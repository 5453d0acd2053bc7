/* A notice as the person who answers the abuse desk's mail reads it: what, where, when, on what evidence, and what we ask. */
#include <inttypes.h>
#include <stdio.h>

#include "case/export.h"
#include "case/notice.h"

enum { LINES_MOST = 200, FIELD_MOST = 300, REASONS_MOST = 12 };

/* Somebody else's text: printable ASCII, nothing that a terminal obeys. */
static void theirs(struct buf *b, struct span s, size_t most)
{
    for (size_t i = 0; i < s.n && i < most; i++)
        buf_add_byte(b, s.p[i] >= ' ' && s.p[i] < 127 ? s.p[i] : '?');
}

static void when(struct buf *b, const char *name, int64_t ms)
{
    char text[CASE_TIME_TEXT];
    case_time_text(&(struct case_time){.unix_ms = ms}, text);
    buf_add_fmt(b, "  %s%s\n", name, ms ? text : "not known");
}

static void one(struct buf *b, const struct notice *n, const struct incident *e)
{
    buf_add_span(b, e->address);
    if (e->port)
        buf_add_fmt(b, ", port %u", e->port);
    if (e->name.n) {
        buf_add_str(b, " (");
        theirs(b, e->name, 253);
        buf_add_byte(b, ')');
    }
    buf_add_fmt(b, ": %s\n  ", notice_kind_name(e->kind));
    theirs(b, e->what, FIELD_MOST);
    buf_add_byte(b, '\n');
    if (e->is_vague)
        buf_add_str(b, "  its own times were not kept; its campaign was seen between\n");
    when(b, e->is_vague ? "           " : "first seen ", e->first_ms);
    when(b, e->is_vague ? "and        " : "last seen  ", e->last_ms);
    for (size_t i = 0; i < e->n_reasons && i < REASONS_MOST; i++) {
        buf_add_fmt(b, "  %+6.1f bits  ", e->reason[i].bits);
        theirs(b, e->reason[i].text, FIELD_MOST);
        buf_add_byte(b, '\n');
    }
    if (e->message.n) {
        when(b, "message of ", e->message_ms);
        buf_add_fmt(b, "  copy       message-%06zu.eml; the original is exhibit %" PRIu64 " of the case\n", (size_t)(e - n->incident) + 1,
                    e->message_exhibit);
    } else if (e->message_lost) {
        buf_add_fmt(b, "  message    kept, but not given away: %s\n", e->message_lost);
    }
    buf_add_byte(b, '\n');
}

static void counts(struct buf *b, const struct notice *n)
{
    static const char *const many[NOTICE_KINDS] = {"controllers", "pages that spam links to", "senders of spam", "infected hosts"};
    bool is_first = true;
    for (int k = 0; k < NOTICE_KINDS; k++) {
        if (!n->of_kind[k])
            continue;
        buf_add_fmt(b, "%s%zu %s", is_first ? "" : ", ", n->of_kind[k], n->of_kind[k] == 1 ? notice_kind_name((enum notice_kind)k) : many[k]);
        is_first = false;
    }
}

static void asks(struct buf *b, const struct notice *n, const struct incident *e)
{
    if (e ? e->kind == NOTICE_CONTROLLER : n->of_kind[NOTICE_CONTROLLER] > 0)
        buf_add_str(b, "We ask you to find out who rents what runs at the controller's address, to keep its disk and its logs as they are, and then\n"
                       "to take it off the network; please tell us before you do: other firms have a notice too, and one moment for all is best.\n");
    if (e ? e->kind == NOTICE_PAGE : n->of_kind[NOTICE_PAGE] > 0)
        buf_add_str(b, "We ask you to look at what the pages' addresses serve under the names that stand with them, and to take it off where your terms\n"
                       "do not allow what is advertised by spam. A name may lead elsewhere by now: please look at the times.\n");
    if (e ? e->kind == NOTICE_SENDER || e->kind == NOTICE_HOST : n->of_kind[NOTICE_SENDER] + n->of_kind[NOTICE_HOST] > 0)
        buf_add_str(b, "We ask you to tell the customers who have these addresses that their machines are probably infected, and to keep the machines\n"
                       "from sending until they are clean. Addresses may have been given to others since: please look at the times.\n");
    buf_add_str(b, "What we write is what we saw. We may be wrong about a single machine: if so, please tell us.\n\n");
}

/* How to read what follows, as far as it is there. */
static void explain(struct buf *b, const struct notice *n, const struct incident *e)
{
    bool has_grounds = false, has_message = false;
    for (const struct incident *x = e ? e : n->incident, *end = e ? e + 1 : n->incident + n->n; x < end; x++) {
        has_grounds |= x->n_reasons > 0;
        has_message |= x->message.n > 0;
    }
    buf_add_str(b, "All times are given with their offset from UTC.\n");
    if (has_grounds)
        buf_add_str(b, "Grounds are given in bits: + speaks for it, - against it; a bit doubles the odds, ten make them a thousand to one.\n");
    if (has_message)
        buf_add_str(b, "In copies of messages those to whom they were sent are replaced by recipient-N; what names senders, machines and hosts is as\n"
                       "it was. A signature over the original does not hold for its copy.\n");
    buf_add_byte(b, '\n');
}

int notice_text(const struct notice_case *c, const struct notice *n, const struct incident *e, struct buf *b)
{
    char now[CASE_TIME_TEXT], sealed[CASE_TIME_TEXT];
    case_time_text(&c->now, now);
    case_time_text(&c->head.time, sealed);
    buf_add_str(b, "To: ");
    buf_add_span(b, n->to.n ? n->to : SPAN_LIT("nobody is known"));
    buf_add_str(b, "\nFor: ");
    theirs(b, n->firm.n ? n->firm : SPAN_LIT("the holder of the network"), FIELD_MOST);
    if (n->asn)
        buf_add_fmt(b, ", AS%u ", n->asn);
    theirs(b, n->network, FIELD_MOST);
    buf_add_str(b, "\nFrom: ");
    buf_add_span(b, c->org);
    buf_add_str(b, ", ");
    buf_add_span(b, c->contact);
    buf_add_fmt(b, "\nNotice: %s of case ", n->id);
    theirs(b, c->id, CASE_ID_MAX);
    buf_add_fmt(b, "\nWritten: %s\n", now);
    if (n->follows.n) {
        buf_add_str(b, "Follows: ");
        theirs(b, n->follows, FIELD_MOST);
        buf_add_byte(b, '\n');
    }
    buf_add_str(b, "\nSpam has a part in your network: ");
    if (e)
        buf_add_str(b, notice_kind_name(e->kind));
    else
        counts(b, n);
    buf_add_str(b, ".\n");
    asks(b, n, e);
    explain(b, n, e);
    for (size_t i = 0; !e && i < n->n && i < LINES_MOST; i++)
        one(b, n, &n->incident[i]);
    if (e)
        one(b, n, e);
    else if (n->n > LINES_MOST)
        buf_add_fmt(b, "and %zu more: all of them are in incidents.csv.\n\n", n->n - LINES_MOST);
    buf_add_fmt(b, "Evidence: what stands here was made from exhibit %" PRIu64 " of the case, of which a signed head is held:\n"
                   "%" PRIu64 " lines, sealed %s by key %s.\nThe originals are kept, and can be shown.\n", c->findings, c->head.n, sealed, c->head.key);
    buf_add_fmt(b, "Please answer to ");
    buf_add_span(b, c->contact);
    buf_add_fmt(b, " and name %s.\n", n->id);
    return buf_error(b);
}

int notice_csv(const struct notice_case *c, const struct notice *n, struct buf *b)
{
    char text[CASE_TIME_TEXT];
    (void)c;
    buf_add_str(b, "address,kind,name,port,first_seen,last_seen,what,campaign,botnet,messages,message_exhibit,times\r\n");
    for (const struct incident *e = n->incident; e < n->incident + n->n; e++) {
        export_cell(b, e->address);
        buf_add_byte(b, ',');
        export_cell(b, span_str(notice_kind_name(e->kind)));
        buf_add_byte(b, ',');
        export_cell(b, e->name);
        buf_add_fmt(b, ",%u,", e->port);
        case_time_text(&(struct case_time){.unix_ms = e->first_ms}, text);
        export_cell(b, e->first_ms ? span_str(text) : SPAN_NONE);
        buf_add_byte(b, ',');
        case_time_text(&(struct case_time){.unix_ms = e->last_ms}, text);
        export_cell(b, span_str(text));
        buf_add_byte(b, ',');
        export_cell(b, e->what);
        buf_add_byte(b, ',');
        export_cell(b, e->campaign);
        buf_add_byte(b, ',');
        export_cell(b, e->botnet);
        buf_add_fmt(b, ",%" PRIu64 ",%" PRIu64 ",%s\r\n", e->messages, e->message_exhibit, e->is_vague ? "campaign's" : "own");
    }
    return buf_error(b);
}
