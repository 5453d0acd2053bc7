#include "net/astable.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "net/astable_priv.h"

static const char magic[8] = {'P', 'O', 'S', 'S', 'E', 'A', 'S', 'T'};
_Static_assert(sizeof(struct as_system) == 16, "as it is encoded");

void astable_index(struct astable *t)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i <= 65536; i++) {
        while (at < t->n4 && t->start4[at] >> 16 < i)
            at++;
        t->jump4[i] = at;
    }
}

void astable_free(struct astable **t)
{
    if (!t || !*t)
        return;
    free((*t)->owned);
    free(*t);
    *t = NULL;
}

void astable_size(const struct astable *t, struct astable_size *out)
{
    *out = (struct astable_size){t->n4, t->n6, t->n_systems};
}

/* ---- look-up ---- */

/* How many pieces begin at x or before: the last of them has x. */
static uint32_t piece4(const struct astable *t, uint32_t x)
{
    uint32_t lo = t->jump4[x >> 16], hi = t->jump4[(x >> 16) + 1]; /* the first piece past x lies in [lo, hi] */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->start4[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static uint32_t piece6(const struct astable *t, const struct ip *a)
{
    uint32_t lo = 0, hi = t->n6;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ip_compare(&t->start6[mid], a) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static uint32_t who_has(const struct astable *t, const struct ip *a)
{
    if (!t)
        return AS_NOBODY;
    uint32_t at = ip_is_v4(a) ? piece4(t, ip_v4(a)) : piece6(t, a);
    return at == 0 ? AS_NOBODY : ip_is_v4(a) ? t->who4[at - 1] : t->who6[at - 1];
}

static bool tell(const struct astable *t, uint32_t who, struct as_info *out)
{
    const struct as_system *s = &t->system[who];
    *out = (struct as_info){.asn = s->asn, .name = t->names + s->name, .is_dynamic = s->is_dynamic};
    memcpy(out->country, s->country, 2);
    return true;
}

bool astable_find(const struct astable *t, const struct ip *a, struct as_info *out)
{
    *out = (struct as_info){.name = ""};
    uint32_t who = who_has(t, a);
    return who != AS_NOBODY && tell(t, who, out);
}

bool astable_system(const struct astable *t, uint32_t asn, struct as_info *out)
{
    *out = (struct as_info){.name = ""};
    for (uint32_t i = 0; t && i < t->n_systems; i++)
        if (t->system[i].asn == asn)
            return tell(t, i, out);
    return false;
}

/* One less. */
static struct ip before(struct ip a)
{
    for (int i = 15; i >= 0 && a.b[i]-- == 0; i--)
        ;
    return a;
}

bool astable_range(const struct astable *t, const struct ip *a, struct ip *first, struct ip *last)
{
    if (who_has(t, a) == AS_NOBODY)
        return false;
    if (ip_is_v4(a)) {
        uint32_t at = piece4(t, ip_v4(a));
        *first = ip_of_v4(t->start4[at - 1]);
        *last = ip_of_v4(at < t->n4 ? t->start4[at] - 1 : UINT32_MAX);
        return true;
    }
    uint32_t at = piece6(t, a);
    *first = t->start6[at - 1];
    memset(last->b, 0xff, sizeof last->b);
    if (at < t->n6)
        *last = before(t->start6[at]);
    return true;
}

/* ---- bytes ---- */

static void pad(struct buf *b)
{
    while (b->n % 8 && !buf_error(b))
        buf_add_byte(b, 0);
}

static void add_array(struct buf *b, const void *p, size_t n)
{
    buf_add(b, p, n);
    pad(b);
}

int astable_encode(const struct astable *t, struct buf *out)
{
    size_t from = out->n;
    if (from % 8)
        return POSSE_EINVAL;
    buf_add(out, magic, sizeof magic);
    buf_add_u32(out, AS_FORMAT);
    buf_add_u32(out, t->n4);
    buf_add_u32(out, t->n6);
    buf_add_u32(out, t->n_systems);
    buf_add_u32(out, t->n_names);
    buf_add_u32(out, 0);
    add_array(out, t->start4, t->n4 * sizeof *t->start4);
    add_array(out, t->who4, t->n4 * sizeof *t->who4);
    add_array(out, t->start6, t->n6 * sizeof *t->start6);
    add_array(out, t->who6, t->n6 * sizeof *t->who6);
    add_array(out, t->system, t->n_systems * sizeof *t->system);
    add_array(out, t->names, t->n_names);
    return buf_error(out);
}

static const void *take_array(struct reader *r, size_t n)
{
    struct span s = reader_bytes(r, n);
    struct span zeros = reader_bytes(r, (8 - n % 8) % 8);
    for (size_t i = 0; i < zeros.n; i++)
        if (zeros.p[i])
            reader_fail(r, POSSE_ECORRUPT);
    return s.p;
}

static bool who_is_valid(const struct astable *t, const uint32_t *who, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (who[i] >= t->n_systems && who[i] != AS_NOBODY)
            return false;
    return true;
}

static bool system_is_valid(const struct astable *t, const struct as_system *s)
{
    static const uint8_t zero[5];
    return s->asn && s->is_dynamic <= 1 && memcmp(s->zero, zero, 5) == 0 && s->name < t->n_names &&
           (s->name == 0 || t->names[s->name - 1] == '\0');
}

static const char *invalid(const struct astable *t)
{
    for (uint32_t i = 1; i < t->n4; i++)
        if (t->start4[i - 1] >= t->start4[i])
            return "ranges out of order";
    for (uint32_t i = 1; i < t->n6; i++)
        if (ip_compare(&t->start6[i - 1], &t->start6[i]) >= 0)
            return "ranges out of order";
    if (!who_is_valid(t, t->who4, t->n4) || !who_is_valid(t, t->who6, t->n6))
        return "a range of no system";
    if (t->n_names == 0 || t->names[0] || t->names[t->n_names - 1])
        return "names without their end";
    for (uint32_t i = 0; i < t->n_systems; i++)
        if (!system_is_valid(t, &t->system[i]))
            return "a system that cannot be";
    return NULL;
}

/* A head that lies about its counts runs into the end of the bytes: counts are 32 bits, sizes 64. */
static const char *take(struct astable *t, struct reader *r)
{
    t->n4 = reader_u32(r);
    t->n6 = reader_u32(r);
    t->n_systems = reader_u32(r);
    t->n_names = reader_u32(r);
    if (reader_u32(r) || t->n4 > AS_PIECES_MAX || t->n6 > AS_PIECES_MAX || t->n_systems > AS_SYSTEMS_MAX)
        return "an impossible head";
    t->start4 = take_array(r, t->n4 * sizeof *t->start4);
    t->who4 = take_array(r, t->n4 * sizeof *t->who4);
    t->start6 = take_array(r, t->n6 * sizeof *t->start6);
    t->who6 = take_array(r, t->n6 * sizeof *t->who6);
    t->system = take_array(r, t->n_systems * sizeof *t->system);
    t->names = take_array(r, t->n_names);
    if (reader_error(r) || reader_left(r))
        return "it is not as long as it says";
    return invalid(t);
}

int astable_view(struct span in, const char *path, struct astable **out, struct report *why)
{
    struct reader r = reader_of(in);
    struct span head = reader_bytes(&r, sizeof magic);
    *out = NULL;
    if ((uintptr_t)in.p % 8 || head.n != sizeof magic || memcmp(head.p, magic, sizeof magic) != 0)
        return report_set(why, POSSE_ECORRUPT, "%s: not a table of autonomous systems", path);
    if (reader_u32(&r) != AS_FORMAT)
        return report_set(why, POSSE_EVERSION, "%s: a table of another format; compile it anew", path);
    struct astable *t = calloc(1, sizeof *t);
    if (!t)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    const char *bad = take(t, &r);
    if (bad) {
        free(t);
        return report_set(why, POSSE_ECORRUPT, "%s: a damaged table of autonomous systems: %s; compile it anew", path, bad);
    }
    astable_index(t);
    *out = t;
    return POSSE_OK;
}
