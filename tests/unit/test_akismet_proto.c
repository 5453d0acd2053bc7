/* Akismet's protocol: forms, keys, addresses. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "serve/akismet_proto.h"

static struct akismet_form form;

static int read_body(const char *body, const char *host, struct akismet_request *out)
{
    struct span in = exact_str(body);
    struct report why;
    akismet_form_clear(&form);
    int err = akismet_form_read(&form, in, &why);
    exact_free(in);
    akismet_request_read(&form, span_str(host), out);
    return err;
}

static int set_up(void **state)
{
    (void)state;
    akismet_form_init(&form);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    akismet_form_deinit(&form);
    return 0;
}

static void every_field_is_read(void **state)
{
    (void)state;
    struct akismet_request r;
    assert_int_equal(read_body("api_key=0123456789ab&blog=https%3A%2F%2Fa.example&user_ip=192.0.2.1&user_agent=UA&referrer=R&permalink=P"
                               "&comment_type=comment&comment_author=J%C3%B6rg+B&comment_author_email=a%40b.example&comment_author_url="
                               "http://c.example&comment_content=one%0D%0Atwo%3C%2Fa%3E&comment_date_gmt=D&comment_post_modified_gmt=M"
                               "&comment_parent=7&comment_context[]=x&comment_context[1]=y&comment_context%5B%5D=z&blog_lang=de&"
                               "blog_charset=UTF-8&user_role=editor&is_test=1&recheck_reason=edit&honeypot_field_name=hp&hp=me",
                               "", &r), POSSE_OK);
    assert_span_equal(r.key, "0123456789ab");
    assert_span_equal(r.blog, "https://a.example");
    assert_span_equal(r.user_ip, "192.0.2.1");
    assert_span_equal(r.user_agent, "UA");
    assert_span_equal(r.referrer, "R");
    assert_span_equal(r.permalink, "P");
    assert_span_equal(r.type, "comment");
    assert_span_equal(r.author, "J\xc3\xb6rg B");
    assert_span_equal(r.email, "a@b.example");
    assert_span_equal(r.url, "http://c.example");
    assert_span_equal(r.content, "one\r\ntwo</a>");
    assert_span_equal(r.date, "D");
    assert_span_equal(r.post_modified, "M");
    assert_span_equal(r.parent, "7");
    assert_int_equal(r.n_context, 3);
    assert_span_equal(r.context[2], "z");
    assert_span_equal(r.language, "de");
    assert_span_equal(r.charset, "UTF-8");
    assert_span_equal(r.role, "editor");
    assert_span_equal(r.recheck_reason, "edit");
    assert_span_equal(r.honeypot, "me");
    assert_true(r.is_test);
}

static void odd_forms_are_read_as_php_reads_them(void **state)
{
    (void)state;
    struct akismet_request r;
    assert_int_equal(read_body("&&blog=a%&=x&comment_author=%4&comment_content=%zz%41%&user_ip&blog_lang=a=b&is_test=false", "", &r), 0);
    assert_span_equal(r.blog, "a%");
    assert_span_equal(r.author, "%4");
    assert_span_equal(r.content, "%zzA%");
    assert_span_equal(r.user_ip, "");
    assert_span_equal(r.language, "a=b");
    assert_false(r.is_test);
    read_body("blog=first&blog=second&is_test=0", "", &r);
    assert_span_equal(r.blog, "second");
    assert_false(r.is_test);
    assert_int_equal(read_body("", "", &r), 0);
    assert_span_equal(r.key, "");
    /* the honeypot's field may come before its name, may be empty, may be a field that we know */
    read_body("hp=%20&honeypot_field_name=hp", "", &r);
    assert_span_equal(r.honeypot, "");
    read_body("comment_author=x&honeypot_field_name=comment_author", "", &r);
    assert_span_equal(r.honeypot, "x");
}

static void limits_hold(void **state)
{
    (void)state;
    struct akismet_request r;
    struct report why;
    struct buf big;
    buf_init(&big, (size_t)4 << 20);
    for (int i = 0; i < AKISMET_FIELDS_MAX + 1; i++)
        buf_add_fmt(&big, "f%d=%d&", i, i);
    akismet_form_clear(&form);
    assert_int_equal(akismet_form_read(&form, buf_span(&big), &why), POSSE_ELIMIT);
    akismet_form_clear(&form);
    assert_int_equal(akismet_form_read(&form, span_sub(buf_span(&big), 0, big.n - 9), &why), POSSE_OK);
    assert_int_equal(akismet_form_add(&form, SPAN_LIT("a"), SPAN_LIT("b"), &why), POSSE_ELIMIT);
    buf_clear(&big);
    buf_add_str(&big, "user_agent=");
    while (big.n <= AKISMET_BODY_MAX)
        buf_add_str(&big, "aaaaaaaaaaaaaaaa");
    akismet_form_clear(&form);
    assert_int_equal(akismet_form_read(&form, buf_span(&big), &why), POSSE_ETOOBIG);
    assert_int_equal(akismet_form_read(&form, span_sub(buf_span(&big), 0, AKISMET_BODY_MAX), &why), POSSE_OK);
    akismet_request_read(&form, SPAN_NONE, &r);
    assert_int_equal(r.user_agent.n, AKISMET_VALUE_MAX);
    buf_deinit(&big);
}

static void the_key_may_stand_in_the_host(void **state)
{
    (void)state;
    struct akismet_request r;
    read_body("blog=b", "0123456789ab.rest.akismet.com", &r);
    assert_span_equal(r.key, "0123456789ab");
    read_body("api_key=abcdefabcdef&blog=b", "0123456789ab.rest.akismet.com:8180", &r);
    assert_span_equal(r.key, "abcdefabcdef");
    assert_span_equal(r.asked_key, "abcdefabcdef");
    read_body("key=new&blog=b&api_key=old", "0123456789ab.rest.akismet.com", &r);
    assert_span_equal(r.key, "old");
    assert_span_equal(r.asked_key, "new");
    read_body("key=0123456789ab", "rest.akismet.com", &r);
    assert_span_equal(r.key, "0123456789ab");
    assert_span_equal(akismet_host_key(SPAN_LIT("rest.akismet.com")), "");
    assert_span_equal(akismet_host_key(SPAN_LIT("127.0.0.1:8180")), "");
    assert_span_equal(akismet_host_key(SPAN_LIT("0123456789ab")), "");
    assert_span_equal(akismet_host_key(SPAN_LIT("0123456789a-.x")), "");
    assert_true(akismet_key_is_sound(SPAN_LIT("0123456789AB")));
    assert_false(akismet_key_is_sound(SPAN_LIT("0123456789a")));
    assert_false(akismet_key_is_sound(SPAN_LIT("0123456789a/")));
}

static void one_blog_has_one_name(void **state)
{
    (void)state;
    static const struct { const char *blog, *name, *host; } table[] = {
        {"https://www.Blog.Example/", "blog.example", "blog.example"},
        {"http://blog.example:80", "blog.example", "blog.example"},
        {"blog.example", "blog.example", "blog.example"},
        {"//blog.example/Sub/?x=1#y", "blog.example/Sub", "blog.example"},
        {"https://blog.example:8443/a b", "blog.example:8443/a_b", "blog.example:8443"},
        {"http://127.0.0.1:443/", "127.0.0.1", "127.0.0.1"},
        {"http://[::1]/", "[::1]", "[::1]"},
        {"", "", ""}, {"   ", "", ""}, {"http://", "", ""}, {"/only/a/path", "", ""},
        {"http://user:pw@c.example/x@y", "user:pw@c.example/x@y", "c.example"},
        {"http://www.", "", ""},
    };
    char out[64];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct span in = exact_str(table[i].blog);
        assert_span_equal(span_of(out, akismet_blog(in, out, sizeof out)), table[i].name);
        assert_span_equal(span_of(out, akismet_url_host(in, out, sizeof out)), table[i].host);
        exact_free(in);
    }
    assert_int_equal(akismet_blog(SPAN_LIT("http://aaaaaaaaaa/bbbbbbbb"), out, 4), 4);
}

static void akismets_samples_are_known(void **state)
{
    (void)state;
    struct akismet_request r;
    read_body("comment_author=viagra-test-123", "", &r);
    assert_int_equal(akismet_sample(&r), AKISMET_SAMPLE_SPAM);
    read_body("comment_author=akismet-guaranteed-spam", "", &r);
    assert_int_equal(akismet_sample(&r), AKISMET_SAMPLE_SPAM);
    read_body("comment_author_email=akismet-guaranteed-spam%40example.com", "", &r);
    assert_int_equal(akismet_sample(&r), AKISMET_SAMPLE_SPAM);
    read_body("user_role=administrator&comment_author=x", "", &r);
    assert_int_equal(akismet_sample(&r), AKISMET_SAMPLE_HAM);
    read_body("comment_author=viagra-test-1234", "", &r);
    assert_int_equal(akismet_sample(&r), AKISMET_REAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(odd_forms_are_read_as_php_reads_them),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_key_may_stand_in_the_host),
        cmocka_unit_test(one_blog_has_one_name),
        cmocka_unit_test(akismets_samples_are_known),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
