/* campaign: what a family sends at a time, and the versions of its templates.
 *
 * A campaign draws a mailer, a language, a form, paragraphs, a link, hosts, a sender and a picture; an update draws part of that anew and
 * makes the next version. A campaign that was split on purpose has several variants in use side by side: other texts, the same links.
 * All of it depends on the seed, the family and the number of campaign and version only: the same whatever part of the time is written.
 * Ownership: campaigns own their versions.  Threads: one. */
#ifndef SIM_CAMPAIGN_H
#define SIM_CAMPAIGN_H

#include "macro.h"

enum { SUBJECTS_MAX = 4 };
struct version {
    const struct texts *texts;
    char *paragraph[10];
    unsigned n_paragraphs;
    struct program subject[SUBJECTS_MAX], text, html, link, sender_name, sender_addr, file_name;
    unsigned n_subjects;
    struct buf image;                    /* the picture, before encoding; noisy ones change a few bytes of it */
    uint32_t size_mean;                  /* of records */
    uint64_t key;
};
struct campaign {
    uint32_t family, k, number, mailer, form;
    unsigned version;                    /* 1 and up */
    double weight;
    int64_t from_ms, to_ms, update_ms;
    size_t next_update;                  /* among those that have a date */
    struct version *variant; unsigned n_variants;
    char **host; unsigned n_hosts;
    int64_t host_ms;                     /* when the next host changes */
    unsigned hosts_drawn;
    int64_t first_seen_ms, last_seen_ms; /* of this version at the traps */
    uint64_t messages;
};

struct campaigns {
    const struct scenario *s;
    uint64_t seed;
    LIST(struct campaign *) live;        /* of all families, in order of founding */
    LIST(uint32_t) *of;                  /* each family's, as places in live */
    double *weight;                      /* sum of each family's */
    uint32_t *founded;
    uint32_t n_founded;
    int64_t next_ms;                     /* nothing changes before */
    /* Hears of each version before it ends, and of each update. */
    void (*ended)(void *ctx, const struct campaign *);
    void (*updated)(void *ctx, const struct campaign *, int64_t ms);
    void *ctx;
};
void campaigns_begin(struct campaigns *c, const struct scenario *s, uint64_t seed);
/* Up to ms: founds, updates, ends. */
void campaigns_until(struct campaigns *c, int64_t ms);
void campaigns_end(struct campaigns *c);
struct campaign *campaigns_pick(const struct campaigns *c, uint32_t family, struct rng *r);

/* Ham: every letter is written anew, with the chance of `r`. */
void letter_draw(const struct campaigns *c, uint32_t family, struct rng *r, struct campaign *letter);
struct campaign *letter_new(uint32_t family);

#endif
