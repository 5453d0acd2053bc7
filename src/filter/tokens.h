/* tokens: the words of a message as a reader takes them, folded, in reading order.
 *
 * Subject (without reply prefixes and [tags]), then the sender's own lines, then what it quotes; from plain and
 * HTML parts alike, hidden text left out. Addresses and URLs are no words (links have features of their own);
 * footers of mailing lists are left out, since they name the list and not the mail.
 * Long texts are sampled: head, tail and windows between, from each text part, so that no padding can choose
 * what is seen.  Limits: TEXT_TOKENS_MAX tokens, text_budget_bytes of text.
 * Ownership: everything in arena `a` or the message.  Threads: reentrant.  Cost: about 2 ns a byte. */
#ifndef POSSE_FILTER_TOKENS_H
#define POSSE_FILTER_TOKENS_H

#include "mail/message.h"

enum { TEXT_TOKENS_MAX = 1600 };

enum text_zone { ZONE_SUBJECT, ZONE_OWN, ZONE_QUOTED, ZONE_N };

struct token {
    uint32_t off;          /* in text.folded */
    uint16_t len;
    uint8_t zone;          /* enum text_zone */
    bool glued;            /* no space before it: the second of two overlapping ideograph pairs */
    uint32_t part;
    struct span from;      /* the bytes of the message that it was folded from */
};

struct text {
    struct span folded;    /* tokens, one space between two */
    const struct token *tok;
    size_t n;
    size_t zone_start[ZONE_N + 1]; /* tokens of zone z: zone_start[z] .. zone_start[z+1]) */
    bool is_english;       /* language.h */
    size_t n_lookalike;    /* words that mixed scripts to look Latin */
};

int text_fold(struct arena *a, const struct message *m, struct text *out);

#endif
