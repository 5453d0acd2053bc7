#include "reserved.h"

#include <stdlib.h>
#include <strings.h>

enum { C_OTHER, C_LETTER, C_DIGIT, C_HYPHEN, C_DOT };

static unsigned class_of(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return C_LETTER;
    return c >= '0' && c <= '9' ? C_DIGIT : c == '-' ? C_HYPHEN : c == '.' ? C_DOT : C_OTHER;
}

static bool is_word(unsigned char c) { return class_of(c) != C_OTHER; }

static bool ends_with(const char *p, size_t n, const char *end)
{
    size_t m = strlen(end);
    return n >= m && strncasecmp(p + n - m, end, m) == 0 && (n == m || p[n - m - 1] == '.');
}

static bool name_is_reserved(const char *p, size_t n)
{
    return ends_with(p, n, "example") || ends_with(p, n, "test") || ends_with(p, n, "invalid");
}

static bool is_file_ending(const char *p, size_t n)
{
    static const char *const endings[] = {"jpg", "jpeg", "gif", "png", "pdf", "doc", "txt", "html", "htm", "bmp"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strlen(endings[i]) == n && strncasecmp(p, endings[i], n) == 0)
            return true;
    return false;
}

/* Four numbers below 256: an address, if so whether it is in 10/8. */
static bool is_quad(const char *p, size_t n, bool *is_ten)
{
    unsigned part = 0, value = 0, digits = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && class_of((unsigned char)p[i]) == C_DIGIT) {
            value = value * 10 + (unsigned)(p[i] - '0');
            if (++digits > 3 || value > 255)
                return false;
        } else if ((i == n || p[i] == '.') && digits > 0) {
            if (part++ == 0)
                *is_ten = value == 10;
            value = digits = 0;
        } else {
            return false;
        }
    }
    return part == 4;
}

/* A word with dots in it, without dots at its ends. before: the byte in front of it; is_host: it stands after an @ or ://. */
static bool dotted_is_fine(const char *p, size_t n, char before, char after, bool is_host)
{
    bool is_ten = false;
    if (is_quad(p, n, &is_ten))
        return is_ten;
    const char *last = p + n;
    while (last > p && last[-1] != '.')
        last--;
    size_t letters = (size_t)(p + n - last);
    if (is_host)
        return name_is_reserved(p, n);
    if (before == '/' || before == '_' || before == '=' || before == '$' || before == '%' || before == '?' || after == '@' ||
        after == '_' || after == '=' || after == '$')
        return true; /* a path, a boundary, the left of an @ */
    for (size_t i = 0; i < letters; i++)
        if (class_of((unsigned char)last[i]) != C_LETTER)
            return true; /* no top-level name */
    return letters < 2 || name_is_reserved(p, n) || is_file_ending(last, letters);
}

static bool phone_is_fine(const char *p, size_t n)
{
    char d[16];
    size_t k = 0, i = 0;
    for (; i < n && k < sizeof d; i++) {
        if (class_of((unsigned char)p[i]) == C_DIGIT)
            d[k++] = p[i];
        else if (!strchr(" -().", p[i]) || !p[i])
            break;
    }
    return k < 9 || (k == 11 && d[0] == '1' && memcmp(d + 4, "55501", 5) == 0) || (k == 12 && memcmp(d, "442079460", 9) == 0);
}

static bool is_hex(char c) { return class_of((unsigned char)c) == C_DIGIT || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

/* At a colon: an IPv6 address is hexadecimal with two colons side by side, or seven of them. */
static bool v6_is_fine(const char *p, size_t n, size_t at)
{
    size_t from = at, to = at, colons = 0;
    bool has_double = false;
    while (from > 0 && (is_hex(p[from - 1]) || p[from - 1] == ':'))
        from--;
    while (to < n && (is_hex(p[to]) || p[to] == ':')) {
        colons += p[to] == ':';
        has_double |= to > from && p[to] == ':' && p[to - 1] == ':';
        to++;
    }
    if (!(has_double && to - from > 2) && colons < 6)
        return true;
    while (from < to && p[from] == ':')
        from++;
    if (from >= 3 && to - from > 2 && memcmp(p + from - 3, "IPv6:", 5) == 0)
        from += 2;
    return to - from >= 9 && strncasecmp(p + from, "2001:db8:", 9) == 0;
}

static char *cut(const char *p, size_t n) { return mem_text(p, n > 120 ? 120 : n); }

char *reserved_breach(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '.' && i > 0 && i + 1 < n && is_word((unsigned char)p[i - 1]) && is_word((unsigned char)p[i + 1])) {
            size_t from = i, to = i + 1;
            while (from > 0 && is_word((unsigned char)p[from - 1]))
                from--;
            while (to < n && is_word((unsigned char)p[to]))
                to++;
            char before = from > 0 ? p[from - 1] : ' ', after = to < n ? p[to] : ' ';
            bool is_host = before == '@' || (before == '/' && from > 2 && memcmp(p + from - 3, "://", 3) == 0);
            size_t a = from, b = to;
            while (a < b && (p[a] == '.' || p[a] == '-'))
                a++;
            while (b > a && (p[b - 1] == '.' || p[b - 1] == '-'))
                b--;
            if (memchr(p + a, '.', b - a) && !dotted_is_fine(p + a, b - a, before, after, is_host))
                return cut(p + a, b - a);
            i = to - 1;
        } else if (c == ':' && i + 2 < n && p[i + 1] == '/' && p[i + 2] == '/') {
            size_t to = i + 3;
            while (to < n && is_word((unsigned char)p[to]))
                to++;
            if (to > i + 3 && !memchr(p + i + 3, '.', to - i - 3))
                return cut(p + i + 3, to - i - 3); /* http://localhost/ */
        } else if (c == ':' && i + 1 < n && (p[i + 1] == ':' || is_hex(p[i + 1])) && !v6_is_fine(p, n, i)) {
            return cut(p + (i > 20 ? i - 20 : 0), 40 < n - i ? 40 : n - i);
        } else if (c == '+' && (i == 0 || strchr(" \t\n>(:\"", p[i - 1])) && !phone_is_fine(p + i + 1, n - i - 1)) {
            return cut(p + i, 20 < n - i ? 20 : n - i);
        }
    }
    return NULL;
}

void reserved_check(const char *p, size_t n, const char *what)
{
    char *breach = reserved_breach(p, n);
    if (breach)
        die("%s: \"%s\" is not reserved (.example, .test, .invalid, 10.0.0.0/8, 2001:db8::/32): nothing else is written", what, breach);
}
