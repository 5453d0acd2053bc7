/* http_text: connections that speak rspamd's older text (rspamc_text.h): read on the loop, judged on a worker thread, answered,
 * closed by us: such a client waits for that.
 * Limits: those of the reader, limits.message_bytes of body; the listener's of time.
 * Threads: the loop's. */
#ifndef POSSE_SERVE_HTTP_TEXT_H
#define POSSE_SERVE_HTTP_TEXT_H

#include "serve/http_server.h"

struct http_texts;
/* o: as for http_server_new; loop: whose slots these are. */
int http_texts_new(const struct http_server_options *o, uv_loop_t *loop, struct http_texts **out, struct report *why);
/* The slot and its socket are theirs from here on. */
void http_texts_add(struct http_texts *t, struct http_slot *slot);
/* Closes what is left; waits for a message that is being judged. */
void http_texts_free(struct http_texts **t);

#endif
