/* spinner: mail made from polymorphic templates, with the truth, for benches and tests of campaign/. Filler words, reserved names and
 * addresses; the same seed gives the same bytes. It shares nothing with sim/ and nothing with what it measures.
 *
 * A template has fixed words and slots (one of some words, a number, a random string, a name), a subject likewise, links on some hosts
 * that rotate, plain or HTML or both, perhaps a picture, perhaps random words or sentences of ham put in. Around the templates:
 * private mail (sentences of everybody's words, quoted replies, short notes, signatures, a firm's disclaimer) and newsletters. */
#ifndef POSSE_BENCH_SPINNER_H
#define POSSE_BENCH_SPINNER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spin { uint64_t s; };

static inline uint64_t spin_u64(struct spin *r)
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* Seeds that lie near one another would give streams that are one another's, shifted. */
static inline struct spin spin_seed(uint64_t a, uint64_t b)
{
    struct spin x = {a * 0xd1342543de82ef95ull + 1}, y = {spin_u64(&x) ^ (b * 0xaf251af3b0f025b5ull + 7)};
    return (struct spin){spin_u64(&y)};
}

static inline unsigned spin_to(struct spin *r, unsigned n) { return (unsigned)((spin_u64(r) >> 32) * n >> 32); }
static inline bool spin_chance(struct spin *r, double p) { return (double)(spin_u64(r) >> 11) * 0x1p-53 < p; }

/* The n-th word of the language: syllables by number, so that nothing need be stored. */
static inline char *spin_word(unsigned n, char *out)
{
    static const char on[] = "bdfgklmnprstvz", vo[] = "aeiou", end[] = "nrstlm";
    struct spin r = spin_seed(n, 2);
    unsigned syllables = 1 + (n > 40) + spin_to(&r, n > 400 ? 3 : 2);
    for (unsigned i = 0; i < syllables; i++) {
        *out++ = on[spin_to(&r, 14)];
        *out++ = vo[spin_to(&r, 5)];
    }
    if (spin_chance(&r, 0.5))
        *out++ = end[spin_to(&r, 6)];
    return out;
}

/* A word's number as a language uses them: few often, many seldom. */
static inline unsigned spin_common(struct spin *r)
{
    double u = (double)(spin_u64(r) >> 11) * 0x1p-53;
    return (unsigned)(6000 * u * u * u * u);
}

enum spin_piece_kind { SPIN_FIXED, SPIN_CHOICE, SPIN_NUMBER, SPIN_RANDOM, SPIN_NAME, SPIN_LINK };
struct spin_piece { uint8_t kind, n; uint16_t word[6]; };
enum { SPIN_PIECES = 320 };
enum spin_kind { SPIN_TEXT, SPIN_SHORT, SPIN_LINKS, SPIN_PICTURE, SPIN_KIND_N };
struct spin_template {
    enum spin_kind kind;
    struct spin_piece body[SPIN_PIECES], subject[8];
    unsigned n_body, n_subject, n_hosts, path_steps, noise_words, picture_bytes;
    bool html, both, noisy_picture;
    uint64_t seed;
    double share;          /* of its words in slots */
};

static inline struct spin_piece spin_piece(struct spin *r, double slots)
{
    struct spin_piece p = {SPIN_FIXED, 1, {(uint16_t)spin_common(r)}};
    if (!spin_chance(r, slots))
        return p;
    static const uint8_t kinds[] = {SPIN_CHOICE, SPIN_CHOICE, SPIN_CHOICE, SPIN_NUMBER, SPIN_RANDOM, SPIN_NAME};
    p.kind = kinds[spin_to(r, 6)];
    p.n = (uint8_t)(2 + spin_to(r, 5));
    for (unsigned i = 1; i < p.n; i++)
        p.word[i] = (uint16_t)spin_common(r);
    return p;
}

/* most: the greatest share of slots. noise: may words of ham be put in? */
static inline void spin_template(struct spin_template *t, uint64_t seed, double most, bool noise)
{
    struct spin r = spin_seed(seed, 1);
    *t = (struct spin_template){.seed = seed};
    unsigned k = spin_to(&r, 100);
    t->kind = k < 72 ? SPIN_TEXT : k < 84 ? SPIN_SHORT : k < 92 ? SPIN_LINKS : SPIN_PICTURE;
    t->share = 0.02 + (most - 0.02) * spin_to(&r, 1000) / 1000;
    t->n_body = t->kind == SPIN_TEXT ? 40 + spin_to(&r, 220) : t->kind == SPIN_SHORT ? 10 + spin_to(&r, 12) : spin_to(&r, 4);
    t->n_subject = 3 + spin_to(&r, 5);
    for (unsigned i = 0; i < t->n_body; i++)
        t->body[i] = spin_piece(&r, t->kind == SPIN_SHORT ? t->share / 2 : t->share);
    for (unsigned i = 0; i < t->n_subject; i++)
        t->subject[i] = spin_piece(&r, t->kind == SPIN_TEXT ? t->share : 0);
    t->n_hosts = 1 + (spin_chance(&r, 0.6) ? spin_to(&r, 30) : 0);
    t->path_steps = spin_to(&r, 4);
    t->html = spin_chance(&r, 0.5);
    t->both = t->html && spin_chance(&r, 0.4);
    t->noise_words = noise && t->kind == SPIN_TEXT && spin_chance(&r, 0.25) ? 10 + spin_to(&r, t->n_body / 2) : 0;
    t->picture_bytes = t->kind == SPIN_PICTURE ? 2000 + spin_to(&r, 20000) : 0;
    if (t->kind != SPIN_PICTURE) /* a link somewhere, or a short text would have nothing else */
        t->body[t->n_body++] = (struct spin_piece){SPIN_LINK, 0, {0}};
}

struct spin_out { char *p; size_t n, cap; };

static inline void spin_put(struct spin_out *o, const char *p, size_t n)
{
    if (o->n + n <= o->cap) {
        memcpy(o->p + o->n, p, n);
        o->n += n;
    }
}

static inline void spin_str(struct spin_out *o, const char *s) { spin_put(o, s, strlen(s)); }

#define spin_fmt(o, ...) \
    do { \
        char fmt_[512]; \
        int n_ = snprintf(fmt_, sizeof fmt_, __VA_ARGS__); \
        spin_put(o, fmt_, n_ < (int)sizeof fmt_ ? (size_t)n_ : sizeof fmt_ - 1); \
    } while (0)

static inline void spin_put_word(struct spin_out *o, unsigned n, bool capital)
{
    char w[32], *end = spin_word(n, w);
    if (capital)
        w[0] = (char)(w[0] - 32);
    spin_put(o, w, (size_t)(end - w));
}

static inline void spin_letters(struct spin *r, struct spin_out *o, unsigned n, bool digits)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    while (n--)
        spin_put(o, &set[spin_to(r, digits ? 36 : 26)], 1);
}

static inline void spin_link(const struct spin_template *t, struct spin *r, struct spin_out *o)
{
    struct spin host = spin_seed(t->seed, 3 + spin_to(r, t->n_hosts));
    spin_str(o, "http://");
    spin_put_word(o, 3000 + spin_to(&host, 60000), false);
    spin_put_word(o, spin_to(&host, 60000), false);
    spin_str(o, ".example");
    for (unsigned i = 0; i < t->path_steps; i++) {
        spin_str(o, "/");
        spin_letters(r, o, 3 + spin_to(r, 6), (t->seed >> i) & 1);
    }
    if (t->seed & 4)
        spin_fmt(o, ".php?id=%u", spin_to(r, 1000000));
}

static inline void spin_pieces(const struct spin_template *t, const struct spin_piece *p, unsigned n, struct spin *r, struct spin_out *o,
                               const char *name)
{
    for (unsigned i = 0; i < n; i++, p++) {
        if (i)
            spin_str(o, i % 12 == 0 ? ".\r\n" : " ");
        switch (p->kind) {
        case SPIN_NUMBER: spin_fmt(o, "%u", spin_to(r, 100000)); break;
        case SPIN_RANDOM: spin_letters(r, o, 5 + spin_to(r, 6), true); break;
        case SPIN_NAME: spin_str(o, name); break;
        case SPIN_LINK: spin_link(t, r, o); break;
        default: spin_put_word(o, p->word[spin_to(r, p->n)], i % 12 == 0); break;
        }
    }
}

/* What people write: sentences of common words. */
static inline void spin_sentences(struct spin *r, struct spin_out *o, unsigned words, const char *start)
{
    unsigned left = 0;
    for (unsigned i = 0; i < words; i++) {
        bool first = left == 0;
        if (first) {
            left = 4 + spin_to(r, 12);
            spin_str(o, i ? ".\r\n" : "");
            spin_str(o, start);
        } else {
            spin_str(o, " ");
        }
        left--;
        spin_put_word(o, spin_common(r), first);
    }
    spin_str(o, ".\r\n");
}

static inline void spin_base64(struct spin *bytes, struct spin_out *o, unsigned n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < n; i++) {
        spin_put(o, &set[spin_to(bytes, 64)], 1);
        if (i % 76 == 75)
            spin_str(o, "\r\n");
    }
    spin_str(o, "\r\n");
}

static inline void spin_html(const struct spin_template *t, struct spin *r, struct spin_out *o, const char *name)
{
    spin_str(o, "<html><body>\r\n");
    unsigned every = 15 + (unsigned)(t->seed % 20);
    for (unsigned i = 0; i < t->n_body; i += every) {
        unsigned n = t->n_body - i < every ? t->n_body - i : every;
        spin_str(o, t->seed & 1 ? "<p>" : "<table><tr><td>");
        if (t->body[i + n - 1].kind == SPIN_LINK) {
            spin_pieces(t, t->body + i, n - 1, r, o, name);
            spin_str(o, "<a href=\"");
            spin_link(t, r, o);
            spin_str(o, "\">");
            spin_put_word(o, (unsigned)t->seed % 5000, false);
            spin_str(o, "</a>");
        } else {
            spin_pieces(t, t->body + i, n, r, o, name);
        }
        spin_str(o, t->seed & 1 ? "</p>\r\n" : "</td></tr></table>\r\n");
    }
    if (t->noise_words) {
        spin_str(o, "<div>");
        spin_sentences(r, o, t->noise_words + spin_to(r, t->noise_words + 1), "");
        spin_str(o, "</div>");
    }
    spin_str(o, "</body></html>\r\n");
}

static inline void spin_plain(const struct spin_template *t, struct spin *r, struct spin_out *o, const char *name)
{
    spin_pieces(t, t->body, t->n_body, r, o, name);
    spin_str(o, "\r\n");
    if (t->noise_words) {
        spin_str(o, "\r\n");
        spin_sentences(r, o, t->noise_words + spin_to(r, t->noise_words + 1), "");
    }
}

/* One message of a template; r makes what varies. */
static inline void spin_message(const struct spin_template *t, struct spin *r, struct spin_out *o)
{
    char name[16] = {0};
    *spin_word(50 + spin_to(r, 200), name) = 0;
    o->n = 0;
    spin_fmt(o, "From: %s%u@%s.example\r\nTo: %s@trap.test\r\nSubject: ", name, spin_to(r, 999), name, name);
    spin_pieces(t, t->subject, t->n_subject, r, o, name);
    spin_str(o, "\r\nMIME-Version: 1.0\r\n");
    struct spin picture = spin_seed(t->seed, t->noisy_picture ? spin_u64(r) : 4);
    if (t->picture_bytes) {
        spin_str(o, "Content-Type: multipart/related; boundary=b1\r\n\r\n--b1\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:1\">");
        spin_pieces(t, t->body, t->n_body, r, o, name);
        spin_str(o, "\r\n--b1\r\nContent-Type: image/gif\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        spin_base64(&picture, o, t->picture_bytes);
        spin_str(o, "--b1--\r\n");
    } else if (t->both) {
        spin_str(o, "Content-Type: multipart/alternative; boundary=b1\r\n\r\n--b1\r\nContent-Type: text/plain\r\n\r\n");
        spin_sentences(r, o, 30, "");
        spin_str(o, "\r\n--b1\r\nContent-Type: text/html\r\n\r\n");
        spin_html(t, r, o, name);
        spin_str(o, "--b1--\r\n");
    } else if (t->html) {
        spin_str(o, "Content-Type: text/html\r\n\r\n");
        spin_html(t, r, o, name);
    } else {
        spin_str(o, "Content-Type: text/plain\r\n\r\n");
        spin_plain(t, r, o, name);
    }
}

/* A private message: of one of some thousand people, a tenth of them with a firm's disclaimer below. */
static inline void spin_private(struct spin *r, struct spin_out *o)
{
    char name[16] = {0}, to[16] = {0};
    unsigned who = spin_to(r, 4000);
    *spin_word(50 + who, name) = 0;
    *spin_word(50 + spin_to(r, 200), to) = 0;
    o->n = 0;
    spin_fmt(o, "From: %s@home.example\r\nTo: %s@trap.test\r\nSubject: %s", name, to, spin_chance(r, 0.4) ? "Re: " : "");
    for (unsigned i = 1 + spin_to(r, 5); i--;) {
        spin_put_word(o, spin_common(r), false);
        spin_str(o, " ");
    }
    spin_str(o, "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n");
    spin_sentences(r, o, spin_chance(r, 0.2) ? 2 + spin_to(r, 6) : 15 + spin_to(r, 180), "");
    if (spin_chance(r, 0.1))
        spin_fmt(o, "http://site%u.example/page%u\r\n", spin_to(r, 50), spin_to(r, 400));
    if (spin_chance(r, 0.3)) {
        struct spin old = spin_seed(spin_to(r, 5000), 5);
        spin_str(o, "\r\n");
        spin_sentences(&old, o, 60, "> ");
    }
    struct spin same = spin_seed(who, 6);
    if (spin_chance(r, 0.5)) {
        spin_fmt(o, "-- \r\n%s %u\r\n", name, who);
        spin_sentences(&same, o, 12, "");
    }
    if (who % 10 == 0) {
        struct spin firm = spin_seed(who / 1000, 7);
        spin_sentences(&firm, o, 40, "");
    }
}

/* Adjusted Rand index (Hubert & Arabie 1985) of two labellings of n things; labels are below most_a and most_b. */
static inline double spin_choose2(double x) { return x * (x - 1) / 2; }
static inline int spin_by_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static inline double spin_runs(const uint64_t *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && v[j] == v[i]; j++)
            ;
        sum += spin_choose2((double)(j - i));
    }
    return sum;
}

static inline double spin_rand_index(const uint32_t *a, const uint32_t *b, size_t n)
{
    uint64_t *v = malloc((n + 1) * sizeof *v);
    double sum[3];
    for (unsigned k = 0; k < 3; k++) {
        for (size_t i = 0; i < n; i++)
            v[i] = k == 0 ? a[i] : k == 1 ? b[i] : (uint64_t)a[i] << 32 | b[i];
        qsort(v, n, sizeof *v, spin_by_u64);
        sum[k] = spin_runs(v, n);
    }
    free(v);
    double expected = sum[0] * sum[1] / spin_choose2((double)n), most = (sum[0] + sum[1]) / 2;
    return most == expected ? 1 : (sum[2] - expected) / (most - expected);
}

#endif
