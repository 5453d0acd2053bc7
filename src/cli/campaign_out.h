/* campaign_out: a campaign as a line of a table, in full, or as JSON; and its history as a plot.
 * Threads: reentrant, but for the observatory's own. */
#ifndef POSSE_CLI_CAMPAIGN_OUT_H
#define POSSE_CLI_CAMPAIGN_OUT_H

#include "cli/cli_watch.h"
#include "base/plot.h"

/* owner_width: of the column that says whose it is, the widest campaign_owner_width of the table. ADDRESSES with ~ are estimated. */
enum { CAMPAIGN_OWNER = BOTNET_NAME + 48 };
int campaign_owner_width(struct observatory *o, const struct campaign *c);
void campaign_head(struct buf *b, int owner_width);
void campaign_line(struct buf *b, struct observatory *o, const struct campaign *c, int owner_width);
void campaign_json_line(struct buf *b, struct observatory *o, const struct campaign *c); /* one object, with a line end */
/* Everything: sources, hours, versions, templates, links, files, marks, whose it is and why. */
int campaign_full(struct buf *b, struct observatory *o, const struct campaign *c, struct report *why);
int campaign_full_json(struct buf *b, struct observatory *o, const struct campaign *c, struct report *why);

/* Messages by the hour, or by longer pieces where there are many. The points are the caller's to free. */
bool campaign_plot(const struct campaign *c, struct plot_point **points_out, struct plot_series *series_out, struct plot *out);

#endif
