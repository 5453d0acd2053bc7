/* Stands in for history and quarantine until they are there; goes away with that. */
#include "base/error.h"
#include "store/events.h"
#include "store/quarantine.h"

static int absent(struct report *why) { return report_set(why, POSSE_ENOENT, "this build keeps no history and no quarantine"); }
int events_open(const char *path, struct events **out, struct report *why) { (void)path; *out = NULL; return absent(why); }
void events_close(struct events **e) { *e = NULL; }
int events_begin(struct events *e, struct report *why) { (void)e; return absent(why); }
int events_append(struct events *e, const struct event *in, struct report *why) { (void)e; (void)in; return absent(why); }
int events_commit(struct events *e, struct report *why) { (void)e; return absent(why); }
int events_each(struct events *e, const struct event_filter *f, int (*fn)(void *ctx, const struct event *), void *ctx, struct report *why)
{
    (void)e; (void)f; (void)fn; (void)ctx;
    return absent(why);
}
int events_mark_taught(struct events *e, struct span id, bool is_spam, struct report *why) { (void)e; (void)id; (void)is_spam; return absent(why); }
int events_prune(struct events *e, int64_t b, int64_t f, uint64_t m, bool *more_out, struct report *why)
{
    (void)e; (void)b; (void)f; (void)m;
    *more_out = false;
    return absent(why);
}
int quarantine_open(const char *folder, struct quarantine **out, struct report *why) { (void)folder; *out = NULL; return absent(why); }
void quarantine_close(struct quarantine **q) { *q = NULL; }
int quarantine_put(struct quarantine *q, const struct quarantine_item *in, struct span raw, uint64_t *id_out, struct report *why)
{
    (void)q; (void)in; (void)raw; (void)id_out;
    return absent(why);
}
int quarantine_was_released(struct quarantine *q, const uint8_t d[32], bool *out, struct report *why) { (void)q; (void)d; (void)out; return absent(why); }
int quarantine_expire(struct quarantine *q, int64_t b, uint64_t m, uint64_t *n_out, struct report *why)
{
    (void)q; (void)b; (void)m; (void)n_out;
    return absent(why);
}
