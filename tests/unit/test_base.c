/* The ground floor: errors, spans, arena, buffer, reader, UTF-8, hashes. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/reader.h"
#include "base/report.h"
#include "base/utf8.h"

static void every_error_has_its_own_text(void **state)
{
    (void)state;
    for (int a = 0; a >= POSSE_ERR_LAST; a--) {
        assert_non_null(posse_strerror(a));
        assert_string_not_equal(posse_strerror(a), "unknown error");
        for (int b = 0; b > a; b--)
            assert_string_not_equal(posse_strerror(a), posse_strerror(b));
    }
    assert_string_equal(posse_strerror(1), "unknown error");
    assert_string_equal(posse_strerror(POSSE_ERR_LAST - 1), "unknown error");
    assert_int_equal(posse_errno(ENOSPC), POSSE_EFULL);
    assert_int_equal(posse_errno(0), POSSE_OK);
}

static void report_names_file_and_cause(void **state)
{
    (void)state;
    struct report r;
    errno = ENOENT;
    assert_int_equal(report_errno(&r, "open", "x.eml"), POSSE_ENOENT);
    assert_string_equal(r.text, "x.eml: cannot open: No such file or directory");
    assert_int_equal(report_set(NULL, POSSE_EIO, "nobody reads this"), POSSE_EIO);
}

static void span_search_and_trim(void **state)
{
    (void)state;
    struct span s = exact_str("  Hello, World\r\n");
    assert_span_equal(span_trim(s), "Hello, World");
    assert_int_equal(span_ifind(s, SPAN_LIT("WORLD")), 9);
    assert_int_equal(span_find(s, SPAN_LIT("WORLD")), -1);
    assert_int_equal(span_find(s, SPAN_LIT("")), 0);
    assert_int_equal(span_chr(s, ','), 7);
    assert_true(span_istarts(span_trim(s), SPAN_LIT("hELLO")));
    assert_false(span_ieq(SPAN_LIT("ab"), SPAN_LIT("abc")));
    assert_span_equal(span_sub(s, 2, 7), "Hello");
    assert_int_equal(span_sub(s, 90, 99).n, 0);
    exact_free(s);
}

static void arena_keeps_its_cap_and_recovers(void **state)
{
    (void)state;
    struct arena *a = arena_new(1000);
    assert_non_null(arena_alloc(a, 900));
    assert_null(arena_alloc(a, 200));
    assert_true(arena_failed(a));
    arena_reset(a);
    assert_false(arena_failed(a));
    assert_int_equal(arena_used(a), 0);
    assert_null(arena_alloc(a, SIZE_MAX - 3));
    arena_reset(a);
    uint8_t *p = arena_alloc(a, 10);
    memset(p, 7, 10);
    uint8_t *q = arena_grow(a, p, 10, 500);
    assert_ptr_equal(p, q); /* the latest allocation grows where it stands */
    assert_int_equal(q[9], 7);
    arena_shrink(a, q, 500, 16);
    assert_int_equal(arena_used(a), 16);
    arena_alloc(a, 1);
    uint8_t *r = arena_grow(a, q, 16, 64);
    assert_ptr_not_equal(r, q);
    assert_int_equal(r[9], 7);
    arena_free(&a);
    arena_free(&a);
    assert_null(a);
}

static void arena_fails_on_demand(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    arena_fail_at(a, 3);
    assert_non_null(arena_alloc(a, 1));
    assert_non_null(arena_alloc(a, 1));
    assert_null(arena_alloc(a, 1));
    assert_non_null(arena_alloc(a, 1));
    arena_free(&a);
}

static void buf_error_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_add_str(&b, "12345678");
    buf_add_byte(&b, '9');
    buf_add_str(&b, "more");
    assert_int_equal(buf_error(&b), POSSE_ELIMIT);
    assert_span_equal(buf_span(&b), "12345678");
    buf_clear(&b);
    buf_add_fmt(&b, "%d-%s", 12, "ab");
    assert_int_equal(buf_error(&b), POSSE_OK);
    assert_span_equal(buf_span(&b), "12-ab");
    buf_deinit(&b);
}

static void numbers_survive_a_round_trip(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_add_varint(&b, values[i]);
        buf_add_u64(&b, values[i]);
        buf_add_u32(&b, (uint32_t)values[i]);
    }
    struct span s = exact(b.p, b.n);
    struct reader r = reader_of(s);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_true(reader_varint(&r) == values[i]);
        assert_true(reader_u64(&r) == values[i]);
        assert_true(reader_u32(&r) == (uint32_t)values[i]);
    }
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_error(&r), POSSE_OK);
    reader_u32(&r);
    assert_int_equal(reader_error(&r), POSSE_ECORRUPT);
    assert_int_equal(reader_pos(&r), s.n);
    exact_free(s);
    buf_deinit(&b);
}

static void varint_of_eleven_bytes_is_refused(void **state)
{
    (void)state;
    static const uint8_t bad[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 127, 1};
    struct reader r = reader_of(span_of(bad, sizeof bad));
    reader_varint(&r);
    assert_int_equal(reader_error(&r), POSSE_ECORRUPT);
}

static void utf8_accepts_only_well_formed(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t valid; } cases[] = {
        {"plain ascii, longer than a word", 31}, {"gr\xc3\xbc\xc3\x9f", 6}, {"\xc0\x80", 0}, {"a\xed\xa0\x80", 1},
        {"\xf4\x90\x80\x80", 0}, {"\xf0\x9f\x98\x80", 4}, {"\xe2\x82", 0}, {"12345678\xff", 8}, {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span s = exact_str(cases[i].bytes);
        assert_int_equal(utf8_valid_prefix(s), cases[i].valid);
        exact_free(s);
    }
    uint32_t cp;
    assert_int_equal(utf8_decode(SPAN_LIT("\xff"), &cp), 1);
    assert_int_equal(cp, 0xfffd);
    uint8_t out[4];
    for (uint32_t c = 0; c < 0x110000; c += 7) {
        unsigned n = utf8_encode(c, out);
        assert_int_equal(utf8_decode(span_of(out, n), &cp), n);
        assert_int_equal(cp, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    }
}

static void siphash_matches_its_paper(void **state)
{
    (void)state;
    uint8_t key[16], in[15];
    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < 15; i++)
        in[i] = (uint8_t)i;
    assert_true(siphash(span_of(in, 15), key) == 0xa129ca6149be45e5ull); /* Aumasson & Bernstein 2012, appendix A */
}

static void sha256_and_hex(void **state)
{
    (void)state;
    uint8_t d[32], back[32];
    char hex[65];
    sha256(SPAN_LIT("abc"), d);
    hex_encode(span_of(d, 32), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(hex_decode(span_str(hex), back, 32));
    assert_memory_equal(d, back, 32);
    hex[3] = 'g';
    assert_false(hex_decode(span_str(hex), back, 32));
    assert_false(hex_decode(SPAN_LIT("ab"), back, 2));
    sha256(SPAN_NONE, d);
    hex_encode(span_of(d, 4), hex);
    assert_string_equal(hex, "e3b0c442");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_text), cmocka_unit_test(report_names_file_and_cause),
        cmocka_unit_test(span_search_and_trim), cmocka_unit_test(arena_keeps_its_cap_and_recovers),
        cmocka_unit_test(arena_fails_on_demand), cmocka_unit_test(buf_error_sticks),
        cmocka_unit_test(numbers_survive_a_round_trip), cmocka_unit_test(varint_of_eleven_bytes_is_refused),
        cmocka_unit_test(utf8_accepts_only_well_formed), cmocka_unit_test(siphash_matches_its_paper),
        cmocka_unit_test(sha256_and_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
