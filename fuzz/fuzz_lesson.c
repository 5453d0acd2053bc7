/* fuzz_lesson: a lesson's features from hostile bytes. What is taken must be canonical and teachable. */
#include <stdint.h>
#include <stdlib.h>

#include "filter/feature.h"
#include "filter/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_set(const struct feature_set *f)
{
    check(f->start[0] == 0 && f->start[VIEW_N] <= FEATURES_MAX);
    for (unsigned v = 0; v < VIEW_N; v++) {
        check(f->start[v] <= f->start[v + 1]);
        for (uint32_t i = f->start[v]; i < f->start[v + 1]; i++)
            check(f->slot[i] < FEATURE_SLOTS && (i == f->start[v] || f->slot[i - 1] < f->slot[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model *m; /* kept: what one lesson leaves behind must not hurt the next */
    if (!m && !(m = model_new(NULL)))
        return 0;
    struct arena *a = arena_new(1 << 20);
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct reader in = reader_of(span_of(copy, size));
    struct feature_set set;
    if (a && feature_decode(a, &in, &set) == 0) {
        check_set(&set);
        struct buf again;
        buf_init(&again, 1 << 20);
        check(feature_encode(a, &set, &again) == 0);
        check(span_eq(buf_span(&again), span_of(copy, reader_pos(&in)))); /* one set, one encoding */
        buf_deinit(&again);
        struct model_score s;
        model_score(m, &set, &s);
        check(s.bits == s.bits && s.bits > -1e6 && s.bits < 1e6);
        model_teach(m, &set, size & 1);
    }
    arena_free(&a);
    free(copy);
    return 0;
}
