/* mime: the tree of parts (RFC 2045, 2046) of one message, found in one pass.
 * Ownership: a mime_tree owns its arrays (heap, kept from message to message); spans point
 * into the input, or into the arena for what had to be decoded (a message/rfc822 that is, against
 * RFC 2046 5.2.1, base64 or quoted-printable).
 * Limits: mail_limits. A part past max_parts is not recorded; a multipart past max_depth is a leaf.
 * Errors: POSSE_ENOMEM, POSSE_ELIMIT; odd input is an anomaly.
 * Threads: a tree belongs to one.  Cost: scan.h a body byte; boundaries are compared by length
 * and hash, so that many open ones with one prefix cost no more. */
#ifndef POSSE_MAIL_MIME_H
#define POSSE_MAIL_MIME_H

#include "mail/charset.h"
#include "mail/header.h"
#include "mail/scan.h"

struct open_boundary {
    struct span key; /* without the leading "--" */
    uint64_t hash;
};

struct mime_tree {
    struct field_list fields;
    struct part *part;
    struct scan_facts *facts; /* of each part's body; parallel to part */
    size_t n_parts, cap_parts;
    struct open_boundary *open;
    size_t n_open, cap_open;
};

void mime_tree_deinit(struct mime_tree *t);

/* Fills t->fields and t->part anew from `in`, which starts at the first header line. */
int mime_read(struct mime_tree *t, struct charset_set *cs, struct arena *a, struct span in,
              const struct mail_limits *limits, uint64_t *anomalies);

#endif
