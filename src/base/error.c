#include "base/error.h"

#include <errno.h>

static const char *const texts[] = {
    [0] = "no error",
    [-POSSE_ENOMEM] = "out of memory",
    [-POSSE_ELIMIT] = "a configured limit was reached",
    [-POSSE_EIO] = "input or output failed",
    [-POSSE_ENOENT] = "no such thing",
    [-POSSE_EACCES] = "permission denied",
    [-POSSE_EFULL] = "no space left on the device",
    [-POSSE_ECORRUPT] = "stored data is damaged",
    [-POSSE_EVERSION] = "written by another version",
    [-POSSE_EBUSY] = "in use by another process",
    [-POSSE_EINVAL] = "invalid argument",
    [-POSSE_ESYNTAX] = "syntax error",
    [-POSSE_ETOOBIG] = "too big",
    [-POSSE_ENOTFILE] = "not a regular file",
    [-POSSE_EEXIST] = "exists already",
};

const char *posse_strerror(int code)
{
    if (code > 0 || code < POSSE_ERR_LAST)
        return "unknown error";
    return texts[-code];
}

int posse_errno(int errnum)
{
    switch (errnum) {
    case 0: return POSSE_OK;
    case ENOMEM: return POSSE_ENOMEM;
    case ENOENT: case ENOTDIR: return POSSE_ENOENT;
    case EACCES: case EPERM: case EROFS: return POSSE_EACCES;
    case ENOSPC: case EDQUOT: return POSSE_EFULL;
    case EEXIST: return POSSE_EEXIST;
    case EISDIR: return POSSE_ENOTFILE;
    case EFBIG: return POSSE_ETOOBIG;
    case EBUSY: case EAGAIN: return POSSE_EBUSY;
    default: return POSSE_EIO;
    }
}
