#include "engine/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

static bool is_trace(enum field_id id)
{
    switch (id) {
    case FIELD_RECEIVED: case FIELD_RETURN_PATH: case FIELD_DELIVERED_TO: case FIELD_RECEIVED_SPF:
    case FIELD_AUTHENTICATION_RESULTS: case FIELD_ARC: case FIELD_X_SPAM:
        return true;
    default:
        return false;
    }
}

/* Bytes with CRLF and CR made LF. */
static void update_lines(EVP_MD_CTX *md, struct span s)
{
    while (s.n) {
        ptrdiff_t cr = span_chr(s, '\r');
        if (cr < 0) {
            EVP_DigestUpdate(md, s.p, s.n);
            return;
        }
        EVP_DigestUpdate(md, s.p, (size_t)cr);
        EVP_DigestUpdate(md, "\n", 1);
        size_t skip = (size_t)cr + 1;
        if (skip < s.n && s.p[skip] == '\n')
            skip++;
        s = span_sub(s, skip, s.n);
    }
}

void digest_message(const struct message *m, uint8_t out[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
        abort(); /* SHA-256 is always there; without memory for 100 bytes nothing can be kept honest */
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        if (f->part != 0 || is_trace(f->id))
            continue;
        update_lines(md, f->name);
        EVP_DigestUpdate(md, ":", 1);
        update_lines(md, f->raw);
        EVP_DigestUpdate(md, "\n", 1);
    }
    EVP_DigestUpdate(md, "\n", 1);
    if (m->n_parts)
        update_lines(md, m->part[0].body);
    EVP_DigestFinal_ex(md, out, NULL);
    EVP_MD_CTX_free(md);
}
