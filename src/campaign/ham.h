/* ham: what is known of wanted mail, so that no signature is ever made of it.
 *
 * Always: a sketch of shingles (a counting Bloom filter of word 5-grams of ham, from which no text can be read, yet it answers
 * guesses: personal data). Only where the operator asked for it: a bounded sample of normalised ham texts, encrypted at rest
 * (AES-256-GCM, key in the home's keys/), replaced by reservoir sampling.
 * Ownership: opaque.  Limits: options.  Errors: as their codes; a wrong key is POSSE_ECORRUPT.  Threads: one writer. */
#ifndef POSSE_CAMPAIGN_HAM_H
#define POSSE_CAMPAIGN_HAM_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/span.h"

struct ham;
struct ham_options { size_t sketch_bytes; /* 0: 16 MB */ size_t sample; /* texts kept; 0: none */ const uint8_t *key; /* 32 bytes */ };
int ham_new(const struct ham_options *o, struct ham **out, struct report *why);
void ham_free(struct ham **h);
int ham_add(struct ham *h, struct span text, uint64_t random);
/* How many of the text's shingles ham has: 0 to 1. */
double ham_share(const struct ham *h, struct span text);
size_t ham_texts(const struct ham *h);   /* in the sample */
int ham_each(const struct ham *h, int (*fn)(void *ctx, struct span text), void *ctx);
int ham_save(const struct ham *h, struct buf *out);
int ham_load(struct reader *r, const struct ham_options *o, struct ham **out, struct report *why);

#endif
