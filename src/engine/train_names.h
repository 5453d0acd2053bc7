/* train_names: what a prior's slots stand for, for people: collected while training, listed by weight.
 * Slots are hashes; only who sees the mail can say what they mean, so the list is made with the model or never.
 * Ownership: owns its texts.  Limits: the first text of a slot, 48 bytes of it.  Threads: one owner. */
#ifndef POSSE_ENGINE_TRAIN_NAMES_H
#define POSSE_ENGINE_TRAIN_NAMES_H

#include "base/report.h"
#include "filter/extract.h"

struct train_names;

struct train_names *train_names_new(unsigned bits /* of the model */); /* NULL: out of memory */
void train_names_free(struct train_names **t);
/* Takes the general features of a message that was extracted with notes. */
void train_names_add(struct train_names *t, const struct extracted *x);
/* The `most` strongest each way, a line each: weight, view, text. */
int train_names_write(const struct train_names *t, const int16_t *weight, double step, unsigned most, const char *path,
                      struct report *why);

#endif
