/* brands: which trademarks a message uses, where, and whether it was sent by their owner.
 *
 * A use is a mark in one place: display name, subject, visible text, the text of a link, a domain that looks like the owner's
 * (of the
 * sender or of a link), a picture. A claim is what the uses of one mark add up to: does the message pass itself off as the
 * owner's? Most
 * uses are only mentions (mail about a product, "follow us on ..." in a footer): is_claimed asks for places in which one says
 * who one
 * is, and of common words (Apple, Target, Orange) for more. Where in doubt: no claim. bench/brands says how often that is wrong.
 * Look-alikes: confusable characters (UTS 39, brand_lookalikes.h) in domains (punycode undone) and words, one wrong letter,
 * the mark with
 * a word beside it ("mark-login.example"), the owner's domain within another ("mark.com.other.example").
 * Beside each claim stands where the mail came from. What From says anybody can write; what our own host found about it stands in
 * Authentication-Results, and is believed only where that field is above the Received field of the hand-over (sender/received.h).
 * The table: lines "name TAB other names TAB own domains TAB flags TAB logo hashes", lists parted by "|"; flags: c a common
 * word, p a
 * project. models/brands.tsv ships (CC0: npm simple-icons and a list of ours); a user's own list is read after it, and replaces
 * marks of the same name. A mark without own domains can be claimed; whether its owner sent the mail is then not known.
 * Ownership: a table owns its bytes; results are in the arena, the message, or the table.  Threads: a loaded table is read-only.
 * Limits: BRANDS_MAX marks, BRAND_TEXT_BYTES of visible text, BRAND_LINKS domains, BRAND_LOGOS pictures (case/brand_logo.h).
 * Errors: POSSE_ESYNTAX names file and line, ELIMIT, ENOENT, ENOMEM; odd mail is never one.
 * Cost: one hash a word and name length, 50 us a domain. */
#ifndef POSSE_CASE_BRANDS_H
#define POSSE_CASE_BRANDS_H

#include "base/arena.h"
#include "base/report.h"
#include "mail/message.h"

enum { BRANDS_MAX = 100000, BRAND_NAME_WORDS = 6, BRAND_TEXT_BYTES = 256 << 10, BRAND_LINKS = 64, BRAND_LOGOS = 8, BRAND_USES_MAX = 64,
       BRAND_FILE_BYTES = 16 << 20 };

struct brands;
int brands_new(struct brands **out);
void brands_free(struct brands **b);
int brands_load(struct brands *b, const char *path, struct report *why);
/* The same for bytes; name stands in errors. */
int brands_add(struct brands *b, struct span table, const char *name, struct report *why);
size_t brands_count(const struct brands *b);
struct brand_info { struct span name; bool is_common, is_project; size_t n_domains; };
void brands_info(const struct brands *b, uint32_t brand, struct brand_info *out);
struct span brands_domain(const struct brands *b, uint32_t brand, size_t i); /* i < n_domains */

enum brand_place { BRAND_NAME, BRAND_ADDRESS, BRAND_SUBJECT, BRAND_TEXT, BRAND_LINK_TEXT, BRAND_SENDER_DOMAIN, BRAND_LINK_DOMAIN, BRAND_LOGO,
                   BRAND_PLACES };
enum brand_how {
    BRAND_WRITTEN,     /* the mark as it is */
    BRAND_SMALL,       /* a name of small letters: seldom how a firm writes itself */
    BRAND_WHOLE,       /* and nothing else: "PayPal Support" */
    BRAND_ADDRESSED,   /* as one who is it writes: "your PayPal account", "(c) PayPal" */
    BRAND_CONFUSABLE,  /* other characters that look the same */
    BRAND_MISSPELT,    /* one letter off */
    BRAND_COMBINED,    /* with a word beside it, in a domain */
    BRAND_ENDING,      /* under another ending: may be the owner's, too */
    BRAND_WITHIN,      /* the owner's domain as a part of another's */
    BRAND_SHOWN,       /* a link shows the owner's domain and leads to another */
    BRAND_SEEN,        /* a picture like the logo */
    BRAND_OWN,         /* the owner's own domain */
    BRAND_HOWS
};
const char *brand_place_name(enum brand_place p); /* "display name" */
const char *brand_how_name(enum brand_how h);     /* "confusable characters" */

struct brand_use {
    uint32_t brand;
    enum brand_place place;
    enum brand_how how;
    struct span text;   /* as it stands there; of a link what it shows or the host */
    struct span leads;  /* of a link text: the host that it leads to */
    uint32_t n;         /* so often in this place and way */
    int weight;         /* see brand_claim.c */
};

/* Who sent it, as far as that is known. */
enum brand_origin {
    BRAND_BY_UNKNOWN,   /* no sender, or the mark's own domains are not known */
    BRAND_BY_OWNER,     /* From has the owner's domain, and our host found DMARC, or aligned DKIM or SPF, to pass */
    BRAND_BY_UNPROVEN,  /* From has the owner's domain; nobody we believe has checked that */
    BRAND_BY_FORGED,    /* From has the owner's domain, and our host found that it is not */
    BRAND_BY_NAMESAKE,  /* From has a domain of the mark's name under an ending that is not known to be the owner's */
    BRAND_BY_OTHER,     /* sent from elsewhere */
    BRAND_ORIGINS
};
const char *brand_origin_name(enum brand_origin o);

/* One method's result as written: "pass", "fail", "none", ...; empty: not said. */
struct brand_auth {
    struct span spf, dkim, dmarc;
    struct span spf_domain, dkim_domain;
    struct span by;       /* who says so */
    bool is_ours;         /* it stands where only our own hosts write */
    bool is_there;
};

struct brand_claim {
    uint32_t brand;
    int weight;           /* of its uses together */
    bool is_claimed;
    bool is_spoofed;      /* claimed, and sent by others: FORGED or OTHER */
    enum brand_origin origin;
    const struct brand_use *use;
    size_t n_uses;
};
struct brand_reading {
    struct span from_name, from_host, from_domain; /* domain: the registered one; empty: none */
    struct brand_auth auth;
    const struct brand_claim *claim;  /* highest weight first */
    size_t n_claims;      /* those that are only mentioned included */
    bool is_list;         /* it came over a mailing list: display names are the members' */
};
struct networks;
struct brand_options { const struct networks *ours; bool no_logos; };
/* o may be NULL. */
int brands_read(const struct brands *b, struct mail_parser *p, struct arena *a, const struct message *m, const struct brand_options *o,
                struct brand_reading *out);

/* Do two words look the same (UTS 39 skeletons, case aside)? For tests and others who compare names. */
bool brand_looks_like(struct span a, struct span b);

#endif
