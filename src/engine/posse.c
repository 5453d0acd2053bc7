#include "posse/posse.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"

struct posse {
    struct engine *engine;
    struct engine_worker *worker;
};

static _Thread_local struct report last; /* errno's kind of state: one a thread, written on failure only */

_Static_assert((int)POSSE_REASONS_MAX == (int)REASONS_MAX, "the public verdict holds every reason");

int posse_open(const posse_options_t *o, posse_t **out)
{
    static const posse_options_t none;
    o = o ? o : &none;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return report_set(&last, POSSE_ENOMEM, "out of memory");
    struct engine_options e = {.home = o->home, .make_home = o->home != NULL, .prior = o->model, .rules = o->rules,
                               .n_rules = o->n_rules, .ham_loss = o->ham_loss};
    int err = engine_open(&e, &(*out)->engine, &last);
    if (!err && !((*out)->worker = engine_worker_new((*out)->engine)))
        err = report_set(&last, POSSE_ENOMEM, "out of memory");
    if (err)
        posse_close(out);
    return err;
}

int posse_close(posse_t **p)
{
    if (!p || !*p)
        return POSSE_OK;
    engine_worker_free(&(*p)->worker);
    int err = engine_close(&(*p)->engine, &last);
    free(*p);
    *p = NULL;
    return err;
}

int posse_judge(posse_t *p, const void *bytes, size_t n, unsigned flags, posse_verdict_t *out)
{
    struct reading *r;
    struct verdict v;
    int err = engine_read(p->worker, span_of(bytes, n), NULL, &r);
    if (!err)
        err = engine_decide(p->worker, r, flags & POSSE_EXPLAIN ? ENGINE_EXPLAIN : 0, &v);
    if (err)
        return report_set(&last, err, "the message could not be judged: %s", posse_strerror(err));
    *out = (posse_verdict_t){.is_spam = v.klass == VERDICT_SPAM, .bits = v.bits, .probability = v.probability,
                             .threshold_bits = v.threshold_bits, .n_reasons = v.n_reasons, .flip = v.flip};
    for (size_t i = 0; i < v.n_reasons; i++)
        out->reason[i] = (posse_reason_t){v.reason[i].bits, v.reason[i].text};
    return POSSE_OK;
}

int posse_learn(posse_t *p, const void *bytes, size_t n, bool is_spam, const char *teacher)
{
    if (!engine_lessons(p->engine))
        return report_set(&last, POSSE_EINVAL, "lessons need a home: name one in posse_options_t");
    struct reading *r;
    int err = engine_read(p->worker, span_of(bytes, n), NULL, &r);
    if (err)
        return report_set(&last, err, "the message could not be read: %s", posse_strerror(err));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct teaching t = {.klass = is_spam ? LESSON_SPAM : LESSON_HAM, .teacher = span_str(teacher ? teacher : "library"),
                         .door = SPAN_LIT("library"), .time_ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000};
    err = engine_teach(p->worker, r, &t, NULL, &last);
    return err == POSSE_EEXIST ? POSSE_OK : err;
}

long posse_explain(posse_t *p, const void *bytes, size_t n, char *text, size_t cap)
{
    posse_verdict_t v = {0};
    int err = posse_judge(p, bytes, n, POSSE_EXPLAIN, &v);
    if (err)
        return err;
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add_fmt(&b, "%s  %+.1f bits  (spam from %+.1f)\n", v.is_spam ? "spam" : "ham", v.bits, v.threshold_bits);
    for (size_t i = 0; i < v.n_reasons; i++)
        buf_add_fmt(&b, "  %+7.2f  %s\n", v.reason[i].bits, v.reason[i].text);
    if (v.flip)
        buf_add_fmt(&b, "  %s\n", v.flip);
    err = buf_error(&b);
    size_t length = b.n;
    if (!err && cap) {
        size_t take = length < cap ? length : cap - 1;
        memcpy(text, b.p, take);
        text[take] = '\0';
    }
    buf_deinit(&b);
    return err ? report_set(&last, err, "%s", posse_strerror(err)) : (long)length;
}

const char *posse_last_error(void) { return last.text; }
const char *posse_version(void) { return POSSE_VERSION; }
