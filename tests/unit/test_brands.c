/* Marks in messages: what is a claim, what only a mention, and who sent it. */
#include "unit.h"

#include <stdio.h>

#include "case/brand_logo.h"
#include "case/brands.h"
#include "case/brands_priv.h"

static const char table[] = "# a comment\n"
                            "PayMate\tPay Mate\tpaymate.example|paymate.test\n"
                            "Target\t\ttarget.example\tc\n"
                            "Big Shop\t\tbigshop.example\n"
                            "UPX\t\tupx.example\tc\n"
                            "Toolkit\t\ttoolkit.example\tp\n"
                            "Nameless Mark\n"
                            "eStore\t\testore.example\r\n";

struct world { struct brands *b; struct mail_parser *p; struct arena *a; };

static int setup(void **state)
{
    static struct world w;
    struct report why = {0};
    assert_int_equal(brands_new(&w.b), 0);
    assert_int_equal(brands_add(w.b, span_str(table), "table", &why), 0);
    w.p = mail_parser_new(NULL);
    w.a = arena_new(64 << 20);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    brands_free(&w->b);
    mail_parser_free(&w->p);
    arena_free(&w->a);
    return 0;
}

/* Writes "Mark weight claimed|mentioned|spoofed origin;" for each mark. */
static void reading(struct world *w, const char *mail, char *out, size_t room)
{
    struct message *m;
    struct brand_reading r;
    struct span in = exact_str(mail);
    size_t at = 0;
    out[0] = '\0';
    assert_int_equal(message_parse(w->p, w->a, in, &m), 0);
    assert_int_equal(brands_read(w->b, w->p, w->a, m, NULL, &r), 0);
    for (size_t i = 0; i < r.n_claims; i++) {
        struct brand_info info;
        const struct brand_claim *c = &r.claim[i];
        brands_info(w->b, c->brand, &info);
        at += (size_t)snprintf(out + at, room - at, "%.*s %s %s;", (int)info.name.n, (const char *)info.name.p,
                               c->is_spoofed ? "spoofed" : c->is_claimed ? "claimed" : "mentioned", brand_origin_name(c->origin));
    }
    arena_reset(w->a);
    exact_free(in);
}

static const struct { const char *mail, *out; } mails[] = {
    {"From: PayMate <x@other.example>\nSubject: hello\n\nhello", "PayMate spoofed elsewhere;"},
    {"From: Pay Mate Support <x@other.example>\nSubject: hello\n\nhello", "PayMate spoofed elsewhere;"},
    {"From: PAYMATE  ,_<x@other.example>\nSubject: hello\n\nhello", "PayMate spoofed elsewhere;"},
    {"From: PayMate <x@mail.paymate.example>\nSubject: hello\n\nhello", "PayMate claimed owner's domain, unproven;"},
    {"From: PayMate <x@paymate.invalid>\nSubject: hello\n\nhello", "PayMate claimed a domain of the mark's name;"},
    {"From: Jane <jane@other.example>\nSubject: my PayMate experience\n\nPayMate again", "PayMate mentioned elsewhere;"},
    {"From: jane@paymate <jane@other.example>\nSubject: hello\n\nPayMate", "PayMate mentioned elsewhere;"},
    {"From: paymate <jane@other.example>\nSubject: hello\n\nhello", "PayMate mentioned elsewhere;"},
    {"From: Target Jones <jane@other.example>\nSubject: on target\n\na target", "Target mentioned elsewhere;"},
    {"From: Target <jane@other.example>\nSubject: Target survey\n\nhello", "Target spoofed elsewhere;"},
    {"From: upx <jane@other.example>\nSubject: upx\n\nupx", ""},
    {"From: eStore <jane@other.example>\nSubject: x\n\nYour eStore account", "eStore spoofed elsewhere;"},
    {"From: Nameless Mark <jane@other.example>\nSubject: x\n\nx", "Nameless Mark claimed unknown;"},
    {"From: Toolkit users <list@other.example>\nList-Id: <toolkit.other.example>\nSubject: Toolkit 2.0\n\nToolkit", "Toolkit mentioned elsewhere;"},
    /* look-alikes: Cyrillic a; l for I is drawn the same; rn for m; one letter off; the mark in a host */
    {"From: P\xd0\xb0yM\xd0\xb0te <x@other.example>\nSubject: x\n\nx", "PayMate spoofed elsewhere;"},
    {"From: PayRnate <x@other.example>\nSubject: PayMate\n\nx", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@payrnate.invalid>\nSubject: hi\n\nPayMate", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@xn--pymate-3nf.invalid>\nSubject: hi\n\nPayMate", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@paymate-login.invalid>\nSubject: hi\n\nPayMate", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@other.example>\nSubject: hi\n\nlook: http://paymate.example.other.invalid/ PayMate", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@other.example>\nSubject: your PayMate account\nContent-Type: text/html\n\n"
     "<a href=\"http://evil.invalid/\">https://www.paymate.example/login</a>", "PayMate spoofed elsewhere;"},
    {"From: Jane <x@other.example>\nSubject: hi\nContent-Type: text/html\n\n<a href=\"http://paymate.example/\">PayMate</a>", "PayMate mentioned elsewhere;"},
    {"From: Big Shop <x@gmail.com>\nSubject: x\n\nx", "Big Shop spoofed elsewhere;"},
    {"Subject: x\n\nx", ""},
    {"From:\nSubject:\n\n", ""},
};

static void claims(void **state)
{
    char got[1000];
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        reading(*state, mails[i].mail, got, sizeof got);
        if (strcmp(got, mails[i].out) != 0)
            fail_msg("%s:\ngot      %s\nexpected %s", mails[i].mail, got, mails[i].out);
    }
}

/* The same From, by what our host or a stranger wrote of it. */
static void authentication(void **state)
{
    static const char top[] = "Received: from a.example (a.example [198.51.100.7]) by mx.trap.example; Sat, 21 Nov 2026 10:00:00 +0000\n";
    static const char end[] = "From: PayMate <x@paymate.example>\nSubject: x\n\nx";
    static const struct { const char *above, *below, *out; } cases[] = {
        {"Authentication-Results: mx.trap.example; dmarc=pass header.from=paymate.example\n", "", "PayMate claimed owner;"},
        {"Authentication-Results: mx.trap.example; dkim=pass header.d=paymate.example\n", "", "PayMate claimed owner;"},
        {"Authentication-Results: mx.trap.example; dkim=pass header.d=other.example\n", "", "PayMate claimed owner's domain, unproven;"},
        {"Authentication-Results: mx.trap.example; spf=fail (said so) smtp.mailfrom=paymate.example; dmarc=fail\n", "", "PayMate spoofed owner's domain, forged;"},
        {"", "Authentication-Results: mx.trap.example; dmarc=fail\n", "PayMate spoofed owner's domain, forged;"},
        {"", "Authentication-Results: mx.other.example; dmarc=pass\n", "PayMate claimed owner's domain, unproven;"},
        {"", "", "PayMate claimed owner's domain, unproven;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mail[2000], got[1000];
        snprintf(mail, sizeof mail, "%s%s%s%s", cases[i].above, top, cases[i].below, end);
        reading(*state, mail, got, sizeof got);
        if (strcmp(got, cases[i].out) != 0)
            fail_msg("%s:\ngot      %s\nexpected %s", mail, got, cases[i].out);
    }
}

static void bad_tables(void **state)
{
    static const char *const bad[] = {"\tx\n", "a\tb\tc\td\te\tf\n", "a\t\t\t\tnothash\n", "ok\n\n#\na\t\t\t\t0123456789abcdef/100\n"};
    struct report why = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct brands *b;
        assert_int_equal(brands_new(&b), 0);
        assert_int_not_equal(brands_add(b, span_str(bad[i]), "list", &why), 0);
        assert_non_null(strstr(why.text, "list:"));
        brands_free(&b);
    }
}

static void own_list_replaces(void **state)
{
    struct brands *b;
    struct brand_info info;
    size_t at = 0;
    (void)state;
    assert_int_equal(brands_new(&b), 0);
    assert_int_equal(brands_add(b, SPAN_LIT("Mark\t\told.example\nOther\n"), "x", NULL), 0);
    assert_int_equal(brands_add(b, SPAN_LIT("Mark\t\tnew.example\n"), "y", NULL), 0);
    const struct brand_name *n = brand_by_name(b, SPAN_LIT("mark"), &at);
    assert_non_null(n);
    brands_info(b, n->brand, &info);
    assert_int_equal(info.n_domains, 1);
    assert_span_equal(brands_domain(b, n->brand, 0), "new.example");
    assert_null(brand_by_name(b, SPAN_LIT("mark"), &at));
    brands_free(&b);
}

static void what_ships_loads(void **state)
{
    char path[600];
    struct brands *b;
    struct report why = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/models/brands.tsv", getenv("POSSE_SOURCE_ROOT"));
    assert_int_equal(brands_new(&b), 0);
    if (brands_load(b, path, &why))
        fail_msg("%s", why.text);
    assert_true(brands_count(b) > 2000);
    brands_free(&b);
}

static void looks_alike(void **state)
{
    (void)state;
    assert_true(brand_looks_like(SPAN_LIT("paypaI"), SPAN_LIT("paypal")));
    assert_true(brand_looks_like(SPAN_LIT("\xd1\x80\xd0\xb0ypal"), SPAN_LIT("paypal")));
    assert_true(brand_looks_like(SPAN_LIT("arnazon"), SPAN_LIT("amazon")));
    assert_true(brand_looks_like(SPAN_LIT("g00gle"), SPAN_LIT("google")));
    assert_false(brand_looks_like(SPAN_LIT("google"), SPAN_LIT("goggle")));
}

/* ---- logos ---- */

/* A ring and a bar, in any size and colours. */
static uint8_t *draw(uint32_t side, uint32_t ink, uint32_t paper, bool with_bar)
{
    uint8_t *p = malloc((size_t)4 * side * side);
    for (uint32_t y = 0; y < side; y++)
        for (uint32_t x = 0; x < side; x++) {
            double dx = ((double)x + .5) / side - .5, dy = ((double)y + .5) / side - .5, d = dx * dx + dy * dy;
            bool on = (d < .16 && d > .07) || (with_bar && dx > -.05 && dx < .05 && dy > -.4 && dy < .4);
            uint32_t c = on ? ink : paper;
            uint8_t *to = p + 4 * ((size_t)side * y + x);
            to[0] = (uint8_t)(c >> 16);
            to[1] = (uint8_t)(c >> 8);
            to[2] = (uint8_t)c;
            to[3] = 255;
        }
    return p;
}

static void logos(void **state)
{
    struct logo a, b, c;
    (void)state;
    uint8_t *x = draw(66, 0x000000, 0xffffff, true), *y = draw(200, 0xffffff, 0x003087, true), *z = draw(100, 0x000000, 0xffffff, false);
    assert_true(logo_of_pixels(x, 66, 66, &a));
    assert_true(logo_of_pixels(y, 200, 200, &b));
    assert_true(logo_of_pixels(z, 100, 100, &c));
    assert_true(logo_distance(&a, &b) <= LOGO_NEAR);
    assert_true(logo_distance(&a, &c) > LOGO_NEAR);
    memset(x, 200, 4 * 66 * 66);
    assert_false(logo_of_pixels(x, 66, 66, &a)); /* one colour: no shape */
    assert_false(logo_of_pixels(x, 66, 4, &a));
    free(x);
    free(y);
    free(z);
}

static void logo_texts(void **state)
{
    struct logo l = {{0x0123456789abcdefull, 0, 1, 0xfull << 60}, 250}, back;
    char text[LOGO_TEXT];
    (void)state;
    logo_text(&l, text);
    assert_string_equal(text, "0123456789abcdef" "0000000000000000" "0000000000000001" "f000000000000000" "/250");
    assert_true(logo_read(span_str(text), &back));
    assert_true(memcmp(back.bits, l.bits, sizeof l.bits) == 0 && back.aspect == 250);
    assert_false(logo_read(SPAN_LIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/99999"), &back));
    assert_false(logo_read(SPAN_LIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg/100"), &back));
    assert_false(logo_hash(SPAN_LIT("\x89PNG\r\n\x1a\n and then nothing"), &l));
    assert_false(logo_hash(SPAN_LIT("\xff\xd8\xff\xe0 and then nothing"), &l));
    assert_false(logo_hash(SPAN_NONE, &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims), cmocka_unit_test(authentication), cmocka_unit_test(bad_tables), cmocka_unit_test(own_list_replaces),
        cmocka_unit_test(what_ships_loads), cmocka_unit_test(looks_alike), cmocka_unit_test(logos), cmocka_unit_test(logo_texts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
