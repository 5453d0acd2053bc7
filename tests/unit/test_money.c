/* Marks of money in messages: what is one, what only looks like one. */
#include "unit.h"

#include <stdio.h>

#include "botnet/money.h"

/* Wallets: known addresses of the standards, and the same with one character changed. */
static const struct { const char *in, *out; } tokens[] = {
    {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}, /* the first block's */
    {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", NULL},
    {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "btc:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
    {"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "btc:3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"},
    {"11A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", NULL}, /* a zero too many */
    {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "btc:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}, /* BIP 173 */
    {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", NULL},
    {"bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", NULL}, /* both cases */
    {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
     "btc:bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"}, /* BIP 350 */
    {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", NULL}, /* BIP 350: the older sum */
    {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "eth:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}, /* EIP-55 */
    {"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "eth:0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"},
    {"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", NULL},
    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "eth:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
    {"0x1234567890123456789012345678901234567890", NULL}, /* a number */
    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", NULL},
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", NULL}, {"", NULL}, {"bc1", NULL}, {"00000000000000000000000000000000", NULL},
};

static void wallets_by_checksum(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct span in = exact_str(tokens[i].in), got = wallet_read(a, in);
        if (tokens[i].out ? got.n != strlen(tokens[i].out) || memcmp(got.p, tokens[i].out, got.n) : got.n > 0)
            fail_msg("%s: %.*s", tokens[i].in, (int)got.n, got.p ? (const char *)got.p : "");
        exact_free(in);
    }
    arena_free(&a);
}

/* body -> "kind text;" */
static const struct { const char *head, *body, *out; } cases[] = {
    {"", "Call +44 20 7946 0000 today", "phone +442079460000;"},
    {"", "(800) 555-0100 or 1-800-555-0100 or 800.555.0100", "phone +18005550100;"},
    {"", "WhatsApp: 07700 900123", "phone 07700900123;"},
    {"", "tel. 0044 20 7946 0000", "phone +442079460000;"},
    {"", "order 4711000815 of 2011-03-16, 10:45:00, $1,234,567.00, 192.0.2.1", ""},
    {"", "id 123-456-7890123 and 12345678901234567890", ""},
    {"", "pay to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa now", "wallet btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa;"},
    {"", "pay to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb now", ""},
    {"", "write to Mr.Smith@Drop.Example. Or not.", "maildrop mr.smith@drop.example;"},
    {"", "you, a@trap.example, a@b, @c.example, d@.example", ""},
    {"Reply-To: no-reply@big.example\r\n", "sent by Do_Not.Reply@big.example; norep@drop.example", "maildrop norep@drop.example;"},
    {"Reply-To: Agent <agent@drop.example>\r\n", "x", "maildrop agent@drop.example;"},
    {"Reply-To: from@sender.example\r\n", "x", ""},
    {"", "http://pills.example/shop/item?id=3&AffID=w12x", "shop pills.example;affiliate affid=w12x;"},
    {"", "http://news.example/reshopping/workshops?affidavit=1&ref=x", ""},
    {"", "http://a.example/?aff=1&aff=1&aff=2", "affiliate aff=1;affiliate aff=2;"},
    {"Subject: call +1 212 555 0123\r\n", "x", "phone +12125550123;"},
};

static void marks(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048], got[1024] = "";
        struct message *m;
        struct money_mark out[16];
        snprintf(text, sizeof text, "From: from@sender.example\r\nTo: \"A\" <A@trap.example>\r\n%s\r\n%s\r\n", cases[i].head, cases[i].body);
        struct span in = exact_str(text);
        assert_int_equal(message_parse(p, a, in, &m), 0);
        size_t n = money_find(a, m, out, 16);
        for (size_t k = 0; k < n; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s %.*s;", mark_kind_name(out[k].kind), (int)out[k].text.n,
                     (const char *)out[k].text.p);
        if (strcmp(got, cases[i].out))
            fail_msg("%s\n  gave     %s\n  expected %s", cases[i].body, got, cases[i].out);
        assert_int_equal(money_find(a, m, out, 1), n > 0);
        assert_int_equal(money_find(a, m, out, 0), 0);
        exact_free(in);
        arena_reset(a);
    }
    assert_string_equal(mark_kind_name(MARK_N), "?");
    arena_free(&a);
    mail_parser_free(&p);
}

/* Without memory fewer are found, and nothing breaks. */
static void without_memory(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    struct span in = exact_str("From: f@s.example\r\nReply-To: a@drop.example\r\n\r\ncall +44 20 7946 0000, b@drop.example, 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa "
                               "http://x.example/shop?aff=1\r\n");
    for (size_t at = 1; at < 40; at++) {
        struct message *m;
        struct money_mark out[16];
        assert_int_equal(message_parse(p, a, in, &m), 0);
        arena_fail_at(a, at);
        size_t n = money_find(a, m, out, 16);
        arena_fail_at(a, 0);
        assert_true(n <= 6);
        for (size_t i = 0; i < n; i++)
            assert_true(out[i].text.n > 0);
        arena_reset(a);
    }
    exact_free(in);
    arena_free(&a);
    mail_parser_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wallets_by_checksum), cmocka_unit_test(marks), cmocka_unit_test(without_memory)};
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
