/* The root of n entries is that of the full subtrees which n's binary digits stand for, joined from the right; adding an entry is
 * carrying in a binary counter. Proofs are the recursive definitions of RFC 6962 2.1.1 and 2.1.2; checking them is RFC 9162 2.1.3.2 and
 * 2.1.4.2, which needs no tree. */
#include "case/merkle.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include "base/hash.h"

void merkle_leaf(struct span entry, uint8_t out[MERKLE_HASH])
{
    static const uint8_t zero = 0;
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, &zero, 1);
    if (entry.n)
        SHA256_Update(&c, entry.p, entry.n);
    SHA256_Final(out, &c);
}

static void join(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t both[1 + 2 * MERKLE_HASH] = {1};
    memcpy(both + 1, left, MERKLE_HASH);
    memcpy(both + 1 + MERKLE_HASH, right, MERKLE_HASH);
    sha256(span_of(both, sizeof both), out); /* OpenSSL's own function of one call looks its algorithm up each time */
}

void merkle_init(struct merkle *m) { m->n = 0; }

void merkle_add(struct merkle *m, const uint8_t leaf[MERKLE_HASH])
{
    uint8_t h[MERKLE_HASH];
    unsigned k = 0;
    memcpy(h, leaf, sizeof h);
    for (; m->n >> k & 1; k++)
        join(m->edge[k], h, h);
    memcpy(m->edge[k], h, sizeof h);
    m->n++;
}

void merkle_root(const struct merkle *m, uint8_t out[MERKLE_HASH])
{
    bool is_first = true;
    sha256(SPAN_NONE, out);
    for (unsigned k = 0; k < 64; k++) {
        if (!(m->n >> k & 1))
            continue;
        if (is_first)
            memcpy(out, m->edge[k], MERKLE_HASH);
        else
            join(m->edge[k], out, out);
        is_first = false;
    }
}

static void root_of(const uint8_t *leaf, uint64_t from, uint64_t to, uint8_t *out)
{
    struct merkle m;
    merkle_init(&m);
    for (uint64_t i = from; i < to; i++)
        merkle_add(&m, leaf + i * MERKLE_HASH);
    merkle_root(&m, out);
}

/* The largest power of two below n (n > 1). */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k << 1 < n)
        k <<= 1;
    return k;
}

size_t merkle_inclusion(const uint8_t *leaf, uint64_t n, uint64_t i, uint8_t out[MERKLE_PROOF_MAX][MERKLE_HASH])
{
    uint64_t from = 0, to = n;
    size_t depth = 0;
    uint64_t other[MERKLE_PROOF_MAX][2]; /* from the root down; the proof goes up */
    while (to - from > 1) {
        uint64_t k = from + split(to - from);
        bool is_left = i < k;
        other[depth][0] = is_left ? k : from;
        other[depth++][1] = is_left ? to : k;
        if (is_left)
            to = k;
        else
            from = k;
    }
    for (size_t d = 0; d < depth; d++)
        root_of(leaf, other[depth - 1 - d][0], other[depth - 1 - d][1], out[d]);
    return depth;
}

bool merkle_check_inclusion(const uint8_t hash[MERKLE_HASH], uint64_t i, uint64_t n, const uint8_t (*proof)[MERKLE_HASH], size_t n_proof,
                            const uint8_t root[MERKLE_HASH])
{
    uint8_t h[MERKLE_HASH];
    if (i >= n)
        return false;
    uint64_t at = i, last = n - 1;
    memcpy(h, hash, sizeof h);
    for (size_t d = 0; d < n_proof; d++) {
        if (last == 0)
            return false;
        if (at & 1 || at == last) {
            join(proof[d], h, h);
            while (!(at & 1) && at) { /* no sibling on the right at these levels */
                at >>= 1;
                last >>= 1;
            }
        } else {
            join(h, proof[d], h);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(h, root, MERKLE_HASH) == 0;
}

size_t merkle_consistency(const uint8_t *leaf, uint64_t old, uint64_t n, uint8_t out[MERKLE_PROOF_MAX][MERKLE_HASH])
{
    uint64_t from = 0, to = n, m = old;
    uint64_t other[MERKLE_PROOF_MAX][2];
    size_t depth = 0;
    bool is_whole = true; /* the old tree is a subtree of the new one so far */
    while (m < to - from) {
        uint64_t k = split(to - from);
        if (m <= k) {
            other[depth][0] = from + k;
            other[depth++][1] = to;
            to = from + k;
        } else {
            other[depth][0] = from;
            other[depth++][1] = from + k;
            from += k;
            m -= k;
            is_whole = false;
        }
    }
    size_t n_out = 0;
    if (!is_whole)
        root_of(leaf, from, to, out[n_out++]);
    for (size_t d = depth; d-- > 0;)
        root_of(leaf, other[d][0], other[d][1], out[n_out++]);
    return n_out;
}

bool merkle_check_consistency(uint64_t old, uint64_t n, const uint8_t old_root[MERKLE_HASH], const uint8_t root[MERKLE_HASH],
                              const uint8_t (*proof)[MERKLE_HASH], size_t n_proof)
{
    uint8_t a[MERKLE_HASH], b[MERKLE_HASH];
    if (old == 0 || old > n)
        return false;
    if (old == n)
        return n_proof == 0 && memcmp(old_root, root, MERKLE_HASH) == 0;
    bool is_power = (old & (old - 1)) == 0;
    size_t d = 0;
    if (!is_power && n_proof == 0)
        return false;
    memcpy(a, is_power ? old_root : proof[d++], sizeof a);
    memcpy(b, a, sizeof b);
    uint64_t at = old - 1, last = n - 1;
    while (at & 1) {
        at >>= 1;
        last >>= 1;
    }
    for (; d < n_proof; d++) {
        if (last == 0)
            return false;
        if (at & 1 || at == last) {
            join(proof[d], a, a);
            join(proof[d], b, b);
            while (!(at & 1) && at) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            join(b, proof[d], b);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(a, old_root, MERKLE_HASH) == 0 && memcmp(b, root, MERKLE_HASH) == 0;
}
