/* census_save: a census as bytes: equal states give equal bytes. Version, length and number of windows, limits, then windows, oldest first:
 * number, open, and of each roll its entries, sorted. */
#include <stdlib.h>

#include "base/error.h"
#include "botnet/census_priv.h"

enum { VERSION = 1 };

static int save_list(struct buf *out, const struct list *l, bool is_open, uint64_t limit)
{
    entry *e = malloc((l->n + 1) * sizeof *e);
    if (!e)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < (is_open ? l->cap : l->n); i++)
        if (l->e[i] && entry_key(l->e[i]) < limit)
            e[n++] = l->e[i];
    qsort(e, n, sizeof *e, entry_compare);
    buf_add_varint(out, n);
    entry last = 0;
    for (size_t i = 0; i < n; i++) {
        buf_add_varint(out, entry_key(e[i]) - entry_key(last));
        buf_add_varint(out, e[i] & (((uint64_t)1 << ENTRY_KEY_SHIFT) - 1));
        last = e[i];
    }
    free(e);
    return POSSE_OK;
}

int census_save(const struct census *c, struct buf *out)
{
    buf_add_byte(out, VERSION);
    buf_add_u64(out, (uint64_t)c->window_ms);
    buf_add_varint(out, c->max_windows);
    buf_add_varint(out, c->max_entries);
    buf_add_varint(out, c->late);
    for (unsigned k = 0; k < ROLLS; k++)
        buf_add_varint(out, c->limit[k]);
    buf_add_varint(out, c->n_windows);
    for (size_t i = 0; i < c->n_windows; i++) {
        buf_add_u64(out, (uint64_t)c->window[i].number);
        buf_add_byte(out, c->window[i].is_open);
        for (unsigned k = 0; k < ROLLS; k++)
            if (save_list(out, &c->window[i].of[k], c->window[i].is_open, c->limit[k]))
                return POSSE_ENOMEM;
    }
    return buf_error(out);
}

static int load_list(struct reader *r, struct list *l, bool is_open, uint64_t limit, size_t *total)
{
    uint64_t n = reader_varint(r), key = 0;
    if (reader_error(r) || n > reader_left(r) / 2)
        return POSSE_ECORRUPT;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t more = reader_varint(r), rest = reader_varint(r);
        if (reader_error(r) || more >= ENTRY_KEYS || (i && !more) || rest >> ENTRY_KEY_SHIFT || !entry_slots(rest) || key + more >= limit)
            return POSSE_ECORRUPT;
        key += more;
        int rc = list_put(l, is_open, key << ENTRY_KEY_SHIFT | rest, total);
        if (rc)
            return rc;
    }
    return POSSE_OK;
}

static int load_windows(struct reader *r, struct census *c, uint64_t n)
{
    c->window = calloc(n + 1, sizeof *c->window);
    if (!c->window)
        return POSSE_ENOMEM;
    c->cap_windows = n + 1;
    for (uint64_t i = 0; i < n; i++) {
        struct window *w = &c->window[c->n_windows++];
        w->number = (int64_t)reader_u64(r);
        uint8_t is_open = reader_u8(r);
        w->is_open = is_open;
        if (reader_error(r) || is_open > 1 || (i && w[-1].number >= w->number) || (is_open && i + WINDOWS_OPEN < n) ||
            w->number > INT64_MAX / c->window_ms || w->number < INT64_MIN / c->window_ms)
            return POSSE_ECORRUPT;
        for (unsigned k = 0; k < ROLLS; k++) {
            int rc = load_list(r, &w->of[k], is_open, c->limit[k], &c->n_entries[k]);
            if (rc)
                return rc;
        }
    }
    return POSSE_OK;
}

static int load_head(struct reader *r, struct census *c, uint64_t *n_windows)
{
    c->window_ms = (int64_t)reader_u64(r);
    uint64_t windows = reader_varint(r), entries = reader_varint(r);
    c->late = reader_varint(r);
    bool is_good = c->window_ms > SLOTS && c->window_ms < (int64_t)1 << 40 && windows >= WINDOWS_LEAST && windows <= WINDOWS_MOST &&
                   entries > 0 && entries < (uint64_t)1 << 40;
    for (unsigned k = 0; k < ROLLS; k++) {
        c->limit[k] = reader_varint(r);
        is_good &= c->limit[k] > 0 && c->limit[k] <= ENTRY_KEYS;
    }
    *n_windows = reader_varint(r);
    c->max_windows = (size_t)windows;
    c->max_entries = (size_t)entries;
    return reader_error(r) || !is_good || *n_windows > windows || *n_windows > reader_left(r) ? POSSE_ECORRUPT : POSSE_OK;
}

/* What was saved says how large it may be: the options are those of new ones. */
int census_load(struct reader *r, const struct census_options *o, struct census **out, struct report *why)
{
    uint8_t version = reader_u8(r);
    if (!reader_error(r) && version != VERSION)
        return report_set(why, POSSE_EVERSION, "census: saved by another version (%u); observe its input anew", version);
    struct census *c;
    int rc = census_new(o, &c, why);
    if (rc)
        return rc;
    uint64_t n = 0;
    rc = load_head(r, c, &n);
    rc = rc ? rc : load_windows(r, c, n);
    if (!rc) {
        *out = c;
        return POSSE_OK;
    }
    census_free(&c);
    return report_set(why, rc, rc == POSSE_ENOMEM ? "census: no memory" : "census: the saved state is damaged; observe its input anew");
}
