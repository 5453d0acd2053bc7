/* inputs: where each PATH was left off: how far an mbox was read, which files were. So a second run of `posse observe` over a trap's
 * mail goes on where the first stopped, also after it was killed: what was counted and not saved is read again.
 * An mbox is known by its path and its first bytes: one that was replaced is read from its beginning. A file of a Maildir is known by its
 * name without flags, wherever in the Maildir it stands. Of a folder that was read to its end names that are gone are forgotten.
 * Kept as marks of the observatory (engine/observe.h): "mbox PATH", "folder PATH", "files".
 * Threads: inputs_resume's functions on the thread that asks for tickets, the others on the one that counts.
 * Errors: ENOMEM: what it then forgets is read twice.  Cost: a search in sorted hashes a file. */
#ifndef POSSE_CLI_INPUTS_H
#define POSSE_CLI_INPUTS_H

#include "cli/source.h"
#include "engine/observe.h"

struct inputs;
/* paths: of the command line, as the source gets them; must outlive it. NULL: out of memory. */
struct inputs *inputs_new(struct observatory *o, const char *const *paths, size_t n);
void inputs_free(struct inputs **i);
const struct source_resume *inputs_resume(const struct inputs *i);
/* The ticket's message was counted, or cannot be read. */
void inputs_done(struct inputs *i, const struct ticket *t);
/* Everything that was named was counted. */
void inputs_all_done(struct inputs *i);
/* Tells the observatory, before it saves. */
int inputs_save(struct inputs *i);

#endif
