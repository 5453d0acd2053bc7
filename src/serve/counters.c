/* The block: a head that says what it is, then one row of cells a door. All cells are 64-bit, so that processes of one build
 * agree on where each lies; seconds are kept as nanoseconds. */
#include "serve/counters.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static const char *const door_names[DOORS] = {"milter", "spamd", "rspamd", "akismet", "smtpd", "pipe", "http"};

const char *door_name(enum metric_door d) { return door_names[d]; }

static const struct { const char *name, *unit, *help; } table[METRICS] = {
    [METRIC_CONNECTIONS] = {"posse_connections", NULL, "Connections that were accepted."},
    [METRIC_REQUESTS] = {"posse_requests", NULL, "Requests that were read to their end."},
    [METRIC_MESSAGES] = {"posse_messages", NULL, "Messages that were judged."},
    [METRIC_BYTES] = {"posse_message_bytes", "bytes", "Bytes of the messages that were judged."},
    [METRIC_SPAM] = {"posse_spam", NULL, "Messages that were judged spam."},
    [METRIC_HAM] = {"posse_ham", NULL, "Messages that were judged ham."},
    [METRIC_LEARNED_SPAM] = {"posse_learned_spam", NULL, "Lessons of spam that were taught."},
    [METRIC_LEARNED_HAM] = {"posse_learned_ham", NULL, "Lessons of ham that were taught."},
    [METRIC_LEARN_REFUSED] = {"posse_learn_refused", NULL, "Lessons refused: a teacher's cap, or no right to teach."},
    [METRIC_PROTOCOL_ERRORS] = {"posse_protocol_errors", NULL, "Requests that broke their protocol."},
    [METRIC_TOO_BIG] = {"posse_too_big", NULL, "Messages over the size limit."},
    [METRIC_TIMEOUTS] = {"posse_timeouts", NULL, "Requests that took too long to arrive or to be taken back."},
    [METRIC_OVER_LIMIT] = {"posse_over_limit", NULL, "Connections refused because there were too many."},
    [METRIC_AUTH_FAILED] = {"posse_auth_failed", NULL, "Requests with a wrong password or key."},
    [METRIC_TROUBLE] = {"posse_trouble", NULL, "Verdicts that could not be given or carried out."},
    [METRIC_HISTORY_DROPPED] = {"posse_history_dropped", NULL, "Rows of history lost to a full queue or a failing disk."},
    [METRIC_QUARANTINED] = {"posse_quarantined", NULL, "Messages that were put into quarantine."},
    [METRIC_OBSERVED] = {"posse_observed", NULL, "Messages that the observatory counted."},
    [METRIC_OBSERVE_DROPPED] = {"posse_observe_dropped", NULL, "Messages that it did not: a full queue, or an observatory in trouble."},
    [METRIC_IN_CAMPAIGN] = {"posse_in_campaign", NULL, "Messages that were known, when judged, to be of a live campaign; no solicited bulk."},
    [METRIC_OPEN_CONNECTIONS] = {"posse_open_connections", NULL, "Connections that are open now."},
    [METRIC_IN_WORK] = {"posse_in_work", NULL, "Messages that are being judged or answered now."},
    [METRIC_HISTORY_QUEUE] = {"posse_history_queue", NULL, "Rows of history that wait to be written."},
    [METRIC_OBSERVE_QUEUE] = {"posse_observe_queue", NULL, "Messages that wait to be counted by the observatory."},
};

/* Upper ends of the histogram's buckets. */
static const int64_t bucket_ns[] = {200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000,
                                    200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000};
enum { BUCKETS = sizeof bucket_ns / sizeof *bucket_ns };

static const char magic[16] = "POSSE COUNTERS 1";

struct row {
    atomic_llong metric[METRICS], action[ACTIONS], bucket[BUCKETS + 1], sum_ns;
};
struct block {
    char magic[sizeof magic];
    uint64_t size;
    struct row row[DOORS];
};
struct counters {
    struct block *block;
    int fd;
    bool owns_fd;
};

static int attach(struct counters *c, int fd, struct report *why)
{
    struct stat st;
    bool is_new = fd < 0;
    c->fd = is_new ? memfd_create("posse-counters", 0) : fd;
    c->owns_fd = is_new;
    if (c->fd < 0 || (is_new && ftruncate(c->fd, sizeof *c->block) != 0))
        return report_errno(why, "make memory to share", "counters");
    if (fstat(c->fd, &st) != 0 || st.st_size != (off_t)sizeof *c->block)
        return report_set(why, POSSE_EVERSION, "descriptor %d holds no counters of this version", c->fd);
    void *p = mmap(NULL, sizeof *c->block, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (p == MAP_FAILED)
        return report_errno(why, "map the memory", "counters");
    c->block = p;
    if (is_new) {
        memcpy(c->block->magic, magic, sizeof magic);
        c->block->size = sizeof *c->block;
    }
    if (memcmp(c->block->magic, magic, sizeof magic) != 0 || c->block->size != sizeof *c->block)
        return report_set(why, POSSE_EVERSION, "descriptor %d holds no counters of this version", c->fd);
    return POSSE_OK;
}

int counters_open(int fd, struct counters **out, struct report *why)
{
    *out = NULL;
    struct counters *c = calloc(1, sizeof *c);
    if (!c)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    c->fd = -1;
    int err = attach(c, fd, why);
    if (err)
        counters_close(&c);
    *out = c;
    return err;
}

int counters_fd(const struct counters *c) { return c->fd; }

void counters_close(struct counters **c)
{
    if (!c || !*c)
        return;
    if ((*c)->block)
        munmap((*c)->block, sizeof *(*c)->block);
    if ((*c)->owns_fd && (*c)->fd >= 0)
        close((*c)->fd);
    free(*c);
    *c = NULL;
}

static void add(atomic_llong *cell, int64_t by) { atomic_fetch_add_explicit(cell, by, memory_order_relaxed); }
static int64_t get(const atomic_llong *cell) { return atomic_load_explicit(cell, memory_order_relaxed); }

void counters_add(struct counters *c, enum metric_door d, enum metric which, int64_t by)
{
    add(&c->block->row[d].metric[which], by);
}

void counters_action(struct counters *c, enum metric_door d, enum action a) { add(&c->block->row[d].action[a], 1); }

void counters_time(struct counters *c, enum metric_door d, double seconds)
{
    int64_t ns = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1e9) : 0;
    unsigned b = 0;
    while (b < BUCKETS && ns > bucket_ns[b])
        b++;
    add(&c->block->row[d].bucket[b], 1);
    add(&c->block->row[d].sum_ns, ns);
}

int64_t counters_get(const struct counters *c, enum metric_door d, enum metric which) { return get(&c->block->row[d].metric[which]); }
int64_t counters_get_action(const struct counters *c, enum metric_door d, enum action a) { return get(&c->block->row[d].action[a]); }

int64_t counters_get_timed(const struct counters *c, enum metric_door d)
{
    int64_t n = 0;
    for (unsigned b = 0; b <= BUCKETS; b++)
        n += get(&c->block->row[d].bucket[b]);
    return n;
}

/* ---- OpenMetrics ---- */

static void write_family(struct buf *out, const char *name, const char *type, const char *unit, const char *help)
{
    buf_add_fmt(out, "# TYPE %s %s\n", name, type);
    if (unit)
        buf_add_fmt(out, "# UNIT %s %s\n", name, unit);
    buf_add_fmt(out, "# HELP %s %s\n", name, help);
}

static void write_times(const struct counters *c, struct buf *out)
{
    static const char name[] = "posse_verdict_seconds";
    write_family(out, name, "histogram", "seconds", "From a whole message to its answer.");
    for (int d = 0; d < DOORS; d++) {
        const struct row *r = &c->block->row[d];
        int64_t n = 0;
        for (unsigned b = 0; b < BUCKETS; b++) {
            n += get(&r->bucket[b]);
            buf_add_fmt(out, "%s_bucket{door=\"%s\",le=\"%g\"} %lld\n", name, door_names[d], (double)bucket_ns[b] / 1e9, (long long)n);
        }
        n += get(&r->bucket[BUCKETS]);
        buf_add_fmt(out, "%s_bucket{door=\"%s\",le=\"+Inf\"} %lld\n", name, door_names[d], (long long)n);
        buf_add_fmt(out, "%s_count{door=\"%s\"} %lld\n", name, door_names[d], (long long)n);
        buf_add_fmt(out, "%s_sum{door=\"%s\"} %.9g\n", name, door_names[d], (double)get(&r->sum_ns) / 1e9);
    }
}

void counters_write(const struct counters *c, struct buf *out)
{
    write_family(out, "posse_build", "info", NULL, "Which version this is.");
    buf_add_fmt(out, "posse_build_info{version=\"%s\"} 1\n", POSSE_VERSION);
    for (int m = 0; m < METRICS; m++) {
        bool is_gauge = m >= METRICS_COUNTED;
        write_family(out, table[m].name, is_gauge ? "gauge" : "counter", table[m].unit, table[m].help);
        for (int d = 0; d < DOORS; d++)
            buf_add_fmt(out, "%s%s{door=\"%s\"} %lld\n", table[m].name, is_gauge ? "" : "_total", door_names[d],
                        (long long)get(&c->block->row[d].metric[m]));
    }
    write_family(out, "posse_actions", "counter", NULL, "What was done with messages.");
    for (int d = 0; d < DOORS; d++)
        for (int a = 0; a < ACTIONS; a++)
            buf_add_fmt(out, "posse_actions_total{door=\"%s\",action=\"%s\"} %lld\n", door_names[d], action_name((enum action)a),
                        (long long)get(&c->block->row[d].action[a]));
    write_times(c, out);
    buf_add_str(out, "# EOF\n");
}
