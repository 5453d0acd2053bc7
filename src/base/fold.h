/* fold: one code point to the form that words are counted in.
 *
 * NFKC, lower case, Latin letters without marks: full-width, mathematical, circled and accented letters that spammers
 * write to escape word lists all come out as the plain letter. Tables: fold_table.h, made by scripts/make-fold.py.
 * Threads: reentrant, no state.  Cost: two loads. */
#ifndef POSSE_BASE_FOLD_H
#define POSSE_BASE_FOLD_H

#include <stdbool.h>
#include <stdint.h>

/* 0: the code point is dropped (zero-width, combining marks, direction controls). */
uint32_t fold_codepoint(uint32_t cp);

enum fold_class { FOLD_OTHER, FOLD_WORD, FOLD_DIGIT, FOLD_IDEOGRAPH /* a script without spaces */, FOLD_MONEY };
enum fold_class fold_class(uint32_t folded);

/* The Latin letter that a folded Cyrillic, Greek or Armenian one is drawn like; 0: none (UTS 39, single letters only). */
uint32_t fold_lookalike(uint32_t folded);

#endif
