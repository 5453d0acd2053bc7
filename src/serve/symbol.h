/* symbol: reasons as symbols, the names by which scanning clients know them: one reason has one name at every door.
 * A name is POSSE_ and the reason's kind, numbered where a kind may come several times, the strongest first.
 * Ownership: names of kinds are constants.  Threads: reentrant. */
#ifndef POSSE_SERVE_SYMBOL_H
#define POSSE_SERVE_SYMBOL_H

#include "engine/engine.h"

enum { SYMBOL_NAME = 32 };
/* One name for each of the verdict's reasons, in their order. */
void symbol_names(const struct verdict *v, char out[REASONS_MAX][SYMBOL_NAME]);
/* All kinds that there are, without numbers, and what each is about: NULL past the last. */
const char *symbol_kind(size_t i, const char **text_out);

#endif
