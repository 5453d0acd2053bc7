/* gmime_diff: reads messages with GMime and with our parser and counts where they differ.
 * Usage: gmime_diff [-v] [-n MAX] < list-of-paths
 * Prints one line: messages, same, percent, percent without the three known faults of the oracle
 * (padded-words, invalid-type, cut-utf8: see DIFFERENCES.md), then how many differ by kind. -v names each
 * difference on stderr (never commit that: it shows corpus content).
 * Compared, part by part in order: the number of parts, content types, digests of decoded bodies,
 * decoded texts of all header fields (runs of white space count as one blank). */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "mail/message.h"

enum kind { KIND_PARTS, KIND_TYPE, KIND_BODY, KIND_FIELDS, KIND_VALUE, KIND_JOINED, KIND_DEFAULT, KIND_CUT, KIND_REFUSED, KIND_N };
static const char *const kind_name[] = {"parts", "types", "bodies", "field-names", "field-texts", "padded-words", "invalid-type", "cut-utf8", "gmime-refused"};

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
    size_t messages, same, excused, kinds[KIND_N];
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

/* GMime joins adjacent words of one charset before decoding, and a padded base64 word then puts a
 * NUL in the middle. RFC 2047 6.2 has each word stand alone: asked word by word, what does it say? */
static struct span word_by_word(struct run *r, struct span raw)
{
    GString *out = g_string_new(NULL);
    char *text = g_strndup((const char *)raw.p, raw.n), *p = text;
    char *unfolded = g_mime_utils_header_unfold(p);
    bool after_word = false;
    for (p = unfolded; *p;) {
        char *word = strstr(p, "=?"), *q = word ? strchr(word + 2, '?') : NULL;
        q = q && q[1] ? strchr(q + 2, '?') : NULL;
        char *end = q ? strstr(q + 1, "?=") : NULL;
        size_t gap = end ? (size_t)(word - p) : strlen(p);
        if (!after_word || !end || strspn(p, " \t\r\n") < gap) {
            char *piece = g_strndup(p, gap), *clean = g_mime_utils_decode_8bit(r->options, piece, gap);
            g_string_append(out, clean);
            g_free(clean);
            g_free(piece);
        }
        if (!end)
            break;
        char *one = g_strndup(word, (size_t)(end + 2 - word));
        char *decoded = g_mime_utils_header_decode_text(r->options, one);
        g_string_append(out, decoded);
        g_free(decoded);
        g_free(one);
        after_word = true;
        p = end + 2;
    }
    g_free(unfolded);
    g_free(text);
    struct span s = squeezed(span_of(out->str, out->len));
    g_string_free(out, TRUE);
    return s;
}

/* Ours without U+FFFD: GMime drops the bytes of a character that was cut in raw UTF-8, Unicode
 * (3.9, "U+FFFD substitution") has them replaced. */
static bool same_but_cut(struct span ours, struct span theirs)
{
    size_t k = 0;
    for (size_t i = 0; i < ours.n; i++) {
        if (ours.n - i >= 3 && memcmp(ours.p + i, "\xef\xbf\xbd", 3) == 0)
            i += 2;
        else if (k >= theirs.n || ours.p[i] != theirs.p[k++])
            return false;
    }
    return k == theirs.n;
}

static void report(const struct run *r, const char *path, enum kind k, size_t part, struct span ours, struct span theirs)
{
    if (r->verbose)
        fprintf(stderr, "%s\t%s\tpart %zu\n  ours   [%.*s]\n  theirs [%.*s]\n", path, kind_name[k], part,
                (int)(ours.n < 4000 ? ours.n : 4000), ours.p ? (const char *)ours.p : "",
                (int)(theirs.n < 4000 ? theirs.n : 4000), theirs.p ? (const char *)theirs.p : "");
}

static bool same_type(GMimeObject *o, struct span ours, char *text, size_t room)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    snprintf(text, room, "%s/%s", g_mime_content_type_get_media_type(t), g_mime_content_type_get_media_subtype(t));
    return span_ieq(ours, span_str(text));
}

static bool same_body(struct run *r, GMimeObject *o, const struct part *p)
{
    GMimeDataWrapper *w = GMIME_IS_PART(o) ? g_mime_part_get_content(GMIME_PART(o)) : NULL;
    GByteArray *bytes = g_byte_array_new();
    if (w) {
        GMimeStream *out = g_mime_stream_mem_new_with_byte_array(bytes);
        g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(out), FALSE);
        g_mime_data_wrapper_write_to_stream(w, out);
        g_object_unref(out);
    }
    uint64_t anomalies = 0;
    struct span ours = part_content(r->arena, p, &anomalies);
    uint8_t a[32], b[32];
    sha256(ours, a);
    sha256(span_of(bytes->data, bytes->len), b);
    bool same = memcmp(a, b, 32) == 0;
    if (!same && r->verbose) {
        size_t i = 0;
        while (i < ours.n && i < bytes->len && ours.p[i] == bytes->data[i])
            i++;
        fprintf(stderr, "  encoding %d, %zu bytes, theirs %u, first difference at %zu\n", (int)p->encoding, ours.n, bytes->len, i);
    }
    g_byte_array_free(bytes, TRUE);
    return same;
}

static bool is_content(struct span name) { return span_istarts(name, SPAN_LIT("content-")); }

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
        GMimeHeader *h = at < n ? g_mime_header_list_get_header_at(list, at++) : NULL;
        const char *name = h ? g_mime_header_get_name(h) : "";
        if (!span_ieq(f->name, span_str(name))) {
            report(r, path, KIND_FIELDS, part, f->name, span_str(name));
            return KIND_FIELDS;
        }
        const char *value = g_mime_header_get_value(h);
        struct span ours = squeezed(field_value(r->parser, r->arena, f)), theirs = squeezed(span_str(value ? value : ""));
        bool same = span_eq(ours, theirs);
        bool excused = false;
        if (!same && span_find(f->raw, SPAN_LIT("=?")) >= 0) {
            struct span again = word_by_word(r, f->raw);
            excused = span_eq(ours, again);
            free((void *)(uintptr_t)again.p);
        }
        bool cut = !same && !excused && same_but_cut(ours, theirs);
        if (!same && !excused && !cut)
            report(r, path, KIND_VALUE, part, ours, theirs);
        free((void *)(uintptr_t)ours.p);
        free((void *)(uintptr_t)theirs.p);
        if (!same)
            worst = worst == KIND_VALUE ? worst : excused ? KIND_JOINED : cut ? KIND_CUT : KIND_VALUE;
    }
    if (at < n) {
        report(r, path, KIND_FIELDS, part, SPAN_NONE, span_str(g_mime_header_get_name(g_mime_header_list_get_header_at(list, at))));
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
        if (!same_type(s->object[i], m->part[i].type, type, sizeof type)) {
            /* RFC 2045 5.2: what does not parse is text/plain; GMime says application/octet-stream. */
            bool invalid = (span_eq(m->part[i].type, SPAN_LIT("text/plain")) || span_eq(m->part[i].type, SPAN_LIT("message/rfc822"))) &&
                           strcmp(type, "application/octet-stream") == 0 && m->anomalies & ANOMALY_BIT(ANOMALY_BAD_TYPE);
            enum kind k = invalid ? KIND_DEFAULT : KIND_TYPE;
            if (!invalid)
                report(r, path, k, i, m->part[i].type, span_str(type));
            kinds |= 1u << k;
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
    unsigned kinds = 1u << KIND_REFUSED;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)m->raw.p, m->raw.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *gm = g_mime_parser_construct_message(parser, r->options);
    if (gm) {
        r->seen->n = 0;
        walk(r->seen, g_mime_message_get_mime_part(gm), gm);
        kinds = compare(r, path, m);
        while (r->seen->n_kept)
            g_object_unref(r->seen->kept[--r->seen->n_kept]);
        g_object_unref(gm);
    } else {
        report(r, path, KIND_REFUSED, 0, SPAN_NONE, SPAN_NONE);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    g_free(bytes);
    r->messages++;
    r->same += kinds == 0;
    r->excused += kinds && !(kinds & ~(1u << KIND_JOINED | 1u << KIND_DEFAULT | 1u << KIND_CUT));
    for (int k = 0; k < KIND_N; k++)
        r->kinds[k] += kinds >> k & 1;
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
    double n = r.messages ? (double)r.messages : 1;
    printf("%zu\t%zu\t%.2f%%\t%.2f%%", r.messages, r.same, 100 * (double)r.same / n,
           100 * (double)(r.same + r.excused) / n);
    for (int k = 0; k < KIND_N; k++)
        printf("\t%s=%zu", kind_name[k], r.kinds[k]);
    putchar('\n');
    mail_parser_free(&r.parser);
    arena_free(&r.arena);
    free(r.seen);
    g_mime_parser_options_free(r.options);
    g_mime_shutdown();
    return 0;
}
