/* What the files of ham share. */
#ifndef POSSE_CAMPAIGN_HAM_PRIV_H
#define POSSE_CAMPAIGN_HAM_PRIV_H

#include "campaign/ham.h"

enum { HAM_LINE = 64, HAM_BYTES_LEAST = 1 << 12, HAM_BYTES_MAX = 1 << 28, HAM_KEY = 32 };

struct ham {
    uint8_t *half[2];            /* the younger, the older; each of half_bytes */
    size_t half_bytes;           /* a power of two */
    uint64_t bits_set;           /* in the younger */
    uint64_t seen;
    struct span *text;           /* the sample; its bytes are ours */
    size_t n_text, sample;
    uint8_t key[HAM_KEY];
    bool has_key;
};

#endif
