/* log_json: one object of one line of JSON, name by name, without a tree: a log's lines are millions and most of their names are of no use.
 * Nesting is passed over by counting brackets, no deeper than JSON_DEPTH; an inner object or list is opened as a line of its own.
 * Ownership: values point into the line; strings are unescaped where they stand (\u as UTF-8, half a surrogate pair as U+FFFD), so a
 * value may be read once.  Errors: JSON_BAD, sticky: the line is not JSON as far as it was looked at; duplicate names come twice.
 * Threads: one owner.  Cost: a pass; against jansson on the same lines see bench/flows. */
#ifndef POSSE_FLOW_LOG_JSON_H
#define POSSE_FLOW_LOG_JSON_H

#include "base/span.h"

enum { JSON_DEPTH = 64 };
enum json_type { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_LIST };
enum json_step { JSON_BAD = -1, JSON_END = 0, JSON_ITEM = 1 };
struct json_value { enum json_type type; struct span text; /* of an object or list: with its brackets; of true: "true" */ };
struct json { uint8_t *p, *end; bool is_list, has_begun, is_bad, is_over; };

/* An object or a list, whole: what follows it but white space is JSON_BAD at the end. */
struct json json_open(struct span text);
enum json_step json_next(struct json *j, struct span *name, struct json_value *v); /* of an object */
enum json_step json_item(struct json *j, struct json_value *v);                    /* of a list */
static inline struct json json_into(const struct json_value *v) { return json_open(v->text); }

#endif
