#include "cli/eval_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/verdict_out.h"

int worst_init(struct worst *w, size_t max, bool is_high)
{
    *w = (struct worst){.max = max, .is_high = is_high};
    w->entry = calloc(max ? max : 1, sizeof *w->entry);
    return w->entry ? 0 : POSSE_ENOMEM;
}

void worst_deinit(struct worst *w)
{
    for (size_t i = 0; w->entry && i < w->n; i++)
        free(w->entry[i].name);
    free(w->entry);
    memset(w, 0, sizeof *w);
}

int worst_add(struct worst *w, double bits, const char *name)
{
    size_t at = w->n;
    while (at > 0 && (w->is_high ? w->entry[at - 1].bits < bits : w->entry[at - 1].bits > bits))
        at--;
    if (at >= w->max)
        return 0;
    char *copy = strdup(name);
    if (!copy)
        return POSSE_ENOMEM;
    if (w->n == w->max)
        free(w->entry[--w->n].name);
    memmove(w->entry + at + 1, w->entry + at, (w->n - at) * sizeof *w->entry);
    w->entry[at] = (struct worst_entry){bits, copy};
    w->n++;
    return 0;
}

/* One row of either form. */
struct row {
    const char *text, *key;
    size_t at; /* offset of the estimate in struct metrics_result */
    bool is_tail;
};

#define ROW(text, key, is_tail)                                   \
    {                                                             \
        text, #key, offsetof(struct metrics_result, key), is_tail \
    }
static const struct row rows[] = {
    ROW("(1-ROCA) %", roca, false),
    ROW("ham misclassified %", ham_lost, false),
    ROW("spam misclassified %", spam_missed, false),
    ROW("lam %", lam, false),
    ROW("spam missed at 0.1% ham lost, %", missed_1e3, true),
    ROW("spam missed at 0.01% ham lost, %", missed_1e4, true),
    ROW("log loss, bits", log_loss, false),
    ROW("calibration error %", calibration, false),
};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct estimate *row_estimate(const struct row *r, const struct metrics_result *m)
{
    return (const struct estimate *)((const char *)m + r->at);
}

static bool row_few(const struct row *r, const struct metrics_result *m)
{
    return r->is_tail && (strcmp(r->key, "missed_1e3") == 0 ? m->few_1e3 : m->few_1e4);
}

static void print_worst(FILE *to, const struct worst *w, const char *title)
{
    if (!w || w->max == 0)
        return;
    fprintf(to, "\n%s\n", title);
    for (size_t i = 0; i < w->n; i++) {
        struct buf line;
        buf_init(&line, 1 << 16);
        text_write(&line, span_str(w->entry[i].name));
        fprintf(to, "  %+8.2f  %.*s\n", w->entry[i].bits, (int)line.n, (const char *)line.p);
        buf_deinit(&line);
    }
}

static void print_live(FILE *to, const char *what, const struct eval_live_count *c)
{
    fprintf(to, "%s of what was live  %llu, of them with evidence %llu, mean %.2f bits, most %.2f bits\n", what, (unsigned long long)c->known,
            (unsigned long long)c->worth, c->worth ? c->bits / (double)c->worth : 0, c->most);
}

static void json_live(struct buf *b, const char *name, const struct eval_live_count *c)
{
    json_name(b, name, false);
    buf_add_fmt(b, "{\"known\":%llu,\"with_evidence\":%llu,\"bits\":", (unsigned long long)c->known, (unsigned long long)c->worth);
    json_number(b, c->bits);
    json_name(b, "most", false);
    json_number(b, c->most);
    buf_add_byte(b, '}');
}

void eval_write_table(FILE *to, const struct eval_totals *t)
{
    const struct metrics_result *m = &t->metrics;
    fprintf(to, "messages  %llu (%llu spam, %llu ham)", (unsigned long long)(m->n_spam + m->n_ham),
            (unsigned long long)m->n_spam, (unsigned long long)m->n_ham);
    if (t->n_failed)
        fprintf(to, ", %llu could not be judged", (unsigned long long)t->n_failed);
    fputc('\n', to);
    if (!t->has_metrics) {
        const struct estimate *one = m->n_ham ? &m->ham_lost : &m->spam_missed;
        if (m->n_ham + m->n_spam)
            fprintf(to, "%s %.4f   95%%: %.4f to %.4f\n", m->n_ham ? "ham misclassified %" : "spam misclassified %", one->mid,
                    one->lo, one->hi);
        fputs("accuracy  needs at least one spam and one ham\n", to);
    } else {
        fprintf(to, "\n%-34s %10s   %s\n", "", "estimate", "95% interval");
        for (size_t i = 0; i < ROWS; i++) {
            const struct estimate *e = row_estimate(&rows[i], m);
            if (row_few(&rows[i], m))
                fprintf(to, "%-34s %10s   (%.4f, but under ten ham are expected there)\n", rows[i].text, "too few",
                        e->mid);
            else
                fprintf(to, "%-34s %10.4f   %.4f to %.4f\n", rows[i].text, e->mid, e->lo, e->hi);
        }
        fprintf(to, "%-34s %10.4f   %.4f to %.4f\n", "ham loss promised, %", 100 * t->promised, 100 * t->promised_lo,
                100 * t->promised_hi);
    }
    if (t->live) {
        print_live(to, "\nham ", &t->live[0]);
        print_live(to, "spam", &t->live[1]);
    }
    print_worst(to, t->ham, "ham with the highest scores");
    print_worst(to, t->spam, "spam with the lowest scores");
}

static void json_estimate(struct buf *b, const struct estimate *e, const char *few)
{
    buf_add_str(b, "{\"lo\":");
    json_number(b, e->lo);
    buf_add_str(b, ",\"mid\":");
    json_number(b, e->mid);
    buf_add_str(b, ",\"hi\":");
    json_number(b, e->hi);
    buf_add_fmt(b, ",\"n\":%llu,\"method\":", (unsigned long long)e->n);
    json_string(b, span_str(e->method));
    if (few)
        buf_add_fmt(b, ",\"too_few\":%s", few);
    buf_add_byte(b, '}');
}

static void json_worst(struct buf *b, const char *name, const struct worst *w)
{
    json_name(b, name, false);
    buf_add_byte(b, '[');
    for (size_t i = 0; w && i < w->n; i++) {
        buf_add_str(b, i ? ",{\"bits\":" : "{\"bits\":");
        json_number(b, w->entry[i].bits);
        json_name(b, "path", false);
        json_string(b, span_str(w->entry[i].name));
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
}

void eval_write_json(FILE *to, const struct eval_totals *t)
{
    const struct metrics_result *m = &t->metrics;
    struct buf b;
    buf_init(&b, 64 << 20);
    buf_add_fmt(&b,
                "{\"ham\":%llu,\"spam\":%llu,\"failed\":%llu,\"ham_misclassified\":%llu,\"spam_misclassified\":%llu",
                (unsigned long long)m->n_ham, (unsigned long long)m->n_spam, (unsigned long long)t->n_failed,
                (unsigned long long)m->ham_lost_n, (unsigned long long)m->spam_missed_n);
    json_name(&b, "seconds", false);
    json_number(&b, t->seconds);
    for (size_t i = 0; i < ROWS && t->has_metrics; i++) {
        json_name(&b, rows[i].key, false);
        json_estimate(&b, row_estimate(&rows[i], m), !rows[i].is_tail ? NULL : row_few(&rows[i], m) ? "true" : "false");
    }
    struct estimate promised = {100 * t->promised_lo, 100 * t->promised, 100 * t->promised_hi, m->n_ham, "calibration"};
    json_name(&b, "ham_loss_promised", false);
    json_estimate(&b, &promised, NULL);
    if (t->live) {
        json_live(&b, "live_ham", &t->live[0]);
        json_live(&b, "live_spam", &t->live[1]);
    }
    if (t->ham && t->ham->max) {
        json_worst(&b, "worst_ham", t->ham);
        json_worst(&b, "worst_spam", t->spam);
    }
    buf_add_str(&b, "}\n");
    struct span s = buf_span(&b);
    if (buf_error(&b) == 0)
        fwrite(s.p, 1, s.n, to);
    buf_deinit(&b);
}
