/* The public suffix list in a hash table of rules, keyed by their bytes read from the right, so that
 * one walk over a host from its end meets every suffix with its hash ready: below 0.1 us a host
 * where psl_registrable_domain takes 0.3 to 0.66, and the section comes with it. The list is the file that libpsl itself names
 * (package publicsuffix, newer than any binary); without it libpsl's built-in copy answers.
 * Rules: "com", "*.ck" (kept as "ck" with RULE_STAR), "!www.ck" (RULE_NOT). Rules in UTF-8 are kept a
 * second time in punycode. */
#include <fcntl.h>
#include <libpsl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "mail/url_priv.h"

enum { RULE_PLAIN = 1, RULE_STAR = 2, RULE_NOT = 4, RULE_PRIVATE = 8, RULE_STAR_PRIVATE = 16 };
enum { SLOTS = 1 << 15, RULES_MAX = SLOTS * 3 / 4, FILE_BYTES_MAX = 2 << 20, PUNY_BYTES_MAX = 128 << 10 };

struct rule {
    uint32_t hash, at; /* of its bytes in text */
    uint8_t n, flags;  /* flags 0: an empty slot */
};

struct suffixes {
    const psl_ctx_t *psl; /* where there is no file */
    char *text;           /* the file, then punycode */
    size_t text_n, text_cap, n_rules;
    struct rule *slot;
};

static inline uint64_t hash_step(uint64_t h, uint8_t c) { return (h ^ c) * 0x9e3779b97f4a7c15ull; }
static inline uint32_t hash_end(uint64_t h) { return (uint32_t)(h >> 32); }

/* The slot of those bytes: theirs, or the empty one where they belong. */
static struct rule *find_slot(const struct suffixes *s, uint32_t hash, const uint8_t *p, size_t n)
{
    for (uint32_t i = hash & (SLOTS - 1);; i = (i + 1) & (SLOTS - 1)) {
        struct rule *r = &s->slot[i];
        if (!r->flags || (r->hash == hash && r->n == n && memcmp(s->text + r->at, p, n) == 0))
            return r;
    }
}

static void add_bytes(struct suffixes *s, size_t at, size_t n, unsigned flags)
{
    const uint8_t *p = (const uint8_t *)s->text + at;
    uint64_t h = 0;
    for (size_t i = n; i > 0; i--)
        h = hash_step(h, p[i - 1]);
    struct rule *r = find_slot(s, hash_end(h), p, n);
    if (!r->flags && s->n_rules++ >= RULES_MAX)
        return;
    *r = (struct rule){hash_end(h), (uint32_t)at, (uint8_t)n, (uint8_t)(r->flags | flags)};
}

/* The punycode of a rule goes behind the file's text; what does not fit stays UTF-8 only. */
static void add_ascii_form(struct suffixes *s, size_t at, size_t n, unsigned flags)
{
    size_t from = s->text_n, out = from;
    for (size_t i = at; i < at + n;) {
        size_t end = i;
        bool ascii = true;
        for (; end < at + n && s->text[end] != '.'; end++)
            ascii = ascii && (uint8_t)s->text[end] < 0x80;
        if (s->text_cap - out < 5 * (end - i) + 16)
            return;
        size_t len = end - i;
        if (ascii)
            memcpy(s->text + out, s->text + i, len);
        else {
            memcpy(s->text + out, "xn--", 4);
            len = punycode_encode(span_of(s->text + i, end - i), (uint8_t *)s->text + out + 4, 5 * (end - i));
            if (!len)
                return;
            len += 4;
        }
        out += len;
        if (end < at + n)
            s->text[out++] = '.';
        i = end + 1;
    }
    if (out - from > 255)
        return;
    s->text_n = out;
    add_bytes(s, from, out - from, flags);
}

static void add_line(struct suffixes *s, size_t at, size_t n, bool is_private)
{
    unsigned flags = is_private ? RULE_PLAIN | RULE_PRIVATE : RULE_PLAIN;
    if (n > 2 && s->text[at] == '*' && s->text[at + 1] == '.') {
        flags = is_private ? RULE_STAR | RULE_STAR_PRIVATE : RULE_STAR;
        at += 2;
        n -= 2;
    } else if (n > 1 && s->text[at] == '!') {
        flags = is_private ? RULE_NOT | RULE_PRIVATE : RULE_NOT;
        at++;
        n--;
    }
    if (n == 0 || n > 255)
        return;
    add_bytes(s, at, n, flags);
    if (utf8_valid_prefix(span_of(s->text + at, n)) == n)
        for (size_t i = 0; i < n; i++)
            if ((uint8_t)s->text[at + i] >= 0x80) {
                add_ascii_form(s, at, n, flags);
                return;
            }
}

static void add_lines(struct suffixes *s, size_t file_n)
{
    bool is_private = false;
    for (size_t i = 0; i < file_n;) {
        const char *nl = memchr(s->text + i, '\n', file_n - i);
        size_t end = nl ? (size_t)(nl - s->text) : file_n;
        size_t n = 0;
        while (i + n < end && !ascii_is_space((uint8_t)s->text[i + n]))
            n++;
        if (n >= 2 && s->text[i] == '/' && s->text[i + 1] == '/') {
            struct span line = span_of(s->text + i, end - i);
            if (span_find(line, SPAN_LIT("===BEGIN PRIVATE")) >= 0)
                is_private = true;
        } else if (n)
            add_line(s, i, n, is_private);
        i = end + 1;
    }
}

static bool read_file(struct suffixes *s, const char *path)
{
    int fd = path && *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= FILE_BYTES_MAX;
    size_t n = 0;
    if (ok) {
        s->text_cap = (size_t)st.st_size + PUNY_BYTES_MAX;
        s->text = malloc(s->text_cap);
        s->slot = calloc(SLOTS, sizeof *s->slot);
        ok = s->text && s->slot;
    }
    while (ok && n < (size_t)st.st_size) {
        ssize_t got = read(fd, s->text + n, (size_t)st.st_size - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    /* Not the compiled form, and not an empty file. */
    ok = ok && n > 2 && memcmp(s->text, "//", 2) == 0;
    s->text_n = n;
    if (ok)
        add_lines(s, n);
    return ok && s->n_rules > 0;
}

static void drop_table(struct suffixes *s)
{
    free(s->text);
    free(s->slot);
    s->text = NULL;
    s->slot = NULL;
}

struct suffixes *suffixes_new(void)
{
    struct suffixes *s = calloc(1, sizeof *s);
    /* On Debian psl_dist_filename() is the compiled form; the text it was made of is what we read. */
    if (!s || read_file(s, psl_builtin_filename()))
        return s;
    drop_table(s);
    if (read_file(s, psl_dist_filename()))
        return s;
    drop_table(s);
    s->psl = psl_builtin();
    if (!s->psl)
        suffixes_free(&s);
    return s;
}

void suffixes_free(struct suffixes **s)
{
    if (!s || !*s)
        return;
    drop_table(*s);
    free(*s);
    *s = NULL;
}

static bool is_address(struct span host)
{
    if (span_chr(host, ':') >= 0)
        return true;
    size_t from = host.n;
    while (from && host.p[from - 1] != '.')
        from--;
    return from < host.n && ascii_is_digit(host.p[from]) && ascii_is_digit(host.p[host.n - 1]);
}

static size_t label_before(struct span host, size_t dot)
{
    while (dot && host.p[dot - 1] != '.')
        dot--;
    return dot;
}

/* Where the suffixes of a host start; the longest rule prevails, an exception above all. */
struct walk { size_t any, icann; bool is_known, is_private, is_done; };

static void apply_rule(struct walk *w, struct span host, size_t at, const struct rule *r)
{
    bool is_private = r->flags & RULE_PRIVATE;
    if (r->flags & RULE_NOT) {
        ptrdiff_t dot = span_chr(span_sub(host, at, host.n), '.');
        w->any = dot < 0 ? host.n : at + (size_t)dot + 1;
        if (!is_private)
            w->icann = w->any;
        w->is_done = true;
    } else if (r->flags & RULE_PLAIN) {
        w->any = at;
        if (!is_private)
            w->icann = at;
    }
    if (r->flags & (RULE_NOT | RULE_PLAIN)) {
        w->is_known = true;
        w->is_private = is_private;
    }
    if ((r->flags & RULE_STAR) && at >= 2) {
        w->any = label_before(host, at - 1);
        w->is_private = r->flags & RULE_STAR_PRIVATE;
        w->is_known = true;
        if (!w->is_private)
            w->icann = w->any;
    }
}

static struct walk walk_rules(const struct suffixes *s, struct span host)
{
    size_t last = label_before(host, host.n);
    struct walk w = {.any = last, .icann = last};
    uint64_t h = 0;
    size_t i = host.n;
    for (unsigned labels = 0; i > 0 && labels < 8 && !w.is_done; labels++) {
        for (; i > 0 && host.p[i - 1] != '.'; i--)
            h = hash_step(h, host.p[i - 1]);
        if (host.n - i <= 255) {
            const struct rule *r = find_slot(s, hash_end(h), host.p + i, host.n - i);
            if (r->flags)
                apply_rule(&w, host, i, r);
        }
        if (i > 0)
            h = hash_step(h, host.p[--i]);
    }
    return w;
}

/* The same through libpsl, which wants strings with an end. */
static struct walk walk_psl(const struct suffixes *s, struct span host)
{
    size_t last = label_before(host, host.n);
    struct walk w = {.any = last, .icann = last};
    char buf[256];
    if (host.n == 0 || host.n >= sizeof buf || memchr(host.p, 0, host.n))
        return w;
    memcpy(buf, host.p, host.n);
    buf[host.n] = 0;
    const int star = PSL_TYPE_NO_STAR_RULE;
    for (size_t i = last;; i = label_before(host, i - 1)) {
        bool icann = psl_is_public_suffix2(s->psl, buf + i, PSL_TYPE_ICANN | star);
        bool own = !icann && psl_is_public_suffix2(s->psl, buf + i, PSL_TYPE_PRIVATE | star);
        if (icann || own) {
            w.any = i;
            w.icann = icann ? i : w.icann;
            w.is_known = true;
            w.is_private = own;
        }
        if (i == 0)
            return w;
    }
}

struct suffix_hit suffixes_find(const struct suffixes *s, struct span host)
{
    struct suffix_hit hit = {SPAN_NONE, false, false};
    if (host.n == 0 || host.n > 2 * HOST_BYTES_MAX || host.p[host.n - 1] == '.' || is_address(host))
        return hit;
    struct walk w = s->psl ? walk_psl(s, host) : walk_rules(s, host);
    hit.is_known = w.is_known;
    hit.is_private = w.is_private;
    /* A host that is itself a suffix of the private section is still a name that somebody registered. */
    size_t at = w.any == 0 && w.is_private ? w.icann : w.any;
    if (at < 2 || host.p[at - 1] != '.' || host.p[at - 2] == '.')
        return hit;
    hit.domain = span_sub(host, label_before(host, at - 1), host.n);
    return hit;
}

struct span suffixes_domain(const struct suffixes *s, struct span host) { return suffixes_find(s, host).domain; }

bool suffixes_is_tld(const struct suffixes *s, struct span label)
{
    if (label.n < 2 || label.n > 63 || span_chr(label, '.') >= 0)
        return false;
    return (s->psl ? walk_psl(s, label) : walk_rules(s, label)).is_known;
}
