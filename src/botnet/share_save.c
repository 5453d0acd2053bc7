/* share_save: shares as bytes: equal states give equal bytes, and what was loaded goes on as what was saved would have.
 * Version, hours kept, late, hours; an hour: number, open, limit, rows, addresses sorted; a row: botnet, sums, squares, then its cells
 * while open, else its variances. Of the latest hours the campaigns too, sorted, and the tags of addresses. Doubles by their bits; what is not finite, negative where it may not be, out of order or too many is
 * corrupt. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/share_priv.h"

enum { VERSION = 2, NO_LEDGER = 1 /* read, too: its hours have no campaigns */, MAX_KEPT = 2 * SAMPLE_KEPT };

static double load_amount(struct reader *r)
{
    double x = reader_double(r);
    if (x < 0)
        reader_fail(r, POSSE_ECORRUPT);
    return x;
}

/* Most cells of a row are empty. */
static void save_cells(struct buf *out, const struct cells *c)
{
    for (unsigned k = 0; k < WEIGHTS; k++)
        for (unsigned g = 0; g < GROUPS; g++) {
            uint32_t bits = 0;
            for (unsigned m = 0; m < PIECES; m++)
                bits |= (uint32_t)(c->of[k][g][m] != 0) << m;
            buf_add_varint(out, bits);
            for (unsigned m = 0; m < PIECES; m++)
                if (bits >> m & 1)
                    buf_add_double(out, c->of[k][g][m]);
        }
}

static void load_cells(struct reader *r, struct cells *c)
{
    for (unsigned k = 0; k < WEIGHTS; k++)
        for (unsigned g = 0; g < GROUPS; g++) {
            uint64_t bits = reader_varint(r);
            if (bits >> PIECES)
                reader_fail(r, POSSE_ECORRUPT);
            for (unsigned m = 0; m < PIECES; m++)
                if (bits >> m & 1)
                    c->of[k][g][m] = load_amount(r);
        }
}

static void save_row(struct buf *out, const struct row *r)
{
    buf_add_varint(out, r->botnet);
    for (unsigned k = 0; k < WEIGHTS; k++) {
        buf_add_double(out, r->sum[k]);
        buf_add_double(out, r->square[k]);
    }
    buf_add_double(out, r->doubt_alone);
    bool has_doubt = false;
    for (unsigned i = 0; i < SIGNS; i++)
        has_doubt |= r->doubt[i] != 0;
    buf_add_byte(out, has_doubt);
    for (unsigned i = 0; has_doubt && i < SIGNS; i++)
        buf_add_double(out, r->doubt[i]);
    if (r->cells) {
        save_cells(out, r->cells);
        return;
    }
    for (unsigned k = 0; k < WEIGHTS; k++)
        buf_add_double(out, r->variance[k]);
    for (unsigned k = 0; k < WEIGHTS; k++)
        buf_add_double(out, r->spread[k]);
    buf_add_double(out, r->addresses);
    buf_add_double(out, r->addresses_variance);
}

static int load_row(struct reader *in, struct hour *h)
{
    uint64_t botnet = reader_varint(in);
    if (reader_error(in) || botnet > UINT32_MAX || hour_find(h, (uint32_t)botnet))
        return reader_error(in) ? reader_error(in) : POSSE_ECORRUPT;
    struct row *r = hour_row(h, (uint32_t)botnet);
    if (!r)
        return POSSE_ENOMEM;
    if (r->botnet != botnet)
        return POSSE_ECORRUPT;
    for (unsigned k = 0; k < WEIGHTS; k++) {
        r->sum[k] = load_amount(in);
        r->square[k] = load_amount(in);
    }
    r->doubt_alone = load_amount(in);
    uint8_t has_doubt = reader_u8(in);
    for (unsigned i = 0; has_doubt && i < SIGNS; i++)
        r->doubt[i] = reader_double(in);
    if (r->cells) {
        load_cells(in, r->cells);
    } else {
        for (unsigned k = 0; k < WEIGHTS; k++)
            r->variance[k] = load_amount(in);
        for (unsigned k = 0; k < WEIGHTS; k++)
            r->spread[k] = load_amount(in);
        r->addresses = reader_double(in);
        r->addresses_variance = load_amount(in);
    }
    return has_doubt > 1 ? POSSE_ECORRUPT : reader_error(in);
}

static void save_tags(struct buf *out, const struct seen *s)
{
    uint8_t n = 0;
    while (n < TAGS && s->tag[n])
        n++;
    buf_add_byte(out, (uint8_t)(n | (s->flags & SEEN_MORE) << 7));
    for (unsigned i = 0; i < n; i++)
        buf_add_varint(out, s->tag[i]);
}

static void load_tags(struct reader *in, struct seen *s)
{
    uint8_t n = reader_u8(in);
    s->flags = n >> 7 ? SEEN_MORE : 0;
    n &= 0x7f;
    for (unsigned i = 0; i < n && n <= TAGS; i++) {
        uint64_t tag = reader_varint(in);
        s->tag[i] = (uint16_t)tag;
        if (!tag || tag > UINT16_MAX)
            reader_fail(in, POSSE_ECORRUPT);
    }
    if (n > TAGS)
        reader_fail(in, POSSE_ECORRUPT);
}

static int save_ledger(struct buf *out, const struct ledger *l)
{
    size_t n;
    struct credit *all = credits_sorted(l, &n);
    if (!all)
        return POSSE_ENOMEM;
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_u64(out, all[i].campaign);
        buf_add_varint(out, all[i].botnet);
        for (unsigned k = 0; k < WEIGHTS; k++) {
            buf_add_double(out, all[i].raw[k]);
            buf_add_double(out, all[i].sum[k]);
            buf_add_double(out, (double)all[i].square[k]);
        }
        buf_add_double(out, (double)all[i].doubt);
    }
    free(all);
    return POSSE_OK;
}

static int load_ledger(struct reader *in, struct ledger *l)
{
    uint64_t n = reader_varint(in);
    if (n > CREDITS_MOST || n > reader_left(in))
        return POSSE_ECORRUPT;
    struct credit last = {0};
    for (uint64_t i = 0; i < n; i++) {
        struct credit x = {.campaign = reader_u64(in)}, *c;
        uint64_t botnet = reader_varint(in);
        x.botnet = (uint32_t)botnet;
        for (unsigned k = 0; k < WEIGHTS; k++) {
            x.raw[k] = load_amount(in);
            x.sum[k] = load_amount(in);
            x.square[k] = (float)load_amount(in);
        }
        x.doubt = (float)load_amount(in);
        if (reader_error(in) || !x.campaign || botnet > UINT32_MAX || (i && credit_compare(&last, &x) >= 0))
            return POSSE_ECORRUPT;
        if (!(c = credit_put(l, x.campaign, x.botnet)))
            return POSSE_ENOMEM;
        *c = last = x;
    }
    return POSSE_OK;
}

static int save_hour(struct buf *out, const struct hour *h, bool is_latest)
{
    struct seen *seen = malloc((h->n_seen ? h->n_seen : 1) * sizeof *seen);
    if (!seen)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < (h->is_open ? h->cap_seen : h->n_seen); i++)
        if (h->seen[i].pieces)
            seen[n++] = h->seen[i];
    qsort(seen, n, sizeof *seen, seen_compare);
    buf_add_u64(out, (uint64_t)h->number);
    buf_add_byte(out, h->is_open);
    buf_add_u64(out, h->limit);
    buf_add_varint(out, h->n_rows);
    for (size_t i = 0; i < h->n_rows; i++)
        save_row(out, &h->row[i]);
    buf_add_byte(out, is_latest);
    int err = is_latest ? save_ledger(out, &h->ledger) : POSSE_OK;
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_u64(out, seen[i].hash);
        buf_add_varint(out, seen[i].botnet);
        buf_add_varint(out, seen[i].pieces);
        buf_add_byte(out, seen[i].probability);
        if (is_latest)
            save_tags(out, &seen[i]);
    }
    free(seen);
    return err;
}

static int load_seen(struct reader *in, struct hour *h, bool is_latest, struct seen *last)
{
    struct seen s = {.hash = reader_u64(in)};
    uint64_t botnet = reader_varint(in), pieces = reader_varint(in);
    s.probability = reader_u8(in);
    s.botnet = (uint32_t)botnet;
    s.pieces = (uint16_t)pieces;
    s.flags = SEEN_MORE; /* for what was not noted */
    if (is_latest)
        load_tags(in, &s);
    if (reader_error(in) || botnet > UINT32_MAX || !pieces || pieces >> PIECES || s.hash > h->limit || !hour_find(h, s.botnet) ||
        (last->pieces && seen_compare(last, &s) >= 0))
        return POSSE_ECORRUPT;
    *last = s;
    if (h->is_open)
        return hour_see(h, &s);
    h->seen[h->n_seen++] = s;
    return POSSE_OK;
}

static int load_hour(struct reader *in, struct hour *h, uint8_t version)
{
    int64_t number = (int64_t)reader_u64(in);
    uint8_t is_open = reader_u8(in);
    uint64_t limit = reader_u64(in), n_rows = reader_varint(in);
    if (reader_error(in) || is_open > 1 || n_rows > SHARES_ROWS + 2)
        return POSSE_ECORRUPT;
    if (number > INT64_MAX / HOUR_MS || number < INT64_MIN / HOUR_MS || hour_open(h, number))
        return number > INT64_MAX / HOUR_MS || number < INT64_MIN / HOUR_MS ? POSSE_ECORRUPT : POSSE_ENOMEM;
    h->is_open = is_open;
    h->limit = limit;
    int rc = POSSE_OK;
    for (uint64_t i = 0; i < n_rows && !rc; i++)
        rc = load_row(in, h);
    uint8_t is_latest = rc || version == NO_LEDGER ? 0 : reader_u8(in);
    if (!rc && is_latest)
        rc = is_latest > 1 ? POSSE_ECORRUPT : load_ledger(in, &h->ledger);
    uint64_t n = rc ? 0 : reader_varint(in);
    if (!rc && (reader_error(in) || n > (is_open ? SAMPLE_OPEN : MAX_KEPT) || n > reader_left(in)))
        rc = POSSE_ECORRUPT;
    if (!rc && !is_open && n > h->cap_seen) {
        struct seen *seen = realloc(h->seen, n * sizeof *seen);
        if (!seen)
            return POSSE_ENOMEM;
        h->seen = seen;
        h->cap_seen = n;
    }
    struct seen last = {0};
    for (uint64_t i = 0; i < n && !rc; i++)
        rc = load_seen(in, h, is_latest, &last);
    return rc;
}

int shares_save(const struct shares *s, struct buf *out)
{
    buf_add_byte(out, VERSION);
    buf_add_varint(out, s->max_hours);
    buf_add_varint(out, s->late);
    buf_add_varint(out, s->n_hours);
    for (size_t i = 0; i < s->n_hours; i++)
        if (save_hour(out, &s->hour[i], i + SHARES_CREDIT_HOURS >= s->n_hours))
            return POSSE_ENOMEM;
    return buf_error(out);
}

static int load_all(struct reader *in, struct shares *s, uint64_t n, uint8_t version)
{
    s->hour = calloc(n ? n : 1, sizeof *s->hour);
    if (!s->hour)
        return POSSE_ENOMEM;
    s->cap_hours = n ? n : 1;
    for (uint64_t i = 0; i < n; i++) {
        int rc = load_hour(in, &s->hour[s->n_hours++], version);
        if (rc)
            return rc;
        const struct hour *h = &s->hour[i];
        if ((i && h[-1].number >= h->number) || (h->is_open && i + HOURS_OPEN < n))
            return POSSE_ECORRUPT;
    }
    return POSSE_OK;
}

int shares_load(struct reader *r, struct shares **out, struct report *why)
{
    uint8_t version = reader_u8(r);
    uint64_t max_hours = reader_varint(r), late = reader_varint(r), n = reader_varint(r);
    if (reader_error(r) || ((version == VERSION || version == NO_LEDGER) && (n > max_hours || n > reader_left(r) || max_hours > SHARES_HOURS_MOST)))
        return report_set(why, POSSE_ECORRUPT, "shares: the saved state is damaged; observe its input anew");
    if (version != VERSION && version != NO_LEDGER)
        return report_set(why, POSSE_EVERSION, "shares: saved by another version (%u); observe its input anew", version);
    int rc = shares_new((int64_t)max_hours * HOUR_MS, out, why);
    if (rc)
        return rc;
    (*out)->late = late;
    rc = load_all(r, *out, n, version);
    if (!rc)
        return POSSE_OK;
    shares_free(out);
    return report_set(why, rc, rc == POSSE_ENOMEM ? "shares: no memory" : "shares: the saved state is damaged; observe its input anew");
}
