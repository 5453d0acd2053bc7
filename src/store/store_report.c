#include "store/store_report.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

const char *store_advice(int code)
{
    switch (code) {
    case POSSE_EFULL: return "free some space and run this again";
    case POSSE_ETOOBIG: return "raise the limit on file sizes (ulimit -f) and run this again";
    case POSSE_EACCES: return "check owner and mode of the folder, and that its file system is writable";
    case POSSE_EBUSY: return "wait for the other process to end and run this again";
    case POSSE_ENOENT: return "check the path";
    case POSSE_EIO: return "look at the limit on file sizes (ulimit -f) and for disk errors in the system's log";
    default: return "";
    }
}

int store_errno(struct report *why, const char *what, const char *path)
{
    int saved = errno, code = posse_errno(saved);
    char text[128];
    /* The GNU strerror_r returns the text; the POSIX one fills the buffer. */
    const char *said = strerror_r(saved, text, sizeof text);
    const char *advice = store_advice(code);
    return report_set(why, code, "%s: cannot %s: %s%s%s", path, what, said, *advice ? "; " : "", advice);
}
