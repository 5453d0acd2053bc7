/* scn_priv: what the readers of a scenario's blocks share.  A keyword's reader takes the line after its keyword. */
#ifndef SIM_SCN_PRIV_H
#define SIM_SCN_PRIV_H

#include "scn_line.h"

struct keyword { const char *name; void (*read)(struct line *l, struct scenario *s, void *block); };

extern const struct keyword network_keywords[], trap_keywords[], mailer_keywords[], form_keywords[], family_keywords[], campus_keywords[],
    service_keywords[], gang_keywords[];

uint32_t find_texts(const struct scenario *s, const char *name);
uint32_t find_curve(const struct scenario *s, const char *name);
uint32_t find_network(const struct scenario *s, const char *name);
uint32_t find_mailer(const struct scenario *s, const char *name);
uint32_t find_form(const struct scenario *s, const char *name);
uint32_t find_family(const struct scenario *s, const char *name);
uint32_t find_campus(const struct scenario *s, const char *name);
uint32_t find_service(const struct scenario *s, const char *name);
uint32_t find_gang(const struct scenario *s, const char *name);
uint32_t find_country(const struct scenario *s, const char *name);
/* A whole word that must be one of a few; its place among them. */
unsigned line_one_of(struct line *l, const char *what, const char *const *names);

/* missing 2% future 1% 30d..400d old 3% 1d..9d */
void odd_dates_read(struct line *l, struct odd_dates *d);
void family_defaults(struct family *f);
void family_check(const struct scenario *s, const struct family *f);
void flows_check(const struct scenario *s);
void texts_read(struct texts *t, const char *path, struct place at);

#endif
