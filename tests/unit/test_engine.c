/* The engine: teaching moves the verdict, taking back leaves no trace, reasons add up, threads do not matter. */
#include "unit.h"

#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/digest.h"
#include "engine/engine.h"
#include "filter/extract.h"
#include "filter/prior.h"
#include "store/snapshot.h"

enum { SAMPLES_MAX = 128, DAY_MS = 86400000 };

struct sample { char *bytes; size_t n; bool is_spam; };
static struct sample sample[SAMPLES_MAX];
static size_t n_samples;

static int take_sample(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)where;
    size_t len = strlen(path);
    if (type != FTW_F || len < 4 || strcmp(path + len - 4, ".eml") != 0 || n_samples == SAMPLES_MAX)
        return 0;
    struct sample *s = &sample[n_samples++];
    s->n = (size_t)st->st_size;
    s->bytes = malloc(s->n + 1);
    s->is_spam = strstr(path, "/samples/spam/") != NULL;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(s->bytes, 1, s->n, f), s->n);
    fclose(f);
    return 0;
}

static int compare_sample(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    int c = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static int load_samples(void **state)
{
    (void)state;
    char path[4096];
    const char *root = getenv("POSSE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/samples", root ? root : ".");
    nftw(path, take_sample, 8, FTW_PHYS);
    assert_true(n_samples > 40);
    qsort(sample, n_samples, sizeof *sample, compare_sample); /* mixed, and the same on every file system */
    return 0;
}

/* ---- homes and engines ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_home(char *home)
{
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(home);
}

static char *new_home(void)
{
    const char *tmp = getenv("TMPDIR");
    char *home = NULL;
    assert_true(asprintf(&home, "%s/posse-engine.XXXXXX", tmp ? tmp : "/tmp") > 0);
    assert_non_null(mkdtemp(home));
    return home;
}

struct kit { struct engine *e; struct engine_worker *w; struct report why; };

static struct kit kit_of(struct engine_options o)
{
    struct kit k = {0};
    o.is_empty = o.prior == NULL;
    o.make_home = o.home != NULL;
    if (engine_open(&o, &k.e, &k.why))
        fail_msg("%s", k.why.text);
    k.w = engine_worker_new(k.e);
    assert_non_null(k.w);
    return k;
}

static struct kit kit_at(const char *home) { return kit_of((struct engine_options){.home = home}); }

static void kit_close(struct kit *k)
{
    engine_worker_free(&k->w);
    if (engine_close(&k->e, &k->why))
        fail_msg("%s", k->why.text);
}

static struct reading *read_it(struct kit *k, const struct sample *s)
{
    struct reading *r;
    assert_int_equal(engine_read(k->w, span_of(s->bytes, s->n), NULL, &r), 0);
    return r;
}

static int teach_as(struct kit *k, size_t i, bool is_spam, const char *teacher, int64_t time_ms, uint64_t *id)
{
    struct teaching t = {is_spam ? LESSON_SPAM : LESSON_HAM, span_str(teacher), SPAN_LIT("test"), time_ms};
    return engine_teach(k->w, read_it(k, &sample[i]), &t, id, &k->why);
}

static uint64_t teach(struct kit *k, size_t i, const char *teacher, int64_t time_ms)
{
    uint64_t id = 0;
    if (teach_as(k, i, sample[i].is_spam, teacher, time_ms, &id))
        fail_msg("%s", k->why.text);
    return id;
}

static double bits_of(struct kit *k, size_t i)
{
    struct verdict v;
    assert_int_equal(engine_decide(k->w, read_it(k, &sample[i]), 0, &v), 0);
    return v.bits;
}

struct digest { uint8_t b[32]; };

static struct digest digest_of(struct kit *k)
{
    struct digest d;
    if (engine_model_digest(k->e, d.b, &k->why))
        fail_msg("%s", k->why.text);
    return d;
}

static void assert_digest(struct digest a, struct digest b) { assert_memory_equal(a.b, b.b, 32); }

/* The model of an engine that was taught samples [0, n) by turns of two teachers, but for those that `left_out` names. */
static void teach_all(struct kit *k, size_t n, bool (*left_out)(size_t))
{
    for (size_t i = 0; i < n; i++)
        if (!left_out || !left_out(i))
            teach(k, i, i % 3 ? "ann" : "bob", (int64_t)(i + 1) * 1000);
}

static struct digest never_taught(size_t n, bool (*left_out)(size_t))
{
    char *home = new_home();
    struct kit k = kit_at(home);
    teach_all(&k, n, left_out);
    struct digest d = digest_of(&k);
    kit_close(&k);
    remove_home(home);
    return d;
}

static bool is_bobs(size_t i) { return i % 3 == 0; }
static bool is_late(size_t i) { return (int64_t)(i + 1) * 1000 >= 30000; }
static bool is_fifth(size_t i) { return i == 4; }

static uint64_t unlearn(struct kit *k, struct lesson_filter f, bool forget)
{
    uint64_t n = 0;
    if (engine_unlearn(k->e, &f, forget, &n, &k->why))
        fail_msg("%s", k->why.text);
    return n;
}

/* ---- tests ---- */

static void test_teaching_moves(void **state)
{
    (void)state;
    char *home = new_home();
    const char *homes[] = {NULL, home};
    for (size_t h = 0; h < 2; h++) {
        struct kit k = kit_at(homes[h]);
        double before = bits_of(&k, 0);
        teach_as(&k, 0, true, "ann", 1, NULL);
        double after = bits_of(&k, 0);
        assert_true(after > before + 0.5);
        kit_close(&k);
    }
    remove_home(home);
}

static void test_unlearn(void **state)
{
    (void)state;
    const struct {
        bool (*left_out)(size_t);
        struct lesson_filter f;
    } cases[] = {
        {is_fifth, {.id = 5, .klass = -1}},
        {is_bobs, {.teacher = SPAN_LIT("bob"), .klass = -1}},
        {is_late, {.since_ms = 30000, .klass = -1}},
    };
    enum { N = 40 };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct digest want = never_taught(N, cases[c].left_out);
        for (int forget = 0; forget < 2; forget++) {
            char *home = new_home(), model[4200];
            struct kit k = kit_at(home);
            teach_all(&k, N, NULL);
            assert_true(unlearn(&k, cases[c].f, forget) > 0);
            assert_digest(digest_of(&k), want);
            kit_close(&k);
            k = kit_at(home); /* what is on disk */
            assert_digest(digest_of(&k), want);
            kit_close(&k);
            snprintf(model, sizeof model, "%s/model.posse", home);
            assert_int_equal(unlink(model), 0); /* and without the snapshot */
            k = kit_at(home);
            assert_digest(digest_of(&k), want);
            kit_close(&k);
            remove_home(home);
        }
    }
}

static void test_second_verdict(void **state)
{
    (void)state;
    char *home = new_home();
    struct kit k = kit_at(home);
    uint64_t first, id;
    assert_int_equal(teach_as(&k, 0, true, "ann", 1, &first), 0);
    teach(&k, 1, "ann", 2);
    struct digest before = digest_of(&k);
    assert_int_equal(teach_as(&k, 0, true, "ann", 3, &id), POSSE_EEXIST);
    assert_int_equal(id, first);
    assert_digest(digest_of(&k), before);
    assert_int_equal(teach_as(&k, 0, true, "bob", 3, &id), POSSE_EEXIST); /* agreement: kept, and not counted twice */
    assert_digest(digest_of(&k), before);
    teach(&k, 2, "ann", 4); /* its number is not the next one */
    assert_int_equal(teach_as(&k, 0, false, "ann", 5, &id), 0); /* ann thinks again */
    struct digest now = digest_of(&k);
    kit_close(&k);
    k = kit_at(home);
    assert_digest(digest_of(&k), now);
    kit_close(&k);
    remove_home(home);

    home = new_home(); /* the same verdicts as they hold, in the order of their numbers */
    k = kit_at(home);
    teach(&k, 1, "ann", 2);
    teach(&k, 2, "ann", 4);
    assert_int_equal(teach_as(&k, 0, false, "ann", 5, &id), 0);
    assert_digest(digest_of(&k), now);
    kit_close(&k);
    remove_home(home);
}

static void test_batches(void **state)
{
    (void)state;
    enum { N = 40 };
    struct digest want = never_taught(N, NULL);
    char *home = new_home();
    struct kit k = kit_at(home);
    for (size_t i = 0; i < N; i += 10) {
        assert_int_equal(engine_begin(k.e, &k.why), 0);
        for (size_t j = i; j < i + 10; j++)
            teach(&k, j, j % 3 ? "ann" : "bob", (int64_t)(j + 1) * 1000);
        assert_int_equal(engine_commit(k.e, &k.why), 0);
    }
    assert_digest(digest_of(&k), want);
    kit_close(&k);

    k = kit_at(home); /* a batch that is not committed was never there */
    assert_int_equal(engine_begin(k.e, &k.why), 0);
    teach(&k, N, "ann", 99000);
    assert_int_equal(teach_as(&k, 0, !sample[0].is_spam, "ann", 99001, NULL), 0);
    kit_close(&k);
    k = kit_at(home);
    assert_digest(digest_of(&k), want);

    struct teaching bad = {LESSON_HAM, SPAN_LIT(""), SPAN_LIT("test"), 1}; /* nor is one in which a lesson fails */
    assert_int_equal(engine_begin(k.e, &k.why), 0);
    assert_int_equal(teach_as(&k, 1, !sample[1].is_spam, "ann", 99002, NULL), 0);
    teach(&k, N + 1, "ann", 99003);
    assert_true(engine_teach(k.w, read_it(&k, &sample[N]), &bad, NULL, &k.why) < 0);
    int rc = engine_commit(k.e, &k.why);
    if (rc == 0) { /* refused before it came to the journal: the others hold */
        struct lesson_filter f = {.since_ms = 99000, .klass = -1};
        assert_int_equal(unlearn(&k, f, false), 2);
    }
    assert_digest(digest_of(&k), want);
    teach(&k, N + 2, "ann", 99004);
    struct digest now = digest_of(&k);
    kit_close(&k);
    k = kit_at(home);
    assert_digest(digest_of(&k), now);
    kit_close(&k);
    remove_home(home);
}

/* Two handles on one home, by turns; one of them in another process. */
static void test_two_processes(void **state)
{
    (void)state;
    enum { N = 30 };
    struct digest want = never_taught(N, NULL);
    char *home = new_home();
    int go[2], back[2];
    char c = 'x';
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(back), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kit k = {0};
        for (size_t i = 1; i < N; i += 2) {
            if (read(go[0], &c, 1) != 1)
                _exit(1);
            if (!k.e)
                k = kit_at(home);
            teach(&k, i, i % 3 ? "ann" : "bob", (int64_t)(i + 1) * 1000);
            if (write(back[1], &c, 1) != 1)
                _exit(1);
        }
        kit_close(&k);
        _exit(0);
    }
    struct kit k = kit_at(home);
    for (size_t i = 0; i < N; i += 2) {
        teach(&k, i, i % 3 ? "ann" : "bob", (int64_t)(i + 1) * 1000);
        assert_int_equal(write(go[1], &c, 1), 1);
        assert_int_equal(read(back[0], &c, 1), 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_digest(digest_of(&k), want);
    struct kit other = kit_at(home); /* one takes back what the other holds */
    struct lesson_filter f = {.teacher = SPAN_LIT("bob"), .klass = -1};
    assert_true(unlearn(&other, f, false) > 0);
    assert_digest(digest_of(&k), never_taught(N, is_bobs));
    kit_close(&other);
    kit_close(&k);
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(back[i]);
    }
    remove_home(home);
}

static void test_frozen(void **state)
{
    (void)state;
    char *home = new_home();
    struct kit k = kit_at(home);
    teach(&k, 0, "ann", 1);
    struct digest was = digest_of(&k);
    kit_close(&k);
    k = kit_of((struct engine_options){.home = home, .is_frozen = true});
    uint64_t n;
    assert_int_equal(teach_as(&k, 1, true, "ann", 2, NULL), POSSE_EINVAL);
    assert_int_equal(engine_unlearn(k.e, &LESSON_FILTER_ANY, false, &n, &k.why), POSSE_EINVAL);
    assert_digest(digest_of(&k), was);
    kit_close(&k);
    remove_home(home);
}

/* A home that is there and holds no lessons: judged by what ships, at once. */
static void test_bare_home(void **state)
{
    (void)state;
    char *home = new_home();
    struct kit bare = kit_of((struct engine_options){.home = home});
    struct kit none = kit_at(NULL);
    assert_true(bits_of(&bare, 0) == bits_of(&none, 0));
    kit_close(&bare);
    kit_close(&none);
    remove_home(home);
}

/* Old lessons are folded in for good: the model is the same, their features are gone, and they cannot be taken back. */
static void test_horizon(void **state)
{
    (void)state;
    enum { N = 1300 };
    char *home = new_home();
    struct kit k = kit_at(home);
    assert_int_equal(engine_begin(k.e, &k.why), 0);
    for (size_t i = 0; i < N; i++) {
        char text[200];
        struct sample *s = &sample[i % n_samples], one = {text, 0, s->is_spam};
        one.n = (size_t)snprintf(text, sizeof text, "Subject: %zu of %zu\n\nword%zu here, and number %zu\n", i % 7, i, i % 50, i);
        struct teaching t = {one.is_spam ? LESSON_SPAM : LESSON_HAM, SPAN_LIT("ann"), SPAN_LIT("test"), (int64_t)(i + 1) * 1000};
        assert_int_equal(engine_teach(k.w, read_it(&k, &one), &t, NULL, &k.why), 0);
    }
    assert_int_equal(engine_commit(k.e, &k.why), 0);
    struct digest want = digest_of(&k);
    kit_close(&k);

    k = kit_of((struct engine_options){.home = home, .horizon_ms = 200000});
    uint64_t id = teach(&k, 0, "bob", N * 1000);
    kit_close(&k); /* seals what is older than 200 of N seconds */
    k = kit_at(home);
    struct lessons_count c;
    assert_int_equal(lessons_count(engine_lessons(k.e), &c, &k.why), 0);
    assert_int_equal(c.sealed_up_to, N - 201);
    uint64_t n;
    assert_int_equal(engine_unlearn(k.e, &(struct lesson_filter){.id = 5, .klass = -1}, false, &n, &k.why), POSSE_EINVAL);
    assert_int_equal(unlearn(&k, (struct lesson_filter){.id = id, .klass = -1}, false), 1);
    assert_digest(digest_of(&k), want);
    kit_close(&k);
    char path[4200];
    snprintf(path, sizeof path, "%s/model.posse", home);
    assert_int_equal(unlink(path), 0);
    k = kit_at(home);
    assert_digest(digest_of(&k), want);
    kit_close(&k);
    unlink(path);
    snprintf(path, sizeof path, "%s/base/%020d.posse", home, N - 201);
    assert_int_equal(unlink(path), 0); /* without it the model cannot be had: that is said */
    struct engine_options o = {.home = home, .is_empty = true};
    struct engine *e;
    assert_true(engine_open(&o, &e, &k.why) < 0);
    assert_non_null(strstr(k.why.text, "/base/"));
    remove_home(home);
}

/* A prior of our own making, so that the test does not depend on what ships. */
static char *make_prior(void)
{
    char *home = new_home();
    size_t size = strlen(home) + sizeof "/prior.posse";
    char *path = malloc(size);
    assert_non_null(path);
    snprintf(path, size, "%s/prior.posse", home);
    int16_t *w = malloc(PRIOR_SLOTS * sizeof *w);
    for (uint32_t i = 0; i < PRIOR_SLOTS; i++)
        w[i] = (int16_t)(mix64(i) % 401) - 200;
    struct prior_head h = {.format = PRIOR_FORMAT, .extractor = EXTRACTOR_VERSION, .views = VIEW_GENERAL_N, .lessons = 1,
                           .slope = 0.5, .offset = -1, .step = 0.005};
    struct calib c;
    calib_init(&c);
    sha256(span_of(w, PRIOR_SLOTS * sizeof *w), h.digest);
    struct snapshot_section s[] = {{"prior.head", span_of(&h, sizeof h)}, {"prior.weights", span_of(w, PRIOR_SLOTS * sizeof *w)},
                                   {"prior.calib", span_of(&c, sizeof c)}};
    struct report why;
    assert_int_equal(snapshot_write(path, SNAPSHOT_PRIOR, s, 3, &why), 0);
    free(w);
    free(home);
    return path;
}

static void check_reasons(struct kit *k)
{
    for (size_t i = 0; i < n_samples; i++) {
        struct verdict v, plain;
        struct reading *r = read_it(k, &sample[i]);
        assert_int_equal(engine_decide(k->w, r, 0, &plain), 0);
        assert_int_equal(engine_decide(k->w, r, ENGINE_EXPLAIN, &v), 0);
        assert_true(plain.bits == v.bits && plain.n_reasons == 0);
        assert_true(v.n_reasons > 0 && v.n_reasons <= REASONS_MAX);
        double sum = 0;
        assert_int_equal(v.reason[v.n_reasons - 1].kind, REASON_REST);
        for (size_t j = 0; j < v.n_reasons; j++)
            sum += v.reason[j].bits;
        if (!(fabs(sum - v.bits) < 1e-9))
            fail_msg("sample %zu: %.12f of %.12f bits", i, sum, v.bits);
        assert_non_null(v.flip);
    }
}

static void test_reasons(void **state)
{
    (void)state;
    char rules[4200];
    char *prior = make_prior();
    const char *files[] = {rules};
    snprintf(rules, sizeof rules, "%s/samples/rules/demo.rules", getenv("POSSE_SOURCE_ROOT"));
    struct engine_options options[] = {{0}, {.prior = prior}, {.prior = prior, .rules = files, .n_rules = 1}};
    for (size_t i = 0; i < 3; i++) {
        struct kit k = kit_of(options[i]);
        check_reasons(&k);
        for (size_t j = 0; j < n_samples; j += 2)
            teach(&k, j, "ann", 1);
        check_reasons(&k);
        kit_close(&k);
    }
    *strrchr(prior, '/') = '\0';
    remove_home(prior);
}

struct judge { struct engine *e; size_t first, step; double bits[SAMPLES_MAX]; };

static void *judge_some(void *arg)
{
    struct judge *j = arg;
    struct engine_worker *w = engine_worker_new(j->e);
    for (size_t i = j->first; w && i < n_samples; i += j->step) {
        struct reading *r;
        struct verdict v;
        if (engine_read(w, span_of(sample[i].bytes, sample[i].n), NULL, &r) == 0 && engine_decide(w, r, i % 2, &v) == 0)
            j->bits[i] = v.bits;
    }
    engine_worker_free(&w);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct kit k = kit_at(NULL);
    for (size_t i = 0; i < n_samples; i += 2)
        teach(&k, i, "ann", 1);
    static struct judge j[THREADS];
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        j[i] = (struct judge){.e = k.e, .first = i, .step = THREADS};
        assert_int_equal(pthread_create(&t[i], NULL, judge_some, &j[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (size_t i = 0; i < n_samples; i++)
        assert_true(bits_of(&k, i) == j[i % THREADS].bits[i]);
    kit_close(&k);
}

static void test_digest(void **state)
{
    (void)state;
    static const struct { const char *text; bool is_same; } cases[] = {
        {"From: a@b.example\nSubject: x\n\nbody\nmore\n", true},
        {"From: a@b.example\r\nSubject: x\r\n\r\nbody\r\nmore\r\n", true},
        {"Received: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\nFrom: a@b.example\nSubject: x\n\nbody\nmore\n", true},
        {"From a@b Thu Jan  1 00:00:00 1970\nReturn-Path: <q@r.example>\nDelivered-To: me\nX-Spam-Status: No\n"
         "Authentication-Results: mx; spf=pass\nFrom: a@b.example\nSubject: x\n\nbody\nmore\n", true},
        {"From: a@b.example\nSubject: y\n\nbody\nmore\n", false},
        {"From: a@b.example\nSubject: x\n\nbody\nmost\n", false},
        {"Subject: x\nFrom: a@b.example\n\nbody\nmore\n", false},
    };
    struct kit k = kit_at(NULL);
    uint8_t first[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span s = exact_str(cases[i].text);
        struct reading *r;
        assert_int_equal(engine_read(k.w, s, NULL, &r), 0);
        if (i == 0)
            memcpy(first, reading_digest(r), 32);
        bool same = memcmp(first, reading_digest(r), 32) == 0;
        if (same != cases[i].is_same)
            fail_msg("case %zu", i);
        exact_free(s);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_teaching_moves), cmocka_unit_test(test_unlearn),        cmocka_unit_test(test_second_verdict),
        cmocka_unit_test(test_batches),        cmocka_unit_test(test_two_processes),  cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_bare_home),
        cmocka_unit_test(test_horizon),        cmocka_unit_test(test_reasons),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, load_samples, NULL);
}
