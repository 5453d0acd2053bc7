/* The gate: what each promise of gate.h says, also while many judge, one teaches and one reloads. */
#include "unit.h"

#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "serve/gate.h"

/* ---- a gate of its own home ---- */

struct kit {
    char home[64];
    struct gate *g;
    struct counters *counters;
    struct log *log;
    struct report why;
};

static const char spam_text[] =
    "From: Ann <ann@spam.test>\r\nTo: bob@example.org\r\nSubject: Cheap watches\r\nMessage-ID: <1@spam.test>\r\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nCheap replica watches, order now: http://spam.test/watch\r\n";
static const char ham_text[] =
    "From: Carl <carl@example.org>\r\nTo: bob@example.org\r\nSubject: Minutes of the meeting\r\nMessage-ID: <2@example.org>\r\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nBob, here are the minutes of Tuesday's meeting. See you, Carl\r\n";
#define SPAM SPAN_LIT(spam_text)
#define HAM SPAN_LIT(ham_text)

/* Rules decide in these tests, so that scores are known: spam.test is denied, example.org allowed. */
static struct config *config_with(const char *home, const char *text)
{
    struct config *c;
    struct report why = {0};
    char path[128];
    FILE *f;
    snprintf(path, sizeof path, "%s/test.rules", home);
    assert_non_null(f = fopen(path, "w"));
    fputs("deny domain spam.test \"sells watches\"\nallow domain example.org\n", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/test.conf", home);
    assert_non_null(f = fopen(path, "w"));
    fprintf(f, "filter { rules = {\"%s/test.rules\"} }\nserve { threads = 3 }\n%s\n", home, text);
    fclose(f);
    assert_int_equal(config_new(cli_keys, &c, &why), 0);
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    return c;
}

static void kit_reopen(struct kit *k, const char *text)
{
    struct gate_options o = {.home = k->home, .model = "", .config = config_with(k->home, text), .counters = k->counters, .log = k->log};
    if (gate_open(&o, &k->g, &k->why))
        fail_msg("%s", k->why.text);
}

static void kit_open(struct kit *k, const char *text)
{
    *k = (struct kit){.home = "/tmp/posse-gate.XXXXXX"};
    assert_non_null(mkdtemp(k->home));
    assert_int_equal(counters_open(-1, &k->counters, &k->why), 0);
    k->log = log_new(2, LOG_NOTICE, false, 100);
    kit_reopen(k, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void kit_shut(struct kit *k)
{
    if (gate_close(&k->g, &k->why))
        fail_msg("%s", k->why.text);
    assert_null(k->g);
}

static void kit_close(struct kit *k)
{
    kit_shut(k);
    counters_close(&k->counters);
    log_free(&k->log);
    nftw(k->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct gate_request request_of(struct span raw) { return (struct gate_request){.door = DOOR_SPAMD, .raw = raw}; }

static struct gate_answer *judge(struct kit *k, const struct gate_request *r)
{
    struct gate_answer *a;
    if (gate_judge(k->g, r, &a, &k->why))
        fail_msg("%s", k->why.text);
    return a;
}

static enum action action_for(struct kit *k, struct span raw, enum policy_who who, const char *rcpt)
{
    struct gate_request r = request_of(raw);
    struct span to = span_str(rcpt);
    r.env.rcpt = &to;
    r.env.n_rcpt = 1;
    r.who = who;
    struct gate_answer *a = judge(k, &r);
    enum action action = a->action;
    gate_done(k->g, &a);
    assert_null(a);
    return action;
}

static double bits_of(struct kit *k, struct span raw)
{
    struct gate_request r = request_of(raw);
    struct gate_answer *a = judge(k, &r);
    double bits = a->verdict.bits;
    gate_done(k->g, &a);
    return bits;
}

static int64_t count_of(struct kit *k, enum metric m) { return counters_get(k->counters, DOOR_SPAMD, m); }

/* ---- verdicts and actions ---- */

static void test_answer(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "");
    struct gate_request r = request_of(SPAM);
    struct gate_answer *a = judge(&k, &r), *b;
    assert_int_equal(a->verdict.klass, VERDICT_SPAM);
    assert_true(a->verdict.n_reasons > 0);
    assert_int_equal(a->action, ACTION_TAG);
    assert_int_equal(a->would, ACTION_TAG);
    assert_int_equal(a->n_recipients, 0);
    assert_true(a->action_bits[ACTION_TAG] <= a->verdict.bits && isinf(a->action_bits[ACTION_REJECT]));
    assert_string_equal(a->quarantine_id, "");
    assert_null(a->trouble);
    assert_true(a->seconds > 0);
    assert_int_equal(gate_level(a), 9);
    assert_span_equal(a->message->subject, "Cheap watches");
    assert_int_equal(count_of(&k, METRIC_IN_WORK), 1);
    r.raw = HAM;
    b = judge(&k, &r);
    assert_int_equal(b->verdict.klass, VERDICT_HAM);
    assert_int_equal(b->action, ACTION_NONE);
    assert_int_equal(gate_level(b), 0);
    assert_true(strcmp(a->id, b->id) < 0);
    assert_int_equal(strlen(a->id), 17);
    gate_done(k.g, &a);
    gate_done(k.g, &b);
    r.raw = SPAN_NONE; /* odd mail is no trouble */
    a = judge(&k, &r);
    gate_done(k.g, &a);
    gate_done(k.g, &a);
    assert_int_equal(count_of(&k, METRIC_IN_WORK), 0);
    assert_int_equal(count_of(&k, METRIC_MESSAGES), 3);
    assert_int_equal(count_of(&k, METRIC_SPAM), 1);
    assert_int_equal(counters_get_action(k.counters, DOOR_SPAMD, ACTION_TAG), 1);
    assert_int_equal(counters_get_timed(k.counters, DOOR_SPAMD), 3);
    kit_close(&k);
}

static void test_whose_policy(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "policy default { tag = 0.001 }\npolicy \"strict.test\" { reject = 0.001 }\n"
                 "policy \"watch.test\" { mode = observe reject = 0.001 }\npolicy local { tag = 0 defer = 0.001 }\n");
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@example.org"), ACTION_TAG);
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@strict.test"), ACTION_REJECT);
    assert_int_equal(action_for(&k, HAM, POLICY_REMOTE, "a@strict.test"), ACTION_NONE);
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@watch.test"), ACTION_NONE);
    assert_int_equal(action_for(&k, SPAM, POLICY_AUTHENTICATED, "a@strict.test"), ACTION_NONE);
    assert_int_equal(action_for(&k, SPAM, POLICY_LOCAL, "a@strict.test"), ACTION_DEFER);
    struct gate_request r = request_of(SPAM);
    struct span to = SPAN_LIT("a@watch.test");
    r.env.rcpt = &to;
    r.env.n_rcpt = 1;
    struct gate_answer *a = judge(&k, &r);
    assert_int_equal(a->would, ACTION_REJECT);
    assert_int_equal(a->recipient[0].action, ACTION_NONE);
    gate_done(k.g, &a);
    kit_close(&k);
}

static void test_trouble(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "policy \"defer.test\" { on_trouble = defer }\n");
    struct span to[2] = {SPAN_LIT("a@example.org"), SPAN_LIT("b@defer.test")};
    struct gate_request r = request_of(SPAM);
    assert_int_equal(gate_trouble(k.g, &r), TROUBLE_ACCEPT);
    r.env.rcpt = to;
    r.env.n_rcpt = 1;
    assert_int_equal(gate_trouble(k.g, &r), TROUBLE_ACCEPT);
    r.env.n_rcpt = 2;
    assert_int_equal(gate_trouble(k.g, &r), TROUBLE_DEFER);
    kit_close(&k);
}

/* ---- lessons ---- */

static int teach(struct kit *k, struct span raw, enum lesson_class klass, const char *teacher, const char *known, int64_t now_ms)
{
    struct gate_teaching t = {DOOR_SPAMD, klass, span_str(teacher), known ? span_str(known) : SPAN_NONE, raw, now_ms};
    return gate_teach(k->g, &t, NULL, &k->why);
}

static void test_teach(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "");
    double before = bits_of(&k, SPAM);
    assert_int_equal(teach(&k, SPAM, LESSON_SPAM, "ann", NULL, 1000), 0);
    double taught = bits_of(&k, SPAM);
    assert_true(taught > before);
    assert_int_equal(teach(&k, SPAM, LESSON_SPAM, "ann", NULL, 2000), POSSE_EEXIST);
    assert_int_equal(teach(&k, SPAN_NONE, LESSON_SPAM, "ann", NULL, 2000), POSSE_EINVAL);
    assert_int_equal(teach(&k, SPAM, LESSON_SPAM, "", NULL, 2000), POSSE_EINVAL);
    assert_int_equal(gate_unteach(k.g, SPAM, SPAN_LIT("bob"), &k.why), POSSE_ENOENT);
    assert_true(bits_of(&k, SPAM) == taught);
    assert_int_equal(teach(&k, SPAM, LESSON_HAM, "bob", NULL, 3000), 0); /* overrules: the model folds anew */
    assert_true(bits_of(&k, SPAM) < before);
    assert_int_equal(gate_unteach(k.g, SPAM, SPAN_LIT("bob"), &k.why), 0);
    assert_true(bits_of(&k, SPAM) == taught);
    assert_int_equal(gate_unteach(k.g, SPAM, SPAN_LIT("ann"), &k.why), 0);
    assert_true(bits_of(&k, SPAM) == before);
    assert_int_equal(gate_unteach(k.g, SPAM, SPAN_LIT("ann"), &k.why), POSSE_ENOENT);
    assert_int_equal(count_of(&k, METRIC_LEARNED_SPAM), 1);
    assert_int_equal(count_of(&k, METRIC_LEARNED_HAM), 1);
    kit_close(&k);
}

static void test_caps(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "teach { per_hour = 2 }\n");
    int64_t now = 1000000000;
    char mail[4][64];
    for (int i = 0; i < 4; i++)
        snprintf(mail[i], sizeof mail[i], "From: a%d@spam.test\r\nSubject: offer %d\r\n\r\nword%d\r\n", i, i, i);
    assert_int_equal(teach(&k, span_str(mail[0]), LESSON_SPAM, "ann", NULL, now), 0);
    assert_int_equal(teach(&k, span_str(mail[0]), LESSON_SPAM, "ann", NULL, now), POSSE_EEXIST); /* costs nothing */
    assert_int_equal(teach(&k, span_str(mail[1]), LESSON_SPAM, "ann", NULL, now), 0);
    assert_int_equal(teach(&k, span_str(mail[2]), LESSON_SPAM, "ann", NULL, now), POSSE_ELIMIT);
    assert_non_null(strstr(k.why.text, "1801 s"));
    assert_int_equal(teach(&k, span_str(mail[2]), LESSON_SPAM, "bob", NULL, now), 0); /* another teacher */
    assert_int_equal(teach(&k, span_str(mail[2]), LESSON_SPAM, "ann", NULL, now + 1799000), POSSE_ELIMIT);
    assert_int_equal(teach(&k, span_str(mail[3]), LESSON_SPAM, "ann", NULL, now + 1801000), 0);
    assert_int_equal(count_of(&k, METRIC_LEARN_REFUSED), 2);
    /* A name that is only claimed does not open a new account. */
    now += 100 * 3600000;
    assert_int_equal(teach(&k, span_str(mail[0]), LESSON_HAM, "x1", "10.0.0.1", now), 0);
    assert_int_equal(teach(&k, span_str(mail[1]), LESSON_HAM, "x2", "10.0.0.1", now), 0);
    assert_int_equal(teach(&k, span_str(mail[2]), LESSON_HAM, "x3", "10.0.0.1", now), POSSE_ELIMIT);
    struct config *c = config_with(k.home, "teach { per_hour = 0 }\n");
    assert_int_equal(gate_reload(k.g, c, &k.why), 0);
    assert_int_equal(teach(&k, span_str(mail[2]), LESSON_HAM, "x3", "10.0.0.1", now), 0);
    kit_close(&k);
}

/* G5: another process's lessons, here another gate's on the same home. */
static void test_others_lessons(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "");
    struct kit other = k;
    kit_reopen(&other, "");
    double before = bits_of(&k, SPAM);
    assert_int_equal(teach(&other, SPAM, LESSON_SPAM, "ann", NULL, 1000), 0);
    assert_true(bits_of(&k, SPAM) == before);
    gate_tick(k.g, 5000);
    double taught = bits_of(&k, SPAM);
    assert_true(taught > before && taught == bits_of(&other, SPAM));
    assert_int_equal(gate_unteach(other.g, SPAM, SPAN_LIT("ann"), &other.why), 0);
    gate_tick(k.g, 6000);
    assert_true(bits_of(&k, SPAM) == before);
    struct gate_stat st;
    assert_int_equal(teach(&k, HAM, LESSON_HAM, "ann", NULL, 1000), 0);
    gate_stat(k.g, &st);
    assert_int_equal(st.learned_ham, 1);
    assert_int_equal(st.learned_spam, 0);
    assert_int_equal(st.lessons, 1);
    kit_shut(&other);
    kit_close(&k);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "");
    struct gate_request r = request_of(SPAM);
    struct gate_answer *old = judge(&k, &r);
    const struct config *held = gate_config(k.g);
    struct config *c = config_with(k.home, "policy default { reject = 0.001 }\n");
    assert_int_equal(gate_reload(k.g, c, &k.why), 0);
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@example.org"), ACTION_REJECT);
    assert_int_equal(old->action, ACTION_TAG);
    bool has_reason = false;
    for (size_t i = 0; i < old->verdict.n_reasons; i++)
        has_reason |= strstr(old->verdict.reason[i].text, "sells watches") != NULL; /* a text of the old rules */
    assert_true(has_reason);
    gate_done(k.g, &old);
    assert_int_equal(config_titles(held, "policy", &(const char *const *){NULL}), 0);
    gate_config_done(k.g, held);
    /* a bad one changes nothing */
    c = config_with(k.home, "policy default { mode = sleep }\n");
    assert_int_equal(gate_reload(k.g, c, &k.why), POSSE_ESYNTAX);
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@example.org"), ACTION_REJECT);
    c = config_with(k.home, "");
    assert_int_equal(config_set(c, "filter.rules", "/nonexistent.rules", &k.why), 0);
    assert_true(gate_reload(k.g, c, &k.why) < 0);
    assert_int_equal(action_for(&k, SPAM, POLICY_REMOTE, "a@example.org"), ACTION_REJECT);
    kit_close(&k);
}

struct crowd { struct kit *k; atomic_bool is_over; atomic_int n_judged, n_wrong; };

static void *judge_on(void *ctx)
{
    struct crowd *c = ctx;
    struct span to[2] = {SPAN_LIT("a@example.org"), SPAN_LIT("b@strict.test")};
    while (!atomic_load(&c->is_over)) {
        struct gate_request r = request_of(SPAM);
        struct gate_answer *a;
        r.env.rcpt = to;
        r.env.n_rcpt = 2;
        r.no_store = true;
        if (gate_judge(c->k->g, &r, &a, NULL)) {
            atomic_fetch_add(&c->n_wrong, 1);
            continue;
        }
        /* denied by every set of rules; the policies differ */
        if (a->verdict.klass != VERDICT_SPAM || (a->action != ACTION_TAG && a->action != ACTION_REJECT) || a->n_recipients != 2)
            atomic_fetch_add(&c->n_wrong, 1);
        gate_done(c->k->g, &a);
        atomic_fetch_add(&c->n_judged, 1);
    }
    return NULL;
}

static void *teach_on(void *ctx)
{
    struct crowd *c = ctx;
    for (int i = 0; !atomic_load(&c->is_over); i++) {
        char mail[128];
        snprintf(mail, sizeof mail, "From: a@spam.test\r\nSubject: offer %d\r\n\r\nwatches number%d\r\n", i, i % 50);
        struct gate_teaching t = {DOOR_MILTER, i % 7 ? LESSON_SPAM : LESSON_HAM, SPAN_LIT("ann"), SPAN_NONE, span_str(mail), i};
        if (gate_teach(c->k->g, &t, NULL, NULL))
            atomic_fetch_add(&c->n_wrong, 1);
        gate_tick(c->k->g, i * INT64_C(1000));
    }
    return NULL;
}

static void *reload_on(void *ctx)
{
    struct crowd *c = ctx;
    struct report why;
    for (int i = 0; !atomic_load(&c->is_over); i++) {
        const char *text = i % 2 ? "teach { per_hour = 0 }\npolicy default { reject = 0.001 }\n"
                                 : "teach { per_hour = 0 }\npolicy \"strict.test\" { reject = 0.001 }\n";
        if (gate_reload(c->k->g, config_with(c->k->home, text), &why))
            atomic_fetch_add(&c->n_wrong, 1);
        const struct config *now = gate_config(c->k->g);
        if (config_int(now, "serve.threads") != 3)
            atomic_fetch_add(&c->n_wrong, 1);
        gate_config_done(c->k->g, now);
        usleep(2000);
    }
    return NULL;
}

static void test_crowd(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "teach { per_hour = 0 }\n");
    struct crowd c = {.k = &k};
    pthread_t t[7];
    for (int i = 0; i < 5; i++) /* more than there are workers */
        pthread_create(&t[i], NULL, judge_on, &c);
    pthread_create(&t[5], NULL, teach_on, &c);
    pthread_create(&t[6], NULL, reload_on, &c);
    usleep(1500000);
    atomic_store(&c.is_over, true);
    for (int i = 0; i < 7; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(c.n_wrong, 0);
    assert_true(c.n_judged > 20);
    assert_int_equal(count_of(&k, METRIC_IN_WORK), 0);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_whose_policy),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_teach),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_others_lessons),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
