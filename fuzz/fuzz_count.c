/* fuzz_count: saved shares, censuses and series from hostile bytes. What is taken saves to the same bytes, answers, and goes on. */
#include <stdint.h>
#include <stdlib.h>

#include "botnet/census.h"
#include "botnet/change.h"
#include "botnet/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_same(struct buf *b, struct reader in)
{
    check(span_eq(buf_span(b), span_sub(in.in, 0, reader_pos(&in)))); /* one state, one encoding */
    buf_deinit(b);
}

static void try_shares(struct reader in)
{
    struct shares *s = NULL;
    struct buf b;
    if (shares_load(&in, &s, NULL))
        return;
    buf_init(&b, 1 << 24);
    check(shares_save(s, &b) == 0);
    buf_deinit(&b);
    struct share out[4], all;
    shares_ask(s, INT64_MIN, INT64_MAX, out, 4, &all);
    struct share_sight one = {.time_ms = 1300000000000, .botnet = 1, .probability = 0.5, .n_rcpt = 1, .source.b = {1}};
    check(shares_add(s, &one) == 0);
    check(shares_move(s, 1, 2) == 0);
    shares_free(&s);
}

static void try_census(struct reader in)
{
    struct census *c = NULL;
    struct buf b;
    if (census_load(&in, NULL, &c, NULL))
        return;
    buf_init(&b, 1 << 24);
    check(census_save(c, &b) == 0);
    buf_deinit(&b);
    struct census_answer a;
    census_ask(c, INT64_MIN, INT64_MAX, &a);
    check(!(a.live.lo > a.live.mid) && !(a.live.mid > a.live.hi));
    struct census_sight one = {.time_ms = 1300000000000, .source.b = {1}, .machine = 5};
    check(census_add(c, &one) == 0);
    census_free(&c);
}

static void try_change(struct reader in)
{
    struct change_series *s = NULL;
    struct buf b;
    if (change_load(&in, &s, NULL))
        return;
    buf_init(&b, 1 << 24);
    check(change_save(s, &b) == 0);
    if (in.in.p[0] == b.p[0]) /* an older form is read too, and written as the new one */
        check_same(&b, in);
    else
        buf_deinit(&b);
    for (int64_t m = 0; m < 300; m++)
        change_add(s, 1300000000000 + m * 60000, (double)(m % 7), m % 50 != 0);
    struct change c[4];
    change_list(s, c, 4);
    change_tell(s, 1300000000000, 1 << 30, CAUSE_TRAP);
    change_quiet_since(s);
    change_is_deaf(s);
    change_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct reader in = reader_of(span_of(copy, size));
    uint8_t which = reader_u8(&in);
    in = reader_of(span_sub(in.in, 1, size));
    if (which % 3 == 0)
        try_shares(in);
    else if (which % 3 == 1)
        try_census(in);
    else
        try_change(in);
    free(copy);
    return 0;
}
