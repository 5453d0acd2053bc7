/* config_priv: what the files of config share. Not for others. */
#ifndef POSSE_BASE_CONFIG_PRIV_H
#define POSSE_BASE_CONFIG_PRIV_H

#include "base/config.h"
#include "base/span.h"

struct config_value {
    int64_t i;    /* BOOL, INT, BYTES, TIME */
    double f;
    char *s;
    char **list;  /* NULL-terminated */
    size_t n;
};

struct config {
    const struct config_key *table;
    size_t n;
    struct config_value *value;
};

ptrdiff_t config_find(const struct config *c, const char *name); /* index into the table, or -1 */
/* "section.key": length of the section; 0: a key of no section. */
size_t config_section(const char *name);
bool config_begins_section(const struct config_key *table, size_t i); /* nobody before it is of its section */

/* Reads one value (of a list: one item); trouble is empty when all is well. */
void config_check(const struct config_key *k, const char *text, struct config_value *v, char trouble[256]);
bool config_has_bounds(const struct config_key *k);
void config_print_number(char out[40], enum config_type type, double x);

#endif
