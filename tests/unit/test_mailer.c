/* How programs write: forms, keys that hold from message to message, names, and the book of known families. */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/mailer_priv.h"

/* ---- forms ---- */

static void forms(void **state)
{
    (void)state;
    static const struct { const char *in, *form, *exact, *shape; } t[] = {
        {"", "", "", ""},
        {"000c01c24a5b$8f1b2c40$0100a8c0", "h12$h8$h8", "h12$h8$h8", "d3a1d2a1d2a1d1a1$d1a1d1a1d1a1d2$d4a1d1a1d1"},
        {"20020822123456.GA1234", "d12.Gd", "d14.Gd", "d14.A2d4"},
        {"20020822123456.GZ9", "d12.Gd", "d14.Gd", "d14.A2d1"},
        {"7853D282.172689.27089", "H8.H.H", "H8.H6.H5", "d4A1d3.d6.d5"},
        {"550e8400-e29b-41d4-a716-446655440000", "h8-h-h-h-h12", "h8-h4-h4-h4-h12", NULL},
        {"----=_NextPart_000_0012_01C24A5B.8F1B2C40", "-4=_NextPart_H_H_H8.H8", "-4=_NextPart_H3_H4_H8.H8", NULL},
        {"12345.67890", "d.d", "d5.d5", "d5.d5"},
        {"20110316.12345-1-some.body", "d8.d-d-a*", "d8.d5-d1-a*", NULL},
        {"20110316.12345-1-me", "d8.d-d-a*", "d8.d5-d1-a*", NULL},
        {"CAGXu5jLk2mQ+xY7=abCDefGHij_kl-MNop", "X24", "X35", NULL},
        {"da39a3ee5e6b4b0d3255bfef95601890afd80709.1300286700.git.me.you", "h36.d8.git.a*", "h40.d10.git.a*", NULL},
        {"\x01\xff a", "??? a", NULL, NULL},
        {"ABCDEFGHIJKL", "A12", "A12", "A12"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span in = exact_str(t[i].in);
        char a[64], b[64], c[64];
        struct word wa = {.p = a, .cap = sizeof a}, wb = {.p = b, .cap = sizeof b}, wc = {.p = c, .cap = sizeof c};
        a[0] = b[0] = c[0] = 0;
        form_of(&wa, in, false);
        form_of(&wb, in, true);
        form_shape(&wc, in);
        if (i == 12) /* bytes that are no letters are not told */
            assert_null(strchr(a, '\x01'));
        else if (strcmp(a, t[i].form) || (t[i].exact && strcmp(b, t[i].exact)) || (t[i].shape && strcmp(c, t[i].shape)))
            fail_msg("%s: %s %s %s", t[i].in, a, b, c);
        exact_free(in);
    }
}

static void cases_of_names(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } t[] = {
        {"Message-ID", "CU"}, {"Message-Id", "CC"}, {"MIME-Version", "UC"}, {"Mime-Version", "CC"}, {"Content-type", "Cl"},
        {"X-MSMail-Priority", "CmC"}, {"UTF-8", "Ud"}, {"subject", "l"}, {"SUBJECT", "U"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char got[16] = "";
        struct word w = {.p = got, .cap = sizeof got};
        form_case(&w, span_str(t[i].in));
        assert_string_equal(got, t[i].out);
    }
}

/* ---- mailers: a generator of its own, with programs that differ in one thing each ---- */

struct program { const char *head; }; /* %x: 8 hexadecimal digits, %X: upper case, %d: 5 digits, %w: a word, %h: host, %D: a date */

static uint64_t draw(uint64_t *seed) { return mix64(*seed += 0x9e3779b97f4a7c15u); }

static void expand(char *out, size_t cap, const char *in, uint64_t *seed)
{
    static const char *const word[] = {"alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "willow"};
    size_t n = 0;
    for (; *in && n + 64 < cap; in++) {
        if (*in != '%') {
            out[n++] = *in;
            continue;
        }
        uint64_t r = draw(seed);
        switch (*++in) {
        case 'x': n += (size_t)snprintf(out + n, cap - n, "%08x", (unsigned)r); break;
        case 'X': n += (size_t)snprintf(out + n, cap - n, "%08X", (unsigned)r); break;
        case 'd': n += (size_t)snprintf(out + n, cap - n, "%05u", (unsigned)(r % 100000)); break;
        case 'w': n += (size_t)snprintf(out + n, cap - n, "%s", word[r % 12]); break;
        case 'h': n += (size_t)snprintf(out + n, cap - n, "%s.%s.example", word[r % 12], word[r / 12 % 12]); break;
        case 'D': n += (size_t)snprintf(out + n, cap - n, "Wed, %02u Mar 2011 %02u:45:%02u +0%u00", 1 + (unsigned)(r % 28),
                                        (unsigned)(r / 28 % 24), (unsigned)(r / 999 % 60), (unsigned)(r / 77777 % 5)); break;
        default: out[n++] = '%';
        }
    }
    out[n] = '\0';
}

#define BODY "Subject: %w %w %w\r\nMIME-Version: 1.0\r\n"
static const struct program program[] = {
    {"Message-ID: <%x@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    /* order */
    {"From: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nMessage-ID: <%x@%h>\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    /* case */
    {"Message-Id: <%x@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    /* Message-ID */
    {"Message-ID: <%x$%x$%x@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    {"Message-ID: <%X$%X$%X@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    /* Date */
    {"Message-ID: <%x@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D (WET)\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
    /* colon */
    {"Message-ID:<%x@%h>\r\nFrom:%w <%w@%h>\r\nTo:<%w@trap.example>\r\nSubject:%w %w %w\r\nMIME-Version:1.0\r\nDate:%D\r\nContent-Type:text/plain; charset=\"us-ascii\"\r\n"},
    /* what is there */
    {"Message-ID: <%x@%h>\r\nFrom: %w <%w@%h>\r\nTo: <%w@trap.example>\r\n" BODY "Date: %D\r\nX-Priority: 3\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n"},
};
enum { PROGRAMS = sizeof program / sizeof *program, MESSAGES = 300 };

static void read_text(struct mail_parser *p, struct arena *a, const char *text, struct mailer *out)
{
    struct span in = exact_str(text);
    struct message *m;
    struct source s;
    assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
    source_read(a, m, NULL, NULL, &s);
    mailer_read(m, &s, NULL, out);
    exact_free(in); /* a mailer keeps nothing of the message */
}

/* One program has one key (all but the rare draw of hexadecimal digits without a letter), two programs have two. */
static void keys_hold_and_differ(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    uint64_t seed = 20110316, common[PROGRAMS];
    for (size_t i = 0; i < PROGRAMS; i++) {
        unsigned same = 0;
        uint64_t first[3] = {0};
        for (unsigned n = 0; n < MESSAGES; n++) {
            char text[2048];
            struct mailer m;
            expand(text, sizeof text - 32, program[i].head, &seed);
            strcat(text, "\r\n%w\r\n");
            read_text(p, a, text, &m);
            arena_reset(a);
            assert_int_not_equal(m.key, 0);
            if (n < 3)
                first[n] = m.key;
            if (n == 2)
                common[i] = first[0] == first[1] || first[0] == first[2] ? first[0] : first[1];
            same += n >= 2 && m.key == common[i];
        }
        if (same < (MESSAGES - 2) * 95 / 100)
            fail_msg("program %zu: only %u of %u messages have its key", i, same, MESSAGES - 2);
        for (size_t k = 0; k < i; k++)
            if (common[k] == common[i])
                fail_msg("programs %zu and %zu have one key", k, i);
    }
    arena_free(&a);
    mail_parser_free(&p);
}

static void likeness(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    struct mailer one, near_one, far;
    uint64_t seed = 7;
    char text[2048];
    expand(text, sizeof text, program[0].head, &seed);
    read_text(p, a, text, &one);
    expand(text, sizeof text, program[5].head, &seed);
    read_text(p, a, text, &near_one);
    read_text(p, a, "X-Mailer: other 3\nsubject:x\nFROM: a@b.example\nDate: 1 Jan 11 10:00 GMT\n\n", &far);
    assert_true(mailer_alike(&one, &one) == 1);
    assert_true(mailer_alike(&one, &near_one) == mailer_alike(&near_one, &one));
    assert_true(mailer_alike(&one, &near_one) > 0.7);
    assert_true(mailer_alike(&one, &far) < 0.3);
    struct mailer none = {0};
    assert_true(mailer_alike(&none, &none) == 0);
    arena_free(&a);
    mail_parser_free(&p);
}

/* Every kind of trait is told, and no value is a part of what the message says. */
static void traits(void **state)
{
    (void)state;
    static const struct { const char *head, *want; } t[] = {
        {"Date: Wed, 16 Mar 2011 14:45:00 GMT\nFrom: \"A B\" <a@b.example>\nTo: c@d.example\n", "date=week,secname"},
        {"Date: Wed, 16 Mar 2011 14:45:00 +0100 (CET)\nFrom: a@b.example\n", "date=week,secnum(zone)"},
        {"Date: 16 Mar 2011 14:45 +0100\nFrom: a@b.example\n", "date=dayminnum"},
        {"From: =?utf-8?B?QQ==?= <a@b.example>\nTo: x\n", "from=ea"},
        {"From: A<a@b.example>\nTo: <c@d.example>\n", "from=uat"},
        {"From: a@b.example\nTo: undisclosed-recipients:;\n", "to=-x"},
        {"From: a@b.example\nTo: x\nSubject: =?UTF-8?Q?a?=\n", "subject=Q0Ud"},
        {"From: a@b.example\nTo: x\nMessage-ID: <1@b.example>\n", "midhost=from"},
        {"From: a@b.example\nTo: x\nMessage-ID: <1@x.b.example>\n", "midhost=below-from"},
        {"From: a@b.example\nTo: x\nMessage-ID: <1@[192.0.2.1]>\n", "midhost=address"},
        {"From: a@b.example\nTo: x\nMessage-ID: <1@pc>\n", "midhost=single"},
        {"From: a@b.example\nTo: x\nMessage-ID: 1@pc\n", "mid=!d"},
        {"From: a@b.example\nTo: x\nMessage-ID: <0001@pc>\n", "midhead=03"},
        {"From: a@b.example\nX-Mailer: Secret Sender 4.2 (r17)\n", "claim=Secret_Sender_9__r9_"},
        {"From: a@b.example\nContent-Type: multipart/mixed; boundary=\"--b0_12ab\"\n", "bstyle=s1q"},
        {"From: a@b.example\nContent-Type: text/html;\n        charset=\"Windows-1251\"\n", "ctype=f8qm"},
        {"Received: from [192.0.2.1] (x.isp.example [192.0.2.1]) by mx (Postfix) with SMTP id 1\nFrom: a@b.example\nTo: x\n", "helo=[own]"},
        {"Received: from x.isp.example (x.isp.example [192.0.2.1]) by mx (Postfix) with SMTP id 1\nFrom: a@b.example\nTo: x\n", "helo=reverse"},
        {"Received: from ylmf-pc (unknown [192.0.2.1]) by mx (Postfix) with SMTP id 1\nFrom: a@b.example\nTo: x\n", "heloword=ylmf-pc"},
        {"Received: from b.example (unknown [192.0.2.1]) by mx (Postfix) with SMTP id 1\nReceived: by x\nFrom: a@b.example\nTo: x\n", "forged=1"},
        {"From: a@b.example\nTo: x\nMIME-Version: 1.0 (Apple)\n", "mime=1.0+"},
        {"From: a@b.example\nTo: x\nContent-Type: text/plain\nContent-Transfer-Encoding: Quoted-Printable\n", "encoding=Quoted-Printable"},
    };
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char text[1024], got[1024] = "";
        struct mailer m;
        bool found = false;
        snprintf(text, sizeof text, "%s\nbody\n", t[i].head);
        read_text(p, a, text, &m);
        for (size_t k = 0; k < m.n; k++) {
            char one[96];
            snprintf(one, sizeof one, "%s=%s", mailer_trait_name(m.trait[k].kind), m.trait[k].value);
            found |= strcmp(one, t[i].want) == 0;
            strncat(got, one, sizeof got - strlen(got) - 2);
            strcat(got, " ");
        }
        if (!found)
            fail_msg("no %s in %s", t[i].want, got);
        arena_reset(a);
    }
    arena_free(&a);
    mail_parser_free(&p);
}

static void machines(void **state)
{
    (void)state;
    static const struct { const char *helo; bool is_name; } t[] = {
        {"DESKTOP-4711", true}, {"desktop-4711", true}, {"localhost", false}, {"a.b.example", false}, {"[192.0.2.1]", false},
        {"192.0.2.1", false}, {"12345", false}, {"pc", false}, {"", false}, {"caf\xc3\xa9", false},
    };
    struct message m = {0};
    struct mailer first = {0};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct source s = {.helo = exact_str(t[i].helo)};
        struct mailer x;
        mailer_read(&m, &s, NULL, &x);
        assert_int_equal(x.machine != 0, t[i].is_name);
        assert_int_equal(x.key, 0);
        if (i == 0)
            first = x;
        if (i == 1)
            assert_int_equal(x.machine, first.machine);
        exact_free(s.helo);
    }
}

static void dialects(void **state)
{
    (void)state;
    static const struct { const char *lines[6], *dialect, *args; } t[] = {
        {{"EHLO pc", "MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME", "RCPT TO:<c@d.example>", "DATA"}, "EHLO-upper", "a.SIZE.BODY=8BITMIME"},
        {{"helo pc", "rset", "mail from: a@b.example", "rcpt to: <c@d.example>", "data"}, "HELO-lower-blank-rset", "b"},
        {{"EHLO pc", "STARTTLS", "EHLO pc", "Mail From:<> size=1 SMTPUTF8", "RCPT TO:<c@d.example> NOTIFY=NEVER"}, "EHLO-mixed", "a.size.SMTPUTF8"},
        {{"MAIL FROM:<a@b.example>", "RSET", "MAIL FROM:<a@b.example> AUTH=<>"}, "none-upper", "a.AUTH"},
        {{"EHLO pc", "auth plain secret", "NOOP"}, "EHLO-upper", NULL},
        {{"", " ", "AUTH LOGIN", "Received: from x"}, NULL, NULL},
        {{"MAIL", "MAIL FROM", "MAIL FROM:"}, "none-upper", "b"},
        {{"MAIL FROM:<a> \xff\x01|=x A123456789012345678901234567890123456789"}, "none-upper", "a.____=x_A1"},
    };
    struct message m = {0};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct smtp_dialect d = {0};
        struct mailer x;
        for (size_t k = 0; k < 6 && t[i].lines[k]; k++) {
            struct span line = exact_str(t[i].lines[k]);
            dialect_command(&d, line);
            exact_free(line);
        }
        mailer_read(&m, NULL, &d, &x);
        const char *dialect = trait_of(&x, TRAIT_DIALECT), *args = trait_of(&x, TRAIT_MAIL_ARGS);
        if (i + 1 < sizeof t / sizeof *t) {
            assert_string_equal(dialect ? dialect : "-", t[i].dialect ? t[i].dialect : "-");
            assert_string_equal(args ? args : "-", t[i].args ? t[i].args : "-");
        } else {
            assert_true(args && strlen(args) < MAILER_TRAIT_TEXT); /* cut, and nothing but letters */
            assert_null(strpbrk(args, " |\xff\x01"));
        }
    }
}

static void names(void **state)
{
    (void)state;
    char name[MAILER_NAME];
    mailer_name(0, name);
    assert_string_equal(name, "mailer-babab-babab-babab");
    char other[MAILER_NAME];
    for (uint64_t key = 1; key < 1000; key++) {
        mailer_name(key, name);
        mailer_name(key + 1, other);
        assert_int_equal(strlen(name), 24);
        assert_string_not_equal(name, other);
    }
    mailer_name(1, name); /* the same on every machine, for ever */
    assert_string_equal(name, "mailer-jipif-dimit-dabar");
}

/* ---- the book ---- */

static const struct { const char *text, *why; } bad[] = {
    {"", "f:0: a file needs a family and a trait"},
    {"trait order F for 1 against 1 s\n", "f:1: a file begins with \"family NAME\""},
    {"family A\nfamily B\n", "f:2: a file describes one family"},
    {"family A B\n", "f:1: nothing may follow"},
    {"family A/B\n", "f:1: a family's name"},
    {"family\n", "f:1: a family's name"},
    {"family A\nsource s\n", "f:2: after its word a source"},
    {"family A\nsource\n", "f:2: a source begins"},
    {"family A\nsource s x\nsource s y\n", "f:3: there is a source of that name"},
    {"family A\nsource s x\ntrait nosuch v for 1 against 1 s\n", "f:3: no such trait"},
    {"family A\nsource s x\n\n# c\ntrait order\n", "f:5: after the trait's name"},
    {"family A\nsource s x\ntrait order F for 1\n", "f:3: after the value go"},
    {"family A\nsource s x\ntrait order F for 21 against 1 s\n", "f:3: after the value go"},
    {"family A\nsource s x\ntrait order F for -1 against 1 s\n", "f:3: after the value go"},
    {"family A\nsource s x\ntrait order F for 1e9 against 1 s\n", "f:3: after the value go"},
    {"family A\nsource s x\ntrait order F for 1 against 1 t\n", "f:3: every trait ends"},
    {"family A\nsource s x\ntrait order F for 1 against 1\n", "f:3: every trait ends"},
    {"family A\nsource s x\ntrait order F for 1 against 1 s more\n", "f:3: nothing may follow"},
    {"family A\nwhat\n", "f:2: a line is"},
    {"family A\nsource s x\n", "f:2: a file needs a family and a trait"},
};

static void book_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mailer_book *b;
        struct report why = {0};
        struct span in = exact_str(bad[i].text);
        assert_int_equal(mailer_book_new(&b), POSSE_OK);
        int err = mailer_book_read(b, in, "f", &why);
        if (err != POSSE_ESYNTAX || strncmp(why.text, bad[i].why, strlen(bad[i].why)))
            fail_msg("%s\ngave %d %s", bad[i].text, err, why.text);
        assert_int_equal(mailer_book_size(b), 0);
        mailer_book_free(&b);
        exact_free(in);
    }
}

static const char family_a[] = "# one\nfamily Alder\nsource s A. Paper, 2010\n\ntrait mid h8 for 6 against 6 s\r\ntrait order M* for 3 against 3 s\n"
                               "trait helo single for 4 against 4 s\n";
static const char family_b[] = "family Birch\nsource s B. Paper, 2011\ntrait mid h8$* for 6 against 6 s\ntrait order M* for 3 against 3 s\n";

static void matching(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    struct mailer_book *b;
    struct mailer m;
    struct mailer_match hit[4];
    struct report why;
    uint64_t seed = 3;
    char text[2048];
    assert_int_equal(mailer_book_new(&b), POSSE_OK);
    assert_int_equal(mailer_book_read(b, SPAN_LIT(family_a), "a", &why), POSSE_OK);
    assert_int_equal(mailer_book_read(b, SPAN_LIT(family_b), "b", &why), POSSE_OK);
    assert_int_equal(mailer_book_read(b, SPAN_LIT(family_b), "c", &why), POSSE_ESYNTAX);
    assert_int_equal(mailer_book_size(b), 2);
    expand(text, sizeof text, program[0].head, &seed);
    read_text(p, a, text, &m);
    assert_int_equal(mailer_match(b, &m, hit, 4), 1);
    assert_string_equal(hit[0].family, "Alder");
    assert_true(hit[0].probability > 0.9 && hit[0].probability < 0.97);
    assert_int_equal(hit[0].n_reasons, 2); /* nobody saw the greeting */
    assert_string_equal(hit[0].reason[0].trait, "mid=h8");
    assert_string_equal(hit[0].reason[0].source, "A. Paper, 2010");
    expand(text, sizeof text, program[3].head, &seed);
    read_text(p, a, text, &m);
    assert_int_equal(mailer_match(b, &m, hit, 4), 1);
    assert_string_equal(hit[0].family, "Birch");
    expand(text, sizeof text, program[1].head, &seed);
    read_text(p, a, text, &m);
    assert_int_equal(mailer_match(b, &m, hit, 4), 0);
    assert_int_equal(mailer_match(b, &m, hit, 0), 0);
    assert_int_equal(mailer_match(NULL, &m, hit, 4), 0);
    mailer_book_free(&b);
    arena_free(&a);
    mail_parser_free(&p);
}

static void folders(void **state)
{
    (void)state;
    struct mailer_book *b;
    struct report why;
    char dir[] = "/tmp/posse-mailers-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(mailer_book_open(dir, &b, &why), POSSE_OK);
    assert_int_equal(mailer_book_size(b), 0);
    mailer_book_free(&b);
    snprintf(path, sizeof path, "%s/x.mailer", dir);
    FILE *f = fopen(path, "w");
    fputs("family A\nnonsense\n", f);
    fclose(f);
    assert_int_equal(mailer_book_open(dir, &b, &why), POSSE_ESYNTAX);
    assert_null(b);
    assert_non_null(strstr(why.text, "x.mailer:2: "));
    f = fopen(path, "w");
    for (int i = 0; i < 20000; i++)
        fputs("# x\n", f);
    fclose(f);
    assert_int_equal(mailer_book_open(dir, &b, &why), POSSE_ETOOBIG);
    unlink(path);
    rmdir(dir);
    assert_int_equal(mailer_book_open(dir, &b, &why), POSSE_OK); /* no folder, no families */
    mailer_book_free(&b);
    assert_int_equal(mailer_book_open(NULL, &b, &why), POSSE_OK);
    mailer_book_free(&b);
    mailer_book_free(&b);
}

/* What ships can be read, and each family knows a message written as its sources say. */
static void shipped(void **state)
{
    (void)state;
    static const struct { const char *head, *family; } t[] = {
        {"Message-ID: <000701c8a1b2$3c4d5e60$0100a8c0@qwerty7>\nFrom: \"A\" <a@b.example>\nTo: <c@d.example>\nSubject: x\n"
         "Date: Tue, 20 Nov 2007 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain\nX-Mailer: Microsoft Outlook Express 6.00.2900.3138\n"
         "X-MimeOLE: Produced By Microsoft MimeOLE V6.00.2900.3198\n", "Srizbi"},
        {"thread-index: Acj4\nFrom: \"A\" <a@b.example>\nTo: <c@d.example>\nSubject: x\nDate: Thu, 14 Aug 2008 10:00:00 +0200\nMIME-Version: 1.0\n"
         "Content-Type: text/html\nContent-Transfer-Encoding: 7bit\nX-Mailer: Microsoft CDO for Windows 2000\n"
         "Content-Class: urn:content-classes:message\nImportance: normal\nPriority: normal\nX-MimeOLE: Produced By Microsoft MimeOLE V6.00.3790.3119\n",
         "Rustock"},
        {"From: a@b.example\nTo: c@d.example\nMessage-Id: <1234D567.123456.12345@ABCD>\n", "Bobax"},
        {"Received: from ylmf-pc (unknown [192.0.2.1]) by mx (Postfix) with SMTP id 1\nFrom: a@b.example\nTo: c@d.example\nSubject: x\n", "Cutwail"},
        {"From: a@b.example\nTo: c@d.example\nMessage-ID: <20110316144500.GA12@b.example>\nX-Mailer: Microsoft Outlook Express 6.00\n", NULL},
    };
    char folder[1024];
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    struct mailer_book *b;
    struct report why = {0};
    snprintf(folder, sizeof folder, "%s/models/mailers", getenv("POSSE_SOURCE_ROOT"));
    if (mailer_book_open(folder, &b, &why))
        fail_msg("%s", why.text);
    assert_true(mailer_book_size(b) >= 4);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char text[2048];
        struct mailer m;
        struct mailer_match hit[4];
        snprintf(text, sizeof text, "%s\nx\n", t[i].head);
        read_text(p, a, text, &m);
        size_t n = mailer_match(b, &m, hit, 4);
        if (n != (t[i].family != NULL) || (n && strcmp(hit[0].family, t[i].family)))
            fail_msg("%s: %zu %s", t[i].head, n, n ? hit[0].family : "");
        arena_reset(a);
    }
    mailer_book_free(&b);
    arena_free(&a);
    mail_parser_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(cases_of_names), cmocka_unit_test(keys_hold_and_differ), cmocka_unit_test(likeness),
        cmocka_unit_test(traits), cmocka_unit_test(machines), cmocka_unit_test(dialects), cmocka_unit_test(names),
        cmocka_unit_test(book_says_where), cmocka_unit_test(matching), cmocka_unit_test(folders), cmocka_unit_test(shipped),
    };
    return cmocka_run_group_tests_name("mailer", tests, NULL, NULL);
}
