/* The shape view: what is said of whole messages, that nothing depends on notes, and that odd bytes are only odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filter/freemail.h"
#include "filter/shape_priv.h"

struct fixture {
    struct mail_parser *p;
    struct arena *a;
    struct sink s;
    struct note *note;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->p = mail_parser_new(NULL);
    f->a = arena_new(64 << 20);
    f->note = calloc(FEATURES_MAX, sizeof *f->note);
    assert_true(f->p && f->a && f->note && sink_init(&f->s) == 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    sink_deinit(&f->s);
    mail_parser_free(&f->p);
    arena_free(&f->a);
    free(f->note);
    free(f);
    return 0;
}

/* The bytes are copied to their exact size, so that a read past them is seen by the sanitizers. */
static void run_with(struct fixture *f, struct span raw, bool notes, uint32_t without, uint32_t with)
{
    struct message *m;
    arena_reset(f->a);
    uint8_t *copy = malloc(raw.n ? raw.n : 1);
    assert_non_null(copy);
    if (raw.n)
        memcpy(copy, raw.p, raw.n);
    assert_int_equal(message_parse(f->p, f->a, span_of(copy, raw.n), &m), 0);
    f->s.note = notes ? f->note : NULL;
    sink_reset(&f->s);
    sink_begin(&f->s, VIEW_SENDER, 400);
    struct shape_in in = {.p = f->p, .a = f->a, .m = m, .without = without, .with = with};
    shape_emit(&f->s, &in);
    sink_end(&f->s);
    for (uint32_t i = 0; notes && i < f->s.n; i++) {
        assert_non_null(f->note[i].label);
        assert_true(f->note[i].label[0] != '\0');
        f->note[i].where = SPAN_NONE; /* the copy goes */
    }
    free(copy);
}

/* All groups but those of `without`. */
static void run(struct fixture *f, struct span raw, bool notes, uint32_t without)
{
    run_with(f, raw, notes, without, ~without);
}

static bool said(const struct fixture *f, const char *label)
{
    for (uint32_t i = 0; i < f->s.n; i++)
        if (strcmp(f->note[i].label, label) == 0)
            return true;
    return false;
}

#define HEAD                                                                                                       \
    "From: Ann Archer <ann@shop.example.com>\nTo: Bob <bob@else.example>\nDate: Mon, 06 Jan 2020 10:00:00 +0100\n" \
    "Subject: Hello there\nMessage-ID: <1.a@shop.example.com>\n"

struct say {
    const char *name, *mail, *yes, *no;
};

static const struct say says[] = {
    {"reply elsewhere", HEAD "Reply-To: x@gmail.com\n\nhi\n", "Reply-To is in another domain than From",
     "Reply-To is the sender's own address"},
    {"reply free", HEAD "Reply-To: x@gmail.com\n\nhi\n", "replies go to a free mail address that is not the sender's",
     NULL},
    {"reply own", HEAD "Reply-To: <ann@shop.example.com>\n\nhi\n", "Reply-To is the sender's own address", NULL},
    {"reply other of domain", HEAD "Reply-To: desk@example.com\n\nhi\n",
     "Reply-To is another address of the sender's domain", NULL},
    {"id own", HEAD "\nhi\n", "Message-ID made by the sender's host", NULL},
    {"id none", "From: a@b.example\nTo: c@d.example\nSubject: x\nDate: x\n\nhi\n", "no Message-ID", NULL},
    {"id other", "From: a@b.example.com\nTo: c@d.example\nSubject: x\nMessage-ID: <a@mail.else.org>\n\nhi\n",
     "Message-ID made by another domain than the sender's", NULL},
    {"id bare", "From: a@b.example.com\nTo: c@d.example\nSubject: x\nMessage-ID: abc\n\nhi\n",
     "Message-ID without its angle brackets", NULL},
    {"name agrees", HEAD "\nhi\n", "the sender's address and name agree", NULL},
    {"encoded name", "From: =?utf-8?q?J=C3=B6rg_Maier?= <maier@b.example.com>\nTo: c@d.example\nSubject: x\n\nhi\n",
     "the sender's name is not in plain Latin letters", NULL},
    {"self", "From: a@b.example\nTo: a@b.example\nSubject: x\n\nhi\n", "addressed to its own sender", NULL},
    {"undisclosed", "From: a@b.example\nTo: undisclosed-recipients:;\nSubject: x\n\nhi\n", "recipients are undisclosed",
     NULL},
    {"date good", HEAD "\nhi\n", "Date is readable", "Date falls on another weekday than it says"},
    {"date zero", HEAD "\nhi\n", "Date with a zero before the day", NULL},
    {"date weekday", "From: a@b.example\nTo: c@d.example\nDate: Tue, 06 Jan 2020 10:00:00 +0100\n\nhi\n",
     "Date falls on another weekday than it says", NULL},
    {"date zone", "From: a@b.example\nTo: c@d.example\nDate: Mon, 6 Jan 2020 10:00:00 +1770\n\nhi\n",
     "Date in a time zone that does not exist", NULL},
    {"date none", "From: a@b.example\nTo: c@d.example\nSubject: x\n\nhi\n", "no Date", NULL},
    {"date future", HEAD "Received: from a by b; Mon, 06 Jan 2020 01:00:00 +0100\n\nhi\n",
     "Date lies in the future of its arrival", NULL},
    {"hop dynamic",
     HEAD "Received: from x.example (dsl-1-2-3-4.pool.example [192.0.2.1]) by mx.example with SMTP; x\n\nhi\n",
     "a customer's line is on its way", NULL},
    {"hop address", HEAD "Received: from [192.0.2.9] (unknown [192.0.2.9]) by mx.example with ESMTP; x\n\nhi\n",
     "its first host calls itself by an address", NULL},
    {"hop unverified", HEAD "Received: from [192.0.2.9] (unknown [192.0.2.9]) by mx.example with ESMTP; x\n\nhi\n",
     "a host on its way is unverified", NULL},
    {"hop helo",
     HEAD "Received: from unknown (HELO mail.example.com) (192.0.2.9) by mx.else.example with SMTP; x\n\nhi\n",
     "a host of the sender's domain is on its way", NULL},
    {"hop login", HEAD "Received: from home (h [192.0.2.9]) by mx.example with ESMTPSA id 7; x\n\nhi\n",
     "its author logged in", NULL},
    {"subject capitals", "From: a@b.example\nTo: c@d.example\nSubject: [list] Re: BUY THIS NOW!!!\n\nhi\n",
     "subject in capitals", NULL},
    {"subject mark", "From: a@b.example\nTo: c@d.example\nSubject: ***SPAM*** Re: net: fix it\n\nhi\n",
     "the subject begins with a topic and a colon", "subject in capitals"},
    {"false reply", "From: a@b.example\nTo: c@d.example\nSubject: RE: your order\n\nhi\n",
     "it calls itself a reply but answers and quotes nothing", NULL},
    {"true reply", "From: a@b.example\nTo: c@d.example\nSubject: AW: x\nIn-Reply-To: <a@b>\n\nBob wrote:\n> ho\nhi\n",
     "a reply with a quotation", NULL},
    {"attribution", HEAD "\nOn Monday Bob wrote:\n> ho\nhi\n", "the text says whom it quotes", NULL},
    {"patch", HEAD "\nfix\ndiff --git a/x b/x\n", "a patch in the text", NULL},
    {"phone", HEAD "\ncall (555) 123-4567 today\n", "a telephone number in the text", NULL},
    {"no phone", HEAD "\nversion 5.12.3 of 2020-01-06\n", "no telephone number in the text", NULL},
    {"money", HEAD "\nwin $ 1,000 today\n", "sums of money in the text", NULL},
    {"money after", HEAD "\nwin 1000 EUR today\n", "sums of money in the text", NULL},
    {"signed", HEAD "\nThe text.\n\nAnn\n", "the text ends with the sender's name", NULL},
    {"unsigned", HEAD "\nThe text.\n", "the text does not end with the sender's name", NULL},
    {"dear", HEAD "\nDear customer,\nbuy\n", "the text begins with a formal greeting", NULL},
    {"footer left out",
     HEAD "\nhi\n______________________________________________\nwin $100 now\nhttp://lists.example.org/listinfo/x\n",
     "no sum of money in the text", "a link over http"},
    {"html only", HEAD "MIME-Version: 1.0\nContent-Type: text/html\n\n<p>hello <b>there</b></p>\n",
     "HTML without a plain text alternative", "no HTML"},
    {"plain only", HEAD "\nhello\n", "plain text only", NULL},
    {"link own", HEAD "\nsee http://www.example.com/unsubscribe?x=1 now\n", "all links lead to the sender's domain",
     NULL},
    {"link word", HEAD "\nsee http://www.example.com/unsubscribe?x=1 now\n", "a link to unsubscribe", NULL},
    {"link else", HEAD "\nsee http://www.elsewhere.org/ now\n", "no link leads to the sender's domain", NULL},
    {"link address", HEAD "\nsee http://192.0.2.7/x now\n", "a link to a bare address", NULL},
    {"link carries", HEAD "\nsee http://www.elsewhere.org/x?u=bob%40else.example now\n",
     "a link that carries an e-mail address", NULL},
    {"attachment",
     HEAD "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: "
          "application/octet-stream; name=\"a.exe\"\n"
          "Content-Transfer-Encoding: base64\n\nTVqQAAMAAAA=\n--b--\n",
     "an attached file of kind: exe", NULL},
    {"parts",
     HEAD "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi there\n--b\nContent-Type: "
          "text/html\n\n<p>hi</p>\n--b--\n",
     "its parts together: plain+html+mixed", NULL},
    {"no head", "just words and $100\n", "sums of money in the text", "no Message-ID"},
};

static void labels(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        run(f, span_str(says[i].mail), true, 0);
        if (!said(f, says[i].yes) || (says[i].no && said(f, says[i].no))) {
            for (uint32_t k = 0; k < f->s.n; k++)
                print_message("  %s\n", f->note[k].label);
            fail_msg("%s", says[i].name);
        }
    }
}

/* Judging and explaining must see the same features. */
static void notes_change_nothing(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        uint32_t slot[512], n;
        run(f, span_str(says[i].mail), false, 0);
        n = f->s.n;
        assert_true(n <= 400);
        memcpy(slot, f->s.slot, n * sizeof *slot);
        run(f, span_str(says[i].mail), true, 0);
        assert_int_equal(n, f->s.n);
        assert_memory_equal(slot, f->s.slot, n * sizeof *slot);
    }
}

/* Marks of other filters and the mbox line must not move anything. */
static void marks_are_ignored(void **state)
{
    struct fixture *f = *state;
    static const char plain[] = HEAD "\nhi\n";
    static const char marked[] = "From x@y Mon Jan  6 10:00:00 2020\n" HEAD
                                 "X-Spam-Status: Yes, score=99\nX-Spam-Flag: YES\n\nhi\n";
    uint32_t slot[512], n, same = 0;
    run(f, span_str(plain), false, 0);
    n = f->s.n;
    memcpy(slot, f->s.slot, n * sizeof *slot);
    run(f, span_str(marked), true, 0);
    for (uint32_t i = 0; i < f->s.n; i++)
        for (uint32_t k = 0; k < n; k++)
            same += slot[k] == f->s.slot[i];
    assert_true(same + 1 >= n && f->s.n <= n + 1); /* the size may fall into another step */
}

static void groups_can_be_left_out(void **state)
{
    struct fixture *f = *state;
    run(f, span_str(says[0].mail), true, (UINT32_C(1) << SHAPE_GROUP_N) - 1);
    assert_int_equal(f->s.n, 0);
    run(f, span_str(says[0].mail), true, UINT32_C(1) << SHAPE_DATE);
    assert_false(said(f, "Date is readable"));
    assert_true(said(f, "it has the field Date"));
}

/* What production leaves out, it leaves out. */
static void defaults_hold(void **state)
{
    struct fixture *f = *state;
    static const char mail[] = HEAD
        "Received: from [192.0.2.9] (unknown [192.0.2.9]) by mx.example with ESMTP; x\n\nhi\n";
    run_with(f, span_str(mail), true, 0, 0);
    assert_true(said(f, "Date is readable"));
    assert_false(said(f, "a host on its way is unverified"));
    assert_false(said(f, "form of the sender's address: a"));
    run_with(f, span_str(mail), true, 0, 1 << SHAPE_RECEIVED);
    assert_true(said(f, "a host on its way is unverified"));
}

static void patterns(void **state)
{
    (void)state;
    static const char *const c[][2] = {{"", ""},
                                       {"info", "a"},
                                       {"john.doe99", "a.a9"},
                                       {"ANN_7", "A_9"},
                                       {"20190429115336.GF13306", "N.A9"},
                                       {"0123456789abcdef", "H"},
                                       {"a-b-c-d-e-f-g-h-i-j", "a-a-a-a-a-a-a-"},
                                       {"1q2W3e4R5t6Y7u8i9o0p", "x"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        uint8_t out[14];
        struct span p = shape_pattern(span_str(c[i][0]), out);
        if (!span_eq(p, span_str(c[i][1])))
            fail_msg("%s: %.*s", c[i][0], (int)p.n, (const char *)p.p);
    }
}

static void tables_are_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < shape_vocab_n(); i++)
        if (strcmp(shape_vocab_word(i), shape_vocab_word(i + 1)) >= 0)
            fail_msg("%s", shape_vocab_word(i + 1));
    for (size_t i = 0; freemail_at(i); i++) {
        assert_true(freemail_is(span_str(freemail_at(i))));
        if (freemail_at(i + 1) && strcmp(freemail_at(i), freemail_at(i + 1)) >= 0)
            fail_msg("%s", freemail_at(i + 1));
    }
    assert_true(freemail_is(SPAN_LIT("mx.gmail.com")));
    assert_true(freemail_is(SPAN_LIT("a.b.yahoo.co.uk")));
    assert_false(freemail_is(SPAN_LIT("notgmail.com")));
    assert_false(freemail_is(SPAN_LIT("gmail.com.example")));
    assert_false(freemail_is(SPAN_LIT("com")));
    assert_false(freemail_is(SPAN_LIT("")));
    assert_false(freemail_is(SPAN_LIT("gmail.com\0")));
}

/* Every prefix of every case, and random damage to it: no crash, no feature without a label, under the cap. */
static void hostile(void **state)
{
    struct fixture *f = *state;
    uint64_t rng = 42;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct span raw = span_str(says[i].mail);
        uint8_t damaged[2048];
        assert_true(raw.n <= sizeof damaged);
        for (size_t n = 0; n < raw.n; n += 3)
            run(f, span_sub(raw, 0, n), true, 0);
        for (unsigned turn = 0; turn < 40; turn++) {
            memcpy(damaged, raw.p, raw.n);
            for (unsigned k = 0; k < 1 + turn / 4; k++) {
                rng = mix64(rng + 0x9E3779B97F4A7C15ull);
                damaged[rng % raw.n] = (uint8_t)(rng >> 40);
            }
            run(f, span_of(damaged, raw.n), true, 0);
        }
    }
}

/* Great numbers of everything: the work is capped, the view too. */
static void floods(void **state)
{
    struct fixture *f = *state;
    static const char *const unit[] = {"Received: from a.example (b [192.0.2.1]) by c with SMTP; x\n",
                                       "To: a@b.example, c@d.example\n",
                                       "X-Y: z\n",
                                       "From: (((((((\n",
                                       "Subject: Re: Re: Re: [a] [b]\n",
                                       "Date: ((((1 1 1\n"};
    enum { N = 200000 };
    uint8_t *big = malloc(N);
    assert_non_null(big);
    for (size_t u = 0; u < sizeof unit / sizeof *unit; u++) {
        size_t len = strlen(unit[u]), n = 0;
        for (; n + len <= N; n += len)
            memcpy(big + n, unit[u], len);
        run(f, span_of(big, n), true, 0);
        assert_true(f->s.n <= 400);
    }
    size_t n = sizeof HEAD;
    memcpy(big, HEAD "\n", n);
    for (unsigned k = 0; n + 64 < N; k++) {
        char link[64];
        int len = snprintf(link, sizeof link, "http://h%u.d%u.com/p%u/a.php?q=%u\n", k, k, k, k);
        memcpy(big + n, link, (size_t)len);
        n += (size_t)len;
    }
    run(f, span_of(big, n), true, 0);
    assert_true(f->s.n <= 400);
    assert_true(said(f, "plain text only"));
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),
        cmocka_unit_test(notes_change_nothing),
        cmocka_unit_test(marks_are_ignored),
        cmocka_unit_test(groups_can_be_left_out),
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(patterns),
        cmocka_unit_test(tables_are_sorted),
        cmocka_unit_test(hostile),
        cmocka_unit_test(floods),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
