/* merkle: a tree of hashes over a list that only grows: who knows its root can be shown that nothing in it was changed, taken out, put in
 * or moved, and that a later root continues an earlier one.
 * Follows RFC 6962 2.1: leaf hash SHA-256(0 || entry), node hash SHA-256(1 || left || right), the left subtree the largest power of two.
 * Ownership: struct merkle is a plain value of 2 KB that knows the right edge only: roots of a growing list. Proofs need all leaf hashes,
 * which the caller keeps.  Threads: reentrant.  Errors: none.  Cost: one hash an entry and, amortised, one a node. */
#ifndef POSSE_CASE_MERKLE_H
#define POSSE_CASE_MERKLE_H

#include "base/span.h"

enum { MERKLE_HASH = 32, MERKLE_PROOF_MAX = 64 };
struct merkle { uint64_t n; uint8_t edge[64][MERKLE_HASH]; }; /* edge[k]: root of the full subtree of 2^k that bit k of n stands for */

void merkle_leaf(struct span entry, uint8_t out[MERKLE_HASH]);
void merkle_init(struct merkle *m);
void merkle_add(struct merkle *m, const uint8_t leaf[MERKLE_HASH]);
void merkle_root(const struct merkle *m, uint8_t out[MERKLE_HASH]); /* of nothing: SHA-256 of nothing */

/* leaf: n hashes of 32 bytes one after the other. Proof that entry `i` is in the tree; how many hashes. */
size_t merkle_inclusion(const uint8_t *leaf, uint64_t n, uint64_t i, uint8_t out[MERKLE_PROOF_MAX][MERKLE_HASH]);
bool merkle_check_inclusion(const uint8_t hash[MERKLE_HASH], uint64_t i, uint64_t n, const uint8_t (*proof)[MERKLE_HASH], size_t n_proof,
                            const uint8_t root[MERKLE_HASH]);
/* Proof that the tree of n continues that of its first `old` (0 < old <= n). */
size_t merkle_consistency(const uint8_t *leaf, uint64_t old, uint64_t n, uint8_t out[MERKLE_PROOF_MAX][MERKLE_HASH]);
bool merkle_check_consistency(uint64_t old, uint64_t n, const uint8_t old_root[MERKLE_HASH], const uint8_t root[MERKLE_HASH],
                              const uint8_t (*proof)[MERKLE_HASH], size_t n_proof);

#endif
