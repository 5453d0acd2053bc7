/* What casefile.c (writing) and casefile_read.c share. */
#ifndef POSSE_CASE_CASEFILE_PRIV_H
#define POSSE_CASE_CASEFILE_PRIV_H

#include "case/casefile.h"

struct json_t; /* jansson's; its header and base/jsonout.h do not go together */
enum { PACK_BYTES = 1 << 30, PLAIN_PAIRS = 24 };
struct plain_pair { struct span name, text; uint64_t number; bool is_text; };

struct casefile {
    char *folder;
    struct case_writer w;
    bool is_writer, in_batch, is_closed, is_broken; /* is_broken: a failed write could not be undone */
    int dir, log, pack, lock;            /* -1: not open */
    uint32_t pack_number;
    uint64_t pack_end, log_end;
    uint64_t n;                          /* lines */
    uint64_t *line_end;                  /* of each, its line end included */
    uint8_t *leaf;
    uint64_t cap;
    struct merkle tree;
    uint8_t prev[MERKLE_HASH];           /* SHA-256 of the last line */
    struct {                             /* what a failed batch goes back to */
        uint64_t n, pack_end, log_end;
        uint32_t pack_number;
        bool is_closed;
        struct merkle tree;
        uint8_t prev[MERKLE_HASH];
    } was;
    struct buf pending;                  /* lines of the batch */
    struct buf text;                     /* of the line that was read last */
    struct plain_pair pair[PLAIN_PAIRS]; /* its fields where it is of the plain form */
    size_t n_pairs;                      /* 0: it is not, and `object` has them */
    struct json_t *object;
    char error[200];
};

/* Takes over a whole line (without its end): counts, hashes. ENOMEM. */
int casefile_take(struct casefile *c, struct span line, struct report *why);
/* Reads the log from its start; damaged ones are POSSE_ECORRUPT for a writer, and for a reader as far as they go. */
int casefile_scan(struct casefile *c, struct report *why);
/* false: not of this form. */
bool casefile_parse(struct casefile *c, struct span line, struct case_line *out);
/* What a line of that kind means for those after it. */
void casefile_turn(struct casefile *c, struct span kind);
void casefile_forget(struct casefile *c); /* the line that was read last */
/* What a scan wants of a line; numbers: -1 not there, and so they must be set before. False: the line is not of the plain form. */
struct plain_line { struct span kind, prev, sha256; int64_t n, pack, offset, size; };
bool casefile_plain(struct span line, struct plain_line *out);
/* All of its fields, views of it; 0: it is not of the plain form. */
size_t casefile_pairs(struct span line, struct plain_pair out[PLAIN_PAIRS]);
void casefile_pack_name(uint32_t number, char out[32]);

#endif
