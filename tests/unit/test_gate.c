/* The gate: what each promise of gate.h says, also while many judge, one teaches and one reloads. */
#include "unit.h"

#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
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
    gate_tick(k.g, 5000, 5000);
    double taught = bits_of(&k, SPAM);
    assert_true(taught > before && taught == bits_of(&other, SPAM));
    assert_int_equal(gate_unteach(other.g, SPAM, SPAN_LIT("ann"), &other.why), 0);
    gate_tick(k.g, 6000, 6000);
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

/* ---- quarantine ---- */

static const char mixed[] = "policy default { tag = 0.001 }\npolicy \"rewrite.test\" { rewrite = 0.001 }\n"
                            "policy \"defer.test\" { defer = 0.001 }\npolicy \"keep.test\" { quarantine = 0.001 }\n"
                            "policy \"reject.test\" { reject = 0.001 }\npolicy \"discard.test\" { discard = 0.001 }\n"
                            "policy \"watch.test\" { mode = observe discard = 0.001 }\npolicy \"none.test\" { tag = 0 }\n"
                            "policy \"late.test\" { discard = 0.001 on_trouble = defer }\n";

struct items { char text[256]; size_t n, n_bytes; uint64_t last_id; };

static int list_item(void *ctx, const struct quarantine_item *q)
{
    struct items *l = ctx;
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%.*s:", (int)q->action.n, (const char *)q->action.p);
    for (size_t i = 0; i < q->n_rcpt; i++)
        l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%.*s ", (int)q->rcpt[i].n, (const char *)q->rcpt[i].p);
    l->last_id = q->id > l->last_id ? q->id : l->last_id;
    l->n_bytes = q->size_bytes;
    return 0;
}

/* What is in quarantine: "discard:c@discard.test quarantine:b@keep.test ", newest first. */
static struct items kept(struct kit *k)
{
    struct items l = {.n = 0};
    char path[128];
    struct quarantine *q;
    snprintf(path, sizeof path, "%s/quarantine", k->home);
    if (access(path, F_OK) != 0)
        return l;
    assert_int_equal(quarantine_open(path, &q, &k->why), 0);
    assert_int_equal(quarantine_each(q, &QUARANTINE_FILTER_ANY, list_item, &l, &k->why), 0);
    assert_int_equal(quarantine_check(q, &k->why), 0);
    quarantine_close(&q);
    return l;
}

enum { RCPT_MAX = 4 };

/* The answer for spam to these recipients; the caller is done with it. */
static struct gate_answer *judge_for(struct kit *k, const char *const *rcpt, bool no_store)
{
    struct span to[RCPT_MAX];
    struct gate_request r = request_of(SPAM);
    for (; rcpt[r.env.n_rcpt]; r.env.n_rcpt++)
        to[r.env.n_rcpt] = span_str(rcpt[r.env.n_rcpt]);
    r.env.rcpt = to;
    r.env.from = SPAN_LIT("ann@spam.test");
    r.env.client_addr = SPAN_LIT("192.0.2.7");
    r.no_store = no_store;
    return judge(k, &r);
}

/* Every mixture of two or three policies: what SMTP hears, who is taken off, what is kept. */
static void test_mildest(void **state)
{
    (void)state;
    static const struct { const char *rcpt[RCPT_MAX]; enum action action, would; const char *removed, *kept; } cases[] = {
        {{"a@tag.test"}, ACTION_TAG, ACTION_TAG, "", ""},
        {{"a@tag.test", "b@rewrite.test"}, ACTION_TAG, ACTION_TAG, "", ""},
        {{"a@rewrite.test"}, ACTION_REWRITE, ACTION_REWRITE, "", ""},
        {{"a@none.test", "b@tag.test"}, ACTION_NONE, ACTION_NONE, "", ""},
        {{"a@tag.test", "b@keep.test"}, ACTION_TAG, ACTION_TAG, "b@keep.test ", "quarantine:b@keep.test "},
        {{"b@keep.test", "a@tag.test", "c@discard.test"}, ACTION_TAG, ACTION_TAG, "b@keep.test c@discard.test ",
         "discard:c@discard.test quarantine:b@keep.test "},
        {{"a@tag.test", "b@defer.test"}, ACTION_TAG, ACTION_TAG, "b@defer.test ", "defer:b@defer.test "},
        {{"a@none.test", "b@reject.test"}, ACTION_NONE, ACTION_NONE, "b@reject.test ", "reject:b@reject.test "},
        {{"a@keep.test"}, ACTION_QUARANTINE, ACTION_QUARANTINE, "", "quarantine:a@keep.test "},
        {{"a@keep.test", "b@reject.test"}, ACTION_QUARANTINE, ACTION_QUARANTINE, "b@reject.test ",
         "reject:b@reject.test quarantine:a@keep.test "},
        {{"a@discard.test", "b@discard.test"}, ACTION_DISCARD, ACTION_DISCARD, "", "discard:a@discard.test b@discard.test "},
        {{"a@reject.test", "b@discard.test"}, ACTION_REJECT, ACTION_REJECT, "", ""},
        {{"a@defer.test", "b@keep.test", "c@reject.test"}, ACTION_DEFER, ACTION_DEFER, "", ""},
        {{"a@watch.test"}, ACTION_NONE, ACTION_DISCARD, "", ""},
        {{"a@watch.test", "b@keep.test"}, ACTION_NONE, ACTION_QUARANTINE, "b@keep.test ", "quarantine:b@keep.test "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit k;
        char removed[256] = "";
        kit_open(&k, mixed);
        struct gate_answer *a = judge_for(&k, cases[i].rcpt, true);
        assert_int_equal(a->action, cases[i].action);
        assert_int_equal(kept(&k).n, 0); /* a question only */
        gate_done(k.g, &a);
        a = judge_for(&k, cases[i].rcpt, false);
        assert_int_equal(a->action, cases[i].action);
        assert_int_equal(a->would, cases[i].would);
        assert_null(a->trouble);
        for (size_t j = 0; j < a->n_remove; j++)
            snprintf(removed + strlen(removed), sizeof removed - strlen(removed), "%.*s ", (int)a->remove[j].n,
                     (const char *)a->remove[j].p);
        assert_string_equal(removed, cases[i].removed);
        assert_string_equal(kept(&k).text, cases[i].kept); /* G1: before the answer is given */
        assert_int_equal(a->quarantine_id[0] != '\0', cases[i].kept[0] != '\0');
        assert_int_equal(count_of(&k, METRIC_QUARANTINED), cases[i].kept[0] != '\0');
        gate_done(k.g, &a);
        kit_close(&k);
    }
}

static void test_nameless(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "policy default { quarantine = 0.001 }\n");
    struct gate_request r = request_of(SPAM);
    struct gate_answer *a = judge(&k, &r);
    assert_int_equal(a->action, ACTION_QUARANTINE);
    assert_string_equal(kept(&k).text, "quarantine:");
    assert_int_equal(kept(&k).n_bytes, sizeof spam_text - 1);
    gate_done(k.g, &a);
    kit_close(&k);
}

/* Nothing more can be written in the quarantine's folder: as where a disk is full or a file system was made read-only. */
static void block_quarantine(struct kit *k)
{
    char path[128];
    snprintf(path, sizeof path, "%s/quarantine", k->home);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void test_cannot_keep(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    block_quarantine(&k);
    static const struct { const char *rcpt[RCPT_MAX]; enum action action; } cases[] = {
        {{"a@keep.test"}, ACTION_TAG}, /* default has a tag, and so has what inherits from it */
        {{"a@none.test", "b@keep.test"}, ACTION_NONE}, {{"a@late.test"}, ACTION_DEFER},
        {{"a@tag.test", "b@late.test"}, ACTION_DEFER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_answer *a = judge_for(&k, cases[i].rcpt, false);
        assert_int_equal(a->action, cases[i].action);
        assert_non_null(a->trouble);
        assert_int_equal(a->n_remove, 0);
        assert_string_equal(a->quarantine_id, "");
        gate_done(k.g, &a);
    }
    assert_int_equal(count_of(&k, METRIC_TROUBLE), 4);
    assert_int_equal(count_of(&k, METRIC_QUARANTINED), 0);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, true);
    assert_int_equal(a->action, ACTION_QUARANTINE);
    assert_null(a->trouble);
    gate_done(k.g, &a);
    char path[128];
    snprintf(path, sizeof path, "%s/quarantine", k.home);
    assert_int_equal(remove(path), 0); /* there is room again: nothing has to be started anew */
    a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    assert_int_equal(a->action, ACTION_QUARANTINE);
    gate_done(k.g, &a);
    kit_close(&k);
}

/* The disk is full: no file of this process may grow. */
static void test_disk_full(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    assert_int_equal(a->action, ACTION_QUARANTINE);
    gate_done(k.g, &a);
    struct rlimit was, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = was;
    none.rlim_cur = 1;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    a = judge_for(&k, (const char *const[]){"a@late.test", NULL}, false);
    enum action action = a->action;
    bool has_trouble = a->trouble != NULL;
    gate_done(k.g, &a);
    int taught = teach(&k, HAM, LESSON_HAM, "ann", NULL, 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(action, ACTION_DEFER);
    assert_true(has_trouble);
    assert_true(taught < 0);
    assert_string_equal(kept(&k).text, "quarantine:a@keep.test ");
    assert_int_equal(teach(&k, HAM, LESSON_HAM, "ann", NULL, 1000), 0);
    kit_close(&k);
}

static void test_released(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    assert_int_equal(a->action, ACTION_QUARANTINE);
    gate_done(k.g, &a);
    char path[128];
    struct quarantine *q;
    uint64_t id = kept(&k).last_id;
    snprintf(path, sizeof path, "%s/quarantine", k.home);
    assert_int_equal(quarantine_open(path, &q, &k.why), 0);
    assert_int_equal(quarantine_release_begin(q, id, false, &k.why), 0);
    assert_int_equal(quarantine_release_end(q, id, true, 1000, &k.why), 0);
    quarantine_close(&q);
    /* it comes back with the trace fields of its way */
    char again[1024];
    snprintf(again, sizeof again, "Received: from localhost by mx.example.org; Sat, 21 Nov 2026 11:00:00 +0000\r\n%s", spam_text);
    assert_int_equal(action_for(&k, span_str(again), POLICY_REMOTE, "a@keep.test"), ACTION_NONE);
    assert_int_equal(action_for(&k, span_str(again), POLICY_REMOTE, "a@reject.test"), ACTION_NONE);
    /* from elsewhere it is no news for others */
    struct gate_request r = request_of(span_str(again));
    struct span both[] = {SPAN_LIT("A@keep.test"), SPAN_LIT("a@reject.test")};
    r.env.client_addr = SPAN_LIT("192.0.2.7");
    r.env.rcpt = both;
    for (r.env.n_rcpt = 1; r.env.n_rcpt <= 2; r.env.n_rcpt++) {
        assert_int_equal(gate_judge(k.g, &r, &a, &k.why), 0);
        assert_int_equal(a->action, r.env.n_rcpt == 1 ? ACTION_NONE : ACTION_QUARANTINE);
        gate_done(k.g, &a);
    }
    char other[1024];
    snprintf(other, sizeof other, "%sAnd one more line\r\n", spam_text);
    assert_int_equal(action_for(&k, span_str(other), POLICY_REMOTE, "a@reject.test"), ACTION_REJECT);
    kit_close(&k);
}

/* ---- history ---- */

struct rows { size_t n; char id[24], action[16], would[16], taught[8], subject[64], rcpt[64], reason[64]; bool has_features; };

static void copy_text(char *out, size_t n, struct span s) { snprintf(out, n, "%.*s", (int)s.n, (const char *)s.p); }

static int see_row(void *ctx, const struct event *e)
{
    struct rows *r = ctx;
    r->n++;
    copy_text(r->id, sizeof r->id, e->id);
    copy_text(r->action, sizeof r->action, e->action);
    copy_text(r->would, sizeof r->would, e->would);
    copy_text(r->taught, sizeof r->taught, e->taught);
    copy_text(r->subject, sizeof r->subject, e->subject);
    copy_text(r->rcpt, sizeof r->rcpt, e->n_rcpt ? e->rcpt[0] : SPAN_NONE);
    copy_text(r->reason, sizeof r->reason, e->n_reasons ? e->reason[0].text : SPAN_NONE);
    r->has_features = e->features.n > 0;
    assert_non_null(e->digest);
    return 0;
}

static struct rows rows_of(struct kit *k, const char *id)
{
    struct rows r = {.n = 0};
    struct event_filter f = EVENT_FILTER_ANY;
    char path[128];
    struct events *e;
    f.id = id;
    snprintf(path, sizeof path, "%s/events.db", k->home);
    assert_int_equal(events_open(path, &e, &k->why), 0);
    assert_int_equal(events_each(e, &f, see_row, &r, &k->why), 0);
    events_close(&e);
    return r;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_history(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@watch.test", NULL}, false);
    char id[24];
    memcpy(id, a->id, sizeof id);
    gate_done(k.g, &a);
    struct rows r = {.n = 0};
    double from = now_s();
    while (r.n == 0 && now_s() < from + 20) {
        usleep(20000);
        r = rows_of(&k, id);
    }
    assert_int_equal(r.n, 1);
    if (now_s() > from + 1)
        print_message("the row was visible after %.1f s\n", now_s() - from); /* a busy machine; see the figure of the daemon */
    assert_string_equal(r.action, "none");
    assert_string_equal(r.would, "discard");
    assert_string_equal(r.rcpt, "a@watch.test");
    assert_string_equal(r.subject, ""); /* not asked for */
    assert_string_equal(r.taught, "");
    assert_true(r.reason[0] && r.has_features);
    struct gate_request q = request_of(SPAM);
    q.no_history = true;
    a = judge(&k, &q);
    gate_done(k.g, &a);
    kit_shut(&k);
    assert_int_equal(rows_of(&k, NULL).n, 1);
    kit_reopen(&k, "history { subjects = true teachable = 0s }\n");
    a = judge_for(&k, (const char *const[]){"a@tag.test", NULL}, false);
    memcpy(id, a->id, sizeof id);
    gate_done(k.g, &a);
    kit_shut(&k); /* writes what is queued */
    r = rows_of(&k, id);
    assert_int_equal(r.n, 1);
    assert_string_equal(r.subject, "Cheap watches");
    assert_false(r.has_features);
    kit_reopen(&k, "history { days = 0 }\n");
    a = judge_for(&k, (const char *const[]){"a@tag.test", NULL}, false);
    gate_done(k.g, &a);
    kit_shut(&k);
    assert_int_equal(rows_of(&k, NULL).n, 2);
    kit_reopen(&k, "");
    assert_int_equal(gate_teach_row(k.g, id, LESSON_SPAM, SPAN_LIT("ann"), 1000, &k.why), POSSE_ENOENT); /* kept no features */
    kit_close(&k);
}

/* What a row teaches is what its message would have taught. */
static void test_teach_row(void **state)
{
    (void)state;
    struct kit k, twin;
    kit_open(&k, "");
    kit_open(&twin, "");
    struct gate_request r = request_of(SPAM);
    struct gate_answer *a = judge(&k, &r);
    char id[24];
    memcpy(id, a->id, sizeof id);
    gate_done(k.g, &a);
    assert_int_equal(gate_teach_row(k.g, "nosuchrow", LESSON_SPAM, SPAN_LIT("ann"), 1000, &k.why), POSSE_ENOENT);
    assert_int_equal(gate_teach_row(k.g, id, LESSON_SPAM, SPAN_LIT("ann"), 1000, &k.why), 0);
    assert_int_equal(gate_teach_row(k.g, id, LESSON_SPAM, SPAN_LIT("ann"), 1000, &k.why), POSSE_EEXIST);
    assert_string_equal(rows_of(&k, id).taught, "spam");
    assert_int_equal(teach(&twin, SPAM, LESSON_SPAM, "ann", NULL, 1000), 0);
    assert_true(bits_of(&k, SPAM) == bits_of(&twin, SPAM));
    assert_int_equal(teach(&k, SPAM, LESSON_SPAM, "ann", NULL, 2000), POSSE_EEXIST); /* one digest */
    assert_int_equal(gate_unteach(k.g, SPAM, SPAN_LIT("ann"), &k.why), 0);
    kit_close(&twin);
    kit_close(&k);
}

/* Retention, and the snapshot when its time has come. */
static void test_tick(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    char path[128];
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    gate_done(k.g, &a);
    assert_int_equal(teach(&k, SPAM, LESSON_SPAM, "ann", NULL, 1000), 0);
    kit_shut(&k);
    kit_reopen(&k, mixed);
    snprintf(path, sizeof path, "%s/model.posse", k.home);
    assert_int_equal(remove(path), 0);
    assert_int_equal(teach(&k, HAM, LESSON_HAM, "ann", NULL, 1000), 0);
    int64_t now = (int64_t)time(NULL) * 1000;
    gate_tick(k.g, now, now);
    assert_int_equal(rows_of(&k, NULL).n, 1);
    assert_int_not_equal(access(path, F_OK), 0);
    gate_tick(k.g, now + 301000, now + 301000);
    assert_int_equal(access(path, F_OK), 0);
    gate_tick(k.g, now + 31 * INT64_C(86400000), now + 31 * INT64_C(86400000));
    assert_int_equal(rows_of(&k, NULL).n, 0);
    assert_int_equal(kept(&k).n, 0);
    kit_close(&k);
}

/* A clock that jumps ahead makes nothing old for a day of the clock that nobody sets, and then age counts as it says. */
static void test_clock_jumps(void **state)
{
    (void)state;
    enum { JUMP_AT = 61000, HOUR = 3600000, DAY = 24 * HOUR };
    struct kit k;
    kit_open(&k, mixed);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    gate_done(k.g, &a);
    kit_shut(&k); /* writes the row */
    kit_reopen(&k, mixed);
    int64_t wall = (int64_t)time(NULL) * 1000, year = INT64_C(365) * DAY, steady = 5000;
    gate_tick(k.g, wall, steady);
    gate_tick(k.g, wall + JUMP_AT + year, steady + JUMP_AT);
    for (int64_t hour = 1; hour < 24; hour++)
        gate_tick(k.g, wall + JUMP_AT + year + hour * HOUR, steady + JUMP_AT + hour * HOUR);
    assert_int_equal(rows_of(&k, NULL).n, 1);
    assert_int_not_equal(kept(&k).n, 0);
    /* set right again: that is a jump too, and takes nothing away */
    gate_tick(k.g, wall + DAY, steady + DAY);
    gate_tick(k.g, wall + 3 * DAY, steady + 3 * DAY);
    assert_int_not_equal(kept(&k).n, 0);
    /* a jump that stays: it was right, it seems */
    gate_tick(k.g, wall + 3 * DAY + HOUR + year, steady + 3 * DAY + HOUR);
    assert_int_not_equal(kept(&k).n, 0);
    gate_tick(k.g, wall + 5 * DAY + year, steady + 5 * DAY);
    assert_int_equal(rows_of(&k, NULL).n, 0);
    assert_int_equal(kept(&k).n, 0);
    kit_close(&k);
}

/* Ticks that drift by seconds are no jump. */
static void test_clock_drifts(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, mixed);
    struct gate_answer *a = judge_for(&k, (const char *const[]){"a@keep.test", NULL}, false);
    gate_done(k.g, &a);
    kit_shut(&k); /* writes the row */
    kit_reopen(&k, mixed);
    int64_t wall = (int64_t)time(NULL) * 1000, month = INT64_C(31) * 86400000;
    gate_tick(k.g, wall, 1000);
    gate_tick(k.g, wall + month + 120000, 1000 + month);
    assert_int_equal(kept(&k).n, 0);
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
        gate_tick(c->k->g, i * INT64_C(1000), i * INT64_C(1000));
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
        cmocka_unit_test(test_mildest),
        cmocka_unit_test(test_nameless),
        cmocka_unit_test(test_cannot_keep),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_released),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_teach_row),
        cmocka_unit_test(test_tick), cmocka_unit_test(test_clock_jumps), cmocka_unit_test(test_clock_drifts),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
