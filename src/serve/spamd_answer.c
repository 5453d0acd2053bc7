#include "serve/spamd_answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/header.h"
#include "serve/mark.h"
#include "serve/symbol.h"

enum { STARS_MAX = 50, SYMBOLS_MAX = (SYMBOL_NAME + 1) * REASONS_MAX };

double spamd_acts_from(const struct gate_answer *a)
{
    double from = INFINITY;
    for (int i = ACTION_NONE + 1; i < ACTIONS; i++)
        if (a->action_bits[i] < from)
            from = a->action_bits[i];
    return isfinite(from) ? from : a->verdict.threshold_bits;
}

/* Names alone: the words of a reason would leave with the mail. */
static struct span symbols(const struct verdict *v, char out[SYMBOLS_MAX])
{
    char name[REASONS_MAX][SYMBOL_NAME];
    size_t n = 0;
    symbol_names(v, name);
    for (size_t i = 0; i < v->n_reasons; i++)
        n += (size_t)snprintf(out + n, SYMBOLS_MAX - n, "%s%s", n ? "," : "", name[i]);
    return span_of(out, n);
}

static void add_line(struct buf *out, long hundredths, const char *text)
{
    char number[32];
    snprintf(number, sizeof number, "%c%ld.%02ld", hundredths < 0 ? '-' : '+', labs(hundredths) / 100, labs(hundredths) % 100);
    buf_add_fmt(out, "%8s ", number);
    for (; *text; text++) /* it quotes the message, and is shown on terminals */
        buf_add_byte(out, (uint8_t)*text < ' ' || *text == 127 ? '?' : (uint8_t)*text);
    buf_add_byte(out, '\n');
}

static void write_report(struct buf *out, const struct spamd_result *r, const struct gate_answer *a)
{
    const struct verdict *v = &a->verdict;
    double bits[REASONS_MAX + 1];
    long shown[REASONS_MAX + 1];
    char score[24], required[24], scale[96];
    spamd_score_text(r, score, required);
    buf_add_fmt(out, "Posse takes this mail for %s: %s points, %s required; id %s\n\n", r->is_spam ? "spam" : "no spam", score, required,
                a->id);
    for (size_t i = 0; i < v->n_reasons; i++)
        bits[i] = v->reason[i].bits;
    bits[v->n_reasons] = r->score - v->bits;
    reason_round(bits, v->n_reasons + 1, r->score, shown);
    for (size_t i = 0; i < v->n_reasons; i++)
        add_line(out, shown[i], v->reason[i].text);
    snprintf(scale, sizeof scale, "the scale: %s points stand for %+.2f bits", required, v->bits - r->score + r->required);
    add_line(out, shown[v->n_reasons], scale);
    buf_add_str(out, " -------\n");
    add_line(out, lround(r->score * 100), "points");
    if (v->flip)
        buf_add_fmt(out, "\nflip: %s\n", v->flip);
}

static void add_marks(struct buf *out, const struct spamd_result *r, const char *eol)
{
    char score[24], required[24], stars[STARS_MAX + 1];
    spamd_score_text(r, score, required);
    double n = floor(strtod(score, NULL));
    size_t n_stars = n < 0 ? 0 : n > STARS_MAX ? STARS_MAX : (size_t)n;
    memset(stars, '*', n_stars);
    stars[n_stars] = '\0';
    buf_add_fmt(out, "X-Spam-Checker-Version: Posse " POSSE_VERSION "%s", eol);
    if (r->is_spam)
        buf_add_fmt(out, "X-Spam-Flag: YES%s", eol);
    buf_add_fmt(out, "X-Spam-Level: %s%s", stars, eol);
    buf_add_fmt(out, "X-Spam-Status: %s, score=%s required=%s tests=%.*s%s\tautolearn=no autolearn_force=no version=Posse-" POSSE_VERSION "%s",
                r->is_spam ? "Yes" : "No", score, required, (int)r->symbols.n, (const char *)r->symbols.p, eol, eol);
}

/* The header's lines but its X-Spam- fields. */
static void copy_head(struct buf *out, struct span head)
{
    bool drops = false;
    while (head.n) {
        ptrdiff_t lf = span_chr(head, '\n');
        struct span line = span_sub(head, 0, lf < 0 ? head.n : (size_t)lf + 1);
        head = span_sub(head, line.n, head.n);
        if (line.p[0] != ' ' && line.p[0] != '\t')
            drops = span_istarts(line, SPAN_LIT("X-Spam-"));
        if (!drops)
            buf_add_span(out, line);
    }
}

/* Where the body begins: as the parser sees it, so that nobody is shown another header than was judged. */
static size_t head_bytes(struct span raw)
{
    struct field_list l = {.max = 1};
    struct header_block h = {0};
    uint64_t anomalies = 0;
    int err = header_split(&l, raw, 0, raw.n, NULL, NULL, &h, &anomalies);
    field_list_deinit(&l);
    return err ? 0 : h.body;
}

/* What mark.h takes out and what it does to the subject are as with every door; the fields are spamd's. */
static void mark(struct buf *head_out, struct span *body_out, struct span raw, const struct spamd_result *r, const char *prefix)
{
    struct mark m = {.prefix = prefix};
    struct buf marked;
    buf_init(&marked, raw.n + MARK_GROWTH_MAX);
    mark_message(raw, &m, &marked, body_out);
    struct span head = buf_span(&marked);
    size_t mbox = header_mbox_line(head);
    ptrdiff_t lf = span_chr(raw, '\n');
    buf_add(head_out, head.p, mbox);
    const char *eol = lf > 0 && raw.p[lf - 1] == '\r' ? "\r\n" : "\n";
    add_marks(head_out, r, eol);
    if (head.n == mbox && (!body_out->n || (body_out->p[0] != '\r' && body_out->p[0] != '\n')))
        buf_add_str(head_out, eol); /* text that had no header must not become one */
    copy_head(head_out, span_sub(head, mbox, head.n));
    size_t blank = span_istarts(*body_out, SPAN_LIT("\r\n")) ? 2 : span_istarts(*body_out, SPAN_LIT("\n")) ? 1 : 0;
    buf_add(head_out, body_out->p, blank); /* HEADERS gives it, and spamc puts the body after it */
    *body_out = span_sub(*body_out, blank, body_out->n);
    if (buf_error(&marked))
        head_out->err = buf_error(&marked);
    buf_deinit(&marked);
}

void spamd_answer(struct buf *out, const struct spamd_request *q, struct span raw, const struct gate_answer *a, double required)
{
    struct buf text;
    char names[SYMBOLS_MAX];
    struct spamd_result r = {.is_spam = a->action != ACTION_NONE, .required = required};
    r.score = required + a->verdict.bits - spamd_acts_from(a);
    r.symbols = symbols(&a->verdict, names);
    buf_init(&text, raw.n * 2 + 65536);
    if (q->method == SPAMD_PROCESS || q->method == SPAMD_HEADERS) {
        mark(&text, &r.body, raw, &r, a->action == ACTION_REWRITE ? a->subject_prefix : NULL);
        r.head = buf_span(&text);
    } else if (q->method == SPAMD_REPORT || q->method == SPAMD_REPORT_IFSPAM) {
        write_report(&text, &r, a);
        r.report = buf_span(&text);
    }
    if (buf_error(&text))
        out->err = buf_error(&text);
    spamd_write_result(out, q, &r);
    buf_deinit(&text);
}

void spamd_answer_none(struct buf *out, const struct spamd_request *q, struct span raw, const char *why, double required)
{
    struct spamd_result r = {.required = required, .report = span_str(why)};
    size_t mbox = header_mbox_line(raw);
    r.head = span_sub(raw, 0, mbox + head_bytes(span_sub(raw, mbox, raw.n)));
    r.body = span_sub(raw, r.head.n, raw.n);
    spamd_write_result(out, q, &r);
}
