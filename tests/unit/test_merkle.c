/* The tree against its definition, computed from the leaves in the plainest way; vectors of RFC 6962's reference implementation. */
#include "unit.h"

#include "base/hash.h"
#include "case/merkle.h"

enum { MOST = 70 };

static void hash_two(const uint8_t *l, const uint8_t *r, uint8_t *out)
{
    uint8_t b[65] = {1};
    memcpy(b + 1, l, 32);
    memcpy(b + 33, r, 32);
    sha256(span_of(b, 65), out);
}

/* MTH(D[n]) as it is written. */
static void plain_root(const uint8_t *leaf, uint64_t n, uint8_t *out)
{
    uint8_t l[32], r[32];
    if (n == 0) {
        sha256(SPAN_NONE, out);
        return;
    }
    if (n == 1) {
        memcpy(out, leaf, 32);
        return;
    }
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    plain_root(leaf, k, l);
    plain_root(leaf + k * 32, n - k, r);
    hash_two(l, r, out);
}

static void make_leaves(uint8_t *leaf)
{
    for (uint8_t i = 0; i < MOST; i++)
        merkle_leaf(span_of(&i, 1), leaf + i * 32);
}

static void test_roots(void **state)
{
    (void)state;
    uint8_t leaf[MOST * 32], want[32], got[32];
    struct merkle m;
    make_leaves(leaf);
    merkle_init(&m);
    for (uint64_t n = 0; n <= MOST; n++) {
        plain_root(leaf, n, want);
        merkle_root(&m, got);
        assert_memory_equal(got, want, 32);
        if (n < MOST)
            merkle_add(&m, leaf + n * 32);
    }
}

static void test_known(void **state)
{
    (void)state;
    static const char *const entry[] = {"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43", "\x50\x51\x52\x53\x54\x55\x56\x57",
                                        "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
    static const size_t size[] = {0, 1, 1, 2, 2, 4, 8, 16};
    struct merkle m;
    uint8_t h[32], want[32];
    merkle_init(&m);
    for (size_t i = 0; i < 8; i++) {
        merkle_leaf(span_of(entry[i], size[i]), h);
        merkle_add(&m, h);
    }
    merkle_root(&m, h);
    assert_true(hex_decode(span_str("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"), want, 32));
    assert_memory_equal(h, want, 32);
}

static void test_inclusion(void **state)
{
    (void)state;
    uint8_t leaf[MOST * 32], root[32], proof[MERKLE_PROOF_MAX][32];
    make_leaves(leaf);
    for (uint64_t n = 1; n <= MOST; n++) {
        plain_root(leaf, n, root);
        for (uint64_t i = 0; i < n; i++) {
            size_t k = merkle_inclusion(leaf, n, i, proof);
            assert_true(merkle_check_inclusion(leaf + i * 32, i, n, (const uint8_t(*)[32])proof, k, root));
            assert_false(merkle_check_inclusion(leaf + (i + 1) % MOST * 32, i, n, (const uint8_t(*)[32])proof, k, root));
            assert_false(merkle_check_inclusion(leaf + i * 32, i + 1, n, (const uint8_t(*)[32])proof, k, root));
            if (k)
                assert_false(merkle_check_inclusion(leaf + i * 32, i, n, (const uint8_t(*)[32])proof, k - 1, root));
            root[3] ^= 1;
            assert_false(merkle_check_inclusion(leaf + i * 32, i, n, (const uint8_t(*)[32])proof, k, root));
            root[3] ^= 1;
        }
    }
}

static void test_consistency(void **state)
{
    (void)state;
    uint8_t leaf[MOST * 32], root[32], old_root[32], proof[MERKLE_PROOF_MAX][32];
    make_leaves(leaf);
    for (uint64_t n = 1; n <= MOST; n++) {
        plain_root(leaf, n, root);
        for (uint64_t old = 1; old <= n; old++) {
            plain_root(leaf, old, old_root);
            size_t k = merkle_consistency(leaf, old, n, proof);
            assert_true(merkle_check_consistency(old, n, old_root, root, (const uint8_t(*)[32])proof, k));
            old_root[0] ^= 1;
            assert_false(merkle_check_consistency(old, n, old_root, root, (const uint8_t(*)[32])proof, k));
            old_root[0] ^= 1;
            root[0] ^= 1;
            assert_false(merkle_check_consistency(old, n, old_root, root, (const uint8_t(*)[32])proof, k));
            root[0] ^= 1;
            if (k)
                assert_false(merkle_check_consistency(old, n, old_root, root, (const uint8_t(*)[32])proof, k - 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_roots), cmocka_unit_test(test_known), cmocka_unit_test(test_inclusion),
                                       cmocka_unit_test(test_consistency)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
