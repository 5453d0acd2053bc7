/* sketch: what a message repeats: a few hundred bytes by which messages made from one template know each other.
 *
 * Made of the normalised visible text (case, digits, invisible characters and punctuation folded away, addresses and URLs replaced by
 * their kind), the subject, the hosts and the shape of the paths of links, the digests of attachments and the layout of HTML. Text goes
 * in as shingles of words; MinHash by one permutation with densification (Li, Owen & Zhang, NIPS 2012; Shrivastava & Li, UAI 2014), so
 * that the share of equal slots estimates the Jaccard index.
 * Where a message has little text, text says nothing ("see attached", a single link, a picture): `kind` says what the other signs
 * must then carry, and how little is little is decided here, for all.
 * Ownership: a plain value.  Limits: see the enum; more links or attachments than fit are sampled by least hash.
 * Threads: reentrant; no state.  Errors: none.  Cost: see bench/campaigns.
 * Version: sketches of different SKETCH_VERSION never meet. */
#ifndef POSSE_CAMPAIGN_SKETCH_H
#define POSSE_CAMPAIGN_SKETCH_H

#include "mail/message.h"

enum { SKETCH_VERSION = 1, SKETCH_SLOTS = 32, SKETCH_LINKS = 4, SKETCH_FILES = 4 };

enum sketch_kind {
    SKETCH_TEXT,   /* enough shingles: text carries */
    SKETCH_SHORT,  /* too little text to be sure of: subject and the rest must agree too */
    SKETCH_LINKS_ONLY,
    SKETCH_FILES_ONLY, /* pictures or attachments, no text to speak of */
    SKETCH_EMPTY,  /* nothing at all: belongs to no campaign */
};

struct sketch {
    uint8_t kind;                  /* enum sketch_kind */
    uint8_t n_links, n_files;
    uint16_t n_shingles;           /* distinct, capped at UINT16_MAX */
    uint32_t slot[SKETCH_SLOTS];   /* of the text; undefined for n_shingles == 0 */
    uint64_t subject;              /* of its shape: words without numbers and names; 0: none */
    uint64_t layout;               /* of HTML block tags; 0: no HTML */
    uint64_t structure;            /* of the part tree: types, encodings, order */
    uint64_t link_host[SKETCH_LINKS]; /* registered domains, ascending */
    uint64_t link_shape[SKETCH_LINKS]; /* path and query with letters and digits run-length shaped */
    uint64_t file[SKETCH_FILES];   /* of decoded attachment bytes, ascending */
};

struct sketcher; /* a thread's scratch */
struct sketcher *sketcher_new(void); /* NULL: out of memory */
void sketcher_free(struct sketcher **s);
/* text_out, when not NULL: the normalised words that the shingles were made of, separated by single blanks, in the arena: what templates
 * are inferred from. */
int sketch_make(struct sketcher *s, struct arena *a, const struct message *m, struct sketch *out, struct span *text_out);

/* 0 to 1: how likely it is that both come from one template, by all signs and their kinds; symmetric. */
double sketch_alike(const struct sketch *a, const struct sketch *b);
enum { SKETCH_ALIKE_PERCENT = 60 }; /* from here on "the same"; chosen in bench/campaigns */

#endif
