/* keys: who may ask the Akismet door. A text file, mode 0600, a key a line: key, site, seconds since 1970, note, with tabs between.
 * Keys are 12 random characters [a-z0-9] (62 bits) and stored as they are, since clients send them in a host's name.
 * Writing: a new file under a lock, synced, renamed. Reading: the whole file; keys_is_stale says when it has changed.
 * Limits: KEYS_MAX keys.  Errors: POSSE_ESYNTAX with the line; a file that is missing holds no keys.
 * Threads: what is loaded is read-only.  Cost: finding looks at every key and takes the same time whether it is there or not. */
#ifndef POSSE_SERVE_KEYS_H
#define POSSE_SERVE_KEYS_H

#include "base/report.h"
#include "base/span.h"

enum { KEY_BYTES = 12, KEY_TEXT_MAX = 255, KEYS_MAX = 10000, KEY_RANDOM_BYTES = 64 };

struct key {
    char key[KEY_BYTES + 1];
    char site[KEY_TEXT_MAX + 1]; /* "" is any */
    char note[KEY_TEXT_MAX + 1];
    int64_t made_s;
};

struct keys;
int keys_load(const char *path, struct keys **out, struct report *why);
void keys_free(struct keys **k);
bool keys_is_stale(const struct keys *k); /* a stat */
size_t keys_count(const struct keys *k);
const struct key *keys_at(const struct keys *k, size_t i);
/* Case does not matter: host names have none. NULL: there is none. */
const struct key *keys_find(const struct keys *k, struct span key);

/* Makes a key of random bytes; POSSE_EINVAL for a site or note with control characters or too long. The folder is made (0700). */
int keys_add(const char *path, const char *site, const char *note, int64_t now_s, const uint8_t random[KEY_RANDOM_BYTES],
             char key_out[KEY_BYTES + 1], struct report *why);
int keys_remove(const char *path, const char *key, struct report *why); /* POSSE_ENOENT */

#endif
