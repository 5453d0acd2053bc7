/* rules_priv: what the files of rules share. Not for others.
 *   rules_parse.c   text to rules      rules_value.c  the values of lists
 *   rules_compile.c expressions to databases    rules_cache.c  and those to files
 *   rules_match.c   a message against all of it */
#ifndef POSSE_FILTER_RULES_PRIV_H
#define POSSE_FILTER_RULES_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs/hs.h>
#include <pcre2.h>

#include "filter/rules.h"

enum {
    RULES_FILE_MAX = 16 << 20, RULES_DEPTH_MAX = 8, RULES_FILES_MAX = 256, RULES_MAX = 100000,
    RULES_EXPR_MAX = 4096, RULES_MEMORY_MAX = 1 << 29, RULES_REASON_MAX = 200, RULES_NAMES_MAX = 4096
};

/* Texts that expressions look at; a database each. */
enum rules_text { TEXT_SUBJECT, TEXT_BODY, TEXT_HEADER, TEXT_RAW, TEXT_URL, TEXT_FILENAME, TEXT_N };
/* What lists look at. */
enum rules_list { LIST_FROM, LIST_ENVELOPE_FROM, LIST_TO, LIST_DOMAIN, LIST_NETWORK, LIST_URL, LIST_HEADER, LIST_N };

enum { EXPR_CASELESS = 1, EXPR_DOTALL = 2, EXPR_MULTILINE = 4, EXPR_UCP = 8 };

struct rule {
    double bits;
    const char *reason, *file;
    uint32_t line;
    bool is_list, is_allow;
};

struct rules_expr {
    struct span text;     /* NUL-terminated */
    const char *file;
    uint32_t line, column; /* of its first byte, in bytes from 1 */
    uint32_t rule;
    uint16_t name;        /* TEXT_HEADER: index into rules.name */
    uint8_t target, flags;
    bool is_slow;
    pcre2_code *code;     /* of the slow ones */
};

/* One value of a list. The key's first byte is the list, its second the form ('a'ddress, 'd'omain, 's'ubdomains
 * too, 'n'etwork, 'h'eader), and then the bytes that must be equal. */
struct rules_value { uint64_t hash; struct span key; uint32_t rule; };

struct rules_anomaly { uint32_t rule; uint8_t bit; };

struct rules {
    struct arena *mem; /* all strings and arrays */
    struct rule *rule;
    struct rules_expr *expr;
    struct rules_value *value;
    struct rules_anomaly *anomaly;
    struct span *name; /* header names in use, lower case */
    size_t n_rules, cap_rules, n_exprs, cap_exprs, n_values, cap_values, n_anomalies, cap_anomalies, n_names, cap_names;
    uint32_t *table;   /* open addressing: 1 + index into value; a power of two, at most half full */
    size_t table_mask;
    bool has_list[LIST_N], has_prefix[129], has_slow[TEXT_N], has_text[TEXT_N];
    hs_database_t *db[TEXT_N];
};

/* One more element of an array that grows in r->mem; NULL: out of memory. */
void *rules_grow(struct rules *r, void **array, size_t *n, size_t *cap, size_t size);
#define RULES_ADD(r, array, n, cap) rules_grow(r, (void **)&(r)->array, &(r)->n, &(r)->cap, sizeof *(r)->array)

/* Where the parser stands. */
struct rules_cursor {
    struct rules *r;
    const struct rules_options *o;
    struct report *why;
    struct span in;
    size_t pos, line_start;
    uint32_t line;
    const char *name; /* of the file */
    unsigned depth;
    unsigned *n_files; /* NULL: from memory */
};
/* POSSE_ESYNTAX for byte `at` of the current line. */
int rules_error(const struct rules_cursor *c, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int rules_parse_text(struct rules_cursor *c);
/* Reads the file into c->in and parses it. c is fresh but for r, o, why, depth, n_files. */
int rules_parse_file(struct rules_cursor *c, const char *path);

/* Adds one VALUE (as written, at byte `at`) of a list rule. name: of LIST_HEADER. */
int rules_add_value(struct rules_cursor *c, size_t at, enum rules_list list, uint16_t name, uint32_t rule, struct span value);
int rules_build_table(struct rules *r);
/* Lower case, A-labels, no final dot, into out; 0: not a domain. */
enum { DOMAIN_MAX = 255 };
size_t rules_domain(struct span s, char out[DOMAIN_MAX + 1]);
/* 16 bytes, IPv4 mapped; false: no address. */
bool rules_address(struct span s, uint8_t out[16]);
void rules_mask(uint8_t addr[16], unsigned bits);

/* Is it an expression, and can it not match nothing? Errors name its place. */
int rules_check_expr(const struct rules_cursor *c, const struct rules_expr *e);
int rules_compile(struct rules *r, const char *cache_dir, struct report *why);
pcre2_code *rules_pcre(const struct rules_expr *e, int *err, size_t *offset);

/* The cache: true when all databases came from it (and is_slow is set). Failing to write is no error. */
bool rules_cache_read(struct rules *r, const char *dir);
void rules_cache_write(const struct rules *r, const char *dir);

#endif
