/* share_hour: what one hour knows: sums, the table that variance is read from, a sample of addresses.
 *
 * Variance. A botnet's sum in an hour is W = sum of cells Y[g][m], g a group of sources (by hash), m a piece of the hour. If groups and
 * pieces did not matter to each other a cell would have R[g]C[m]/W: the groups' uneven machines and the botnet's own bursts are in R and
 * C, and they are facts, not errors. What is left over is chance: single messages, a machine that sends several at once, heavy
 * recipients. For weights w put at random into the table, sum of (Y - RC/W)^2 has the mean
 *     (sum w^2) (1 - sum R^2/W^2) (1 - sum C^2/W^2),
 * so residuals over the two brackets estimate the variance of W, as the table of Pearson's chi-squared does for counts, whatever the
 * clumps are, as long as a clump stays within one group and piece. Where one group or piece has nearly all, the brackets vanish and
 * sum w^2 is taken, which is right for messages that come by themselves. bench/observatory/stat says how often the intervals hold.
 *
 * Addresses: those whose hash is below a limit that halves when the table is full (distinct sampling, Gibbons, VLDB 2001): hours sampled
 * to different limits are still united exactly below the lower one. */
#include <stdlib.h>

#include "base/error.h"
#include "botnet/share_priv.h"

enum { INDEX_LEAST = 16, TABLE_LEAST = 64 };

int hour_open(struct hour *h, int64_t number)
{
    *h = (struct hour){.number = number, .is_open = true, .limit = UINT64_MAX, .cap_seen = TABLE_LEAST, .index_mask = INDEX_LEAST - 1};
    h->seen = calloc(h->cap_seen, sizeof *h->seen);
    h->index = calloc(INDEX_LEAST, sizeof *h->index);
    if (h->seen && h->index)
        return POSSE_OK;
    hour_free(h);
    return POSSE_ENOMEM;
}

void hour_free(struct hour *h)
{
    for (size_t i = 0; i < h->n_rows; i++)
        free(h->row[i].cells);
    free(h->row);
    free(h->index);
    free(h->seen);
    credits_free(&h->ledger);
    *h = (struct hour){0};
}

/* ---- rows ---- */

static size_t index_of(const struct hour *h, uint32_t botnet)
{
    size_t i = botnet * 2654435761u >> 7 & h->index_mask;
    while (h->index[i] && h->row[h->index[i] - 1].botnet != botnet)
        i = (i + 1) & h->index_mask;
    return i;
}

struct row *hour_find(const struct hour *h, uint32_t botnet)
{
    uint16_t at = h->index[index_of(h, botnet)];
    return at ? &h->row[at - 1] : NULL;
}

static void index_fill(struct hour *h)
{
    memset(h->index, 0, (h->index_mask + 1) * sizeof *h->index);
    for (size_t i = 0; i < h->n_rows; i++)
        h->index[index_of(h, h->row[i].botnet)] = (uint16_t)(i + 1);
}

/* Made for the rows that there are. */
int hour_index(struct hour *h)
{
    size_t size = INDEX_LEAST;
    while (size < 2 * (h->n_rows + 1))
        size *= 2;
    uint16_t *index = calloc(size, sizeof *index);
    if (!index)
        return POSSE_ENOMEM;
    free(h->index);
    h->index = index;
    h->index_mask = size - 1;
    index_fill(h);
    return POSSE_OK;
}

static struct row *add_row(struct hour *h, uint32_t botnet)
{
    if (h->n_rows == h->cap_rows) {
        size_t cap = h->cap_rows ? 2 * h->cap_rows : 4;
        struct row *row = realloc(h->row, cap * sizeof *row);
        if (!row)
            return NULL;
        h->row = row;
        h->cap_rows = cap;
    }
    struct cells *cells = h->is_open ? calloc(1, sizeof *cells) : NULL;
    if (h->is_open && !cells)
        return NULL;
    h->row[h->n_rows++] = (struct row){.botnet = botnet, .cells = cells};
    if (2 * (h->n_rows + 1) > h->index_mask && hour_index(h)) {
        h->n_rows--;
        free(cells);
        return NULL;
    }
    h->index[index_of(h, botnet)] = (uint16_t)h->n_rows;
    return &h->row[h->n_rows - 1];
}

struct row *hour_row(struct hour *h, uint32_t botnet)
{
    struct row *r = hour_find(h, botnet);
    if (r)
        return r;
    if (h->n_rows >= SHARES_ROWS && botnet != SHARE_UNKNOWN && botnet != SHARE_OTHERS)
        return hour_row(h, SHARE_OTHERS);
    return add_row(h, botnet);
}

static double margins(double of[GROUPS][PIECES], double group[GROUPS], double piece[PIECES], double *sum_out)
{
    double groups = 0, pieces = 0, sum = 0;
    for (unsigned g = 0; g < GROUPS; g++)
        for (unsigned m = 0; m < PIECES; m++) {
            group[g] += of[g][m];
            piece[m] += of[g][m];
        }
    for (unsigned g = 0; g < GROUPS; g++)
        sum += group[g];
    for (unsigned g = 0; g < GROUPS; g++)
        groups += group[g] * group[g];
    for (unsigned m = 0; m < PIECES; m++)
        pieces += piece[m] * piece[m];
    *sum_out = sum;
    return sum > 0 ? (1 - groups / (sum * sum)) * (1 - pieces / (sum * sum)) : 0;
}

double row_variance(const struct row *r, unsigned weight, double *spread_out)
{
    *spread_out = r->spread[weight];
    if (!r->cells)
        return r->variance[weight];
    double group[GROUPS] = {0}, piece[PIECES] = {0}, sum, square = r->square[weight], left = 0, fourth = 0;
    double(*of)[PIECES] = r->cells->of[weight], room = margins(of, group, piece, &sum);
    *spread_out = square * square; /* not known from within */
    if (room < 0.1)
        return square;
    for (unsigned g = 0; g < GROUPS; g++)
        for (unsigned m = 0; m < PIECES; m++) {
            double d = of[g][m] - group[g] * piece[m] / sum;
            left += d * d;
            fourth += d * d * d * d;
        }
    *spread_out = fourth / (3 * room * room); /* normal cells: their number is the degrees of freedom */
    return left / room < square ? square : left / room;
}

/* ---- addresses ---- */

int seen_compare(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (x->botnet > y->botnet) - (x->botnet < y->botnet);
}

/* Returns 1 where it was not there. */
static size_t put(struct seen *at, const struct seen *s)
{
    if (!at->pieces) {
        *at = *s;
        return 1;
    }
    at->pieces |= s->pieces;
    tags_join(at, s);
    if (at->probability < s->probability)
        at->probability = s->probability;
    return 0;
}

size_t seen_unite(struct seen *s, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++)
        if (out && !seen_compare(&s[out - 1], &s[i])) {
            put(&s[out - 1], &s[i]);
        } else {
            s[out++] = s[i];
        }
    return out;
}

static struct seen *table_at(struct seen *table, size_t cap, const struct seen *s)
{
    size_t i = (s->hash + s->botnet * 0x9e3779b97f4a7c15ull) & (cap - 1);
    while (table[i].pieces && (table[i].hash != s->hash || table[i].botnet != s->botnet))
        i = (i + 1) & (cap - 1);
    return &table[i];
}

/* Into a table of `cap` places, without what is above `limit`. */
static int table_remake(struct hour *h, size_t cap, uint64_t limit)
{
    struct seen *table = calloc(cap, sizeof *table);
    if (!table)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < h->cap_seen; i++)
        if (h->seen[i].pieces && h->seen[i].hash <= limit) {
            *table_at(table, cap, &h->seen[i]) = h->seen[i];
            n++;
        }
    free(h->seen);
    h->seen = table;
    h->cap_seen = cap;
    h->n_seen = n;
    h->limit = limit;
    return POSSE_OK;
}

static int see_open(struct hour *h, const struct seen *s)
{
    struct seen *at = table_at(h->seen, h->cap_seen, s);
    if (!at->pieces) {
        if (h->n_seen >= SAMPLE_OPEN) {
            if (table_remake(h, h->cap_seen, h->limit / 2))
                return POSSE_ENOMEM;
            return hour_see(h, s);
        }
        if (2 * (h->n_seen + 1) > h->cap_seen && table_remake(h, 2 * h->cap_seen, h->limit))
            return POSSE_ENOMEM;
        h->n_seen++;
        at = table_at(h->seen, h->cap_seen, s);
    }
    put(at, s);
    return POSSE_OK;
}

/* Sorted addresses down to SAMPLE_KEPT. */
static void thin(struct hour *h)
{
    if (h->n_seen <= SAMPLE_KEPT)
        return;
    h->limit = h->seen[SAMPLE_KEPT].hash - 1; /* the botnets of one address stay together */
    while (h->n_seen && h->seen[h->n_seen - 1].hash > h->limit)
        h->n_seen--;
}

/* Returns 1 where it was not there, 0 where it was, else an error. */
static int put_late(struct hour *h, const struct seen *s)
{
    size_t lo = 0, hi = h->n_seen;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (seen_compare(&h->seen[mid], s) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < h->n_seen && !seen_compare(&h->seen[lo], s)) {
        h->seen[lo].pieces |= s->pieces;
        tags_join(&h->seen[lo], s);
        return 0;
    }
    if (h->n_seen == h->cap_seen) {
        size_t cap = h->cap_seen + h->cap_seen / 4 + 16;
        struct seen *seen = realloc(h->seen, cap * sizeof *seen);
        if (!seen)
            return POSSE_ENOMEM;
        h->seen = seen;
        h->cap_seen = cap;
    }
    memmove(h->seen + lo + 1, h->seen + lo, (h->n_seen - lo) * sizeof *h->seen);
    h->seen[lo] = *s;
    h->n_seen++;
    return 1;
}

static int see_late(struct hour *h, const struct seen *s)
{
    int is_new = put_late(h, s);
    struct row *r = is_new > 0 ? hour_find(h, s->botnet) : NULL;
    if (r)
        r->addresses += s->probability / 255.0 * sample_scale(h->limit);
    if (h->n_seen >= 2 * SAMPLE_KEPT) /* a flood of late ones */
        thin(h);
    return is_new < 0 ? is_new : POSSE_OK;
}

int hour_put(struct hour *h, const struct seen *s)
{
    int err = s->hash > h->limit ? POSSE_OK : h->is_open ? see_open(h, s) : put_late(h, s);
    return err < 0 ? err : POSSE_OK;
}

int hour_remake(struct hour *h) { return table_remake(h, h->cap_seen, h->limit); }

int hour_see(struct hour *h, const struct seen *s)
{
    if (s->hash > h->limit)
        return POSSE_OK;
    return h->is_open ? see_open(h, s) : see_late(h, s);
}

/* ---- closing ---- */

void hour_tally(struct hour *into, const struct seen *s, size_t n, uint64_t limit)
{
    for (size_t i = 0; i < n; i++) {
        if (!s[i].pieces)
            continue;
        double sign = __builtin_popcount(s[i].pieces) % 2 ? 1 : -1;
        bool is_once = !(s[i].pieces & (s[i].pieces - 1));
        struct row *r[2] = {hour_find(into, s[i].botnet), s[i].probability < 255 ? hour_find(into, SHARE_UNKNOWN) : NULL};
        for (unsigned k = 0; k < 2; k++) {
            double w = k ? 255 - s[i].probability : s[i].probability; /* whole numbers: the order of a table does not show */
            if (!r[k])
                continue;
            r[k]->addresses += w;
            r[k]->once += is_once ? w : 0;
            r[k]->other += sign * w;
        }
    }
    double scale = sample_scale(limit);
    for (size_t i = 0; i < into->n_rows; i++) {
        struct row *r = &into->row[i];
        double unsure = r->other > r->once ? r->once : r->other < 0.3 * r->once ? 0.3 * r->once : r->other;
        r->addresses_variance = (unsure + r->addresses * (scale - 1)) * scale / 255;
        r->addresses *= scale / 255;
    }
}

int hour_close(struct hour *h)
{
    hour_tally(h, h->seen, h->cap_seen, h->limit); /* while the whole table is there */
    for (size_t i = 0; i < h->n_rows; i++) {
        struct row *r = &h->row[i];
        for (unsigned k = 0; k < WEIGHTS; k++)
            r->variance[k] = row_variance(r, k, &r->spread[k]);
        free(r->cells);
        r->cells = NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < h->cap_seen; i++)
        if (h->seen[i].pieces)
            h->seen[n++] = h->seen[i];
    qsort(h->seen, n, sizeof *h->seen, seen_compare);
    h->n_seen = n;
    h->is_open = false;
    thin(h);
    size_t keep = h->n_seen ? h->n_seen : 1;
    struct seen *less = realloc(h->seen, keep * sizeof *less);
    if (less) {
        h->seen = less;
        h->cap_seen = keep;
    }
    return POSSE_OK;
}

/* ---- joining two botnets ---- */

static void add_rows(struct row *to, const struct row *from)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        to->sum[k] += from->sum[k];
        to->square[k] += from->square[k];
        to->variance[k] += from->variance[k];
        to->spread[k] += from->spread[k];
        for (unsigned i = 0; to->cells && i < GROUPS * PIECES; i++)
            to->cells->of[k][i / PIECES][i % PIECES] += from->cells->of[k][i / PIECES][i % PIECES];
    }
    to->addresses += from->addresses;
    to->addresses_variance += from->addresses_variance;
    to->once += from->once;
    to->other += from->other;
    to->doubt_alone += from->doubt_alone;
    for (unsigned i = 0; i < SIGNS; i++)
        to->doubt[i] += from->doubt[i];
}

static void rename_seen(struct hour *h, uint32_t from, uint32_t to, struct seen *table)
{
    size_t n = h->is_open ? h->cap_seen : h->n_seen;
    for (size_t i = 0; i < n; i++)
        if (h->seen[i].pieces && h->seen[i].botnet == from)
            h->seen[i].botnet = to;
    if (!h->is_open) {
        qsort(h->seen, n, sizeof *h->seen, seen_compare);
        h->n_seen = seen_unite(h->seen, n);
        struct row *r = hour_find(h, to);
        r->addresses -= (double)(n - h->n_seen) * sample_scale(h->limit);
        return;
    }
    h->n_seen = 0;
    for (size_t i = 0; i < n; i++)
        if (h->seen[i].pieces)
            h->n_seen += put(table_at(table, n, &h->seen[i]), &h->seen[i]);
    free(h->seen);
    h->seen = table;
}

int hour_move(struct hour *h, uint32_t from, uint32_t to)
{
    if (!hour_find(h, from) || from == to)
        return POSSE_OK;
    if (h->ledger.cap && credits_rename(&h->ledger, from, to))
        return POSSE_ENOMEM;
    struct seen *table = h->is_open ? calloc(h->cap_seen, sizeof *table) : NULL;
    struct row *b = h->is_open && !table ? NULL : hour_row(h, to);
    if (!b) {
        free(table);
        return POSSE_ENOMEM;
    }
    uint32_t into = b->botnet;
    struct row *a = hour_find(h, from);
    if (a != b) {
        add_rows(b, a);
        rename_seen(h, from, into, table);
        free(a->cells);
        *a = h->row[--h->n_rows];
        index_fill(h);
    } else {
        free(table);
    }
    return POSSE_OK;
}
