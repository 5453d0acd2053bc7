/* template: what the messages of a campaign have in common, word for word, and what stands in the gaps.
 *
 * After Botnet Judo (Pitsillidis et al., NDSS 2010) and AutoRE (Xie et al., SIGCOMM 2008): the texts are aligned with the one that is
 * most like the others; words that all or nearly all have, in order, are anchors; what lies between are slots with a type: a word or a
 * phrase of a dictionary, a random string (its alphabet and lengths), a number, a mail address, a URL, or free text. A sentence that only
 * some have is a phrase of a slot that may be empty. Passages that all have but in no fixed order are floating anchors.
 * Where texts of several versions are mixed the template is that of most of them; `used_out` says whose, and template_infer_all goes on
 * with the others. What a template is good for against spam is a signature (campaign/signature.h).
 * When to infer: once 32 texts have come that no signature of the campaign matches, and anew when there are 200 (bench/templates says
 * how many of the later messages each catches).
 * Ownership: a template owns its texts; pieces are good until it is freed.
 * Errors: POSSE_ENOMEM; POSSE_EINVAL (no texts, or more than TEMPLATE_TEXTS_MAX); POSSE_ENOENT: they have too little in common, and then
 * there is no template. Odd text is never an error: what is no printable byte parts words.
 * Limits: TEMPLATE_TEXTS_MAX texts, of each the first TEMPLATE_WORDS_MAX words; pieces past TEMPLATE_PIECES_MAX are left out; slots and
 * dictionaries as below.  Threads: reentrant; no state.
 * Cost: bounded: words times texts, and at most 2^20 steps for a pair of texts that repeat themselves (bench/templates).
 * Poison: sentences of ham that an adversary puts into some messages are free text; those put into all of them are anchors, which the
 * proof of a signature refuses. */
#ifndef POSSE_CAMPAIGN_TEMPLATE_H
#define POSSE_CAMPAIGN_TEMPLATE_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/span.h"

enum {
    TEMPLATE_TEXTS_MAX = 512,
    TEMPLATE_TEXTS_LEAST = 4,    /* fewer have too little to tell what is fixed */
    TEMPLATE_WORDS_MAX = 4096,
    TEMPLATE_PIECES_MAX = 256,
    SLOT_WORDS_MAX = 64,
    SLOT_WORD_BYTES = 96,        /* longer ones are not kept in a dictionary */
};

enum slot_type { SLOT_WORD, SLOT_RANDOM, SLOT_NUMBER, SLOT_ADDRESS, SLOT_URL, SLOT_FREE, SLOT_TYPES };
struct slot {
    enum slot_type type;
    bool may_be_empty;
    bool is_closed;              /* the dictionary is complete as far as the texts can tell: each of its words came several times */
    uint16_t least_words, most_words;
    uint32_t least, most;        /* bytes, where it was not empty */
    struct span alphabet;        /* of random strings: "a-z0-9"; else empty */
    const struct span *word;     /* the dictionary: words or phrases, most frequent first */
    size_t n_words;
};
struct piece {
    bool is_slot, is_floating;   /* floating: an anchor that all have, at no fixed place among the others */
    uint16_t permille;           /* of the messages used: how many have it */
    struct span anchor;          /* words parted by single blanks */
    struct slot slot;
};

struct template_text { struct span subject, text; }; /* normalised, as the sketcher gives them (campaign/sketch.h) */
struct template;
/* used_out: n flags of which messages the template was made of; NULL is fine. */
int template_infer(const struct template_text *t, size_t n, uint8_t *used_out, struct template **out, struct report *why);
/* One template a version, the version of most first; at most max. POSSE_ENOENT: not one. version_out: n numbers: of which of them each
 * message is, or UINT8_MAX; NULL is fine. */
int template_infer_all(const struct template_text *t, size_t n, struct template **out, size_t max, size_t *n_out, uint8_t *version_out,
                       struct report *why);
void template_free(struct template **t);
size_t template_pieces(const struct template *t, const struct piece **out);
size_t template_subject(const struct template *t, const struct piece **out); /* 0: subjects have nothing in common */
size_t template_used(const struct template *t);

/* One of the messages that it was made of is to be forgotten, the `left` ones not: words of its dictionaries that only `gone` has are taken
 * out. Returns how many. Anchors stay: all or nearly all messages have them. */
size_t template_forget(struct template *t, const struct template_text *gone, const struct template_text *left, size_t n_left);

/* The expression of the whole, for PCRE2 or Vectorscan with DOTALL: anchors in order, slots by type. For people to read and for other
 * programs; it wants every anchor, so a signature asks for less (campaign/signature.h). */
int template_expression(const struct template *t, struct buf *out);
int template_save(const struct template *t, struct buf *out);
/* POSSE_ECORRUPT, POSSE_EVERSION, POSSE_ENOMEM. */
int template_load(struct reader *r, struct template **out, struct report *why);
bool template_validate(const struct template *t, const char **why);

#endif
