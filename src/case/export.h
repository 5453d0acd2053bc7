/* export: a case's entries in the forms that others read: for analysts (STIX 2.1, MISP, CSV) and as blocklists (RPZ, rbldnsd, nftables,
 * Postfix, rspamd). Each has the reason and the day until which an entry is worth anything, and nothing that the guard refused.
 * What a file is named, and what it holds, is a function of struct export_case: two runs are the same bytes.
 * Texts in it are anybody's: JSON is escaped; zones, sets and maps take names that are names (case/guard.h) and reasons in plain
 * printable ASCII (export_plain); no cell of a CSV begins a formula.
 * Ownership: nothing is kept.  Threads: reentrant.  Errors: the buf's own.  Limits: the buf's. */
#ifndef POSSE_CASE_EXPORT_H
#define POSSE_CASE_EXPORT_H

#include "base/buf.h"
#include "case/entries.h"

struct export_case {
    struct span id, title;
    struct span org, contact;     /* who says so; contact may be empty */
    const struct findings *findings;
    struct entries entries;
    int64_t opened_ms, now_ms;    /* of the case; of the export */
};

enum export_form { EXPORT_STIX, EXPORT_MISP, EXPORT_CSV, EXPORT_RPZ, EXPORT_RBLDNSD, EXPORT_NFT, EXPORT_POSTFIX, EXPORT_RSPAMD, EXPORT_FORMS };
struct export_file { enum export_form form; const char *name; int (*write)(const struct export_case *c, struct buf *out); };
/* Every file of every form; the last has no name. */
extern const struct export_file export_files[];
/* What was left out and why, as CSV: beside whatever is exported. */
int export_left_out(const struct export_case *c, struct buf *out);

/* ---- what the writers share ---- */

enum { EXPORT_Z = 32 };
void export_z(int64_t ms, char out[EXPORT_Z]);   /* "2011-03-16T14:45:00.000Z" */
/* At most max bytes of s, all but letters, digits, blanks and .,:-_/()@+% made '_'. */
void export_plain(struct buf *b, struct span s, size_t max);
/* A cell: quoted; what a spreadsheet would take for a formula has an apostrophe before it. */
void export_cell(struct buf *b, struct span s);
/* "reason; listed by ORG in case ID, seen until DAY, good until DAY", plain, at most max bytes. */
void export_reason(struct buf *b, const struct export_case *c, const struct entry *e, size_t max);
/* Comment lines, each begun with `mark`: what this is, from when, by whom, until when. */
void export_head(struct buf *b, const struct export_case *c, const char *mark, const char *what);

int export_stix(const struct export_case *c, struct buf *out);
int export_misp(const struct export_case *c, struct buf *out);
int export_csv(const struct export_case *c, struct buf *out);
int export_rpz(const struct export_case *c, struct buf *out);
int export_rbldnsd_ip4(const struct export_case *c, struct buf *out);
int export_rbldnsd_ip6(const struct export_case *c, struct buf *out);
int export_rbldnsd_names(const struct export_case *c, struct buf *out);
int export_nft(const struct export_case *c, struct buf *out);
int export_postfix_clients(const struct export_case *c, struct buf *out);
int export_postfix_names(const struct export_case *c, struct buf *out);
int export_rspamd_ips(const struct export_case *c, struct buf *out);
int export_rspamd_names(const struct export_case *c, struct buf *out);
int export_rspamd_conf(const struct export_case *c, struct buf *out);

#endif
