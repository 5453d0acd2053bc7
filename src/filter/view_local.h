/* view_local: the views that know a user's own mail: header fields, hosts of links, characters of the text.
 * Private to filter/. They may name hosts, lists and people; the model that ships never holds them. */
#ifndef POSSE_FILTER_VIEW_LOCAL_H
#define POSSE_FILTER_VIEW_LOCAL_H

#include "filter/sink.h"
#include "mail/message.h"

/* The subject without a mark that another filter put in front ("[SPAM]", "***SPAM***", "SPAM:"). */
struct span subject_unmarked(struct span subject);

/* The message's own header, in two halves: what the sending program wrote, and what was added on the way. */
void author_emit(struct sink *s, const struct message *m);
void route_emit(struct sink *s, const struct message *m);
void host_emit(struct sink *s, const struct message *m);
void char_emit(struct sink *s, struct arena *a, const struct message *m);

#endif
