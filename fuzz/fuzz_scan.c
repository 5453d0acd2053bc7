/* fuzz_scan: a whole message through the engine as `posse scan --explain` does it: parsed, matched with rules, judged,
 * explained, and now and then taught. What a caller relies on is checked: reasons that add up, text that is fit to print,
 * and the same verdict when asked again. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_line(const char *text)
{
    struct span s = span_str(text);
    check(s.n && utf8_valid_prefix(s) == s.n);
    for (size_t i = 0; i < s.n; i++)
        check(s.p[i] >= ' ' && s.p[i] != 0x7f && !(s.p[i] == 0xc2 && s.p[i + 1] < 0xa0));
}

static void check_verdict(const struct verdict *v)
{
    check(isfinite(v->bits) && v->probability >= 0 && v->probability <= 1);
    check((v->bits >= v->threshold_bits) == (v->klass == VERDICT_SPAM));
    check(v->n_reasons > 0 && v->n_reasons <= REASONS_MAX);
    double sum = 0;
    for (size_t i = 0; i < v->n_reasons; i++) {
        sum += v->reason[i].bits;
        check_line(v->reason[i].text);
    }
    check(fabs(sum - v->bits) <= 1e-9 * fmax(1, fabs(v->bits)));
    if (v->flip)
        check_line(v->flip);
}

static struct engine *engine;
static struct engine_worker *worker;

static bool start(void)
{
    static const char *const rules[] = {POSSE_SOURCE_ROOT "/samples/rules/demo.rules"};
    struct report why;
    struct engine_options o = {.is_empty = true, .rules = rules, .n_rules = 1};
    if (!worker && engine_open(&o, &engine, &why) == 0)
        worker = engine_worker_new(engine);
    return worker;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned n;
    if (!start())
        abort();
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct reading *r;
    struct verdict v, again;
    if (engine_read(worker, span_of(copy, size), NULL, &r) == 0) {
        check(engine_decide(worker, r, ENGINE_EXPLAIN, &v) == 0);
        check_verdict(&v);
        check(engine_decide(worker, r, 0, &again) == 0 && again.bits == v.bits && again.klass == v.klass);
        if (++n % 8 == 0) {
            struct teaching t = {.klass = size & 1 ? LESSON_SPAM : LESSON_HAM, .teacher = SPAN_LIT("fuzz"),
                                 .door = SPAN_LIT("fuzz")};
            check(engine_teach(worker, r, &t, NULL, NULL) == 0);
        }
    }
    free(copy);
    return 0;
}
