/* posse case open and add, from what the observatory and trace found: kept messages and one findings.json, all in one batch. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "cli/cli_case.h"
#include "cli/cli_watch.h"
#include "engine/gather.h"

enum { TRACE_BYTES = 256 << 20 };

struct case_gathering {
    struct case_request *q;
    struct cli_watch watch;
    struct arena *a;
    struct findings *f;
    struct buf trace[CASE_WANTS];
    struct casefile *c;
    struct report why;
    uint8_t (*digest)[32]; /* of exhibits that are there, sorted; the last 8 bytes of each entry: which one */
    size_t n_digests;
    const struct found_campaign *campaign; /* whose messages are added */
    uint64_t room, added;                  /* of its samples */
};

bool case_wants_gathering(const struct case_request *q) { return q->n_campaigns + q->n_botnets + q->n_traces > 0; }

/* ---- before anything is written ---- */

static int ask_observatory(struct case_gathering *g)
{
    struct case_request *q = g->q;
    struct gather_want w = {.campaign = q->campaign, .n_campaigns = q->n_campaigns, .botnet = q->botnet, .n_botnets = q->n_botnets,
                            .from_ms = q->since_ms, .to_ms = q->until_ms};
    g->watch.home = q->home;
    g->watch.as = q->as;
    int err = cli_watch_open(&g->watch, &g->why);
    if (!err)
        err = gather_findings(g->watch.observatory, &w, g->a, &g->f, &g->why);
    return err ? cli_report(&g->why) : CLI_OK;
}

static int read_traces(struct case_gathering *g)
{
    struct arena *a = arena_new(FINDINGS_ARENA);
    int status = CLI_OK;
    for (size_t i = 0; i < g->q->n_traces && !status; i++) {
        struct findings none = {0};
        buf_init(&g->trace[i], TRACE_BYTES);
        status = case_load(g->q->trace[i], &g->trace[i]);
        if (!status && (!a || findings_add_trace(a, &none, buf_span(&g->trace[i]), g->q->only, 1, &g->why)))
            status = cli_error("%s: %s", g->q->trace[i], a ? g->why.text : "out of memory");
    }
    arena_free(&a);
    return status;
}

int case_gather_begin(struct case_request *q, struct case_gathering **out)
{
    struct case_gathering *g = *out = calloc(1, sizeof *g);
    if (!g || !(g->a = arena_new(FINDINGS_ARENA)))
        return cli_error("out of memory");
    g->q = q;
    if (*q->only && !q->n_traces)
        return cli_usage(q->cmd, "--controller and --host pick from what --trace FILE gives");
    int status = q->n_campaigns + q->n_botnets ? ask_observatory(g) : CLI_OK;
    if (!status && !g->f && !(g->f = arena_zalloc(g->a, sizeof *g->f)))
        status = cli_error("out of memory");
    return status ? status : read_traces(g);
}

void case_gather_end(struct case_gathering **gp)
{
    struct case_gathering *g = *gp;
    if (!g)
        return;
    if (g->watch.settings || g->watch.observatory)
        cli_watch_close(&g->watch, CLI_OK);
    for (size_t i = 0; i < CASE_WANTS; i++)
        buf_deinit(&g->trace[i]);
    arena_free(&g->a);
    free(g->digest);
    free(g);
    *gp = NULL;
}

/* ---- what is in the case already ---- */

/* 24 bytes of the digest are enough to know it by, and leave room for the number. */
static int by_digest(const void *a, const void *b) { return memcmp(a, b, 24); }

static int note_digest(void *ctx, const struct case_line *l)
{
    struct case_gathering *g = ctx;
    if (!l->is_exhibit || l->redacts >= 0)
        return 0;
    memcpy(g->digest[g->n_digests], l->sha256, 24);
    memcpy(g->digest[g->n_digests++] + 24, &l->n, 8);
    return 0;
}

static int index_exhibits(struct case_gathering *g)
{
    g->digest = calloc(casefile_count(g->c) + 1, sizeof *g->digest);
    if (!g->digest)
        return report_set(&g->why, POSSE_ENOMEM, "out of memory");
    int err = casefile_each(g->c, note_digest, g, &g->why);
    if (!err)
        qsort(g->digest, g->n_digests, sizeof *g->digest, by_digest);
    return err;
}

static bool is_there(const struct case_gathering *g, struct span bytes, uint64_t *n_out)
{
    uint8_t key[32];
    sha256(bytes, key);
    const uint8_t *hit = g->n_digests ? bsearch(key, g->digest, g->n_digests, sizeof *g->digest, by_digest) : NULL;
    if (hit)
        memcpy(n_out, hit + 24, 8);
    return hit != NULL;
}

/* ---- writing ---- */

static int add_sample(void *ctx, int64_t time_ms, struct span raw)
{
    struct case_gathering *g = ctx;
    struct found_campaign *c = (struct found_campaign *)(uintptr_t)g->campaign;
    char name[100], source[100];
    uint64_t n;
    if (g->room == 0 || c->n_samples == 1000)
        return 0;
    g->room--;
    if (!is_there(g, raw, &n)) {
        snprintf(name, sizeof name, "message %zu of campaign %.*s", c->n_samples + 1, (int)c->id.n, (const char *)c->id.p);
        snprintf(source, sizeof source, "the observatory's kept messages of campaign %.*s", (int)c->id.n, (const char *)c->id.p);
        struct exhibit e = {.name = span_str(name), .media = SPAN_LIT("message/rfc822"), .source = span_str(source), .has_seen = true,
                            .seen = {.unix_ms = time_ms}, .command = span_str(g->q->command), .redacts = -1};
        int err = casefile_exhibit(g->c, &e, raw, &n, &g->why);
        if (err)
            return err;
        g->added++;
    }
    c->sample[c->n_samples++] = (struct found_sample){n, time_ms};
    return 0;
}

static int add_samples(struct case_gathering *g)
{
    int err = POSSE_OK;
    for (size_t i = 0; i < g->f->n_campaigns && !err; i++) {
        struct found_campaign *c = &g->f->campaign[i];
        c->sample = arena_zalloc(g->a, 1000 * sizeof *c->sample);
        g->campaign = c;
        g->room = g->q->samples;
        err = c->sample ? gather_samples(g->watch.observatory, c, add_sample, g, &g->why) : report_set(&g->why, POSSE_ENOMEM, "out of memory");
        if (!err)
            arena_shrink(g->a, c->sample, 1000 * sizeof *c->sample, c->n_samples * sizeof *c->sample);
    }
    return err;
}

static int add_traces(struct case_gathering *g)
{
    int err = POSSE_OK;
    for (size_t i = 0; i < g->q->n_traces && !err; i++) {
        const char *slash = strrchr(g->q->trace[i], '/');
        struct span bytes = buf_span(&g->trace[i]);
        uint64_t n;
        struct exhibit e = {.name = span_str(slash ? slash + 1 : g->q->trace[i]), .media = SPAN_LIT("application/json"),
                            .source = SPAN_LIT("posse trace"), .command = span_str(g->q->command), .redacts = -1};
        if (!is_there(g, bytes, &n)) {
            err = casefile_exhibit(g->c, &e, bytes, &n, &g->why);
            g->added += !err;
        }
        if (!err)
            err = findings_add_trace(g->a, g->f, bytes, g->q->only, n, &g->why);
    }
    return err;
}

int case_old_findings(struct casefile *c, struct arena *a, struct findings **out, struct report *why)
{
    int err = findings_newest(c, UINT64_MAX, a, out, NULL, why);
    return err == POSSE_ENOENT ? POSSE_OK : err;
}

int case_add_findings(struct case_request *q, struct casefile *c, struct arena *a, struct findings *f, const struct findings *old,
                      uint64_t *n_out, struct report *why)
{
    struct buf b;
    struct exhibit e = {.name = SPAN_LIT(FINDINGS_NAME), .media = SPAN_LIT("application/json"), .source = SPAN_LIT("the observatory and trace"),
                        .command = span_str(q->command), .redacts = -1};
    f->version = FINDINGS_VERSION;
    f->made_ms = case_now(NULL).unix_ms;
    f->tool = span_str(q->writer.tool);
    f->command = span_str(q->command);
    int err = old ? findings_merge(a, f, old, why) : POSSE_OK;
    buf_init(&b, FINDINGS_BYTES);
    if (!err && (err = findings_write(f, &b)))
        report_set(why, err, "the findings are too long: %s", posse_strerror(err));
    if (!err)
        err = casefile_exhibit(c, &e, buf_span(&b), n_out, why);
    buf_deinit(&b);
    return err;
}

int case_gather_write(struct case_gathering *g, struct casefile *c)
{
    struct findings *old = NULL;
    uint64_t n = 0;
    g->c = c;
    int err = index_exhibits(g);
    if (!err)
        err = case_old_findings(c, g->a, &old, &g->why);
    if (!err)
        err = casefile_begin(c, &g->why);
    if (err)
        return cli_report(&g->why);
    if (g->watch.observatory)
        err = add_samples(g);
    if (!err)
        err = add_traces(g);
    if (!err)
        err = case_add_findings(g->q, c, g->a, g->f, old, &n, &g->why);
    if (err) {
        casefile_abandon(c);
        return cli_report(&g->why);
    }
    if (casefile_commit(c, &g->why))
        return cli_report(&g->why);
    if (g->q->is_json)
        printf("{\"n\":%" PRIu64 ",\"added\":%" PRIu64 ",\"campaigns\":%zu,\"botnets\":%zu,\"sources\":%" PRIu64 ",\"controllers\":%zu,\"hosts\":%zu}\n", n,
               g->added + 1, g->f->n_campaigns, g->f->n_botnets, g->f->sources_total, g->f->n_controllers, g->f->n_hosts);
    else
        printf("%" PRIu64 "  " FINDINGS_NAME ": %zu campaigns, %" PRIu64 " addresses, %zu controllers, %zu infected hosts; %" PRIu64
               " exhibits more\n", n, g->f->n_campaigns, g->f->sources_total, g->f->n_controllers, g->f->n_hosts, g->added);
    return CLI_OK;
}
