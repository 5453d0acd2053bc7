/* hash: the three hashes of the house, each for its own use.
 *   hash64   fast, unkeyed, stable across machines: features, sketches.
 *   siphash  keyed: tables whose keys an attacker picks (SipHash-2-4, Aumasson & Bernstein 2012).
 *   sha256   digests that people compare (OpenSSL).
 * Threads: reentrant. */
#ifndef POSSE_BASE_HASH_H
#define POSSE_BASE_HASH_H

#include "base/span.h"

uint64_t hash64(struct span s, uint64_t seed);
uint64_t siphash(struct span s, const uint8_t key[16]);
void sha256(struct span s, uint8_t out[32]);
/* 2n lower-case hex digits and a NUL into out. */
void hex_encode(struct span s, char *out);
/* Returns false when hex is not exactly 2n hex digits. */
bool hex_decode(struct span hex, uint8_t *out, size_t n);

/* A 64-bit mixer (the finaliser of MurmurHash3, as in splitmix64). */
static inline uint64_t mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

#endif
