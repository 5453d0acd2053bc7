/* url_priv: what the files of the URL reader share.
 *   url.c        one address; url_host.c its host; url_find.c addresses in text
 *   url_data.c   shorteners and hosts where anybody may put a page
 *   suffixes.c   the public suffix list
 * Threads: reentrant. */
#ifndef POSSE_MAIL_URL_PRIV_H
#define POSSE_MAIL_URL_PRIV_H

#include "mail/url.h"

enum { URL_BYTES_MAX = 2048, HOST_BYTES_MAX = 512 };

struct suffix_hit {
    struct span domain; /* as suffixes_domain */
    bool is_known;      /* a rule of the list matched, not only the default one */
    bool is_private;    /* that rule is of the private section */
};
struct suffix_hit suffixes_find(const struct suffixes *s, struct span host);

/* The host as a browser would look it up; empty: not a host. May set URL_NUMERIC_HOST, URL_IDN,
 * URL_IS_OBFUSCATED, URL_MIXED_SCRIPTS. */
struct span url_clean_host(struct arena *a, struct span raw, uint32_t *flags);

bool url_is_shortener(struct span host, struct span domain);
bool url_is_free_host(struct span host);

/* Length of "[.]", "(dot)" and the like at s.p[0], or 0. */
size_t url_fake_dot(struct span s);

/* RFC 3492. Returns the length written to out (without "xn--"), 0: it does not fit or is no UTF-8. */
size_t punycode_encode(struct span utf8, uint8_t *out, size_t cap);

#endif
