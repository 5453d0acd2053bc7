/* url: addresses of things, as mail writes them, hostile forms included.
 *
 * url_parse reads one address the way a browser would follow it (WHATWG URL, without its tables):
 * scheme optional, user info, numeric and hexadecimal hosts, percent-escapes, backslashes, IDN.
 * url_find finds addresses in plain UTF-8 text: with a scheme, with `www.`, bare `name.tld/…`
 * (only registered suffixes), "hxxp://", "name[.]tld", "name dot com" spacing tricks.
 * Ownership: results in arena `a` or views of the input.
 * Limits: a URL is cut at 2,048 bytes; url_find stops after max_urls, sets URLS_LIMIT.
 * Threads: a `struct suffixes` is read-only and may be shared.  Cost: url_find is one memchr-like
 * pass over the text (1 to 3 GB/s where there are none); url_parse
 * some 4,300 instructions (0.4 us), an IDN several us. */
#ifndef POSSE_MAIL_URL_H
#define POSSE_MAIL_URL_H

#include "mail/message.h"

enum url_flag {
    URL_HAS_USERINFO = 1 << 0,
    URL_NUMERIC_HOST = 1 << 1,  /* dotted, decimal, octal or hexadecimal IPv4, or IPv6 */
    URL_IDN = 1 << 2,           /* xn-- or UTF-8 host */
    URL_IS_OBFUSCATED = 1 << 3, /* hxxp, [.], escapes in the host, spaces */
    URL_IS_SHORTENER = 1 << 4,
    URL_HAS_PORT = 1 << 5,      /* other than the scheme's own */
    URL_NO_SCHEME = 1 << 6,
    URL_IS_DATA = 1 << 7,
    URL_IS_SCRIPT = 1 << 8,     /* javascript:, vbscript: */
    URL_IS_MAILTO = 1 << 9,
    URL_MIXED_SCRIPTS = 1 << 10,/* host label mixes scripts (ICU spoof check may add later) */
    URL_FREE_HOST = 1 << 11,    /* public suffix of the private section: pages, blogs, buckets */
    URL_HIDDEN = 1 << 12,
};

struct url {
    struct span raw;      /* as it stands in text or href */
    struct span scheme;   /* lower case; "http" if it had none */
    struct span host;     /* lower case, escapes decoded, ASCII (punycode) where possible; empty: none */
    struct span domain;   /* registered domain within host by the public suffix list; empty: none */
    struct span path;     /* with the leading slash, without query */
    struct span query;    /* without '?' */
    struct span shown;    /* the text that a link shows; empty: none */
    uint32_t flags;       /* enum url_flag */
    uint16_t port;        /* 0: the scheme's own */
    uint8_t origin;       /* enum url_origin */
    uint32_t part;        /* of the message */
};

/* The public suffix list: the file that libpsl names (package publicsuffix), else libpsl's own copy.
 * suffixes_new takes 1.5 ms and 0.8 MB; a lookup
 * some 740 instructions, below 0.1 us (with libpsl's copy 5 us). */
struct suffixes;
struct suffixes *suffixes_new(void); /* NULL: the list cannot be had */
void suffixes_free(struct suffixes **s);
/* The registered domain ("a.b.co.uk" -> "b.co.uk") as a view of host, which is lower-case ASCII or UTF-8;
 * empty for a suffix itself, an address, or a single label. A suffix of the private section is itself
 * a name that somebody registered: "s3.amazonaws.com" -> "amazonaws.com", "github.io" -> "github.io". */
struct span suffixes_domain(const struct suffixes *s, struct span host);
/* Is `label` (lower case) a top-level domain of the list? */
bool suffixes_is_tld(const struct suffixes *s, struct span label);

/* False when raw is no URL at all (then *out is zero): empty, or a relative reference. A URL whose host
 * no browser would look up is true with an empty host. `raw` is a view of the input; so are the others
 * where nothing had to be decoded. Of the flags, HIDDEN is the caller's, as are origin, part, shown. */
bool url_parse(struct arena *a, const struct suffixes *s, struct span raw, struct url *out);

/* As a browser does before it reads an address: blanks and controls at both ends go, TAB, LF and CR everywhere.
 * A view of raw where that is enough. */
struct span url_strip(struct arena *a, struct span raw);
/* Does s (stripped) name a scheme that is known, or one before "//"? Else it is a relative reference, to a browser. */
bool url_has_scheme(struct span s);
/* The reference `ref` seen from the page's base (RFC 3986 5.2, both stripped); ref itself where it has a scheme or
 * base has no host. */
struct span url_join(struct arena *a, struct span base, struct span ref);

/* Appends the URLs of `text` to out[0..max), returns how many were added; *anomalies grows. */
size_t url_find(struct arena *a, const struct suffixes *s, struct span text,
                struct url *out, size_t max, uint64_t *anomalies);

#endif
