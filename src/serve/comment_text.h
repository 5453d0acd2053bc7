/* comment_text: a comment as the engine reads messages, and as one and the same text wherever it stands.
 *
 * The message has what means something in a comment: type, author, mail and page in one field of the header, which only a
 * site's own lessons look at (two fields are no header that the shapes of mail speak of: FIELDS_FOR_HEAD in shape.c), the content
 * as HTML, which comments of blogs are. Nothing that differs between a check and the report that follows it (addresses, browsers,
 * times): both are one lesson then.
 * The shipped model was trained on texts behind Content-Type alone (models/comment_files.py).
 * Limits: 512 bytes of author, mail and page each, COMMENT_CONTENT_MAX of content.
 * Threads: reentrant.  Errors: the buffer's own. */
#ifndef POSSE_SERVE_COMMENT_TEXT_H
#define POSSE_SERVE_COMMENT_TEXT_H

#include "serve/akismet_proto.h"

enum { COMMENT_CONTENT_MAX = 256 << 10, COMMENT_LETTERS_MAX = 4096, COMMENT_LETTERS_LEAST = 40 };

void comment_message(const struct akismet_request *r, struct buf *out);

/* The letters of a content, in lower case: without tags, links, digits, spaces and signs, which are what is changed from copy to
 * copy. Returns how many, at most COMMENT_LETTERS_MAX; under COMMENT_LETTERS_LEAST two people may well say the same. */
size_t comment_letters(struct span content, uint8_t out[COMMENT_LETTERS_MAX]);

#endif
