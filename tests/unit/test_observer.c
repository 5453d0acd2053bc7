/* observer: what the gate judged reaches the observatory, comes back as evidence, and waits for nobody. */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "engine/live.h"
#include "engine/sighting_row.h"
#include "serve/gate_priv.h"

struct kit {
    char home[64];
    struct gate *g;
    struct counters *counters;
    struct report why;
};

static struct config *config_of(const struct kit *k, const char *text)
{
    struct config *c;
    struct report why = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/test.conf", k->home);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "serve { threads = 2 }\n%s\n", text);
    fclose(f);
    assert_int_equal(config_new(cli_keys, &c, &why), 0);
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    return c;
}

static struct gate *gate_of(struct kit *k, const char *text, bool is_reader)
{
    struct gate_options o = {.home = k->home, .model = "", .config = config_of(k, text), .counters = k->counters, .is_reader = is_reader};
    struct gate *g;
    if (gate_open(&o, &g, &k->why))
        fail_msg("%s", k->why.text);
    return g;
}

static void kit_open(struct kit *k, const char *text)
{
    *k = (struct kit){.home = "/tmp/posse-observer.XXXXXX"};
    assert_non_null(mkdtemp(k->home));
    assert_int_equal(counters_open(-1, &k->counters, &k->why), 0);
    k->g = text ? gate_of(k, text, false) : NULL;
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
    assert_int_equal(gate_close(&k->g, &k->why), 0);
    counters_close(&k->counters);
    nftw(k->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int64_t count_of(const struct kit *k, enum metric m) { return counters_get(k->counters, DOOR_SPAMD, m); }

/* ---- mail ---- */

static const char *const words[] = {"apple", "bridge", "candle", "drum", "engine", "flute", "garden", "hammer"};

/* One of a campaign: a text with a word and a number that vary; head: further fields. */
static size_t mail_of(char *out, size_t n, unsigned i, const char *head)
{
    return (size_t)snprintf(out, n,
                            "From: a%u@shop%u.example\r\nTo: you@example.org\r\nSubject: letter %u\r\nMessage-ID: <%u@x.example>\r\n%s\r\n"
                            "the committee of the %s invites all members to number %u of its letters about painted wooden boats and their oars "
                            "and everybody will be there with lanterns and some soup\r\nsee http://www.shop.example/page\r\n",
                            i, i, i, i, head, words[i % 8], i * 13 % 97 + 1);
}

struct heard { double bits, campaign_bits; char campaign[CAMPAIGN_ID], text[LIVE_TEXT]; size_t n_reasons; double sum; };

static struct heard judge(struct kit *k, struct gate *g, unsigned i, const char *head)
{
    char mail[2000], addr[32];
    size_t n = mail_of(mail, sizeof mail, i, head);
    snprintf(addr, sizeof addr, "203.%u.%u.9", i % 200, i / 200 + 1);
    struct gate_request r = {.door = DOOR_SPAMD, .raw = exact(mail, n), .env.client_addr = span_str(addr)};
    struct gate_answer *a;
    if (gate_judge(g, &r, &a, &k->why))
        fail_msg("%s", k->why.text);
    struct heard h = {.bits = a->verdict.bits, .n_reasons = a->verdict.n_reasons};
    memcpy(h.campaign, a->campaign, sizeof h.campaign);
    for (size_t j = 0; j < a->verdict.n_reasons; j++) {
        h.sum += a->verdict.reason[j].bits;
        if (a->verdict.reason[j].kind != REASON_CAMPAIGN)
            continue;
        h.campaign_bits = a->verdict.reason[j].bits;
        snprintf(h.text, sizeof h.text, "%s", a->verdict.reason[j].text);
    }
    gate_done(g, &a);
    exact_free(r.raw);
    return h;
}

static void send(struct kit *k, struct gate *g, unsigned from, unsigned to, const char *head)
{
    for (unsigned i = from; i < to; i++)
        judge(k, g, i, head);
}

static void settle(struct kit *k)
{
    observer_flush(k->g->observer);
    gate_tick(k->g, gate_now_ms(), gate_steady_ms());
}

/* ---- a message comes back as evidence ---- */

struct rows { unsigned n; char campaign[CAMPAIGN_ID]; };

static int note_row(void *ctx, const struct event *e)
{
    struct rows *r = ctx;
    r->n++;
    snprintf(r->campaign, sizeof r->campaign, "%.*s", (int)e->campaign.n, (const char *)e->campaign.p);
    return 0;
}

static void comes_back(void **state)
{
    (void)state;
    struct kit k;
    struct events *e;
    struct rows rows = {.n = 0};
    char path[128];
    kit_open(&k, "");
    struct heard before = judge(&k, k.g, 0, "");
    assert_string_equal(before.campaign, "");
    assert_int_equal(before.campaign_bits, 0);
    send(&k, k.g, 1, 64, "");
    settle(&k);
    struct heard h = judge(&k, k.g, 64, "");
    assert_int_equal(h.campaign[0], 'c');
    assert_string_equal(h.text, "one of 64 alike from 64 machines in two hours");
    assert_true(h.campaign_bits > 4 && h.campaign_bits <= 5); /* log2(64 / 2), by how alike it is */
    assert_true(h.bits > before.bits + 4);
    assert_true(h.n_reasons <= REASONS_MAX && h.sum > h.bits - 1e-6 && h.sum < h.bits + 1e-6);
    assert_int_equal(count_of(&k, METRIC_IN_CAMPAIGN), 1);
    settle(&k);
    assert_int_equal(count_of(&k, METRIC_OBSERVED), 65);
    assert_int_equal(count_of(&k, METRIC_OBSERVE_DROPPED), 0);
    assert_int_equal(count_of(&k, METRIC_OBSERVE_QUEUE), 0);
    history_flush(k.g->history);
    snprintf(path, sizeof path, "%s/events.db", k.home);
    assert_int_equal(events_open(path, &e, &k.why), 0);
    struct event_filter f = EVENT_FILTER_ANY;
    f.campaign = h.campaign;
    assert_int_equal(events_each(e, &f, note_row, &rows, &k.why), 0);
    events_close(&e);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.campaign, h.campaign);
    kit_close(&k);
}

/* The same message between the same publications has the same verdict, however many ask. */
static void is_worth_nothing(void **state)
{
    (void)state;
    static const struct { const char *head; bool is_known; } t[] = {
        {"Auto-Submitted: auto-replied\r\n", true},
        {"Auto-Submitted: no\r\n", true},
        {"Content-Type: multipart/report; boundary=b\r\n", false},
    };
    struct kit k;
    kit_open(&k, "");
    send(&k, k.g, 0, 32, "");
    settle(&k);
    struct heard plain = judge(&k, k.g, 40, "");
    assert_true(plain.campaign_bits > 3);
    assert_true(judge(&k, k.g, 40, "").bits == plain.bits);
    assert_true(judge(&k, k.g, 40, t[0].head).campaign_bits == 0);
    assert_int_equal(judge(&k, k.g, 40, t[0].head).campaign[0], 'c');
    assert_true(judge(&k, k.g, 40, t[1].head).campaign_bits > 3);
    assert_true(judge(&k, k.g, 40, t[2].head).campaign_bits == 0);
    assert_int_equal(gate_reload(k.g, config_of(&k, "observe { bits = 1.5 }"), &k.why), 0);
    assert_true(judge(&k, k.g, 40, "").campaign_bits == 1.5);
    assert_int_equal(gate_reload(k.g, config_of(&k, "observe { bits = 0 }"), &k.why), 0);
    assert_true(judge(&k, k.g, 40, "").campaign_bits == 0);
    assert_string_equal(judge(&k, k.g, 40, "").campaign, plain.campaign);
    assert_int_equal(gate_reload(k.g, config_of(&k, "observe { enabled = no }"), &k.why), 0);
    settle(&k);
    int64_t n = count_of(&k, METRIC_OBSERVED);
    assert_string_equal(judge(&k, k.g, 40, "").campaign, "");
    settle(&k);
    assert_int_equal(count_of(&k, METRIC_OBSERVED), n);
    assert_int_not_equal(gate_reload(k.g, config_of(&k, "observe { ours = {\"10.0.0.0/99\"} }"), &k.why), 0);
    assert_int_equal(gate_reload(k.g, config_of(&k, ""), &k.why), 0);
    assert_string_equal(judge(&k, k.g, 40, "").campaign, plain.campaign);
    kit_close(&k);
}

/* One newsletter from one network, with a way out: known, and worth nothing. */
static void bulk_is_worth_nothing(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, "");
    for (unsigned i = 0; i < 60; i++) {
        char mail[2000];
        size_t n = mail_of(mail, sizeof mail, 7, "List-Id: <news.example>\r\nList-Unsubscribe: <http://u.example/>\r\n");
        char addr[32];
        snprintf(addr, sizeof addr, "198.51.100.%u", i + 1);
        struct gate_request r = {.door = DOOR_SPAMD, .raw = span_of(mail, n), .env.client_addr = span_str(addr)};
        struct gate_answer *a;
        assert_int_equal(gate_judge(k.g, &r, &a, &k.why), 0);
        if (i == 59) {
            assert_int_equal(a->campaign[0], 'c');
            for (size_t j = 0; j < a->verdict.n_reasons; j++)
                assert_int_not_equal(a->verdict.reason[j].kind, REASON_CAMPAIGN);
        }
        gate_done(k.g, &a);
        if (i == 58)
            settle(&k);
    }
    assert_int_equal(count_of(&k, METRIC_IN_CAMPAIGN), 0);
    kit_close(&k);
}

/* ---- what is kept ---- */

static uint64_t observed_in(struct kit *k, uint64_t *kept)
{
    struct observe_options o = {.home = k->home, .is_reader = true};
    struct observatory *obs;
    struct observed seen;
    if (observatory_open(&o, &obs, &k->why))
        fail_msg("%s", k->why.text);
    observatory_count(obs, &seen);
    observatory_drop(&obs);
    *kept = seen.kept;
    return seen.messages;
}

static void is_kept(void **state)
{
    (void)state;
    struct kit k;
    uint64_t kept;
    kit_open(&k, "");
    send(&k, k.g, 0, 20, "");
    assert_int_equal(gate_close(&k.g, &k.why), 0);
    assert_int_equal(observed_in(&k, &kept), 20);
    assert_int_equal(kept, 0); /* users' mail is not ours to keep */
    k.g = gate_of(&k, "", false);
    send(&k, k.g, 20, 21, "");
    settle(&k);
    assert_int_equal(judge(&k, k.g, 21, "").campaign[0], 'c'); /* what was live before is live again */
    assert_int_equal(gate_close(&k.g, &k.why), 0);
    assert_int_equal(observed_in(&k, &kept), 22);
    kit_close(&k);
}

static void originals_if_asked(void **state)
{
    (void)state;
    struct kit k;
    uint64_t kept;
    char rules[200];
    kit_open(&k, NULL);
    snprintf(rules, sizeof rules, "%s/r.rules", k.home);
    FILE *f = fopen(rules, "w");
    assert_non_null(f);
    for (int i = 0; i < 10; i++)
        fprintf(f, "deny domain shop%d.example\n", i);
    fclose(f);
    char text[400];
    snprintf(text, sizeof text, "filter { rules = {\"%s\"} }\nobserve { doors_originals = yes }", rules);
    k.g = gate_of(&k, text, false);
    send(&k, k.g, 0, 10, "");
    assert_int_equal(gate_close(&k.g, &k.why), 0);
    assert_int_equal(observed_in(&k, &kept), 10);
    assert_int_equal(kept, 10);
    kit_close(&k);
}

/* ---- other processes ---- */

static void others_feed_it(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    struct gate *other = gate_of(&k, "", true);
    send(&k, other, 0, 3, ""); /* nobody listens yet: not counted, not waited for */
    assert_int_equal(count_of(&k, METRIC_OBSERVE_DROPPED), 0);
    k.g = gate_of(&k, "", false);
    usleep(1100000); /* it is tried again after a second */
    for (unsigned i = 3; i < 43; i++) {
        judge(&k, other, i, "");
        if (i % 8 == 0)
            usleep(20000);
    }
    for (int i = 0; i < 200 && count_of(&k, METRIC_OBSERVED) < 40; i++) {
        usleep(10000);
        settle(&k);
    }
    assert_int_equal(count_of(&k, METRIC_OBSERVED), 40);
    settle(&k);
    gate_tick(other, gate_now_ms(), gate_steady_ms());
    assert_int_equal(judge(&k, other, 50, "").campaign[0], 'c');
    assert_int_equal(gate_close(&k.g, &k.why), 0);
    judge(&k, other, 51, ""); /* who listened has gone */
    assert_int_equal(gate_close(&other, &k.why), 0);
    kit_close(&k);
}

static void busy_is_no_trouble_for_mail(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, NULL);
    struct observe_options o = {.home = k.home};
    struct observatory *obs;
    assert_int_equal(observatory_open(&o, &obs, &k.why), 0);
    k.g = gate_of(&k, "", false);
    send(&k, k.g, 0, 5, "");
    settle(&k);
    assert_int_equal(count_of(&k, METRIC_OBSERVE_DROPPED), 5);
    assert_int_equal(count_of(&k, METRIC_MESSAGES), 5);
    observatory_drop(&obs);
    kit_close(&k);
}

/* ---- rows ---- */

static void rows_are_checked(void **state)
{
    (void)state;
    struct observe_worker *w = observe_worker_bare(NULL);
    struct observe_in in = {.flags = OBSERVE_SPAM | OBSERVE_KEEP, .time_ms = 5};
    struct sighting *s, back;
    const struct mailer *m;
    struct mailer m_back;
    struct buf b, again;
    char mail[2000];
    size_t n = mail_of(mail, sizeof mail, 3, "X-Original-To: a@one.example, b@two.example\r\n");
    assert_int_equal(observe_bytes(w, span_of(mail, n), &in, &s, &m), 0);
    buf_init(&b, SIGHTING_ROW_MAX);
    buf_init(&again, SIGHTING_ROW_MAX);
    assert_int_equal(sighting_row_write(&b, s, m, true), 0);
    assert_int_equal(sighting_row_read(buf_span(&b), &back, &m_back), 0);
    assert_int_equal(sighting_row_write(&again, &back, &m_back, true), 0);
    assert_true(span_eq(buf_span(&b), buf_span(&again)));
    assert_int_equal(back.raw.n, n);
    for (size_t cut = 0; cut < b.n; cut++) {
        struct span part = exact(b.p, cut);
        assert_int_not_equal(sighting_row_read(part, &back, &m_back), 0);
        exact_free(part);
    }
    for (size_t i = 0; i < b.n - n; i++) { /* what is read is sound, or refused */
        uint8_t was = b.p[i];
        b.p[i] ^= (uint8_t)(1 + i * 37 % 255);
        struct span row = exact(b.p, b.n);
        if (sighting_row_read(row, &back, &m_back) == 0) {
            const char *why;
            assert_true(sketch_validate(&back.sketch, &why));
        }
        exact_free(row);
        b.p[i] = was;
    }
    buf_deinit(&b);
    buf_deinit(&again);
    observe_worker_free(&w);
}

/* ---- the clock ---- */

static void clock_that_jumps(void **state)
{
    (void)state;
    struct observer_clock c = {.other_since_ms = -1};
    const int64_t day = 86400000, t = 1700000000000;
    assert_int_equal(observer_clock_now(&c, t, 1000), t);
    assert_int_equal(observer_clock_now(&c, t + 60000 + 2000, 61000), t + 62000); /* it drifts, and is followed */
    assert_int_equal(observer_clock_now(&c, t + 400 * day, 62000), t + 63000);    /* it jumps: not believed */
    assert_int_equal(observer_clock_now(&c, t + 64000, 63000), t + 64000);        /* and came back */
    assert_int_equal(observer_clock_now(&c, t + 400 * day, 64000), t + 65000);
    assert_int_equal(observer_clock_now(&c, t + 400 * day + day / 2, 64000 + day / 2), t + 65000 + day / 2);
    assert_int_equal(observer_clock_now(&c, t + 401 * day, 64000 + day), t + 401 * day); /* a day later it is */
}

/* ---- the file ---- */

static void live_file_is_checked(void **state)
{
    (void)state;
    struct kit k;
    char path[128];
    kit_open(&k, "");
    send(&k, k.g, 0, 16, "");
    settle(&k);
    assert_int_equal(judge(&k, k.g, 20, "").campaign[0], 'c');
    snprintf(path, sizeof path, "%s/campaigns.live", k.home);
    unlink(path);
    FILE *f = fopen(path, "w"); /* another file: what is mapped is never written to */
    assert_non_null(f);
    fputs("POSSEPUB, but no more of it", f);
    fclose(f);
    struct live *l;
    assert_int_equal(live_open(k.home, &l, &k.why), POSSE_ECORRUPT);
    assert_null(l);
    gate_tick(k.g, gate_now_ms(), gate_steady_ms());
    assert_int_equal(judge(&k, k.g, 20, "").campaign[0], 'c'); /* the one before stays */
    unlink(path);
    gate_tick(k.g, gate_now_ms(), gate_steady_ms());
    assert_string_equal(judge(&k, k.g, 20, "").campaign, "");
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back), cmocka_unit_test(is_worth_nothing), cmocka_unit_test(bulk_is_worth_nothing),
        cmocka_unit_test(is_kept), cmocka_unit_test(originals_if_asked), cmocka_unit_test(others_feed_it),
        cmocka_unit_test(busy_is_no_trouble_for_mail), cmocka_unit_test(rows_are_checked), cmocka_unit_test(clock_that_jumps),
        cmocka_unit_test(live_file_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
