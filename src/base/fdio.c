#include "base/fdio.h"

#include <errno.h>
#include <unistd.h>

enum { AT_ONCE = 1 << 30 }; /* Linux takes no more than 2 GB a call */

bool fd_write(int fd, struct span s)
{
    while (s.n) {
        errno = 0;
        ssize_t n = write(fd, s.p, s.n < AT_ONCE ? s.n : AT_ONCE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = span_sub(s, (size_t)n, s.n);
    }
    return true;
}
