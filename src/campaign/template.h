/* template: what the messages of a campaign have in common, word for word, and what stands in the gaps.
 *
 * After Botnet Judo (Pitsillidis et al., NDSS 2010) and AutoRE (Xie et al., SIGCOMM 2008): the anchors are found by aligning the texts
 * (longest common runs that all or nearly all have, in order), what lies between are slots with a type: a word of a dictionary, a random
 * string (its alphabet and lengths), a number, a mail address, a URL, or free text. Conditions on the header and the subject go beside it.
 * A signature is an expression for Vectorscan over the normalised text (sketch_make's text_out) with conditions beside it. It may be used
 * only when it is proven: no match in a ham sample (`proof` SAMPLE), or none of its anchors in a sketch of ham shingles (SKETCH, weaker).
 * Ownership: a template owns its texts.  Errors: ENOMEM, ELIMIT (too long; too many slots); POSSE_ENOENT: they have too little in common.
 * Limits: TEMPLATE_TEXTS_MAX texts of 64 KB; slots and dictionaries capped as below.  Threads: reentrant.
 * Poison: sentences of ham that an adversary puts in are free text or anchors that the proof refuses; the signature gets weaker, never wrong. */
#ifndef POSSE_CAMPAIGN_TEMPLATE_H
#define POSSE_CAMPAIGN_TEMPLATE_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/span.h"

enum { TEMPLATE_TEXTS_MAX = 512, TEMPLATE_PIECES_MAX = 256, SLOT_WORDS_MAX = 64 };

enum slot_type { SLOT_WORD, SLOT_RANDOM, SLOT_NUMBER, SLOT_ADDRESS, SLOT_URL, SLOT_FREE };
struct slot {
    enum slot_type type;
    bool may_be_empty;
    uint32_t least, most;         /* bytes */
    struct span alphabet;         /* of random strings: "a-z0-9" */
    const struct span *word; size_t n_words; /* the dictionary, most frequent first; complete only where is_closed */
    bool is_closed;
};
struct piece { bool is_slot; struct span anchor; struct slot slot; };

struct template_text { struct span subject, text; int64_t time_ms; }; /* normalised, as the sketcher gives them */
struct template;
/* The template of these texts; where they are of several versions, of most of them (n_used says of how many). */
int template_infer(const struct template_text *t, size_t n, struct template **out, struct report *why);
void template_free(struct template **t);
size_t template_pieces(const struct template *t, const struct piece **out);
size_t template_subject(const struct template *t, const struct piece **out);
size_t template_used(const struct template *t);

/* The expression that matches it: anchors in order, slots by type. */
int template_expression(const struct template *t, struct buf *out);
int template_save(const struct template *t, struct buf *out);
int template_load(struct reader *r, struct template **out, struct report *why);

/* ---- signatures ---- */

enum proof { PROOF_NONE, PROOF_SKETCH, PROOF_SAMPLE };
struct ham; /* what is known of ham: campaign/ham.h */

struct signatures; /* a set, compiled together; immutable once built */
struct signature_in { uint64_t campaign; uint32_t version; const struct template *t; int64_t made_ms; };
/* Compiles those that can be proven; refused ones are told to `refused` with the reason. */
int signatures_build(const struct signature_in *in, size_t n, const struct ham *ham,
                     void (*refused)(void *ctx, size_t i, const char *why), void *ctx, struct signatures **out, struct report *why);
void signatures_free(struct signatures **s);
struct signature_hit { uint64_t campaign; uint32_t version; enum proof proof; };
struct signature_scratch; /* one a thread */
struct signature_scratch *signature_scratch_new(const struct signatures *s);
void signature_scratch_free(struct signature_scratch **s);
/* How many matched; the first max of them in out. */
size_t signatures_match(const struct signatures *s, struct signature_scratch *scratch, struct span subject, struct span text,
                        struct signature_hit *out, size_t max);

#endif
