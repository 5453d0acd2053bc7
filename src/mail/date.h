/* date: the Date field (RFC 5322 3.3 and 4.3), read leniently.
 * Threads: reentrant.  Errors: false when no date can be made out.  Cost: one pass. */
#ifndef POSSE_MAIL_DATE_H
#define POSSE_MAIL_DATE_H

#include "base/span.h"

struct mail_date {
    int64_t unix_s;
    int zone_minutes; /* as written; 0 where it was missing */
    bool strict;      /* as the RFC has it: zone in digits, four-digit year, valid ranges */
};

bool date_read(struct span value, struct mail_date *out);

#endif
