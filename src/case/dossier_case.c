/* dossier_case: controllers and hosting, what is uncertain, what was left out, the exhibits, how to verify. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/dossier_priv.h"

enum { NETWORKS = 4096, NETWORKS_SHOWN = 60, ADDERS = 8 };

/* ---- hosting ---- */

struct network_row {
    const struct found_network *network;
    uint64_t controllers, sources, messages;
};

static int by_weight(const void *a, const void *b)
{
    const struct network_row *x = a, *y = b;
    if (x->controllers != y->controllers)
        return (x->controllers < y->controllers) - (x->controllers > y->controllers);
    if (x->sources != y->sources)
        return (x->sources < y->sources) - (x->sources > y->sources);
    return (x->network->asn > y->network->asn) - (x->network->asn < y->network->asn);
}

static struct network_row *find_network(struct network_row *row, size_t *n, const struct found_network *w)
{
    for (size_t i = 0; i < *n; i++)
        if (row[i].network->asn == w->asn && span_eq(row[i].network->firm, w->firm))
            return &row[i];
    if (*n == NETWORKS)
        return NULL;
    row[*n] = (struct network_row){.network = w};
    return &row[(*n)++];
}

static void put_address(struct dossier *d, const struct ip *ip)
{
    char text[IP_TEXT];
    ip_text(ip, text);
    d_fang(d, span_str(text));
}

static void put_controller(struct dossier *d, const struct found_controller *c)
{
    d_str(d, "<h3>");
    if (c->name.n) {
        d_fang(d, c->name);
        d_str(d, ", ");
    }
    put_address(d, &c->ip);
    if (c->port) {
        d_fmt(d, " port %u/", c->port);
        d_text(d, c->proto);
    }
    if (c->probability > 0.999)
        d_str(d, "</h3>\n<p>Probability over 0.999");
    else
        d_fmt(d, "</h3>\n<p>Probability %.3f", c->probability);
    d_fmt(d, " (%.1f bits of evidence). Called from ", c->bits);
    d_time(d, c->first_ms);
    d_str(d, " to ");
    d_time(d, c->last_ms);
    d_fmt(d, " by %llu machines of the network that was traced, of which %llu also act as infected ones do. Hosted by ",
          (unsigned long long)c->hosts_total, (unsigned long long)c->acting_total);
    d_text(d, c->network.firm.n   ? c->network.firm
              : c->network.name.n ? c->network.name
                                  : SPAN_LIT("a network that is not known"));
    if (c->network.asn)
        d_fmt(d, " (AS%u)", c->network.asn);
    if (c->exhibit)
        d_fmt(d, "; exhibit <a href=\"#x%llu\">%llu</a>", (unsigned long long)c->exhibit,
              (unsigned long long)c->exhibit);
    d_str(d, ".</p>\n");
    if (!c->n_reasons)
        return;
    d_str(d, "<table><thead><tr><th>Grounds</th><th>Bits</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->n_reasons && i < DOSSIER_ROWS; i++) {
        d_str(d, "<tr>");
        d_cell(d, c->reason[i].text);
        d_fmt(d, "<td class=\"d-n\">%+.1f</td></tr>\n", c->reason[i].bits);
    }
    d_str(d, "</tbody></table>\n");
}

static size_t fill_networks(const struct findings *f, struct network_row *row, bool *has_abuse)
{
    struct network_row *r;
    size_t n = 0;
    for (size_t i = 0; i < f->n_controllers; i++)
        if ((r = find_network(row, &n, &f->controller[i].network)))
            r->controllers++;
    for (size_t i = 0; i < f->n_sources; i++)
        if ((r = find_network(row, &n, &f->source[i].network))) {
            r->sources++;
            r->messages += f->source[i].messages;
        }
    for (size_t i = 0; i < n; i++)
        *has_abuse |= row[i].network->abuse.n > 0;
    return n;
}

static void put_networks(struct dossier *d)
{
    struct network_row *row = arena_alloc(d->arena, NETWORKS * sizeof *row);
    bool has_abuse = false;
    size_t n = row ? fill_networks(d->f, row, &has_abuse) : 0;
    if (!n)
        return;
    qsort(row, n, sizeof *row, by_weight);
    d_str(d, "<h3>Networks</h3>\n<p>Where its machines are, by the network that announces their addresses. The addresses themselves are in the "
             "findings; those of infected machines belong to people who mostly do not know.</p>\n<table><thead><tr><th>AS</th><th>Name</th>"
             "<th>Country</th><th>Controllers</th><th>Sending addresses</th>");
    d_str(d, has_abuse ? "<th>Abuse contact</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n");
    for (size_t i = 0; i < n && i < NETWORKS_SHOWN; i++) {
        if (row[i].network->asn)
            d_fmt(d, "<tr><td>AS%u</td>", row[i].network->asn);
        else
            d_str(d, "<tr><td>not known</td>");
        d_cell(d, row[i].network->firm.n ? row[i].network->firm : row[i].network->name);
        d_cell(d, row[i].network->country);
        d_cell_number(d, row[i].controllers);
        d_cell_number(d, row[i].sources);
        if (has_abuse)
            d_cell(d, row[i].network->abuse);
        d_str(d, "</tr>\n");
    }
    d_str(d, "</tbody></table>\n");
    if (n > NETWORKS_SHOWN)
        d_fmt(d, "<p>And %zu networks more.</p>\n", n - NETWORKS_SHOWN);
}

/* Of the machines that talk to controllers, how many sent mail of this case? Addresses are compared as text: both are ours. */
static size_t count_tied(const struct findings *f, size_t *of_out)
{
    size_t tied = 0;
    *of_out = f->n_hosts;
    for (size_t i = 0; i < f->n_hosts; i++) {
        bool is = false;
        for (size_t k = 0; k < f->n_sources && !is; k++)
            is = ip_compare(&f->host[i].ip, &f->source[k].ip) == 0;
        tied += is;
    }
    return tied;
}

void dossier_commanders(struct dossier *d)
{
    const struct findings *f = d->f;
    size_t of, tied = count_tied(f, &of);
    d_fmt(d, "<li>%zu machine%s found that probably command%s infected machines, with the grounds and the probability of each "
             "(<a href=\"#hosting\">controllers and hosting</a>).", f->n_controllers, f->n_controllers == 1 ? " was" : "s were",
          f->n_controllers == 1 ? "s" : "");
    if (f->n_sources && of && tied)
        d_fmt(d, " Of the %zu infected machines found in the traced network %zu also sent mail of this case.", of, tied);
    else if (f->n_sources && of)
        d_str(d, " None of the infected machines found in the traced network is among the addresses that sent the mail of this case: that the "
                 "same people command both is not shown by these figures.");
    d_str(d, "</li>\n");
}

static void put_infected(struct dossier *d)
{
    const struct findings *f = d->f;
    if (!f->n_hosts)
        return;
    uint64_t n = f->hosts_total > f->n_hosts ? f->hosts_total : f->n_hosts;
    d_fmt(d, "<p>In the network that was traced %llu machine%s infected", (unsigned long long)n, n == 1 ? " is probably" : "s are probably");
    d_str(d, d->o->shows_recipients ? ": " : "; their addresses are left out here.");
    for (size_t i = 0; d->o->shows_recipients && i < f->n_hosts && i < DOSSIER_ROWS; i++) {
        d_str(d, i ? ", " : "");
        put_address(d, &f->host[i].ip);
    }
    d_str(d, "</p>\n");
}

void dossier_hosting(struct dossier *d)
{
    const struct findings *f = d->f;
    d_section(d, "hosting", "Controllers and hosting");
    if (!f->n_controllers)
        d_str(d, "<p>No controller is among the findings.</p>\n");
    else
        d_fmt(d, "<p>Of the traffic of one network. Each ground speaks for (+) or against (&minus;) its being a controller; their bits add up. A bit "
                 "doubles the odds; where one starts is far below zero, for nearly all destinations are harmless. The list was held so that in the "
                 "long run %.0f%% of what stands in such lists is wrong, at most.</p>\n", 100 * f->controller[0].false_discovery);
    for (size_t i = 0; i < f->n_controllers && i < DOSSIER_ROWS; i++)
        put_controller(d, &f->controller[i]);
    put_infected(d);
    put_networks(d);
}

/* ---- what is uncertain, what was left out ---- */

static void put_doubt(struct dossier *d, struct span about, struct span text)
{
    if (!text.n)
        return;
    d_str(d, "<li><b>");
    d_text(d, about);
    d_str(d, ":</b> ");
    dossier_text(d->b, text, 1000);
    d_str(d, "</li>\n");
}

static bool is_said(const struct findings *f, struct span text)
{
    for (size_t i = 0; i < f->n_doubts; i++)
        if (span_eq(f->doubt[i].text, text))
            return true;
    return false;
}

void dossier_doubts(struct dossier *d)
{
    const struct findings *f = d->f;
    d_section(d, "doubt", "What is uncertain");
    d_str(d, "<ul>\n");
    for (size_t i = 0; i < f->n_doubts && i < DOSSIER_ROWS; i++)
        put_doubt(d, f->doubt[i].about, f->doubt[i].text);
    for (size_t i = 0; i < f->n_botnets; i++)
        if (f->botnet[i].is_subject && !is_said(f, f->botnet[i].doubt))
            put_doubt(d, f->botnet[i].name, f->botnet[i].doubt);
    d_str(d, "<li><b>Estimates:</b> a 95% interval says how far chance alone may have moved a number, if the method's "
             "assumptions hold. It does not say "
             "how well the places that were watched stand for the whole of the mail.</li>\n"
             "<li><b>What was seen:</b> mail that came to the traps of whoever made this case; other mail may look "
             "different.</li>\n"
             "<li><b>Display names, subjects, dates and most header fields</b> are the sender's own words. What the "
             "receiving host wrote is said to be so.</li>\n"
             "<li><b>Infected machines</b> are their owners' property; who owns one is not who sends.</li>\n</ul>\n");
}

void dossier_redactions(struct dossier *d)
{
    d_section(d, "redacted", "What was left out of this page");
    if (d->o->shows_recipients) {
        d_str(d, "<p class=\"d-warn\">Nothing: this copy shows recipients' addresses and infected machines, as was "
                 "asked for. Treat it accordingly.</p>\n");
        return;
    }
    d_fmt(d,
          "<ul>\n<li>Those to whom the messages were sent: %zu mailboxes in %zu places of the %zu messages that were "
          "read for this page (a message read twice "
          "counts twice), replaced by recipient-1[@]redacted[.]invalid and so on.</li>\n",
          d->redacted_mailboxes, d->redacted_places, d->redacted_messages);
    if (d->unredactable)
        d_fmt(d, "<li>%zu messages that could not be redacted with certainty are not shown at all.</li>\n",
              d->unredactable);
    d_str(d, "<li>The domains of recipients.</li>\n<li>Addresses of infected machines: only their networks are "
             "listed.</li>\n"
             "<li>Attachments and pictures, and of long texts all but their beginning.</li>\n</ul>\n<p>The originals "
             "are unchanged in the case, under the digests "
             "below.</p>\n");
}

/* ---- exhibits ---- */

struct listing {
    struct dossier *d;
    uint64_t shown, more;
    struct span by[ADDERS]; /* who added them */
    size_t n_by;
};

static void note_adder(struct listing *x, struct span by)
{
    size_t i = 0;
    while (i < x->n_by && !span_eq(x->by[i], by))
        i++;
    if (i == x->n_by && i < ADDERS)
        x->by[x->n_by++] = arena_copy(x->d->arena, by);
}

static int list_exhibit(void *ctx, const struct case_line *l)
{
    struct listing *x = ctx;
    struct dossier *d = x->d;
    char hex[65];
    if (!l->is_exhibit || l->n >= d->head->n)
        return 0;
    note_adder(x, l->by);
    if (x->shown == DOSSIER_EXHIBITS) {
        x->more++;
        return 0;
    }
    x->shown++;
    hex_encode(span_of(l->sha256, 32), hex);
    d_fmt(d, "<tr id=\"x%llu\"><td class=\"d-n\">%llu</td>", (unsigned long long)l->n, (unsigned long long)l->n);
    d_str(d, "<td>");
    d_text(d, l->name);
    d_str(d, "</td><td>");
    d_text(d, l->source);
    if (l->seen.n) {
        d_str(d, ", ");
        d_text(d, l->seen);
    }
    if (l->redacts >= 0)
        d_fmt(d, ", a redacted copy of %lld", (long long)l->redacts);
    d_str(d, "</td><td>");
    d_text(d, l->at);
    d_str(d, "</td>");
    d_cell_number(d, l->size);
    d_fmt(d, "<td class=\"d-hash\">%s</td></tr>\n", hex);
    return 0;
}

int dossier_exhibits(struct dossier *d, struct report *why)
{
    struct listing x = {.d = d};
    d_section(d, "exhibits", "Exhibits");
    d_str(d, "<p>The number is that of the exhibit's line in the case's "
             "log.</p>\n<table class=\"d-list\"><thead><tr><th style=\"width:7%\">No.</th><th>What</th>"
             "<th>Source, when seen</th><th style=\"width:14%\">Added</th><th style=\"width:9%\">Bytes</th><th style=\"width:24%\">SHA-256</th></tr></thead>"
             "<tbody>\n");
    int err = casefile_each(d->file, list_exhibit, &x, why);
    d_str(d, "</tbody></table>\n");
    if (x.more)
        d_fmt(d, "<p>And %llu exhibits more; the case's log has them all.</p>\n", (unsigned long long)x.more);
    d_str(d, "<p>Added to the case by ");
    for (size_t i = 0; i < x.n_by; i++) {
        d_str(d, i ? ", " : "");
        d_text(d, x.by[i]);
    }
    d_str(d, x.n_by == ADDERS ? " and perhaps others" : x.n_by ? "" : "nobody yet");
    d_str(d, "; the log says who added which, who read what, and to whom something was handed over.</p>\n");
    return err;
}

/* ---- verification ---- */

void dossier_verify(struct dossier *d)
{
    d_section(d, "verify", "How to verify");
    d_fmt(d, "<p>This page was made of the first %llu lines of the case's log. Their signed head is</p>\n<pre>",
          (unsigned long long)d->head->n);
    dossier_text(d->b, span_str(d->head->line), SEAL_LINE_MAX);
    d_fmt(d, "</pre>\n<p>and its signer's key has the fingerprint</p>\n<pre>%s</pre>\n", d->head->key);
    d_str(d, "<p>A page can be forged. What counts is the case: with its folder, or an export of it, and this head or "
             "fingerprint from another source than "
             "this page,</p>\n<pre>posse case verify --key FINGERPRINT --head HEAD-FILE FOLDER\npython3 verify-case.py "
             "EXPORT FINGERPRINT</pre>\n"
             "<p>say whether each exhibit is still what was sealed; the second needs only Python and openssl. "
             "Then</p>\n<pre>posse case dossier FOLDER "
             "--out page.html</pre>\n<p>with the same version, options and settings makes the same bytes again.</p>\n<p "
             "class=\"d-key\">Findings: exhibit ");
    d_fmt(d, "%llu, made by ", (unsigned long long)d->findings_exhibit);
    d_text(d, d->f->tool);
    d_str(d, " with <code>");
    d_text(d, d->f->command);
    d_str(d, "</code>. This page: posse " POSSE_VERSION ".</p>\n");
}
