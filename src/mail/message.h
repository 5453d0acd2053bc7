/* message: one piece of hostile mail, read in one pass into views.
 *
 * Purpose: bytes in; fields, part tree, decoded text, links and oddities out. Nothing is
 * copied that need not be: a view points into the input where the bytes are the same
 * there, and into the arena where they had to be decoded.
 * Ownership: `struct message` and all it points to live in the arena given to
 * message_parse (or in the input), which must both outlive it.
 * Limits: struct mail_limits; past each, the matching *_TRUNCATED / *_LIMIT anomaly is set and
 * reading goes on with what fits. Which text fits is not for padding to choose: every text part has its room
 * (sample_level: short ones whole, long ones an equal share), and of a part longer than its room the first half
 * of the room, the last quarter, and sixteen slices spread between them are kept (mail/sample.h). So neither text
 * in front, behind or around a passage nor other parts push it out of sight, except from between two slices of a
 * text many times too long; and then TEXT_TRUNCATED says so. Links past max_urls are not kept.
 * Errors: odd input is never an error, it sets an anomaly bit. POSSE_ELIMIT or POSSE_ENOMEM
 * only when the arena cannot hold the result at all.
 * Threads: one mail_parser a thread; message values may be read by any thread.
 * Cost: one pass over headers and structure; text parts are transfer-decoded, up to 16 MiB each; other
 * parts are not decoded until part_content asks.
 * Follows: RFC 5322, 2045-2049, 2047, 2231, 6532, and what real mailers write instead. */
#ifndef POSSE_MAIL_MESSAGE_H
#define POSSE_MAIL_MESSAGE_H

#include "base/arena.h"
#include "base/span.h"
#include "mail/anomaly.h"

struct mail_limits {
    size_t max_bytes;        /* of the message that are looked at at all */
    size_t max_header_bytes; /* of one header block */
    size_t max_fields;       /* of the whole message, parts included */
    size_t max_parts;
    size_t max_depth;        /* of nesting; deeper bytes are kept as one leaf */
    size_t max_text_bytes;   /* decoded text kept, all text parts together; more where it grew as it became UTF-8 */
    size_t max_urls;
};
extern const struct mail_limits mail_limits_default;

/* Fields that somebody asks for by name; everything else is FIELD_OTHER. */
enum field_id {
    FIELD_OTHER, FIELD_FROM, FIELD_TO, FIELD_CC, FIELD_BCC, FIELD_SUBJECT, FIELD_DATE,
    FIELD_MESSAGE_ID, FIELD_REPLY_TO, FIELD_SENDER, FIELD_RETURN_PATH, FIELD_RECEIVED,
    FIELD_IN_REPLY_TO, FIELD_REFERENCES, FIELD_MIME_VERSION, FIELD_CONTENT_TYPE,
    FIELD_CONTENT_TRANSFER_ENCODING, FIELD_CONTENT_DISPOSITION, FIELD_CONTENT_ID,
    FIELD_CONTENT_LOCATION, FIELD_X_MAILER, FIELD_USER_AGENT, FIELD_X_PRIORITY,
    FIELD_IMPORTANCE, FIELD_PRECEDENCE, FIELD_LIST_ID, FIELD_LIST_UNSUBSCRIBE, FIELD_LIST_POST,
    FIELD_LIST_OTHER /* any other List-* */, FIELD_DKIM_SIGNATURE, FIELD_AUTHENTICATION_RESULTS,
    FIELD_RECEIVED_SPF, FIELD_ARC /* any ARC-* */, FIELD_X_SPAM /* any X-Spam-* and kin of other filters */,
    FIELD_DELIVERED_TO, FIELD_ERRORS_TO, FIELD_ORGANIZATION, FIELD_AUTO_SUBMITTED,
    FIELD_FEEDBACK_ID, FIELD_X_ORIGINATING_IP, FIELD_THREAD_TOPIC, FIELD_ID_N
};

struct field {
    struct span name; /* as written */
    struct span raw;  /* after the colon, folding kept, without the final line end */
    enum field_id id;
    uint32_t part;    /* index of the part whose header block holds it; 0: the message itself */
};

enum part_encoding { PART_7BIT, PART_8BIT, PART_BINARY, PART_QP, PART_BASE64, PART_UUENCODE, PART_UNKNOWN };

/* What the bytes themselves look like, whatever the label says. */
enum part_magic {
    MAGIC_UNKNOWN, MAGIC_TEXT, MAGIC_HTML, MAGIC_PDF, MAGIC_ZIP, MAGIC_RAR, MAGIC_7Z, MAGIC_GZIP,
    MAGIC_EXE, MAGIC_ELF, MAGIC_OLE, MAGIC_RTF, MAGIC_GIF, MAGIC_JPEG, MAGIC_PNG, MAGIC_BMP,
    MAGIC_TIFF, MAGIC_WEBP, MAGIC_SVG, MAGIC_ISO, MAGIC_LNK, MAGIC_CAB, MAGIC_AUDIO, MAGIC_VIDEO, MAGIC_N
};

struct part {
    uint32_t parent;        /* index in message.part; the root's is 0 (itself) */
    uint16_t depth;         /* 0: root */
    bool is_multipart;      /* has children by boundary */
    bool is_message;        /* message/rfc822 or message/global: its one child is a message */
    bool is_text;           /* text/...: entries in message.text */
    bool is_attachment;     /* Content-Disposition attachment, or a file name, or a type not shown inline */
    struct span type;       /* "text/plain", lower case; the RFC's default where absent or broken */
    struct span charset;    /* as declared, lower case; empty: none */
    struct span boundary;
    struct span filename;   /* decoded UTF-8 (2231, 2047); empty: none */
    struct span disposition;/* lower case; empty: none */
    struct span content_id;
    enum part_encoding encoding;
    enum part_magic magic;  /* from the first decoded bytes, leaves only */
    uint32_t first_field, n_fields; /* in message.field */
    struct span body;       /* encoded bytes in the input, without the line end before the boundary */
};

/* One run of text that a person would read. */
struct text_block {
    uint32_t part;
    bool is_html;
    struct span visible;    /* UTF-8; HTML rendered to words, LF between blocks, entities decoded */
    struct span hidden;     /* UTF-8; what HTML keeps from the eye (style, size, colour, comments not) */
};

enum url_origin { URL_FROM_TEXT, URL_FROM_HREF, URL_FROM_IMG, URL_FROM_FORM, URL_FROM_REFRESH, URL_FROM_OTHER };

struct html_link; /* mail/html.h */
struct url;       /* mail/url.h */
struct suffixes;  /* mail/url.h */

/* What all HTML parts together look like (mail/html.h says how each is counted). */
struct html_facts {
    uint32_t n_tags, n_links, n_images, n_remote_images, n_forms, n_inputs, n_password_inputs, n_tables;
    uint32_t n_comments, n_unknown_tags, n_scripts, n_iframes, n_style_attrs;
    uint32_t visible_bytes, hidden_bytes;
    uint32_t n_mismatched_links; /* shown text names another registered domain than the target */
    bool has_refresh, has_base, has_data_uri, has_js_uri, has_smuggling;
    uint64_t layout_hash;        /* of the sequence of block tags: alike for one template */
};

struct message {
    struct span raw;          /* what was parsed: after an mbox `From ` line, capped */
    struct span mbox_from;    /* that line, or empty */
    const struct field *field;
    size_t n_fields;
    uint32_t first_of[FIELD_ID_N]; /* 1 + index of the message's first field of that id; 0: none */
    const struct part *part;  /* part[0] is the root; children follow their parent */
    size_t n_parts;
    const struct text_block *text;
    size_t n_text;
    const struct url *url;    /* all of them, texts and HTML, in order of appearance */
    size_t n_urls;
    struct html_facts html;
    struct span subject;      /* decoded UTF-8 of the first Subject; empty: none */
    uint64_t anomalies;       /* bits 1 << enum mail_anomaly */
};

struct mail_parser; /* per thread: charset converters, public suffixes, scratch */

/* limits NULL: the default. NULL: out of memory. */
struct mail_parser *mail_parser_new(const struct mail_limits *limits);
void mail_parser_free(struct mail_parser **p);
/* The public suffix list that it uses, for those who compare domains; lives with p. NULL: the list could not be had. */
const struct suffixes *mail_parser_suffixes(const struct mail_parser *p);

int message_parse(struct mail_parser *p, struct arena *a, struct span raw, struct message **out);

/* The message's own (part 0's) first field of that id, or NULL. */
const struct field *message_field(const struct message *m, enum field_id id);
/* Its decoded value, unfolded, 2047 words decoded, raw 8-bit as UTF-8 (or windows-1252 if it is
 * not valid UTF-8), trimmed; in the arena. SPAN_NONE: no such field. */
struct span message_value(struct mail_parser *p, struct arena *a, const struct message *m, enum field_id id);
struct span field_value(struct mail_parser *p, struct arena *a, const struct field *f);

/* The transfer-decoded bytes of a leaf part, all of them, in the arena or the input. */
struct span part_content(struct arena *a, const struct part *part, uint64_t *anomalies);

const char *part_magic_name(enum part_magic magic);

#endif
