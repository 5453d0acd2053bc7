/* Checkpoints: which are kept, that a fold starts from the best good one, that none survives what it holds being taken back;
 * and the relay that folds them. Each model is compared with the fold from nothing. */
#include "unit.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/checkpoints.h"
#include "engine/engine.h"
#include "engine/relay.h"

/* ---- which are kept ---- */

/* The longest way, in lessons folded for each that must be, over all lessons that could be taken back. */
static double worst_way(const uint64_t *id, size_t n)
{
    double worst = 0;
    uint64_t last = id[n - 1];
    for (size_t i = 1; i < n; i++) { /* the first lesson after checkpoint i is well served; the last before it is not */
        double way = (double)(last - id[i - 1]) / (double)(last - id[i] + 1);
        if (id[i] - id[i - 1] > CHECKPOINT_EVERY && way > worst)
            worst = way;
    }
    return worst;
}

static void kept_ones_are_spaced_by_distance(void **state)
{
    (void)state;
    uint64_t id[CHECKPOINTS_KEPT + 2];
    size_t n = 0, most = 0;
    for (uint64_t k = 1; k <= 1000; k++) {
        id[n++] = k * CHECKPOINT_EVERY;
        n = checkpoints_thin(id, n);
        most = n > most ? n : most;
        assert_true(n <= CHECKPOINTS_KEPT);
        assert_int_equal(id[0], CHECKPOINT_EVERY);
        assert_int_equal(id[n - 1], k * CHECKPOINT_EVERY);
        for (size_t i = 1; i < n; i++)
            assert_true(id[i - 1] < id[i]);
        if (k <= 500)
            assert_true(worst_way(id, n) <= 1.5);
        if (k == 106)
            assert_int_equal(n, 16);
    }
    assert_true(most > CHECKPOINTS_KEPT - 4);
}

static void those_that_go_are_named(void **state)
{
    (void)state;
    uint64_t id[64];
    bool seen[65] = {false};
    for (uint64_t i = 0; i < 64; i++)
        id[i] = (i + 1) * CHECKPOINT_EVERY;
    size_t kept = checkpoints_thin(id, 64);
    assert_true(kept > 8 && kept <= CHECKPOINTS_KEPT);
    for (size_t i = 0; i < 64; i++) {
        assert_false(seen[id[i] / CHECKPOINT_EVERY]);
        seen[id[i] / CHECKPOINT_EVERY] = true;
    }
    uint64_t few[2] = {5, 10};
    assert_int_equal(checkpoints_thin(few, 2), 2);
    assert_int_equal(checkpoints_thin(few, 1), 1);
    assert_int_equal(checkpoints_thin(few, 0), 0);
}

static void a_long_way_makes_few(void **state)
{
    (void)state;
    assert_false(checkpoint_is_due(0, CHECKPOINT_EVERY - 1, CHECKPOINT_EVERY - 1));
    assert_true(checkpoint_is_due(0, CHECKPOINT_EVERY, CHECKPOINT_EVERY));
    assert_true(checkpoint_is_due(0, CHECKPOINT_EVERY, 0)); /* a target that is behind */
    unsigned n = 0;
    uint64_t last = 0, target = 100 * CHECKPOINT_EVERY;
    for (uint64_t at = 1; at <= target; at++)
        if (checkpoint_is_due(last, at, target)) {
            last = at;
            n++;
        }
    assert_true(n >= 8 && n <= CHECKPOINTS_KEPT);
    assert_true(target - last < CHECKPOINT_EVERY);
}

/* ---- the relay ---- */

enum { PIECES = 3, ROUNDS = 1000 };
struct run { int piece[PIECES], got[ROUNDS]; unsigned n; };

static void note_piece(void *ctx, unsigned piece)
{
    struct run *r = ctx;
    r->got[r->n++] = r->piece[piece];
}

static void pieces_are_done_in_order(void **state)
{
    (void)state;
    static struct run r;
    struct relay relay;
    relay_init(&relay, PIECES, note_piece, &r);
    for (int i = 0; i < ROUNDS; i++) {
        r.piece[relay_next(&relay)] = i;
        relay_hand(&relay);
    }
    relay_end(&relay);
    assert_int_equal(r.n, ROUNDS);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(r.got[i], i);
    relay_init(&relay, PIECES, note_piece, &r); /* nothing handed over: no thread */
    assert_int_equal(relay_next(&relay), 0);
    assert_false(relay.has_thread);
    relay_end(&relay);
}

/* ---- a journal long enough ---- */

enum { LESSONS = 2 * CHECKPOINT_EVERY + 5000, BATCH = 2500 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static struct engine *open_at(const char *home)
{
    struct engine *e;
    struct report why;
    if (engine_open(&(struct engine_options){.home = home, .is_empty = true, .make_home = true}, &e, &why))
        fail_msg("%s", why.text);
    return e;
}

static void close_it(struct engine **e)
{
    struct report why;
    if (engine_close(e, &why))
        fail_msg("%s", why.text);
}

/* Lessons of a few features each, from a small generator: what they say does not matter here. */
static void teach_many(struct engine *e, struct arena *a, unsigned n)
{
    struct report why;
    struct buf code;
    buf_init(&code, 1 << 16);
    for (unsigned i = 0; i < n; i++) {
        if (i % BATCH == 0)
            assert_int_equal(engine_begin(e, &why), 0);
        uint32_t slot[VIEW_N];
        struct feature_set f = {.slot = slot};
        for (unsigned v = 0; v < VIEW_N; v++) {
            slot[v] = (uint32_t)(mix64(i * VIEW_N + v) % (v < 4 ? 50 : FEATURE_SLOTS));
            f.start[v + 1] = v + 1;
        }
        arena_reset(a);
        buf_clear(&code);
        assert_int_equal(feature_encode(a, &f, &code), 0);
        uint8_t digest[32];
        sha256(span_of(&i, sizeof i), digest);
        struct teaching t = {mix64(i) % 3 ? LESSON_HAM : LESSON_SPAM, SPAN_LIT("ann"), SPAN_LIT("test"), 1 + i};
        if (engine_teach_coded(e, digest, engine_extractor(), buf_span(&code), &t, NULL, &why))
            fail_msg("%s", why.text);
        if (i % BATCH == BATCH - 1)
            assert_int_equal(engine_commit(e, &why), 0);
    }
    buf_deinit(&code);
}

struct digest { uint8_t b[32]; };

static struct digest digest_at(const char *home)
{
    struct digest d;
    struct report why;
    struct engine *e = open_at(home);
    assert_int_equal(engine_model_digest(e, d.b, &why), 0);
    close_it(&e);
    return d;
}

#define assert_digest(got, expected) \
    do { \
        struct digest assert_a_ = (got), assert_b_ = (expected); \
        assert_memory_equal(assert_a_.b, assert_b_.b, 32); \
    } while (0)

static void drop_model(const char *home)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/model.posse", home);
    assert_int_equal(unlink(path), 0);
}

static size_t checkpoints_of(const char *home, uint64_t id[CHECKPOINTS_KEPT])
{
    char path[4200];
    size_t n = 0;
    struct dirent **entry;
    snprintf(path, sizeof path, "%s/checkpoints", home);
    int found = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        if (entry[i]->d_name[0] != '.')
            id[n++] = strtoull(entry[i]->d_name, NULL, 10);
        free(entry[i]);
    }
    if (found >= 0)
        free(entry);
    return n;
}

static void spoil_checkpoint(const char *home, uint64_t id)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoints/%020llu.posse", home, (unsigned long long)id);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 1 << 20, SEEK_SET), 0);
    assert_int_equal(fputs("not what was written", f) >= 0, 1);
    fclose(f);
}

static void sql(const char *home, const char *text)
{
    char path[4200];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/lessons.db", home);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static char *taught_home(void)
{
    const char *tmp = getenv("TMPDIR");
    char *home = NULL;
    assert_true(asprintf(&home, "%s/posse-checkpoints.XXXXXX", tmp ? tmp : "/tmp") > 0);
    assert_non_null(mkdtemp(home));
    struct arena *a = arena_new(1 << 20);
    struct engine *e = open_at(home);
    teach_many(e, a, LESSONS);
    close_it(&e);
    arena_free(&a);
    return home;
}

static void remove_home(char *home)
{
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(home);
}

/* With lesson 5 damaged nothing can be folded from nothing, so a model that comes up came from a checkpoint. */
static void a_fold_starts_from_the_best_good_one(void **state)
{
    (void)state;
    char *home = taught_home();
    uint64_t id[CHECKPOINTS_KEPT];
    struct digest want = digest_at(home);
    assert_int_equal(checkpoints_of(home, id), 2);
    assert_int_equal(id[0], CHECKPOINT_EVERY);
    assert_int_equal(id[1], 2 * CHECKPOINT_EVERY);
    sql(home, "UPDATE features SET sum = sum + 1 WHERE lesson = 5");
    drop_model(home);
    assert_digest(digest_at(home), want);
    sql(home, "UPDATE features SET sum = sum + 1 WHERE lesson = 15000"); /* between the two: the newer one is needed */
    drop_model(home);
    assert_digest(digest_at(home), want);
    sql(home, "UPDATE features SET sum = sum - 1 WHERE lesson = 15000");
    spoil_checkpoint(home, 2 * CHECKPOINT_EVERY); /* now the older one */
    drop_model(home);
    assert_digest(digest_at(home), want);
    sql(home, "UPDATE features SET sum = sum - 1 WHERE lesson = 5");
    spoil_checkpoint(home, CHECKPOINT_EVERY); /* and now none */
    drop_model(home);
    assert_digest(digest_at(home), want);
    remove_home(home);
}

static void take_back(const char *home, uint64_t id)
{
    struct report why;
    uint64_t n;
    struct engine *e = open_at(home);
    if (engine_unlearn(e, &(struct lesson_filter){.id = id, .klass = -1}, false, &n, &why))
        fail_msg("%s", why.text);
    assert_int_equal(n, 1);
    close_it(&e);
}

/* Each checkpoint alone, with what came after it, must give the model that there would be without the lesson. */
static void none_survives_what_it_holds(void **state)
{
    (void)state;
    char *home = taught_home(), all[4300];
    uint64_t id[CHECKPOINTS_KEPT];
    struct digest with = digest_at(home);
    take_back(home, 15000);
    struct digest without = digest_at(home);
    assert_true(memcmp(with.b, without.b, 32) != 0);
    size_t n = checkpoints_of(home, id);
    assert_int_equal(n, 2); /* the newer one was made again */
    assert_int_equal(id[0], CHECKPOINT_EVERY);
    while (n > 0) {
        drop_model(home);
        assert_digest(digest_at(home), without);
        snprintf(all, sizeof all, "%s/checkpoints/%020llu.posse", home, (unsigned long long)id[--n]);
        assert_int_equal(unlink(all), 0);
    }
    drop_model(home);
    assert_digest(digest_at(home), without); /* from nothing */
    take_back(home, 7); /* before all */
    n = checkpoints_of(home, id);
    assert_int_equal(n, 2);
    struct digest fewer = digest_at(home);
    snprintf(all, sizeof all, "%s/checkpoints", home);
    nftw(all, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    drop_model(home);
    assert_digest(digest_at(home), fewer);
    remove_home(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_ones_are_spaced_by_distance),
        cmocka_unit_test(those_that_go_are_named),
        cmocka_unit_test(a_long_way_makes_few),
        cmocka_unit_test(pieces_are_done_in_order),
        cmocka_unit_test(a_fold_starts_from_the_best_good_one),
        cmocka_unit_test(none_survives_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
