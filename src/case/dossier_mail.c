/* dossier_mail: campaigns with templates and samples, the schedule of marks, marks of money. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "case/dossier_priv.h"
#include "case/redact.h"
#include "mail/url.h"

enum { MARKS = 512, ROWS = 4096, SHOWN = 8, SENDERS = 4, LINKS = 12, WORDS = 12, MESSAGE_MAX = 32 << 20 };

/* ---- a message as it may be shown ---- */

int dossier_message(struct dossier *d, uint64_t exhibit, struct buf *out, bool *ok, struct report *why)
{
    struct case_line l;
    struct buf raw;
    struct redacted what;
    *ok = false;
    d->of_sender = 0;
    buf_clear(out);
    int err = casefile_line(d->file, exhibit, &l, why);
    if (err)
        return err;
    if (l.size > MESSAGE_MAX) {
        d->unredactable++;
        return 0;
    }
    buf_init(&raw, MESSAGE_MAX + 1);
    err = casefile_bytes(d->file, &l, &raw, why);
    if (!err && d->o->shows_recipients) {
        buf_add_span(out, buf_span(&raw));
        *ok = !buf_error(out);
    } else if (!err && redact_bytes(SPAN_LIT("message/rfc822"), buf_span(&raw), NULL, out, &what, NULL) == 0) {
        d->redacted_messages++;
        d->redacted_mailboxes += what.mailboxes;
        d->redacted_places += what.places;
        d->of_sender = what.of_sender;
        *ok = true;
    } else if (!err) {
        d->unredactable++;
    }
    buf_deinit(&raw);
    return err;
}

/* ---- the schedule of marks ---- */

struct row {
    enum brand_place place;
    enum brand_how how;
    uint32_t n;
    uint64_t exhibit[SHOWN];
    struct span text;
};
struct mark {
    uint32_t brand, claimed, spoofed, origin[BRAND_ORIGINS];
    uint64_t exhibit[SHOWN];
    struct span sender[SENDERS];
    size_t n_senders;
    struct row *row;
    size_t n_rows, cap_rows;
};
struct schedule {
    struct mark mark[MARKS];
    size_t n;
    uint32_t messages, with_claim, mentioned, ours_checked, ours_passed;
};

static struct mark *find_mark(struct schedule *s, uint32_t brand)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->mark[i].brand == brand)
            return &s->mark[i];
    if (s->n == MARKS)
        return NULL;
    s->mark[s->n] = (struct mark){.brand = brand};
    return &s->mark[s->n++];
}

static void take_use(struct dossier *d, struct mark *m, const struct brand_use *u, uint64_t exhibit)
{
    size_t i = 0;
    while (i < m->n_rows && (m->row[i].place != u->place || m->row[i].how != u->how))
        i++;
    if (i == m->n_rows) {
        if (i == m->cap_rows) {
            size_t cap = m->cap_rows ? 2 * m->cap_rows : 8;
            void *p = arena_grow(d->arena, m->row, m->cap_rows * sizeof *m->row, cap * sizeof *m->row);
            if (!p)
                return;
            m->row = p;
            m->cap_rows = cap;
        }
        m->row[m->n_rows++] = (struct row){
            .place = u->place, .how = u->how, .text = arena_copy(d->arena, span_sub(u->text, 0, 120))};
    }
    if (m->row[i].n < SHOWN)
        m->row[i].exhibit[m->row[i].n] = exhibit;
    m->row[i].n++;
}

static void take_claim(struct dossier *d, const struct brand_reading *r, const struct brand_claim *c, uint64_t exhibit)
{
    struct mark *m = find_mark(d->schedule, c->brand);
    if (!m)
        return;
    if (m->claimed < SHOWN)
        m->exhibit[m->claimed] = exhibit;
    m->claimed++;
    m->spoofed += c->is_spoofed;
    m->origin[c->origin]++;
    size_t i = 0;
    while (i < m->n_senders && !span_eq(m->sender[i], r->from_domain))
        i++;
    if (i == m->n_senders && i < SENDERS && r->from_domain.n)
        m->sender[m->n_senders++] = arena_copy(d->arena, r->from_domain);
    for (size_t k = 0; k < c->n_uses; k++)
        take_use(d, m, &c->use[k], exhibit);
}

static void take_message(struct dossier *d, struct arena *a, struct span raw, uint64_t exhibit)
{
    struct message *m;
    struct brand_reading r;
    struct brand_options o = {.ours = d->o->ours};
    bool any = false;
    if (message_parse(d->parser, a, raw, &m) || brands_read(d->o->brands, d->parser, a, m, &o, &r))
        return;
    d->schedule->messages++;
    d->schedule->ours_checked += r.auth.is_there && r.auth.is_ours;
    for (size_t i = 0; i < r.n_claims; i++) {
        if (r.claim[i].is_claimed)
            take_claim(d, &r, &r.claim[i], exhibit);
        else
            d->schedule->mentioned++;
        any = any || r.claim[i].is_claimed;
    }
    d->schedule->with_claim += any;
}

struct numbers {
    uint64_t *n;
    size_t count, cap;
    uint64_t below;
};

static int take_number(void *ctx, const struct case_line *l)
{
    struct numbers *x = ctx;
    if (l->n < x->below && l->is_exhibit && l->redacts < 0 && span_eq(l->media, SPAN_LIT("message/rfc822")) &&
        x->count < x->cap)
        x->n[x->count++] = l->n;
    return 0;
}

/* Most claimed first; of equals the one that stands first in the table. */
static int by_claims(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    return x->claimed != y->claimed ? (x->claimed < y->claimed) - (x->claimed > y->claimed)
                                    : (x->brand > y->brand) - (x->brand < y->brand);
}

int dossier_schedule(struct dossier *d, struct report *why)
{
    struct arena *a = arena_new(256 << 20);
    struct numbers x = {.n = arena_alloc(d->arena, DOSSIER_MARK_MESSAGES * sizeof(uint64_t)),
                        .cap = DOSSIER_MARK_MESSAGES,
                        .below = d->head->n};
    struct buf raw;
    bool ok;
    d->schedule = arena_zalloc(d->arena, sizeof *d->schedule);
    if (!a || !x.n || !d->schedule) {
        arena_free(&a);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    buf_init(&raw, 2 * MESSAGE_MAX);
    int err = casefile_each(d->file, take_number, &x, why);
    for (size_t i = 0; i < x.count && !err; i++) {
        err = dossier_message(d, x.n[i], &raw, &ok, why);
        if (!err && ok)
            take_message(d, a, buf_span(&raw), x.n[i]);
        arena_reset(a);
    }
    if (d->schedule->n)
        qsort(d->schedule->mark, d->schedule->n, sizeof *d->schedule->mark, by_claims);
    buf_deinit(&raw);
    arena_free(&a);
    return err;
}

size_t dossier_marks_claimed(const struct dossier *d, struct span *first, size_t most)
{
    size_t n = d->schedule ? d->schedule->n : 0;
    for (size_t i = 0; i < n && i < most; i++) {
        struct brand_info info;
        brands_info(d->o->brands, d->schedule->mark[i].brand, &info);
        first[i] = info.name;
    }
    return n;
}

static void put_exhibits(struct dossier *d, const uint64_t *n, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < SHOWN; i++)
        d_fmt(d, "%s<a href=\"#x%llu\">%llu</a>", i ? ", " : "", (unsigned long long)n[i], (unsigned long long)n[i]);
    if (count > SHOWN)
        d_fmt(d, " and %u more", count - SHOWN);
}

static void put_mark(struct dossier *d, const struct mark *m)
{
    struct brand_info info;
    brands_info(d->o->brands, m->brand, &info);
    d_str(d, "<h3>");
    d_text(d, info.name);
    d_fmt(d, "</h3>\n<p>Claimed in %u message%s, of them %u sent by others than the owner", m->claimed,
          m->claimed == 1 ? "" : "s", m->spoofed);
    d_str(d, info.n_domains ? ". The owner's own domains, as far as known: "
                            : "; the owner's own domains are not in the table.");
    for (size_t i = 0; i < info.n_domains && i < 6; i++) {
        d_str(d, i ? ", " : "");
        d_text(d, brands_domain(d->o->brands, m->brand, i));
    }
    d_str(d, info.n_domains > 6 ? " and others. Sent from: " : info.n_domains ? ". Sent from: " : " Sent from: ");
    for (size_t i = 0; i < m->n_senders; i++) {
        d_str(d, i ? ", " : "");
        d_fang(d, m->sender[i]);
    }
    d_str(d, m->n_senders == SENDERS ? " and perhaps others" : m->n_senders ? "" : "no domain");
    d_str(d, ". By origin: ");
    bool first = true;
    for (int o = 0; o < BRAND_ORIGINS; o++)
        if (m->origin[o]) {
            d_fmt(d, "%s%s %u", first ? "" : ", ", brand_origin_name((enum brand_origin)o), m->origin[o]);
            first = false;
        }
    d_str(d, ".</p>\n<table><thead><tr><th>Where</th><th>How</th><th>As it stands there "
             "(first)</th><th>Messages</th><th>Exhibits</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < m->n_rows; i++) {
        d_fmt(d, "<tr><td>%s</td><td>%s</td>", brand_place_name(m->row[i].place), brand_how_name(m->row[i].how));
        d_cell(d, m->row[i].text);
        d_cell_number(d, m->row[i].n);
        d_str(d, "<td>");
        put_exhibits(d, m->row[i].exhibit, m->row[i].n);
        d_str(d, "</td></tr>\n");
    }
    d_str(d, "</tbody></table>\n");
}

void dossier_brands(struct dossier *d)
{
    const struct schedule *s = d->schedule;
    d_section(d, "marks", "Schedule of marks");
    if (!s) {
        d_str(d, "<p>No table of marks was given, so none was looked for.</p>\n");
        return;
    }
    d_fmt(d,
          "<p>Of %u messages among the exhibits %u pass themselves off as sent by a mark's owner. A mention alone "
          "(&ldquo;follow us on&rdquo;) is not counted: "
          "there were %u. Names and owners' domains are those of the table with SHA-256 <span "
          "class=\"d-hash\">%s</span>; an owner may have "
          "more domains than it lists. In %u messages the receiving host's own finding about the sender (SPF, DKIM, "
          "DMARC) stands where no "
          "sender could have written it; the receiver's own networks are ",
          s->messages, s->with_claim, s->mentioned, d->o->brands_digest, s->ours_checked);
    d_text(d, d->o->ours_said.n ? d->o->ours_said : SPAN_LIT("private addresses alone, as far as was said"));
    d_str(d, ".</p>\n");
    for (size_t i = 0; i < s->n && i < 60; i++)
        put_mark(d, &s->mark[i]);
    if (s->n > 60)
        d_fmt(d, "<p>And %zu marks more, each in fewer messages.</p>\n", s->n - 60);
}

/* ---- campaigns ---- */

static void put_slot_name(struct dossier *d, struct span slot)
{
    static const char *const names[][2] = {{"word", "one of"},     {"random", "random letters"},
                                           {"number", "a number"}, {"address", "an address"},
                                           {"url", "a link"},      {"free", "any text"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_eq(slot, span_str(names[i][0]))) {
            d_str(d, names[i][1]);
            return;
        }
    d_text(d, slot);
}

static void put_pieces(struct dossier *d, const struct found_piece *p, size_t n)
{
    d_str(d, "<pre>");
    for (size_t i = 0; i < n && i < 400; i++) {
        if (!p[i].slot.n) {
            dossier_defanged(d->b, p[i].anchor, DOSSIER_BODY);
            continue;
        }
        d_str(d, " <span class=\"d-slot\">");
        if (p[i].n_words == 1)
            d_str(d, "sometimes");
        else
            put_slot_name(d, p[i].slot);
        if (p[i].alphabet.n) {
            d_str(d, " of ");
            d_text(d, p[i].alphabet);
        }
        for (size_t k = 0; k < p[i].n_words && k < WORDS; k++) {
            d_str(d, k ? " | " : ": ");
            dossier_defanged(d->b, p[i].word[k], 60);
        }
        d_str(d, p[i].n_words > WORDS ? " | &hellip;</span> " : "</span> ");
    }
    d_str(d, "</pre>\n");
}

static void put_template(struct dossier *d, const struct found_template *t)
{
    d_fmt(d, "<p><b>Template, version %u</b>, made from %u messages, in small letters and without punctuation, as they are compared. "
             "Shaded: what changes from message to message",
          t->version, t->texts);
    if (t->seen)
        d_fmt(d, "; of %llu later messages %llu fit it", (unsigned long long)t->seen, (unsigned long long)t->matched);
    d_str(d, ".</p>\n");
    if (t->n_subjects) {
        d_str(d, "<p>Subject:</p>");
        put_pieces(d, t->subject, t->n_subjects);
    }
    if (t->n_texts) {
        d_str(d, "<p>Text:</p>");
        put_pieces(d, t->text, t->n_texts);
    }
}

static void put_counts(struct dossier *d, const char *what, const struct found_count *c, size_t n)
{
    if (!n)
        return;
    d_fmt(d, "<p>%s: ", what);
    for (size_t i = 0; i < n && i < LINKS; i++) {
        d_str(d, i ? ", " : "");
        d_fang(d, c[i].text);
        d_fmt(d, " (%s%llu)", c[i].is_at_most ? "at most " : "", (unsigned long long)c[i].n);
    }
    if (n > LINKS)
        d_fmt(d, " and %zu more", n - LINKS);
    d_str(d, "</p>\n");
}

static void put_sample(struct dossier *d, struct arena *a, struct span raw, uint64_t exhibit)
{
    struct message *m;
    if (message_parse(d->parser, a, raw, &m))
        return;
    d_fmt(d, "<p><b>Sample</b>, exhibit <a href=\"#x%llu\">%llu</a>%s%s:</p>\n<pre>", (unsigned long long)exhibit,
          (unsigned long long)exhibit, d->o->shows_recipients ? "" : ", without its recipients",
          d->of_sender ? " (nor the word of the sender's name that is a recipient's, too)" : "");
    static const enum field_id shown[] = {FIELD_FROM, FIELD_REPLY_TO,   FIELD_SUBJECT,
                                          FIELD_DATE, FIELD_MESSAGE_ID, FIELD_X_MAILER};
    static const char *const names[] = {"From", "Reply-To", "Subject", "Date", "Message-ID", "X-Mailer"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        struct span v = message_value(d->parser, a, m, shown[i]);
        if (!v.n)
            continue;
        d_fmt(d, "<b>%s:</b> ", names[i]);
        d_fang(d, v);
        d_str(d, "\n");
    }
    for (size_t i = 0; i < m->n_text && i < 2; i++) {
        if (i && !m->text[i].is_html)
            continue;
        d_str(d, m->text[i].is_html ? "\n<i>As HTML shows it:</i>\n" : "\n");
        dossier_defanged(d->b, span_trim(m->text[i].visible), DOSSIER_BODY);
        d_str(d, "\n");
    }
    for (size_t i = 0, n = 0; i < m->n_urls && n < LINKS; i++) {
        if (m->url[i].origin == URL_FROM_TEXT)
            continue;
        d_str(d, n++ ? "" : "\n<i>Links in it:</i>\n");
        dossier_defanged(d->b, m->url[i].raw, 160);
        d_str(d, "\n");
    }
    d_str(d, "</pre>\n");
}

static int put_samples(struct dossier *d, const struct found_campaign *c, struct report *why)
{
    struct arena *a = arena_new(256 << 20);
    struct buf raw;
    bool ok;
    int err = a ? 0 : POSSE_ENOMEM;
    size_t shown = 0;
    buf_init(&raw, 2 * MESSAGE_MAX);
    for (size_t i = 0; i < c->n_samples && shown < DOSSIER_SAMPLES && !err; i++) {
        if (c->sample[i].exhibit >= d->head->n)
            continue;
        err = dossier_message(d, c->sample[i].exhibit, &raw, &ok, why);
        if (!err && ok) {
            put_sample(d, a, buf_span(&raw), c->sample[i].exhibit);
            shown++;
        }
        arena_reset(a);
    }
    buf_deinit(&raw);
    arena_free(&a);
    return err;
}

static int put_campaign(struct dossier *d, const struct found_campaign *c, struct report *why)
{
    d_str(d, "<h3>Campaign ");
    d_text(d, c->id);
    d_str(d, "</h3>\n<p>");
    d_number(d, (double)c->messages);
    d_str(d, " messages from ");
    d_time(d, c->first_ms);
    d_str(d, " to ");
    d_time(d, c->last_ms);
    d_str(d, ", from ");
    d_estimate(d, &c->sources);
    d_str(d, " addresses");
    if (c->botnet.n && !span_eq(c->botnet, SPAN_LIT("unknown"))) {
        d_str(d, "; sent by ");
        d_text(d, c->botnet);
        d_fmt(d, " with probability %.2f", c->botnet_probability);
    }
    d_str(d, ".");
    if (c->doubt.n) {
        d_str(d, " <b>Reservation:</b> ");
        d_text(d, c->doubt);
        d_str(d, ".");
    }
    d_str(d, "</p>\n");
    put_counts(d, "Its links lead to", c->link, c->n_links);
    for (size_t i = c->n_templates > 2 ? c->n_templates - 2 : 0; i < c->n_templates; i++)
        put_template(d, &c->template[i]);
    return put_samples(d, c, why);
}

int dossier_campaigns(struct dossier *d, struct report *why)
{
    const struct findings *f = d->f;
    int err = 0;
    d_section(d, "campaigns", "Campaigns, their templates and samples");
    d_str(d, "<p>Addresses in what follows are written so that no program makes links of them: "
             "hxxp://name[.]example.</p>\n");
    for (size_t i = 0; i < f->n_campaigns && i < DOSSIER_CAMPAIGNS && !err; i++)
        err = put_campaign(d, &f->campaign[i], why);
    if (f->campaigns_total > DOSSIER_CAMPAIGNS)
        d_fmt(d, "<p>%llu campaigns more are in the findings.</p>\n",
              (unsigned long long)(f->campaigns_total - DOSSIER_CAMPAIGNS));
    return err;
}

/* ---- money ---- */

void dossier_money(struct dossier *d)
{
    const struct findings *f = d->f;
    d_section(d, "money", "How it is paid: marks of money");
    if (!f->n_moneys) {
        d_str(d, "<p>No phone number, wallet, mail drop, shop or affiliate mark was found in several messages.</p>\n");
        return;
    }
    d_str(d, "<table><thead><tr><th>Kind</th><th>Mark</th><th>Campaign</th><th>Messages</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < f->n_moneys && i < DOSSIER_ROWS; i++) {
        d_str(d, "<tr>");
        d_cell(d, f->money[i].kind);
        d_cell(d, f->money[i].text);
        d_cell(d, f->money[i].campaign);
        d_cell_number(d, f->money[i].n);
        d_str(d, "</tr>\n");
    }
    d_str(d, "</tbody></table>\n");
}
