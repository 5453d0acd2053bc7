/* What a string looks like, without what it says: "0a1b2c$h8@" is the same program as "9f8e7d$h8@". */
#include "botnet/mailer_priv.h"

#include <stdio.h>

void word_byte(struct word *w, char c)
{
    if (w->n + 1 < w->cap) {
        w->p[w->n++] = c;
        w->p[w->n] = '\0';
    }
}

void word_add(struct word *w, const char *text)
{
    for (; *text; text++)
        word_byte(w, *text);
}

void word_number(struct word *w, unsigned long n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lu", n);
    word_add(w, digits);
}

void word_clean(struct word *w, struct span text, size_t most)
{
    text = span_trim(span_sub(text, 0, most));
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        word_byte(w, ascii_is_alnum(c) || (c && strchr("-+./:!@", c)) ? (char)c : '_');
    }
}

/* Words that programs write themselves, in Message-IDs and boundaries. */
static bool is_mark(struct span s)
{
    static const char *const mark[] = {
        "NextPart", "JavaMail", "Apple", "Mail", "Pine", "LNX", "BSF", "Part", "PART", "part", "Boundary", "BOUNDARY", "boundary",
        "Bound", "bound", "MIME", "mime", "Multipart", "MULTIPART", "multipart", "Alternative", "alternative", "alt", "Mixed", "mixed",
        "mix", "Related", "related", "rel", "Outlook", "SMTP", "smtp", "phpmailer", "PHPMailer", "git", "send", "email", "mail", "MAIL",
        "KMail", "swift", "generated", "squirrel", "www", "Evolution", "camel", "signature", "signed", "Signature", "MLTP", "PM", "Sparrow", "Message", "message", "cid", "Next", "quoting", "ELM", "qmail",
    };
    for (size_t i = 0; i < sizeof mark / sizeof *mark; i++)
        if (span_eq(s, span_str(mark[i])))
            return true;
    return false;
}

struct alphabet { bool lower, upper, lower_hex, upper_hex, digit; };

static void alphabet_add(struct alphabet *a, struct span run)
{
    for (size_t i = 0; i < run.n; i++) {
        uint8_t c = run.p[i];
        a->digit |= ascii_is_digit(c);
        a->lower_hex |= c >= 'a' && c <= 'f';
        a->upper_hex |= c >= 'A' && c <= 'F';
        a->lower |= c > 'f' && c <= 'z';
        a->upper |= c > 'F' && c <= 'Z';
    }
}

static size_t run_end(struct span s, size_t i)
{
    while (i < s.n && ascii_is_alnum(s.p[i]))
        i++;
    return i;
}

static bool is_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return true;
}

/* What follows a mark: "NextPart12" is NextPart and a number; so is mutt's counter, "GA4711", "GB815". */
static size_t mark_length(struct span run)
{
    size_t letters = 0;
    while (letters < run.n && ascii_is_alpha(run.p[letters]))
        letters++;
    return letters >= 2 && is_mark(span_sub(run, 0, letters)) ? letters : 0;
}

static bool is_counter(struct span run)
{
    return run.n >= 3 && run.p[0] == 'G' && run.p[1] >= 'A' && run.p[1] <= 'Z' && is_digits(span_sub(run, 2, run.n));
}

static char alphabet_letter(const struct alphabet *a)
{
    bool low = a->lower || a->lower_hex, up = a->upper || a->upper_hex;
    if (!low && !up)
        return 'd';
    if (low && up)
        return 'x';
    if (low)
        return a->lower ? 'a' : 'h';
    return a->upper ? 'A' : 'H';
}

static void size_class(struct word *w, size_t n, bool exact)
{
    static const unsigned from[] = {36, 24, 16, 12, 8};
    if (exact) {
        word_number(w, n);
        return;
    }
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (n >= from[i]) {
            word_number(w, from[i]);
            return;
        }
}

enum {
    CERTAIN_NUMBER = 14, /* hexadecimal digits, so many, are all numbers once in 720; a time is written with 14 */
    CERTAIN_RUN = 16,    /* so long a run shows its alphabet by itself */
    RANDOM_LEAST = 20,   /* from here on mixed letters with "+/=_-" between are one random string, not runs */
};

static void form_run(struct word *w, struct span run, char all, bool exact)
{
    size_t mark = mark_length(run);
    if (is_counter(run)) {
        word_add(w, "Gd");
        return;
    }
    for (size_t i = 0; i < mark; i++)
        word_byte(w, (char)run.p[i]);
    run = span_sub(run, mark, run.n);
    if (!run.n)
        return;
    if (run.n >= CERTAIN_RUN) {
        struct alphabet own = {0};
        alphabet_add(&own, run);
        all = alphabet_letter(&own);
    }
    bool number = is_digits(run) && ((all != 'h' && all != 'H') || run.n >= CERTAIN_NUMBER || mark);
    word_byte(w, number ? 'd' : all);
    size_class(w, run.n, exact);
}

static bool is_random_byte(uint8_t c) { return ascii_is_alnum(c) || (c && strchr("+/=_-", c)); }

static size_t random_end(struct span s, size_t i)
{
    while (i < s.n && is_random_byte(s.p[i]))
        i++;
    return i;
}

/* A name with dots and hyphens (somebody's address): how many parts it has is not the program's. */
static bool is_name_run(struct span run)
{
    struct alphabet a = {0};
    alphabet_add(&a, run);
    return run.n < CERTAIN_RUN && (alphabet_letter(&a) == 'a' || alphabet_letter(&a) == 'h') && mark_length(run) == 0 &&
           ascii_is_alpha(run.p[0]);
}

static bool is_letters(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alpha(s.p[i]))
            return false;
    return true;
}

/* A single run is a name only where it has no numbers. */
static size_t name_end(struct span s, size_t i)
{
    size_t end = i, from = i;
    for (unsigned runs = 0;; runs++) {
        size_t to = run_end(s, i);
        bool more = to > i && is_name_run(span_sub(s, i, to));
        end = more ? to : end;
        if (!more || to + 1 >= s.n || !strchr(".-_", s.p[to]))
            return runs + more > 1 || is_letters(span_sub(s, from, end)) ? end : from;
        i = to + 1;
    }
}

/* One piece of the string from i on: its end; 0: none of these. */
static size_t form_piece(struct word *w, struct span text, size_t i, char all, bool exact)
{
    size_t end = random_end(text, i);
    if (all == 'x' && end - i >= RANDOM_LEAST && run_end(text, i) < end && mark_length(span_sub(text, i, run_end(text, i))) == 0) {
        word_byte(w, 'X');
        size_class(w, end - i, exact);
        return end;
    }
    end = all == 'a' ? name_end(text, i) : i;
    if (end > i) {
        word_add(w, "a*");
        return end;
    }
    end = run_end(text, i);
    if (end > i)
        form_run(w, span_sub(text, i, end), all, exact);
    return end > i ? end : 0;
}

void form_of(struct word *w, struct span text, bool exact)
{
    struct alphabet a = {0};
    text = span_sub(text, 0, 256);
    for (size_t i = 0; i < text.n;) {
        size_t end = run_end(text, i);
        struct span run = span_sub(text, i, end);
        if (run.n && run.n < CERTAIN_RUN && !is_counter(run))
            alphabet_add(&a, span_sub(run, mark_length(run), run.n));
        else if (run.n >= CERTAIN_RUN && text.n == run.n)
            alphabet_add(&a, run);
        i = end > i ? end : i + 1;
    }
    char all = alphabet_letter(&a);
    for (size_t i = 0; i < text.n;) {
        size_t end = form_piece(w, text, i, all, exact), same = i;
        if (end) {
            i = end;
            continue;
        }
        while (same < text.n && text.p[same] == text.p[i])
            same++;
        word_byte(w, text.p[i] > ' ' && text.p[i] < 0x7f ? (char)text.p[i] : '?');
        if (same - i > 1)
            word_number(w, same - i);
        i = same;
    }
}

void form_shape(struct word *w, struct span text)
{
    text = span_sub(text, 0, 256);
    for (size_t i = 0; i < text.n;) {
        uint8_t c = text.p[i];
        char k = ascii_is_digit(c) ? 'd' : ascii_is_alpha(c) ? (c >= 'a' ? 'a' : 'A') : 0;
        size_t from = i++;
        if (!k) {
            word_byte(w, c > ' ' && c < 0x7f ? (char)c : '?');
            continue;
        }
        while (i < text.n && (k == 'd' ? ascii_is_digit(text.p[i]) : ascii_is_alpha(text.p[i]) && (text.p[i] >= 'a') == (k == 'a')))
            i++;
        word_byte(w, k);
        word_number(w, i - from);
    }
}

void form_case(struct word *w, struct span name)
{
    for (size_t i = 0; i < name.n;) {
        size_t from = i, upper = 0, letters = 0;
        for (; i < name.n && name.p[i] != '-'; i++) {
            letters += ascii_is_alpha(name.p[i]);
            upper += name.p[i] >= 'A' && name.p[i] <= 'Z';
        }
        bool first = from < name.n && name.p[from] >= 'A' && name.p[from] <= 'Z';
        word_byte(w, letters == 0 ? 'd' : upper == 0 ? 'l' : upper == letters && letters > 1 ? 'U' : upper == 1 && first ? 'C' : 'm');
        i++;
    }
}
