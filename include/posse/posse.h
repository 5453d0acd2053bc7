/* posse: judge mail, teach it, and be told why. The public C library.
 *
 *     posse_t *p;
 *     posse_verdict_t v;
 *     if (posse_open(NULL, &p) != 0) errx(1, "%s", posse_last_error());
 *     if (posse_judge(p, bytes, n, POSSE_EXPLAIN, &v) == 0)
 *         printf("%s %+.1f bits\n", v.is_spam ? "spam" : "ham", v.bits);
 *     posse_close(&p);
 *
 * Ownership: a posse_t is the caller's until posse_close; texts in a verdict live until the next call on it.
 * Threads: one posse_t a thread; several may be open on one home.
 * Errors: 0, or a negative code; posse_strerror names it, posse_last_error says what to do (per thread).
 * Units: a score is bits, the base-2 logarithm of the calibrated odds: 0 is a toss-up, +10 is 1,000 to 1 for spam. */
#ifndef POSSE_POSSE_H
#define POSSE_POSSE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSSE_API __attribute__((visibility("default")))

typedef struct posse posse_t;

typedef struct posse_options {
    const char *home;      /* state folder; NULL: the model that ships, nothing is kept */
    const char *model;     /* a model to start from; NULL: the one that ships */
    const char *const *rules; /* rule files */
    size_t n_rules;
    double ham_loss;       /* lose at most this share of wanted mail; 0: 0.001 */
} posse_options_t;

enum { POSSE_EXPLAIN = 1 };
enum { POSSE_REASONS_MAX = 8 };

typedef struct posse_reason {
    double bits;           /* positive: towards spam */
    const char *text;      /* UTF-8, one line */
} posse_reason_t;

typedef struct posse_verdict {
    bool is_spam;
    double bits;           /* log2 odds */
    double probability;    /* of spam, 0 to 1 */
    double threshold_bits; /* spam from here on */
    size_t n_reasons;      /* with POSSE_EXPLAIN: they add up to bits */
    posse_reason_t reason[POSSE_REASONS_MAX];
    const char *flip;      /* with POSSE_EXPLAIN: the smallest change that turns the verdict, or NULL */
} posse_verdict_t;

/* options NULL: all defaults. */
POSSE_API int posse_open(const posse_options_t *options, posse_t **out);
POSSE_API int posse_close(posse_t **p);

/* `bytes` is one message as it came, n bytes; it is not kept. */
POSSE_API int posse_judge(posse_t *p, const void *bytes, size_t n, unsigned flags, posse_verdict_t *out);

/* Needs a home. On return the lesson is on disk. teacher NULL: "library". */
POSSE_API int posse_learn(posse_t *p, const void *bytes, size_t n, bool is_spam, const char *teacher);

/* The verdict of posse_judge with POSSE_EXPLAIN as text, one line a reason, for people; writes at most
 * cap bytes with the NUL and returns the length it needs, or a negative code. */
POSSE_API long posse_explain(posse_t *p, const void *bytes, size_t n, char *text, size_t cap);

POSSE_API const char *posse_strerror(int code);
POSSE_API const char *posse_last_error(void);
POSSE_API const char *posse_version(void);

#ifdef __cplusplus
}
#endif

#endif
