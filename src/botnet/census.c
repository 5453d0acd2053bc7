/* census: windows of addresses seen, sampled by hash where there are too many. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/census_priv.h"

#define HOUR_MS ((int64_t)3600000)
enum { TABLE_LEAST = 16, BYTES_DEFAULT = 4 << 20, ENTRIES_LEAST = 4096 };

int census_new(const struct census_options *o, struct census **out, struct report *why)
{
    static const struct census_options none;
    o = o ? o : &none;
    struct census *c = calloc(1, sizeof *c);
    if (!c)
        return report_set(why, POSSE_ENOMEM, "census: no memory");
    c->window_ms = o->window_ms > SLOTS ? o->window_ms : HOUR_MS;
    int64_t windows = (o->keep_ms > 0 ? o->keep_ms : 31 * 24 * HOUR_MS) / c->window_ms;
    c->max_windows = windows < WINDOWS_LEAST ? WINDOWS_LEAST : windows > WINDOWS_MOST ? WINDOWS_MOST : (size_t)windows;
    size_t most = (o->max_bytes ? o->max_bytes : BYTES_DEFAULT) / sizeof(entry) / 2; /* addresses; marks are as many */
    c->max_entries = most < ENTRIES_LEAST ? ENTRIES_LEAST : most;
    for (unsigned k = 0; k < ROLLS; k++)
        c->limit[k] = ENTRY_KEYS;
    *out = c;
    return POSSE_OK;
}

static void window_free(struct window *w)
{
    for (unsigned k = 0; k < ROLLS; k++)
        free(w->of[k].e);
}

void census_free(struct census **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < (*c)->n_windows; i++)
        window_free(&(*c)->window[i]);
    free((*c)->window);
    free(*c);
    *c = NULL;
}

/* ---- lists ---- */

int entry_compare(const void *a, const void *b)
{
    entry x = *(const entry *)a, y = *(const entry *)b;
    return (x > y) - (x < y);
}

static entry joined(entry a, entry b)
{
    uint64_t n = entry_n(a) + entry_n(b);
    n = n > ENTRY_N_MOST ? ENTRY_N_MOST : n;
    return entry_key(a) << ENTRY_KEY_SHIFT | ((a | b) & ENTRY_DYNAMIC) | n << ENTRY_N_SHIFT | entry_slots(a) | entry_slots(b);
}

static entry *table_at(entry *table, size_t cap, entry e)
{
    size_t i = (entry_key(e) * 0x9e3779b97f4a7c15ull >> 20) & (cap - 1);
    while (table[i] && entry_key(table[i]) != entry_key(e))
        i = (i + 1) & (cap - 1);
    return &table[i];
}

static int table_grow(struct list *l)
{
    size_t cap = l->cap ? 2 * l->cap : TABLE_LEAST;
    entry *table = calloc(cap, sizeof *table);
    if (!table)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < l->cap; i++)
        if (l->e[i])
            *table_at(table, cap, l->e[i]) = l->e[i];
    free(l->e);
    l->e = table;
    l->cap = cap;
    return POSSE_OK;
}

static int put_sorted(struct list *l, entry e, size_t *n_out)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (entry_key(l->e[mid]) < entry_key(e))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < l->n && entry_key(l->e[lo]) == entry_key(e)) {
        l->e[lo] = joined(l->e[lo], e);
        return POSSE_OK;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap + l->cap / 2 + 8;
        entry *more = realloc(l->e, cap * sizeof *more);
        if (!more)
            return POSSE_ENOMEM;
        l->e = more;
        l->cap = cap;
    }
    memmove(l->e + lo + 1, l->e + lo, (l->n - lo) * sizeof *l->e);
    l->e[lo] = e;
    l->n++;
    ++*n_out;
    return POSSE_OK;
}

int list_put(struct list *l, bool is_open, entry e, size_t *n_out)
{
    if (!is_open)
        return put_sorted(l, e, n_out);
    if (2 * (l->n + 1) > l->cap && table_grow(l))
        return POSSE_ENOMEM;
    entry *at = table_at(l->e, l->cap, e);
    if (!*at) {
        l->n++;
        ++*n_out;
    }
    *at = *at ? joined(*at, e) : e;
    return POSSE_OK;
}

static void list_close(struct list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->cap; i++)
        if (l->e[i])
            l->e[n++] = l->e[i];
    if (n)
        qsort(l->e, n, sizeof *l->e, entry_compare);
    entry *less = n ? realloc(l->e, n * sizeof *less) : NULL;
    if (less) {
        l->e = less;
        l->cap = n;
    }
}

/* Only keys below `limit` stay; where there is no memory for another table they all do, and whoever asks passes over them. */
static void list_thin(struct list *l, bool is_open, uint64_t limit)
{
    entry *table = is_open && l->cap ? calloc(l->cap, sizeof *table) : l->e;
    if (!table)
        return;
    size_t n = 0;
    for (size_t i = 0; i < (is_open ? l->cap : l->n); i++)
        if (l->e[i] && entry_key(l->e[i]) < limit) {
            *(is_open ? table_at(table, l->cap, l->e[i]) : &table[n]) = l->e[i];
            n++;
        }
    l->n = n;
    if (is_open) {
        free(l->e);
        l->e = table;
    }
}

/* ---- windows ---- */

static int window_make(struct census *c, size_t at, int64_t number)
{
    if (c->n_windows == c->cap_windows) {
        size_t cap = c->cap_windows ? 2 * c->cap_windows : 8;
        struct window *more = realloc(c->window, cap * sizeof *more);
        if (!more)
            return POSSE_ENOMEM;
        c->window = more;
        c->cap_windows = cap;
    }
    memmove(c->window + at + 1, c->window + at, (c->n_windows - at) * sizeof *c->window);
    c->window[at] = (struct window){.number = number, .is_open = true};
    c->n_windows++;
    for (size_t i = 0; i + WINDOWS_OPEN < c->n_windows; i++) {
        struct window *w = &c->window[i];
        for (unsigned k = 0; w->is_open && k < ROLLS; k++)
            list_close(&w->of[k]);
        w->is_open = false;
    }
    return POSSE_OK;
}

static void drop_oldest(struct census *c)
{
    for (unsigned k = 0; k < ROLLS; k++)
        c->n_entries[k] -= c->window[0].of[k].n;
    window_free(&c->window[0]);
    memmove(c->window, c->window + 1, --c->n_windows * sizeof *c->window);
}

/* NULL with *err 0: older than what is kept. */
static struct window *window_of(struct census *c, int64_t number, int *err)
{
    *err = POSSE_OK;
    if (c->last < c->n_windows && c->window[c->last].number == number)
        return &c->window[c->last];
    size_t at = c->n_windows;
    while (at && c->window[at - 1].number >= number)
        at--;
    if (at == c->n_windows || c->window[at].number != number) {
        if (at == 0 && c->n_windows == c->max_windows)
            return NULL;
        if ((*err = window_make(c, at, number)))
            return NULL;
        if (c->n_windows > c->max_windows) {
            drop_oldest(c);
            at--;
        }
    }
    c->last = at;
    return &c->window[at];
}

static void thin(struct census *c, unsigned roll)
{
    while (c->n_entries[roll] > c->max_entries && c->limit[roll] > 1024) {
        c->limit[roll] /= 2;
        c->n_entries[roll] = 0;
        for (size_t i = 0; i < c->n_windows; i++) {
            list_thin(&c->window[i].of[roll], c->window[i].is_open, c->limit[roll]);
            c->n_entries[roll] += c->window[i].of[roll].n;
        }
    }
}

/* ---- sightings ---- */

static uint64_t ip_key(const struct ip *a)
{
    uint64_t high, low;
    memcpy(&high, a->b, 8);
    memcpy(&low, a->b + 8, 8);
    return mix64(low ^ mix64(high + 0x9e3779b97f4a7c15ull)) % ENTRY_KEYS;
}

static int put(struct census *c, struct window *w, unsigned roll, uint64_t key, entry rest)
{
    if (key >= c->limit[roll])
        return POSSE_OK;
    return list_put(&w->of[roll], w->is_open, key << ENTRY_KEY_SHIFT | rest, &c->n_entries[roll]);
}

int census_add(struct census *c, const struct census_sight *s)
{
    if (ip_is_zero(&s->source))
        return POSSE_OK;
    int64_t number = s->time_ms / c->window_ms - (s->time_ms % c->window_ms < 0);
    int err;
    struct window *w = window_of(c, number, &err);
    if (!w) {
        c->late += !err;
        return err;
    }
    unsigned slot = (unsigned)((s->time_ms - number * c->window_ms) * SLOTS / c->window_ms);
    uint64_t n = s->n ? s->n : 1, key = ip_key(&s->source);
    entry rest = (s->is_dynamic ? ENTRY_DYNAMIC : 0) | (n > ENTRY_N_MOST ? ENTRY_N_MOST : n) << ENTRY_N_SHIFT | (uint64_t)1 << slot;
    err = put(c, w, ROLL_ADDRESSES, key, rest);
    if (!err && s->machine) {
        err = put(c, w, ROLL_MARKED, key, rest);
        err = err ? err : put(c, w, ROLL_MACHINES, mix64(s->machine) % ENTRY_KEYS, rest);
    }
    for (unsigned k = 0; k < ROLLS; k++)
        if (c->n_entries[k] > c->max_entries)
            thin(c, k);
    return err;
}
