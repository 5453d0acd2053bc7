/* Traits of the header: order, case, spacing, Message-ID, Date, addresses, subject, what it calls itself. */
#include "botnet/mailer_priv.h"

#include "mail/date.h"

/* Fields that the writing program itself puts into each of its messages, with their letters: those of `core` make the key. What depends on
 * the message (Cc, References, transfer encoding) or comes from hosts on the way is in neither or only in the full order. */
static const struct { const char *name; char letter; bool core; } known[] = {
    {"from", 'F', true}, {"to", 'T', true}, {"subject", 'S', true}, {"date", 'D', true}, {"message-id", 'M', true},
    {"mime-version", 'V', true}, {"content-type", 'Y', true}, {"x-mailer", 'X', true}, {"user-agent", 'U', true},
    {"x-priority", 'P', true}, {"x-msmail-priority", 'N', true}, {"x-mimeole", 'O', true},
    {"content-transfer-encoding", 'E', false}, {"content-disposition", 'p', false}, {"content-language", 'L', false},
    {"reply-to", 'R', false}, {"cc", 'c', false}, {"bcc", 'b', false}, {"in-reply-to", 'i', false}, {"references", 'r', false},
    {"sender", 's', false}, {"organization", 'o', false}, {"importance", 'I', false}, {"thread-index", 't', false},
    {"x-accept-language", 'A', false}, {"accept-language", 'a', false}, {"return-receipt-to", 'n', false},
    {"disposition-notification-to", 'd', false}, {"list-unsubscribe", 'u', false}, {"errors-to", 'e', false}, {"content-class", 'C', false}, {"priority", 'q', false},
};
enum { KNOWN = sizeof known / sizeof *known };

static bool is_known_as(const struct field *f, int k)
{
    return f->part == 0 && f->name.n && (f->name.p[0] | 0x20) == known[k].name[0] && span_ieq(f->name, span_str(known[k].name));
}

static int known_field(const struct field *f)
{
    for (int i = 0; i < KNOWN; i++)
        if (is_known_as(f, i))
            return i;
    return -1;
}

static void orders(const struct message *m, struct mailer *out)
{
    struct word core = trait_begin(out, TRAIT_ORDER), full = trait_begin(out, TRAIT_FULL_ORDER);
    bool seen[KNOWN] = {0};
    for (size_t i = 0; i < m->n_fields; i++) {
        int k = known_field(&m->field[i]);
        if (k < 0 || seen[k])
            continue;
        seen[k] = true;
        word_byte(&full, known[k].letter);
        if (known[k].core)
            word_byte(&core, known[k].letter);
    }
}

/* Only what is always there: a name that comes with some messages would split a program. */
static void cases(const struct message *m, struct mailer *out)
{
    struct word w = trait_begin(out, TRAIT_CASE);
    for (int k = 0; k < KNOWN; k++) {
        for (size_t i = 0; known[k].core && i < m->n_fields; i++) {
            if (!is_known_as(&m->field[i], k))
                continue;
            struct span name = m->field[i].name;
            bool plain = name.n && !memchr(name.p, '-', name.n) && name.p[0] >= 'A' && name.p[0] <= 'Z' &&
                         (name.n < 2 || name.p[1] >= 'a');
            if (!plain) {
                word_byte(&w, known[k].letter);
                form_case(&w, name);
            }
            break;
        }
    }
}

/* Date and From are left out: hosts on the way write them anew, with blanks of their own. */
static void colons(const struct message *m, struct mailer *out)
{
    bool none = false, tab = false, many = false;
    for (size_t i = 0; i < m->n_fields; i++) {
        int k = known_field(&m->field[i]);
        struct span raw = m->field[i].raw;
        if (k < 0 || !known[k].core || strchr("DF", known[k].letter) || span_trim(raw).n == 0 || raw.p[0] == '\r' || raw.p[0] == '\n')
            continue;
        tab |= raw.p[0] == '\t';
        none |= !ascii_is_space(raw.p[0]);
        many |= raw.n > 1 && raw.p[0] == ' ' && raw.p[1] == ' ';
    }
    struct word w = trait_begin(out, TRAIT_COLON);
    word_add(&w, none ? "none" : tab ? "tab" : many ? "blanks" : "blank");
}

/* ---- Message-ID ---- */

static bool ends_in(struct span s, struct span tail)
{
    return tail.n && s.n >= tail.n && span_ieq(span_sub(s, s.n - tail.n, s.n), tail);
}

static struct span from_domain(const struct message *m)
{
    const struct field *f = message_field(m, FIELD_FROM);
    if (!f)
        return SPAN_NONE;
    size_t at = f->raw.n;
    while (at && f->raw.p[at - 1] != '@')
        at--;
    size_t end = at;
    while (at && end < f->raw.n && (ascii_is_alnum(f->raw.p[end]) || strchr("-._", f->raw.p[end])))
        end++;
    return at ? span_sub(f->raw, at, end) : SPAN_NONE;
}

static const char *host_form(const struct message *m, const struct source *s, struct span host)
{
    struct span from = from_domain(m);
    struct ip ip;
    if (!host.n)
        return "none";
    if (host.p[0] == '[' || ip_read(host, &ip))
        return "address";
    if (from.n && span_ieq(host, from))
        return "from";
    if (s && s->helo.n && span_ieq(host, s->helo))
        return memchr(host.p, '.', host.n) ? "helo" : "single";
    if (!memchr(host.p, '.', host.n))
        return "single";
    if (ends_in(host, SPAN_LIT(".local")) || ends_in(host, SPAN_LIT(".localdomain")) || ends_in(host, SPAN_LIT(".lan")))
        return "local";
    return from.n && ends_in(host, from) ? "below-from" : "name";
}

static void message_ids(const struct message *m, const struct source *s, struct mailer *out)
{
    const struct field *f = message_field(m, FIELD_MESSAGE_ID);
    struct word w = trait_begin(out, TRAIT_MID);
    if (!f) {
        word_add(&w, "none");
        return;
    }
    struct span id = span_trim(f->raw);
    ptrdiff_t open = span_chr(id, '<');
    bool angles = open == 0 && id.n > 1 && id.p[id.n - 1] == '>';
    if (open >= 0)
        id = span_sub(id, (size_t)open + 1, id.n);
    ptrdiff_t close = span_chr(id, '>');
    id = close >= 0 ? span_sub(id, 0, (size_t)close) : id;
    size_t at = id.n;
    while (at && id.p[at - 1] != '@')
        at--;
    struct span left = at ? span_sub(id, 0, at - 1) : id, host = at ? span_sub(id, at, id.n) : SPAN_NONE;
    if (!angles)
        word_byte(&w, '!');
    form_of(&w, left, false);
    struct word len = trait_begin(out, TRAIT_MID_LENGTH);
    form_of(&len, left, true);
    struct word shape = trait_begin(out, TRAIT_MID_SHAPE), head = trait_begin(out, TRAIT_MID_HEAD);
    form_shape(&shape, left);
    size_t zeros = 0;
    while (zeros < left.n && left.p[zeros] == '0')
        zeros++;
    word_byte(&head, zeros ? '0' : '-');
    word_number(&head, zeros);
    struct word h = trait_begin(out, TRAIT_MID_HOST);
    word_add(&h, host_form(m, s, host));
}

/* ---- Date ---- */

static void dates(const struct message *m, struct mailer *out)
{
    const struct field *f = message_field(m, FIELD_DATE);
    struct word w = trait_begin(out, TRAIT_DATE);
    struct mail_date d;
    if (!f) {
        word_add(&w, "none");
        return;
    }
    struct span v = span_trim(f->raw);
    if (!date_read(v, &d)) {
        word_add(&w, "odd");
        return;
    }
    word_add(&w, v.n && ascii_is_alpha(v.p[0]) ? (span_chr(v, ',') > 0 ? "week," : "week") : "day");
    unsigned colons = 0;
    for (size_t i = 0; i < v.n; i++)
        colons += v.p[i] == ':';
    word_add(&w, colons >= 2 ? "sec" : "min");
    size_t zone = v.n;
    bool comment = v.n && v.p[v.n - 1] == ')';
    if (comment) {
        while (zone && v.p[zone - 1] != '(')
            zone--;
        zone -= zone > 0;
    }
    while (zone && ascii_is_space(v.p[zone - 1]))
        zone--;
    uint8_t last = zone ? v.p[zone - 1] : 0;
    word_add(&w, ascii_is_digit(last) ? "num" : ascii_is_alpha(last) ? "name" : "odd");
    word_add(&w, comment ? "(zone)" : "");
    word_add(&w, d.strict ? "" : "~");
    struct word z = trait_begin(out, TRAIT_ZONE);
    word_add(&z, d.zone_minutes ? "other" : "zero");
}

/* ---- addresses, subject, program ---- */

/* q: name in quotes, e: encoded, u: plain, -: none; then a: in angles, b: bare; then t: no blank before the angle. */
static void mailbox_form(struct word *w, const struct field *f)
{
    struct span v = span_trim(f->raw);
    ptrdiff_t angle = span_chr(v, '<');
    struct span name = angle < 0 ? SPAN_NONE : span_trim(span_sub(v, 0, (size_t)angle));
    if (v.n == 0)
        word_byte(w, '0');
    else if (name.n == 0)
        word_byte(w, '-');
    else if (name.p[0] == '"')
        word_byte(w, 'q');
    else
        word_byte(w, name.n > 1 && name.p[0] == '=' && name.p[1] == '?' ? 'e' : 'u');
    word_byte(w, angle < 0 ? (span_chr(v, '@') < 0 ? 'x' : 'b') : 'a');
    if (angle > 0 && !ascii_is_space(v.p[angle - 1]))
        word_byte(w, 't');
}

static void mailboxes(const struct message *m, struct mailer *out)
{
    static const struct { enum field_id id; enum trait_kind kind; } t[] = {{FIELD_FROM, TRAIT_FROM}, {FIELD_TO, TRAIT_TO}};
    for (size_t i = 0; i < 2; i++) {
        const struct field *f = message_field(m, t[i].id);
        struct word w = trait_begin(out, t[i].kind);
        if (f)
            mailbox_form(&w, f);
        else
            word_add(&w, "none");
    }
}

static void subject(const struct message *m, struct mailer *out)
{
    const struct field *f = message_field(m, FIELD_SUBJECT);
    struct word w = trait_begin(out, TRAIT_SUBJECT);
    if (!f) {
        word_add(&w, "none");
        return;
    }
    struct span v = span_trim(f->raw);
    ptrdiff_t start = span_find(v, SPAN_LIT("=?"));
    bool raw8 = false;
    for (size_t i = 0; i < v.n; i++)
        raw8 |= v.p[i] >= 0x80;
    if (start < 0) {
        word_add(&w, raw8 ? "raw" : "plain");
        return;
    }
    struct span rest = span_sub(v, (size_t)start + 2, v.n);
    ptrdiff_t q = span_chr(rest, '?');
    if (q <= 0 || (size_t)q + 1 >= rest.n) {
        word_add(&w, "odd");
        return;
    }
    word_byte(&w, (char)(ascii_is_alpha(rest.p[q + 1]) ? rest.p[q + 1] : '?'));
    word_byte(&w, start == 0 ? '0' : '+');
    form_case(&w, span_sub(rest, 0, (size_t)q));
}

static void claim(const struct message *m, struct mailer *out)
{
    const struct field *f = message_field(m, FIELD_X_MAILER);
    f = f ? f : message_field(m, FIELD_USER_AGENT);
    if (!f)
        return;
    struct span v = span_sub(span_trim(f->raw), 0, 40);
    struct word w = trait_begin(out, TRAIT_CLAIM);
    for (size_t i = 0; i < v.n; i++) { /* numbers are versions */
        if (ascii_is_digit(v.p[i])) {
            word_byte(&w, '9');
            while (i + 1 < v.n && (ascii_is_digit(v.p[i + 1]) || v.p[i + 1] == '.'))
                i++;
        } else {
            word_clean(&w, span_sub(v, i, i + 1), 1);
            if (ascii_is_space(v.p[i]))
                word_byte(&w, '_');
        }
    }
}

void trait_head(const struct message *m, struct mailer *out)
{
    orders(m, out);
    cases(m, out);
    colons(m, out);
    dates(m, out);
    mailboxes(m, out);
    subject(m, out);
    claim(m, out);
}

/* ---- what needs the source ---- */

static const char *helo_form(const struct message *m, const struct source *s)
{
    struct span h = s->helo, from = from_domain(m);
    struct ip ip;
    if (h.n && h.p[0] == '[')
        return ip_read(h, &ip) && ip_compare(&ip, &s->ip) == 0 ? "[own]" : "[address]";
    if (ip_read(h, &ip))
        return ip_compare(&ip, &s->ip) == 0 ? "own" : "address";
    if (!memchr(h.p, '.', h.n))
        return span_istarts(h, SPAN_LIT("localhost")) ? "localhost" : "single";
    if (s->name.n && span_ieq(h, s->name))
        return "reverse";
    if (from.n && (span_ieq(h, from) || ends_in(h, from)))
        return "from";
    if (ends_in(h, SPAN_LIT(".local")) || ends_in(h, SPAN_LIT(".lan")) || ends_in(h, SPAN_LIT(".home")))
        return "local";
    return "name";
}

/* Words that programs, not people, greet with. */
static void helo_word(const struct source *s, struct mailer *out)
{
    static const char *const known_word[] = {"ylmf-pc", "localhost", "localhost.localdomain", "friend", "dm", "user", "pc", "none"};
    for (size_t i = 0; i < sizeof known_word / sizeof *known_word; i++)
        if (span_ieq(s->helo, span_str(known_word[i]))) {
            struct word w = trait_begin(out, TRAIT_HELO_WORD);
            word_add(&w, known_word[i]);
        }
}

static void dialect(const struct smtp_dialect *d, struct mailer *out)
{
    if (d->letters || d->greeting) {
        struct word w = trait_begin(out, TRAIT_DIALECT);
        word_add(&w, d->greeting == 'E' ? "EHLO" : d->greeting == 'H' ? "HELO" : d->greeting ? "none" : "any");
        word_add(&w, d->letters == 'U' ? "-upper" : d->letters == 'l' ? "-lower" : d->letters ? "-mixed" : "");
        word_add(&w, d->has_blank ? "-blank" : "");
        word_add(&w, d->resets ? "-rset" : "");
    }
    if (d->address) {
        struct word w = trait_begin(out, TRAIT_MAIL_ARGS);
        word_byte(&w, d->address);
        word_add(&w, d->args);
    }
}

void traits_read(const struct message *m, const struct source *s, const struct smtp_dialect *d, struct mailer *out)
{
    trait_head(m, out);
    message_ids(m, s, out);
    trait_mime(m, out);
    if (s && s->helo.n) {
        struct word w = trait_begin(out, TRAIT_HELO);
        word_add(&w, helo_form(m, s));
        helo_word(s, out);
    }
    if (s && s->trust != SOURCE_NONE && s->trust != SOURCE_SOCKET) {
        unsigned n = 0;
        for (size_t i = 0; i < m->n_fields; i++)
            n += m->field[i].id == FIELD_RECEIVED && m->field[i].part == 0;
        struct word w = trait_begin(out, TRAIT_FORGED);
        n = n > s->hops + 1 ? n - s->hops - 1 : 0;
        word_number(&w, n > 3 ? 3 : n);
    }
    if (d)
        dialect(d, out);
}
