/* campaigns: groups are what the templates were, limits hold, and a state that was read back goes on as it would have. */
#include <stdio.h>

#include "../../bench/campaigns/spinner.h"
#include "base/error.h"
#include "base/hash.h"
#include "campaign/campaigns.h"
#include "unit.h"

struct world { struct mail_parser *p; struct arena *a; struct sketcher *k; struct spin_out out; struct campaigns *c; };

static void begin(struct world *w, const struct campaigns_options *o)
{
    *w = (struct world){mail_parser_new(NULL), arena_new(16 << 20), sketcher_new(), {malloc(1 << 20), 0, 1 << 20}, NULL};
    assert_int_equal(campaigns_new(o, &w->c, NULL), 0);
}

static void end(struct world *w)
{
    mail_parser_free(&w->p);
    arena_free(&w->a);
    sketcher_free(&w->k);
    free(w->out.p);
    campaigns_free(&w->c);
}

/* The sighting of what is in w->out. */
static struct sighting seen(struct world *w, int64_t time_ms, uint32_t source)
{
    struct sighting s = {.time_ms = time_ms, .source = ip_of_v4(source), .n_rcpt = 2, .size_bytes = w->out.n, .flags = SIGHTING_SPAM};
    struct message *m;
    arena_reset(w->a);
    assert_int_equal(message_parse(w->p, w->a, span_of(w->out.p, w->out.n), &m), 0);
    assert_int_equal(sketch_make(w->k, w->a, m, &s.sketch, NULL, NULL), 0);
    return s;
}

static struct join add(struct world *w, const struct sighting *s)
{
    struct join j;
    assert_int_equal(campaigns_add(w->c, s, &j, NULL), 0);
    return j;
}

static struct sighting of_template(struct world *w, const struct spin_template *t, struct spin *r, int64_t time_ms, uint32_t source)
{
    spin_message(t, r, &w->out);
    return seen(w, time_ms, source);
}

/* A long plain text, so that nothing but its words is compared. */
static struct spin_template plain_template(uint64_t seed)
{
    struct spin_template t;
    for (spin_template(&t, seed, 0.1, false); t.kind != SPIN_TEXT; spin_template(&t, ++seed * 1000, 0.1, false))
        ;
    return t;
}

static struct sighting record(int64_t time_ms, uint64_t key, uint32_t source)
{
    return (struct sighting){.time_ms = time_ms, .source = ip_of_v4(source), .n_rcpt = 1, .flags = SIGHTING_RECORD | SIGHTING_SPAM, .key = key};
}

/* ---- grouping ---- */

static double rand_index(bool noise)
{
    enum { TEMPLATES = 60, MESSAGES = 6000 };
    static struct spin_template t[TEMPLATES];
    static uint32_t truth[MESSAGES], found[MESSAGES], into[MESSAGES + 2];
    struct world w;
    memset(into, 0, sizeof into);
    begin(&w, NULL);
    for (unsigned i = 0; i < TEMPLATES; i++)
        spin_template(&t[i], 7000 + i, 0.3, noise);
    struct spin r = spin_seed(11, 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        truth[i] = spin_to(&r, TEMPLATES);
        struct sighting s = of_template(&w, &t[truth[i]], &r, i * 1000, 0x0a000001 + spin_to(&r, 1000));
        struct join j = add(&w, &s);
        found[i] = (uint32_t)j.number;
        if (j.absorbed)
            into[j.absorbed] = (uint32_t)j.number;
    }
    for (unsigned i = 0; i < MESSAGES; i++)
        while (into[found[i]])
            found[i] = into[found[i]];
    struct campaign v;
    for (unsigned i = 1; i < MESSAGES + 2; i++) /* what was absorbed is still found, by number and by id */
        if (into[i]) {
            assert_true(campaigns_get(w.c, i, &v));
            assert_true(v.number != i);
        }
    end(&w);
    return spin_rand_index(truth, found, MESSAGES);
}

static void templates_are_found(void **state)
{
    (void)state;
    assert_true(rand_index(false) >= 0.98);
    /* Where half of the words are of somebody else's letters, different ones each time, a template may stay unseen: it is not joined
     * to another. */
    assert_true(rand_index(true) >= 0.95);
}

static void private_mail_joins_no_spam(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    struct spin r = spin_seed(12, 0);
    struct spin_template t[20];
    for (unsigned i = 0; i < 20; i++)
        spin_template(&t[i], 8000 + i, 0.3, true);
    for (unsigned i = 0; i < 3000; i++) {
        bool is_private = i % 2;
        if (is_private)
            spin_private(&r, &w.out);
        else
            spin_message(&t[spin_to(&r, 20)], &r, &w.out);
        struct sighting s = seen(&w, i * 1000, 0x0a000001 + i);
        s.flags = is_private ? 0 : SIGHTING_SPAM;
        struct join j = add(&w, &s);
        struct campaign v;
        if (j.how != JOINED_NONE) {
            assert_true(campaigns_get(w.c, j.number, &v));
            assert_true(v.spam == (is_private ? 0 : v.messages));
        }
    }
    end(&w);
}

static void counts(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    struct spin_template t = plain_template(1);
    struct spin r = spin_seed(13, 0);
    struct span rcpt[] = {SPAN_LIT("trap.test"), SPAN_LIT("other.test")}, link = SPAN_LIT("shop.example");
    struct join j;
    for (unsigned i = 0; i < 100; i++) {
        struct sighting s = of_template(&w, &t, &r, 1800000 + i * 60000, 0x0a000000u + (i % 25) * 256 + 1);
        s.rcpt_domain[0] = rcpt[i % 10 == 0];
        s.n_rcpt_domains = 1;
        s.link_host[0] = link;
        s.n_links = 1;
        s.asn = 64500 + i % 2;
        s.mark[0] = (struct money_mark){MARK_PHONE, SPAN_LIT("+10005550100")};
        s.n_marks = 1;
        strcpy(s.language, "en");
        j = add(&w, &s);
        assert_int_equal(j.how, i ? JOINED_CAMPAIGN : JOINED_NEW);
        assert_int_equal(j.messages, i + 1);
    }
    struct campaign v;
    assert_true(campaigns_get(w.c, j.number, &v));
    assert_int_equal(v.messages, 100);
    assert_int_equal(v.envelopes, 200);
    assert_int_equal(v.spam, 100);
    assert_int_equal(v.sources_exact, 25);
    assert_int_equal(v.networks, 25);
    assert_int_equal(v.n_hours, 3); /* from 00:30 to 02:09 */
    assert_int_equal(v.hour[0].messages, 30);
    assert_int_equal(v.hour[1].messages, 60);
    assert_int_equal(v.hour[1].sources, 25);
    assert_int_equal(v.hour[2].sources, 10);
    assert_string_equal(v.rcpt_domain[0].text, "trap.test");
    assert_int_equal(v.rcpt_domain[0].n, 90);
    assert_int_equal(v.rcpt_domain[1].n, 10);
    assert_int_equal(v.rcpt_domain[2].key, 0);
    assert_string_equal(v.link[0].text, "shop.example");
    assert_string_equal(v.language[0].text, "en");
    assert_string_equal(v.asn[0].text, "AS64500");
    assert_string_equal(v.mark[0].text, "+10005550100");
    assert_int_equal(v.mark[0].key & 7, MARK_PHONE);
    assert_int_equal(v.first_ms, 1800000);
    assert_int_equal(v.n_versions, 1);
    assert_int_equal(v.version[0].messages, 100);
    assert_true(v.confidence > 0.8);
    assert_null(v.doubt);
    uint64_t number;
    assert_true(campaigns_find(w.c, v.id, &number));
    assert_int_equal(number, v.number);
    assert_false(campaigns_find(w.c, "c000000000000", &number));
    assert_false(campaigns_find(w.c, "", &number));
    end(&w);
}

/* The same stream gives the same ids, whatever else was grouped before. */
static void ids_are_the_streams(void **state)
{
    (void)state;
    char id[2][CAMPAIGN_ID];
    for (unsigned with_others = 0; with_others < 2; with_others++) {
        struct world w;
        begin(&w, NULL);
        struct spin r = spin_seed(14, 0), other = spin_seed(15, 0);
        struct spin_template t = plain_template(2), u = plain_template(3);
        for (unsigned i = 0; with_others && i < 10; i++) {
            struct sighting s = of_template(&w, &u, &other, i, 0x0a000001);
            add(&w, &s);
        }
        struct sighting s = of_template(&w, &t, &r, 5000, 0x0a000002);
        struct join j = add(&w, &s);
        struct campaign v;
        assert_true(campaigns_get(w.c, j.number, &v));
        memcpy(id[with_others], v.id, CAMPAIGN_ID);
        end(&w);
    }
    assert_string_equal(id[0], id[1]);
}

static void records_group_by_key(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        struct sighting s = record(i * 1000, 1 + i % 7, 0x0a000001 + i);
        struct join j = add(&w, &s);
        assert_int_equal(j.number, 1 + i % 7);
        assert_int_equal(j.messages, 1 + i / 7);
    }
    struct campaign v;
    assert_true(campaigns_get(w.c, 3, &v));
    assert_true(v.is_record);
    assert_int_equal(v.version[0].messages, v.messages);
    struct sighting none = record(0, 0, 1);
    assert_int_equal(add(&w, &none).how, JOINED_NONE);
    uint64_t both, a, b;
    assert_true(campaigns_common(w.c, 1, 2, &both, &a, &b));
    assert_int_equal(both, 0);
    assert_int_equal(a, 143);
    end(&w);
}

/* ---- sources ---- */

static int count_ascending(void *ctx, const struct ip *ip)
{
    struct { struct ip last; size_t n; } *x = ctx;
    assert_true(x->n == 0 || ip_compare(&x->last, ip) < 0);
    x->last = *ip;
    x->n++;
    return 0;
}

static void many_sources(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &(struct campaigns_options){.max_bytes = 16 << 20}); /* 32,768 addresses are held at most */
    enum { N = 200000, SHARED = 50000 };
    for (uint32_t i = 0; i < N; i++) {
        struct sighting s = record(1000, 1, 0x0b000000u + i * 7);
        add(&w, &s);
        s = record(1000, 2, 0x0b000000u + (i + N - SHARED) * 7);
        add(&w, &s);
    }
    struct campaign v;
    assert_true(campaigns_get(w.c, 1, &v));
    assert_int_equal(v.sources_exact, 0);
    assert_true(v.sources.lo <= N && N <= v.sources.hi && v.sources.hi / v.sources.lo < 1.08);
    assert_true(v.networks > N * 7 / 256 * 0.9 && v.networks < N * 7 / 256 * 1.1);
    uint64_t both, a, b;
    assert_true(campaigns_common(w.c, 1, 2, &both, &a, &b));
    assert_true(both > SHARED * 0.95 && both < SHARED * 1.05);
    struct { struct ip last; size_t n; } x = {{{0}}, 0};
    assert_int_equal(campaigns_sources(w.c, 1, count_ascending, &x), 0);
    assert_true(x.n > 10000 && x.n <= 32768);
    end(&w);
}

static void sources_of_both_families(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    for (uint32_t i = 0; i < 300; i++) {
        struct sighting s = record(1000, 1, 0x0a000001 + i * 1000);
        if (i % 3 == 0) {
            assert_true(ip_read(i % 2 ? SPAN_LIT("2001:db8::1") : SPAN_LIT("::5"), &s.source));
            s.source.b[14] = (uint8_t)i;
        }
        add(&w, &s);
    }
    struct { struct ip last; size_t n; } x = {{{0}}, 0};
    assert_int_equal(campaigns_sources(w.c, 1, count_ascending, &x), 0);
    struct campaign v;
    assert_true(campaigns_get(w.c, 1, &v));
    assert_int_equal(x.n, v.sources_exact);
    assert_int_equal(campaigns_sources(w.c, 99, count_ascending, &x), POSSE_ENOENT);
    end(&w);
}

/* ---- limits ---- */

struct gone { unsigned n; uint64_t most; };
static void note_gone(void *ctx, const struct campaign *v)
{
    struct gone *g = ctx;
    g->n++;
    g->most = v->messages > g->most ? v->messages : g->most;
}

static void single_messages_push_no_campaign_out(void **state)
{
    (void)state;
    struct gone gone = {0};
    struct world w;
    begin(&w, &(struct campaigns_options){.max_live = 100, .gone = note_gone, .gone_ctx = &gone});
    for (unsigned i = 0; i < 40 * 5; i++) {
        struct sighting s = record(i, 1 + i % 40, 0x0a000001 + i);
        add(&w, &s);
    }
    for (unsigned i = 0; i < 5000; i++) {
        struct sighting s = record(1000 + i, 1000 + i, 0x0a000001);
        add(&w, &s);
    }
    struct campaigns_size size;
    campaigns_size(w.c, &size);
    assert_int_equal(size.live, 100);
    assert_int_equal(size.founded, 5040);
    assert_int_equal(size.pushed_out, 4940);
    assert_int_equal(gone.n, 4940);
    assert_int_equal(gone.most, 1);
    struct campaign v;
    assert_true(campaigns_get(w.c, 1, &v));
    assert_int_equal(v.messages, 5);
    end(&w);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &(struct campaigns_options){.max_bytes = 4 << 20});
    struct spin r = spin_seed(16, 0);
    struct campaigns_size size;
    for (unsigned i = 0; i < 6000; i++) { /* unlike one another, from everywhere, at odd times */
        spin_private(&r, &w.out);
        struct sighting s = seen(&w, (int64_t)(spin_u64(&r) >> 1), (uint32_t)spin_u64(&r));
        s.asn = (uint32_t)i + 1;
        add(&w, &s);
        campaigns_size(w.c, &size);
        assert_true(size.bytes <= 4 << 20);
    }
    assert_true(size.live > 200 && size.pushed_out > 0);
    /* one group with every hour of a thousand years */
    for (int64_t i = 0; i < 50000; i++) {
        struct sighting s = record((i * 7919 % 50000 - 20000) * 3600000 * 100, 77, (uint32_t)i + 1);
        add(&w, &s);
    }
    campaigns_size(w.c, &size);
    assert_true(size.bytes <= 4 << 20);
    end(&w);
}

static void quiet_ones_go(void **state)
{
    (void)state;
    struct gone gone = {0};
    struct world w;
    begin(&w, &(struct campaigns_options){.quiet_ms = 1000, .gone = note_gone, .gone_ctx = &gone});
    for (unsigned i = 0; i < 10; i++) {
        struct sighting s = record(i * 500, 1 + i, 1 + i);
        add(&w, &s);
    }
    assert_int_equal(campaigns_age(w.c, 4000), 6); /* last seen before 3000 */
    assert_int_equal(gone.n, 6);
    struct campaign v;
    assert_false(campaigns_get(w.c, 1, &v));
    assert_true(campaigns_get(w.c, 7, &v));
    assert_int_equal(campaigns_age(w.c, 4000), 0);
    struct sighting again = record(4000, 1, 1);
    assert_int_equal(add(&w, &again).number, 11); /* numbers are never used twice */
    end(&w);
}

/* ---- what is said of them ---- */

static const char *doubt_after(struct world *w, const struct spin_template *t, unsigned n, uint32_t sources, uint32_t flags)
{
    struct spin r = spin_seed(17, 0);
    struct join j = {0};
    for (unsigned i = 0; i < n; i++) {
        struct sighting s = of_template(w, t, &r, i * 1000, 0x0a000001 + (sources && i % 3 == 0 ? i / 3 % sources * 256 : 0));
        s.flags |= flags;
        j = add(w, &s);
    }
    struct campaign v;
    assert_true(campaigns_get(w->c, j.number, &v));
    assert_true(v.doubt == NULL || v.confidence < 0.85);
    return v.doubt;
}

static void doubts(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    struct spin_template a = plain_template(30), b = plain_template(31), c = plain_template(32);
    assert_string_equal(doubt_after(&w, &a, 60, 50, 0), "one address sent more than half of it");
    assert_string_equal(doubt_after(&w, &b, 60, 0, SIGHTING_ODD_TIME), "times are missing or out of order in more than a tenth of it");
    assert_string_equal(doubt_after(&w, &c, 2, 0, 0), "it was seen once or twice only");
    end(&w);
}

static bool bulk_after(struct world *w, const struct spin_template *t, uint32_t flags, unsigned networks, uint64_t domain)
{
    struct spin r = spin_seed(18, 0);
    struct join j = {0};
    for (unsigned i = 0; i < 30; i++) {
        struct sighting s = of_template(w, t, &r, i * 1000, 0x0a000001 + i % networks * 256);
        s.flags = flags;
        s.sender_domain = domain;
        j = add(w, &s);
    }
    struct campaign v;
    assert_true(campaigns_get(w->c, j.number, &v));
    return v.is_bulk;
}

static void solicited_is_bulk(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    struct spin_template t[6];
    for (unsigned i = 0; i < 6; i++)
        t[i] = plain_template(40 + i);
    enum { SOLICITED = SIGHTING_LIST | SIGHTING_AUTHENTICATED };
    assert_true(bulk_after(&w, &t[0], SOLICITED | SIGHTING_SPAM, 1, 0));
    assert_true(bulk_after(&w, &t[1], SOLICITED | SIGHTING_SPAM, 9, 5));
    assert_false(bulk_after(&w, &t[2], SOLICITED | SIGHTING_SPAM, 9, 0));
    assert_false(bulk_after(&w, &t[3], SIGHTING_LIST | SIGHTING_SPAM, 1, 5));
    assert_true(bulk_after(&w, &t[4], 0, 1, 5)); /* nobody called it spam, and one host sent it */
    assert_false(bulk_after(&w, &t[5], 0, 9, 0));
    end(&w);
}

/* The number of the group that it is in. */
static uint64_t put(struct world *w, const char *text, uint32_t flags, uint64_t sender)
{
    w->out.n = 0;
    spin_fmt(&w->out, "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n%s\r\n", text);
    struct sighting s = seen(w, 1000, 0);
    s.flags = flags;
    s.sender = s.sender_domain = s.mailer = sender;
    return add(w, &s).number;
}

/* The same words in other sentences are one template where it is spam; who sent it adds to what they have in common, and is nothing by
 * itself. */
static void worded_anew(void **state)
{
    (void)state;
    static const char *const text[] = {
        "your parcel waits in our garden shed because the onion tax was never paid so please bring seven teapots before sunday evening comes",
        "because the onion tax was never paid your parcel waits before sunday evening comes so bring seven teapots in our garden shed please",
        "grandmother told nobody what went into her soup although winter nights were long and every spoon was counted twice each morning",
    };
    struct world w;
    begin(&w, NULL);
    uint64_t first = put(&w, text[0], SIGHTING_SPAM, 0);
    assert_int_equal(put(&w, text[1], SIGHTING_SPAM, 0), first);
    assert_int_not_equal(put(&w, text[2], SIGHTING_SPAM, 77), put(&w, text[0], SIGHTING_SPAM, 77));
    end(&w);
    begin(&w, NULL);
    assert_int_not_equal(put(&w, text[0], 0, 0), put(&w, text[1], 0, 0)); /* people's own mail: only what is alike by itself */
    end(&w);
    begin(&w, NULL);
    assert_int_not_equal(put(&w, text[0], SIGHTING_SPAM, 77), put(&w, text[1], 0, 77)); /* nor into a campaign of spam */
    end(&w);
}

/* ---- stored ---- */

static void stored_goes_on(void **state)
{
    (void)state;
    struct world w;
    struct campaigns_options o = {.max_live = 60, .max_bytes = 8 << 20};
    begin(&w, &o);
    static struct spin_template t[40];
    for (unsigned i = 0; i < 40; i++)
        spin_template(&t[i], 9000 + i, 0.4, true);
    struct spin r = spin_seed(19, 0);
    struct campaigns *copy = NULL;
    struct buf a, b;
    buf_init(&a, 64 << 20);
    buf_init(&b, 64 << 20);
    for (unsigned i = 0; i < 4000; i++) {
        if (i % 3 == 0)
            spin_private(&r, &w.out);
        else
            spin_message(&t[spin_to(&r, 40)], &r, &w.out);
        struct sighting s = seen(&w, i * 100000, 0x0a000001 + spin_to(&r, 5000));
        s.link_host[0] = SPAN_LIT("a.example");
        s.n_links = 1;
        if (i % 10 == 0)
            s = record(i * 100000, 1 + spin_to(&r, 30), i + 1);
        struct join j = add(&w, &s), k;
        if (copy) {
            assert_int_equal(campaigns_add(copy, &s, &k, NULL), 0);
            assert_int_equal(j.how, k.how);
            assert_int_equal(j.number, k.number);
            assert_int_equal(j.absorbed, k.absorbed);
            assert_true(j.alike == k.alike);
        }
        if (i == 2000) {
            assert_int_equal(campaigns_save(w.c, &a), 0);
            struct span bytes = exact(a.p, a.n);
            struct reader in = reader_of(bytes);
            assert_int_equal(campaigns_load(&in, &o, &copy, NULL), 0);
            assert_int_equal(reader_left(&in), 0);
            exact_free(bytes);
        }
    }
    buf_clear(&a);
    assert_int_equal(campaigns_save(w.c, &a), 0);
    assert_int_equal(campaigns_save(copy, &b), 0);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    campaigns_free(&copy);
    buf_deinit(&a);
    buf_deinit(&b);
    end(&w);
}

/* Cut anywhere or with any byte changed, a state is refused or is one that holds together: it can be used and written again. */
static void damaged_state(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    struct spin r = spin_seed(20, 0);
    struct spin_template t[3] = {plain_template(50), plain_template(51), plain_template(52)};
    for (unsigned i = 0; i < 30; i++) {
        struct sighting s = of_template(&w, &t[i % 3], &r, i * 1000, 0x0a000001 + i);
        add(&w, &s);
        s = record(i, 1 + i % 2, i + 1);
        add(&w, &s);
    }
    struct sighting next = of_template(&w, &t[0], &r, 99000, 0x0a000001);
    struct buf a;
    buf_init(&a, 1 << 20);
    assert_int_equal(campaigns_save(w.c, &a), 0);
    struct campaigns *c;
    struct report why;
    for (size_t n = 0; n < a.n; n++) {
        struct span cut = exact(a.p, n);
        struct reader in = reader_of(cut);
        assert_int_equal(campaigns_load(&in, NULL, &c, &why), POSSE_ECORRUPT);
        assert_null(c);
        exact_free(cut);
    }
    for (size_t i = 0; i < a.n; i++) {
        struct span bytes = exact(a.p, a.n);
        ((uint8_t *)bytes.p)[i] ^= (uint8_t)(1 + i % 255);
        struct reader in = reader_of(bytes);
        if (campaigns_load(&in, NULL, &c, &why) == 0) {
            struct join j;
            assert_int_equal(campaigns_add(c, &next, &j, NULL), 0);
            campaigns_age(c, INT64_MAX);
            campaigns_free(&c);
        }
        exact_free(bytes);
    }
    a.p[4] ^= 1;
    struct reader in = reader_of(buf_span(&a));
    assert_int_equal(campaigns_load(&in, NULL, &c, &why), POSSE_EVERSION);
    buf_deinit(&a);
    end(&w);
}

/* Two texts of one program that lead to one place; or of two programs; or wanted mail. Returns whether they are one. */
static bool other_text_joins(uint64_t mailer, uint32_t flags, uint64_t *versions)
{
    struct world w;
    begin(&w, NULL);
    struct spin r = spin_seed(5, 0);
    struct spin_template t[2] = {plain_template(11), plain_template(12)};
    uint64_t first = 0, last = 0;
    for (unsigned i = 0; i < 80; i++) {
        struct sighting s = of_template(&w, &t[i >= 40], &r, i * 60000, 0x0a000001 + i * 977);
        s.mailer = i < 40 ? 71 : mailer;
        s.flags = flags;
        s.sketch.n_links = 1;
        s.sketch.link_host[0] = 4242;
        last = add(&w, &s).number;
        first = first ? first : last;
    }
    struct campaign v;
    assert_true(campaigns_get(w.c, last, &v));
    *versions = v.n_versions;
    end(&w);
    return first == last;
}

static void a_new_text_with_the_same_links_is_a_version(void **state)
{
    (void)state;
    uint64_t versions;
    assert_true(other_text_joins(71, SIGHTING_SPAM, &versions));
    assert_true(versions >= 2);
    assert_false(other_text_joins(72, SIGHTING_SPAM, &versions));
    assert_false(other_text_joins(71, 0, &versions));
}

/* Links alone to three hosts in turn, under one of two subjects. Returns how many groups they are at last. */
static unsigned flood_groups(uint64_t mailer_of_third, uint32_t flags, uint64_t subjects)
{
    struct world w;
    begin(&w, NULL);
    uint64_t last[3] = {0};
    for (uint64_t i = 0; i < 180; i++) {
        struct sighting s = {.time_ms = (int64_t)i * 1000, .source = ip_of_v4(0x0a000001), .n_rcpt = 1, .size_bytes = 99, .flags = flags};
        s.mailer = i % 3 == 2 ? mailer_of_third : 71;
        s.sketch = (struct sketch){.kind = SKETCH_LINKS_ONLY, .n_links = 1, .structure = 9, .subject = 100 + mix64(i) % subjects};
        s.sketch.link_host[0] = 4000 + i % 3;
        last[i % 3] = add(&w, &s).number;
    }
    end(&w);
    return 1 + (last[1] != last[0]) + (last[2] != last[0] && last[2] != last[1]);
}

static void a_flood_of_links_is_one(void **state)
{
    (void)state;
    assert_int_equal(flood_groups(71, SIGHTING_SPAM, 1), 1);
    assert_int_equal(flood_groups(71, SIGHTING_SPAM, 3), 1);
    assert_int_equal(flood_groups(72, SIGHTING_SPAM, 1), 2);  /* another program */
    assert_int_equal(flood_groups(71, SIGHTING_SPAM, 1 << 20), 3); /* nothing in common */
    assert_int_equal(flood_groups(71, 0, 1), 3);              /* what people write to one another */
}

static int count_each(void *ctx, const struct campaign *v)
{
    uint64_t *last = ctx;
    assert_true(v->number > *last);
    *last = v->number;
    return v->number == 5 ? 7 : 0;
}

static void each_in_order(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL);
    for (unsigned i = 0; i < 9; i++) {
        struct sighting s = record(i, 1 + i, 1);
        add(&w, &s);
    }
    uint64_t last = 0;
    assert_int_equal(campaigns_each(w.c, count_each, &last), 7);
    assert_int_equal(last, 5);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_found), cmocka_unit_test(private_mail_joins_no_spam), cmocka_unit_test(counts),
        cmocka_unit_test(ids_are_the_streams), cmocka_unit_test(records_group_by_key), cmocka_unit_test(many_sources),
        cmocka_unit_test(sources_of_both_families), cmocka_unit_test(single_messages_push_no_campaign_out),
        cmocka_unit_test(memory_is_bounded), cmocka_unit_test(quiet_ones_go), cmocka_unit_test(doubts),
        cmocka_unit_test(worded_anew),
        cmocka_unit_test(solicited_is_bulk), cmocka_unit_test(stored_goes_on), cmocka_unit_test(damaged_state),
        cmocka_unit_test(a_new_text_with_the_same_links_is_a_version),
        cmocka_unit_test(a_flood_of_links_is_one), cmocka_unit_test(each_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
