/* asfile: CSV and compiled tables answer alike; what is neither is refused with a word on what to do. */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/asfile.h"

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void opens(void **state)
{
    char dir[] = "/tmp/posse-asfile-XXXXXX", csv[64], bin[64];
    struct asfile *f, *g;
    struct report why = {0};
    struct as_info as;
    struct ip a;
    assert_non_null(mkdtemp(dir));
    snprintf(csv, sizeof csv, "%s/as.csv", dir);
    snprintf(bin, sizeof bin, "%s/as.posse", dir);
    assert_int_equal(asfile_open(csv, &f, &why), POSSE_ENOENT);
    write_file(csv, "10.0.0.0,10.0.255.255,64500,Alpha,DE,1\n2001:db8::,2001:db8::ffff,64501,Beta\n");
    assert_int_equal(asfile_open(csv, &f, &why), 0);
    assert_int_equal(asfile_write(asfile_table(f), bin, &why), 0);
    assert_int_equal(asfile_open(bin, &g, &why), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(ip_read(SPAN_LIT("10.0.7.7"), &a));
        assert_true(astable_find(asfile_table(i ? g : f), &a, &as));
        assert_string_equal(as.name, "Alpha");
        assert_true(as.is_dynamic);
    }
    struct stat st;
    assert_int_equal(stat(bin, &st), 0);
    assert_int_equal(truncate(bin, st.st_size - 1), 0);
    asfile_close(&f);
    asfile_close(&g);
    assert_int_equal(asfile_open(bin, &g, &why), POSSE_ECORRUPT);
    write_file(csv, "10.0.0.0,10.0.255.255\n");
    assert_int_equal(asfile_open(csv, &f, &why), POSSE_ESYNTAX);
    assert_null(f);
    write_file(csv, "");
    assert_int_equal(asfile_open(csv, &f, &why), 0);
    asfile_close(&f);
    assert_int_equal(asfile_open(dir, &f, &why), POSSE_ENOTFILE);
    assert_null(asfile_table(NULL));
    unlink(csv);
    unlink(bin);
    rmdir(dir);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
