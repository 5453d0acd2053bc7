/* known: destinations that are innocent until more than a rhythm speaks against them: updates, time, push, telemetry, CDNs; and the user's
 * own lists, allow and deny, which act at once, without reading logs again.
 * Data: models/known-services.tsv (pattern, what it is, source of that line; CC0). Lists: files with a pattern a line: a name, `*.name`
 * (what is below it), an address or a network; ":port" may follow a name or IPv4. What is denied beats what is allowed beats a service.
 *  Ownership: immutable.  Threads: shared.  Errors: ESYNTAX names file and line.  Cost: a hash for each label of the name and each length
 * of prefix that the lists have. */
#ifndef POSSE_FLOW_KNOWN_H
#define POSSE_FLOW_KNOWN_H

#include "base/report.h"
#include "net/ip.h"

enum known_kind { KNOWN_NOT, KNOWN_SERVICE, KNOWN_ALLOWED, KNOWN_DENIED };
struct known;
struct known_options { const char *services /* NULL: none; what ships: engine_shipped_path("known-services.tsv") */; const char *const *allow, *const *deny; size_t n_allow, n_deny; };
int known_open(const struct known_options *o, struct known **out, struct report *why);
void known_free(struct known **k);
/* name: lower case, may be empty. *what_out: "time service", a static string of k. */
enum known_kind known_find(const struct known *k, struct span name, const struct ip *a, uint16_t port, const char **what_out);

#endif
