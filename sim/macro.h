/* macro: text with macros, in three steps, as the gangs' own tools have it: a campaign draws its own text from a raw one ([...]), that
 * text is compiled once, and every message fills in what varies ({...}).
 *
 *   [noun]  [a|b|c]  [rnd:4-8:a-z]  [num:10-99]  [hex:8]  [P1]..[P9]  [PP] (all paragraphs)  [sentences:2-5]     drawn once a version of a campaign
 *   {noun:5}                  five words of a dictionary drawn once; each message has one of them
 *   {noun}  {a|b|c}  {rnd:4-8:a-z0-9}  {num:100-999}  {hex:8}  {HEX:8}  {words:5-9:noun}   drawn for each message
 *   {url} {host} {subject} {from} {from.name} {from.user} {from.domain} {to} {to.user} {to.domain} {to.all} {helo} {ip} {ptr}
 *   {machine} {boundary} {charset} {encoding} {trap} {with} {tls-note} {file} {type} {subtype} {auth} {tls}    what the message has
 *   {date} {date:utc} {date:gmt} {date:box} {time:hex} {time:unix} {time:ymdhms} {ft.hi} {ft.lo}     its time, as its sender writes it
 * \{ \} \[ \] \| are themselves. Alternatives may hold macros. A dictionary of a name stands in the texts at hand or in those named "common".
 * Ownership: a program owns its ops; dictionaries belong to the scenario.  Errors: end the program, by file and line.
 * Cost: filling in is a copy and some draws; no look-up by name. */
#ifndef SIM_MACRO_H
#define SIM_MACRO_H

#include "rng.h"
#include "scenario.h"

enum field {
    FIELD_SUBJECT, FIELD_FROM, FIELD_FROM_NAME, FIELD_FROM_USER, FIELD_FROM_DOMAIN, FIELD_TO, FIELD_TO_USER, FIELD_TO_DOMAIN, FIELD_TO_ALL,
    FIELD_HELO, FIELD_IP, FIELD_PTR, FIELD_MACHINE, FIELD_BOUNDARY, FIELD_CHARSET, FIELD_ENCODING, FIELD_TRAP, FIELD_WITH,
    FIELD_TLS_NOTE, FIELD_FILE, FIELD_TYPE, FIELD_SUBTYPE, FIELD_AUTH, FIELD_TLS, FIELD_N
};

struct op { uint8_t kind, flag; uint32_t a, b; const void *p; };
struct program { LIST(struct op) op; LIST(uint32_t) jump; struct buf text; };

/* What the messages of one moment fill in. */
struct fill {
    struct rng *rng;
    struct buf field[FIELD_N];
    int64_t date_ms; int zone_min;
    const struct program *link;             /* {url} */
    char *const *host; unsigned n_hosts;    /* {host} */
};

struct drawing {                            /* for [...] */
    const struct scenario *s;
    const struct texts *texts;
    struct rng *rng;
    const char *paragraph[10];
};
void macro_draw(const struct drawing *d, struct raw raw, struct buf *out);
void macro_sentences(const struct drawing *d, const struct texts *from, unsigned n, struct buf *out);
/* `raw` after drawing, or without [...]. Adds to `out`, which may be emptied by program_reset. */
void macro_compile(const struct scenario *s, const struct texts *t, struct raw raw, struct program *out);
void program_reset(struct program *p);
void program_free(struct program *p);
void program_run(const struct program *p, struct fill *f, struct buf *out);

struct civil { int64_t year; unsigned month, day, hour, minute, second, weekday; /* 0: Sunday */ };
struct civil civil_of(int64_t s);
void date_box(int64_t ms, struct buf *out); /* as an mbox has it: Wed Mar 16 14:45:00 2011 */

#endif
