/* fuzz_botnets: a stored state of botnets, or a sighting as bytes on its way between processes. What is taken holds together: it can be
 * used, asked, written, and read again to the same bytes. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>

#include "botnet/botnets.h"
#include "engine/sighting_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1300147200000LL
#define DAY 86400000LL
enum { ASKED = 64 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void interval(const struct estimate *e) { check(!(e->lo > e->mid) && !(e->mid > e->hi)); }

static int ask_one(void *ctx, const struct botnet *x)
{
    struct botnets *b = ctx;
    struct census_answer a = {.doubt = NULL};
    struct estimate windows[ASKED];
    int64_t start[ASKED];
    struct change changes[ASKED];
    struct membership m;
    struct census *c = botnets_census(b, x->number);
    struct change_series *s = botnets_change(b, x->number);
    uint32_t number;
    if (c) {
        census_ask(c, x->last_ms - DAY, x->last_ms + 1, &a);
        interval(&a.live);
        interval(&a.ever);
        census_windows(c, x->last_ms - DAY, x->last_ms + 1, windows, start, ASKED);
    }
    if (s) {
        change_list(s, changes, ASKED);
        change_quiet_since(s);
    }
    check(botnets_find(b, x->name, &number));
    for (size_t i = 0; i < x->n_campaigns && i < ASKED; i++)
        botnets_member(b, x->campaign[i], &m);
    return 0;
}

static void ask(struct botnets *b)
{
    struct share share[ASKED], total;
    int64_t hours[ASKED];
    struct shares *s = botnets_shares(b);
    botnets_each(b, ask_one, b);
    size_t n = shares_hours(s, hours, ASKED);
    for (size_t i = 0; i < n && i < 2; i++) {
        size_t k = shares_ask(s, hours[i], hours[i] + DAY, share, ASKED, &total);
        for (size_t j = 0; j < k && j < ASKED; j++)
            for (size_t w = 0; w < SHARE_N; w++)
                interval(&share[j].of[w]);
    }
}

static void go_on(struct botnets *b)
{
    struct campaigns_options o = {.max_live = 64, .max_bytes = 8 << 20};
    struct campaigns *c;
    struct sighting s = {.time_ms = NOW, .flags = SIGHTING_RECORD | SIGHTING_SPAM, .key = 7, .n_rcpt = 1, .source = ip_of_v4(0x0a000001)};
    struct join j;
    struct membership m;
    if (campaigns_new(&o, &c, NULL))
        return;
    for (int i = 0; i < 3; i++) {
        s.source = ip_of_v4(0x0a000001u + (uint32_t)i);
        check(campaigns_add(c, &s, &j, NULL) == 0);
        check(botnets_add(b, &s, NULL, &j, &m) == 0);
    }
    check(botnets_tick(b, NOW + 600000, true) == 0);
    check(botnets_settle(b, c, NOW + 600000, NULL) == 0);
    campaigns_free(&c);
}

static void stored(struct span in)
{
    struct reader r = reader_of(in), again;
    struct botnets_options o = {.book = NULL};
    struct botnets *b, *copy;
    struct buf x, y;
    if (botnets_load(&r, &o, &b, NULL))
        return;
    buf_init(&x, 256 << 20);
    buf_init(&y, 256 << 20);
    check(botnets_save(b, &x) == 0);
    again = reader_of(buf_span(&x));
    check(botnets_load(&again, &o, &copy, NULL) == 0);
    check(botnets_save(copy, &y) == 0);
    check(span_eq(buf_span(&x), buf_span(&y)));
    ask(b);
    go_on(copy);
    ask(copy);
    botnets_free(&copy);
    botnets_free(&b);
    buf_deinit(&x);
    buf_deinit(&y);
}

static void row(struct span in)
{
    struct sighting s, t;
    struct mailer m, n;
    struct buf x, y;
    const char *why;
    if (sighting_row_read(in, &s, &m))
        return;
    check(sketch_validate(&s.sketch, &why) && m.n <= MAILER_TRAITS);
    for (size_t i = 0; i < m.n; i++)
        mailer_trait_name(m.trait[i].kind);
    buf_init(&x, SIGHTING_ROW_MAX);
    buf_init(&y, SIGHTING_ROW_MAX);
    check(sighting_row_write(&x, &s, &m, true) == 0);
    check(sighting_row_read(buf_span(&x), &t, &n) == 0);
    check(sighting_row_write(&y, &t, &n, true) == 0);
    check(span_eq(buf_span(&x), buf_span(&y)));
    buf_deinit(&x);
    buf_deinit(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size); /* to its exact size, but for a byte */
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 0)
        stored(span_of(copy, size - 1));
    else
        row(span_of(copy, size - 1));
    free(copy);
    return 0;
}
