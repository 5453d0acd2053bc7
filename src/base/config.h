/* config: one table of keys per program; the manual page, `posse config --dump`, defaults, bounds and error messages
 * all come from it. Files are read with libconfuse; a key with a section is written `section { key = value }`,
 * its name here "section.key".
 * Ownership: struct config owns its strings until config_free.
 * Errors: POSSE_ESYNTAX with file and line; a value out of bounds says the bounds; an unknown key says the nearest known one.
 * Threads: read-only after loading. */
#ifndef POSSE_BASE_CONFIG_H
#define POSSE_BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/report.h"

enum config_type { CONFIG_BOOL, CONFIG_INT, CONFIG_FLOAT, CONFIG_STRING, CONFIG_LIST /* of strings */, CONFIG_BYTES /* 64K, 8M, 1G */, CONFIG_TIME /* 30s, 5m, 2h, 7d; kept in seconds */ };

struct config_key {
    const char *name;       /* "filter.ham_loss"; "policy[].tag" stands in sections that have titles: policy "NAME" { tag = ... } */
    enum config_type type;
    const char *unit;       /* "bits", "bytes", "s", "": none */
    const char *preset;     /* default, as it would be written */
    double least, most;     /* numbers only; both 0: unbounded */
    const char *help;       /* a full sentence */
};

struct config;
/* table ends with a key whose name is NULL and must outlive the config. */
int config_new(const struct config_key *table, struct config **out, struct report *why);
void config_free(struct config **c);
int config_load(struct config *c, const char *path, struct report *why);
/* As from the command line; in sections with titles: "policy[example.org].tag", "policy[].tag" for "default". */
int config_set(struct config *c, const char *name, const char *value, struct report *why);

/* Asking for a key that is not in the table, or of another type, is a bug and aborts. */
bool config_bool(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name);   /* INT, BYTES, TIME */
double config_float(const struct config *c, const char *name);
const char *config_string(const struct config *c, const char *name);
size_t config_list(const struct config *c, const char *name, const char *const **out);

/* Titles of the sections `section` ("policy") in the order of the file; and a value of one of them: what it says, else what
 * the section "default" says, else the preset. has: the section itself says it. The name is the table's, "policy[].tag". */
size_t config_titles(const struct config *c, const char *section, const char *const **out);
bool config_title_has(const struct config *c, const char *name, const char *title);
bool config_bool_of(const struct config *c, const char *name, const char *title);
int64_t config_int_of(const struct config *c, const char *name, const char *title);
double config_float_of(const struct config *c, const char *name, const char *title);
const char *config_string_of(const struct config *c, const char *name, const char *title);
size_t config_list_of(const struct config *c, const char *name, const char *title, const char *const **out);

/* A file that config_load reads back to the same values, with the help as comments. */
void config_dump(const struct config *c, FILE *to);
/* The keys as mdoc (.It Cm ...) for the manual page. */
void config_mdoc(const struct config_key *table, FILE *to);

#endif
