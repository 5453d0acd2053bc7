/* Snapshots: round trip, every flipped bit and every cut seen, what may be replaced. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/snapshot.h"

struct place { char dir[64], path[96]; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/posse-snapshot-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/model.posse", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char tmp[128];
    snprintf(tmp, sizeof tmp, "%s.tmp", p->path);
    unlink(tmp);
    unlink(p->path);
    rmdir(p->dir);
    free(p);
    return 0;
}

static const struct snapshot_section some[] = {
    {"weights", {(const uint8_t *)"0123456789", 10}}, {"empty", {NULL, 0}}, {"fifteen-bytes--", {(const uint8_t *)"x", 1}}};

static struct span slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t b[65536];
    size_t n = f ? fread(b, 1, sizeof b, f) : 0;
    if (f)
        fclose(f);
    return exact(b, n);
}

static void what_is_written_is_read(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 3, &why), POSSE_OK);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct snapshot *s;
    assert_int_equal(snapshot_open(p->path, SNAPSHOT_MODEL, &s, &why), POSSE_OK);
    assert_span_equal(snapshot_get(s, "weights"), "0123456789");
    assert_int_equal(snapshot_get(s, "empty").n, 0);
    assert_non_null(snapshot_get(s, "empty").p);
    assert_span_equal(snapshot_get(s, "fifteen-bytes--"), "x");
    assert_null(snapshot_get(s, "weight").p);
    assert_int_equal((uintptr_t)snapshot_get(s, "weights").p % 64, 0);
    ((uint8_t *)snapshot_get(s, "weights").p)[0] = 'X'; /* a private copy */
    snapshot_close(&s);
    assert_null(s);
    struct span first = slurp(p->path);
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 3, &why), POSSE_OK);
    struct span second = slurp(p->path);
    assert_true(span_eq(first, second));
    exact_free(first);
    exact_free(second);
}

static void every_damage_is_seen(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 3, &why), POSSE_OK);
    struct span whole = slurp(p->path);
    assert_int_equal(snapshot_validate(whole, SNAPSHOT_MODEL, "m", &why), POSSE_OK);
    for (size_t bit = 0; bit < whole.n * 8; bit++) {
        struct span bad = exact(whole.p, whole.n);
        ((uint8_t *)bad.p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = snapshot_validate(bad, SNAPSHOT_MODEL, "m", &why);
        assert_true(rc == POSSE_ECORRUPT || (rc == POSSE_EVERSION && bit / 8 >= 8 && bit / 8 < 12));
        exact_free(bad);
    }
    for (size_t n = 0; n < whole.n; n++) {
        struct span bad = exact(whole.p, n);
        assert_int_equal(snapshot_validate(bad, SNAPSHOT_MODEL, "m", &why), POSSE_ECORRUPT);
        exact_free(bad);
    }
    assert_int_equal(snapshot_validate(whole, SNAPSHOT_PRIOR, "m", &why), POSSE_EVERSION);
    assert_non_null(strstr(why.text, "m: a snapshot of kind 2 where kind 1 is needed"));
    exact_free(whole);
}

static void only_good_names_and_regular_files(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    struct snapshot *s;
    const struct snapshot_section twice[] = {{"a", {NULL, 0}}, {"a", {NULL, 0}}}, longer[] = {{"sixteen-bytes---", {NULL, 0}}},
                                  none[] = {{"", {NULL, 0}}};
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, twice, 2, &why), POSSE_EINVAL);
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, longer, 1, &why), POSSE_EINVAL);
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, none, 1, &why), POSSE_EINVAL);
    assert_int_equal(snapshot_write("/dev/null", SNAPSHOT_MODEL, some, 3, &why), POSSE_ENOTFILE);
    assert_int_equal(snapshot_write(p->dir, SNAPSHOT_MODEL, some, 3, &why), POSSE_ENOTFILE);
    assert_int_equal(snapshot_open(p->dir, SNAPSHOT_MODEL, &s, &why), POSSE_ENOTFILE);
    assert_null(s);
    assert_int_equal(snapshot_open(p->path, SNAPSHOT_MODEL, &s, &why), POSSE_ENOENT);
    assert_int_equal(mkfifo(p->path, 0600), 0);
    assert_int_equal(snapshot_open(p->path, SNAPSHOT_MODEL, &s, &why), POSSE_ENOTFILE);
}

static void two_writers_do_not_mix(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    char tmp[128];
    snprintf(tmp, sizeof tmp, "%s.tmp", p->path);
    /* A leftover of a crash is taken over, whatever it holds. */
    int fd = open(tmp, O_CREAT | O_RDWR, 0644);
    assert_int_equal(write(fd, "left over from a crash, and longer than the header and more", 59), 59);
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 1, &why), POSSE_OK);
    assert_int_equal(access(tmp, F_OK), -1);
    close(fd);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct snapshot *s;
    assert_int_equal(snapshot_open(p->path, SNAPSHOT_MODEL, &s, &why), POSSE_OK);
    snapshot_close(&s);
    /* One that is being written is left alone. */
    fd = open(tmp, O_CREAT | O_RDWR, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 1, &why), POSSE_EBUSY);
    close(fd);
    unlink(tmp);
    /* Nor is a link followed. */
    assert_int_equal(symlink("/dev/full", tmp), 0);
    assert_int_not_equal(snapshot_write(p->path, SNAPSHOT_MODEL, some, 1, &why), POSSE_OK);
}

static void no_sections_at_all(void **state)
{
    struct place *p = *state;
    struct report why = {0};
    struct snapshot *s;
    assert_int_equal(snapshot_write(p->path, SNAPSHOT_PRIOR, NULL, 0, &why), POSSE_OK);
    assert_int_equal(snapshot_open(p->path, SNAPSHOT_PRIOR, &s, &why), POSSE_OK);
    assert_null(snapshot_get(s, "x").p);
    snapshot_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_damage_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_good_names_and_regular_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_writers_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_sections_at_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
