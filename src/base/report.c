#include "base/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

int report_set(struct report *r, int code, const char *fmt, ...)
{
    if (!r)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->text, sizeof r->text, fmt, ap);
    va_end(ap);
    r->code = code;
    return code;
}

int report_errno(struct report *r, const char *what, const char *path)
{
    int saved = errno;
    char text[128];
    const char *cause = strerror_r(saved, text, sizeof text); /* the GNU one: returns the text */
    return report_set(r, posse_errno(saved), "%s: cannot %s: %s", path, what, cause);
}
