/* Comments: as messages, as letters, what several sites have in common, and the promises of comment.h. */
#include "unit.h"

#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "serve/comment.h"
#include "serve/comment_known.h"
#include "serve/comment_site.h"
#include "serve/comment_text.h"
#include "serve/keys.h"

enum { HOUR_MS = 3600000 };
static const int64_t NOW = INT64_C(1790000000000), DAY = 24 * HOUR_MS;

/* ---- text ---- */

static void a_comment_becomes_a_message(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    struct akismet_request r = {.author = SPAN_LIT("A \"b\"\r\nTo: x"), .email = SPAN_LIT("a b>@c.example\n"), .url = SPAN_LIT("http://c.example/"),
                                .type = SPAN_LIT("comment"), .content = SPAN_LIT(" \xef\xbb\xbfone\n\n<b>two</b> \xef\xbb\xbf\xef\xbb\xbf \n")};
    comment_message(&r, &b);
    assert_span_equal(buf_span(&b), "X-Comment: type=comment author=A \"b\"  To: x mail=a b>@c.example  page=http://c.example/\n"
                                    "Content-Type: text/html; charset=utf-8\n\none\n\n<b>two</b>\n");
    buf_clear(&b);
    comment_message(&(struct akismet_request){.charset = SPAN_LIT("ISO-8859-1"), .content = SPAN_LIT("x")}, &b);
    assert_span_equal(buf_span(&b), "X-Comment:\nContent-Type: text/html; charset=ISO-8859-1\n\nx\n");
    buf_clear(&b);
    comment_message(&(struct akismet_request){.charset = SPAN_LIT("a\nb: c")}, &b);
    assert_span_equal(buf_span(&b), "X-Comment:\nContent-Type: text/html; charset=utf-8\n\n\n");
    buf_deinit(&b);
}

static void assert_letters(const char *content, const char *letters)
{
    uint8_t out[COMMENT_LETTERS_MAX];
    struct span in = exact_str(content);
    assert_span_equal(span_of(out, comment_letters(in, out)), letters);
    exact_free(in);
}

static void copies_have_the_same_letters(void **state)
{
    (void)state;
    assert_letters("Buy NOW!! <a href=\"http://x1.example/?r=9\">here</a>", "buynowhere");
    assert_letters("buy now, <A HREF='https://y2.example'>HERE</A> 123", "buynowhere");
    assert_letters("see http://x.example/a and HTTPS://y.example<br>ok", "seeandok");
    assert_letters("a < b > c <3 d <e", "abcde");
    assert_letters("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    assert_letters("", "");
    uint8_t out[COMMENT_LETTERS_MAX];
    char *big = malloc(10000);
    memset(big, 'x', 10000);
    assert_int_equal(comment_letters(span_of(big, 10000), out), COMMENT_LETTERS_MAX);
    free(big);
}

/* ---- what several have in common ---- */

static void one_key_alone_makes_nothing_known(void **state)
{
    (void)state;
    struct comment_known *k;
    struct report why;
    const struct span ip = SPAN_LIT("198.51.100.1"), a = SPAN_LIT("key a"), b = SPAN_LIT("key b"), c = SPAN_LIT("key c");
    assert_int_equal(comment_known_open(NULL, &k, &why), 0);
    for (int i = 0; i < 20; i++)
        comment_known_teach(k, KNOWN_ADDRESS, ip, a, true, NOW);
    assert_int_equal(comment_known_spam(k, KNOWN_ADDRESS, ip, NOW), 0);
    comment_known_teach(k, KNOWN_ADDRESS, ip, b, true, NOW);
    assert_int_equal(comment_known_spam(k, KNOWN_ADDRESS, ip, NOW), 2);
    assert_int_equal(comment_known_spam(k, KNOWN_MAIL, ip, NOW), 0); /* another kind is another source */
    comment_known_teach(k, KNOWN_ADDRESS, ip, c, false, NOW); /* a third key says ham: one more for spam is too few */
    assert_int_equal(comment_known_spam(k, KNOWN_ADDRESS, ip, NOW), 0);
    comment_known_teach(k, KNOWN_ADDRESS, ip, c, true, NOW); /* and thinks better of it */
    assert_int_equal(comment_known_spam(k, KNOWN_ADDRESS, ip, NOW), 3);
    assert_int_equal(comment_known_spam(k, KNOWN_ADDRESS, ip, NOW + SOURCE_DAYS * DAY), 0);
    comment_known_teach(k, KNOWN_MAIL, SPAN_NONE, a, true, NOW);
    assert_int_equal(comment_known_spam(k, KNOWN_MAIL, SPAN_NONE, NOW), 0);
    comment_known_close(&k);
}

static void sources_outlive_the_process_and_stay_bounded(void **state)
{
    (void)state;
    char path[] = "/tmp/posse-known.XXXXXX", name[32];
    struct comment_known *k;
    struct report why;
    const struct span host = SPAN_LIT("Spam.example"), a = SPAN_LIT("a"), b = SPAN_LIT("b");
    close(mkstemp(path));
    assert_int_equal(comment_known_open(path, &k, &why), 0);
    comment_known_teach(k, KNOWN_HOST, host, a, true, NOW);
    comment_known_teach(k, KNOWN_HOST, host, b, true, NOW);
    comment_known_close(&k);
    assert_int_equal(comment_known_open(path, &k, &why), 0);
    assert_int_equal(comment_known_spam(k, KNOWN_HOST, SPAN_LIT("spam.EXAMPLE"), NOW), 2);
    int known = 0;
    for (int i = 0; i < 60000; i++) {
        struct span s = span_of(name, (size_t)snprintf(name, sizeof name, "h%d.example", i));
        comment_known_teach(k, KNOWN_HOST, s, a, true, NOW + i);
        comment_known_teach(k, KNOWN_HOST, s, b, true, NOW + i);
    }
    for (int i = 0; i < 60000; i++) {
        struct span s = span_of(name, (size_t)snprintf(name, sizeof name, "h%d.example", i));
        known += comment_known_spam(k, KNOWN_HOST, s, NOW + 60000) == 2;
    }
    assert_in_range(known, 30000, 32768);
    comment_known_close(&k);
    FILE *f = fopen(path, "r+");
    fputs("damaged", f);
    fclose(f);
    assert_int_equal(comment_known_open(path, &k, &why), 0); /* begun anew */
    assert_int_equal(comment_known_spam(k, KNOWN_HOST, host, NOW), 0);
    comment_known_close(&k);
    unlink(path);
    assert_int_equal(comment_known_open("/nonexistent/x", &k, &why), POSSE_ENOENT);
    assert_null(k);
}

static void repeats_count_other_sites(void **state)
{
    (void)state;
    struct comment_known *k;
    struct report why;
    char site[32];
    const struct span text = SPAN_LIT("buywatches"), a = SPAN_LIT("a"), b = SPAN_LIT("b"), c = SPAN_LIT("c"), x = SPAN_LIT("x"), y = SPAN_LIT("y");
    assert_int_equal(comment_known_open(NULL, &k, &why), 0);
    assert_int_equal(comment_known_repeats(k, text, a, x, NOW), 0);
    assert_int_equal(comment_known_repeats(k, text, a, x, NOW), 0); /* the same site again */
    assert_int_equal(comment_known_repeats(k, text, a, y, NOW), 1);
    assert_int_equal(comment_known_repeats(k, text, b, x, NOW), 1); /* both were one key's */
    for (int i = 0; i < 50; i++)
        comment_known_repeats(k, text, a, span_of(site, (size_t)snprintf(site, sizeof site, "%d", i)), NOW);
    assert_int_equal(comment_known_repeats(k, text, c, x, NOW), 2); /* a key that invents sites counts once, and pushes nobody out */
    assert_int_equal(comment_known_repeats(k, text, c, y, NOW + REPEAT_HOURS * HOUR_MS), 0);
    comment_known_close(&k);
}

/* ---- the whole ---- */

struct kit { char home[64]; struct gate *g; struct comments *c; struct counters *counters; struct log *log; };

static struct config *config_with(const char *home, const char *text)
{
    struct config *c;
    struct report why = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/test.conf", home);
    FILE *f = fopen(path, "w");
    fprintf(f, "serve { threads = 1 }\n%s\n", text);
    fclose(f);
    assert_int_equal(config_new(cli_keys, &c, &why), 0);
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    return c;
}

static void kit_open(struct kit *k, const char *text)
{
    struct report why = {0};
    *k = (struct kit){.home = "/tmp/posse-comment.XXXXXX"};
    assert_non_null(mkdtemp(k->home));
    assert_int_equal(counters_open(-1, &k->counters, &why), 0);
    k->log = log_new(2, LOG_ERROR, false, 100);
    struct gate_options o = {.home = k->home, .model = "", .config = config_with(k->home, text), .counters = k->counters, .log = k->log};
    if (gate_open(&o, &k->g, &why))
        fail_msg("%s", why.text);
    const char *root = getenv("POSSE_SOURCE_ROOT");
    char model[4096];
    snprintf(model, sizeof model, "%s/models/comments.posse", root ? root : ".");
    if (comments_open(k->g, model, &k->c, &why))
        fail_msg("%s", why.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void kit_close(struct kit *k)
{
    struct report why;
    comments_close(&k->c);
    assert_int_equal(gate_close(&k->g, &why), 0);
    counters_close(&k->counters);
    log_free(&k->log);
    nftw(k->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char key_a[] = "aaaaaaaaaaaa", key_b[] = "bbbbbbbbbbbb", key_c[] = "cccccccccccc";
static const char keys_text[] = "akismet { keys = {\"aaaaaaaaaaaa\", \"BBBBBBBBBBBB\", \"cccccccccccc\"} sites = 3 sites_in_memory = 2 }";
#define SPAM_TEXT SPAN_LIT("Check out my channel and please subscribe! Free money for everybody, visit http://x.example/ref now")
#define HAM_TEXT SPAN_LIT("I went to the mountains last week and thought of this post, good to read it again")

static struct akismet_request comment(struct span content, const char *blog)
{
    return (struct akismet_request){.blog = span_str(blog), .user_ip = SPAN_LIT("198.51.100.9"), .content = content, .type = SPAN_LIT("comment")};
}

static struct comment_verdict judge(struct kit *k, const char *key, const struct akismet_request *r)
{
    struct comment_verdict v;
    struct report why = {0};
    if (comments_judge(k->c, &(struct comment_asked){r, span_str(key), NOW}, &v, &why))
        fail_msg("%s", why.text);
    return v;
}

static int teach(struct kit *k, const char *key, const struct akismet_request *r, enum lesson_class klass)
{
    struct report why = {0};
    return comments_teach(k->c, &(struct comment_asked){r, span_str(key), NOW}, klass, &why);
}

static void words_decide(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    struct akismet_request spam = comment(SPAM_TEXT, "http://a.example"), ham = comment(HAM_TEXT, "http://a.example");
    struct comment_verdict v = judge(&k, key_a, &spam);
    assert_true(v.is_spam && !v.is_certain && v.bits > v.threshold_bits);
    assert_true(v.id[0]);
    assert_false(judge(&k, key_a, &ham).is_spam);
    /* author, mail and page say nothing to the model that ships */
    struct akismet_request named = spam;
    named.author = SPAN_LIT("Some Body");
    named.email = SPAN_LIT("some@body.example");
    named.url = SPAN_LIT("http://body.example/");
    struct comment_verdict w = judge(&k, key_a, &named);
    assert_true(fabs(w.bits - v.bits) < 1e-9);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_MESSAGES), 3);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_SPAM), 2);
    kit_close(&k);
}

static void a_site_teaches_itself_alone(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    struct akismet_request at_a = comment(HAM_TEXT, "http://a.example");
    at_a.user_ip = SPAN_LIT("10.0.0.1"); /* no source */
    double a0 = judge(&k, key_a, &at_a).bits;
    assert_int_equal(teach(&k, key_a, &at_a, LESSON_SPAM), 0);
    assert_int_equal(teach(&k, key_a, &at_a, LESSON_SPAM), POSSE_EEXIST);
    double a1 = judge(&k, key_a, &at_a).bits;
    assert_true(a1 > a0 + 0.5);
    struct akismet_request fresh = comment(SPAN_LIT("mountains last week"), "http://b.example"), fresh_a = fresh, fresh_other = fresh;
    fresh.user_ip = fresh_other.user_ip = fresh_a.user_ip = SPAN_LIT("10.0.0.1");
    fresh_a.blog = SPAN_LIT("https://www.A.example/");
    fresh_other.blog = SPAN_LIT("http://a.example");
    double untaught = judge(&k, key_a, &fresh).bits;
    assert_true(fabs(judge(&k, key_b, &fresh_other).bits - untaught) < 1e-9); /* the same blog under another key */
    assert_true(judge(&k, key_a, &fresh_a).bits > untaught); /* the same blog written otherwise */
    /* taken back: the other class overrules */
    assert_int_equal(teach(&k, key_a, &at_a, LESSON_HAM), 0);
    assert_true(judge(&k, key_a, &at_a).bits < a1 - 0.5);
    kit_close(&k);
}

static void sites_are_bounded_and_lessons_outlive_eviction(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    char blog[4][32];
    struct akismet_request r[4];
    double taught[3];
    for (int i = 0; i < 4; i++) {
        snprintf(blog[i], sizeof blog[i], "http://s%d.example", i);
        r[i] = comment(SPAN_LIT("mountains last week"), blog[i]);
        r[i].user_ip = SPAN_LIT("10.0.0.1");
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(teach(&k, key_a, &r[i], LESSON_SPAM), 0);
        taught[i] = judge(&k, key_a, &r[i]).bits;
    }
    assert_int_equal(teach(&k, key_a, &r[3], LESSON_SPAM), POSSE_ELIMIT); /* akismet.sites = 3 */
    assert_int_equal(teach(&k, key_b, &r[3], LESSON_SPAM), 0);
    for (int i = 0; i < 3; i++) /* sites_in_memory = 2: at least one was closed and opened again */
        assert_true(fabs(judge(&k, key_a, &r[i]).bits - taught[i]) < 1e-9);
    kit_close(&k);
}

static void honeypots_and_samples_are_clear(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    struct akismet_request r = comment(HAM_TEXT, "http://a.example");
    r.honeypot_name = SPAN_LIT("hp");
    assert_false(judge(&k, key_a, &r).is_spam);
    r.honeypot = SPAN_LIT("me");
    assert_true(judge(&k, key_a, &r).is_certain);
    r = comment(HAM_TEXT, "http://a.example");
    r.author = SPAN_LIT("viagra-test-123");
    struct comment_verdict v = judge(&k, key_a, &r);
    assert_true(v.is_spam && !v.is_certain);
    r.wants_discard = true;
    assert_true(judge(&k, key_a, &r).is_certain);
    r = comment(SPAM_TEXT, "http://a.example");
    r.role = SPAN_LIT("administrator");
    assert_false(judge(&k, key_a, &r).is_spam);
    kit_close(&k);
}

static void tests_leave_no_trace(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    struct akismet_request r = comment(HAM_TEXT, "http://a.example");
    r.is_test = true;
    double before = judge(&k, key_a, &r).bits;
    assert_int_equal(teach(&k, key_a, &r, LESSON_SPAM), 0);
    assert_true(fabs(judge(&k, key_a, &r).bits - before) < 1e-9);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_MESSAGES), 0);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_LEARNED_SPAM), 0);
    uint64_t n[USAGE_KINDS];
    size_t sites;
    comment_usage_sum(comments_usage(k.c), span_str(key_a), NOW, n, &sites);
    assert_int_equal(n[USAGE_CALLS] + sites, 0);
    kit_close(&k);
}

static void reports_of_two_keys_reach_a_third(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    struct akismet_request r = comment(SPAN_LIT("short and plain"), "http://c.example"), at_a = r, at_b = r;
    at_a.blog = SPAN_LIT("http://a.example");
    at_b.blog = SPAN_LIT("http://b.example");
    double before = judge(&k, key_c, &r).bits;
    assert_int_equal(teach(&k, key_a, &at_a, LESSON_SPAM), 0);
    assert_true(fabs(judge(&k, key_c, &r).bits - before) < 1e-9);
    assert_int_equal(teach(&k, key_b, &at_b, LESSON_SPAM), 0);
    assert_true(judge(&k, key_c, &r).bits > before + 1);
    kit_close(&k);
}

static void keys_are_those_of_the_configuration_and_the_file(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, keys_text);
    assert_int_equal(comments_key(k.c, SPAN_LIT("AAAAAAAAAAAA"), SPAN_NONE, NOW), COMMENT_KEY_FINE);
    assert_int_equal(comments_key(k.c, SPAN_LIT("aaaaaaaaaaab"), SPAN_NONE, NOW), COMMENT_KEY_UNKNOWN);
    assert_int_equal(comments_key(k.c, SPAN_LIT("aaaaaaaaaaaaa"), SPAN_NONE, NOW), COMMENT_KEY_UNKNOWN);
    assert_int_equal(comments_key(k.c, SPAN_NONE, SPAN_NONE, NOW), COMMENT_KEY_UNKNOWN);
    char path[128], key[KEY_BYTES + 1];
    const uint8_t random[KEY_RANDOM_BYTES] = {1, 2, 3};
    struct report why = {0};
    snprintf(path, sizeof path, "%s/keys/akismet", k.home);
    if (keys_add(path, "https://s.example/blog/", "", 1, random, key, &why))
        fail_msg("%s", why.text);
    const struct span made = span_str(key);
    assert_int_equal(comments_key(k.c, made, SPAN_NONE, NOW + 2000), COMMENT_KEY_FINE); /* followed within a second */
    assert_int_equal(comments_key(k.c, made, SPAN_LIT("http://www.S.example/blog"), NOW + 2000), COMMENT_KEY_FINE);
    assert_int_equal(comments_key(k.c, made, SPAN_LIT("http://s.example/blog/sub"), NOW + 2000), COMMENT_KEY_FINE);
    assert_int_equal(comments_key(k.c, made, SPAN_LIT("http://s.example/blogger"), NOW + 2000), COMMENT_KEY_OTHER_SITE);
    assert_int_equal(comments_key(k.c, made, SPAN_LIT("http://t.example/"), NOW + 2000), COMMENT_KEY_OTHER_SITE);
    assert_int_equal(keys_remove(path, key, &why), 0);
    assert_int_equal(comments_key(k.c, made, SPAN_NONE, NOW + 4000), COMMENT_KEY_UNKNOWN);
    kit_close(&k);
}

static void observing_says_ham_and_records_spam(void **state)
{
    (void)state;
    struct kit k;
    char text[400];
    snprintf(text, sizeof text, "%s\npolicy \"comments\" { mode = observe tag = 0.01 }", keys_text);
    kit_open(&k, text);
    struct akismet_request r = comment(SPAM_TEXT, "http://a.example");
    struct comment_verdict v = judge(&k, key_a, &r);
    assert_false(v.is_spam);
    assert_int_equal(v.would, ACTION_TAG);
    kit_close(&k);
}

/* ---- many at a time: more sites than are kept in memory, judged, taught and evicted meanwhile ---- */

enum { ASKERS = 4, ROUNDS = 60 };
struct asker { struct kit *k; unsigned number; int wrong; };

static void *ask_and_teach(void *arg)
{
    struct asker *a = arg;
    char blog[32], text[64];
    for (int i = 0; i < ROUNDS; i++) {
        struct report why = {0};
        struct comment_verdict v;
        snprintf(blog, sizeof blog, "http://s%d.example", (i + (int)a->number) % 3);
        snprintf(text, sizeof text, "thoughts of number %u, the %dth", a->number, i);
        struct akismet_request r = comment(span_str(text), blog);
        struct comment_asked q = {&r, span_str(a->number % 2 ? key_a : key_b), NOW + i};
        int err = comments_judge(a->k->c, &q, &v, &why);
        if (!err && i % 10 == 0)
            err = comments_teach(a->k->c, &q, i % 20 ? LESSON_HAM : LESSON_SPAM, &why);
        a->wrong += err != 0;
    }
    return NULL;
}

static void many_ask_teach_and_reload_at_a_time(void **state)
{
    (void)state;
    struct kit k;
    struct report why = {0};
    pthread_t thread[ASKERS];
    struct asker a[ASKERS];
    kit_open(&k, keys_text);
    for (unsigned i = 0; i < ASKERS; i++) {
        a[i] = (struct asker){&k, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_and_teach, &a[i]), 0);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(comments_reload(k.c, &why), 0);
    for (unsigned i = 0; i < ASKERS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(a[i].wrong, 0);
    }
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_MESSAGES), ASKERS * ROUNDS);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_LEARNED_SPAM) +
                     counters_get(k.counters, DOOR_AKISMET, METRIC_LEARNED_HAM), ASKERS * ROUNDS / 10);
    assert_int_equal(counters_get(k.counters, DOOR_AKISMET, METRIC_TROUBLE), 0);
    kit_close(&k);
}

static void usage_is_kept(void **state)
{
    (void)state;
    char path[] = "/tmp/posse-usage.XXXXXX";
    struct comment_usage *u;
    struct report why;
    uint64_t n[USAGE_KINDS];
    size_t sites;
    struct usage_row row[4];
    close(mkstemp(path));
    assert_int_equal(comment_usage_open(path, &u, &why), 0);
    for (int i = 0; i < 3; i++)
        comment_usage_add(u, SPAN_LIT("Key"), SPAN_LIT("a.example/x"), USAGE_CALLS, NOW);
    comment_usage_add(u, SPAN_LIT("key"), SPAN_LIT("b.example"), USAGE_CALLS, NOW);
    comment_usage_add(u, SPAN_LIT("key"), SPAN_LIT("b.example"), USAGE_MISSED, NOW);
    comment_usage_add(u, SPAN_LIT("other"), SPAN_LIT("b.example"), USAGE_CALLS, NOW);
    comment_usage_close(&u);
    assert_int_equal(comment_usage_open(path, &u, &why), 0);
    comment_usage_sum(u, SPAN_LIT("key"), NOW, n, &sites);
    assert_int_equal(n[USAGE_CALLS], 4);
    assert_int_equal(n[USAGE_MISSED], 1);
    assert_int_equal(sites, 2);
    assert_int_equal(comment_usage_rows(u, SPAN_LIT("key"), NOW, 0, row, 4), 2);
    assert_string_equal(row[0].site, "a.example/x");
    assert_int_equal(comment_usage_rows(u, SPAN_LIT("key"), NOW, 1, row, 4), 2);
    assert_string_equal(row[0].site, "b.example");
    char site[32];
    for (int i = 0; i < 2 * USAGE_ROWS_MAX; i++)
        comment_usage_add(u, SPAN_LIT("key"), span_of(site, (size_t)snprintf(site, sizeof site, "s%d", i)), USAGE_CALLS, NOW);
    comment_usage_sum(u, SPAN_LIT("key"), NOW, n, &sites);
    assert_int_equal(n[USAGE_CALLS], 4 + 2 * USAGE_ROWS_MAX); /* none is lost */
    comment_usage_sum(u, SPAN_LIT("key"), NOW + 40 * DAY, n, &sites); /* another month */
    assert_int_equal(n[USAGE_CALLS], 0);
    comment_usage_close(&u);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_becomes_a_message),
        cmocka_unit_test(copies_have_the_same_letters),
        cmocka_unit_test(one_key_alone_makes_nothing_known),
        cmocka_unit_test(sources_outlive_the_process_and_stay_bounded),
        cmocka_unit_test(repeats_count_other_sites),
        cmocka_unit_test(words_decide),
        cmocka_unit_test(a_site_teaches_itself_alone),
        cmocka_unit_test(sites_are_bounded_and_lessons_outlive_eviction),
        cmocka_unit_test(honeypots_and_samples_are_clear),
        cmocka_unit_test(tests_leave_no_trace),
        cmocka_unit_test(reports_of_two_keys_reach_a_third),
        cmocka_unit_test(keys_are_those_of_the_configuration_and_the_file),
        cmocka_unit_test(observing_says_ham_and_records_spam),
        cmocka_unit_test(many_ask_teach_and_reload_at_a_time),
        cmocka_unit_test(usage_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
