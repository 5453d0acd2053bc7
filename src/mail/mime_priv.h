/* mime_priv: what mime.c (the tree) and mime_part.c (one part's own fields) share. */
#ifndef POSSE_MAIL_MIME_PRIV_H
#define POSSE_MAIL_MIME_PRIV_H

#include "mail/mime.h"

/* Reads Content-Type, -Disposition, -Transfer-Encoding and -ID of part `index` from its fields.
 * digest: the default type is message/rfc822. */
void mime_part_fields(struct mime_tree *t, uint32_t index, struct charset_set *cs, struct arena *a,
                      bool digest, uint64_t *anomalies);

#endif
