#include "case/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/casefile_priv.h"

enum { SIGNATURE = 64, BASE64 = 89 /* of a signature, with NUL */, HEADS_MAX = 64 << 20, PEM_MAX = 4096 };
static const char signature_field[] = ",\"signature\":\"";

struct seal_key { EVP_PKEY *pkey; char print[SEAL_PRINT]; };

/* ---- keys ---- */

static bool print_of(EVP_PKEY *k, char out[SEAL_PRINT])
{
    uint8_t *der = NULL, digest[32];
    int n = i2d_PUBKEY(k, &der);
    if (n <= 0)
        return false;
    sha256(span_of(der, (size_t)n), digest);
    hex_encode(span_of(digest, sizeof digest), out);
    OPENSSL_free(der);
    return true;
}

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *k = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    if (c && EVP_PKEY_keygen_init(c) == 1)
        EVP_PKEY_keygen(c, &k);
    EVP_PKEY_CTX_free(c);
    return k;
}

/* A new file only: a key that is there is never written over. */
static int write_key(const char *path, EVP_PKEY *k, struct report *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return report_errno(why, "make the key", path);
    FILE *f = fdopen(fd, "w");
    bool ok = f && PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL) == 1 && fflush(f) == 0 && fsync(fd) == 0;
    int err = ok ? POSSE_OK : report_errno(why, "write the key", path);
    if (f)
        fclose(f);
    else
        close(fd);
    if (err)
        unlink(path);
    return err;
}

static int read_key(const char *path, EVP_PKEY **out, struct report *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return report_errno(why, "read the key", path);
    FILE *f = fdopen(fd, "r");
    int err = POSSE_OK;
    if (fstat(fd, &st) != 0 || !f)
        err = report_errno(why, "read the key", path);
    else if (st.st_mode & 077)
        err = report_set(why, POSSE_EACCES, "%s: others may read this key: chmod 600 it, and think about whether they did", path);
    if (!err) {
        *out = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        if (!*out || EVP_PKEY_id(*out) != EVP_PKEY_ED25519)
            err = report_set(why, POSSE_ECORRUPT, "%s: holds no Ed25519 key in PEM without a pass phrase", path);
    }
    if (f)
        fclose(f);
    else
        close(fd);
    return err;
}

int seal_key_open(const char *path, bool make, struct seal_key **out, struct report *why)
{
    *out = NULL;
    struct seal_key *k = calloc(1, sizeof *k);
    if (!k)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = access(path, F_OK) == 0 || !make ? read_key(path, &k->pkey, why) : POSSE_OK;
    if (!err && !k->pkey) {
        k->pkey = make_key();
        err = k->pkey ? write_key(path, k->pkey, why) : report_set(why, POSSE_ENOMEM, "%s: a key cannot be made", path);
    }
    if (!err && !print_of(k->pkey, k->print))
        err = report_set(why, POSSE_ENOMEM, "out of memory");
    if (err)
        seal_key_free(&k);
    *out = k;
    return err;
}

void seal_key_free(struct seal_key **k)
{
    if (*k)
        EVP_PKEY_free((*k)->pkey);
    free(*k);
    *k = NULL;
}

void seal_key_print(const struct seal_key *k, char out[SEAL_PRINT]) { memcpy(out, k->print, SEAL_PRINT); }

/* ---- heads ---- */

static bool sign(EVP_PKEY *k, struct span s, char out[BASE64])
{
    uint8_t sig[SIGNATURE];
    size_t n = sizeof sig;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 && EVP_DigestSign(c, sig, &n, s.p, s.n) == 1 && n == SIGNATURE;
    EVP_MD_CTX_free(c);
    if (ok)
        EVP_EncodeBlock((uint8_t *)out, sig, SIGNATURE);
    return ok;
}

/* The part that is signed: up to the signature, closed with a brace. */
static bool signed_part(struct span line, char out[SEAL_LINE_MAX], size_t *n_out, struct span *base64_out)
{
    ptrdiff_t at = span_find(line, span_str(signature_field));
    if (at < 0 || line.n >= SEAL_LINE_MAX || line.n < 3)
        return false;
    size_t from = (size_t)at + sizeof signature_field - 1;
    struct span rest = span_sub(line, from, line.n);
    if (rest.n != BASE64 - 1 + 2 || memcmp(rest.p + BASE64 - 1, "\"}", 2) != 0)
        return false;
    *base64_out = span_sub(rest, 0, BASE64 - 1);
    memcpy(out, line.p, (size_t)at);
    out[at] = '}';
    *n_out = (size_t)at + 1;
    return true;
}

bool head_is_signed(struct span line, struct span public_pem, char print_out[SEAL_PRINT])
{
    char text[SEAL_LINE_MAX];
    uint8_t sig[SIGNATURE + 8];
    char again[BASE64 + 8];
    size_t n;
    struct span base64;
    struct head h;
    if (public_pem.n > PEM_MAX || !signed_part(line, text, &n, &base64) || head_read(line, &h, NULL) ||
        EVP_DecodeBlock(sig, base64.p, (int)base64.n) < SIGNATURE)
        return false;
    EVP_EncodeBlock((uint8_t *)again, sig, SIGNATURE);
    if (memcmp(again, base64.p, base64.n) != 0) /* one signature has one form: the last letter has bits that say nothing */
        return false;
    BIO *b = BIO_new_mem_buf(public_pem.p, (int)public_pem.n);
    EVP_PKEY *k = b ? PEM_read_bio_PUBKEY(b, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = k && c && EVP_PKEY_id(k) == EVP_PKEY_ED25519 && print_of(k, print_out) && strcmp(print_out, h.key) == 0 &&
              EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 && EVP_DigestVerify(c, sig, SIGNATURE, (uint8_t *)text, n) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    BIO_free(b);
    return ok;
}

/* {"n":N,"root":"HEX","time":"TIME","key":"HEX","signature":"BASE64"}, exactly. */
static bool take(struct span *s, const char *text)
{
    struct span t = span_str(text);
    if (s->n < t.n || memcmp(s->p, t.p, t.n) != 0)
        return false;
    *s = span_sub(*s, t.n, s->n);
    return true;
}

int head_read(struct span line, struct head *h, struct report *why)
{
    struct span s = line;
    *h = (struct head){0};
    bool ok = line.n < SEAL_LINE_MAX && take(&s, "{\"n\":") && s.n && s.p[0] >= '1' && s.p[0] <= '9';
    for (; ok && s.n && s.p[0] >= '0' && s.p[0] <= '9'; s = span_sub(s, 1, s.n)) {
        h->n = h->n * 10 + (s.p[0] - '0');
        ok = h->n <= UINT32_MAX;
    }
    ok = ok && take(&s, ",\"root\":\"") && s.n > 64 && hex_decode(span_sub(s, 0, 64), h->root, 32);
    s = span_sub(s, 64, s.n);
    ok = ok && take(&s, "\",\"time\":\"") && s.n > 29 && case_time_read(span_sub(s, 0, 29), &h->time);
    s = span_sub(s, 29, s.n);
    ok = ok && take(&s, "\",\"key\":\"") && s.n > 64;
    if (ok) {
        uint8_t print[32];
        ok = hex_decode(span_sub(s, 0, 64), print, 32);
        hex_encode(span_of(print, 32), h->key);
        s = span_sub(s, 64, s.n);
        ok = ok && take(&s, "\"") && take(&s, signature_field) && s.n == BASE64 - 1 + 2 && memcmp(s.p + BASE64 - 1, "\"}", 2) == 0;
    }
    if (!ok)
        return report_set(why, POSSE_ESYNTAX, "this is no head of a case: one line of its heads.jsonl is wanted");
    memcpy(h->line, line.p, line.n);
    return POSSE_OK;
}

static int read_file(int dir, const char *name, size_t most, struct buf *b)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = 1;
    if (fd < 0)
        return posse_errno(errno);
    while (got > 0) {
        uint8_t *p = b->n <= most ? buf_reserve(b, 65536) : NULL;
        got = p ? read(fd, p, 65536) : -1;
        b->n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return got < 0 ? POSSE_EIO : POSSE_OK;
}

int seal_heads(struct casefile *c, int (*fn)(void *ctx, const struct head *), void *ctx, struct report *why)
{
    struct buf b;
    struct head h;
    buf_init(&b, HEADS_MAX + 65536);
    int err = read_file(c->dir, "heads.jsonl", HEADS_MAX, &b);
    if (err == POSSE_ENOENT)
        err = POSSE_OK;
    else if (err)
        report_set(why, err, "%s/heads.jsonl: cannot be read", c->folder);
    for (size_t i = 0; !err && i < b.n;) {
        const uint8_t *end = memchr(b.p + i, '\n', b.n - i);
        if (!end)
            break; /* half a line: a crash while sealing; it was never a head */
        struct span line = span_of(b.p + i, (size_t)(end - (b.p + i)));
        err = head_read(line, &h, why);
        if (!err)
            err = fn(ctx, &h);
        i += line.n + 1;
    }
    buf_deinit(&b);
    return err;
}

static int newest(void *ctx, const struct head *h)
{
    *(struct head *)ctx = *h;
    return 0;
}

/* All of it: a disk that is nearly full takes a part, and says why only when the rest is asked of it. */
static bool write_whole(int fd, const void *p, size_t n, off_t at)
{
    const char *from = p;
    while (n) {
        ssize_t w = pwrite(fd, from, n, at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w == 0)
            errno = ENOSPC;
        if (w <= 0)
            return false;
        from += w;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

/* The public key beside the heads: anybody can check a signature with `openssl pkeyutl` and this file. */
static int keep_public(struct casefile *c, const struct seal_key *k, struct report *why)
{
    char name[SEAL_PRINT + 16];
    snprintf(name, sizeof name, "keys/%s.pem", k->print);
    if (faccessat(c->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return POSSE_OK;
    BIO *b = BIO_new(BIO_s_mem());
    char *p = NULL;
    long n = b && PEM_write_bio_PUBKEY(b, k->pkey) == 1 ? BIO_get_mem_data(b, &p) : 0;
    bool ok = n > 0 && (mkdirat(c->dir, "keys", 0700) == 0 || errno == EEXIST);
    int fd = ok ? openat(c->dir, "keys/new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    ok = fd >= 0 && write_whole(fd, p, (size_t)n, 0) && fsync(fd) == 0 && renameat(c->dir, "keys/new", c->dir, name) == 0;
    if (fd >= 0)
        close(fd);
    BIO_free(b);
    return ok ? POSSE_OK : report_errno(why, "write the public key into the case", c->folder);
}

static int append_head(struct casefile *c, const struct head *h, struct report *why)
{
    int fd = openat(c->dir, "heads.jsonl", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return report_errno(why, "write the heads", c->folder);
    /* after the last whole line: half a one is a crash's */
    off_t end = lseek(fd, 0, SEEK_END), at = end;
    char last;
    while (at > 0 && pread(fd, &last, 1, at - 1) == 1 && last != '\n')
        at--;
    size_t n = strlen(h->line);
    char text[SEAL_LINE_MAX + 1];
    memcpy(text, h->line, n);
    text[n] = '\n';
    bool ok = end >= 0 && (at == end || ftruncate(fd, at) == 0) && write_whole(fd, text, n + 1, at) && fsync(fd) == 0 &&
              fsync(c->dir) == 0;
    int err = ok ? POSSE_OK : report_errno(why, "write the heads", c->folder);
    if (!ok && at >= 0 && ftruncate(fd, at) != 0)
        c->is_broken = true;
    close(fd);
    return err;
}

int seal_case(struct casefile *c, const struct seal_key *k, const struct case_time *now, struct head *out, struct report *why)
{
    struct head was = {0};
    char hex[2 * MERKLE_HASH + 1], at[CASE_TIME_TEXT], base64[BASE64];
    if (!c->is_writer || c->in_batch || c->is_broken)
        return report_set(why, POSSE_EINVAL, "%s: cannot be sealed now: open it for writing, commit first", c->folder);
    int err = seal_heads(c, newest, &was, why);
    if (err)
        return err;
    if (was.n == c->n && strcmp(was.key, k->print) == 0) {
        *out = was;
        return POSSE_OK;
    }
    *out = (struct head){.n = c->n, .time = *now};
    memcpy(out->key, k->print, SEAL_PRINT);
    merkle_root(&c->tree, out->root);
    hex_encode(span_of(out->root, sizeof out->root), hex);
    case_time_text(now, at);
    int n = snprintf(out->line, sizeof out->line, "{\"n\":%" PRIu64 ",\"root\":\"%s\",\"time\":\"%s\",\"key\":\"%s\"}", c->n, hex, at, k->print);
    if (!sign(k->pkey, span_of(out->line, (size_t)n), base64))
        return report_set(why, POSSE_ENOMEM, "%s: cannot be signed", c->folder);
    snprintf(out->line + n - 1, sizeof out->line - (size_t)n, "%s%s\"}", signature_field, base64);
    err = keep_public(c, k, why);
    return err ? err : append_head(c, out, why);
}
