/* share_priv: an hour of shares, as the files of share see it. */
#ifndef POSSE_BOTNET_SHARE_PRIV_H
#define POSSE_BOTNET_SHARE_PRIV_H

#include "botnet/share.h"

enum {
    WEIGHTS = 3,            /* messages, envelopes, bytes */
    GROUPS = 16,            /* of sources */
    PIECES = 12,            /* of an hour */
    SIGNS = 32,             /* counters of the sketch of doubt */
    SAMPLE_OPEN = 1 << 15,  /* addresses of an open hour */
    SAMPLE_KEPT = 1 << 12,  /* and of one that is kept */
    HOURS_OPEN = 2,
    TAGS = 4,               /* campaigns of an address that are noted */
    CREDITS_MOST = 1 << 12, /* campaigns by botnet of an hour that are noted */
    SHARES_HOURS_LEAST = 2, SHARES_HOURS_MOST = 24 * 366
};
#define HOUR_MS ((int64_t)3600000)

struct cells { double of[WEIGHTS][GROUPS][PIECES]; };

/* What one botnet did in one hour. While the hour is open `cells` has the table; then `variance` is what came of it. */
struct row {
    uint32_t botnet;
    double sum[WEIGHTS];       /* by probability */
    double square[WEIGHTS];    /* sum of squared weights: the variance if each message were by itself */
    double variance[WEIGHTS];
    double spread[WEIGHTS];    /* variance squared over its degrees of freedom: how well the variance is known */
    double addresses, addresses_variance;
    double once, other;        /* of addresses in the sample: seen in one piece; in an odd number of pieces less in an even one */
    double doubt_alone;        /* p(1-p)w^2 of what has no campaign; messages */
    double doubt[SIGNS];       /* sketch of the campaigns' sqrt(p(1-p))w (Alon, Matias, Szegedy, STOC 1996); messages */
    struct cells *cells;       /* NULL: closed */
};

/* One address of one botnet. `pieces`: in which of the hour it was seen. */
enum { SEEN_MORE = 1 /* it sent for more campaigns than are noted */, SEEN_GONE = 2 /* within share_credit.c */ };
struct seen { uint64_t hash; uint32_t botnet; uint16_t pieces; uint8_t probability /* of 255 */, flags; uint16_t tag[TAGS]; /* 0 ends them */ };

/* What one campaign had of one botnet in one hour: as it came, by probability; squares as they came, over alike messages. */
struct credit { uint64_t campaign; uint32_t botnet; float doubt; double raw[WEIGHTS], sum[WEIGHTS]; float square[WEIGHTS]; };
struct ledger { struct credit *of; size_t n, cap; }; /* a table; campaign 0: empty */

struct hour {
    int64_t number;            /* since 1970 */
    bool is_open;
    struct row *row;
    size_t n_rows, cap_rows;
    uint16_t *index;           /* of rows by botnet, open addressing; 0: none, else row + 1 */
    size_t index_mask;
    struct seen *seen;         /* open: a table by hash, botnet; closed: sorted */
    size_t n_seen, cap_seen;   /* open: a power of two */
    uint64_t limit;            /* hashes up to here are in the sample */
    struct ledger ledger;      /* of the latest hours only */
};

struct shares {
    struct hour *hour;         /* oldest first */
    size_t n_hours, cap_hours, max_hours;
    size_t last;               /* the hour that was used last */
    uint64_t late;
};

/* An hour's sample stands for so many times as many. */
static inline double sample_scale(uint64_t limit) { return 18446744073709551616.0 / ((double)limit + 1); }

int hour_open(struct hour *h, int64_t number);
void hour_free(struct hour *h);
/* The row of a botnet, made if it is not there; NULL: no memory. */
struct row *hour_row(struct hour *h, uint32_t botnet);
struct row *hour_find(const struct hour *h, uint32_t botnet);
int hour_index(struct hour *h); /* after rows were put there by hand */
int hour_see(struct hour *h, const struct seen *s);
/* The same without counting it: it was counted as another's. */
int hour_put(struct hour *h, const struct seen *s);
int hour_remake(struct hour *h); /* an open hour's table, after some were taken out by hand */
int hour_close(struct hour *h);
/* Addresses and their variance, from a sample, into the rows that are there: Good and Toulmin's (Biometrika 1956) number of addresses that
 * another sample would have and this one lacks, which is the variance of a count of distinct things. */
void hour_tally(struct hour *into, const struct seen *s, size_t n, uint64_t limit);
int hour_move(struct hour *h, uint32_t from, uint32_t to);
/* The variance of a row's sum, of what another sample of the same hour would have had, and its `spread`. */
double row_variance(const struct row *r, unsigned weight, double *spread_out);
int seen_compare(const void *a, const void *b);
/* Entries of one address and botnet become one; n sorted entries; returns how many are left. */
size_t seen_unite(struct seen *s, size_t n);

/* ---- share_credit.c ---- */
uint16_t credit_tag(uint64_t campaign); /* never 0; 0 (none) has one that is nobody's */
void tags_add(struct seen *s, uint16_t tag);
void tags_join(struct seen *to, const struct seen *from);
int credit_add(struct ledger *l, uint64_t campaign, uint32_t botnet, const double weight[WEIGHTS], double p, double n);
struct credit *credit_put(struct ledger *l, uint64_t campaign, uint32_t botnet); /* made if it is not there; NULL: no memory */
struct credit *credits_sorted(const struct ledger *l, size_t *n_out);            /* the caller frees it; NULL: no memory */
int credit_compare(const void *a, const void *b);
int credits_rename(struct ledger *l, uint32_t from, uint32_t to);
void credits_free(struct ledger *l);

#endif
