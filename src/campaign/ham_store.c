/* ham_store: ham at rest.
 *
 * "PHAM", version, 1 if encrypted, then: a nonce of 12 bytes and a tag of 16 (AES-256-GCM, the six bytes before as further data), or 32
 * bytes of SHA-256; the number of bytes (64 bits), and those: half_bytes, seen (varints), both halves, the number of texts, the texts. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/ham_priv.h"

enum { VERSION = 1, HEAD = 6, NONCE = 12, TAG = 16 };
static const uint8_t magic[4] = {'P', 'H', 'A', 'M'};

static size_t count_bits(const uint8_t *p, size_t n)
{
    size_t bits = 0;
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t x;
        memcpy(&x, p + i, sizeof x);
        bits += (size_t)__builtin_popcountll(x);
    }
    return bits;
}

/* In place. False: OpenSSL would not, or, when opening, key, nonce, tag and bytes do not belong together. */
static bool crypt_gcm(bool seal, const uint8_t *key, const uint8_t *nonce, const uint8_t *head, uint8_t *tag, uint8_t *p, size_t n)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t rest[16];
    int len = 0;
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
              EVP_CipherUpdate(c, NULL, &len, head, HEAD) == 1;
    for (size_t i = 0, k; ok && i < n; i += k) {
        k = n - i < 1 << 30 ? n - i : 1 << 30;
        ok = EVP_CipherUpdate(c, p + i, &len, p + i, (int)k) == 1;
    }
    if (ok && !seal)
        ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
    ok = ok && EVP_CipherFinal_ex(c, rest, &len) == 1;
    if (ok && seal)
        ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static void put_payload(const struct ham *h, struct buf *out)
{
    buf_add_varint(out, h->half_bytes);
    buf_add_varint(out, h->seen);
    buf_add(out, h->half[0], h->half_bytes);
    buf_add(out, h->half[1], h->half_bytes);
    buf_add_varint(out, h->has_key ? h->n_text : 0);
    for (size_t i = 0; h->has_key && i < h->n_text; i++) {
        buf_add_varint(out, h->text[i].n);
        buf_add_span(out, h->text[i]);
    }
}

int ham_save(const struct ham *h, struct buf *out)
{
    uint8_t head[HEAD] = {magic[0], magic[1], magic[2], magic[3], VERSION, h->has_key}, seal[NONCE + TAG], digest[32];
    static const uint8_t room[sizeof digest + 8];
    size_t start = out->n, seal_bytes = h->has_key ? sizeof seal : sizeof digest;
    buf_add(out, head, HEAD);
    buf_add(out, room, seal_bytes + 8);
    size_t from = out->n;
    put_payload(h, out);
    if (buf_error(out))
        return buf_error(out);
    uint8_t *p = out->p + from;
    size_t n = out->n - from;
    if (h->has_key) {
        if (RAND_bytes(seal, NONCE) != 1 || !crypt_gcm(true, h->key, seal, head, seal + NONCE, p, n)) {
            explicit_bzero(p, n);
            out->n = start;
            return POSSE_ENOMEM; /* the only way in which AES and the system's random numbers fail */
        }
        memcpy(out->p + start + HEAD, seal, sizeof seal);
    } else {
        sha256(span_of(p, n), digest);
        memcpy(out->p + start + HEAD, digest, sizeof digest);
    }
    for (int i = 0; i < 8; i++)
        out->p[from - 8 + (size_t)i] = (uint8_t)((uint64_t)n >> 8 * i);
    return POSSE_OK;
}

/* ---- back ---- */

static int get_payload(struct span in, const struct ham_options *o, struct ham **out, struct report *why)
{
    struct reader r = reader_of(in);
    uint64_t half = reader_varint(&r), seen = reader_varint(&r);
    if (reader_error(&r) || half < HAM_BYTES_LEAST || half > HAM_BYTES_MAX || half & (half - 1) || reader_left(&r) / 2 < half)
        return report_set(why, POSSE_ECORRUPT, "ham: the sketch is not of a size that it can have");
    struct ham_options own = *o;
    own.sketch_bytes = half * 2;
    int rc = ham_new(&own, out, why);
    if (rc)
        return rc;
    struct ham *h = *out;
    memcpy(h->half[0], reader_bytes(&r, half).p, half);
    memcpy(h->half[1], reader_bytes(&r, half).p, half);
    h->bits_set = count_bits(h->half[0], half);
    h->seen = seen;
    uint64_t n = reader_varint(&r);
    for (uint64_t i = 0; i < n && !reader_error(&r) && !rc; i++) {
        struct span t = reader_bytes(&r, reader_varint(&r));
        if (reader_error(&r) || !t.n || t.n > HAM_TEXT_MAX)
            reader_fail(&r, POSSE_ECORRUPT);
        else if (h->n_text < h->sample) {
            uint8_t *copy = malloc(t.n);
            rc = copy ? POSSE_OK : report_set(why, POSSE_ENOMEM, "ham: out of memory");
            if (copy)
                h->text[h->n_text++] = span_of(memcpy(copy, t.p, t.n), t.n);
        }
    }
    if (!rc && (reader_error(&r) || reader_left(&r) || (n && seen < n)))
        rc = report_set(why, POSSE_ECORRUPT, "ham: byte %zu: cut short or damaged", reader_pos(&r));
    if (rc)
        ham_free(out);
    return rc;
}

static int open_payload(struct span head, struct span seal, struct span in, const struct ham_options *o, struct ham **out,
                        struct report *why)
{
    uint8_t digest[32], tag[TAG];
    if (!head.p[5]) {
        sha256(in, digest);
        if (memcmp(digest, seal.p, sizeof digest) != 0)
            return report_set(why, POSSE_ECORRUPT, "ham: the checksum does not fit: damaged");
        return get_payload(in, o, out, why);
    }
    uint8_t *p = malloc(in.n ? in.n : 1);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "ham: out of memory");
    if (in.n)
        memcpy(p, in.p, in.n);
    memcpy(tag, seal.p + NONCE, TAG);
    int rc;
    if (crypt_gcm(false, o->key, seal.p, head.p, tag, p, in.n))
        rc = get_payload(span_of(p, in.n), o, out, why);
    else
        rc = report_set(why, POSSE_ECORRUPT, "ham: damaged, or the key is not the one that it was kept with");
    explicit_bzero(p, in.n);
    free(p);
    return rc;
}

int ham_load(struct reader *r, const struct ham_options *o, struct ham **out, struct report *why)
{
    *out = NULL;
    struct span head = reader_bytes(r, HEAD);
    if (reader_error(r) || memcmp(head.p, magic, sizeof magic) != 0 || head.p[5] > 1)
        return report_set(why, POSSE_ECORRUPT, "ham: this is no file of ham");
    if (head.p[4] != VERSION)
        return report_set(why, POSSE_EVERSION, "ham: format %u, and this program reads %d", head.p[4], VERSION);
    if (head.p[5] && !o->key)
        return report_set(why, POSSE_EINVAL, "ham: it is encrypted, and no key was given");
    struct span seal = reader_bytes(r, head.p[5] ? NONCE + TAG : 32);
    struct span in = reader_bytes(r, reader_u64(r));
    if (reader_error(r))
        return report_set(why, POSSE_ECORRUPT, "ham: byte %zu: cut short", reader_pos(r));
    return open_payload(head, seal, in, o, out, why);
}
