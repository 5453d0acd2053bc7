/* What the files of brands share. */
#ifndef POSSE_CASE_BRANDS_PRIV_H
#define POSSE_CASE_BRANDS_PRIV_H

#include "base/buf.h"
#include "case/brand_logo.h"
#include "case/brands.h"

enum { WORD_MAX = 48, NAME_MAX_BYTES = 128 };

struct brand {
    struct span name, domains;        /* domains: parted by '|' */
    uint32_t first_domain, n_domains; /* in brands.domain */
    uint32_t first_logo, n_logos;
    bool is_common, is_project, is_replaced;
};
/* A name of a mark, squashed: folded letters and digits alone. */
struct brand_name {
    uint32_t brand;
    uint32_t edges; /* bit i: a word ends after i bytes (of the first 32) of the squashed name */
    struct span squashed, skeleton;
    uint8_t n_words;
    bool is_upper, is_small; /* all its letters are capitals: "UPS"; it begins with a small one: "eBay" */
};
struct brand_domain {
    struct span domain;
    uint32_t brand;
};
struct brand_hash {
    struct logo logo;
    uint32_t brand;
};

struct brands {
    struct arena *arena;
    struct brand *brand;
    size_t n, cap;
    struct brand_name *name;
    size_t n_names, cap_names;
    struct brand_domain *domain;
    size_t n_domains, cap_domains;
    struct brand_hash *logo;
    size_t n_logos, cap_logos;
    uint32_t *by_name, *by_skeleton, *by_domain; /* open addressing, 1 + index; 0: free */
    size_t slots;
};

/* ---- brand_text.c ---- */

/* One word of a text: folded, with what it looks like. */
struct brand_word {
    struct span from; /* where it stands */
    uint8_t folded[WORD_MAX], skeleton[WORD_MAX];
    uint8_t n, n_skeleton;
    bool is_capital, is_upper; /* begins with a capital or digit; has no small letter */
    bool has_alien;            /* has characters that are folded by look alone */
};
struct brand_word_list {
    struct brand_word *w;
    size_t n;
};
/* The words of a text, up to max. */
size_t brand_words(struct span text, struct brand_word *out, size_t max);
size_t brand_squash(struct span text, uint8_t *out, size_t max);
size_t brand_skeleton(struct span text, uint8_t *out, size_t max);
uint64_t brand_key(struct span squashed);

struct brand_hit {
    const struct brand_name *name;
    size_t first, n;
    bool is_confusable;
};
/* The longest name that begins at word i; false: none. */
bool brand_match(const struct brands *b, const struct brand_word *w, size_t n, size_t i, struct brand_hit *out);
/* Names by their squashed form; NULL: none. *at: where to go on (0 to begin), as two marks may share a name. */
const struct brand_name *brand_by_name(const struct brands *b, struct span squashed, size_t *at);
const struct brand_name *brand_by_skeleton(const struct brands *b, struct span skeleton, size_t *at);
bool brand_owns(const struct brands *b, uint32_t brand, struct span domain);

/* ---- collecting ---- */
struct brand_collect {
    const struct brands *b;
    struct arena *a;
    const struct suffixes *suffixes;
    struct brand_use *use;
    size_t n, cap;
    struct span from_domain;
};
void brand_add_use(struct brand_collect *c, uint32_t brand, enum brand_place place, enum brand_how how,
                   struct span text, struct span leads);
void brand_text(struct brand_collect *c, enum brand_place place, struct span text, struct span leads);
/* What host pretends to be. */
void brand_host(struct brand_collect *c, enum brand_place place, struct span host, struct span domain);
void brand_logos(struct brand_collect *c, const struct message *m);
void brand_auth_read(struct mail_parser *p, struct arena *a, const struct message *m, const struct networks *ours,
                     struct brand_auth *out);

#endif
