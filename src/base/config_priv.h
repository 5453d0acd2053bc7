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

/* What a section with a title says: the keys that stand there, no others. */
struct config_said { size_t key; struct config_value value; };
struct config_row { char *title; struct config_said *said; size_t n; };

/* All sections of one name that have titles. */
struct config_group {
    size_t first;             /* index of the first key of theirs */
    size_t n;
    struct config_row *row;   /* in the order of the file */
    const char **title;       /* of each row */
    size_t *sorted;           /* rows by title, to find one among ten thousand */
};

struct config {
    const struct config_key *table;
    size_t n;
    struct config_value *value; /* of each key; of sections with titles: the preset */
    struct config_group *group;
    size_t n_group;
};

enum { CONFIG_TITLE_MAX = 255 };

ptrdiff_t config_find(const struct config *c, const char *name); /* index into the table, or -1 */
/* "section.key": length of the section; 0: a key of no section. */
size_t config_section(const char *name);
bool config_begins_section(const struct config_key *table, size_t i); /* nobody before it is of its section */
bool config_same_section(const char *a, const char *b);
bool config_has_titles(const char *name); /* "policy[].tag" */
/* "policy[example.org].tag": where "].tag" begins; NULL: no title stands there. */
const char *config_title_end(const char *name);
/* The same as config_find, with a title in the name: *title_out is the caller's, NULL when there is none. -1: no such key,
 * -2: out of memory. */
ptrdiff_t config_find_titled(const struct config *c, const char *name, char **title_out);

int config_groups_new(struct config *c, struct report *why);
void config_groups_free(struct config *c);
const struct config_group *config_group_of(const struct config *c, size_t key);
int config_add_title(struct config *c, size_t key, const char *title);
/* Where the value of key is to be kept for that title, both made when they are not there. NULL: out of memory. */
struct config_value *config_at(struct config *c, size_t key, const char *title);

/* Replaces *into by texts. k's name and `where` are what a report says. */
int config_keep(const struct config_key *k, struct config_value *into, const char *const *texts, size_t n, const char *where,
                struct report *why);
/* The same from one text: a list on the command line or as a preset has commas between its items. */
int config_keep_text(const struct config_key *k, struct config_value *into, const char *text, const char *where,
                     struct report *why);
void config_value_free(struct config_value *v);

/* Reads one value (of a list: one item); trouble is empty when all is well. */
void config_check(const struct config_key *k, const char *text, struct config_value *v, char trouble[512]);
bool config_has_bounds(const struct config_key *k);
void config_print_number(char out[40], enum config_type type, double x);

#endif
