#include "case/say.h"

#include <stdarg.h>
#include <stdio.h>

struct span case_say(struct arena *a, size_t most, const char *fmt, ...)
{
    char text[SAY_MOST];
    most = most < sizeof text ? most : sizeof text;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, most, fmt, ap);
    va_end(ap);
    return arena_copy(a, span_of(text, n < 0 ? 0 : (size_t)n < most ? (size_t)n : most - 1));
}

struct span case_address(struct arena *a, const struct ip *ip)
{
    char text[IP_TEXT];
    ip_text(ip, text);
    return arena_copy(a, span_str(text));
}
