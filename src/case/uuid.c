#include "case/uuid.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

/* Version 5 of "posse" in the namespace of DNS names. */
const uint8_t uuid_of_posse[16] = {0x2f, 0xef, 0x02, 0x4e, 0x06, 0x11, 0x5a, 0x20, 0x91, 0x4c, 0x6f, 0x50, 0xe2, 0x5b, 0x2a, 0xb7};
const uint8_t uuid_of_stix[16] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};

static void text_of(uint8_t b[16], unsigned version, char out[UUID_TEXT])
{
    char hex[33];
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(span_of(b, 16), hex);
    snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void uuid5(const uint8_t space[16], struct span name, char out[UUID_TEXT])
{
    uint8_t d[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c || !EVP_DigestInit_ex(c, EVP_sha1(), NULL) || !EVP_DigestUpdate(c, space, 16) || !EVP_DigestUpdate(c, name.p, name.n) ||
        !EVP_DigestFinal_ex(c, d, NULL))
        abort(); /* as base/hash: without memory for a digest nothing goes on */
    EVP_MD_CTX_free(c);
    text_of(d, 5, out);
}

void uuid4_like(struct span name, char out[UUID_TEXT])
{
    uint8_t d[32];
    sha256(name, d);
    text_of(d, 4, out);
}
