/* source_mbox: splitting an mbox (RFC 4155 and what people really have) through a window.
 *
 * The format has no escape that all writers agree on: mboxo quotes `From ` lines as `>From `, mboxrd quotes those
 * that are quoted already too, mboxcl does not quote at all. So a separator is only believed when everything fits: an
 * empty line before it, a weekday and a month within it, a header field after it. A sentence that starts with
 * "From now on" passes none of these together.
 * The window is 256 KiB; all that must be seen at once is a separator with its neighbours, which are capped
 * at LOOKAHEAD, so a box of any size takes the same memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/source_priv.h"

enum { WINDOW = 256 << 10, LOOKAHEAD = 2048, LOOKBACK = 8 };

static bool any_of(const uint8_t *p, const char *names)
{
    for (; *names; names += 3)
        if (memcmp(p, names, 3) == 0)
            return true;
    return false;
}

/* "From someone Thu Jan  1 00:00:00 1970": a weekday and a month somewhere after the sender. */
static bool has_date(struct span line)
{
    for (size_t i = 5; i + 9 <= line.n; i++) {
        const uint8_t *p = line.p + i;
        if (p[-1] == ' ' && p[3] == ' ' && p[7] == ' ' && any_of(p, "MonTueWedThuFriSatSun") &&
            any_of(p + 4, "JanFebMarAprMayJunJulAugSepOctNovDec"))
            return true;
    }
    return false;
}

static bool is_field(struct span in, size_t at)
{
    if (at + 6 <= in.n && memcmp(in.p + at, ">From ", 6) == 0)
        return true;
    for (size_t i = at; i < in.n; i++) {
        if (in.p[i] == ':')
            return i > at;
        if (in.p[i] <= ' ' || in.p[i] >= 127)
            return false;
    }
    return false;
}

bool mbox_is_separator(struct span in, size_t at)
{
    if (at > 0) {
        const uint8_t *p = in.p + at;
        bool is_blank = at >= 2 && p[-1] == '\n' && (p[-2] == '\n' || (p[-2] == '\r' && at >= 3 && p[-3] == '\n'));
        if (!is_blank)
            return false;
    }
    struct span rest = span_sub(in, at, at + LOOKAHEAD);
    ptrdiff_t end = span_chr(rest, '\n');
    if (rest.n < 5 || memcmp(rest.p, "From ", 5) != 0 || end < 0)
        return false;
    return has_date(span_sub(rest, 0, (size_t)end)) && is_field(rest, (size_t)end + 1);
}

void box_file_release(struct box_file **b)
{
    if (*b && atomic_fetch_sub(&(*b)->refs, 1) == 1) {
        close((*b)->fd);
        free(*b);
    }
    *b = NULL;
}

struct mbox *mbox_new(const char *name, int fd, bool is_stream, size_t max_bytes)
{
    struct mbox *m = calloc(1, sizeof *m);
    if (!m) {
        close(fd);
        return NULL;
    }
    m->fd = fd;
    m->is_stream = is_stream;
    m->max_bytes = max_bytes;
    m->name = strdup(name);
    m->window = malloc(WINDOW);
    buf_init(&m->kept, max_bytes);
    if (!is_stream) {
        m->file = calloc(1, sizeof *m->file + strlen(name) + 1);
        if (m->file) {
            m->file->fd = fd;
            strcpy(m->file->name, name);
            atomic_init(&m->file->refs, 1);
        }
    }
    if (!m->name || !m->window || (!is_stream && !m->file)) {
        mbox_free(&m);
        return NULL;
    }
    return m;
}

void mbox_resume(struct mbox *m, off_t at, uint64_t index)
{
    m->base = at;
    m->index = index;
    m->is_resumed = true;
}

void mbox_free(struct mbox **mp)
{
    struct mbox *m = *mp;
    if (!m)
        return;
    if (m->file)
        box_file_release(&m->file);
    else
        close(m->fd);
    buf_deinit(&m->kept);
    free(m->window);
    free(m->name);
    free(m);
    *mp = NULL;
}

/* Passes over the window's first n bytes: they belong to the message that is being read. */
static void pass(struct mbox *m, size_t n)
{
    if (m->is_stream && m->passed + n <= m->max_bytes)
        buf_add(&m->kept, m->window + m->pos, n);
    m->passed += n;
    m->base += (off_t)n;
    m->pos += n;
    m->n -= n;
}

/* Fills the window up. */
static void fill(struct mbox *m)
{
    memmove(m->window, m->window + m->pos, m->n);
    m->pos = 0;
    while (!m->at_eof && m->n < WINDOW) {
        ssize_t got = m->is_stream ? read(m->fd, m->window + m->n, WINDOW - m->n)
                                   : pread(m->fd, m->window + m->n, WINDOW - m->n, m->base + (off_t)m->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            report_errno(&m->why, "read", m->name);
            m->is_broken = true;
        }
        if (got <= 0)
            m->at_eof = true;
        else
            m->n += (size_t)got;
    }
}

/* Passes over the rest of the current message; the window then starts with a separator or is empty. */
static void pass_message(struct mbox *m)
{
    size_t from = 0;
    for (;;) {
        const uint8_t *window = m->window + m->pos;
        const uint8_t *p = m->is_box && m->n > from ? memmem(window + from, m->n - from, "\nFrom ", 6) : NULL;
        size_t at = p ? (size_t)(p - window) + 1 : m->n;
        bool is_seen = p ? m->n - at >= LOOKAHEAD : false;
        if (!m->at_eof && !is_seen) {
            /* what follows is needed to judge; a separator split by the window's end as well */
            size_t safe = p ? at : m->n;
            size_t go = safe > LOOKBACK ? safe - LOOKBACK : 0;
            from = safe - go;
            from = p ? from - 1 : 0;
            pass(m, go);
            if (!m->is_box && m->passed > m->max_bytes) { /* too big, and nothing can follow */
                m->at_eof = true;
                pass(m, m->n);
                return;
            }
            fill(m);
            continue;
        }
        if (!p) {
            pass(m, m->n);
            return;
        }
        if (mbox_is_separator(span_of(window, m->n), at)) {
            pass(m, at);
            return;
        }
        from = at;
    }
}

/* The empty line before the next separator belongs to the box, not to the message. */
static size_t without_blank(struct mbox *m, size_t n)
{
    if (m->is_stream) {
        const uint8_t *p = m->kept.p;
        if (n >= 2 && p[n - 1] == '\n' && p[n - 2] == '\n')
            return n - 1;
        if (n >= 4 && memcmp(p + n - 4, "\r\n\r\n", 4) == 0)
            return n - 2;
        return n;
    }
    uint8_t tail[4];
    if (n < 4 || pread(m->fd, tail, 4, m->start + (off_t)n - 4) != 4)
        return n;
    if (tail[3] == '\n' && tail[2] == '\n')
        return n - 1;
    return memcmp(tail, "\r\n\r\n", 4) == 0 ? n - 2 : n;
}

static void name_ticket(struct mbox *m, struct ticket *t, bool is_single)
{
    char number[32] = "";
    if (!is_single)
        snprintf(number, sizeof number, "#%llu", (unsigned long long)m->index);
    size_t len = strlen(m->name) + strlen(number) + 1;
    char *full = malloc(len);
    if (full)
        snprintf(full, len, "%s%s", m->name, number);
    ticket_set_name(t, NULL, full ? full : m->name);
    free(full);
}

static void give(struct mbox *m, struct ticket *t, bool is_single)
{
    t->is_boxed = !is_single;
    t->max_bytes = m->max_bytes;
    if (m->passed > m->max_bytes) {
        ticket_bad(t, POSSE_ETOOBIG, "%s: bigger than %zu bytes, the limit for a message (limits.message_bytes)",
                   t->name, m->max_bytes);
        return;
    }
    size_t n = (size_t)m->passed;
    if (!is_single)
        n = without_blank(m, n);
    t->n = n;
    if (!m->is_stream) {
        atomic_fetch_add(&m->file->refs, 1);
        t->box = m->file;
        t->offset = m->start;
        t->end = m->base;
        t->index = m->index;
        t->kind = TICKET_SLICE;
        return;
    }
    t->bytes = malloc(n ? n : 1);
    if (!t->bytes || buf_error(&m->kept)) {
        ticket_bad(t, POSSE_ENOMEM, "%s: out of memory", t->name);
        return;
    }
    if (n)
        memcpy(t->bytes, m->kept.p, n);
    t->kind = TICKET_BYTES;
}

/* Looks at the first bytes; of a box that was left off, passes over what is no message's beginning. */
static void begin(struct mbox *m)
{
    fill(m);
    m->is_box = m->is_resumed || mbox_is_separator(span_of(m->window, m->n), 0);
    if (m->is_resumed && m->n && !mbox_is_separator(span_of(m->window, m->n), 0))
        pass_message(m);
    m->is_begun = true;
}

bool mbox_next(struct mbox *m, struct ticket *t)
{
    if (!m->is_begun)
        begin(m);
    if ((m->index > 0 || m->is_resumed) && m->n == 0 && !m->is_broken)
        return false;
    if (m->is_broken) { /* after a failed read nothing that follows can be trusted */
        if (m->why.code == 0)
            return false;
        name_ticket(m, t, true);
        ticket_bad(t, m->why.code, "%s", m->why.text);
        m->why.code = 0;
        m->index++;
        return true;
    }
    m->index++;
    m->start = m->base;
    m->passed = 0;
    if (m->is_stream) {
        buf_deinit(&m->kept);
        buf_init(&m->kept, m->max_bytes);
    }
    pass_message(m);
    if (m->is_broken)
        return mbox_next(m, t);
    bool is_single = m->n == 0 && m->index == 1 && !m->is_resumed;
    name_ticket(m, t, is_single);
    give(m, t, is_single);
    return true;
}
