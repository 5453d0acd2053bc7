/* log_zeek: one line of a Zeek log, TSV or JSON, to a record: conn, dns, http, ssl, smtp and their open_*.
 * TSV: the lines that begin with # say what the columns are; a log may change them in its middle (files put together), columns come in
 * any order, unknown ones are passed over. JSON: what a line is follows from "_path", else from the names in it.
 * Ownership: texts point into the line, which is changed (escapes are undone in place).  Threads: one owner.
 * Limits: ZEEK_COLUMNS columns are looked at; FLOW_ANSWERS_MAX answers kept.
 * Errors: enum log_line.  Follows: https://docs.zeek.org/en/master/logs/index.html (fields, conn_state).
 * Cost: see bench/flows/results.tsv. */
#ifndef POSSE_FLOW_LOG_ZEEK_H
#define POSSE_FLOW_LOG_ZEEK_H

#include "flow/log_line.h"

enum { ZEEK_COLUMNS = 128 };
struct zeek {
    uint8_t separator, set_separator;
    bool is_named_open, is_open, is_of_use, has_fields; /* the file, the path of open_*; a log that is read here; #fields was seen */
    enum flow_kind kind;
    size_t n_columns, last;   /* as #fields says; behind the last that is of use */
    char unset[16], empty[16];
    size_t unset_n, empty_n;
    uint8_t column[ZEEK_COLUMNS]; /* enum zeek_key */
};

/* name_is_open: the file's name begins with open_, which JSON has nowhere else. */
void zeek_init(struct zeek *z, bool name_is_open);
enum log_line zeek_tsv(struct zeek *z, uint8_t *line, size_t n, struct flow *out, struct log_why *why);
enum log_line zeek_json(struct zeek *z, uint8_t *line, size_t n, struct flow *out, struct log_why *why);
/* How far a connection of these bytes and packets came, in Zeek's letters ("S0", "SF"). */
uint8_t zeek_state(struct span conn_state, const struct flow *f);

#endif
