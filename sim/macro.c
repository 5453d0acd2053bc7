#include "macro.h"

#include <stdio.h>
#include <stdlib.h>

enum op_kind { OP_TEXT, OP_WORD, OP_WORDS, OP_RANDOM, OP_NUMBER, OP_HEX, OP_ALTERNATIVES, OP_FIELD, OP_URL, OP_HOST, OP_TIME };
enum time_form { TIME_LOCAL, TIME_UTC, TIME_GMT, TIME_BOX, TIME_HEX, TIME_UNIX, TIME_YMDHMS, TIME_FT_HI, TIME_FT_LO };

static const char *const field_names[FIELD_N] = {
    "subject", "from", "from.name", "from.user", "from.domain", "to", "to.user", "to.domain", "to.all", "helo", "ip", "ptr", "machine",
    "boundary", "charset", "encoding", "trap", "with", "tls-note", "file", "type", "subtype", "auth", "tls"};
static const char *const time_names[] = {"date", "date:utc", "date:gmt", "date:box", "time:hex", "time:unix", "time:ymdhms", "ft.hi",
                                         "ft.lo"};

/* ---- reading a macro ---- */

static bool is_name(const char *p, size_t n, const char *name) { return strlen(name) == n && memcmp(p, name, n) == 0; }

static const struct dict *dict_find(const struct scenario *s, const struct texts *t, const char *p, size_t n)
{
    for (size_t i = 0; t && i < t->dict.n; i++)
        if (is_name(p, n, t->dict.v[i].name))
            return &t->dict.v[i];
    for (size_t i = 0; i < s->texts.n; i++)
        if (strcmp(s->texts.v[i].name, "common") == 0 && &s->texts.v[i] != t)
            return dict_find(s, &s->texts.v[i], p, n);
    return NULL;
}

/* The end of what opens at `from`, its own bracket; nested ones are stepped over. */
static const char *closing(struct raw r, const char *from, const char *end)
{
    char open = *from, close = open == '[' ? ']' : '}';
    int depth = 0;
    for (const char *p = from; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        else if (*p == open)
            depth++;
        else if (*p == close && --depth == 0)
            return p;
    }
    die_at(r.at, "\"%c\" without its \"%c\": %.40s", open, close, from);
}

/* Where the next | of this level stands, or the end. */
static const char *next_bar(const char *p, const char *end)
{
    int depth = 0;
    for (; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        else if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']')
            depth--;
        else if (*p == '|' && depth == 0)
            return p;
    }
    return end;
}

/* "4-8" or "4". */
static const char *range_read(struct raw r, const char *p, const char *end, uint32_t *lo, uint32_t *hi)
{
    char *stop;
    *lo = *hi = (uint32_t)strtoul(p, &stop, 10);
    if (stop == p || stop > end)
        die_at(r.at, "a macro's number is missing: %.*s", (int)(end - p), p);
    if (*stop == '-') {
        p = stop + 1;
        *hi = (uint32_t)strtoul(p, &stop, 10);
        if (stop == p || stop > end || *hi < *lo)
            die_at(r.at, "a macro's range must rise: %.*s", (int)(end - p), p);
    }
    return stop;
}

/* "a-z0-9" as letters; at most 64. */
static void alphabet_read(struct raw r, const char *p, const char *end, struct buf *out)
{
    size_t from = out->n;
    for (; p < end; p++) {
        char last = end - p > 2 && p[1] == '-' ? p[2] : *p;
        for (int c = (unsigned char)*p; c <= (unsigned char)last; c++)
            buf_byte(out, (char)c);
        p += last != *p ? 2 : 0;
    }
    if (out->n == from || out->n - from > 64)
        die_at(r.at, "the alphabet of a random string has 1 to 64 letters");
}

static bool starts(const char *p, const char *end, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

/* rnd, num, hex, HEX: whether it is one. */
static bool chance_read(struct raw r, const char *p, const char *end, struct op *op, struct buf *text)
{
    if (starts(p, end, "rnd:")) {
        const char *rest = range_read(r, p + 4, end, &op->a, &op->b);
        if (*rest != ':')
            die_at(r.at, "a random string is {rnd:LENGTHS:ALPHABET}");
        if (op->b > 255)
            die_at(r.at, "a random string has at most 255 letters");
        op->kind = OP_RANDOM;
        op->p = (const void *)(uintptr_t)text->n;
        size_t at = text->n;
        alphabet_read(r, rest + 1, end, text);
        op->flag = (uint8_t)(text->n - at);
    } else if (starts(p, end, "num:")) {
        op->kind = OP_NUMBER;
        if (range_read(r, p + 4, end, &op->a, &op->b) != end)
            die_at(r.at, "a number is {num:LEAST-MOST}");
    } else if (starts(p, end, "hex:") || starts(p, end, "HEX:")) {
        op->kind = OP_HEX;
        op->flag = *p == 'H';
        if (range_read(r, p + 4, end, &op->a, &op->b) != end || op->a < 1 || op->b > 64)
            die_at(r.at, "hexadecimal is {hex:DIGITS}, 1 to 64");
    } else {
        return false;
    }
    return true;
}

static void chance_run(const struct op *op, const char *text, struct rng *rng, struct buf *out)
{
    uint32_t n = (uint32_t)rng_between(rng, op->a, op->b);
    switch (op->kind) {
    case OP_NUMBER:
        buf_u64(out, n);
        break;
    case OP_HEX:
        for (; n >= 8; n -= 8)
            buf_hex(out, rng_next(rng) >> 32, 8, op->flag);
        if (n > 0)
            buf_hex(out, rng_next(rng) >> 32, n, op->flag);
        break;
    default:
        buf_room(out, n);
        for (uint64_t bits = 0; n > 0; n--) {
            if (n % 4 == 0 || bits == 0)
                bits = rng_next(rng);
            out->p[out->n++] = text[(uintptr_t)op->p + ((bits & 0xffff) * op->flag >> 16)];
            bits >>= 16;
        }
    }
}

/* ---- drawing ---- */

static void draw(const struct drawing *d, struct raw r, const char *p, const char *end, struct buf *out);

void macro_sentences(const struct drawing *d, const struct texts *from, unsigned n, struct buf *out)
{
    struct drawing inner = *d;
    inner.texts = from;
    uint32_t last = UINT32_MAX;
    for (unsigned i = 0; i < n; i++) {
        uint32_t k = rng_below(d->rng, from->sentence.n);
        if (k == last)
            k = (k + 1) % (uint32_t)from->sentence.n;
        last = k;
        if (i > 0)
            buf_byte(out, ' ');
        macro_draw(&inner, from->sentence.v[k], out);
    }
}

static void draw_alternative(const struct drawing *d, struct raw r, const char *p, const char *end, struct buf *out)
{
    uint32_t n = 1;
    for (const char *q = p; (q = next_bar(q, end)) < end; q++)
        n++;
    for (uint32_t k = rng_below(d->rng, n); k > 0; k--)
        p = next_bar(p, end) + 1;
    draw(d, r, p, next_bar(p, end), out);
}

static void draw_macro(const struct drawing *d, struct raw r, const char *p, const char *end, struct buf *out)
{
    struct op op = {0};
    struct buf text = {0};
    uint32_t lo, hi;
    const struct dict *dict;
    if (next_bar(p, end) < end) {
        draw_alternative(d, r, p, end, out);
    } else if (end - p == 2 && *p == 'P' && p[1] >= '1' && p[1] <= '9') {
        buf_text(out, d->paragraph[p[1] - '0'] ? d->paragraph[p[1] - '0'] : "");
    } else if (is_name(p, (size_t)(end - p), "PP")) {
        buf_text(out, d->paragraph[0] ? d->paragraph[0] : "");
    } else if (starts(p, end, "sentences:")) {
        range_read(r, p + 10, end, &lo, &hi);
        macro_sentences(d, d->texts, (unsigned)rng_between(d->rng, lo, hi), out);
    } else if (chance_read(r, p, end, &op, &text)) {
        chance_run(&op, text.p, d->rng, out);
    } else if ((dict = dict_find(d->s, d->texts, p, (size_t)(end - p))) != NULL) {
        draw(d, r, dict->word.v[rng_below(d->rng, dict->word.n)].text, NULL, out);
    } else {
        die_at(r.at, "[%.*s]: no such macro or dictionary", (int)(end - p), p);
    }
    buf_free(&text);
}

/* {noun:5}: words of it, as alternatives. False: it is something else. */
static bool draw_some(const struct drawing *d, const char *p, const char *end, struct buf *out)
{
    const char *colon = memchr(p, ':', (size_t)(end - p));
    if (!colon || colon + 1 == end || colon[1] < '0' || colon[1] > '9')
        return false;
    const struct dict *dict = dict_find(d->s, d->texts, p, (size_t)(colon - p));
    if (!dict)
        return false;
    uint64_t n = strtoul(colon + 1, NULL, 10), all = dict->word.n, at = rng_below(d->rng, all);
    uint64_t step = 1 + rng_below(d->rng, all > 1 ? all - 1 : 1);
    buf_byte(out, '{');
    for (uint64_t i = 0; i < n && i < all; i++, at = (at + step) % all) {
        if (i > 0)
            buf_byte(out, '|');
        buf_text(out, dict->word.v[at].text);
    }
    if (n < 2)
        buf_text(out, "|"), buf_text(out, dict->word.v[at].text);
    buf_byte(out, '}');
    return true;
}

/* end NULL: to the NUL. */
static void draw(const struct drawing *d, struct raw r, const char *p, const char *end, struct buf *out)
{
    end = end ? end : p + strlen(p);
    while (p < end) {
        size_t plain = 0;
        while (p + plain < end && p[plain] != '[' && p[plain] != '{' && p[plain] != '\\')
            plain++;
        buf_add(out, p, plain);
        p += plain;
        if (p == end)
            break;
        if (*p == '\\') {
            buf_add(out, p, p + 1 < end ? 2 : 1);
            p += p + 1 < end ? 2 : 1;
        } else if (*p == '[') {
            const char *close = closing(r, p, end);
            draw_macro(d, r, p + 1, close, out);
            p = close + 1;
        } else {
            const char *close = closing(r, p, end);
            if (draw_some(d, p + 1, close, out)) {
                p = close + 1;
            } else { /* what is within goes on being drawn; its closing brace is copied as text */
                buf_byte(out, *p++);
            }
        }
    }
}

void macro_draw(const struct drawing *d, struct raw raw, struct buf *out) { draw(d, raw, raw.text, NULL, out); }

/* ---- compiling ---- */

struct compiling { const struct scenario *s; const struct texts *t; struct raw r; struct program *out; };

static void compile(struct compiling *c, const char *p, const char *end);

static void compile_alternatives(struct compiling *c, const char *p, const char *end)
{
    struct program *o = c->out;
    size_t at = o->op.n, jump = o->jump.n;
    uint32_t n = 1;
    for (const char *q = p; (q = next_bar(q, end)) < end; q++)
        n++;
    *PUSH(o->op) = (struct op){OP_ALTERNATIVES, 0, n, (uint32_t)jump, NULL};
    for (uint32_t i = 0; i <= n; i++)
        PUSH(o->jump);
    for (uint32_t i = 0; i < n; i++) {
        const char *bar = next_bar(p, end);
        o->jump.v[jump + i] = (uint32_t)o->op.n;
        compile(c, p, bar);
        p = bar + 1;
    }
    o->jump.v[jump + n] = (uint32_t)o->op.n;
    (void)at;
}

static bool compile_field(struct compiling *c, const char *p, size_t n)
{
    for (uint32_t i = 0; i < FIELD_N; i++)
        if (is_name(p, n, field_names[i])) {
            *PUSH(c->out->op) = (struct op){OP_FIELD, 0, i, 0, NULL};
            return true;
        }
    for (uint32_t i = 0; i < sizeof time_names / sizeof *time_names; i++)
        if (is_name(p, n, time_names[i])) {
            *PUSH(c->out->op) = (struct op){OP_TIME, 0, i, 0, NULL};
            return true;
        }
    if (!is_name(p, n, "url") && !is_name(p, n, "host"))
        return false;
    *PUSH(c->out->op) = (struct op){*p == 'u' ? OP_URL : OP_HOST, 0, 0, 0, NULL};
    return true;
}

static void compile_macro(struct compiling *c, const char *p, const char *end)
{
    struct op op = {0};
    const struct dict *dict;
    if (next_bar(p, end) < end) {
        compile_alternatives(c, p, end);
    } else if (compile_field(c, p, (size_t)(end - p))) {
        return;
    } else if (chance_read(c->r, p, end, &op, &c->out->text)) {
        *PUSH(c->out->op) = op;
    } else if (starts(p, end, "words:")) {
        const char *rest = range_read(c->r, p + 6, end, &op.a, &op.b);
        dict = *rest == ':' ? dict_find(c->s, c->t, rest + 1, (size_t)(end - rest - 1)) : NULL;
        if (!dict)
            die_at(c->r.at, "{%.*s}: needs {words:LEAST-MOST:DICTIONARY}", (int)(end - p), p);
        *PUSH(c->out->op) = (struct op){OP_WORDS, 0, op.a, op.b, dict};
    } else if ((dict = dict_find(c->s, c->t, p, (size_t)(end - p))) != NULL) {
        *PUSH(c->out->op) = (struct op){OP_WORD, 0, 0, 0, dict};
    } else {
        die_at(c->r.at, "{%.*s}: no such macro or dictionary", (int)(end - p), p);
    }
}

static void compile_text(struct compiling *c, const char *p, const char *end)
{
    struct program *o = c->out;
    uint32_t at = (uint32_t)o->text.n;
    for (; p < end; p++) {
        if (*p == '\\' && p + 1 < end && strchr("{}[]|\\", p[1]))
            p++;
        buf_byte(&o->text, *p);
    }
    if (o->text.n > at)
        *PUSH(o->op) = (struct op){OP_TEXT, 0, at, (uint32_t)o->text.n - at, NULL};
}

static void compile(struct compiling *c, const char *p, const char *end)
{
    while (p < end) {
        const char *open = p;
        while (open < end && *open != '{')
            open += *open == '\\' && open + 1 < end ? 2 : 1;
        open = open < end ? open : end;
        compile_text(c, p, open);
        if (open == end)
            return;
        const char *close = closing(c->r, open, end);
        compile_macro(c, open + 1, close);
        p = close + 1;
    }
}

void macro_compile(const struct scenario *s, const struct texts *t, struct raw raw, struct program *out)
{
    struct compiling c = {s, t, raw, out};
    compile(&c, raw.text, raw.text + strlen(raw.text));
}

void program_reset(struct program *p) { p->op.n = p->jump.n = p->text.n = 0; }

void program_free(struct program *p)
{
    free(p->op.v);
    free(p->jump.v);
    buf_free(&p->text);
    *p = (struct program){0};
}

/* ---- filling in ---- */

struct civil civil_of(int64_t s)
{
    int64_t days = s / 86400 - (s % 86400 < 0), left = s - days * 86400;
    struct civil c = {.hour = (unsigned)(left / 3600), .minute = (unsigned)(left / 60 % 60), .second = (unsigned)(left % 60)};
    c.weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    c.day = doy - (153 * mp + 2) / 5 + 1;
    c.month = mp < 10 ? mp + 3 : mp - 9;
    c.year = yoe + era * 400 + (c.month <= 2);
    return c;
}

static void date_write(int64_t s, int zone_min, enum time_form form, struct buf *out)
{
    static const char weekdays[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int zone = form == TIME_LOCAL ? zone_min : 0;
    struct civil c = civil_of(s + zone * 60);
    buf_add(out, weekdays + 3 * c.weekday, 3);
    if (form == TIME_BOX) {
        buf_byte(out, ' ');
        buf_add(out, months + 3 * (c.month - 1), 3);
        buf_text(out, c.day < 10 ? "  " : " ");
        buf_u64(out, c.day);
    } else {
        buf_text(out, ", ");
        buf_digits(out, c.day, 2);
        buf_byte(out, ' ');
        buf_add(out, months + 3 * (c.month - 1), 3);
        buf_byte(out, ' ');
        buf_u64(out, (uint64_t)c.year);
    }
    buf_byte(out, ' ');
    buf_digits(out, c.hour, 2);
    buf_byte(out, ':');
    buf_digits(out, c.minute, 2);
    buf_byte(out, ':');
    buf_digits(out, c.second, 2);
    if (form == TIME_BOX) {
        buf_byte(out, ' ');
        buf_u64(out, (uint64_t)c.year);
    } else if (form == TIME_GMT) {
        buf_text(out, " GMT");
    } else {
        unsigned by = (unsigned)(zone < 0 ? -zone : zone);
        buf_text(out, zone < 0 ? " -" : " +");
        buf_digits(out, by / 60 * 100 + by % 60, 4);
    }
}

void date_box(int64_t ms, struct buf *out) { date_write(ms / 1000, 0, TIME_BOX, out); }

static void time_write(const struct fill *f, enum time_form form, struct buf *out)
{
    int64_t s = f->date_ms / 1000;
    uint64_t ft = ((uint64_t)f->date_ms + 11644473600000u) * 10000;
    struct civil c;
    switch (form) {
    case TIME_HEX:
        buf_hex(out, (uint64_t)s, 8, true);
        break;
    case TIME_UNIX:
        buf_u64(out, (uint64_t)s);
        break;
    case TIME_YMDHMS:
        c = civil_of(s);
        buf_digits(out, (uint64_t)c.year * 10000 + c.month * 100 + c.day, 8);
        buf_digits(out, c.hour * 10000 + c.minute * 100 + c.second, 6);
        break;
    case TIME_FT_HI:
        buf_hex(out, ft >> 32, 8, true);
        break;
    case TIME_FT_LO:
        buf_hex(out, ft & 0xffffffffu, 8, true);
        break;
    default:
        date_write(s, f->zone_min, form, out);
    }
}

static void run(const struct program *p, uint32_t at, uint32_t end, struct fill *f, struct buf *out)
{
    while (at < end) {
        const struct op *op = &p->op.v[at++];
        const struct dict *dict = op->p;
        switch (op->kind) {
        case OP_TEXT:
            buf_add(out, p->text.p + op->a, op->b);
            break;
        case OP_WORD:
            buf_text(out, dict->word.v[rng_below(f->rng, dict->word.n)].text);
            break;
        case OP_WORDS:
            for (int64_t n = rng_between(f->rng, op->a, op->b); n > 0; n--) {
                buf_text(out, dict->word.v[rng_below(f->rng, dict->word.n)].text);
                buf_text(out, n > 1 ? " " : "");
            }
            break;
        case OP_ALTERNATIVES: {
            const uint32_t *jump = p->jump.v + op->b;
            uint32_t k = rng_below(f->rng, op->a);
            run(p, jump[k], jump[k + 1], f, out);
            at = jump[op->a];
            break;
        }
        case OP_FIELD:
            buf_join(out, &f->field[op->a]);
            break;
        case OP_URL:
            if (f->link)
                program_run(f->link, f, out);
            break;
        case OP_HOST:
            if (f->n_hosts > 0)
                buf_text(out, f->host[rng_below(f->rng, f->n_hosts)]);
            break;
        case OP_TIME:
            time_write(f, (enum time_form)op->a, out);
            break;
        default:
            chance_run(op, p->text.p, f->rng, out);
        }
    }
}

void program_run(const struct program *p, struct fill *f, struct buf *out) { run(p, 0, (uint32_t)p->op.n, f, out); }
