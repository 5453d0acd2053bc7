/* world: what bench_world's files share: what was read, and what was said of it.
 * Threads: one.  Trouble: die() says what, and ends with status 2. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/observe.h"

enum { FAMILIES = 64, NAME = 40, GANGS = 4096 };
enum kind { SPAM, BULK, HAM };

struct seen_one { int64_t time_ms; uint64_t source; uint32_t group, truth, gang; uint16_t version; uint8_t family, kind, sketch, is_matched; };
struct kept_text { struct span subject, text; uint8_t kind; };
struct had { uint64_t campaign; uint32_t version, texts; const char *refused; struct template *t; }; /* a template that there was */
struct truth_name { char text[NAME]; };
/* What was said of an hour's shares while the stream passed. */
enum when { AT_ONCE, A_DAY_LATER, WHENS };
struct hour_said { uint32_t hour, botnet; enum when when; float mid[SHARE_N], lo[SHARE_N], hi[SHARE_N]; };
struct day_said { uint32_t hour, botnet; double live, lo, hi; bool is_doubted; }; /* of the 24 hours before */
struct bench {
    const char *name, *folder, *truth;
    struct observatory *o;
    struct truth_name family[FAMILIES]; unsigned n_families;
    uint8_t family_kind[FAMILIES];
    struct truth_name *campaign; unsigned n_campaigns, cap_campaigns;
    struct seen_one *e; size_t n, cap;
    uint32_t *into; size_t cap_into;     /* absorbed groups */
    struct hour_said *hour; size_t n_hours, cap_hours;
    struct day_said *day; size_t n_days, cap_days;
    int64_t hour_now, first_hour, day_asked;
    uint8_t owner[GANGS];                /* of which family most of a botnet's settled messages are; FAMILIES: it has none */
    uint64_t ham_taught;
    struct ham *ham;                     /* the same that the observatory was taught */
    struct kept_text *text; size_t n_text, cap_text; /* of what was not taught and is no spam */
    struct had *had; size_t n_had, cap_had;
    uint64_t asking;
    unsigned keep, teach, detail, days;
};

_Noreturn void die(const char *what, const char *which);
void row(const struct bench *b, const char *what, const char *whom, double value);
unsigned name_at(struct truth_name *list, unsigned *n, unsigned max, const char *name);
FILE *open_truth(const struct bench *b, const char *file);
uint32_t now_group(const struct bench *b, uint32_t g);
uint32_t gang_now(const struct bench *b, uint32_t number); /* 0: nobody, or no such botnet any more */

/* world_said.c */
void say_campaigns(const struct bench *b);
void say_detail(const struct bench *b);
void say_attribution(struct bench *b); /* makes b->owner */
void say_magnified(const struct bench *b);

/* world_templates.c */
void keep_text(struct bench *b, const struct sighting *s, enum kind kind); /* to be held against every signature at the end */
void note_templates(struct bench *b); /* those that there are now */
void say_templates(struct bench *b);

/* world_counts.c: shares, censuses and changes beside the truth's hours */
void pass_hours(struct bench *b, int64_t now_ms); /* the stream came so far; INT64_MAX: it ended */
void say_shares(struct bench *b);
void say_census(struct bench *b);
void say_changes(struct bench *b);

#endif
