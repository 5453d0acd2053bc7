#include "mail/url_priv.h"

static bool is_scheme_byte(uint8_t c) { return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.'; }
static bool is_slash(uint8_t c) { return c == '/' || c == '\\'; }

struct scheme_row { const char *written, *means; uint16_t port; uint32_t flags; bool has_host; };

/* What people write in place of http counts as http. */
static const struct scheme_row scheme_row[] = {
    {"http", "http", 80, 0, true}, {"https", "https", 443, 0, true}, {"ftp", "ftp", 21, 0, true},
    {"ws", "ws", 80, 0, true}, {"wss", "wss", 443, 0, true},
    {"hxxp", "http", 80, URL_IS_OBFUSCATED, true}, {"hxxps", "https", 443, URL_IS_OBFUSCATED, true},
    {"htxp", "http", 80, URL_IS_OBFUSCATED, true}, {"htxps", "https", 443, URL_IS_OBFUSCATED, true},
    {"hxtp", "http", 80, URL_IS_OBFUSCATED, true}, {"ttp", "http", 80, URL_IS_OBFUSCATED, true},
    {"ttps", "https", 443, URL_IS_OBFUSCATED, true},
    {"mailto", "mailto", 0, URL_IS_MAILTO, false}, {"data", "data", 0, URL_IS_DATA, false},
    {"javascript", "javascript", 0, URL_IS_SCRIPT, false}, {"vbscript", "vbscript", 0, URL_IS_SCRIPT, false},
    {"cid", "cid", 0, 0, false}, {"mid", "mid", 0, 0, false}, {"tel", "tel", 0, 0, false},
    {"sms", "sms", 0, 0, false}, {"file", "file", 0, 0, false}, {"about", "about", 0, 0, false},
    {"blob", "blob", 0, URL_IS_DATA, false}, {"whatsapp", "whatsapp", 0, 0, false},
    {"bitcoin", "bitcoin", 0, 0, false}, {"news", "news", 0, 0, false}, {"nntp", "nntp", 119, 0, true},
    {"irc", "irc", 6667, 0, true}, {"git", "git", 9418, 0, true}, {"ssh", "ssh", 22, 0, true},
};

static const struct scheme_row *find_scheme(struct span s)
{
    for (size_t i = 0; i < sizeof scheme_row / sizeof *scheme_row; i++)
        if (span_ieq(s, span_str(scheme_row[i].written)))
            return &scheme_row[i];
    return NULL;
}

/* Without TAB, LF and CR, which browsers drop wherever they stand. */
static struct span without_breaks(struct arena *a, struct span s)
{
    bool has = false;
    for (size_t i = 0; i < s.n && !has; i++)
        has = s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r';
    if (!has)
        return s;
    uint8_t *p = arena_alloc(a, s.n);
    if (!p)
        return SPAN_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r')
            p[n++] = s.p[i];
    return span_of(p, n);
}

static void split_path(struct span rest, struct url *u)
{
    ptrdiff_t hash = span_chr(rest, '#');
    if (hash >= 0)
        rest.n = (size_t)hash;
    ptrdiff_t mark = span_chr(rest, '?');
    u->path = mark < 0 ? rest : span_sub(rest, 0, (size_t)mark);
    u->query = mark < 0 ? SPAN_NONE : span_sub(rest, (size_t)mark + 1, rest.n);
    if (u->path.n == 0)
        u->path = SPAN_LIT("/");
}

/* ":8080" at the end of the authority; returns the length without it. */
static size_t take_port(struct span auth, uint16_t own, struct url *u)
{
    size_t i = auth.n;
    uint32_t port = 0, scale = 1;
    for (; i && ascii_is_digit(auth.p[i - 1]) && auth.n - i < 6; i--, scale *= 10)
        port += (uint32_t)(auth.p[i - 1] - '0') * scale;
    if (!i || auth.p[i - 1] != ':')
        return auth.n;
    if (port > 0 && port <= 65535 && port != own) {
        u->port = (uint16_t)port;
        u->flags |= URL_HAS_PORT;
    }
    return i - 1;
}

/* s starts with the authority. */
static void read_hierarchy(struct arena *a, struct span s, uint16_t own_port, struct url *u)
{
    size_t end = 0;
    while (end < s.n && s.p[end] != '/' && s.p[end] != '?' && s.p[end] != '#' && s.p[end] != '\\')
        end++;
    struct span auth = span_sub(s, 0, end);
    for (size_t i = auth.n; i > 0; i--)
        if (auth.p[i - 1] == '@') {
            u->flags |= URL_HAS_USERINFO;
            auth = span_sub(auth, i, auth.n);
            break;
        }
    auth.n = take_port(auth, own_port, u);
    u->host = url_clean_host(a, auth, &u->flags);
    split_path(span_sub(s, end, s.n), u);
}

static void read_domain(const struct suffixes *s, struct url *u)
{
    if (u->host.n == 0 || (u->flags & URL_NUMERIC_HOST))
        return;
    struct suffix_hit hit = suffixes_find(s, u->host);
    u->domain = hit.domain;
    if (hit.is_private || url_is_free_host(u->host))
        u->flags |= URL_FREE_HOST;
    if (url_is_shortener(u->host, u->domain))
        u->flags |= URL_IS_SHORTENER;
}

/* mailto:name@host?subject=… : the host is the address's. */
static void read_mailto(struct arena *a, struct span rest, struct url *u)
{
    split_path(rest, u);
    ptrdiff_t at = span_chr(u->path, '@');
    if (at < 0)
        return;
    size_t end = (size_t)at + 1;
    while (end < u->path.n && u->path.p[end] != ',' && u->path.p[end] != ';' && u->path.p[end] != '>' &&
           u->path.p[end] != ' ')
        end++;
    uint32_t ignored = 0;
    u->host = url_clean_host(a, span_sub(u->path, (size_t)at + 1, end), &ignored);
}

/* An address without a scheme: //host, www.host, host.tld/path; not a relative path. */
static bool read_bare(struct arena *a, const struct suffixes *s, struct span in, struct url *u)
{
    u->scheme = SPAN_LIT("http");
    u->flags |= URL_NO_SCHEME;
    if (in.n > 2 && is_slash(in.p[0]) && is_slash(in.p[1])) {
        read_hierarchy(a, span_sub(in, 2, in.n), 80, u);
        return u->host.n > 0;
    }
    if (in.n == 0 || is_slash(in.p[0]) || in.p[0] == '?' || in.p[0] == '#' || in.p[0] == '.')
        return false;
    read_hierarchy(a, in, 80, u);
    if (u->host.n == 0 || (u->flags & URL_HAS_USERINFO))
        return false;
    if (u->flags & URL_NUMERIC_HOST) /* "12" and "1.2" are no addresses to anybody */
        return (size_t)(u->host.p - in.p) == 0 && u->host.n < in.n && in.p[u->host.n] != '.';
    return suffixes_find(s, u->host).is_known && span_chr(u->host, '.') > 0;
}

static bool read_scheme(struct arena *a, struct span in, size_t colon, struct url *u)
{
    struct span name = span_sub(in, 0, colon), rest = span_sub(in, colon + 1, in.n);
    const struct scheme_row *row = find_scheme(name);
    if (!row) {
        if (rest.n < 2 || rest.p[0] != '/' || rest.p[1] != '/')
            return false;
        u->scheme = name;
        read_hierarchy(a, span_sub(rest, 2, rest.n), 0, u);
        return true;
    }
    u->scheme = span_str(row->means);
    u->flags |= row->flags;
    if (!row->has_host) {
        if (row->flags & URL_IS_MAILTO)
            read_mailto(a, rest, u);
        else
            u->path = rest;
        return true;
    }
    size_t i = 0;
    while (i < rest.n && is_slash(rest.p[i]))
        i++;
    if (span_find(span_sub(rest, 0, i), SPAN_LIT("\\")) >= 0)
        u->flags |= URL_IS_OBFUSCATED;
    read_hierarchy(a, span_sub(rest, i, rest.n), row->port, u);
    return true;
}

bool url_parse(struct arena *a, const struct suffixes *s, struct span raw, struct url *out)
{
    struct url u = {.raw = span_sub(span_trim(raw), 0, URL_BYTES_MAX)};
    struct span in = without_breaks(a, u.raw);
    size_t colon = 0;
    memset(out, 0, sizeof *out);
    if (in.n && ascii_is_alpha(in.p[0]))
        while (colon < in.n && is_scheme_byte(in.p[colon]))
            colon++;
    bool has_scheme = colon > 0 && colon < in.n && in.p[colon] == ':';
    bool ok = has_scheme && read_scheme(a, in, colon, &u);
    if (!ok && !(ok = read_bare(a, s, in, &u)))
        return false;
    read_domain(s, &u);
    *out = u;
    return true;
}
