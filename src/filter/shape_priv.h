/* shape_priv: what the shape_*.c files share. */
#ifndef POSSE_FILTER_SHAPE_PRIV_H
#define POSSE_FILTER_SHAPE_PRIV_H

#include "filter/shape.h"
#include "mail/address.h"
#include "mail/url.h"

/* A kind of feature: its group and its number in the group, both part of the hash. Numbers are never
 * reused; a change of meaning takes a new number and a new EXTRACTOR_VERSION. */
#define SHAPE_KIND(group, number) ((uint32_t)(group) << 8 | (number))

enum { SHAPE_FIELD_SPELT = 0, SHAPE_PART_ENCODING = 1, SHAPE_PART_CHARSET = 2, SHAPE_SENDER_SCRIPT = 4 };

struct shape {
    struct sink *s;
    struct arena *a;
    const struct message *m;
    const struct shape_in *in;
    const struct suffixes *psl;
    bool has_travelled;        /* it has a Received field, or comes with an envelope */
    uint32_t left_out;         /* 1 << group */
    const struct field *field; /* of the message itself, not of its parts */
    size_t n_fields;

    /* From, read once: everything else is compared with it. */
    struct span from_where;
    struct mailbox from;     /* name is decoded */
    struct span from_domain; /* registered; the whole domain where there is none; empty: no sender */
    bool from_free;

    /* Facts that crosses need. */
    bool is_self;                    /* addressed to its own sender */
    bool names_recipient;            /* the subject holds the recipient's mailbox */
    bool is_reply;                   /* Subject begins with Re: */
    bool has_thread;                 /* In-Reply-To or References */
    bool has_quote;                  /* the body quotes */
    uint32_t text_bytes, html_bytes; /* visible, by kind */
};

/* The emitters. `value` is part of the feature; labels are for people. */
void shape_put(struct shape *x, uint32_t kind, uint64_t value, const char *label, struct span where);
/* A number in steps: the label becomes "label: 9 to 12". */
void shape_count(struct shape *x, uint32_t kind, uint64_t n, const char *label, struct span where);
/* The same with steps of one's own: ascending upper ends. */
struct scale {
    const uint32_t *end;
    uint32_t n;
    const char *unit;
};
#define SCALE(name, unit_, ...)                         \
    static const uint32_t name##_end[] = {__VA_ARGS__}; \
    static const struct scale name = {name##_end, sizeof name##_end / sizeof *name##_end, unit_}
void shape_scale(struct shape *x, uint32_t kind, uint64_t n, const struct scale *sc, const char *label,
                 struct span where);
/* Text (a top-level domain, a file's extension, a pattern): "label: text". */
void shape_text(struct shape *x, uint32_t kind, struct span text, const char *label, struct span where);

/* One of two things before the other: "label: a before b". */
void shape_pair(struct shape *x, uint32_t kind, uint64_t value, const char *label, const char *a, const char *b,
                struct span where);

static inline void shape_flag(struct shape *x, uint32_t kind, bool on, const char *yes, const char *no,
                              struct span where)
{
    shape_put(x, kind, on, on ? yes : no, where);
}

/* The message's own first field of that id, or NULL: message_field without the call. */
static inline const struct field *shape_field(const struct shape *x, enum field_id id)
{
    uint32_t i = x->m->first_of[id];
    return i ? &x->m->field[i - 1] : NULL;
}

/* Its trimmed raw value; empty where there is none. */
static inline struct span shape_raw(const struct shape *x, enum field_id id)
{
    const struct field *f = shape_field(x, id);
    return f ? span_trim(f->raw) : SPAN_NONE;
}

/* Is host the domain itself or below it? Both lower case. */
bool shape_within(struct span host, struct span domain);
/* suffixes_domain, or host itself where it has none (private names, addresses). */
struct span shape_domain(const struct shape *x, struct span host);
/* "4711.Ab-xyz" as a pattern of at most 14 bytes: 9 and N for digits (short, long), A, a, H for long hex,
 * x for a mixture; other bytes stand. */
struct span shape_pattern(struct span s, uint8_t out[14]);
/* Emits the host's last label where it is one to twelve letters, or "ip". */
void shape_tld(struct shape *x, uint32_t kind, struct span host, const char *label, struct span where);
/* Index of s among n lower-case words, ASCII case folded; n where it is none. */
size_t shape_word_index(struct span s, const char *const *word, size_t n);

/* A few words to look for at the beginnings of words; ASCII case is folded. Words past the maximum are dropped. */
enum { WORD_SET_MAX = 8 };
struct word_set {
    bool first[256];
    size_t n;
    struct span word[WORD_SET_MAX];
};
void shape_words_init(struct word_set *w);
void shape_words_add(struct word_set *w, struct span word);
bool shape_has_word(struct span text, const struct word_set *w);

/* For the test that holds the words of links to their order. */
size_t shape_vocab_n(void);
const char *shape_vocab_word(size_t i);

/* Each speaks of one side of the message; shape_emit calls them in this order. */
void shape_sender(struct shape *x);
void shape_message_id(struct shape *x);
void shape_recipients(struct shape *x);
void shape_date(struct shape *x);
void shape_mailer(struct shape *x);
void shape_fields(struct shape *x);
void shape_received(struct shape *x);
void shape_subject(struct shape *x); /* sets is_reply */
void shape_body(struct shape *x);    /* sets has_quote, text_bytes, html_bytes */
void shape_thread(struct shape *x);
void shape_links(struct shape *x);
void shape_parts(struct shape *x);
void shape_html(struct shape *x);
void shape_anomalies(struct shape *x);

#endif
