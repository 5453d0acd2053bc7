/* ham: what is known of wanted mail, so that no signature is ever made of it.
 *
 * Always: a sketch of shingles: a Bloom filter (Bloom 1970, in blocks of a cache line: Putze, Sanders & Singler 2007) of every three words
 * in a row of ham. No text can be read from it, yet it answers guesses: personal data. It has two halves: when the younger is half full the
 * older is forgotten, so that it never comes to say "ham" of everything. What it says is absent was in no ham of its halves, for sure.
 * Only where the operator asked for it: a bounded sample of normalised ham texts (reservoir sampling: Vitter 1985).
 * At rest: with a key all of it is encrypted (AES-256-GCM); the sample is kept with a key or not at all.
 * What to add: mail that a person called ham, or that the engine is very sure of: whoever gets spam in here protects it from signatures.
 * Ownership: opaque; the key is copied, and wiped when freed.  Limits: options; of a text the first HAM_TEXT_MAX bytes.
 * Errors: POSSE_ENOMEM; POSSE_EINVAL: a sample without a key; POSSE_ECORRUPT: damaged, or the wrong key; POSSE_EVERSION.
 * Threads: one writer, or many readers.  Cost: bench/templates. */
#ifndef POSSE_CAMPAIGN_HAM_H
#define POSSE_CAMPAIGN_HAM_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/span.h"

enum { HAM_SHINGLE = 3, HAM_TEXT_MAX = 16 << 10, HAM_SAMPLE_MAX = 1 << 16, HAM_LEAST = 1000 /* fewer texts prove nothing */ };

struct ham;
struct ham_options {
    size_t sketch_bytes;         /* 0: 16 MB; rounded down to a power of two */
    size_t sample;               /* texts kept; 0: none */
    const uint8_t *key;          /* 32 bytes; NULL: none */
};
int ham_new(const struct ham_options *o, struct ham **out, struct report *why);
void ham_free(struct ham **h);
/* text: normalised, as the sketcher gives it; random: any number that cannot be guessed, for the sample. */
int ham_add(struct ham *h, struct span text, uint64_t random);
uint64_t ham_seen(const struct ham *h);  /* texts ever added */
/* Is this one shingle, three words parted by single blanks, in ham? A false yes is rare, a false no never happens. */
bool ham_has(const struct ham *h, struct span shingle);
/* How many of the text's shingles ham has: 0 to 1; 0 for a text without any. */
double ham_share(const struct ham *h, struct span text);
size_t ham_texts(const struct ham *h);   /* in the sample */
/* fn: 0 goes on, anything else is returned. */
int ham_each(const struct ham *h, int (*fn)(void *ctx, struct span text), void *ctx);
int ham_save(const struct ham *h, struct buf *out);
/* The size of the sketch is the saved one's; texts past o->sample are left out. */
int ham_load(struct reader *r, const struct ham_options *o, struct ham **out, struct report *why);

#endif
