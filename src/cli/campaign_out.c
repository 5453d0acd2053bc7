#include "cli/campaign_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "botnet/money.h"
#include "cli/cli_gate.h"
#include "cli/verdict_out.h"

#define HOUR_MS 3600000LL
enum { POINTS = 400, FIELD = 14, NETWORKS_EXACT = 64 /* campaigns.h: more are estimated */ };

/* Whose it is, and how sure that is; "unknown". */
static void owner(struct observatory *o, const struct campaign *c, char *out, size_t n, double *probability_out)
{
    struct membership m;
    struct botnet b;
    *probability_out = 0;
    snprintf(out, n, "unknown");
    if (!botnets_member(observatory_botnets(o), c->number, &m) || !botnets_get(observatory_botnets(o), m.botnet, &b))
        return;
    snprintf(out, n, "%s", b.name);
    *probability_out = m.probability;
}

/* "Rustock 99%", "bulk", "unknown (Rustock 21%)", "unknown" */
static void owner_text(struct observatory *o, const struct campaign *c, char out[CAMPAIGN_OWNER])
{
    char name[BOTNET_NAME], sure[WATCH_NUMBER];
    double p;
    owner(o, c, name, sizeof name, &p);
    watch_sure(p, sure);
    if (c->is_bulk)
        snprintf(out, CAMPAIGN_OWNER, "bulk");
    else if (p >= 0.5)
        snprintf(out, CAMPAIGN_OWNER, "%s %s", name, sure);
    else if (p > 0) /* the likeliest, and yet none is likelier than not */
        snprintf(out, CAMPAIGN_OWNER, "unknown (%s %s)", name, sure);
    else
        snprintf(out, CAMPAIGN_OWNER, "%s", name);
}

int campaign_owner_width(struct observatory *o, const struct campaign *c)
{
    char who[CAMPAIGN_OWNER];
    owner_text(o, c, who);
    return (int)strlen(who);
}

void campaign_head(struct buf *b, int owner_width)
{
    buf_add_fmt(b, "%-13s  %-20s  %-20s  %10s  %10s  %-*s  %s\n", "ID", "FIRST", "LAST", "MESSAGES", "ADDRESSES", owner_width, "BOTNET", "LINK");
}

void campaign_line(struct buf *b, struct observatory *o, const struct campaign *c, int owner_width)
{
    char first[CLI_TIME_MAX], last[CLI_TIME_MAX], n[WATCH_NUMBER], sources[WATCH_NUMBER + 1] = "~", who[CAMPAIGN_OWNER];
    bool is_counted = c->sources_exact > 0;
    cli_format_time(c->first_ms, first);
    cli_format_time(c->last_ms, last);
    watch_number((double)c->messages, n);
    watch_number(is_counted ? (double)c->sources_exact : c->sources.mid, sources + !is_counted);
    owner_text(o, c, who);
    bool has_link = c->link[0].key != 0;
    buf_add_fmt(b, "%-13s  %-20s  %-20s  %10s  %10s  %-*s", c->id, first, last, n, sources, has_link ? owner_width : 0, who);
    if (has_link) {
        buf_add_str(b, "  ");
        text_write(b, span_str(c->link[0].text));
    }
    buf_add_byte(b, '\n');
}

/* ---- in full ---- */

static void label(struct buf *b, const char *name) { buf_add_fmt(b, "%-*s", FIELD, name); }

typedef const char *say_fn(const struct observatory *o, const struct counted *x, char *out, size_t n);

static void put_counted(struct buf *b, const struct observatory *o, const char *name, const struct counted *x, say_fn *say)
{
    char text[128];
    for (size_t i = 0; i < CAMPAIGN_TOP && x[i].key; i++) {
        char n[WATCH_NUMBER];
        label(b, i ? "" : name);
        watch_number(x[i].n, n);
        buf_add_fmt(b, "%10s  ", n);
        text_write(b, span_str(say ? say(o, &x[i], text, sizeof text) : x[i].text));
        buf_add_byte(b, '\n');
    }
}

static const char *say_mailer(const struct observatory *o, const struct counted *x, char *out, size_t n)
{
    (void)o;
    char name[MAILER_NAME];
    mailer_name(x->key, name);
    snprintf(out, n, "%s", name);
    return out;
}

static const char *say_mark(const struct observatory *o, const struct counted *x, char *out, size_t n)
{
    (void)o;
    snprintf(out, n, "%-9s  %.100s", mark_kind_name((enum mark_kind)(x->key & 7)), x->text);
    return out;
}

static const char *say_asn(const struct observatory *o, const struct counted *x, char *out, size_t n)
{
    struct as_info as;
    bool is_known = astable_system(observatory_as(o), (uint32_t)x->key, &as);
    snprintf(out, n, "AS%-10llu  %.80s%s%s", (unsigned long long)x->key, is_known ? as.name : "", is_known && as.country[0] ? ", " : "",
             is_known ? as.country : "");
    for (size_t end = strlen(out); end && out[end - 1] == ' '; end--)
        out[end - 1] = '\0';
    return out;
}

static const char *say_asn_alone(const struct observatory *o, const struct counted *x, char *out, size_t n)
{
    (void)o;
    snprintf(out, n, "AS%llu", (unsigned long long)x->key);
    return out;
}

static const char *say_file(const struct observatory *o, const struct counted *x, char *out, size_t n)
{
    (void)o;
    snprintf(out, n, "%016llx", (unsigned long long)x->key);
    return out;
}

static void put_numbers(struct buf *b, const struct campaign *c)
{
    char first[CLI_TIME_MAX], last[CLI_TIME_MAX], n[3][WATCH_NUMBER], sources[WATCH_ESTIMATE], sure[WATCH_NUMBER];
    cli_format_time(c->first_ms, first);
    cli_format_time(c->last_ms, last);
    watch_number((double)c->messages, n[0]);
    watch_number((double)c->envelopes, n[1]);
    watch_number((double)c->bytes, n[2]);
    buf_add_fmt(b, "campaign      %s%s%s\n", c->id, c->is_bulk ? " (solicited bulk mail)" : "", c->is_record ? " (of event records)" : "");
    buf_add_fmt(b, "seen          %s to %s\n", first, last);
    buf_add_fmt(b, "messages      %s, to %s recipients, %s bytes; all counted, none estimated\n", n[0], n[1], n[2]);
    watch_estimate(&c->sources, false, sources);
    watch_number((double)c->networks, n[0]);
    if (c->sources_exact)
        watch_number((double)c->sources_exact, sources);
    watch_sure(c->confidence, sure);
    buf_add_fmt(b, "addresses     %s%s, in %s%s network%s\n", sources, c->sources_exact ? " counted" : " estimated",
                c->networks > NETWORKS_EXACT ? "about " : "", n[0], c->networks == 1 ? "" : "s");
    buf_add_fmt(b, "one template  %s sure%s%s\n", sure, c->doubt ? ": " : "", c->doubt ? c->doubt : "");
}

static void put_owner(struct buf *b, struct observatory *o, const struct campaign *c)
{
    struct membership m;
    char name[BOTNET_NAME];
    double p;
    owner(o, c, name, sizeof name, &p);
    if (c->is_bulk || !botnets_member(observatory_botnets(o), c->number, &m)) {
        if (!c->is_bulk)
            buf_add_str(b, "botnet        unknown\n");
        return;
    }
    char sure[WATCH_NUMBER];
    watch_sure(p, sure);
    buf_add_fmt(b, "botnet        %s%s, %s sure%s%s\n", p < 0.5 ? "unknown; perhaps " : "", name, sure, m.doubt ? "; but " : "", m.doubt ? m.doubt : "");
    for (size_t i = 0; i < m.n_reasons; i++) {
        buf_add_fmt(b, "              %+6.1f bits  ", m.reason[i].bits);
        text_write(b, span_str(m.reason[i].text));
        buf_add_byte(b, '\n');
    }
}

static void put_versions(struct buf *b, const struct campaign *c)
{
    for (size_t i = 0; i < c->n_versions && c->n_versions > 1; i++) {
        char first[CLI_TIME_MAX], last[CLI_TIME_MAX], n[WATCH_NUMBER];
        cli_format_time(c->version[i].first_ms, first);
        cli_format_time(c->version[i].last_ms, last);
        watch_number((double)c->version[i].messages, n);
        label(b, i ? "" : "texts");
        buf_add_fmt(b, "%10s  from %s to %s\n", n, first, last);
    }
}

/* ---- templates ---- */

static const char *slot_name(enum slot_type t)
{
    static const char *const names[SLOT_TYPES] = {"word", "random", "number", "address", "url", "free"};
    return (unsigned)t < SLOT_TYPES ? names[t] : "?";
}

/* {word: alpha|beta|gamma ...}, {random a-z0-9 8-12}, {number}. */
static void put_slot(struct buf *b, const struct slot *s)
{
    enum { SHOWN = 6 };
    buf_add_fmt(b, "{%s", slot_name(s->type));
    if (s->may_be_empty)
        buf_add_byte(b, '?');
    if (s->alphabet.n) {
        buf_add_byte(b, ' ');
        text_write(b, s->alphabet);
    }
    if (s->type == SLOT_RANDOM)
        buf_add_fmt(b, " %u-%u", s->least, s->most);
    for (size_t i = 0; i < s->n_words && i < SHOWN && s->type == SLOT_WORD; i++) {
        buf_add_str(b, i ? "|" : ": ");
        text_write(b, s->word[i]);
    }
    if (s->type == SLOT_WORD && (s->n_words > SHOWN || !s->is_closed))
        buf_add_fmt(b, "|... %zu seen", s->n_words);
    buf_add_byte(b, '}');
}

static void put_pieces(struct buf *b, const struct piece *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_byte(b, ' ');
        if (p[i].is_slot)
            put_slot(b, &p[i].slot);
        else
            text_write(b, p[i].anchor);
    }
}

static int put_template(void *ctx, const struct seen_template *t)
{
    struct buf *b = ctx;
    const struct piece *piece;
    char made[CLI_TIME_MAX], first[CLI_TIME_MAX], held[CLI_TIME_MAX], after[WATCH_NUMBER];
    cli_format_time(t->first_ms, first);
    cli_format_time(t->made_ms, made);
    buf_add_fmt(b, "\ntemplate %u, first seen %s, inferred %s from %u messages\n", t->version, first, made, t->texts);
    if (t->refused)
        buf_add_fmt(b, "no signature: %s\n", t->refused);
    else
        buf_add_fmt(b, "signature: %s\n", t->proof == PROOF_SAMPLE ? "proven on kept texts of wanted mail" : t->proof == PROOF_SKETCH ?
                    "proven on a sketch of wanted mail, which is weaker" : "not proven");
    if (t->held_ms) {
        cli_format_time(t->held_ms, held);
        watch_span(t->held_ms - t->first_ms, after);
        buf_add_fmt(b, "%s held since %s: %s and %u message%s after the version's first\n", t->refused ? "it would have" : "it", held, after,
                    t->until, t->until == 1 ? "" : "s");
    }
    if (t->seen)
        buf_add_fmt(b, "%s matched %u of the %u later messages that no other version claimed\n", t->refused ? "it would have" : "it",
                    t->matched, t->seen);
    size_t n = template_subject(t->t, &piece);
    if (n) {
        buf_add_str(b, "  subject: ");
        put_pieces(b, piece, n);
        buf_add_byte(b, '\n');
    }
    n = template_pieces(t->t, &piece);
    buf_add_str(b, "  text: ");
    put_pieces(b, piece, n);
    buf_add_byte(b, '\n');
    return buf_error(b);
}

int campaign_full(struct buf *b, struct observatory *o, const struct campaign *c, struct report *why)
{
    put_numbers(b, c);
    put_owner(b, o, c);
    put_versions(b, c);
    put_counted(b, o, "links", c->link, NULL);
    put_counted(b, o, "files", c->file, say_file);
    put_counted(b, o, "marks", c->mark, say_mark);
    put_counted(b, o, "to", c->rcpt_domain, NULL);
    put_counted(b, o, "languages", c->language, NULL);
    put_counted(b, o, "mailers", c->mailer, say_mailer);
    put_counted(b, o, "systems", c->asn, say_asn);
    return observatory_templates(o, c->number, put_template, b, why);
}

/* ---- JSON ---- */

static void json_counted(struct buf *b, const struct observatory *o, const char *name, const struct counted *x, say_fn *say)
{
    char text[128];
    json_name(b, name, false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < CAMPAIGN_TOP && x[i].key; i++) {
        buf_add_str(b, i ? ",{\"name\":" : "{\"name\":");
        json_string(b, span_str(say ? say(o, &x[i], text, sizeof text) : x[i].text));
        buf_add_fmt(b, ",\"at_most\":%u}", x[i].n);
    }
    buf_add_byte(b, ']');
}

static void json_marks(struct buf *b, const struct counted *x)
{
    json_name(b, "marks", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < CAMPAIGN_TOP && x[i].key; i++) {
        buf_add_fmt(b, "%s{\"kind\":\"%s\",\"name\":", i ? "," : "", mark_kind_name((enum mark_kind)(x[i].key & 7)));
        json_string(b, span_str(x[i].text));
        buf_add_fmt(b, ",\"at_most\":%u}", x[i].n);
    }
    buf_add_byte(b, ']');
}

static void json_systems(struct buf *b, const struct observatory *o, const struct counted *x)
{
    char text[128];
    struct as_info as;
    json_name(b, "systems", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < CAMPAIGN_TOP && x[i].key; i++) {
        buf_add_fmt(b, "%s{\"name\":\"%s\",\"at_most\":%u,\"holder\":", i ? "," : "", say_asn_alone(o, &x[i], text, sizeof text), x[i].n);
        bool is_known = astable_system(observatory_as(o), (uint32_t)x[i].key, &as);
        is_known && *as.name ? json_string(b, span_str(as.name)) : buf_add_str(b, "null");
        json_name(b, "country", false);
        is_known && as.country[0] ? json_string(b, span_str(as.country)) : buf_add_str(b, "null");
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
}

static void json_head(struct buf *b, struct observatory *o, const struct campaign *c)
{
    char name[BOTNET_NAME];
    double p;
    owner(o, c, name, sizeof name, &p);
    buf_add_fmt(b, "{\"id\":\"%s\",\"bulk\":%s,\"first\":", c->id, c->is_bulk ? "true" : "false");
    watch_time_json(b, c->first_ms);
    json_name(b, "last", false);
    watch_time_json(b, c->last_ms);
    buf_add_fmt(b, ",\"messages\":%llu,\"envelopes\":%llu,\"bytes\":%llu,\"spam\":%llu,\"addresses\":", (unsigned long long)c->messages,
                (unsigned long long)c->envelopes, (unsigned long long)c->bytes, (unsigned long long)c->spam);
    watch_estimate_json(b, &c->sources);
    buf_add_fmt(b, ",\"networks\":%llu,\"confidence\":", (unsigned long long)c->networks);
    json_number(b, c->confidence);
    json_name(b, "doubt", false);
    c->doubt ? json_string(b, span_str(c->doubt)) : buf_add_str(b, "null");
    json_name(b, "botnet", false);
    p > 0 ? json_string(b, span_str(name)) : buf_add_str(b, "null");
    json_name(b, "botnet_probability", false);
    json_number(b, p);
}

void campaign_json_line(struct buf *b, struct observatory *o, const struct campaign *c)
{
    json_head(b, o, c);
    json_counted(b, o, "links", c->link, NULL);
    buf_add_str(b, "}\n");
}

static void json_pieces(struct buf *b, const char *name, const struct piece *p, size_t n)
{
    json_name(b, name, false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = &p[i].slot;
        buf_add_str(b, i ? ",{" : "{");
        if (p[i].is_slot) {
            buf_add_fmt(b, "\"slot\":\"%s\",\"may_be_empty\":%s,\"closed\":%s,\"least\":%u,\"most\":%u,\"alphabet\":", slot_name(s->type),
                        s->may_be_empty ? "true" : "false", s->is_closed ? "true" : "false", s->least, s->most);
            json_string(b, s->alphabet);
            json_name(b, "words", false);
            buf_add_byte(b, '[');
            for (size_t k = 0; k < s->n_words; k++) {
                if (k)
                    buf_add_byte(b, ',');
                json_string(b, s->word[k]);
            }
            buf_add_byte(b, ']');
        } else {
            buf_add_str(b, "\"anchor\":");
            json_string(b, p[i].anchor);
        }
        buf_add_fmt(b, ",\"permille\":%u}", p[i].permille);
    }
    buf_add_byte(b, ']');
}

struct json_templates { struct buf *b; bool is_next; };

static int json_template(void *ctx, const struct seen_template *t)
{
    static const char *const proofs[] = {"none", "sketch", "sample"};
    struct json_templates *all = ctx;
    struct buf *b = all->b, expression;
    const struct piece *piece;
    buf_add_fmt(b, "%s{\"version\":%u,\"texts\":%u,\"first\":", all->is_next ? "," : "", t->version, t->texts);
    all->is_next = true;
    watch_time_json(b, t->first_ms);
    json_name(b, "made", false);
    watch_time_json(b, t->made_ms);
    json_name(b, "held", false);
    watch_time_json(b, t->held_ms);
    if (t->held_ms)
        buf_add_fmt(b, ",\"held_after_seconds\":%.3f,\"held_after_messages\":%u", (double)(t->held_ms - t->first_ms) / 1000, t->until);
    else
        buf_add_str(b, ",\"held_after_seconds\":null,\"held_after_messages\":null");
    buf_add_fmt(b, ",\"seen\":%u,\"matched\":%u,\"proof\":\"%s\",\"refused\":", t->seen, t->matched, proofs[t->proof]);
    t->refused ? json_string(b, span_str(t->refused)) : buf_add_str(b, "null");
    size_t n = template_subject(t->t, &piece);
    json_pieces(b, "subject", piece, n);
    n = template_pieces(t->t, &piece);
    json_pieces(b, "text", piece, n);
    buf_init(&expression, 1 << 20);
    json_name(b, "expression", false);
    if (template_expression(t->t, &expression) == 0)
        json_string(b, buf_span(&expression));
    else
        buf_add_str(b, "null");
    buf_deinit(&expression);
    buf_add_byte(b, '}');
    return buf_error(b);
}

static void json_versions(struct buf *b, const struct campaign *c)
{
    json_name(b, "texts", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < c->n_versions; i++) {
        buf_add_str(b, i ? ",{\"first\":" : "{\"first\":");
        watch_time_json(b, c->version[i].first_ms);
        json_name(b, "last", false);
        watch_time_json(b, c->version[i].last_ms);
        buf_add_fmt(b, ",\"messages\":%llu}", (unsigned long long)c->version[i].messages);
    }
    buf_add_byte(b, ']');
}

int campaign_full_json(struct buf *b, struct observatory *o, const struct campaign *c, struct report *why)
{
    struct membership m;
    json_head(b, o, c);
    json_name(b, "reasons", false);
    buf_add_byte(b, '[');
    if (botnets_member(observatory_botnets(o), c->number, &m))
        for (size_t i = 0; i < m.n_reasons; i++) {
            buf_add_str(b, i ? ",{\"bits\":" : "{\"bits\":");
            json_number(b, m.reason[i].bits);
            json_name(b, "text", false);
            json_string(b, span_str(m.reason[i].text));
            buf_add_byte(b, '}');
        }
    buf_add_byte(b, ']');
    json_counted(b, o, "links", c->link, NULL);
    json_counted(b, o, "files", c->file, say_file);
    json_marks(b, c->mark);
    json_counted(b, o, "to", c->rcpt_domain, NULL);
    json_counted(b, o, "languages", c->language, NULL);
    json_counted(b, o, "mailers", c->mailer, say_mailer);
    json_systems(b, o, c->asn);
    json_versions(b, c);
    json_name(b, "hours", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < c->n_hours; i++) {
        const struct campaign_hour *h = &c->hour[i];
        buf_add_str(b, i ? ",{\"hour\":" : "{\"hour\":");
        watch_time_json(b, h->hour * HOUR_MS);
        buf_add_fmt(b, ",\"messages\":%u,\"envelopes\":%u,\"addresses\":%u,\"bytes\":%llu}", h->messages, h->envelopes, h->sources,
                    (unsigned long long)h->bytes);
    }
    buf_add_byte(b, ']');
    json_name(b, "templates", false);
    buf_add_byte(b, '[');
    struct json_templates all = {b, false};
    int rc = observatory_templates(o, c->number, json_template, &all, why);
    buf_add_str(b, "]}\n");
    return rc;
}

/* ---- the plot ---- */

bool campaign_plot(const struct campaign *c, struct plot_point **points_out, struct plot_series *series_out, struct plot *out)
{
    if (c->n_hours == 0)
        return false;
    int64_t first = c->hour[0].hour, last = c->hour[c->n_hours - 1].hour, wide = (last - first) / POINTS + 1;
    size_t n = (size_t)((last - first) / wide + 1);
    struct plot_point *p = calloc(n, sizeof *p);
    if (!p)
        return false;
    for (size_t i = 0; i < n; i++)
        p[i].time_ms = (first + (int64_t)i * wide) * HOUR_MS;
    for (size_t i = 0; i < c->n_hours; i++)
        p[(c->hour[i].hour - first) / wide].mid += (double)c->hour[i].messages / (double)wide;
    /* What is expected of an hour, as far as its count tells: Poisson, by Anscombe's square root. */
    for (size_t i = 0; i < n; i++) {
        double half = 1.96 * sqrt(p[i].mid * (double)wide + 0.375) / (double)wide;
        p[i].lo = p[i].mid > half ? p[i].mid - half : 0;
        p[i].hi = p[i].mid + half;
    }
    *points_out = p;
    *series_out = (struct plot_series){c->id, p, n};
    *out = (struct plot){.title = c->id, .unit = "messages an hour", .from_ms = first * HOUR_MS, .to_ms = (last + wide) * HOUR_MS,
                         .step_ms = wide * HOUR_MS, .series = series_out, .n_series = 1};
    return true;
}
