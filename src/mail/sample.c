#include "mail/sample.h"

enum { NEAR_MOST = 1024, SLICES_FROM = 4096 /* bytes of room below which head and tail are all */ };

static bool continues(uint8_t c) { return (c & 0xc0) == 0x80; }

/* Where a piece that is to begin at `from` does begin, less than `most` bytes later. */
static size_t good_start(struct span in, size_t from, size_t most, enum sample_kind kind)
{
    if (kind == SAMPLE_WIDE)
        return (from + 3) & ~(size_t)3;
    most = most < NEAR_MOST ? most : NEAR_MOST;
    struct span ahead = span_sub(in, from, from + most);
    ptrdiff_t at = span_chr(ahead, kind == SAMPLE_HTML ? '<' : '\n');
    if (at >= 0 && (size_t)at + 1 < most)
        return from + (size_t)at + (kind == SAMPLE_TEXT);
    for (size_t i = 0; i < 3 && from < in.n && continues(in.p[from]); i++)
        from++;
    return from;
}

static size_t good_end(struct span in, size_t from, size_t to, enum sample_kind kind)
{
    if (kind == SAMPLE_WIDE)
        return from + ((to - from) & ~(size_t)3);
    for (size_t i = 0; i < 3 && to > from && to < in.n && continues(in.p[to]); i++)
        to--;
    return to;
}

struct copy {
    struct span in;
    enum sample_kind kind;
    uint8_t *out;
    size_t n;
};

/* Adds in[from, to), cleanly begun and ended, all but the first behind an LF that takes the place of a byte: what
 * is written never passes what is yet to be read. */
static void add(struct copy *c, size_t from, size_t to)
{
    bool apart = from && c->kind != SAMPLE_WIDE;
    size_t at = from ? good_start(c->in, from + apart, (to - from) / 2, c->kind) : 0;
    if (at >= to)
        return;
    to = good_end(c->in, at, to, c->kind);
    memmove(c->out + c->n + apart, c->in.p + at, to - at);
    if (apart)
        c->out[c->n] = '\n';
    c->n += to - at + apart;
}

size_t sample_text(struct span in, size_t room, enum sample_kind kind, uint8_t *out)
{
    struct copy c = {in, kind, out, 0};
    if (in.n <= room) {
        memmove(out, in.p, in.n);
        return in.n;
    }
    size_t tail = room / 4, slices = room < SLICES_FROM ? 0 : SAMPLE_SLICES;
    size_t each = slices ? room / 4 / slices : 0, head = room - tail - slices * each;
    size_t gap = in.n - head - tail;
    add(&c, 0, head);
    for (size_t k = 0; k < slices; k++) {
        size_t from = head + gap / slices * k + (gap / slices - each) / 2;
        add(&c, from, from + each);
    }
    add(&c, in.n - tail, in.n);
    return c.n;
}

size_t sample_level(const size_t *size, size_t n, size_t room)
{
    size_t low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        high = size[i] > high ? size[i] : high;
        low = low + size[i] < low ? SIZE_MAX : low + size[i];
    }
    if (low <= room)
        return SIZE_MAX;
    for (low = 0; high - low > 1;) {
        size_t mid = low + (high - low) / 2, sum = 0;
        for (size_t i = 0; i < n && sum <= room; i++)
            sum += size[i] < mid ? size[i] : mid;
        if (sum <= room)
            low = mid;
        else
            high = mid;
    }
    return low;
}
