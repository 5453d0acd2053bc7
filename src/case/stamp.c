/* RFC 3161 by OpenSSL's TS_ functions: what was stamped is the SHA-256 of a head's line, as it stands in heads.jsonl without its end, so
 * that `openssl ts -verify -data LINE -in TOKEN -CAfile CA` says the same. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/seal.h"

int stamp_request(const struct head *h, struct buf *out, struct report *why)
{
    uint8_t digest[32], *der = NULL;
    TS_REQ *q = TS_REQ_new();
    TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
    X509_ALGOR *a = X509_ALGOR_new();
    sha256(span_str(h->line), digest);
    bool ok = q && m && a && X509_ALGOR_set0(a, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 && TS_MSG_IMPRINT_set_algo(m, a) == 1 &&
              TS_MSG_IMPRINT_set_msg(m, digest, sizeof digest) == 1 && TS_REQ_set_version(q, 1) == 1 && TS_REQ_set_msg_imprint(q, m) == 1 &&
              TS_REQ_set_cert_req(q, 1) == 1;
    int n = ok ? i2d_TS_REQ(q, &der) : 0;
    if (n > 0)
        buf_add(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_ALGOR_free(a);
    TS_MSG_IMPRINT_free(m);
    TS_REQ_free(q);
    return n > 0 && !buf_error(out) ? POSSE_OK : report_set(why, POSSE_ENOMEM, "a request for a timestamp cannot be made");
}

static void read_info(TS_TST_INFO *info, struct stamp *out)
{
    struct tm tm;
    GENERAL_NAME *tsa = TS_TST_INFO_get_tsa(info);
    if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) == 1)
        out->time = (struct case_time){.unix_ms = (int64_t)timegm(&tm) * 1000};
    if (tsa && tsa->type == GEN_DIRNAME)
        X509_NAME_oneline(tsa->d.directoryName, out->authority, sizeof out->authority);
}

/* A whole response, or the token alone. */
static PKCS7 *token_of(struct span der)
{
    const uint8_t *p = der.p;
    TS_RESP *r = d2i_TS_RESP(NULL, &p, (long)der.n);
    PKCS7 *t = r && TS_RESP_get_token(r) ? PKCS7_dup(TS_RESP_get_token(r)) : NULL;
    TS_RESP_free(r);
    p = der.p;
    return t ? t : d2i_PKCS7(NULL, &p, (long)der.n);
}

int stamp_check(struct span der, const struct head *h, const char *ca_pem, struct stamp *out, struct report *why)
{
    *out = (struct stamp){0};
    if (der.n > 1 << 20)
        return report_set(why, POSSE_ETOOBIG, "a timestamp of over 1 MB is none");
    uint8_t *digest = OPENSSL_malloc(32);
    PKCS7 *t = token_of(der);
    TS_TST_INFO *info = t && PKCS7_type_is_signed(t) ? PKCS7_to_TS_TST_INFO(t) : NULL;
    TS_VERIFY_CTX *v = TS_VERIFY_CTX_new();
    X509_STORE *store = ca_pem ? X509_STORE_new() : NULL;
    int err = POSSE_OK;
    if (!info)
        err = report_set(why, POSSE_ESYNTAX, "this is no RFC 3161 timestamp");
    else if (!digest || !v || (ca_pem && !store))
        err = report_set(why, POSSE_ENOMEM, "out of memory");
    else if (ca_pem && X509_STORE_load_file(store, ca_pem) != 1)
        err = report_set(why, POSSE_ENOENT, "%s: holds no certificates", ca_pem);
    if (!err) {
        sha256(span_str(h->line), digest);
        TS_VERIFY_CTX_set_flags(v, TS_VFY_VERSION | TS_VFY_IMPRINT | (ca_pem ? TS_VFY_SIGNATURE : 0));
        TS_VERIFY_CTX_set_imprint(v, digest, 32);
        digest = NULL; /* v's now, as the store is */
        if (store)
            TS_VERIFY_CTX_set_store(v, store);
        store = NULL;
        read_info(info, out);
        if (TS_RESP_verify_token(v, t) != 1)
            err = report_set(why, POSSE_ECORRUPT, "this timestamp is not of that head%s", ca_pem ? ", or not signed by whom you trust" : "");
    }
    ERR_clear_error();
    OPENSSL_free(digest);
    X509_STORE_free(store);
    TS_VERIFY_CTX_free(v);
    TS_TST_INFO_free(info);
    PKCS7_free(t);
    return err;
}
