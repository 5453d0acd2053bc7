/* comment_site: an engine for each site that has taught something, and one untaught engine for all others.
 *
 * A site is a key and a blog: what one site teaches moves no other's verdicts, nor those of the same blog under another key.
 * On disk: FOLDER/KEY/SITE/lessons.db, the names hashed, and beside it `blog` with the site's address; `posse lessons`, `unlearn` and
 * `forget` work there with --home. A model is folded from its lessons whenever it is opened, and written to disk only beyond
 * COMMENT_SAVE_LESSONS of them.
 * Limits: in_memory engines at a time (32 MB each at most); the one longest unused is closed when another is wanted, unless it is in use.
 * sites_per_key folders a key (POSSE_ELIMIT).
 * Ownership: a held site lives until it is dropped. Threads: any. Opening waits for the disk: the first question to a taught site does. */
#ifndef POSSE_SERVE_COMMENT_SITE_H
#define POSSE_SERVE_COMMENT_SITE_H

#include "engine/engine.h"

enum { COMMENT_SAVE_LESSONS = 20000, COMMENT_BLOG_MAX = 200 };

struct comment_sites;
struct comment_site;
struct comment_sites_options {
    const char *folder, *model;
    size_t in_memory, sites_per_key;
};
int comment_sites_open(const struct comment_sites_options *o, struct comment_sites **out, struct report *why);
void comment_sites_limits(struct comment_sites *s, size_t in_memory, size_t sites_per_key);
void comment_sites_close(struct comment_sites **s); /* nothing is held any more */

/* blog: as akismet_blog has it. to_teach: make it when it is not there; else an untaught site is the shared one. */
int comment_site_hold(struct comment_sites *s, struct span key, struct span blog, bool to_teach, int64_t now_ms,
                      struct comment_site **out, struct report *why);
void comment_site_drop(struct comment_sites *s, struct comment_site **site);
struct engine *comment_site_engine(struct comment_site *site);
bool comment_site_is_shared(const struct comment_site *site);
size_t comment_sites_open_n(struct comment_sites *s); /* how many engines are open, for tests and numbers */

#endif
