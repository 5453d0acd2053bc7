/* Encoded words: what is written is read back. */
#include "unit.h"

#include "mail/words.h"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const struct { const char *in, *back; bool plain; } cases[] = {
        {"", "", true},
        {"Hello, world", "Hello, world", true},
        {"a\tb", "a\tb", true},
        {"[SPAM] caf\xc3\xa9", "[SPAM] caf\xc3\xa9", false},
        {"=?UTF-8?B?QQ==?=", "=?UTF-8?B?QQ==?=", false},
        {"a\r\nBcc: x", "a  Bcc: x", false},
        {"bad \xff byte", "bad \xef\xbf\xbd byte", false},
        {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac"
         "\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e!",
         "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac"
         "\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e!", false},
    };
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        struct buf b;
        uint64_t anomalies = 0;
        buf_init(&b, 1 << 16);
        words_encode(&b, in);
        assert_int_equal(buf_error(&b), 0);
        assert_true(span_eq(buf_span(&b), in) == cases[i].plain);
        for (size_t from = 0, j = 0; j <= b.n; j++) /* RFC 2047: a word has at most 75 characters */
            if (!cases[i].plain && (j == b.n || b.p[j] == ' ')) {
                assert_true(j - from <= 75);
                from = j + 1;
            }
        assert_null(b.n ? memchr(b.p, '\n', b.n) : NULL);
        assert_span_equal(words_decode(cs, a, buf_span(&b), &anomalies), cases[i].back);
        buf_deinit(&b);
        exact_free(in);
    }
    arena_free(&a);
    charset_set_free(&cs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
