/* What the files of template share. */
#ifndef POSSE_CAMPAIGN_TEMPLATE_PRIV_H
#define POSSE_CAMPAIGN_TEMPLATE_PRIV_H

#include "base/arena.h"
#include "campaign/template.h"

enum {
    NARROW_WORDS = 6,            /* a slot of at most so many words ties the anchors beside it; bench/templates/ablation */
    PART_WORDS = 3, PART_LETTERS = 10, /* of texts: struct field, part_words */
    ANCHOR_PERMILLE = 950,       /* of the members have it: an anchor */
    FLOAT_WORDS = 4, FLOAT_LETTERS = 16, /* the same for anchors that have no place */
    BYTES_MAX = 64 << 10,        /* of a text */
    NOWHERE = UINT16_MAX,
};

struct template {
    struct arena *a;
    struct piece *piece, *subject;
    size_t n, n_subject, used;
};

/* ---- template_words.c ---- */

struct word { uint32_t hash, at; uint16_t n; };
struct words { struct span text; struct word *w; size_t n; };

/* False: out of memory. */
bool words_split(struct arena *a, struct span text, struct words *out);
static inline struct span word_span(const struct words *t, size_t i) { return span_of(t->text.p + t->w[i].at, t->w[i].n); }
/* Two words in a row; i may be -1 and i + 1 may be n: before the first and behind the last. */
uint64_t words_pair(const struct words *t, ptrdiff_t i);
/* Copies n words from `from` on, parted by single blanks. SPAN_NONE: out of memory. */
struct span words_copy(struct arena *a, const struct words *t, size_t from, size_t n);
/* What the sketcher puts for a number, an address or a URL; SLOT_TYPES: it is a word as it stands. */
enum slot_type word_kind(struct span word);

/* ---- template_align.c ---- */

struct aligner;
/* For one backbone; lives in the arena. NULL: out of memory. */
struct aligner *aligner_new(struct arena *a, const struct words *bone);
/* Where each word of the backbone is in the text, in order, or NOWHERE; `at` has bone->n of them. */
void aligner_map(struct aligner *g, const struct words *text, uint16_t *at);
/* Where each pair of words that the backbone has once is in the text wherever it stands, if once; indices as words_pair's plus one. */
void aligner_find(struct aligner *g, const struct words *text, uint16_t *at);

/* ---- template_slot.c ---- */

/* What stands in one gap in one message. */
struct gap { const struct words *t; uint16_t from, n; };
/* One slot, or one a word where all have as many; into `out`, which has room for `max`. Returns how many; SIZE_MAX: out of memory. */
size_t slots_make(struct arena *a, struct arena *scratch, struct gap *g, size_t n, struct piece *out, size_t max);
/* The slot of what the sketcher puts for a number, an address or a URL. False: out of memory. */
bool slot_of_kind(struct arena *a, enum slot_type kind, struct span word, struct slot *out);

/* ---- template_infer.c, template_field.c ---- */

struct field {                   /* the subjects or the texts of all messages */
    struct arena *a;             /* scratch */
    struct words *t;
    size_t n;
    uint8_t *member;
    size_t members;
    size_t part_words, part_letters; /* what anchors that are tied together must have, or they are there by chance */
    const struct words *bone;
    uint16_t *at, *found;        /* n rows: aligner_map's, aligner_find's */
    uint16_t *support;           /* of each word of the backbone: how many members have it in order */
    bool *keep;
};
/* The pieces of a field whose members, backbone and maps are known. POSSE_ENOENT: nothing in common. */
int field_pieces(struct field *f, struct arena *a, struct piece **out, size_t *n_out);
static inline size_t field_most(size_t members) { return members - members / 100; } /* all but 1 in 100 */

/* ---- template_text.c ---- */

/* The expression of one slot that is filled, without the blank behind it. */
void slot_expression(const struct slot *s, struct buf *out);
void literal_expression(struct span text, struct buf *out);
bool slot_is_listed(const struct slot *s); /* its dictionary is complete and short enough to be written out */
bool slot_is_wide(const struct slot *s);   /* it may be longer than what ties anchors */

#endif
