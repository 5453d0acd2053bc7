/* scn_line: one line of a scenario as words, and the words as values: numbers, shares, times, lengths of time, weights.
 * Ownership: a line is good until the next one.  Errors: end the program and name file, line and what was expected. */
#ifndef SIM_SCN_LINE_H
#define SIM_SCN_LINE_H

#include "scenario.h"

struct line {
    struct place at;
    const char *p, *end;     /* what is left of it */
    bool is_indented;
};

/* The next word as a text of its own; NULL: no more. */
char *line_word(struct line *l);
char *line_want(struct line *l, const char *what);
void line_end(struct line *l);                       /* dies where something is left */
bool line_more(struct line *l);
/* The rest as text, \n, \t and \\ resolved. */
struct raw line_rest(struct line *l);

double line_number(struct line *l, const char *what); /* 12, 1.3M, 44e9, 10% */
unsigned line_count(struct line *l, const char *what, unsigned least, unsigned most);
double line_share(struct line *l, const char *what);  /* 0 to 1: 0.2 or 20% */
int64_t line_time(struct line *l);
int64_t line_length(struct line *l);                  /* 90s, 10m, 6h, 5d */
struct span_ms line_lengths(struct line *l);          /* 3h..6h, or one */
struct span_ms line_counts(struct line *l);           /* 3..9, or one */
double line_rate(struct line *l);                     /* 192/min, to messages a minute */
/* "2011-01-10 VALUE" or "VALUE": whether a time stands first. */
bool line_has_time(struct line *l);
/* "key:weight ..." to the end of the line; key by `find` (UINT32_MAX: no such), or a number where find is NULL. */
void line_weights(struct line *l, const char *what, uint32_t (*find)(const struct scenario *, const char *), const struct scenario *s,
                  weights *out);

bool time_parse(const char *s, int64_t *out);         /* 2011-03-16, 2011-03-16T14:45, with :SS and Z if one likes */
int64_t days_from_civil(int64_t y, unsigned m, unsigned d);

#endif
