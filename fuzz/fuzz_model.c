/* fuzz_model: the sections of a model file, past its checksums: head, map and fusion as they come, and a small table
 * with bytes changed. What is accepted must score, explain and set a threshold without a number that is none. */
#include <stdint.h>
#include <stdlib.h>

#include "filter/extract.h"
#include "filter/fuse.h"
#include "filter/learner.h"
#include "filter/model.h"
#include "filter/prior.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = sizeof(struct prior_head), CALIB = sizeof(struct calib), FUSE = sizeof(struct fuse) };

static struct span take(struct span *in, size_t n)
{
    struct span s = span_sub(*in, 0, n);
    *in = span_sub(*in, s.n, in->n);
    return s;
}

static void check(double x)
{
    if (x != x)
        abort();
}

static void use(struct model *m)
{
    uint32_t slot[VIEW_N * 2];
    struct feature_set f = {.slot = slot};
    for (uint32_t v = 0; v < VIEW_N; v++) {
        slot[2 * v] = v * 4096;
        slot[2 * v + 1] = FEATURE_SLOTS - 1 - v;
        f.start[v + 1] = 2 * (v + 1);
    }
    struct model_score s;
    struct model_threshold t;
    double bits[VIEW_N * 2];
    model_score(m, &f, &s);
    check(s.bits);
    model_explain(m, &f, &s, bits);
    for (unsigned i = 0; i < VIEW_N * 2; i++)
        check(bits[i]);
    model_threshold(m, 0.001, &t);
    check(t.bits);
    model_teach(m, &f, true);
    model_score(m, &f, &s);
    check(s.bits);
}

/* A table of 10 bits; what is left of the input says which bytes to change: u16 place, u8 value. */
static uint64_t *table_of(struct span left, size_t *n_out)
{
    static struct learner *fresh;
    if (!fresh && learner_new(LEARNER_BITS_MIN, &fresh))
        return NULL;
    const void *block = learner_block(fresh, n_out);
    uint64_t *copy = malloc(*n_out);
    memcpy(copy, block, *n_out);
    for (size_t i = 0; i + 3 <= left.n; i += 3)
        ((uint8_t *)copy)[(left.p[i] | left.p[i + 1] << 8) % *n_out] = left.p[i + 2];
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int16_t *weights;
    if (!weights) {
        weights = malloc(PRIOR_SLOTS * sizeof *weights);
        for (uint32_t i = 0; i < PRIOR_SLOTS; i++)
            weights[i] = (int16_t)(i * 40503u >> 3);
    }
    uint8_t head[HEAD];
    struct span in = span_of(data, size), h = take(&in, HEAD);
    if (h.n == HEAD) {
        memcpy(head, h.p, HEAD);
        uint32_t format = PRIOR_FORMAT, extractor = EXTRACTOR_VERSION, views = VIEW_GENERAL_N;
        memcpy(head, &format, 4); /* or no mutant would come past them */
        memcpy(head + 4, &extractor, 4);
        memcpy(head + 8, &views, 4);
        h = span_of(head, HEAD);
    }
    struct span calib = take(&in, CALIB), fuse = take(&in, FUSE);
    struct prior *p = NULL;
    struct report why = {0};
    int err = prior_open(h, span_of(weights, PRIOR_SLOTS * sizeof *weights), calib, "fuzz", &p, &why);
    if (err ? p || why.code != err : !p)
        abort();
    struct model *m = model_new(p);
    size_t n;
    uint64_t *table = table_of(in, &n);
    if (m && table) {
        (void)model_load(m, span_of(table, n), fuse, calib, NULL); /* refused: as it was */
        use(m);
    }
    model_free(&m);
    free(table);
    prior_free(&p);
    return 0;
}
