/* akismet_proto: Akismet's protocol without its sockets: a form of the web to a comment, and the words that clients wait for.
 *
 * What clients do and no page says: npm's akismet sends `Content-Type: charset=utf-8` with a form, so the type is not looked at;
 * the key stands in the host name (KEY.rest.akismet.com, older clients) or in `api_key` or `key`; is_test is "1", "true" or any
 * other word but "", "0" and "false"; comment_context comes as comment_context[] or comment_context[0].
 * Who could forge it: whoever has the key says what it likes. user_ip, user_role and the rest are the site's word, and what one
 * site says must never move another's verdicts by itself.
 * Ownership: names and values lie in the form; a request's views live until the form is cleared or read into again.
 * Limits: AKISMET_BODY_MAX bytes a form, AKISMET_FIELDS_MAX fields (POSSE_ETOOBIG, POSSE_ELIMIT); longer values of fields other
 * than the content are cut to AKISMET_VALUE_MAX. Of a name that comes twice the last one counts, as in PHP.
 * Errors: a percent sign that is followed by no two hex digits stands for itself, as browsers and PHP have it.
 * Threads: reentrant.  Cost: one pass over the bytes, one over the names. */
#ifndef POSSE_SERVE_AKISMET_PROTO_H
#define POSSE_SERVE_AKISMET_PROTO_H

#include "base/buf.h"
#include "base/report.h"

enum {
    AKISMET_BODY_MAX = 1 << 20,
    AKISMET_FIELDS_MAX = 256,
    AKISMET_VALUE_MAX = 2048,
    AKISMET_CONTEXT_MAX = 16,
    AKISMET_KEY_MAX = 64,
};

struct akismet_pair {
    uint32_t name_at, name_n, value_at, value_n;
};
struct akismet_form {
    struct buf bytes;
    struct akismet_pair pair[AKISMET_FIELDS_MAX];
    size_t n;
};
void akismet_form_init(struct akismet_form *f);
void akismet_form_deinit(struct akismet_form *f);
void akismet_form_clear(struct akismet_form *f); /* for the next request; keeps memory */
/* application/x-www-form-urlencoded: from a body, or what stands behind the question mark. Adds to what is there. */
int akismet_form_read(struct akismet_form *f, struct span in, struct report *why);
/* One field that somebody else has decoded. */
int akismet_form_add(struct akismet_form *f, struct span name, struct span value, struct report *why);

struct akismet_request {
    struct span key; /* of api_key or the host's name, else of `key`; empty: none was given */
    struct span
        asked_key; /* of `key`, else as key: WordPress sends both where it asks about a key that it does not use yet */
    struct span blog, user_ip, user_agent, referrer, permalink, type, author, email, url, content, date, post_modified,
        parent, language, charset, role, recheck_reason, honeypot_name;
    struct span context[AKISMET_CONTEXT_MAX];
    size_t n_context;
    struct span honeypot;        /* what the field that honeypot_name names holds; only a machine fills it */
    bool is_test, wants_discard; /* wants_discard: test_discard, for who tries that answer out */
};
/* host: the request's Host field; may be empty. */
void akismet_request_read(const struct akismet_form *f, struct span host, struct akismet_request *out);

/* The last field of that name, decoded; SPAN_NONE: none. */
struct span akismet_form_get(const struct akismet_form *f, const char *name);

/* The key that a host name holds: its first label, where that looks like a key, whatever name the daemon goes by (KEY.rest.akismet.com,
 * KEY.comments.example). Empty: none. */
struct span akismet_host_key(struct span host);
/* The blog as one and the same whichever way it is written: lower case, without scheme, "www.", port 80 or 443, query and final
 * slashes. Returns its length, at most n; 0: that is no address of a page. */
size_t akismet_blog(struct span blog, char *out, size_t n);
/* The host of an address of the web, in lower case, without "www."; as akismet_blog. */
size_t akismet_url_host(struct span url, char *out, size_t n);

/* Akismet's own values for trying out a client. */
enum akismet_sample { AKISMET_REAL, AKISMET_SAMPLE_SPAM, AKISMET_SAMPLE_HAM };
enum akismet_sample akismet_sample(const struct akismet_request *r);

/* 12 or more letters and digits: what WordPress takes for a key. */
bool akismet_key_is_sound(struct span key);

#endif
