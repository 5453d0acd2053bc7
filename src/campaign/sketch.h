/* sketch: what a message repeats: 320 bytes by which messages made from one template know each other.
 *
 * Made of the normalised visible text, the subject, the hosts and the shape of the paths of links, the digests of attachments, the layout
 * of HTML and the tree of parts. Text goes in as shingles of SKETCH_WORDS words; words with digits are all alike in them, and so are
 * addresses and URLs. MinHash by one permutation (Li, Owen & Zhang, NIPS 2012) with optimal densification (Shrivastava, ICML 2017), of
 * which 13 bits a slot are kept (Li & Koenig, WWW 2010): the share of equal slots estimates the Jaccard index with a standard error of
 * at most 1/16. The other three bits say in which eighth of the text the slot's shingle stood: what two messages of a template have
 * in common is spread over both, a footer that two messages have in common is not.
 * The words themselves, without order, are sketched in the same way (8 bits a slot, words of SKETCH_WORD_LETTERS and more without digits):
 * what is worded anew from sentence to sentence has few shingles in common with what it was, and half of its words.
 * What a reader sees counts: hidden text does not, nor plain text that has an HTML alternative, nor lines that are quoted, nor what
 * stands below a signature's or a mailing list's rule, unless nothing else is there.
 * Where a message has little text, text says nothing ("see attached", a single link, a picture): `kind` says what the other signs
 * must then carry, and how little is little is decided here, for all.
 * Ownership: a plain value without padding: equal sketches are equal bytes.  Limits: see the enum; of a long text the head and the tail
 * are read; more links or attachments than fit are sampled by least hash; of an attachment its first 16 KB.
 * Small pictures beside others are icons of a signature: no sign.
 * Threads: reentrant; a sketcher is one thread's scratch.  Errors: ENOMEM, ELIMIT, both only for the arena.  Cost: bench/campaigns.
 * Version: sketches of different SKETCH_VERSION never meet. */
#ifndef POSSE_CAMPAIGN_SKETCH_H
#define POSSE_CAMPAIGN_SKETCH_H

#include "mail/message.h"

enum { SKETCH_VERSION = 2, SKETCH_SLOTS = 64, SKETCH_LINKS = 4, SKETCH_FILES = 4, SKETCH_WORDS = 3,
       SKETCH_WORD_LETTERS = 4 };

enum sketch_kind {
    SKETCH_TEXT,   /* enough shingles: text carries */
    SKETCH_SHORT,  /* too little text to be sure of: subject and the rest must agree too */
    SKETCH_LINKS_ONLY,
    SKETCH_FILES_ONLY, /* pictures or attachments, no text to speak of */
    SKETCH_EMPTY,  /* nothing at all: belongs to no campaign */
    SKETCH_KIND_N
};

struct sketch {
    uint8_t kind;                  /* enum sketch_kind */
    uint8_t n_links, n_shapes, n_files;
    uint16_t n_shingles;           /* distinct, capped at UINT16_MAX */
    uint8_t flags;                 /* 0; where a campaign remembers it: which of its parts (0 to 7) it is of */
    uint8_t n_words;               /* slots of `word` that a word fell into: up to 20, nearly how many there are; 0: none */
    uint16_t slot[SKETCH_SLOTS];   /* of the text, value * 8 + eighth; 0 for n_shingles == 0 */
    uint8_t word[SKETCH_SLOTS];    /* of the text; 0 for n_words == 0 */
    uint64_t subject;              /* of its words, without those that have digits; 0: none */
    uint64_t layout;               /* of HTML block tags; 0: no HTML */
    uint64_t structure;            /* of the part tree: types, encodings, order */
    uint64_t link_host[SKETCH_LINKS]; /* registered domains, ascending; of shorteners and free hosts with the path's first step */
    uint64_t link_shape[SKETCH_LINKS]; /* kinds of the path's steps, its ending, names in the query; ascending; "/" has none */
    uint64_t file[SKETCH_FILES];   /* of decoded attachment bytes, ascending */
};

struct sketcher; /* a thread's scratch */
struct sketcher *sketcher_new(void); /* NULL: out of memory */
void sketcher_free(struct sketcher **s);
/* text_out, when not NULL: the words that the shingles were made of, separated by single blanks, in the arena: what templates are
 * inferred from. Case and punctuation are folded away, digits are as written; URLs and mail addresses are the words "URL" and "ADDRESS",
 * which no other word is, since those have no capitals. subject_out likewise, of the subject. */
int sketch_make(struct sketcher *s, struct arena *a, const struct message *m, struct sketch *out, struct span *text_out,
                struct span *subject_out);

/* 0 to 1: how likely it is that both come from one template, by all signs and their kinds; symmetric. */
double sketch_alike(const struct sketch *a, const struct sketch *b);
enum { SKETCH_FRAME_PERCENT = 40 }; /* words that two texts of one frame have in common, and less than two of one template have */
enum { SKETCH_ALIKE_PERCENT = 60 }; /* from here on "the same"; chosen in bench/campaigns */

enum { SKETCH_EIGHTHS = 8 };
static inline bool slot_same(uint16_t a, uint16_t b) { return (a ^ b) < SKETCH_EIGHTHS; }
/* The share of words that both texts have; 0 where one has none. */
double sketch_words(const struct sketch *a, const struct sketch *b);
/* The share of equal slots; 0 where one has no text. */
double sketch_jaccard(const struct sketch *a, const struct sketch *b);
double sketch_spread(const uint16_t a[SKETCH_SLOTS], const uint16_t b[SKETCH_SLOTS]);
/* The same question where the share of text in common is known better (from all that a campaign has seen), and which signs count. */
struct sketch_signs {
    double text, spread; /* the share of text in common, and of the eighths (of the message with fewer) in which some of it stands */
    double words;  /* the share of words in common; below 0: it must not count */
    double sender; /* what is known beside the sketches of who sent both, from 0 on (campaigns_sender.c) */
    bool subject, host, shape, file, layout, structure;
};
void sketch_signs(const struct sketch *a, const struct sketch *b, struct sketch_signs *out);
double sketch_judge(const struct sketch *a, const struct sketch *b, const struct sketch_signs *signs);

/* What a stored sketch must keep to; *why says what is wrong. */
bool sketch_validate(const struct sketch *s, const char **why);

#endif
