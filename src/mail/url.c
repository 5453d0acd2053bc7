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

/* Blanks and controls at both ends mean nothing to a browser. */
static struct span trim_controls(struct span s)
{
    while (s.n && s.p[0] <= ' ') {
        s.p++;
        s.n--;
    }
    while (s.n && s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

struct span url_strip(struct arena *a, struct span raw)
{
    struct span s = trim_controls(raw);
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

/* Offset of the ':' after what may be a scheme, or 0. */
static size_t scheme_colon(struct span in)
{
    size_t colon = 0;
    if (in.n && ascii_is_alpha(in.p[0]))
        while (colon < in.n && is_scheme_byte(in.p[colon]))
            colon++;
    return colon < in.n && in.p[colon] == ':' ? colon : 0;
}

bool url_has_scheme(struct span s)
{
    size_t colon = scheme_colon(s);
    return colon && (find_scheme(span_sub(s, 0, colon)) ||
                     (s.n - colon > 2 && is_slash(s.p[colon + 1]) && is_slash(s.p[colon + 2])));
}

/* RFC 3986 5.2.4: "." and ".." in the path p[from, n) are followed. Returns the new length. */
static size_t follow_dots(uint8_t *p, size_t from, size_t n)
{
    size_t o = from;
    for (size_t i = from; i < n;) { /* p[i] is the slash before a segment */
        size_t end = i + 1;
        while (end < n && !is_slash(p[end]))
            end++;
        bool up = end - i == 3 && p[i + 1] == '.' && p[i + 2] == '.', here = end - i == 2 && p[i + 1] == '.';
        while (up && o > from && !is_slash(p[--o]))
            continue;
        if (!up && !here) {
            memmove(p + o, p + i, end - i);
            o += end - i;
        } else if (end == n) {
            p[o++] = '/';
        }
        i = end;
    }
    return o;
}

static size_t span_until(struct span s, size_t from, const char *stops)
{
    while (from < s.n && !(s.p[from] && strchr(stops, s.p[from])))
        from++;
    return from;
}

struct span url_join(struct arena *a, struct span base, struct span ref)
{
    size_t colon = scheme_colon(base), host = colon + 1;
    if (url_has_scheme(ref) || !colon || !ref.n || ref.p[0] == '#')
        return ref;
    while (host < base.n && is_slash(base.p[host]))
        host++;
    size_t root = span_until(base, host, "/\\?#"), path = span_until(base, root, "?#"), keep = path;
    if (host < colon + 3 || root == host)
        return ref;
    bool absolute = is_slash(ref.p[0]), remote = absolute && ref.n > 1 && is_slash(ref.p[1]);
    if (remote)
        keep = colon + 1;
    else if (absolute)
        keep = root;
    else if (ref.p[0] != '?')
        while (keep > root && !is_slash(base.p[keep - 1]))
            keep--;
    uint8_t *p = arena_alloc(a, base.n + 1 + ref.n);
    if (!p)
        return SPAN_NONE;
    memcpy(p, base.p, keep);
    size_t n = keep;
    if (!absolute && n == root)
        p[n++] = '/';
    memcpy(p + n, ref.p, ref.n);
    n += ref.n;
    if (remote)
        return span_of(p, n);
    size_t end = span_until(span_of(p, n), root, "?#"), to = follow_dots(p, root, end);
    memmove(p + to, p + end, n - end);
    return span_of(p, to + n - end);
}

bool url_parse(struct arena *a, const struct suffixes *s, struct span raw, struct url *out)
{
    struct url u = {.raw = span_sub(trim_controls(raw), 0, URL_BYTES_MAX)};
    struct span in = url_strip(a, u.raw);
    size_t colon = scheme_colon(in);
    memset(out, 0, sizeof *out);
    bool ok = colon && read_scheme(a, in, colon, &u);
    if (!ok && !(ok = read_bare(a, s, in, &u)))
        return false;
    read_domain(s, &u);
    *out = u;
    return true;
}
