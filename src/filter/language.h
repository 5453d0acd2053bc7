/* language: is this text in the language that the shipped model knows?
 *
 * The mail that trained it holds ham in English only; in German or Spanish it has seen little but spam, and so every "und"
 * and every "de" would be evidence against their writers. Words of other languages are therefore kept apart (view_text.c): the
 * prior is silent about them, and the user's own lessons teach them.
 * Threads: reentrant.  Cost: about 3 ns a token. */
#ifndef POSSE_FILTER_LANGUAGE_H
#define POSSE_FILTER_LANGUAGE_H

#include "filter/tokens.h"

bool language_is_english(const struct text *t);

#endif
