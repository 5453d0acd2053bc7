/* standin_stat: counts in place of botnet/census and botnet/change, which are tested by themselves. */
#ifndef POSSE_TESTS_STANDIN_STAT_H
#define POSSE_TESTS_STANDIN_STAT_H

#include "unit.h"

#include "base/error.h"
#include "botnet/census.h"
#include "botnet/change.h"

struct census { uint64_t n; };
int census_new(const struct census_options *o, struct census **out, struct report *why)
{
    (void)o;
    (void)why;
    *out = calloc(1, sizeof **out);
    return *out ? POSSE_OK : POSSE_ENOMEM;
}
void census_free(struct census **c)
{
    free(*c);
    *c = NULL;
}
int census_add(struct census *c, const struct census_sight *s)
{
    c->n += s->n;
    return POSSE_OK;
}
int census_save(const struct census *c, struct buf *out)
{
    buf_add_u64(out, c->n);
    return POSSE_OK;
}
int census_load(struct reader *r, const struct census_options *o, struct census **out, struct report *why)
{
    int err = census_new(o, out, why);
    if (!err)
        (*out)->n = reader_u64(r);
    return err;
}

struct change_series { double n; int64_t last_ms; };
int change_new(struct change_series **out, struct report *why)
{
    (void)why;
    *out = calloc(1, sizeof **out);
    return *out ? POSSE_OK : POSSE_ENOMEM;
}
void change_free(struct change_series **s)
{
    free(*s);
    *s = NULL;
}
bool change_add(struct change_series *s, int64_t minute_ms, double messages, bool is_watching)
{
    assert_true(minute_ms % 60000 == 0 && (s->last_ms == 0 || minute_ms == s->last_ms + 60000));
    s->last_ms = minute_ms;
    s->n += is_watching ? messages : 0;
    return false;
}
int change_save(const struct change_series *s, struct buf *out)
{
    buf_add_u64(out, (uint64_t)s->n);
    buf_add_u64(out, (uint64_t)s->last_ms);
    return POSSE_OK;
}
int change_load(struct reader *r, struct change_series **out, struct report *why)
{
    int err = change_new(out, why);
    if (!err) {
        (*out)->n = (double)reader_u64(r);
        (*out)->last_ms = (int64_t)reader_u64(r);
    }
    return err;
}

#endif
