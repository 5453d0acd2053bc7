#include "serve/mark.h"

#include <stdio.h>

size_t mark_fields(const struct gate_answer *a, unsigned level, struct mark out[MARK_FIELDS])
{
    size_t n = 0;
    if (a->action != ACTION_NONE)
        out[n++] = (struct mark){"X-Spam", "Yes"};
    out[n].name = "X-Posse";
    snprintf(out[n].value, sizeof out[n].value, "%s; level=%u", a->verdict.klass == VERDICT_SPAM ? "spam" : "ham", level);
    return n + 1;
}

bool mark_is_ours(struct span field_name)
{
    return span_ieq(field_name, SPAN_LIT("X-Spam")) || span_ieq(field_name, SPAN_LIT("X-Posse"));
}
