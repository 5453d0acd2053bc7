/* Which gang sends what: worlds of a few pools of machines, counted and settled hour by hour. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets.h"
#include "botnet/botnets_priv.h"

/* ---- a world ---- */

enum { POOLS_MOST = 8, HOUR_MS = 3600000 };
#define START INT64_C(1300000000000)

struct world {
    struct botnets *b;
    struct campaigns *c;
    uint64_t seed;
    int64_t now;
    bool owns_as;
};

static uint64_t draw(struct world *w) { return mix64(w->seed += 0x9e3779b97f4a7c15u); }

static void world_new(struct world *w)
{
    struct report why;
    struct botnets_options o = {0};
    struct campaigns_options co = {0};
    *w = (struct world){.seed = 20110316, .now = START};
    assert_int_equal(botnets_new(&o, &w->b, &why), POSSE_OK);
    assert_int_equal(campaigns_new(&co, &w->c, &why), POSSE_OK);
}

static void world_free(struct world *w)
{
    botnets_free(&w->b);
    campaigns_free(&w->c);
}

/* Machine m of a pool: pools share networks (10.0.0.0/13 has all of them), not addresses, but for one in a hundred. */
static struct ip machine(unsigned pool, unsigned m)
{
    uint64_t h = mix64(m % 100 == 0 ? m : m * 8u + pool + 7919);
    return ip_of_v4(0x0a000000u | (uint32_t)(h % (1u << 19)));
}

struct letter { unsigned pool, machines, campaign; uint64_t mailer; unsigned flags; };

/* One record; returns the membership. */
static struct membership post(struct world *w, const struct letter *l)
{
    struct report why;
    struct join j;
    struct membership m;
    struct sighting s = {.time_ms = w->now, .source = machine(l->pool, (unsigned)(draw(w) % l->machines)), .n_rcpt = 2, .size_bytes = 3000,
                         .flags = l->flags | SIGHTING_RECORD, .key = 1000 + l->campaign, .mailer = l->mailer};
    assert_int_equal(campaigns_add(w->c, &s, &j, &why), POSSE_OK);
    assert_int_equal(botnets_add(w->b, &s, NULL, &j, &m), POSSE_OK);
    return m;
}

/* So many messages of each kind in an hour, then settled. */
static void hour(struct world *w, const struct letter *l, size_t n, unsigned messages)
{
    struct report why = {0};
    for (unsigned i = 0; i < messages; i++, w->now += HOUR_MS / messages)
        for (size_t k = 0; k < n; k++)
            post(w, &l[k]);
    assert_int_equal(botnets_tick(w->b, w->now, true), POSSE_OK);
    if (botnets_settle(w->b, w->c, w->now, &why))
        fail_msg("%s", why.text);
}

struct found { size_t n; struct botnet all[16]; };
static int collect(void *ctx, const struct botnet *x)
{
    struct found *f = ctx;
    assert_true(f->n < 16);
    f->all[f->n++] = *x;
    return 0;
}

static struct found botnets_of(struct world *w)
{
    struct found f = {0};
    assert_int_equal(botnets_each(w->b, collect, &f), 0);
    return f;
}

static uint64_t number_of(struct world *w, const struct letter *l)
{
    struct sighting s = {.time_ms = w->now, .source = machine(l->pool, 1), .n_rcpt = 1, .flags = SIGHTING_SPAM | SIGHTING_RECORD,
                         .key = 1000 + l->campaign, .mailer = l->mailer};
    struct join j;
    struct report why;
    assert_int_equal(campaigns_add(w->c, &s, &j, &why), POSSE_OK);
    return j.number;
}

/* ---- tests ---- */

static const struct letter three[] = {
    {0, 4000, 0, 0xa1, SIGHTING_SPAM}, {0, 4000, 1, 0xa1, SIGHTING_SPAM}, {1, 3000, 2, 0xb1, SIGHTING_SPAM},
    {1, 3000, 3, 0xb1, SIGHTING_SPAM}, {2, 2000, 4, 0xc1, SIGHTING_SPAM}, {2, 2000, 5, 0xc1, SIGHTING_SPAM},
};

static void gangs_are_found_and_kept_apart(void **state)
{
    (void)state;
    struct world w;
    world_new(&w);
    for (int h = 0; h < 6; h++)
        hour(&w, three, 6, 400);
    struct found f = botnets_of(&w);
    assert_int_equal(f.n, 3);
    for (size_t i = 0; i < 3; i++) {
        char name[MAILER_NAME];
        mailer_name(f.all[i].mailer[0], name);
        assert_string_equal(f.all[i].name, name);
        assert_int_equal(f.all[i].n_mailers, 1);
        assert_true(f.all[i].messages > 6 * 2 * 400 * 99 / 100 && f.all[i].messages <= 6 * 2 * 400);
        assert_int_equal(f.all[i].envelopes, 2 * f.all[i].messages);
        assert_int_equal(f.all[i].n_campaigns, 2);
        assert_false(f.all[i].is_described);
        uint32_t number;
        assert_true(botnets_find(w.b, name, &number));
        assert_int_equal(number, f.all[i].number);
        assert_non_null(botnets_census(w.b, number));
        assert_non_null(botnets_change(w.b, number));
    }
    for (size_t i = 0; i < 6; i++) {
        struct membership m;
        assert_true(botnets_member(w.b, number_of(&w, &three[i]), &m));
        assert_int_equal(m.botnet, f.all[i / 2].number);
        assert_true(m.probability > 0.99);
        assert_null(m.doubt);
        double bits = 0;
        for (size_t k = 0; k < m.n_reasons; k++)
            bits += m.reason[k].bits;
        assert_true(m.n_reasons >= 2 && bits > 6); /* its mailer, and machines in common with its other campaign */
        assert_true(1 / (1 + exp2(-bits)) > m.probability - 0.01 && 1 / (1 + exp2(-bits)) < m.probability + 0.01);
    }
    assert_null(botnets_census(w.b, 99));
    assert_null(botnets_change(w.b, 99));
    assert_non_null(botnets_change(w.b, 0));
    struct membership m;
    assert_false(botnets_member(w.b, 99999, &m));
    world_free(&w);
}

static void two_mailers_of_one_pool_are_one_botnet(void **state)
{
    (void)state;
    static const struct letter l[] = {
        {0, 1000, 0, 0xa1, SIGHTING_SPAM}, {0, 1000, 1, 0xa2, SIGHTING_SPAM}, {1, 1000, 2, 0xb1, SIGHTING_SPAM}, {1, 1000, 3, 0xb1, SIGHTING_SPAM}};
    struct world w;
    world_new(&w);
    for (int h = 0; h < 6; h++)
        hour(&w, l, 4, 400);
    struct found f = botnets_of(&w);
    assert_int_equal(f.n, 2);
    size_t two = f.all[0].n_mailers == 2 ? 0 : 1;
    assert_int_equal(f.all[two].n_mailers, 2);
    assert_int_equal(f.all[1 - two].n_mailers, 1);
    assert_int_equal(post(&w, &l[0]).botnet, f.all[two].number);
    assert_int_equal(post(&w, &l[1]).botnet, f.all[two].number);
    /* Both of their numbers mean the elder, for good. */
    struct botnet x;
    for (uint32_t n = 1; n <= 3; n++)
        assert_true(botnets_get(w.b, n, &x));
    assert_false(botnets_get(w.b, 4, &x));
    world_free(&w);
}

static void a_copied_mailer_is_doubted(void **state)
{
    (void)state;
    static const struct letter l[] = {
        {0, 600, 0, 0xa1, SIGHTING_SPAM}, {0, 600, 1, 0xa1, SIGHTING_SPAM}, {0, 600, 6, 0xa1, SIGHTING_SPAM},
        {1, 600, 2, 0xb1, SIGHTING_SPAM}, {1, 600, 3, 0xb1, SIGHTING_SPAM}, {1, 600, 7, 0xb1, SIGHTING_SPAM}};
    static const struct letter known = {0, 600, 8, 0xb1, SIGHTING_SPAM}, unknown = {2, 600, 9, 0xb1, SIGHTING_SPAM};
    struct world w;
    world_new(&w);
    for (int h = 0; h < 6; h++)
        hour(&w, l, 6, 400);
    struct found f = botnets_of(&w);
    assert_int_equal(f.n, 2);
    struct letter with[8];
    memcpy(with, l, sizeof l);
    with[6] = known;
    with[7] = unknown;
    for (int h = 0; h < 3; h++)
        hour(&w, with, 8, 400);
    assert_int_equal(botnets_of(&w).n, 2);
    struct membership honest, m;
    assert_true(botnets_member(w.b, number_of(&w, &l[3]), &honest));
    assert_null(honest.doubt);
    /* From machines of the one, written as the other writes: the machines count, and it is said. */
    assert_true(botnets_member(w.b, number_of(&w, &known), &m));
    assert_int_equal(m.botnet, f.all[0].number);
    assert_non_null(m.doubt);
    /* From machines that nobody knows: the one whose mailer it is, but hardly. */
    assert_true(botnets_member(w.b, number_of(&w, &unknown), &m));
    assert_non_null(m.doubt);
    assert_true(m.probability < 0.6 && m.probability < honest.probability - 0.3);
    /* And the machines of the copyist are not taken for the victim's. */
    struct gang *victim = gang_of(w.b, f.all[1].number);
    unsigned theirs = 0;
    for (uint32_t i = 0; i < victim->sample.cap; i++)
        for (unsigned k = 1; k < 600 && victim->sample.p[i].ip; k++) {
            struct ip a = machine(2, k);
            theirs += k % 100 && sample_ip(&a) == victim->sample.p[i].ip && !(victim->sample.p[i].flags & SENT_FRESH);
        }
    assert_in_range(theirs, 0, 10); /* that both happen to be on one address */
    world_free(&w);
}

/* From hour 4 to 13 both sent 1,200 messages an hour from 600 machines each, and the copyist was parted some hours in. */
static void counted_as_if_known_at_once(struct world *w, uint32_t victim, uint32_t copyist)
{
    struct share got[4], all;
    struct botnet x;
    for (int64_t h = START / HOUR_MS + 5; h < START / HOUR_MS + 13; h++) {
        assert_true(shares_ask(botnets_shares(w->b), h * HOUR_MS, (h + 1) * HOUR_MS, got, 4, &all) >= 2);
        for (unsigned i = 0; i < 2; i++) {
            assert_true(got[i].botnet == victim || got[i].botnet == copyist);
            assert_in_range(got[i].messages, 1160, 1240); /* KEY_PROBABILITY: the rest is nobody's */
            assert_in_range(got[i].envelopes, 2320, 2480);
            assert_in_range(got[i].addresses, 490, 540);  /* of 600, each sends twice an hour */
        }
        assert_in_range(all.messages, 2399, 2401);
        assert_in_range(all.addresses, 980, 1050);
    }
    assert_true(botnets_get(w->b, copyist, &x));
    assert_in_range(x.messages, 9 * 1200 - 40, 9 * 1200);
    assert_true(x.first_ms >= START + 3 * HOUR_MS && x.first_ms <= START + 4 * HOUR_MS);
    assert_true(botnets_get(w->b, victim, &x));
    assert_in_range(x.messages, 13 * 1200 - 40, 13 * 1200 + 40);
    struct change_quiet q;
    assert_non_null(botnets_change(w->b, copyist));
    assert_false(change_quiet(botnets_change(w->b, victim), &q)); /* what was never its own is not missed */
    assert_false(change_quiet(botnets_change(w->b, copyist), &q));
}

/* Two campaigns or more of the copyist: they have machines in common with each other and not with the victim's. */
static void a_copyist_with_a_pool_of_his_own_is_parted(void **state)
{
    (void)state;
    static const struct letter l[] = {
        {0, 600, 0, 0xa1, SIGHTING_SPAM}, {0, 600, 1, 0xa1, SIGHTING_SPAM}, {0, 600, 6, 0xa1, SIGHTING_SPAM},
        {1, 600, 2, 0xa1, SIGHTING_SPAM}, {1, 600, 3, 0xa1, SIGHTING_SPAM}, {1, 600, 7, 0xa1, SIGHTING_SPAM}};
    struct world w;
    struct membership victim, copyist;
    world_new(&w);
    for (int h = 0; h < 4; h++)
        hour(&w, l, 3, 400);
    for (int h = 0; h < 9; h++)
        hour(&w, l, 6, 400);
    struct found f = botnets_of(&w);
    assert_int_equal(f.n, 2);
    assert_memory_equal(f.all[1].name, "copy-of-mailer-", 15);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(botnets_member(w.b, number_of(&w, &l[i]), &victim));
        assert_true(botnets_member(w.b, number_of(&w, &l[i + 3]), &copyist));
        assert_int_equal(victim.botnet, f.all[0].number);
        assert_int_equal(copyist.botnet, f.all[1].number);
        assert_true(victim.probability > 0.9 && copyist.probability > 0.9);
    }
    counted_as_if_known_at_once(&w, f.all[0].number, f.all[1].number);
    world_free(&w);
}

/* Where little is seen of each campaign some are parted before others are known to be of that pool: what was parted is not joined again
 * for the others' sake, and they follow. */
static void what_is_parted_stays_parted(void **state)
{
    (void)state;
    enum { VICTIM = 8, COPYIST = 6, HOURS = 40 };
    struct letter l[VICTIM + COPYIST];
    struct world w;
    for (unsigned i = 0; i < VICTIM + COPYIST; i++)
        l[i] = (struct letter){i >= VICTIM, 3000, i, 0xa1, SIGHTING_SPAM};
    world_new(&w);
    for (int h = 0; h < 6; h++)
        hour(&w, l, VICTIM, 30);
    for (int h = 0; h < HOURS; h++)
        hour(&w, l, VICTIM + COPYIST, 30);
    struct found f = botnets_of(&w);
    assert_int_equal(f.n, 2);
    assert_true(f.all[1].number <= 3); /* not founded anew each hour */
    for (unsigned i = 0; i < VICTIM + COPYIST; i++) {
        struct membership m;
        assert_true(botnets_member(w.b, number_of(&w, &l[i]), &m));
        assert_int_equal(m.botnet, f.all[i >= VICTIM].number);
    }
    world_free(&w);
}

static void no_botnet_of_one_network(void **state)
{
    (void)state;
    static const struct letter flood = {0, 4, 0, 0xa1, SIGHTING_SPAM}, ham = {1, 1000, 1, 0xb1, 0},
                               bulk = {2, 1000, 2, 0xc1, SIGHTING_SPAM | SIGHTING_AUTHENTICATED | SIGHTING_LIST}, nobody = {3, 1000, 3, 0, SIGHTING_SPAM};
    const struct letter l[] = {flood, ham, bulk, nobody};
    struct world w;
    world_new(&w);
    hour(&w, l, 4, 300);
    assert_int_equal(botnets_of(&w).n, 0);
    struct membership m = post(&w, &flood);
    assert_int_equal(m.botnet, 0);
    assert_true(m.probability == 0);
    assert_int_equal(botnets_add(w.b, &(struct sighting){.flags = SIGHTING_SPAM}, NULL, NULL, NULL), POSSE_OK);
    world_free(&w);
}

/* A flood of mailers that come once each takes the place of nothing. */
static void random_mailers_do_not_found(void **state)
{
    (void)state;
    struct world w;
    world_new(&w);
    for (unsigned i = 0; i < 20000; i++) {
        struct letter l = {0, 5000, 0, mix64(i) | 1, SIGHTING_SPAM};
        post(&w, &l);
    }
    assert_int_equal(botnets_of(&w).n, 0);
    for (unsigned i = 0; i < 4000; i++) { /* among as many again, one that stays */
        struct letter l = {0, 5000, 0, i % 2 ? 0xa1 : mix64(i + 99999) | 1, SIGHTING_SPAM};
        post(&w, &l);
    }
    assert_int_equal(botnets_of(&w).n, 1);
    world_free(&w);
}

static void a_described_family_has_its_name(void **state)
{
    (void)state;
    struct mailer_book *book;
    struct report why;
    struct botnets *b;
    assert_int_equal(mailer_book_new(&book), POSSE_OK);
    assert_int_equal(mailer_book_read(book, SPAN_LIT("family Alder\nsource s A. Paper\ntrait order FT* for 9 against 9 s\n"), "f", &why), POSSE_OK);
    struct botnets_options o = {.book = book};
    assert_int_equal(botnets_new(&o, &b, &why), POSSE_OK);
    struct mailer m = {.key = 77, .n = 1, .trait = {{.kind = 0, .value = "FTS"}}};
    struct sighting s = {.time_ms = START, .source = machine(0, 1), .n_rcpt = 1, .flags = SIGHTING_SPAM, .mailer = 77};
    struct membership out;
    assert_int_equal(botnets_add(b, &s, &m, NULL, &out), POSSE_OK);
    struct botnet x;
    assert_true(botnets_get(b, out.botnet, &x));
    assert_string_equal(x.name, "Alder");
    assert_true(x.is_described);
    assert_true(out.probability > 0.9);
    /* another key of the same family is the same botnet; later without the mailer, by the key */
    m.key = s.mailer = 78;
    assert_int_equal(botnets_add(b, &s, &m, NULL, &out), POSSE_OK);
    assert_int_equal(botnets_add(b, &s, NULL, NULL, &out), POSSE_OK);
    assert_int_equal(out.botnet, x.number);
    strcpy(m.trait[0].value, "STF");
    m.key = s.mailer = 79;
    assert_int_equal(botnets_add(b, &s, &m, NULL, &out), POSSE_OK);
    assert_int_equal(out.botnet, 0);
    botnets_free(&b);
    mailer_book_free(&book);
}

/* ---- BotMagnifier ---- */

static void magnify(void **state)
{
    (void)state;
    struct world w;
    struct report why;
    struct magnified out[2000];
    size_t n;
    uint64_t campaign = 0;
    char domain[3][24];
    world_new(&w);
    /* Pool 0 sends to its own list; 100 of its machines were seen with the campaign, 400 with others; pool 1 sends to a list of everybody. */
    for (unsigned i = 0; i < 2500; i++) {
        unsigned pool = i >= 500, m = pool ? i : i + 1;
        struct sighting s = {.time_ms = w.now += 100, .source = machine(pool, m), .n_rcpt = 1, .flags = SIGHTING_SPAM | SIGHTING_RECORD,
                             .key = pool ? 50 : i < 100 ? 1 : 2, .mailer = pool && i % 2 ? 0xb1 : 0xa1, .n_rcpt_domains = 2};
        for (unsigned d = 0; d < 2; d++) {
            snprintf(domain[d], sizeof domain[d], "%s%u.example", pool ? "any" : "list", (unsigned)(draw(&w) % (pool ? 40 : 5)));
            s.rcpt_domain[d] = span_str(domain[d]);
        }
        struct join j;
        assert_int_equal(campaigns_add(w.c, &s, &j, &why), POSSE_OK);
        assert_int_equal(botnets_add(w.b, &s, NULL, &j, NULL), POSSE_OK);
        campaign = i == 0 ? j.number : campaign;
    }
    assert_int_equal(botnets_magnify(w.b, w.c, campaign, out, 2000, &n, &why), POSSE_OK);
    unsigned right = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i].probability >= 0.5 && (!i || out[i].probability <= out[i - 1].probability));
        bool theirs = false;
        for (unsigned k = 101; k <= 500 && !theirs; k++) {
            struct ip a = machine(0, k);
            theirs = ip_compare(&a, &out[i].source) == 0;
        }
        right += theirs;
    }
    assert_true(right >= 390);
    assert_in_range(n, right, right + 10);
    assert_int_equal(botnets_magnify(w.b, w.c, campaign, out, 10, &n, &why), POSSE_OK);
    assert_int_equal(n, 10);
    assert_int_equal(botnets_magnify(w.b, w.c, 999999, out, 10, &n, &why), POSSE_ENOENT);
    assert_non_null(strstr(why.text, "999999"));
    world_free(&w);
}

/* ---- state ---- */

static void saved_and_read(void **state)
{
    (void)state;
    struct world w;
    struct buf one, two;
    struct botnets *copy;
    struct report why;
    struct botnets_options o = {0};
    world_new(&w);
    for (int h = 0; h < 3; h++)
        hour(&w, three, 6, 200);
    buf_init(&one, 1 << 28);
    buf_init(&two, 1 << 28);
    assert_int_equal(botnets_save(w.b, &one), POSSE_OK);
    struct reader r = reader_of(buf_span(&one));
    if (botnets_load(&r, &o, &copy, &why))
        fail_msg("%s", why.text);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(botnets_save(copy, &two), POSSE_OK);
    assert_int_equal(one.n, two.n);
    assert_memory_equal(one.p, two.p, one.n);
    /* They go on alike. */
    struct world v = w;
    v.b = copy;
    for (unsigned i = 0; i < 50; i++) {
        struct sighting s = {.time_ms = w.now += 1000, .source = machine(0, i), .n_rcpt = 1, .flags = SIGHTING_SPAM, .mailer = i % 3 ? 0xa1 : 0xd1};
        struct membership a, b;
        assert_int_equal(botnets_add(w.b, &s, NULL, NULL, &a), POSSE_OK);
        assert_int_equal(botnets_add(v.b, &s, NULL, NULL, &b), POSSE_OK);
        assert_int_equal(a.botnet, b.botnet);
        assert_true(a.probability == b.probability);
    }
    buf_clear(&one);
    buf_clear(&two);
    assert_int_equal(botnets_save(w.b, &one), POSSE_OK);
    assert_int_equal(botnets_save(copy, &two), POSSE_OK);
    assert_int_equal(one.n, two.n);
    assert_memory_equal(one.p, two.p, one.n);
    botnets_free(&copy);
    /* Cut short or with a wrong byte it is refused, or read as something else; nothing is read past its end. */
    for (size_t n = 0; n < one.n; n += n < 200 ? 1 : one.n / 97 + 1) {
        struct span cut = exact(one.p, n);
        r = reader_of(cut);
        int err = botnets_load(&r, &o, &copy, &why);
        assert_true(err == POSSE_ECORRUPT || err == POSSE_EVERSION);
        assert_null(copy);
        exact_free(cut);
    }
    for (unsigned i = 0; i < 300; i++) {
        struct span bad = exact(one.p, one.n);
        ((uint8_t *)bad.p)[i < 150 ? i : draw(&w) % one.n] ^= (uint8_t)(1u << draw(&w) % 8);
        r = reader_of(bad);
        if (botnets_load(&r, &o, &copy, &why) == POSSE_OK)
            botnets_free(&copy);
        exact_free(bad);
    }
    buf_deinit(&one);
    buf_deinit(&two);
    world_free(&w);
}

static void samples(void **state)
{
    (void)state;
    struct sample s = {0};
    unsigned known = 0;
    for (unsigned i = 0; i < 100000; i++) {
        struct ip a = ip_of_v4(0x0a000000u | (uint32_t)(mix64(i) % (1u << 22)));
        assert_int_equal(sample_add(&s, &a, 1), POSSE_OK);
    }
    assert_true(s.n <= SOURCES_SAMPLED && s.n > SOURCES_SAMPLED / 4 && s.shift > 0);
    for (uint32_t i = 0; i < s.cap; i++)
        known += s.p[i].ip && sample_has_net(&s, s.p[i].net) && (s.p[i].flags & SENT_FRESH);
    assert_int_equal(known, s.n);
    sample_settle(&s, 2, false);
    assert_int_equal(s.n, known);
    sample_settle(&s, 1, false);
    assert_int_equal(s.n, 0);
    sample_free(&s);
}

/* A sender of newsletters whose mail is signed three times in four: the rest is of the same bulk, and no spam. */
static void bulk_is_no_spam(void **state)
{
    (void)state;
    struct world w;
    struct report why;
    struct share total;
    world_new(&w);
    for (unsigned i = 0; i < 200; i++, w.now += 1000) {
        struct join j;
        struct sighting s = {.time_ms = w.now, .source = ip_of_v4(0x0a000001), .n_rcpt = 1, .size_bytes = 3000, .key = 77, .mailer = 0xd1,
                             .flags = SIGHTING_SPAM | SIGHTING_RECORD | SIGHTING_LIST | (i % 4 ? SIGHTING_AUTHENTICATED : 0)};
        assert_int_equal(campaigns_add(w.c, &s, &j, &why), POSSE_OK);
        assert_int_equal(botnets_add(w.b, &s, NULL, &j, NULL), POSSE_OK);
        assert_true(i < 1 || j.is_bulk);
    }
    shares_ask(botnets_shares(w.b), START - HOUR_MS, w.now + HOUR_MS, NULL, 0, &total);
    assert_int_equal(total.messages, 1); /* the first, of which nobody could know */
    world_free(&w);
}

/* A campaign that another took in is no second campaign of its botnet. */
static void absorbed_is_forgotten(void **state)
{
    (void)state;
    struct world w;
    struct membership m;
    world_new(&w);
    for (int h = 0; h < 3; h++)
        hour(&w, three, 6, 400);
    struct found f = botnets_of(&w);
    assert_int_equal(f.all[0].n_campaigns, 2);
    uint64_t stays = f.all[0].campaign[0], goes = f.all[0].campaign[1];
    struct join j = {.how = JOINED_CAMPAIGN, .number = stays, .absorbed = goes};
    struct sighting s = {.time_ms = w.now, .source = machine(0, 1), .n_rcpt = 1, .flags = SIGHTING_SPAM | SIGHTING_RECORD, .mailer = 0xa1};
    assert_int_equal(botnets_add(w.b, &s, NULL, &j, &m), POSSE_OK);
    f = botnets_of(&w);
    assert_int_equal(f.all[0].n_campaigns, 1);
    assert_true(f.all[0].campaign[0] == stays);
    world_free(&w);
}

static void reasons_read_well(void **state)
{
    (void)state;
    struct world w;
    struct membership m;
    world_new(&w);
    for (int h = 0; h < 3; h++)
        hour(&w, three, 6, 400);
    assert_true(botnets_member(w.b, number_of(&w, &three[0]), &m));
    assert_true(m.n_reasons >= 3);
    assert_string_equal(m.reason[0].text, "before anything is known: it may be any of 3 botnets, or none");
    assert_string_equal(m.reason[1].text, "100% of its messages are written as this botnet's mailer writes");
    assert_non_null(strstr(m.reason[2].text, " machines that send for it otherwise; by chance there would be "));
    world_free(&w);
}

static void bits_of_shared_sources(void **state)
{
    (void)state;
    assert_true(evidence_bits(100, 200, 1, 0.5) > 15);
    assert_true(evidence_bits(0, 200, 1, 0.5) < -5);
    assert_true(evidence_bits(0, 0, 0, 0.5) == 0);
    assert_true(evidence_bits(150, 200, 150, 0.5) == 0); /* a range that both fill */
    assert_true(evidence_bits(2, 200, 1, 0.5) < 0);
    assert_true(evidence_bits(1, 3, 0, 0.2) < evidence_bits(3, 3, 0, 0.2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gangs_are_found_and_kept_apart), cmocka_unit_test(two_mailers_of_one_pool_are_one_botnet),
        cmocka_unit_test(a_copied_mailer_is_doubted), cmocka_unit_test(a_copyist_with_a_pool_of_his_own_is_parted),
        cmocka_unit_test(what_is_parted_stays_parted),
        cmocka_unit_test(no_botnet_of_one_network), cmocka_unit_test(random_mailers_do_not_found),
        cmocka_unit_test(a_described_family_has_its_name), cmocka_unit_test(magnify), cmocka_unit_test(saved_and_read),
        cmocka_unit_test(samples), cmocka_unit_test(bits_of_shared_sources),
        cmocka_unit_test(bulk_is_no_spam), cmocka_unit_test(absorbed_is_forgotten), cmocka_unit_test(reasons_read_well),
    };
    return cmocka_run_group_tests_name("botnets", tests, NULL, NULL);
}
