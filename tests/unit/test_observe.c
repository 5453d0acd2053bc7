/* observe: what is read of a message, what time it counts at, what a save keeps and a crash loses, originals and templates. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "engine/digest.h"
#include "engine/observe.h"

#define HOUR 3600000LL
#define DAY 86400000LL
#define T0 1300147200000LL /* 2011-03-15T00:00:00Z */

struct place { char home[64]; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->home, "/tmp/posse-observe-XXXXXX");
    *state = p;
    return mkdtemp(p->home) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", p->home);
    int rc = system(command);
    free(p);
    return rc;
}

static struct observatory *opened(const char *home, bool is_reader, uint32_t originals)
{
    static const char *const ours[] = {"192.0.2.0/24", "!10.0.0.0/8"};
    struct observe_options opt = {.home = home, .ours = ours, .n_ours = 2, .originals = originals, .is_reader = is_reader,
                                  .latest_ms = T0 + 400 * DAY};
    struct observatory *o;
    struct report why = {0};
    if (observatory_open(&opt, &o, &why))
        fail_msg("%s", why.text);
    return o;
}

static struct sighting *read_it(struct observe_worker *w, const char *mail, unsigned flags, const struct mailer **mailer)
{
    struct observe_in in = {.flags = flags};
    struct sighting *s;
    struct span raw = exact_str(mail);
    assert_int_equal(observe_bytes(w, raw, &in, &s, mailer), 0);
    exact_free(raw); /* what is looked at below is no view of it */
    return s;
}

static void reads(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 0);
    struct observe_worker *w = observe_worker_new(o);
    const struct mailer *m;
    struct ip ip;
    struct sighting *s = read_it(w,
        "Return-Path: <bounce@sender.example>\n"
        "X-Envelope-To: a@one.example, b@two.example\nDelivered-To: A@one.example\n"
        "Received: from back.example ([192.0.2.7]) by mx.example with ESMTP id 2; Tue, 15 Mar 2011 00:02:00 +0000\n"
        "Received: from BOT-1 (bot.example [10.1.2.3])\n\tby front.example (Postfix) with SMTP id 1\n\tfor <a@one.example>; Tue, 15 Mar 2011 00:01:00 +0000\n"
        "Received: from forged ([203.0.113.9]) by elsewhere; Tue, 15 Mar 2011 00:00:00 +0000\n"
        "From: x@shop.example\nTo: nobody@three.example\nDate: Fri, 1 Jan 2038 00:00:00 +0000\nSubject: hi\nList-Unsubscribe: <http://u.example/>\n\n"
        "Buy at http://www.shop.example/a and http://other.test/b and http://www.shop.example/c now please, this is the text.\n",
        OBSERVE_SPAM, &m);
    assert_true(ip_read(SPAN_LIT("10.1.2.3"), &ip));
    assert_int_equal(ip_compare(&s->source, &ip), 0);
    assert_int_equal(s->time_ms, T0 + 2 * 60000);
    assert_int_equal(s->n_rcpt, 2);
    assert_int_equal(s->n_rcpt_domains, 2);
    assert_int_equal(s->n_links, 2);
    assert_int_equal(s->flags, SIGHTING_SPAM | SIGHTING_LIST | SIGHTING_TRUSTED_SOURCE);
    assert_int_equal(s->raw.n, 0);
    s = read_it(w, "x\n", 0, &m); /* hardly a message */
    assert_int_equal(s->time_ms, 0);
    assert_int_equal(s->n_rcpt, 1);
    assert_int_equal(s->flags, 0);
    assert_true(ip_is_zero(&s->source));
    s = read_it(w, "From a@b.example Tue Mar 15 00:03:51 2011\nSubject: s\n\nEin Wort, und das ist nicht von der anderen Art, die sie mit sich bringt\n", 0, &m);
    assert_int_equal(s->time_ms, T0 + 231000);
    assert_string_equal(s->language, "de");
    observe_worker_free(&w);
    observatory_drop(&o);
}

static void believes_who_wrote_it(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 0);
    struct observe_worker *w = observe_worker_new(o);
    const struct mailer *m;
    static const struct { const char *head; bool is_authenticated; } t[] = {
        {"Authentication-Results: mx.example; dkim=pass header.d=shop.example\nReceived: from a ([10.1.1.1]) by mx.example; Tue, 15 Mar 2011 00:02:00 +0000\n", true},
        {"Received: from a ([10.1.1.1]) by mx.example; Tue, 15 Mar 2011 00:02:00 +0000\nAuthentication-Results: mx.example;\n spf=pass smtp.mailfrom=a@shop.example\n", true},
        {"Received: from a ([10.1.1.1]) by mx.example; Tue, 15 Mar 2011 00:02:00 +0000\nAuthentication-Results: else.example; dkim=pass header.d=shop.example\n", false},
        {"Received: from a ([10.1.1.1]) by mx.example; Tue, 15 Mar 2011 00:02:00 +0000\nReceived: from b by a; Tue, 15 Mar 2011 00:00:00 +0000\n"
         "Authentication-Results: mx.example; dmarc=pass\n", false},
        {"Authentication-Results: mx.example; dkim=pass header.d=other.example\n", false},
        {"Authentication-Results: mx.example; dkim=fail header.d=shop.example\n", false},
        {"Authentication-Results: mx.example; x-dkim=pass header.d=shop.example\n", false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char mail[2000];
        snprintf(mail, sizeof mail, "%sFrom: x@news.shop.example\n\ntext\n", t[i].head);
        struct sighting *s = read_it(w, mail, 0, &m);
        if (((s->flags & SIGHTING_AUTHENTICATED) != 0) != t[i].is_authenticated)
            fail_msg("case %zu", i);
    }
    observe_worker_free(&w);
    observatory_drop(&o);
}

static const char *const words[] = {"apple", "bridge", "candle", "drum", "engine", "flute", "garden", "hammer"};

/* One of a campaign: fixed sentences, a word that varies, a number. */
static void mail_of(char *out, size_t n, unsigned campaign, unsigned i, int64_t time_ms)
{
    static const char *const text[] = {
        "the committee of the %s invites all members to number %u of its letters about painted wooden boats and their oars",
        "a walk along the river with a %s costs nothing and in %u days everybody will be there with lanterns and some soup",
    };
    char line[400];
    snprintf(line, sizeof line, text[campaign % 2], words[i * 7 % 8], i * 13 % 97 + 1);
    snprintf(out, n,
             "Received: from h%u ([10.%u.%u.%u]) by mx.example with SMTP id %u; @%lld\nFrom: a%u@shop%u.example\nSubject: letter %u\n"
             "Message-ID: <%u.%u@x.example>\n\n%s\nsee http://www.shop%u.example/page\n",
             i, campaign, i >> 8 & 255, i & 255, i, (long long)time_ms, i, campaign, campaign, i, campaign, line, campaign);
}

static void add(struct observatory *o, struct observe_worker *w, unsigned campaign, unsigned i, int64_t time_ms, struct join *join)
{
    char mail[2000];
    const struct mailer *m;
    struct sighting *s;
    struct report why = {0};
    struct observe_in in = {.flags = OBSERVE_SPAM | OBSERVE_KEEP, .time_ms = time_ms};
    mail_of(mail, sizeof mail, campaign, i, time_ms);
    assert_int_equal(observe_bytes(w, span_str(mail), &in, &s, &m), 0);
    if (observatory_add(o, s, m, join, NULL, &why))
        fail_msg("%s", why.text);
}

static void believes_times(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 0);
    struct observe_worker *w = observe_worker_new(o);
    struct join j;
    struct observed n;
    static const struct { int64_t said, now; uint64_t odd; } t[] = {
        {T0, T0, 0}, {T0 + HOUR, T0 + HOUR, 0}, {T0 - HOUR, T0 + HOUR, 0}, {T0 + 30 * DAY, T0 + HOUR, 1}, {T0 + 2 * HOUR, T0 + 2 * HOUR, 1},
        {T0 - 3 * DAY, T0 + 2 * HOUR, 2}, {T0 + 500 * DAY, T0 + 2 * HOUR, 3}, {1, T0 + 2 * HOUR, 4}, {-5, T0 + 2 * HOUR, 5},
        /* the trap was off for a week: the fourth in a row is believed */
        {T0 + 8 * DAY, T0 + 2 * HOUR, 6}, {T0 + 8 * DAY + HOUR, T0 + 2 * HOUR, 7}, {T0 + 8 * DAY, T0 + 2 * HOUR, 8},
        {T0 + 8 * DAY + 2 * HOUR, T0 + 8 * DAY + 2 * HOUR, 8},
    };
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        add(o, w, i, 1, t[i].said, &j);
        observatory_count(o, &n);
        if (n.now_ms != t[i].now || n.odd_time != t[i].odd)
            fail_msg("case %u: now %lld, odd %llu", i, (long long)(n.now_ms - T0), (unsigned long long)n.odd_time);
    }
    observe_worker_free(&w);
    observatory_drop(&o);
}

/* What says 1970 or 2106 does not begin a stream. */
static void allows_times(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    struct observatory *o;
    struct observe_options opt = {.home = p->home, .latest_ms = T0 + DAY};
    assert_int_equal(observatory_open(&opt, &o, &why), 0);
    assert_true(observatory_allows(o, T0) && observatory_allows(o, T0 + DAY) && observatory_allows(o, T0 - 365 * DAY));
    assert_false(observatory_allows(o, 0) || observatory_allows(o, -1) || observatory_allows(o, 5000) || observatory_allows(o, T0 + DAY + 1));
    observatory_drop(&o);
}

/* A flood of short texts whose templates match nothing: trying gets rare, it does not stop. */
static int latest_version(void *ctx, const struct seen_template *t)
{
    unsigned *version = ctx;
    *version = t->version > *version ? t->version : *version;
    return 0;
}

static void tires_of_templates(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 200);
    struct observe_worker *w = observe_worker_new(o);
    struct observe_in in = {.flags = OBSERVE_SPAM | OBSERVE_KEEP};
    struct report why = {0};
    struct join j;
    unsigned version = 0;
    for (unsigned i = 0; i < 4000; i++) {
        char mail[400];
        const struct mailer *m;
        struct sighting *s;
        in.time_ms = T0 + i * 50;
        snprintf(mail, sizeof mail, "Received: from h (h [203.0.113.9]) by mx.example; @%lld\nSubject: s %u\n\nbuy %u of the best and cheapest "
                 "things in the world http://z.example/%u\n", (long long)in.time_ms, i % 7, i % 100, i % 1000);
        assert_int_equal(observe_bytes(w, span_str(mail), &in, &s, &m), 0);
        assert_int_equal(observatory_add(o, s, m, &j, NULL, &why), 0);
    }
    assert_int_equal(observatory_templates(o, j.number, latest_version, &version, &why), 0);
    if (version < 1 || version > 10) /* of 125 lots of 32 */
        fail_msg("%u", version);
    observe_worker_free(&w);
    observatory_drop(&o);
}

static uint64_t messages_of(struct observatory *o, uint64_t number)
{
    struct campaign *c = malloc(sizeof *c);
    uint64_t n = campaigns_get(observatory_campaigns(o), number, c) ? c->messages : 0;
    free(c);
    return n;
}

static void saves(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 8), *other;
    struct observe_worker *w = observe_worker_new(o);
    struct observe_options opt = {.home = p->home};
    struct report why = {0};
    struct join j;
    for (unsigned i = 0; i < 20; i++)
        add(o, w, 1, i, T0 + i * 60000, &j);
    assert_int_equal(observatory_mark(o, SPAN_LIT("box"), SPAN_LIT("here")), 0);
    assert_int_equal(observatory_save(o, &why), 0);
    assert_int_equal(observatory_open(&opt, &other, &why), POSSE_EBUSY);
    for (unsigned i = 20; i < 30; i++)
        add(o, w, 1, i, T0 + i * 60000, &j);
    assert_int_equal(observatory_mark(o, SPAN_LIT("box"), SPAN_LIT("further")), 0);
    assert_int_equal(messages_of(o, j.number), 30);
    other = opened(p->home, true, 0);
    assert_int_equal(messages_of(other, j.number), 20); /* what the save had */
    observatory_drop(&other);
    observe_worker_free(&w);
    observatory_drop(&o); /* as if it had been killed */
    o = opened(p->home, false, 8);
    assert_int_equal(messages_of(o, j.number), 20);
    assert_span_equal(observatory_marked(o, SPAN_LIT("box")), "here");
    assert_int_equal(observatory_marked(o, SPAN_LIT("no")).n, 0);
    w = observe_worker_new(o);
    for (unsigned i = 20; i < 30; i++) /* again: the same, once */
        add(o, w, 1, i, T0 + i * 60000, &j);
    assert_int_equal(j.how, JOINED_CAMPAIGN);
    assert_int_equal(messages_of(o, j.number), 30);
    observe_worker_free(&w);
    assert_int_equal(observatory_close(&o, &why), 0);
    assert_null(o);
}

struct told_templates { unsigned n, matched, seen, texts, until; bool is_proven; int64_t first_ms, held_ms; };

static int see_template(void *ctx, const struct seen_template *t)
{
    struct told_templates *x = ctx;
    x->n++;
    x->matched = t->matched;
    x->seen = t->seen;
    x->texts = t->texts;
    x->until = t->until;
    x->first_ms = t->first_ms;
    x->held_ms = t->held_ms;
    x->is_proven = !t->refused && t->proof != PROOF_NONE;
    assert_non_null(t->t);
    return 0;
}

static int count_original(void *ctx, int64_t time_ms, struct span raw)
{
    unsigned *n = ctx;
    (*n)++;
    assert_true(time_ms >= T0 && raw.n > 100);
    return 0;
}

static void keeps_originals_and_templates(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 64);
    struct observe_worker *w = observe_worker_new(o);
    struct told_templates t = {0};
    struct report why = {0};
    struct join j;
    unsigned originals = 0;
    for (unsigned i = 0; i < HAM_LEAST; i++) { /* wanted mail, to prove on */
        char mail[600];
        const struct mailer *m;
        struct sighting *s;
        struct observe_in in = {.flags = 0};
        snprintf(mail, sizeof mail, "Subject: note %u\n\nplease bring the %s of last %s to our meeting in room %u tomorrow and tell the others\n", i,
                 words[i % 8], words[i / 8 % 8], i);
        assert_int_equal(observe_bytes(w, span_str(mail), &in, &s, &m), 0);
        assert_int_equal(observatory_add_ham(o, s, &why), 0);
    }
    for (unsigned i = 0; i < 200; i++)
        add(o, w, 1, i, T0 + i * 60000, &j);
    assert_int_equal(observatory_templates(o, j.number, see_template, &t, &why), 0);
    assert_int_equal(t.n, 1);
    assert_true(t.is_proven);
    assert_int_equal(t.texts, 64);
    assert_true(t.seen >= 100 && t.matched == t.seen);
    assert_int_equal(t.until, 32);
    assert_true(t.first_ms == T0 && t.held_ms == T0 + 32 * 60000);
    struct observed seen;
    observatory_count(o, &seen);
    assert_int_equal(seen.matched, 200 - 32);
    assert_int_equal(seen.ham_known, HAM_LEAST);
    assert_int_equal(observatory_originals(o, j.number, count_original, &originals, &why), 0);
    assert_int_equal(originals, 64);
    observe_worker_free(&w);
    assert_int_equal(observatory_close(&o, &why), 0);
    o = opened(p->home, false, 64);
    w = observe_worker_new(o);
    t = (struct told_templates){0};
    add(o, w, 1, 1000, T0 + 300 * 60000, &j); /* its signature is compiled anew from the file */
    assert_int_equal(observatory_templates(o, j.number, see_template, &t, &why), 0);
    assert_true(t.n == 1 && t.is_proven && t.matched == t.seen && t.seen > 100 && t.until == 32);
    observatory_count(o, &seen);
    assert_int_equal(seen.matched, 200 - 32 + 1);
    originals = 0;
    assert_int_equal(observatory_originals(o, j.number, count_original, &originals, &why), 0);
    assert_int_equal(originals, 64);
    observe_worker_free(&w);
    observatory_drop(&o);
}

static void tells(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 0);
    struct report why = {0};
    bool is_applied;
    assert_int_equal(observatory_tell(o, "nobody", T0, T0, CAUSE_TAKEDOWN, "", &is_applied, &why), POSSE_ENOENT);
    observatory_drop(&o);
}

struct texts { unsigned n; bool has[8]; };

static int note_original(void *ctx, int64_t time_ms, struct span raw)
{
    struct texts *t = ctx;
    char id[16];
    (void)time_ms;
    t->n++;
    for (unsigned i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "<%u.1@", i);
        t->has[i] |= span_find(raw, span_str(id)) >= 0;
    }
    return 0;
}

static void digest_of(const char *mail, uint8_t out[32])
{
    struct mail_parser *parser = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 20);
    struct message *m;
    assert_int_equal(message_parse(parser, a, span_str(mail), &m), 0);
    digest_message(m, out);
    arena_free(&a);
    mail_parser_free(&parser);
}

static void forgets(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 8);
    struct observe_worker *w = observe_worker_new(o);
    struct report why = {0};
    struct join j;
    struct texts left = {.n = 0};
    char mail[2000], away[2200];
    uint8_t digest[3][32] = {{0}};
    uint64_t each[3] = {9, 9, 9}, words_gone;
    assert_int_equal(observatory_forget("/tmp/posse-no-such-home", (const uint8_t (*)[32])digest, 1, each, &words_gone, &why), 0);
    for (unsigned i = 0; i < 6; i++)
        add(o, w, 1, i, T0 + i * 60000, &j);
    assert_int_equal(observatory_save(o, &why), 0);
    mail_of(mail, sizeof mail, 1, 2, T0 + 2 * 60000);
    snprintf(away, sizeof away, "Received: by another.example; Tue, 15 Mar 2011 09:00:00 +0000\n%s", mail); /* the same, by another way */
    digest_of(away, digest[0]);
    mail_of(mail, sizeof mail, 1, 5, T0 + 5 * 60000);
    digest_of(mail, digest[2]);
    assert_int_equal(observatory_forget(p->home, (const uint8_t (*)[32])digest, 3, each, &words_gone, &why), 0); /* beside the one that observes */
    assert_true(each[0] == 1 && each[1] == 0 && each[2] == 1);
    assert_int_equal(observatory_originals(o, j.number, note_original, &left, &why), 0);
    assert_int_equal(left.n, 4);
    assert_true(left.has[0] && left.has[1] && !left.has[2] && left.has[4] && !left.has[5]);
    assert_int_equal(messages_of(o, j.number), 6);
    add(o, w, 1, 6, T0 + 6 * 60000, &j);
    observe_worker_free(&w);
    assert_int_equal(observatory_close(&o, &why), 0);
    o = opened(p->home, false, 8);
    memset(&left, 0, sizeof left);
    assert_int_equal(observatory_originals(o, j.number, note_original, &left, &why), 0);
    assert_true(left.has[6] && !left.has[5]);
    observatory_drop(&o);
}

/* A word that one message alone had leaves the template with it; nothing else does. */
static int has_word(void *ctx, const struct seen_template *t)
{
    const struct piece *p;
    size_t n = template_pieces(t->t, &p);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; p[i].is_slot && k < p[i].slot.n_words; k++)
            *(unsigned *)ctx += span_eq(p[i].slot.word[k], SPAN_LIT("zanzibar"));
    return 0;
}

static void forgets_words(void **state)
{
    struct place *p = *state;
    struct observatory *o = opened(p->home, false, 64);
    struct observe_worker *w = observe_worker_new(o);
    struct report why = {0};
    struct join j;
    char mail[2000], odd[2000] = "";
    uint8_t digest[1][32];
    uint64_t each[1], words_gone;
    unsigned n = 0;
    for (unsigned i = 0; i < 100; i++) {
        mail_of(mail, sizeof mail, 1, i, T0 + i * 60000);
        if (i == 3) {
            char *at = strstr(mail, words[i * 7 % 8]);
            snprintf(odd, sizeof odd, "%.*szanzibar%s", (int)(at - mail), mail, at + strlen(words[i * 7 % 8]));
            snprintf(mail, sizeof mail, "%s", odd);
        }
        const struct mailer *m;
        struct sighting *s;
        struct observe_in in = {.flags = OBSERVE_SPAM | OBSERVE_KEEP, .time_ms = T0 + i * 60000};
        assert_int_equal(observe_bytes(w, span_str(mail), &in, &s, &m), 0);
        assert_int_equal(observatory_add(o, s, m, &j, NULL, &why), 0);
    }
    assert_int_equal(observatory_templates(o, j.number, has_word, &n, &why), 0);
    assert_int_equal(n, 1);
    observe_worker_free(&w);
    assert_int_equal(observatory_close(&o, &why), 0);
    digest_of(odd, digest[0]);
    assert_int_equal(observatory_forget(p->home, (const uint8_t (*)[32])digest, 1, each, &words_gone, &why), 0);
    assert_int_equal(each[0], 1);
    assert_true(words_gone >= 1); /* numbers are in dictionaries too */
    n = 0;
    o = opened(p->home, true, 64);
    assert_int_equal(observatory_templates(o, j.number, has_word, &n, &why), 0);
    assert_int_equal(n, 0);
    observatory_drop(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads, set_up, tear_down), cmocka_unit_test_setup_teardown(believes_who_wrote_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(believes_times, set_up, tear_down), cmocka_unit_test_setup_teardown(saves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_originals_and_templates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allows_times, set_up, tear_down), cmocka_unit_test_setup_teardown(tires_of_templates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_words, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
