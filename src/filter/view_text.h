/* view_text: words and word pairs of the folded text; general, part of what ships. Private to filter/. */
#ifndef POSSE_FILTER_VIEW_TEXT_H
#define POSSE_FILTER_VIEW_TEXT_H

#include "filter/sink.h"
#include "filter/tokens.h"

void subject_emit(struct sink *s, const struct text *t);
void words_emit(struct sink *s, const struct text *t);
/* Orthogonal sparse bigrams (Siefkes, Assis, Chhabra & Yerazunis 2004): a word and one of the three before it. */
void pairs_emit(struct sink *s, const struct text *t);

#endif
