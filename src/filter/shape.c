#include "filter/shape_priv.h"

enum { NOTE_BYTES = 160, FIELDS_FOR_HEAD = 3 };

/* Of this view only ("shape"), and the same whatever other views there are. */
static uint64_t kind_seed(uint32_t kind) { return UINT64_C(0x7368617065) << 24 | kind; }

static bool wanted(const struct shape *x, uint32_t kind)
{
    return !(x->left_out >> (kind >> 8) & 1) && !sink_full(x->s);
}

/* A note's text under way, put together by hand: a message has about a hundred of them, and printf was a tenth of what an
 * explained verdict cost. */
struct words {
    char text[NOTE_BYTES];
    size_t n;
};

static void say(struct words *w, struct span s)
{
    size_t n = s.n < sizeof w->text - 1 - w->n ? s.n : sizeof w->text - 1 - w->n;
    memcpy(w->text + w->n, s.p, n);
    w->n += n;
}

static void say_number(struct words *w, uint32_t x)
{
    uint8_t digit[10];
    size_t i = sizeof digit;
    do
        digit[--i] = (uint8_t)('0' + x % 10);
    while (x /= 10);
    say(w, span_of(digit + i, sizeof digit - i));
}

static void say_label(struct words *w, const char *label)
{
    w->n = 0;
    say(w, span_str(label));
    say(w, SPAN_LIT(": "));
}

/* The text in the arena; the label alone when that is full. */
static const char *said(struct shape *x, struct words *w, const char *label)
{
    char *copy = arena_alloc(x->a, w->n + 1);
    if (!copy)
        return label;
    memcpy(copy, w->text, w->n);
    copy[w->n] = '\0';
    return copy;
}

static const char *say_step(struct shape *x, const char *label, const struct scale *sc, uint32_t i)
{
    struct words w;
    uint32_t from = i ? sc->end[i - 1] + 1 : 0;
    say_label(&w, label);
    say_number(&w, from);
    if (i < sc->n && from != sc->end[i]) {
        say(&w, SPAN_LIT(" to "));
        say_number(&w, sc->end[i]);
    }
    say(&w, span_str(sc->unit));
    if (i == sc->n)
        say(&w, SPAN_LIT(" or more"));
    return said(x, &w, label);
}

static const char *say_text(struct shape *x, const char *label, struct span text)
{
    struct words w;
    text = span_sub(text, 0, 40);
    ptrdiff_t end = span_chr(text, 0); /* a label is a C string */
    say_label(&w, label);
    say(&w, end < 0 ? text : span_sub(text, 0, (size_t)end));
    return said(x, &w, label);
}

static const char *say_pair(struct shape *x, const char *label, const char *a, const char *b)
{
    struct words w;
    say_label(&w, label);
    say(&w, span_str(a));
    say(&w, SPAN_LIT(" before "));
    say(&w, span_str(b));
    return said(x, &w, label);
}

/* The view that a group's features belong to. */
static const uint8_t group_view[SHAPE_GROUP_N] = {
    [SHAPE_SENDER] = VIEW_SENDER, [SHAPE_MESSAGE_ID] = VIEW_SENDER, [SHAPE_RECIPIENT] = VIEW_SENDER,
    [SHAPE_DATE] = VIEW_SENDER, [SHAPE_MAILER] = VIEW_SENDER, [SHAPE_FIELD] = VIEW_FIELD, [SHAPE_ORDER] = VIEW_FIELD,
    [SHAPE_RECEIVED] = VIEW_SENDER, [SHAPE_SUBJECT] = VIEW_FORM, [SHAPE_BODY] = VIEW_FORM, [SHAPE_SCRIPT] = VIEW_FORM,
    [SHAPE_LINK] = VIEW_LINK, [SHAPE_LINK_WORD] = VIEW_LINK, [SHAPE_TLD] = VIEW_LINK, [SHAPE_PART] = VIEW_MIME,
    [SHAPE_HTML] = VIEW_MIME, [SHAPE_ANOMALY] = VIEW_MIME, [SHAPE_PATTERN] = VIEW_SENDER,
};

/* These tell which programs a mail passed through, or what language it is in, rather than what it is: strong within one corpus, wrong across
 * (bench/ablation.md, "what misleads"). They are learnt from the user's own mail, never shipped. */
static bool is_local(uint32_t kind)
{
    uint32_t group = kind >> 8;
    return group == SHAPE_ORDER || group == SHAPE_TLD || kind == SHAPE_KIND(SHAPE_FIELD, SHAPE_FIELD_SPELT) ||
           kind == SHAPE_KIND(SHAPE_PART, SHAPE_PART_CHARSET) || kind == SHAPE_KIND(SHAPE_PART, SHAPE_PART_ENCODING) ||
           kind == SHAPE_KIND(SHAPE_SENDER, SHAPE_SENDER_SCRIPT);
}

/* Mail that never travelled has the header that its archive gave it, if any: the prior is silent about that. */
static bool is_travellers(uint8_t view) { return view == VIEW_SENDER || view == VIEW_FIELD || view == VIEW_MIME; }

static uint64_t kind_open(struct shape *x, uint32_t kind)
{
    uint8_t view = group_view[kind >> 8];
    x->s->tag_now = is_local(kind) || (!x->has_travelled && is_travellers(view)) ? VIEW_HOST : view;
    return kind_seed(kind);
}

void shape_put(struct shape *x, uint32_t kind, uint64_t value, const char *label, struct span where)
{
    if (wanted(x, kind))
        sink_put_num(x->s, kind_open(x, kind), value, label, where);
}

void shape_scale(struct shape *x, uint32_t kind, uint64_t n, const struct scale *sc, const char *label,
                 struct span where)
{
    if (!wanted(x, kind))
        return;
    uint32_t i = 0;
    while (i < sc->n && n > sc->end[i])
        i++;
    if (x->s->note)
        label = say_step(x, label, sc, i);
    sink_put_num(x->s, kind_open(x, kind), i, label, where);
}

void shape_count(struct shape *x, uint32_t kind, uint64_t n, const char *label, struct span where)
{
    SCALE(logs, "", 0, 1, 2, 3, 5, 8, 12, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480);
    shape_scale(x, kind, n, &logs, label, where);
}

void shape_text(struct shape *x, uint32_t kind, struct span text, const char *label, struct span where)
{
    if (!wanted(x, kind))
        return;
    if (x->s->note)
        label = say_text(x, label, text);
    sink_put_at(x->s, hash64(text, kind_open(x, kind)) * 0x9E3779B97F4A7C15ull, label, where.p, where.n);
}

void shape_pair(struct shape *x, uint32_t kind, uint64_t value, const char *label, const char *a, const char *b,
                struct span where)
{
    if (!wanted(x, kind))
        return;
    if (x->s->note)
        label = say_pair(x, label, a, b);
    sink_put_num(x->s, kind_open(x, kind), value, label, where);
}

bool shape_within(struct span host, struct span domain)
{
    if (domain.n == 0 || host.n < domain.n || memcmp(host.p + host.n - domain.n, domain.p, domain.n) != 0)
        return false;
    return host.n == domain.n || host.p[host.n - domain.n - 1] == '.';
}

struct span shape_domain(const struct shape *x, struct span host)
{
    const uint8_t *dot = host.n ? memchr(host.p, '.', host.n) : NULL;
    if (!dot || !x->psl || !memchr(dot + 1, '.', (size_t)(host.p + host.n - dot - 1)))
        return host; /* two labels: either the domain or a suffix, and then the host stands for itself */
    struct span d = suffixes_domain(x->psl, host);
    return d.n ? d : host;
}

enum run { RUN_OTHER, RUN_DIGIT, RUN_UPPER, RUN_LOWER };

static enum run run_of(uint8_t c)
{
    return ascii_is_digit(c) ? RUN_DIGIT : !ascii_is_alpha(c) ? RUN_OTHER : c & 0x20 ? RUN_LOWER : RUN_UPPER;
}

/* Length of a run of lower-case hex at s if it is long and has digits and letters, else 0. */
static size_t hex_run(struct span s)
{
    size_t n = 0;
    bool digit = false, letter = false;
    for (; n < s.n; n++) {
        if (ascii_is_digit(s.p[n]))
            digit = true;
        else if (s.p[n] >= 'a' && s.p[n] <= 'f')
            letter = true;
        else
            break;
    }
    return n >= 12 && digit && letter ? n : 0;
}

struct span shape_pattern(struct span s, uint8_t out[14])
{
    uint8_t sym[60];
    size_t n = 0;
    s = span_sub(s, 0, sizeof sym);
    for (size_t i = 0; i < s.n;) {
        size_t h = hex_run(span_sub(s, i, s.n));
        enum run r = run_of(s.p[i]);
        size_t from = i++;
        if (h) {
            sym[n++] = 'H';
            i = from + h;
            continue;
        }
        if (r == RUN_OTHER) {
            sym[n++] = s.p[from] < 0x80 ? s.p[from] : '~';
            continue;
        }
        while (i < s.n && run_of(s.p[i]) == r)
            i++;
        sym[n++] = r == RUN_DIGIT ? (i - from < 6 ? '9' : 'N') : r == RUN_UPPER ? 'A' : 'a';
    }
    bool fold = n > 14; /* a random id: say that it is a mixture, not which */
    size_t k = 0;
    for (size_t i = 0; i < n && k < 14;) {
        size_t j = i;
        while (fold && j < n && ascii_is_alnum(sym[j]))
            j++;
        out[k++] = j - i >= 2 ? 'x' : sym[i];
        i = j - i >= 2 ? j : i + 1;
    }
    return span_of(out, k);
}

void shape_tld(struct shape *x, uint32_t kind, struct span host, const char *label, struct span where)
{
    size_t i = host.n;
    while (i > 0 && host.p[i - 1] != '.')
        i--;
    struct span last = span_sub(host, i, host.n);
    if (i == 0 || last.n == 0 || last.n > 24)
        return;
    bool letters = ascii_is_alpha(last.p[0]);
    shape_text(x, kind, letters ? last : SPAN_LIT("ip"), label, where);
}

size_t shape_word_index(struct span s, const char *const *word, size_t n)
{
    uint8_t first = s.n ? ascii_lower(s.p[0]) : 0;
    for (size_t i = 0; i < n && first; i++)
        if ((uint8_t)word[i][0] == first && span_ieq(s, span_str(word[i])))
            return i;
    return n;
}

void shape_words_init(struct word_set *w)
{
    memset(w->first, 0, sizeof w->first);
    w->n = 0;
}

void shape_words_add(struct word_set *w, struct span word)
{
    if (w->n == WORD_SET_MAX || word.n == 0)
        return;
    uint8_t c = ascii_lower(word.p[0]);
    w->first[c] = true;
    w->first[ascii_is_alpha(c) ? c & 0xDF : c] = true;
    w->word[w->n++] = word;
}

bool shape_has_word(struct span text, const struct word_set *w)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!w->first[text.p[i]] || (i && (ascii_is_alnum(text.p[i - 1]) || text.p[i - 1] >= 0x80)))
            continue;
        for (size_t k = 0; k < w->n; k++)
            if (span_istarts(span_sub(text, i, text.n), w->word[k]))
                return true;
    }
    return false;
}

static void shape_init(struct shape *x, struct sink *s, const struct shape_in *in)
{
    const struct message *m = in->m;
    *x = (struct shape){.s = s, .a = in->a, .m = m, .in = in, .left_out = (SHAPE_LEFT_OUT | in->without) & ~in->with};
    x->psl = mail_parser_suffixes(in->p);
    x->has_travelled = in->env || shape_field(x, FIELD_RECEIVED);
    if (m->n_parts) {
        x->field = m->field + m->part[0].first_field;
        x->n_fields = m->part[0].n_fields;
    }
}

void shape_emit(struct sink *s, const struct shape_in *in)
{
    struct shape x;
    shape_init(&x, s, in);
    /* A text without a header (a comment, a short message) has nothing to say about headers. */
    bool head = x.n_fields >= FIELDS_FOR_HEAD;
    if (head) {
        shape_sender(&x);
        shape_message_id(&x);
        shape_recipients(&x);
        shape_date(&x);
        shape_mailer(&x);
        shape_fields(&x);
        if (!(x.left_out >> SHAPE_RECEIVED & 1))
            shape_received(&x);
        shape_subject(&x);
    }
    shape_body(&x);
    if (head) {
        shape_thread(&x);
        shape_parts(&x);
        shape_html(&x);
    }
    shape_anomalies(&x);
    shape_links(&x); /* last: a mail of many links may reach the view's cap */
}
