/* door_rspamd: what rspamd's HTTP and text protocols have in common behind their bytes. */
#ifndef POSSE_SERVE_DOOR_RSPAMD_H
#define POSSE_SERVE_DOOR_RSPAMD_H

#include "serve/http.h"

/* Judges; counts each kind of reason in symbols_seen. As gate_judge. */
int rspamd_judge(struct gate *g, const struct rspamd_request *r, bool is_trusted, struct span raw, uint64_t *symbols_seen,
                 struct gate_answer **out, struct report *why);
/* What is done when no verdict could be had: ACTION_NONE or ACTION_DEFER. Logs it. */
enum action rspamd_in_trouble(struct gate *g, const struct rspamd_request *r, bool is_trusted, const struct report *why);

#endif
