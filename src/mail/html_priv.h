/* html_priv: what the files of the HTML reader share.
 *   html.c         the pass itself: which element is open where
 *   html_meaning.c what elements mean: links, forms, images, scripts, titles
 *   html_look.c    the stack of open elements and what each one looks like
 *   html_text.c    runs of text: white space, references, invisible characters
 *   html_tag.c     one tag to element id and attributes
 *   html_css.c     declarations; html_color.c colours; html_sheet.c <style> blocks
 *   html_entity.c  character references
 * Threads: reentrant.  Ownership: everything in the arena of html_read. */
#ifndef POSSE_MAIL_HTML_PRIV_H
#define POSSE_MAIL_HTML_PRIV_H

#include "mail/html.h"
#include "mail/html_names.h"

/* ---- tags ---- */

enum {
    TAG_IS_BLOCK = 1, TAG_IS_CELL = 2, TAG_IS_VOID = 4, TAG_IS_RAW = 8, TAG_IS_RCDATA = 16,
    TAG_IS_SPECIAL = 32, TAG_IS_FORMAT = 64, TAG_IS_SCOPE = 128, TAG_IS_CLOSES_P = 256,
    TAG_IS_GONE = 512, TAG_IS_LAYOUT = 1024, TAG_IS_SPACE = 2048, TAG_IS_BREAK = 4096
};
extern const uint16_t html_tag_flags[TAG_N];

struct html_tag {
    struct span name;
    uint64_t has;              /* bits 1 << enum html_attr_id; value[] is good only where set */
    uint16_t id;               /* enum html_tag_id */
    bool is_end, is_broken, is_cut; /* junk within; the input ends within */
    struct span value[ATTR_N]; /* raw: references not decoded, views of the input */
};
_Static_assert(ATTR_N <= 64, "attributes are bits of one word");

/* Reads the tag at in.p[i] == '<' (a letter or '/' and a letter follow). Returns the offset after it. */
size_t html_tag_read(struct span in, size_t i, struct html_tag *t);

static inline bool html_tag_has(const struct html_tag *t, unsigned attr)
{
    return t->has >> attr & 1;
}
static inline struct span html_tag_value(const struct html_tag *t, unsigned attr)
{
    return html_tag_has(t, attr) ? t->value[attr] : SPAN_NONE;
}

/* ---- character references ---- */

/* s.p[0] is '&'. Returns the bytes consumed, 0 for a plain '&'; cp[1] is 0 unless it stands for two. */
size_t html_entity(struct span s, bool in_attribute, uint32_t cp[2]);

/* ---- CSS ---- */

enum {
    CSS_FG = 1 << 0, CSS_BG = 1 << 1,
    CSS_BG_UNKNOWN = 1 << 2,   /* an image, a gradient, or a rule that may or may not apply */
    CSS_FG_UNKNOWN = 1 << 3, CSS_FG_CLEAR = 1 << 4 /* transparent */, CSS_SIZE = 1 << 5,
    CSS_VISIBLE = 1 << 6, CSS_INVISIBLE = 1 << 7, CSS_OPACITY_0 = 1 << 8, CSS_AWAY = 1 << 9,
    CSS_ZERO_WIDTH = 1 << 10, CSS_ZERO_HEIGHT = 1 << 11, CSS_CLIPPED = 1 << 12, CSS_MSO_HIDE = 1 << 13
};
enum css_display { DISPLAY_UNSET, DISPLAY_NONE, DISPLAY_INLINE, DISPLAY_OTHER };
enum css_unit { UNIT_MILLI_PX, UNIT_MILLI_EM };

struct css {
    uint16_t has;
    uint8_t display, size_unit;
    uint32_t fg, bg; /* 0xRRGGBB */
    int32_t size;    /* in thousandths of size_unit */
};

/* Adds the declarations of s ("color:red;display:none") to c; later ones win. */
void css_parse(struct span s, struct css *c);
/* What `more` says wins over what `c` says. */
void css_merge(struct css *c, const struct css *more);
/* s without comments and with escapes decoded; s itself where it has none. */
struct span css_clean(struct arena *a, struct span s);

enum css_color_kind { COLOR_BAD, COLOR_RGB, COLOR_CLEAR, COLOR_INHERIT };
enum css_color_kind css_color(struct span s, uint32_t *rgb);
/* The colour of bgcolor= and its kin, by the HTML standard's forgiving rules; false: none. */
bool html_legacy_color(struct span s, uint32_t *rgb);
/* A number at s.p[0..] in thousandths; returns its length, 0 for none. */
size_t css_number(struct span s, int64_t *milli_out);

/* Rules of <style> blocks with selectors like `p`, `.class`, `#id`, `p.class`. */
struct sheet;
struct sheet *sheet_new(struct arena *a); /* NULL: the arena is full */
void sheet_read(struct arena *a, struct sheet *sh, struct span css);
bool sheet_is_empty(const struct sheet *sh);
/* Adds to c what the rules say about the element of that tag. */
void sheet_match(const struct sheet *sh, const struct html_tag *t, struct css *c);

/* ---- looks ---- */

enum {
    LOOK_GONE = 1,       /* display:none: no text, no line break */
    LOOK_INVISIBLE = 2,  /* visibility:hidden: a descendant may come back */
    LOOK_UNSEEN = 4,     /* transparent, off the screen, clipped: for good */
    LOOK_PRE = 8, LOOK_BG_UNKNOWN = 16, LOOK_FG_UNKNOWN = 32, LOOK_FG_CLEAR = 64,
    LOOK_HIDDEN = 128    /* the sum: the eye does not see text here */
};

struct look {
    uint32_t fg, bg;
    int32_t size; /* thousandths of a pixel */
    uint8_t flags;
};

struct open {
    struct look look;
    struct css own;      /* to compute the look again when an element below goes away */
    uint16_t tag;
    uint32_t name;       /* folded hash of an unknown element's name */
    bool breaks;         /* a block: a line break at its end too */
    bool is_link;        /* an <a href> whose text is being collected */
};

struct stack {
    struct open *e;      /* e[0] is the page */
    uint8_t *tag;        /* e[i].tag once more, densely, for searching */
    size_t n, max;
    uint16_t n_of[TAG_N];
    size_t looks_left;   /* looks that stack_remove may still compute again: caps its cost */
};

bool stack_init(struct arena *a, struct stack *s, size_t max);
void stack_reset(struct stack *s);
/* False when it was full: the new element then took the place of the top one. */
bool stack_push(struct stack *s, uint16_t tag, const struct css *own);
/* Index of the innermost open `tag` above any element with the flags `wall`; 0: none. */
size_t stack_find(const struct stack *s, uint16_t tag, uint16_t wall);
/* The same for an element that the table does not know. */
size_t stack_find_unknown(const struct stack *s, uint32_t name);
/* Takes the element out of the middle; those above stay open with looks of their own. */
void stack_remove(struct stack *s, size_t at);
/* Computes the looks from that index up again, after a change below. */
void stack_look_again(struct stack *s, size_t from);
static inline struct open *stack_top(struct stack *s) { return &s->e[s->n - 1]; }
/* What the tag's attributes, the sheet and its style say. */
void css_of_tag(struct arena *a, const struct sheet *sh, const struct html_tag *t,
                uint32_t link_color, struct css *c);

/* ---- text ---- */

enum { HTML_TEXT_SLACK = 64 }; /* a step may write that much, and so run past max */

struct html_text {
    uint8_t *p;
    size_t n, cap, max;
    uint64_t anomalies;
    bool after_zero_width; /* the last thing was an invisible character after a letter */
    bool is_full;          /* max is reached */
    bool failed;           /* the arena is full */
};

/* Appends the text of in from i up to the next markup or the end; returns its offset. */
size_t html_text_run(struct arena *a, struct html_text *t, struct span in, size_t i, bool keep_space);
/* A separator, ' ' or LF; collapses with its neighbours. */
void html_text_break(struct arena *a, struct html_text *t, uint8_t c);

/* ---- the pass ---- */

struct html_draft {
    struct html_link out;
    size_t from, to; /* of `shown` in the visible text, which may yet move */
};

struct html_doc {
    struct arena *a;
    struct span in;
    const struct html_caps *caps;
    struct html_result *out;
    struct html_facts *facts;
    struct html_text visible, hidden;
    struct stack stack;
    struct sheet *sheet;
    struct html_draft *link;
    size_t n_links, cap_links;
    size_t open_link;       /* 1 + index of the <a> being read; 0: none */
    uint32_t link_color;
    bool was_hidden;        /* the last text went to the hidden side */
    bool sheet_is_late;     /* a rule came after what it may concern */
    bool is_second_pass;
};

static inline const struct look *html_look(struct html_doc *d) { return &stack_top(&d->stack)->look; }
static inline bool html_is_hidden(struct html_doc *d) { return html_look(d)->flags & LOOK_HIDDEN; }

/* A separator on the side on which we are; within display:none it breaks nothing that is seen. */
void html_break(struct html_doc *d, uint8_t c);
/* Reads text from in.p[i] to the next '<'; returns its offset. */
size_t html_doc_text(struct html_doc *d, struct span in, size_t i);
/* What an element means beside how it looks; it is on the stack already unless it is void. */
void html_meaning(struct html_doc *d, const struct html_tag *t);
/* The content of a raw text element from i, just after its start tag; returns where its end tag starts. */
size_t html_raw(struct html_doc *d, const struct html_tag *t, size_t i);
void html_add_image(struct html_doc *d, struct span src);
void html_end_link(struct html_doc *d);

#endif
