/* standin_stat: counts in place of botnet/census, which is tested by itself. */
#ifndef POSSE_TESTS_STANDIN_STAT_H
#define POSSE_TESTS_STANDIN_STAT_H

#include "unit.h"

#include "base/error.h"
#include "botnet/census.h"

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

#endif
