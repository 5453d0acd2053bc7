/* scn_parts: the keywords of network, trap, mailer and form. */
#include <stdio.h>
#include <stdlib.h>

#include "scn_priv.h"

void odd_dates_read(struct line *l, struct odd_dates *d)
{
    static const char *const kinds[] = {"missing", "future", "old", NULL};
    while (line_more(l)) {
        unsigned k = line_one_of(l, "what is odd", kinds);
        double share = line_share(l, "its share");
        if (k == 0) {
            d->missing = share;
        } else if (k == 1) {
            d->future = share;
            d->future_by = line_lengths(l);
        } else {
            d->old = share;
            d->old_by = line_lengths(l);
        }
    }
}

#define IN(type) type *b = block; (void)s
#define TEXT(type, field) \
    static void type##_##field(struct line *l, struct scenario *s, void *block) { IN(struct type); b->field = line_rest(l); }
#define TEXTS(type, field) \
    static void type##_##field(struct line *l, struct scenario *s, void *block) \
    { \
        IN(struct type); \
        struct raw r = line_rest(l); \
        *PUSH(b->field) = r; \
    }

/* ---- network ---- */

static void network_count(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    b->count = line_count(l, "count", 1, 100000);
}

static void network_within(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    char *w = line_want(l, "a prefix");
    unsigned q[4], bits;
    int n = 0;
    if (sscanf(w, "%u.%u.%u.%u/%u%n", &q[0], &q[1], &q[2], &q[3], &bits, &n) == 5 && !w[n]) {
        if (q[0] != 10 || q[1] > 255 || q[2] > 255 || q[3] > 255 || bits < 8 || bits > 30)
            die_at(l->at, "%s is not within 10.0.0.0/8: only reserved addresses are written", w);
        b->base = q[0] << 24 | q[1] << 16 | q[2] << 8 | q[3];
        if (b->base & ((1u << (32 - bits)) - 1))
            die_at(l->at, "%s has bits beyond its length", w);
        b->bits = bits;
    } else if (sscanf(w, "2001:db8:%x::/%u%n", &q[0], &bits, &n) == 2 && !w[n] && q[0] <= 0xffff && bits >= 33 && bits <= 48) {
        b->is_v6 = true;
        b->base = q[0] << 16;
        b->bits = bits;
        if (b->base & (uint32_t)(0xffffffffu >> (bits - 32)))
            die_at(l->at, "%s has bits beyond its length", w);
    } else {
        die_at(l->at, "\"%s\" is no prefix within 10.0.0.0/8 or 2001:db8::/32 (such as 2001:db8:8000::/33)", w);
    }
}

static void network_size(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    char *w = line_want(l, "a prefix length");
    unsigned lo, hi;
    int n = 0;
    if (sscanf(w, "/%u../%u%n", &lo, &hi, &n) == 2 && !w[n])
        ;
    else if (sscanf(w, "/%u%n", &lo, &n) == 1 && !w[n])
        hi = lo;
    else
        die_at(l->at, "a size is /20 or /20../14, not \"%s\"", w);
    b->size_lo = lo < hi ? lo : hi;
    b->size_hi = lo < hi ? hi : lo;
}

static void network_lease(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    b->lease = line_lengths(l);
    if (b->lease.lo < 10 * MINUTE)
        die_at(l->at, "a lease is 10 minutes or more; leave the line out for addresses that stay");
}

static void network_dynamic(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    static const char *const names[] = {"no", "yes", NULL};
    b->is_dynamic = line_one_of(l, "dynamic", names);
}

static void network_countries(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    line_weights(l, "country", find_country, s, &b->country);
}

static void network_asn(struct line *l, struct scenario *s, void *block)
{
    IN(struct network);
    b->asn = line_count(l, "an AS number", 0, UINT32_MAX);
    if (b->asn < 4200000000u && !(b->asn >= 64512 && b->asn <= 65534))
        die_at(l->at, "AS numbers are private ones (RFC 6996): 64512 to 65534, or 4200000000 and more");
}

TEXT(network, ptr)
TEXT(network, as_name)
const struct keyword network_keywords[] = {
    {"count", network_count}, {"within", network_within}, {"size", network_size}, {"lease", network_lease},
    {"dynamic", network_dynamic}, {"countries", network_countries}, {"asn", network_asn}, {"ptr", network_ptr},
    {"as-name", network_as_name}, {NULL, NULL}};

/* ---- trap ---- */

TEXTS(trap, domain)
TEXTS(trap, user)
TEXTS(trap, header)
TEXT(trap, tls_note)

static void trap_weight(struct line *l, struct scenario *s, void *block)
{
    IN(struct trap);
    b->weight = line_number(l, "weight");
}

static void trap_private(struct line *l, struct scenario *s, void *block)
{
    IN(struct trap);
    (void)l;
    b->is_private = true;
}

static void trap_silent(struct line *l, struct scenario *s, void *block)
{
    IN(struct trap);
    struct stretch *t = PUSH(b->silent);
    t->from_ms = line_time(l);
    t->to_ms = line_time(l);
    if (t->to_ms <= t->from_ms)
        die_at(l->at, "ends before it begins");
}

static void trap_late(struct line *l, struct scenario *s, void *block)
{
    IN(struct trap);
    b->late = line_share(l, "the share of late mail");
    b->late_by = line_lengths(l);
}

static void trap_clock(struct line *l, struct scenario *s, void *block)
{
    IN(struct trap);
    odd_dates_read(l, &b->clock);
}

const struct keyword trap_keywords[] = {
    {"domain", trap_domain}, {"user", trap_user}, {"header", trap_header}, {"tls-note", trap_tls_note}, {"weight", trap_weight},
    {"private", trap_private}, {"silent", trap_silent}, {"late", trap_late}, {"clock", trap_clock}, {NULL, NULL}};

/* ---- mailer ---- */

TEXTS(mailer, header)
TEXT(mailer, machine)
TEXT(mailer, plain)
TEXT(mailer, html)
TEXT(mailer, multi)
TEXT(mailer, boundary)
TEXT(mailer, part_plain)
TEXT(mailer, part_html)
TEXT(mailer, part_file)
TEXT(mailer, multi_encoding)

static void mailer_helo(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    static const char *const names[] = {"EHLO", "HELO", NULL};
    b->is_helo = line_one_of(l, "the greeting", names);
    b->helo = line_rest(l);
}

static void mailer_encoding(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    static const char *const names[] = {"7bit", "8bit", "quoted-printable", "base64", NULL};
    b->encoding = (enum encoding)line_one_of(l, "encoding", names);
}

static void mailer_charset(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    static const char *const names[] = {"utf-8", "iso-8859-1", "windows-1251", "koi8-r", NULL};
    b->charset = (enum charset)line_one_of(l, "charset", names);
}

static void mailer_subject(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    static const char *const names[] = {"base64", "quoted", "raw", NULL};
    b->subject_encoding = "bqr"[line_one_of(l, "the subject's encoding", names)];
}

static void mailer_wrap(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    b->wrap = line_count(l, "columns", 0, 990);
}

static void mailer_html_first(struct line *l, struct scenario *s, void *block)
{
    IN(struct mailer);
    (void)l;
    b->is_html_first = true;
}

const struct keyword mailer_keywords[] = {
    {"helo", mailer_helo}, {"machine", mailer_machine}, {"header", mailer_header}, {"plain", mailer_plain}, {"html", mailer_html},
    {"multi", mailer_multi}, {"boundary", mailer_boundary}, {"part-plain", mailer_part_plain}, {"part-html", mailer_part_html},
    {"part-file", mailer_part_file}, {"multi-encoding", mailer_multi_encoding}, {"encoding", mailer_encoding}, {"charset", mailer_charset},
    {"subject", mailer_subject}, {"wrap", mailer_wrap}, {"html-first", mailer_html_first}, {NULL, NULL}};

/* ---- form ---- */

TEXTS(form, text)
TEXTS(form, html)

static void form_kind(struct line *l, struct scenario *s, void *block)
{
    IN(struct form);
    static const char *const names[] = {"text", "html", "both", "image", "link", NULL};
    b->kind = (enum form_kind)line_one_of(l, "a form's kind", names);
}

static void form_image(struct line *l, struct scenario *s, void *block)
{
    IN(struct form);
    static const char *const names[] = {"same", "noisy", NULL};
    b->has_image_noise = line_one_of(l, "image", names);
    b->image_bytes = line_counts(l);
    if (b->image_bytes.lo < 64 || b->image_bytes.hi > 1 << 20)
        die_at(l->at, "an image has 64 bytes to 1 MB");
    b->file_name = line_rest(l);
}

const struct keyword form_keywords[] = {{"kind", form_kind}, {"text", form_text}, {"html", form_html}, {"image", form_image},
                                        {NULL, NULL}};
