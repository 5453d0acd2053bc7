#include "cli/verdict_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonout.h"

#define RED "\033[31m"
#define GREEN "\033[32m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

void text_write(struct buf *b, struct span s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= ' ' && s.p[i] != 127)
            continue;
        buf_add(b, s.p + from, i - from);
        buf_add_fmt(b, "\\x%02x", s.p[i]);
        from = i + 1;
    }
    buf_add(b, s.p + from, s.n - from);
}

static void write_hundredths(struct buf *b, long x)
{
    buf_add_fmt(b, "%c%ld.%02ld", x < 0 ? '-' : '+', labs(x) / 100, labs(x) % 100);
}

static void write_reasons(struct buf *b, struct verdict_style style, const struct verdict *v)
{
    double bits[REASONS_MAX] = {0};
    long shown[REASONS_MAX];
    const char *dim = style.is_colored ? DIM : "", *plain = style.is_colored ? PLAIN : "";
    for (size_t i = 0; i < v->n_reasons; i++)
        bits[i] = v->reason[i].bits;
    reason_round(bits, v->n_reasons, v->bits, shown);
    for (size_t i = 0; i < v->n_reasons; i++) {
        char number[32];
        snprintf(number, sizeof number, "%c%ld.%02ld", shown[i] < 0 ? '-' : '+', labs(shown[i]) / 100,
                 labs(shown[i]) % 100);
        buf_add_fmt(b, "    %8s  ", number);
        text_write(b, span_str(v->reason[i].text));
        buf_add_byte(b, '\n');
    }
    buf_add_fmt(b, "    %s= ", dim);
    write_hundredths(b, lround(v->bits * 100));
    buf_add_fmt(b, " bits; spam from %+.2f on, where %.3g%% of ham is lost (95%%: %.3g%% to %.3g%%)%s\n",
                v->threshold_bits, v->ham_loss * 100, v->ham_loss_lo * 100, v->ham_loss_hi * 100, plain);
    if (v->flip) {
        buf_add_fmt(b, "    %sflip: ", dim);
        text_write(b, span_str(v->flip));
        buf_add_fmt(b, "%s\n", plain);
    }
}

static void write_json_reasons(struct buf *b, const struct verdict *v)
{
    json_name(b, "reasons", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < v->n_reasons; i++) {
        const struct reason *r = &v->reason[i];
        buf_add_str(b, i ? ",{" : "{");
        json_name(b, "bits", true);
        json_number(b, r->bits);
        json_name(b, "text", false);
        json_string(b, span_str(r->text));
        json_name(b, "part", false);
        buf_add_fmt(b, "%u", r->part);
        json_name(b, "where", false);
        json_string(b, r->where);
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
    json_name(b, "flip", false);
    if (v->flip)
        json_string(b, span_str(v->flip));
    else
        buf_add_str(b, "null");
}

static void write_json(struct buf *b, struct verdict_style style, const char *path, const struct verdict *v)
{
    buf_add_byte(b, '{');
    json_name(b, "path", true);
    json_string(b, span_str(path));
    json_name(b, "class", false);
    buf_add_str(b, v->klass == VERDICT_SPAM ? "\"spam\"" : "\"ham\"");
    json_name(b, "bits", false);
    json_number(b, v->bits);
    json_name(b, "probability", false);
    json_number(b, v->probability);
    json_name(b, "threshold_bits", false);
    json_number(b, v->threshold_bits);
    json_name(b, "ham_loss", false);
    buf_add_str(b, "{\"lo\":");
    json_number(b, v->ham_loss_lo);
    buf_add_str(b, ",\"mid\":");
    json_number(b, v->ham_loss);
    buf_add_str(b, ",\"hi\":");
    json_number(b, v->ham_loss_hi);
    buf_add_byte(b, '}');
    if (style.is_explained)
        write_json_reasons(b, v);
    buf_add_str(b, "}\n");
}

void verdict_write(struct buf *b, struct verdict_style style, const char *path, const struct verdict *v)
{
    if (style.is_json) {
        write_json(b, style, path, v);
        return;
    }
    bool is_spam = v->klass == VERDICT_SPAM;
    const char *color = !style.is_colored ? "" : is_spam ? RED : GREEN;
    buf_add_fmt(b, "%s%-4s%s  %+8.2f  %.6f  ", color, is_spam ? "spam" : "ham", style.is_colored ? PLAIN : "", v->bits,
                v->probability);
    text_write(b, span_str(path));
    buf_add_byte(b, '\n');
    if (style.is_explained)
        write_reasons(b, style, v);
}

void verdict_write_error(struct buf *b, const char *path, const char *text)
{
    buf_add_str(b, "{");
    json_name(b, "path", true);
    json_string(b, span_str(path));
    json_name(b, "error", false);
    json_string(b, span_str(text));
    buf_add_str(b, "}\n");
}
