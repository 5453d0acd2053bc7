/* A case that somebody had his hands in: whatever is changed, removed, added, moved, cut off, rolled back or sealed anew is found, and the
 * right line is named; and what cannot be known from the folder alone is not claimed. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/verify.h"

enum { EXHIBITS = 40, LINES = EXHIBITS + 1, SIZE = 50, NAMED_MAX = 64 };

static struct case_time now(void *ctx)
{
    int64_t *clock = ctx;
    return (struct case_time){.unix_ms = *clock += 1000};
}

struct kit { char folder[64], key[80]; struct head first, last; struct report why; };

static void run(const char *fmt, const char *a, const char *b)
{
    char cmd[300];
    snprintf(cmd, sizeof cmd, fmt, a, b);
    assert_int_equal(system(cmd), 0);
}

static void seal(struct kit *k, struct casefile *c, struct head *out)
{
    struct seal_key *key;
    int64_t clock = 1300286700000;
    struct case_time t = now(&clock);
    if (seal_key_open(k->key, true, &key, &k->why) || seal_case(c, key, &t, out, &k->why))
        fail_msg("%s", k->why.text);
    seal_key_free(&key);
}

/* A case of forty exhibits, sealed after the tenth and at its end. */
static void setup(struct kit *k)
{
    static int number;
    int64_t clock = 1300286700000;
    struct case_writer w = {"analyst", "posse 0.1.0", now, &clock};
    struct casefile *c;
    *k = (struct kit){0};
    snprintf(k->folder, sizeof k->folder, "/tmp/posse-verify.%d.%d", getpid(), number);
    snprintf(k->key, sizeof k->key, "/tmp/posse-verify.%d.%d.key", getpid(), number++);
    if (casefile_create(k->folder, "test", "botnet example", &w, &c, &k->why))
        fail_msg("%s", k->why.text);
    for (int i = 0; i < EXHIBITS; i++) {
        char text[SIZE + 1], name[32];
        snprintf(text, sizeof text, "exhibit %02d: %37d", i, i * 7919);
        snprintf(name, sizeof name, "message %d", i);
        struct exhibit e = {.name = span_str(name), .media = SPAN_LIT("text/plain"), .source = SPAN_LIT("trap"), .redacts = -1};
        if (casefile_exhibit(c, &e, span_of(text, SIZE), NULL, &k->why))
            fail_msg("%s", k->why.text);
        if (i == 9)
            seal(k, c, &k->first);
    }
    seal(k, c, &k->last);
    casefile_close(&c, NULL);
}

static void teardown(struct kit *k) { run("rm -rf %s %s", k->folder, k->key); }

struct named { size_t n; int64_t line[NAMED_MAX]; enum finding_kind kind[NAMED_MAX]; char text[300]; };

static int note(void *ctx, const struct finding *f)
{
    struct named *m = ctx;
    if (m->n < NAMED_MAX) {
        m->line[m->n] = f->n;
        m->kind[m->n] = f->kind;
    }
    m->n++;
    memcpy(m->text, f->text, sizeof m->text);
    return 0;
}

static bool names(const struct named *m, int64_t line)
{
    for (size_t i = 0; i < m->n && i < NAMED_MAX; i++)
        if (m->line[i] == line)
            return true;
    return false;
}

static struct verified look(struct kit *k, const struct verify_options *o, struct named *m)
{
    static const struct verify_options none;
    struct verified v;
    *m = (struct named){0};
    if (case_verify(k->folder, o ? o : &none, note, m, &v, &k->why))
        fail_msg("%s", k->why.text);
    assert_int_equal(v.is_sound, m->n == 0);
    return v;
}

static char *path_of(struct kit *k, const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", k->folder, name);
    return path;
}

static struct span load(struct kit *k, const char *name)
{
    FILE *f = fopen(path_of(k, name), "r");
    char *p = malloc(1 << 20);
    size_t n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return span_of(p, n);
}

static void store(struct kit *k, const char *name, struct span s)
{
    FILE *f = fopen(path_of(k, name), "w");
    if (s.n)
        fwrite(s.p, 1, s.n, f);
    fclose(f);
}

static struct span line_of(struct span log, int64_t i)
{
    size_t from = 0;
    for (; i > 0; i--)
        from = (size_t)((const uint8_t *)memchr(log.p + from, '\n', log.n - from) - log.p) + 1;
    const uint8_t *end = memchr(log.p + from, '\n', log.n - from);
    return span_of(log.p + from, (size_t)(end - (log.p + from)) + 1);
}

/* The log made of these lines of it. */
static void rewrite(struct kit *k, struct span log, const int64_t *line, size_t n)
{
    char *p = malloc(2 * log.n + 1);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        struct span l = line_of(log, line[i]);
        memcpy(p + at, l.p, l.n);
        at += l.n;
    }
    store(k, "log.jsonl", span_of(p, at));
    free(p);
}

static uint64_t rng = 42;
static uint64_t below(uint64_t n)
{
    rng = rng * 6364136223846793005ull + 1442695040888963407ull;
    return (rng >> 33) % n;
}

static void test_sound(void **state)
{
    (void)state;
    struct kit k;
    struct named m;
    setup(&k);
    struct verified v = look(&k, NULL, &m);
    if (m.n)
        fail_msg("%s", m.text);
    assert_int_equal(v.lines, LINES);
    assert_int_equal(v.exhibits, EXHIBITS);
    assert_int_equal(v.bytes, EXHIBITS * SIZE);
    assert_int_equal(v.heads, 2);
    assert_int_equal(v.sealed, LINES);
    assert_string_equal(v.key, k.last.key);
    assert_false(v.proves_key || v.proves_head || v.proves_time);
    v = look(&k, &(struct verify_options){.key = k.last.key, .head = span_str(k.first.line)}, &m);
    assert_true(v.is_sound && v.proves_key && v.proves_head);
    teardown(&k);
}

static void test_changed_bytes(void **state)
{
    (void)state;
    struct kit k;
    struct named m;
    setup(&k);
    struct span log = load(&k, "log.jsonl"), pack = load(&k, "exhibits/pack-0000"), heads = load(&k, "heads.jsonl");
    for (int i = 0; i < 250; i++) { /* of exhibits: that one is named, and no other */
        size_t at = below(pack.n);
        uint8_t was = pack.p[at];
        ((uint8_t *)pack.p)[at] ^= (uint8_t)(1 + below(255));
        store(&k, "exhibits/pack-0000", pack);
        look(&k, NULL, &m);
        assert_int_equal(m.n, 1);
        assert_int_equal(m.line[0], at / SIZE + 1);
        ((uint8_t *)pack.p)[at] = was;
    }
    store(&k, "exhibits/pack-0000", pack);
    for (int i = 0; i < 500; i++) { /* of the log: its line is named */
        size_t at = below(log.n);
        int64_t line = 0;
        for (size_t b = 0; b < at; b++)
            line += log.p[b] == '\n';
        uint8_t was = log.p[at];
        ((uint8_t *)log.p)[at] ^= (uint8_t)(1 + below(255));
        store(&k, "log.jsonl", log);
        look(&k, NULL, &m);
        if (!m.n || !(names(&m, line) || (was == '\n' && names(&m, line + 1))))
            fail_msg("byte %zu (%c) of line %d changed to %d: %zu findings, the last: %s", at, was, (int)line, log.p[at], m.n, m.text);
        ((uint8_t *)log.p)[at] = was;
    }
    store(&k, "log.jsonl", log);
    for (int i = 0; i < 150; i++) { /* of heads */
        size_t at = below(heads.n);
        uint8_t was = heads.p[at];
        ((uint8_t *)heads.p)[at] ^= (uint8_t)(1 + below(255));
        store(&k, "heads.jsonl", heads);
        look(&k, NULL, &m);
        assert_true(m.n > 0);
        ((uint8_t *)heads.p)[at] = was;
    }
    store(&k, "heads.jsonl", heads);
    look(&k, NULL, &m);
    assert_int_equal(m.n, 0);
    free((void *)log.p);
    free((void *)pack.p);
    free((void *)heads.p);
    teardown(&k);
}

static void test_removed_moved_added(void **state)
{
    (void)state;
    struct kit k;
    struct named m;
    int64_t order[LINES + 1];
    setup(&k);
    struct span log = load(&k, "log.jsonl");
    for (int64_t i = 0; i < LINES; i++) {
        size_t n = 0;
        for (int64_t j = 0; j < LINES; j++)
            if (j != i)
                order[n++] = j;
        rewrite(&k, log, order, n);
        look(&k, NULL, &m);
        if (!names(&m, i) || m.kind[0] != FINDING_REMOVED)
            fail_msg("line %d removed: %zu findings, the last: %s", (int)i, m.n, m.text);
    }
    for (int i = 0; i < 200; i++) { /* two change places */
        int64_t a = (int64_t)below(LINES), b = (int64_t)below(LINES);
        if (a == b)
            continue;
        for (int64_t j = 0; j < LINES; j++)
            order[j] = j == a ? b : j == b ? a : j;
        rewrite(&k, log, order, LINES);
        look(&k, NULL, &m);
        if (!names(&m, a) && !names(&m, b))
            fail_msg("lines %d and %d swapped: %zu findings, the last: %s", (int)a, (int)b, m.n, m.text);
    }
    for (int i = 0; i < 100; i++) { /* one stands twice */
        size_t at = below(LINES + 1), n = 0;
        int64_t twice = (int64_t)below(LINES);
        for (int64_t j = 0; j <= LINES; j++) {
            if ((size_t)j == at)
                order[n++] = twice;
            if (j < LINES)
                order[n++] = j;
        }
        rewrite(&k, log, order, n);
        look(&k, NULL, &m);
        if (!names(&m, twice))
            fail_msg("line %d twice, at %zu: %zu findings, the last: %s", (int)twice, at, m.n, m.text);
    }
    for (size_t n = 1; n < LINES; n++) { /* cut off at its end */
        for (size_t j = 0; j < n; j++)
            order[j] = (int64_t)j;
        rewrite(&k, log, order, n);
        look(&k, NULL, &m);
        assert_true(names(&m, (int64_t)n) && m.kind[0] == FINDING_REMOVED);
    }
    free((void *)log.p);
    teardown(&k);
}

static void test_exhibits_gone(void **state)
{
    (void)state;
    struct kit k;
    struct named m;
    setup(&k);
    struct span pack = load(&k, "exhibits/pack-0000");
    store(&k, "exhibits/pack-0000", span_sub(pack, 0, SIZE * 30 + 10));
    look(&k, NULL, &m);
    assert_int_equal(m.n, 10);
    assert_int_equal(m.line[0], 31);
    assert_int_equal(m.kind[0], FINDING_REMOVED);
    store(&k, "exhibits/pack-0000", pack);
    store(&k, "exhibits/extra", SPAN_NONE); /* no pack: nobody reads it */
    store(&k, "readme", SPAN_LIT("x"));
    look(&k, NULL, &m);
    assert_int_equal(m.kind[0], FINDING_ADDED);
    free((void *)pack.p);
    teardown(&k);
}

/* What a folder cannot show: a log cut back to an older head, and one made anew under another key. */
static void test_what_only_something_held_elsewhere_proves(void **state)
{
    (void)state;
    struct kit k;
    struct named m;
    struct verified v;
    int64_t order[LINES];
    setup(&k);
    struct span log = load(&k, "log.jsonl"), heads = load(&k, "heads.jsonl"), pack = load(&k, "exhibits/pack-0000");
    for (int64_t j = 0; j < LINES; j++)
        order[j] = j;
    rewrite(&k, log, order, 11);
    store(&k, "heads.jsonl", line_of(heads, 0));
    store(&k, "exhibits/pack-0000", span_sub(pack, 0, 10 * SIZE));
    v = look(&k, NULL, &m);
    assert_true(v.is_sound && !v.proves_head && !v.proves_key); /* and says so */
    v = look(&k, &(struct verify_options){.key = k.last.key, .head = span_str(k.last.line)}, &m);
    assert_false(v.is_sound || v.proves_head);
    assert_int_equal(m.kind[0], FINDING_ROLLED_BACK);
    assert_int_equal(m.line[0], 11);

    run("rm -rf %s %s", k.folder, "");
    struct kit other;
    setup(&other); /* the same exhibits, another key */
    v = look(&other, &(struct verify_options){.key = k.last.key}, &m);
    assert_false(v.proves_key);
    assert_int_equal(m.kind[0], FINDING_OTHER_KEY);
    v = look(&other, NULL, &m);
    assert_true(v.is_sound && !v.proves_key);
    free((void *)log.p);
    free((void *)heads.p);
    free((void *)pack.p);
    teardown(&other);
    teardown(&k);
}

static void test_heads(void **state)
{
    (void)state;
    struct kit k;
    struct head h;
    char print[SEAL_PRINT];
    setup(&k);
    char name[SEAL_PRINT + 16];
    snprintf(name, sizeof name, "keys/%s.pem", k.last.key);
    struct span pem = load(&k, name);
    assert_int_equal(head_read(span_str(k.last.line), &h, NULL), POSSE_OK);
    assert_int_equal(h.n, LINES);
    assert_true(head_is_signed(span_str(k.last.line), pem, print));
    assert_string_equal(print, k.last.key);
    for (size_t i = 0; i < strlen(k.last.line); i++) {
        char line[SEAL_LINE_MAX];
        memcpy(line, k.last.line, sizeof line);
        line[i] ^= 1;
        struct span copy = exact_str(line);
        assert_false(head_is_signed(copy, pem, print));
        exact_free(copy);
    }
    assert_int_equal(head_read(SPAN_NONE, &h, NULL), POSSE_ESYNTAX);
    free((void *)pem.p);
    /* the same again: nothing is added */
    struct casefile *c;
    int64_t clock = 0;
    struct case_writer w = {"a", "t", now, &clock};
    assert_int_equal(casefile_open(k.folder, &w, &c, &k.why), POSSE_OK);
    seal(&k, c, &h);
    assert_string_equal(h.line, k.last.line);
    casefile_close(&c, NULL);
    chmod(k.key, 0644);
    struct seal_key *key;
    assert_int_equal(seal_key_open(k.key, true, &key, &k.why), POSSE_EACCES);
    teardown(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound), cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_removed_moved_added),
        cmocka_unit_test(test_exhibits_gone), cmocka_unit_test(test_what_only_something_held_elsewhere_proves), cmocka_unit_test(test_heads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
