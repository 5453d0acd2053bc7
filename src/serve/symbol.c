#include "serve/symbol.h"

#include <stdio.h>

static const struct { const char *name, *text; bool many; } kinds[REASON_KINDS] = {
    [REASON_RULE] = {"POSSE_RULE", "a rule or list of the operator", true},
    [REASON_WORDS] = {"POSSE_WORDS", "words in subject or text", true},
    [REASON_FORM] = {"POSSE_FORM", "a sign in sender, form, parts or links", true},
    [REASON_HEADER] = {"POSSE_HEADER", "a header field or part, byte for byte", true},
    [REASON_RULES_LEFT] = {"POSSE_OTHER_RULES", "all other rules", false},
    [REASON_WORDS_LEFT] = {"POSSE_OTHER_WORDS", "all other words", false},
    [REASON_FORM_LEFT] = {"POSSE_OTHER_FORM", "all other signs", false},
    [REASON_HEADER_LEFT] = {"POSSE_OTHER_HEADERS", "all other header fields", false},
    [REASON_REST] = {"POSSE_PRIOR", "prior odds and calibration", false},
    [REASON_CAMPAIGN] = {"POSSE_CAMPAIGN", "others alike were seen lately, from many machines", false},
};

const char *symbol_kind(size_t i, const char **text_out)
{
    if (i >= REASON_KINDS)
        return NULL;
    *text_out = kinds[i].text;
    return kinds[i].name;
}

void symbol_names(const struct verdict *v, char out[REASONS_MAX][SYMBOL_NAME])
{
    unsigned seen[REASON_KINDS] = {0};
    for (size_t i = 0; i < v->n_reasons; i++) {
        enum reason_kind k = v->reason[i].kind;
        if (kinds[k].many)
            snprintf(out[i], SYMBOL_NAME, "%s_%u", kinds[k].name, ++seen[k]);
        else
            snprintf(out[i], SYMBOL_NAME, "%s", kinds[k].name);
    }
}
