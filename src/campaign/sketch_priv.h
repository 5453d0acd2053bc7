/* What the files of sketch share: a thread's scratch, and the words of a message. */
#ifndef POSSE_CAMPAIGN_SKETCH_PRIV_H
#define POSSE_CAMPAIGN_SKETCH_PRIV_H

#include "campaign/sketch.h"

enum { LEAVE_PHRASES = 32, WORDS_MAX = 1200, SEEN_SLOTS = 4096 /* more than twice the shingles of WORDS_MAX */ };

struct sketcher {
    uint64_t leaves_first[4];       /* a bit for each byte that a first word of `leave` may begin with: most words need no closer look */
    uint64_t leave[LEAVE_PHRASES][2]; size_t n_leave; /* words by which a message says how to get no more of it; 0: one is enough */
    uint64_t word[WORDS_MAX];       /* hashes, in reading order; the lowest bit: long enough to count by itself */
    size_t n;
    uint8_t *out;                   /* the words themselves; NULL: nobody wants them */
    size_t out_n, out_cap;
    uint32_t seen[SEEN_SLOTS];      /* shingles of this message, by open addressing */
    uint32_t epoch[SEEN_SLOTS];     /* which message each entry is of, so that nothing need be cleared */
    uint32_t now;
};

/* Appends the words of a run of text. */
void words_of(struct sketcher *s, struct span text);
/* Appends the words of all that a reader sees of the message's texts. */
void words_of_message(struct sketcher *s, const struct message *m);
/* Learns what footers are known by. */
void footers_learn(struct sketcher *s);
/* How many of the words stand above the footer that tells how to get no more of it. */
size_t words_above_footer(const struct sketcher *s);
/* The subject without reply prefixes. */
struct span subject_of(const struct message *m);

#endif
