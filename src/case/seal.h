/* seal: a signed head says: so many lines, this root, then. Who holds a head elsewhere can prove that the case was not rolled back.
 *
 * A head is a line of heads.jsonl: {"n":N,"root":"HEX","time":"...","key":"HEX","signature":"BASE64"}; the signature (Ed25519, RFC 8032) is
 * over the bytes of that line up to and without `,"signature"`, closed with `}`. `key` is the SHA-256 of the public key (DER
 * SubjectPublicKeyInfo), which stands in the case as keys/FINGERPRINT.pem.
 * The secret key is HOME/keys/case.key (PEM, mode 0600), made on first use. Timestamps: RFC 3161 over the head's line; a request
 * is written, a token is read and checked; talking to an authority is the caller's (cli).
 * Errors: POSSE_ENOENT no key, ECORRUPT.  Threads: reentrant.  Ownership: opaque key; free it. */
#ifndef POSSE_CASE_SEAL_H
#define POSSE_CASE_SEAL_H

#include "case/casefile.h"

enum { SEAL_LINE_MAX = 1024, SEAL_PRINT = 65 /* hex digits of a fingerprint and NUL */ };
struct seal_key;
int seal_key_open(const char *path, bool make, struct seal_key **out, struct report *why);
void seal_key_free(struct seal_key **k);
void seal_key_print(const struct seal_key *k, char out[SEAL_PRINT]);

struct head { uint64_t n; uint8_t root[MERKLE_HASH]; struct case_time time; char key[SEAL_PRINT]; char line[SEAL_LINE_MAX]; };
/* Signs what stands now and appends the head; the same n again is the same head again (nothing is added). */
int seal_case(struct casefile *c, const struct seal_key *k, const struct case_time *now, struct head *out, struct report *why);
int seal_heads(struct casefile *c, int (*fn)(void *ctx, const struct head *), void *ctx, struct report *why);
/* One line as it stands in heads.jsonl; POSSE_ESYNTAX. Says nothing of the signature. */
int head_read(struct span line, struct head *out, struct report *why);
/* Is it signed by this public key (PEM)? */
bool head_is_signed(struct span line, struct span public_pem, char print_out[SEAL_PRINT]);

/* RFC 3161: a request for a head's line (DER), and what a token says of one. */
int stamp_request(const struct head *h, struct buf *out, struct report *why);
struct stamp { struct case_time time; char authority[256]; };
/* ca_pem: whom to trust; NULL: the token's content and message digest are checked, its signer is not. */
int stamp_check(struct span token, const struct head *h, const char *ca_pem, struct stamp *out, struct report *why);

#endif
