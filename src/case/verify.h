/* verify: is this case what was sealed? From the case folder alone, trusting nothing in it.
 *
 * Reads every line and every exhibit, and names what was changed, removed, added or moved. From the folder alone a log that was rolled
 * back to an older head, or sealed anew under another key, looks sound: only something held elsewhere proves otherwise: the signer's
 * fingerprint, a head, or a timestamp token. What was not given is said to be unproven.
 * Errors: negative only where the folder cannot be read at all; everything else is a finding.  Threads: reentrant.
 * Cost: one pass over all bytes, bound by SHA-256 (bench/case/exhibits.tsv); 170 bytes of memory a line. */
#ifndef POSSE_CASE_VERIFY_H
#define POSSE_CASE_VERIFY_H

#include "case/seal.h"

enum finding_kind {
    FINDING_CHANGED,   /* an exhibit's bytes, or a line */
    FINDING_REMOVED, FINDING_ADDED, FINDING_MOVED,
    FINDING_UNREADABLE,
    FINDING_HEAD,      /* a head that is not signed by its key, or that the log does not continue */
    FINDING_ROLLED_BACK, FINDING_OTHER_KEY, FINDING_STAMP,
    FINDING_KINDS
};
struct finding { enum finding_kind kind; int64_t n; /* the line; -1: none */ char text[300]; };
struct verify_options {
    const char *key;              /* fingerprint that was noted elsewhere; NULL: not given */
    struct span head;             /* a head's line held elsewhere; SPAN_NONE */
    struct span token;            /* a timestamp held elsewhere; SPAN_NONE */
    const char *ca_pem;
    void (*progress)(void *ctx, uint64_t bytes, uint64_t of); void *ctx;
};
struct verified {
    uint64_t lines, exhibits, bytes, heads, stamps;
    uint64_t sealed;              /* lines under the newest good head; those after it are not sealed yet */
    char key[SEAL_PRINT];         /* of the newest good head */
    struct case_time sealed_at;
    bool is_sound;                /* no finding */
    bool proves_key, proves_head, proves_time; /* what was held elsewhere was given, and agrees */
    size_t n_findings;
};
int case_verify(const char *folder, const struct verify_options *o, int (*fn)(void *ctx, const struct finding *), void *ctx,
                struct verified *out, struct report *why);
const char *finding_kind_name(enum finding_kind k);

#endif
