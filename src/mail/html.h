/* html: visible text, hidden text, links and facts of one hostile HTML document.
 *
 * Not a browser and not a tree builder: one forward pass with a bounded stack of open elements,
 * enough to say what a reader's eye sees and what it does not.
 * Hidden: display:none, visibility:hidden, font-size or width/height of (nearly) zero, opacity 0,
 * text colour equal or very near to the background in force, off-screen position, `hidden`,
 * mso-hide, clipped, scaled to nothing; by attribute, style or a simple rule of a <style> block (html_sheet.c).
 * A <title> goes to `title`. Text in <head> and <noscript> is shown by mail readers, so it counts.
 * Script, style and comments (conditional ones too) give no text. Invisible characters are dropped
 * from words; within a word they set ZERO_WIDTH.
 * Ownership: results live in arena `a`; nothing points into `in` unless said.
 * Limits: caps below; past them reading stops, anomaly TEXT_TRUNCATED.
 * Errors: POSSE_ELIMIT / POSSE_ENOMEM when the arena is full; odd input is data.
 * Threads: reentrant.  Cost: one pass, 0.6 ns a byte of plain text, 3 ns a byte of pages that are
 * mostly tags and styles; twice that when a <style> block comes after text. Linear whatever the bytes.
 * Follows: WHATWG HTML (tokenizer states simplified), CSS colour and length syntax. */
#ifndef POSSE_MAIL_HTML_H
#define POSSE_MAIL_HTML_H

#include "mail/message.h"

struct html_link {
    struct span href;        /* entity-decoded, url_strip'd, cut at 2,048 bytes, not joined to the base; not empty, not "#…" */
    struct span shown;       /* visible text inside <a>, a part of `visible`; empty: image or none */
    enum url_origin origin;
    bool hidden;             /* the link itself is hidden from the eye */
};

struct html_caps { size_t max_text_bytes, max_links, max_stack; };
extern const struct html_caps html_caps_default;

struct html_result {
    struct span visible;     /* UTF-8, white space collapsed, LF for block breaks */
    struct span hidden;
    const struct html_link *link;
    size_t n_links;
    struct span base_href;   /* of the first <base> with one; empty: none. Relative links mean it (url_join) */
    struct span title;
    struct html_facts facts; /* n_mismatched_links is filled in by message.c, which knows domains */
    uint64_t anomalies;
};

/* `in` is UTF-8, ill-formed bytes become U+FFFD in the output. */
int html_read(struct arena *a, struct span in, const struct html_caps *caps, struct html_result *out);

/* Decodes character references ("&amp;", "&#x41;") into the arena; returns s itself if it has none. */
struct span html_unescape(struct arena *a, struct span s);

#endif
