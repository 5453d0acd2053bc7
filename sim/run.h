/* run: the world's time, minute by minute: who sends, what the traps get of it, and where it is written.
 *
 * The messages of a minute are drawn with the chance of that minute alone, and where machines are with the world's: so a stretch of time
 * (--from, --to) is what it is in the whole, and mail and records have the same events. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "scenario.h"

enum mail_kind { MAIL_NONE, MAIL_BOX, MAIL_DIR };
struct options {
    const char *scenario, *out, *truth;  /* out "-": standard output */
    uint64_t seed; bool has_seed;
    enum mail_kind mail;
    bool has_records, has_flows, is_check, is_quiet;
    double scale, sample;                /* factors */
    int64_t from_ms, to_ms;              /* INT64_MIN, INT64_MAX: the scenario's */
};
void run(const struct scenario *s, const struct options *o);

#endif
