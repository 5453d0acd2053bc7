/* gmime_diff: reads messages with GMime and with our parser and counts where they differ.
 * Usage: gmime_diff [-v] [-n MAX] < list-of-paths
 * Prints one line of name=value: messages; untouched, those that agree as they stand; same, those that agree
 * at most after mends (mend.h: what is wrong with the oracle there and by which RFC); percent of same; then how
 * many messages need each mend; then those that differ: by probe where one explains them, else by what differs.
 * -v names each difference on stderr (never commit that: it shows corpus content).
 * Compared, part by part in order: the number of parts, content types, digests of decoded bodies,
 * decoded texts of all header fields (runs of white space count as one blank). */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "mail/message.h"
#include "mend.h"

enum kind { KIND_PARTS, KIND_TYPE, KIND_BODY, KIND_FIELDS, KIND_VALUE, KIND_REFUSED, KIND_N };
static const char *const kind_name[] = {"parts", "types", "bodies", "field-names", "field-texts", "refused"};

enum { OBJECTS_MAX = 20000, KEPT_MAX = 64 };

struct seen {
    GMimeObject *object[OBJECTS_MAX];
    GMimeMessage *message[OBJECTS_MAX]; /* set where the object is a message's root */
    GMimeMessage *kept[KEPT_MAX];
    size_t n, n_kept;
};

struct run {
    struct mail_parser *parser;
    struct arena *arena;
    struct seen *seen;
    GMimeParserOptions *options;
    bool verbose;
    unsigned mends; /* allowed in the comparison that is being made */
    size_t messages, untouched, same, mended[MEND_N], other[KIND_N];
};

static void walk(struct seen *s, GMimeObject *o, GMimeMessage *root);

/* GMime leaves a message/rfc822 in base64 closed, as RFC 2046 5.2.1 lets it; we open it. So that what
 * is within can be compared, GMime is given the decoded bytes as a message of their own. */
static void walk_encoded(struct seen *s, GMimeObject *o)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    GMimeDataWrapper *w = GMIME_IS_PART(o) ? g_mime_part_get_content(GMIME_PART(o)) : NULL;
    if (!w || !g_mime_content_type_is_type(t, "message", "rfc822") || s->n_kept == KEPT_MAX)
        return;
    GMimeStream *mem = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(w, mem);
    g_mime_stream_reset(mem);
    GMimeParser *parser = g_mime_parser_new_with_stream(mem);
    GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(mem);
    if (!m)
        return;
    s->kept[s->n_kept++] = m;
    walk(s, g_mime_message_get_mime_part(m), m);
}

static void walk(struct seen *s, GMimeObject *o, GMimeMessage *root)
{
    if (!o || s->n == OBJECTS_MAX)
        return;
    s->message[s->n] = root;
    s->object[s->n++] = o;
    if (GMIME_IS_MULTIPART(o)) {
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
        for (int i = 0; i < n; i++)
            walk(s, g_mime_multipart_get_part(GMIME_MULTIPART(o), i), NULL);
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        if (m)
            walk(s, g_mime_message_get_mime_part(m), m);
    } else {
        walk_encoded(s, o);
    }
}

/* Runs of white space are one blank, outer ones none; the result is ours to free. */
static struct span squeezed(struct span s)
{
    uint8_t *p = malloc(s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_space(s.p[i]))
            p[n++] = s.p[i];
        else if (n && p[n - 1] != ' ')
            p[n++] = ' ';
    }
    if (n && p[n - 1] == ' ')
        n--;
    return span_of(p, n);
}

/* Is every U+FFFD of ours a '?' or U+FFFD there, and all else alike? GMime writes '?' for what it cannot
 * convert; Unicode 3.9 and WHATWG Encoding have U+FFFD, one or more for an ill-formed run. */
static bool same_but_replaced(struct span a, struct span b)
{
    size_t i = 0, k = 0;
    while (i < a.n) {
        if (a.n - i >= 3 && memcmp(a.p + i, "\xef\xbf\xbd", 3) == 0) {
            while (a.n - i >= 3 && memcmp(a.p + i, "\xef\xbf\xbd", 3) == 0)
                i += 3;
            size_t from = k;
            while (k < b.n && (b.p[k] == '?' || (b.n - k >= 3 && memcmp(b.p + k, "\xef\xbf\xbd", 3) == 0)))
                k += b.p[k] == '?' ? 1 : 3;
            if (k == from)
                return false;
        } else if (k >= b.n || a.p[i++] != b.p[k++]) {
            return false;
        }
    }
    return k == b.n;
}

static void report(const struct run *r, const char *path, enum kind k, size_t part, struct span ours, struct span theirs)
{
    if (r->verbose)
        fprintf(stderr, "%s\t%s\tpart %zu, mends %x\n  ours   [%.*s]\n  theirs [%.*s]\n", path, kind_name[k], part, r->mends,
                (int)(ours.n < 4000 ? ours.n : 4000), ours.p ? (const char *)ours.p : "",
                (int)(theirs.n < 4000 ? theirs.n : 4000), theirs.p ? (const char *)theirs.p : "");
}

static bool same_type(const struct run *r, GMimeObject *o, struct span ours, char *text, size_t room)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    snprintf(text, room, "%s/%s", g_mime_content_type_get_media_type(t), g_mime_content_type_get_media_subtype(t));
    if (r->mends & MEND_BIT(MEND_BAD_TYPE) && mend_is_bad_type(o))
        snprintf(text, room, "text/plain");
    return span_ieq(ours, span_str(text));
}

static GByteArray *their_body(GMimeDataWrapper *w)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *out = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(out), FALSE);
    if (w)
        g_mime_data_wrapper_write_to_stream(w, out);
    g_object_unref(out);
    return bytes;
}

static bool same_digest(struct span a, const GByteArray *b)
{
    uint8_t ours[32], theirs[32];
    sha256(a, ours);
    sha256(span_of(b->data, b->len), theirs);
    return memcmp(ours, theirs, 32) == 0;
}

static bool same_body(struct run *r, GMimeObject *o, const struct part *p)
{
    GMimeDataWrapper *w = GMIME_IS_PART(o) ? g_mime_part_get_content(GMIME_PART(o)) : NULL;
    uint64_t anomalies = 0;
    struct span ours = part_content(r->arena, p, &anomalies);
    GByteArray *bytes = their_body(w);
    bool same = same_digest(ours, bytes);
    GByteArray *mended = !same && w && r->mends ? mend_body(w, r->mends) : NULL;
    if (mended) {
        same = same_digest(ours, mended);
        g_byte_array_unref(mended);
    }
    g_byte_array_unref(bytes);
    return same;
}

static bool same_value(struct run *r, GMimeHeader *h, struct span ours)
{
    const char *value = g_mime_header_get_value(h), *raw = g_mime_header_get_raw_value(h);
    struct span theirs = squeezed(span_str(value ? value : ""));
    bool same = span_eq(ours, theirs);
    if (!same && raw && r->mends) {
        char *text = mend_value(r->options, raw, r->mends);
        struct span again = squeezed(span_str(text));
        same = span_eq(ours, again) || (r->mends & MEND_BIT(MEND_REPLACEMENT) && same_but_replaced(ours, again));
        free((void *)(uintptr_t)again.p);
        g_free(text);
    }
    free((void *)(uintptr_t)theirs.p);
    return same;
}

static bool is_content(struct span name) { return span_istarts(name, SPAN_LIT("content-")); }

static const char *name_at(GMimeHeaderList *list, int i)
{
    return g_mime_header_get_name(g_mime_header_list_get_header_at(list, i));
}

/* The fields of one list of GMime's against our part's, those whose name says Content-* or not. */
static enum kind compare_fields(struct run *r, const char *path, const struct message *m, size_t part,
                                GMimeHeaderList *list, bool content, bool both)
{
    const struct part *p = &m->part[part];
    enum kind worst = KIND_N;
    int n = g_mime_header_list_get_count(list), at = 0;
    for (uint32_t i = 0; i < p->n_fields; i++) {
        const struct field *f = &m->field[p->first_field + i];
        if (!both && is_content(f->name) != content)
            continue;
        if (r->mends && at + 1 < n && strcmp(name_at(list, at + 1), MEND_ORIGINAL) == 0)
            at++;
        GMimeHeader *h = at < n ? g_mime_header_list_get_header_at(list, at) : NULL;
        const char *name = h ? name_at(list, at++) : "";
        bool renamed = r->mends && (strcmp(name, MEND_REPEATED) == 0 || strcmp(name, MEND_ORIGINAL) == 0);
        if (!span_ieq(f->name, span_str(renamed ? "Content-Type" : name))) {
            report(r, path, KIND_FIELDS, part, f->name, span_str(name));
            return KIND_FIELDS;
        }
        struct span ours = squeezed(field_value(r->parser, r->arena, f));
        if (!same_value(r, h, ours)) {
            report(r, path, KIND_VALUE, part, ours, span_str(g_mime_header_get_value(h)));
            worst = KIND_VALUE;
        }
        free((void *)(uintptr_t)ours.p);
    }
    if (at < n) {
        report(r, path, KIND_FIELDS, part, SPAN_NONE, span_str(name_at(list, at)));
        return KIND_FIELDS;
    }
    return worst;
}

static unsigned compare(struct run *r, const char *path, const struct message *m)
{
    struct seen *s = r->seen;
    unsigned kinds = 0;
    if (s->n != m->n_parts) {
        char a[32], b[32];
        snprintf(a, sizeof a, "%zu", m->n_parts);
        snprintf(b, sizeof b, "%zu", s->n);
        report(r, path, KIND_PARTS, 0, span_str(a), span_str(b));
        return 1u << KIND_PARTS;
    }
    for (size_t i = 0; i < s->n; i++) {
        char type[256];
        if (!same_type(r, s->object[i], m->part[i].type, type, sizeof type)) {
            report(r, path, KIND_TYPE, i, m->part[i].type, span_str(type));
            kinds |= 1u << KIND_TYPE;
        }
        if (GMIME_IS_PART(s->object[i]) && !m->part[i].is_multipart && !same_body(r, s->object[i], &m->part[i])) {
            report(r, path, KIND_BODY, i, m->part[i].type, span_str(type));
            kinds |= 1u << KIND_BODY;
        }
        enum kind k = KIND_N;
        if (s->message[i])
            k = compare_fields(r, path, m, i, g_mime_object_get_header_list(GMIME_OBJECT(s->message[i])), false, false);
        if (k == KIND_N)
            k = compare_fields(r, path, m, i, g_mime_object_get_header_list(s->object[i]), true, !s->message[i]);
        if (k != KIND_N)
            kinds |= 1u << k;
    }
    return kinds;
}

/* The kinds in which the two differ once the oracle has the mends. */
static unsigned kinds_with(struct run *r, const char *path, const struct message *m, unsigned mends)
{
    GByteArray *bytes = mends ? mend_message(m->raw.p, m->raw.n, mends) : NULL;
    GMimeStream *stream = bytes ? g_mime_stream_mem_new_with_byte_array(bytes)
                                : g_mime_stream_mem_new_with_buffer((const char *)m->raw.p, m->raw.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *gm = g_mime_parser_construct_message(parser, r->options);
    unsigned kinds = 1u << KIND_REFUSED;
    r->mends = mends;
    if (gm) {
        r->seen->n = 0;
        walk(r->seen, g_mime_message_get_mime_part(gm), gm);
        kinds = compare(r, path, m);
        while (r->seen->n_kept)
            g_object_unref(r->seen->kept[--r->seen->n_kept]);
        g_object_unref(gm);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return kinds;
}

/* What of `mends`, with which they agree, is needed for that; the coarser ones are tried first. */
static unsigned needed(struct run *r, const char *path, const struct message *m, unsigned mends)
{
    for (unsigned k = MEND_N; k-- > 0;)
        if (mends >> k & 1 && !kinds_with(r, path, m, mends & ~MEND_BIT(k)))
            mends &= ~MEND_BIT(k);
    return mends;
}

static void judge(struct run *r, const char *path, const struct message *m)
{
    unsigned mends = 0, kinds = kinds_with(r, path, m, 0);
    r->untouched += !kinds;
    r->same += !kinds;
    if (!kinds)
        return;
    /* A mend too many may spoil what another one mends: with and without the coarsest. */
    static const unsigned coarse[] = {0, MEND_BIT(MEND_JUNK_LINE)};
    unsigned left = kinds, probe = 0;
    for (unsigned k = PROBE_FIRST - 1; left && k < MEND_N; k++)
        for (unsigned i = 0; left && i < 2; i++) {
            probe = k < PROBE_FIRST ? 0 : MEND_BIT(k);
            mends = (MEND_ALL & ~coarse[i]) | probe;
            left = kinds_with(r, path, m, mends);
        }
    if (!left)
        mends = needed(r, path, m, mends);
    r->same += !left && !probe;
    for (unsigned k = probe ? PROBE_FIRST : 0; k < MEND_N; k++)
        r->mended[k] += !left && mends >> k & 1;
    for (unsigned k = 0; k < KIND_N; k++)
        r->other[k] += left && kinds >> k & 1;
}

static void one(struct run *r, const char *path)
{
    gchar *bytes;
    gsize n;
    struct message *m;
    if (!g_file_get_contents(path, &bytes, &n, NULL))
        return;
    arena_reset(r->arena);
    if (message_parse(r->parser, r->arena, span_of(bytes, n), &m) != 0) {
        fprintf(stderr, "%s: not parsed\n", path);
        exit(2);
    }
    r->messages++;
    judge(r, path, m);
    g_free(bytes);
}

int main(int argc, char **argv)
{
    struct run r = {.arena = arena_new((size_t)2 << 30), .seen = calloc(1, sizeof(struct seen))};
    struct mail_limits limits = mail_limits_default;
    size_t max = SIZE_MAX;
    char line[4096];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            r.verbose = true;
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            max = strtoul(argv[++i], NULL, 10);
    }
    limits.max_parts = OBJECTS_MAX;
    limits.max_depth = 1000;
    limits.max_fields = 1 << 20;
    limits.max_header_bytes = 64 << 20;
    g_mime_init();
    r.options = g_mime_parser_options_new();
    /* For undeclared 8-bit headers no RFC says what they are: let both guess alike. */
    const char *fallback[] = {"utf-8", "windows-1252", NULL};
    g_mime_parser_options_set_fallback_charsets(r.options, fallback);
    r.parser = mail_parser_new(&limits);
    while (r.messages < max && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        one(&r, line);
    }
    printf("messages=%zu\tuntouched=%zu\tsame=%zu\tpercent=%.2f", r.messages, r.untouched, r.same,
           100 * (double)r.same / (double)(r.messages ? r.messages : 1));
    for (int k = 0; k < MEND_N; k++)
        printf("\t%s=%zu", mend_name((enum mend)k), r.mended[k]);
    for (int k = 0; k < KIND_N; k++)
        printf("\t%s=%zu", kind_name[k], r.other[k]);
    putchar('\n');
    mail_parser_free(&r.parser);
    arena_free(&r.arena);
    free(r.seen);
    g_mime_parser_options_free(r.options);
    g_mime_shutdown();
    return 0;
}
