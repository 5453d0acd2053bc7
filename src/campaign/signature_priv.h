/* What the files of signature share. */
#ifndef POSSE_CAMPAIGN_SIGNATURE_PRIV_H
#define POSSE_CAMPAIGN_SIGNATURE_PRIV_H

#include <hs/hs.h>

#include "base/arena.h"
#include "campaign/signature.h"

enum {
    CANDIDATES_MAX = 16,         /* passages of a signature before the proof */
    PASSAGE_SLOTS = 6,
    NEED_LETTERS = 40,           /* of fixed words that a match must have seen; bench/templates/ablation */
    TEXT_MAX = 64 << 10,
};

struct passage {
    const char *expression;      /* NUL-terminated: over a text with a blank before and behind it */
    size_t signature;            /* of the set; SIZE_MAX: it is not used */
    uint32_t letters, permille;
    bool is_proven;              /* by the sketch */
    bool is_ham;                 /* something says that ham may have it */
};

struct one { struct signature s; const char *subject; size_t first, n; /* passages */ };

struct signatures {
    struct arena *a;
    struct one *one; size_t n;
    struct passage *passage; size_t n_passages;
    hs_database_t *body, *subject; /* NULL: nothing to look for */
};

/* ---- signature_passage.c ---- */

/* The passages of one template, at most max, the best ones; those that ham has are marked. SIZE_MAX: out of memory. */
size_t passages_cut(struct arena *a, const struct template *t, const struct ham *ham, struct passage *out, size_t max);
/* The expression of the subject, and how many letters of it are fixed; NULL with *ok: it says too little. */
const char *passage_of_subject(struct arena *a, const struct template *t, uint32_t *letters_out, bool *ok);

/* ---- signature_match.c ---- */

struct signature_scratch { hs_scratch_t *hs; uint8_t *text; uint16_t *count; uint32_t *touched; uint8_t *agrees; size_t n; };

/* Copies a text with a blank before and behind. */
size_t pad(struct span text, uint8_t *out);

#endif
