/* What the parts of the dossier share. */
#ifndef POSSE_CASE_DOSSIER_PRIV_H
#define POSSE_CASE_DOSSIER_PRIV_H

#include "case/dossier.h"

struct dossier {
    struct casefile *file;
    const struct head *head;
    const struct findings *f;
    uint64_t findings_exhibit;
    const struct dossier_options *o;
    struct buf *b;
    struct arena *arena; /* lives as long as the page is written */
    struct mail_parser *parser;
    struct schedule *schedule; /* of marks */
    size_t redacted_mailboxes, redacted_places, redacted_messages, unredactable, networks_only;
    size_t of_sender; /* of the message that was read last: words taken out of what its sender calls himself */
};

/* ---- dossier_text.c ---- */
void d_str(struct dossier *d, const char *html); /* ours, as it is */
void d_fmt(struct dossier *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void d_text(struct dossier *d, struct span s); /* anybody's */
void d_fang(struct dossier *d, struct span s);
void d_number(struct dossier *d, double x);                   /* 1,234,567; 0.034 */
void d_estimate(struct dossier *d, const struct estimate *e); /* "1,200 (1,000 to 1,400)", or "not estimated" */
void d_share(struct dossier *d, const struct estimate *e);    /* "39% (37% to 41%)" */
void d_time(struct dossier *d, int64_t ms);                   /* "2011-03-16 14:45 UTC", or "not known" */
void d_section(struct dossier *d, const char *id, const char *title);
void d_cell(struct dossier *d, struct span s); /* <td>...</td> */
void d_cell_number(struct dossier *d, uint64_t n);

/* ---- the parts ---- */
int dossier_schedule(struct dossier *d, struct report *why); /* reads the messages; before anything is written */
size_t dossier_marks_claimed(const struct dossier *d, struct span *first,
                             size_t most); /* names of the marks claimed most often */
void dossier_summary(struct dossier *d);
void dossier_size(struct dossier *d);
void dossier_timeline(struct dossier *d);
void dossier_traits(struct dossier *d);
int dossier_campaigns(struct dossier *d, struct report *why);
void dossier_brands(struct dossier *d);
void dossier_money(struct dossier *d);
void dossier_hosting(struct dossier *d);
void dossier_commanders(struct dossier *d); /* controllers in a sentence of the summary, and what ties them to the case */
void dossier_after(struct dossier *d);
/* One piece more of a chart; hours become days where `step` is a day. Ascending. */
struct plot_point;
void dossier_point(struct plot_point *p, size_t *n, int64_t step, int64_t from_ms, uint64_t messages);
void dossier_doubts(struct dossier *d);
void dossier_redactions(struct dossier *d);
int dossier_exhibits(struct dossier *d, struct report *why);
void dossier_verify(struct dossier *d);
/* A sample's bytes as they may be shown; false: it cannot be (counted). */
int dossier_message(struct dossier *d, uint64_t exhibit, struct buf *out, bool *ok, struct report *why);

#endif
