#include "flow/log_line.h"

#include <stdio.h>

/* At most 40 bytes of it, what is not printable as dots: it goes to somebody's terminal. */
static void shown(struct span s, char out[48])
{
    size_t n = s.n < 40 ? s.n : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '.');
    memcpy(out + n, s.n > 40 ? "..." : "", s.n > 40 ? 4 : 1);
}

enum log_line log_broken(struct log_why *why, const char *what, struct span field, struct span value)
{
    char name[48], text[48];
    if (!why)
        return LOG_BROKEN;
    shown(field, name);
    shown(value, text);
    if (field.p && value.p)
        snprintf(why->text, sizeof why->text, "%s %s: \"%s\"", name, what, text);
    else if (field.p)
        snprintf(why->text, sizeof why->text, "%s %s", name, what);
    else
        snprintf(why->text, sizeof why->text, "%s", what);
    return LOG_BROKEN;
}
