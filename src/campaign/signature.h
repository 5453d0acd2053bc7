/* signature: how a later message of a template is known, fast, and never a wanted one.
 *
 * A template is cut into passages of about PASSAGE_WORDS fixed words, each an expression for Vectorscan over the normalised text; a
 * message matches when it has at least `least` of them. One expression of all anchors would fail for every rare word that the first
 * messages did not show; passages also survive sentences that are reordered or left out (bench/templates: what each choice costs). Where
 * the text by itself is too short the subject must agree too. There is no condition on other header fields: what a mailer writes is the
 * botnet's and not the template's, and the caller knows it beside this.
 * Proof: a passage is used only if no ham that was ever added (campaign/ham.h) can match it: some three words in a row that it asks for
 * are in no ham (PROOF_SKETCH), and, where the operator keeps a sample of ham, no text of it matches (PROOF_SAMPLE). Ham sentences that
 * an adversary puts into every message are dropped so, and the signature is made of the rest, or refused. What nobody ever added to ham
 * cannot be ruled out: a signature is evidence, never a verdict, and mail that is authenticated should not be asked about.
 * Ownership: a set owns all it needs; templates and ham may go once it is built.  Limits: PASSAGES_MAX a signature, SIGNATURES_MAX a set.
 * Errors: POSSE_ENOMEM, POSSE_EINVAL (too many; a processor without SSSE3).
 * Threads: a set is immutable and shared; each thread has its own scratch.  Cost: bench/templates. */
#ifndef POSSE_CAMPAIGN_SIGNATURE_H
#define POSSE_CAMPAIGN_SIGNATURE_H

#include "campaign/ham.h"
#include "campaign/template.h"

enum { PASSAGE_WORDS = 6, PASSAGES_MAX = 12, SIGNATURES_MAX = 1 << 16 };

enum proof { PROOF_NONE, PROOF_SKETCH, PROOF_SAMPLE };

struct signatures; /* a set, compiled together */
struct signature_in { uint64_t campaign; uint32_t version; const struct template *t; };
/* Compiles those that can be proven; refused ones are told to `refused` (may be NULL) with the reason, a static string. A set may be
 * empty. ham NULL: nothing is proven (PROOF_NONE): to follow a campaign's texts with, never to judge by. */
int signatures_build(const struct signature_in *in, size_t n, const struct ham *ham,
                     void (*refused)(void *ctx, size_t i, const char *why), void *ctx, struct signatures **out, struct report *why);
void signatures_free(struct signatures **s);

struct signature {
    uint64_t campaign;
    uint32_t version;
    enum proof proof;
    uint32_t passages, least;    /* how many it has, how many a message must have */
    bool wants_subject;
};
size_t signatures_count(const struct signatures *s);
struct signature signatures_get(const struct signatures *s, size_t i);
/* Its expressions, one a line, the subject's last if it wants one. */
int signatures_text(const struct signatures *s, size_t i, struct buf *out);

struct signature_hit { uint64_t campaign; uint32_t version; enum proof proof; uint32_t passages; };
struct signature_scratch; /* one a thread */
struct signature_scratch *signature_scratch_new(const struct signatures *s);
void signature_scratch_free(struct signature_scratch **s);
/* How many matched, in the order of `in`; the first max of them in out. */
size_t signatures_match(const struct signatures *s, struct signature_scratch *scratch, struct span subject, struct span text,
                        struct signature_hit *out, size_t max);

/* Is it to be dropped? A signature goes when nothing matched for SIGNATURE_QUIET_MS. last_hit_ms: 0: never. Proof ages too: build the set
 * anew when ham has come. */
#define SIGNATURE_QUIET_MS (14LL * 24 * 3600 * 1000)
bool signature_is_old(int64_t made_ms, int64_t last_hit_ms, int64_t now_ms);

#endif
