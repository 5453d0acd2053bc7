/* A list of needles is made of the fields that name recipients, and the message is copied with each of them replaced; fields and bodies
 * that are encoded are looked at decoded, and written anew where there is one in them. */
#include "case/redact.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "mail/address.h"
#include "mail/anomaly.h"
#include "mail/message.h"
#include "sender/received.h"

/* Needles are found by the hash of their first LONG bytes, or SHORT; those that are shorter are in a list of their own, which is mostly
 * empty. STEPS: comparisons, under a second; only a message that is made for it needs so many. */
enum { FIELD_ADDRESSES = 256, NEEDLE_LEAST = 4, LINE64 = 57, LONG = 8, SHORT = 4, HEADS = 1 << 15, STEPS = 1 << 26 };
#define UNREAD_BITS \
    (1ULL << ANOMALY_HEADER_TRUNCATED | 1ULL << ANOMALY_PARTS_LIMIT | 1ULL << ANOMALY_DEPTH_LIMIT | 1ULL << ANOMALY_SIZE_TRUNCATED)

struct needle { struct span text, by; bool is_word; uint32_t next; /* in the list of its head */ };
struct edit { size_t from, to; struct span by; };
struct redacting {
    struct arena *a;
    struct mail_parser *parser;
    struct needle *needle; size_t n, cap;
    uint32_t *first;             /* of each list; UINT32_MAX: none */
    bool has_words;              /* parts of addresses and names too, not whole addresses alone */
    size_t steps;
    struct edit *edit; size_t n_edits, cap_edits;
    struct span *mailbox; size_t n_mailboxes;
    size_t places, of_sender;    /* of_sender: words taken out of what the sender calls himself */
    bool is_bad;                 /* out of memory */
};

/* ---- needles ---- */

static void *grown(struct redacting *r, void *p, size_t n, size_t *cap, size_t bytes)
{
    if (n < *cap)
        return p;
    size_t more = *cap ? 2 * *cap : 64;
    void *bigger = realloc(p, more * bytes);
    if (!bigger) {
        r->is_bad = true;
        return p;
    }
    *cap = more;
    return bigger;
}

static uint32_t hash_of(const uint8_t *p, size_t n)
{
    uint32_t h = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        h = h * 31 + ascii_lower(p[i]);
    return (h ^ h >> 15) % HEADS;
}

static uint32_t head_of(struct span s) { return s.n >= LONG ? hash_of(s.p, LONG) : s.n >= SHORT ? hash_of(s.p, SHORT) : HEADS; }

static void add_needle(struct redacting *r, struct span text, struct span by, bool is_word)
{
    if (!text.n || !text.p || (is_word && !r->has_words))
        return;
    uint32_t head = head_of(text);
    for (uint32_t k = r->first[head]; k != UINT32_MAX; k = r->needle[k].next) {
        r->steps++;
        if (span_ieq(r->needle[k].text, text))
            return;
    }
    r->needle = grown(r, r->needle, r->n, &r->cap, sizeof *r->needle);
    if (r->is_bad)
        return;
    r->needle[r->n] = (struct needle){text, by, is_word, r->first[head]};
    r->first[head] = (uint32_t)r->n++;
}

static struct span printed(struct redacting *r, const char *fmt, unsigned long n)
{
    char text[80];
    snprintf(text, sizeof text, fmt, n);
    struct span s = arena_copy(r->a, span_str(text));
    r->is_bad |= !s.p;
    return s;
}

/* What many people's mailboxes are called: as a word of a text it names nobody. */
static bool is_common(struct span local)
{
    static const char *const names[] = {"admin", "abuse", "billing", "contact", "customer", "help", "home", "info", "list", "mail", "news", "office",
                                        "order", "orders", "postmaster", "privacy", "root", "sales", "security", "service", "shop", "spam",
                                        "support", "team", "test", "trap", "user", "users", "webmaster", "work"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_ieq(local, span_str(names[i])))
            return true;
    return false;
}

static struct span at_escaped(struct redacting *r, struct span address, const char *at)
{
    ptrdiff_t i = span_chr(address, '@');
    size_t n = strlen(at);
    uint8_t *p = arena_alloc(r->a, address.n + n);
    if (!p || i < 0) {
        r->is_bad |= !p;
        return SPAN_NONE;
    }
    memcpy(p, address.p, (size_t)i);
    memcpy(p + i, at, n);
    memcpy(p + i + n, address.p + i + 1, address.n - (size_t)i - 1);
    return span_of(p, address.n + n - 1);
}

/* As a link carries it: all whole groups of three bytes, so that what follows does not matter. */
static void add_coded(struct redacting *r, struct span address, struct span by)
{
    size_t whole = address.n / 3 * 3;
    uint8_t *hex = arena_alloc(r->a, 2 * address.n + 1), *base64 = arena_alloc(r->a, address.n * 2 + 8);
    if (!hex || !base64) {
        r->is_bad = true;
        return;
    }
    hex_encode(address, (char *)hex);
    add_needle(r, span_of(hex, 2 * address.n), by, false);
    int n = EVP_EncodeBlock(base64, address.p, (int)whole);
    add_needle(r, span_of(base64, n > 0 ? (size_t)n : 0), by, false);
}

static struct span small(struct redacting *r, struct span s)
{
    uint8_t *p = arena_alloc(r->a, s.n);
    r->is_bad |= !p;
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return p ? span_of(p, s.n) : SPAN_NONE;
}

static void add_mailbox(struct redacting *r, const struct mailbox *m)
{
    struct buf b;
    if (m->domain.n < 2 || !m->local.n || m->local.n > 256 || m->domain.n > 256 || r->n_mailboxes == REDACT_ADDRESSES_MAX)
        return;
    buf_init(&b, 1024);
    buf_add_span(&b, m->local);
    buf_add_byte(&b, '@');
    buf_add_span(&b, m->domain);
    struct span address = arena_copy(r->a, buf_span(&b));
    r->is_bad |= buf_error(&b) || !address.p;
    buf_deinit(&b);
    size_t k = 0;
    while (k < r->n_mailboxes && !span_ieq(r->mailbox[k], address))
        k++;
    bool is_new = k == r->n_mailboxes;
    if (is_new && !r->is_bad)
        r->mailbox[r->n_mailboxes++] = address;
    struct span number = printed(r, "recipient-%lu", (unsigned long)k + 1);
    if (is_new && !r->is_bad) {
        struct span by = printed(r, "recipient-%lu@redacted.invalid", (unsigned long)k + 1);
        add_needle(r, address, by, false);
        add_needle(r, at_escaped(r, address, "%40"), printed(r, "recipient-%lu%%40redacted.invalid", (unsigned long)k + 1), false);
        add_needle(r, at_escaped(r, address, "&#64;"), by, false);
        add_needle(r, at_escaped(r, address, "=40"), by, false);
        add_coded(r, address, number);
        add_coded(r, small(r, address), number);
        if (m->local.n >= NEEDLE_LEAST && !is_common(m->local))
            add_needle(r, arena_copy(r->a, m->local), number, true);
    }
    struct span name = span_trim(m->name);
    if (name.n >= NEEDLE_LEAST && span_chr(name, '@') < 0)
        add_needle(r, arena_copy(r->a, name), number, true);
}

/* ---- finding ---- */

static bool is_word_byte(uint8_t c) { return ascii_is_alnum(c) || c >= 0x80; }

static const struct needle *longest(struct redacting *r, uint32_t head, struct span s, size_t i, const struct needle *best)
{
    for (uint32_t k = r->first[head]; k != UINT32_MAX && r->steps < STEPS; k = r->needle[k].next) {
        const struct needle *x = &r->needle[k];
        size_t end = i + x->text.n;
        r->steps++;
        if ((best && x->text.n <= best->text.n) || end > s.n || !span_ieq(span_sub(s, i, end), x->text))
            continue;
        if (x->is_word && ((i && is_word_byte(s.p[i - 1])) || (end < s.n && is_word_byte(s.p[end]))))
            continue;
        best = x;
    }
    return best;
}

/* The longest needle at s.p + i. */
static const struct needle *needle_at(struct redacting *r, struct span s, size_t i)
{
    const struct needle *best = r->first[HEADS] == UINT32_MAX ? NULL : longest(r, HEADS, s, i, NULL);
    if (i + SHORT <= s.n)
        best = longest(r, hash_of(s.p + i, SHORT), s, i, best);
    return i + LONG <= s.n ? longest(r, hash_of(s.p + i, LONG), s, i, best) : best;
}

static bool has_needle(struct redacting *r, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (needle_at(r, s, i))
            return true;
    return false;
}

static void copy_replaced(struct redacting *r, struct span s, struct buf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n;) {
        const struct needle *x = needle_at(r, s, i);
        if (!x) {
            i++;
            continue;
        }
        buf_add(out, s.p + from, i - from);
        buf_add_span(out, x->by);
        r->places++;
        from = i += x->text.n;
    }
    buf_add(out, s.p + from, s.n - from);
}

/* ---- a message ---- */

static void add_edit(struct redacting *r, struct span raw, struct span where, struct span by)
{
    if (where.p < raw.p || where.p + where.n > raw.p + raw.n)
        return; /* decoded from within an encoded part, which is written anew as a whole */
    r->edit = grown(r, r->edit, r->n_edits, &r->cap_edits, sizeof *r->edit);
    if (!r->is_bad)
        r->edit[r->n_edits++] = (struct edit){(size_t)(where.p - raw.p), (size_t)(where.p - raw.p) + where.n, by};
}

static bool names_recipients(const struct field *f)
{
    static const char *const names[] = {"X-Original-To", "Envelope-To", "X-Envelope-To", "X-RcptTo", "X-Rcpt-To", "Apparently-To", "Resent-To",
                                        "Resent-Cc", "Resent-Bcc", "X-Delivered-To", "X-Forwarded-To", "X-Forwarded-For", "Original-Recipient",
                                        "Final-Recipient", "X-Failed-Recipients", "X-To", "X-Cc", "Disposition-Notification-To"};
    if (f->id == FIELD_TO || f->id == FIELD_CC || f->id == FIELD_BCC || f->id == FIELD_DELIVERED_TO)
        return true;
    for (size_t i = 0; f->id == FIELD_OTHER && i < sizeof names / sizeof *names; i++)
        if (span_ieq(f->name, span_str(names[i])))
            return true;
    return false;
}

static void collect(struct redacting *r, const struct message *m)
{
    static const uint8_t none[1];
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        struct mailbox box[FIELD_ADDRESSES];
        struct received received;
        size_t n = 0;
        if (names_recipients(f)) {
            struct span value = field_value(r->parser, r->a, f);
            n = address_list(r->a, value.p ? value : span_of(none, 0), box, FIELD_ADDRESSES);
        } else if (f->id == FIELD_RECEIVED && received_read(f->raw, &received) && received.for_addr.n) {
            n = address_list(r->a, received.for_addr, box, FIELD_ADDRESSES);
        }
        for (size_t k = 0; k < n; k++)
            add_mailbox(r, &box[k]);
    }
}

/* What the copy has in place of a field of recipients: as many addresses, and no names. */
static struct span fields_by(struct redacting *r, const struct field *f)
{
    struct mailbox box[FIELD_ADDRESSES];
    struct buf b;
    struct span value = field_value(r->parser, r->a, f);
    size_t n = value.n ? address_list(r->a, value, box, FIELD_ADDRESSES) : 0, told = 0;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r->n_mailboxes; k++)
            if (r->mailbox[k].n == box[i].local.n + 1 + box[i].domain.n && span_ieq(span_sub(r->mailbox[k], 0, box[i].local.n), box[i].local) &&
                span_ieq(span_sub(r->mailbox[k], box[i].local.n + 1, r->mailbox[k].n), box[i].domain)) {
                buf_add_fmt(&b, "%s recipient-%zu@redacted.invalid", told++ ? ",\n" : "", k + 1);
                break;
            }
    if (!told)
        buf_add_str(&b, " [redacted]");
    struct span s = arena_copy(r->a, buf_span(&b));
    r->is_bad |= buf_error(&b) || !s.p;
    buf_deinit(&b);
    return s;
}

static size_t count_words(struct redacting *r, struct span s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; i++) {
        const struct needle *x = needle_at(r, s, i);
        count += x && x->is_word;
        i += x ? x->text.n - 1 : 0;
    }
    return count;
}

/* "John" of the recipient John Smith may be the sender's own name, too: who reads the copy must know that a word was taken out there. */
static void count_of_sender(struct redacting *r, const struct message *m)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        if (f->part || (f->id != FIELD_FROM && f->id != FIELD_SENDER && f->id != FIELD_REPLY_TO))
            continue;
        struct span value = field_value(r->parser, r->a, f);
        r->of_sender += value.n ? count_words(r, value) : 0;
    }
}

static void edit_fields(struct redacting *r, const struct message *m)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        if (names_recipients(f)) {
            add_edit(r, m->raw, f->raw, fields_by(r, f));
            r->places++;
            continue;
        }
        struct span value = span_find(f->raw, SPAN_LIT("=?")) >= 0 ? field_value(r->parser, r->a, f) : SPAN_NONE;
        if (value.n && has_needle(r, value)) {
            add_edit(r, m->raw, f->raw, SPAN_LIT(" [redacted: it named a recipient]"));
            r->places++;
        }
    }
}

static struct span base64_lines(struct redacting *r, struct span s)
{
    struct buf b;
    uint8_t line[80];
    buf_init(&b, 2 * s.n + 1024);
    for (size_t i = 0; i < s.n; i += LINE64) {
        struct span piece = span_sub(s, i, i + LINE64);
        int n = EVP_EncodeBlock(line, piece.p, (int)piece.n);
        buf_add(&b, line, n > 0 ? (size_t)n : 0);
        buf_add_byte(&b, '\n');
    }
    struct span out = arena_copy(r->a, buf_span(&b));
    r->is_bad |= buf_error(&b) || !out.p;
    buf_deinit(&b);
    return out;
}

/* Every byte that is no plain letter or digit as =XX: any reader takes it. */
static struct span quoted(struct redacting *r, struct span s)
{
    struct buf b;
    size_t column = 0;
    buf_init(&b, 5 * s.n + 1024);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n' || (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')) {
            buf_add_byte(&b, s.p[i]);
            column = 0;
            continue;
        }
        if (column > 70) {
            buf_add_str(&b, "=\n");
            column = 0;
        }
        bool is_plain = s.p[i] > ' ' && s.p[i] < 127 && s.p[i] != '=' && s.p[i] != '.' && s.p[i] != '-';
        bool is_blank = s.p[i] == ' ' && i + 1 < s.n && s.p[i + 1] != '\n' && s.p[i + 1] != '\r' && column < 70;
        if (is_plain || is_blank)
            buf_add_byte(&b, s.p[i]);
        else
            buf_add_fmt(&b, "=%02X", s.p[i]);
        column += is_plain || is_blank ? 1 : 3;
    }
    struct span out = arena_copy(r->a, buf_span(&b));
    r->is_bad |= buf_error(&b) || !out.p;
    buf_deinit(&b);
    return out;
}

static void edit_part(struct redacting *r, const struct message *m, const struct part *p)
{
    uint64_t anomalies = 0;
    struct buf b;
    if (p->is_multipart || (p->encoding != PART_BASE64 && p->encoding != PART_QP))
        return;
    struct span content = part_content(r->a, p, &anomalies);
    if (!content.p || !has_needle(r, content)) {
        r->is_bad |= !content.p && p->body.n && arena_failed(r->a);
        return;
    }
    buf_init(&b, 4 * content.n + 4096);
    copy_replaced(r, content, &b);
    r->is_bad |= buf_error(&b);
    add_edit(r, m->raw, p->body, p->encoding == PART_QP ? quoted(r, buf_span(&b)) : base64_lines(r, buf_span(&b)));
    buf_deinit(&b);
}

static int by_place(const void *a, const void *b)
{
    const struct edit *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static void compose(struct redacting *r, struct span raw, struct buf *out)
{
    size_t at = 0;
    if (r->n_edits)
        qsort(r->edit, r->n_edits, sizeof *r->edit, by_place);
    for (size_t i = 0; i < r->n_edits && !r->is_bad; i++) {
        if (r->edit[i].from < at)
            continue; /* within one that is replaced already */
        copy_replaced(r, span_sub(raw, at, r->edit[i].from), out);
        buf_add_span(out, r->edit[i].by);
        at = r->edit[i].to;
    }
    copy_replaced(r, span_sub(raw, at, raw.n), out);
}

static int redact_message(struct redacting *r, struct span raw, struct buf *out, struct report *why)
{
    struct message *m;
    struct mail_limits limits = mail_limits_default;
    limits.max_bytes = raw.n + 1;
    limits.max_header_bytes = raw.n + 1;
    r->parser = mail_parser_new(&limits);
    int err = r->parser ? message_parse(r->parser, r->a, raw, &m) : POSSE_ENOMEM;
    if (err)
        return report_set(why, err, "the message cannot be read whole, so it is not redacted");
    bool is_read = !(m->anomalies & UNREAD_BITS);
    for (size_t i = 0; i < m->n_parts; i++)
        is_read &= m->part[i].encoding != PART_UUENCODE && !span_istarts(m->part[i].charset, SPAN_LIT("utf-16")) &&
                   !span_istarts(m->part[i].charset, SPAN_LIT("utf-32"));
    if (!is_read)
        return report_set(why, POSSE_ELIMIT, "the message is nested too deep, has too many parts, or is encoded too oddly to be redacted by a program; redact a "
                          "copy by hand, and add it with --redacts");
    collect(r, m);
    if (r->is_bad)
        return POSSE_ENOMEM;
    count_of_sender(r, m);
    edit_fields(r, m);
    for (size_t i = 0; i < m->n_parts; i++)
        edit_part(r, m, &m->part[i]);
    size_t before = (size_t)(m->raw.p - raw.p); /* an mbox's From line names the sender, or the mailbox itself */
    copy_replaced(r, span_sub(raw, 0, before), out);
    compose(r, m->raw, out);
    return POSSE_OK;
}

/* ---- other text ---- */

static bool is_local(uint8_t c) { return ascii_is_alnum(c) || (c && strchr("._%+-", c)); }
static bool is_domain(uint8_t c) { return ascii_is_alnum(c) || c == '.' || c == '-'; }

static int redact_text(struct redacting *r, struct span s, struct buf *out, struct report *why)
{
    for (size_t i = 1; i + 1 < s.n; i++) {
        size_t from = i, to = i + 1;
        if (s.p[i] != '@')
            continue;
        while (from > 0 && i - from < 64 && is_local(s.p[from - 1]))
            from--;
        while (to < s.n && to - i < 254 && is_domain(s.p[to]))
            to++;
        while (to > i + 1 && !ascii_is_alnum(s.p[to - 1]))
            to--;
        struct mailbox m = {SPAN_NONE, span_sub(s, from, i), span_sub(s, i + 1, to)};
        if (r->n_mailboxes == REDACT_ADDRESSES_MAX)
            return report_set(why, POSSE_ELIMIT, "more than %d different mail addresses: redact a copy by hand, and add it with --redacts",
                              REDACT_ADDRESSES_MAX);
        add_mailbox(r, &m);
    }
    if (!r->is_bad)
        copy_replaced(r, s, out);
    return POSSE_OK;
}

/* ---- either ---- */

static void say(struct redacting *r, bool is_message, struct redacted *what)
{
    char own[180] = "senders, machines and hosts stand as they were";
    what->mailboxes = r->n_mailboxes;
    what->places = r->places;
    what->of_sender = r->of_sender;
    if (r->of_sender)
        snprintf(own, sizeof own, "in %zu of them in the sender's own From, Sender or Reply-To, whose name may be the same word; machines and hosts stand "
                                  "as they were", r->of_sender);
    if (is_message)
        snprintf(what->text, sizeof what->text, "the addresses of %zu recipients, their names and what stands before the @, in %zu places, each by "
                 "recipient-N; %s; signatures over the message do not hold for this copy", r->n_mailboxes, r->places, own);
    else
        snprintf(what->text, sizeof what->text, "%zu mail addresses in %zu places, each by recipient-N@redacted.invalid", r->n_mailboxes, r->places);
}

static bool is_text(struct span media, struct span raw)
{
    return (span_istarts(media, SPAN_LIT("text/")) || span_istarts(media, SPAN_LIT("application/json"))) &&
           (raw.n == 0 || !memchr(raw.p, 0, raw.n));
}

int redact_bytes(struct span media, struct span raw, const struct redact_options *o, struct buf *out, struct redacted *what, struct report *why)
{
    bool is_message = span_istarts(media, SPAN_LIT("message/"));
    struct redacting r = {.a = arena_new(12 * raw.n + ((size_t)64 << 20)), .has_words = is_message}; /* a word of a log may be anything */
    *what = (struct redacted){0};
    int err = POSSE_OK;
    r.mailbox = calloc(REDACT_ADDRESSES_MAX, sizeof *r.mailbox);
    r.first = malloc((HEADS + 1) * sizeof *r.first);
    if (!r.a || !r.mailbox || !r.first)
        err = POSSE_ENOMEM;
    for (size_t i = 0; !err && i <= HEADS; i++)
        r.first[i] = UINT32_MAX;
    if (!err && raw.n > REDACT_BYTES)
        err = report_set(why, POSSE_ETOOBIG, "it has %zu bytes, and at most %d are redacted by a program: redact a copy by hand, and add it with "
                         "--redacts", raw.n, REDACT_BYTES);
    for (size_t i = 0; !err && o && i < o->n_also; i++)
        add_needle(&r, o->also[i], SPAN_LIT("[redacted]"), false);
    if (!err && is_message)
        err = redact_message(&r, raw, out, why);
    else if (!err && is_text(media, raw))
        err = redact_text(&r, raw, out, why);
    else if (!err)
        err = report_set(why, POSSE_EINVAL, "this is no message and no text: redact a copy by hand, and add it with --redacts");
    if (!err && (r.is_bad || arena_failed(r.a)))
        err = POSSE_ENOMEM;
    if (!err && r.steps >= STEPS)
        err = report_set(why, POSSE_ELIMIT, "too many recipients whose names begin alike: redact a copy by hand, and add it with --redacts");
    if (!err)
        err = buf_error(out);
    if (err == POSSE_ENOMEM)
        report_set(why, err, "out of memory while a copy was redacted");
    if (!err)
        say(&r, is_message, what);
    mail_parser_free(&r.parser);
    arena_free(&r.a);
    free(r.mailbox);
    free(r.needle);
    free(r.first);
    free(r.edit);
    return err;
}
