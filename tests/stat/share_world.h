/* share_world: an hour of some botnets, of which a trap sees a sample; the truth is known, shares.h is asked.
 * Botnets are of uneven size, their machines of uneven rates (lognormal), with sessions of their own; each botnet sends in bursts; mail
 * has 1 to 100 recipients with a heavy tail. A trap's addresses stand alone in the lists (clump 1) or together (a machine that comes
 * to them sends several within seconds). */
#ifndef POSSE_TESTS_SHARE_WORLD_H
#define POSSE_TESTS_SHARE_WORLD_H

#include "botnet/share.h"
#include "stat.h"

enum { WORLD_BOTNETS = 6 };
struct share_world { const char *name; double messages, sigma, clump, alpha, doubt; int bursts; unsigned hours; };
struct share_truth { double of[SHARE_N]; };

static const struct share_world share_worlds[] = {
    {"even, alone", 2000, 0.2, 1, 2.5, 0, 0, 1},
    {"uneven, alone", 2000, 1.2, 1, 2.5, 0, 0, 1},
    {"uneven, bursts", 2000, 1.2, 1, 2.5, 0, 1, 1},
    {"heavy recipients", 2000, 1.2, 1, 1.2, 0, 1, 1},
    {"clumps of 3", 2000, 1.0, 3, 2.0, 0, 1, 1},
    {"clumps of 8", 2000, 1.0, 8, 2.0, 0, 1, 1},
    {"few messages", 200, 1.0, 1.5, 2.0, 0, 1, 1},
    {"many messages", 50000, 1.2, 1.5, 1.5, 0, 1, 1},
    {"a day", 1000, 1.2, 2, 2.0, 0, 1, 24},
    {"doubtful campaigns", 2000, 1.0, 1, 2.5, 0.2, 1, 1},
};
enum { SHARE_WORLDS = sizeof share_worlds / sizeof *share_worlds };

struct share_gang { double size, mean_bytes, alpha; unsigned n_bots; double on[12]; struct share_truth received; int64_t end_ms; uint8_t was_seen[4096]; };

static inline void send_clump(struct rng *r, struct shares *s, const struct share_world *w, unsigned b, struct share_gang *g, uint32_t bot,
                              int64_t at_ms)
{
    uint64_t n = rng_geometric(r, w->clump);
    uint64_t campaign = b * 100 + rng_u64(r) % 10 + 1;
    /* Which campaigns are another's is drawn for the world; the observer knows the odds only. */
    struct share_sight in = {.botnet = b, .probability = w->doubt > 0 && b ? 1 - w->doubt : 1, .campaign = campaign};
    for (uint64_t k = 0; k < n; k++) {
        in.time_ms = at_ms + (int64_t)(k * 300);
        in.n_rcpt = rng_tail(r, g->alpha, 100);
        in.bytes = (uint64_t)(g->mean_bytes * rng_lognormal(r, 0.8)) + 1;
        memcpy(in.source.b + 10, "\xff\xff\x0a", 3);
        in.source.b[12] = (uint8_t)(10 + b);
        memcpy(in.source.b + 13, &bot, 3);
        if (shares_add(s, &in))
            abort();
        if (in.time_ms >= g->end_ms) /* it is the next hour's */
            continue;
        g->received.of[SHARE_MESSAGES]++;
        g->received.of[SHARE_ENVELOPES] += in.n_rcpt;
        g->received.of[SHARE_BYTES] += (double)in.bytes;
        g->received.of[SHARE_ADDRESSES] += !g->was_seen[bot];
        g->was_seen[bot] = 1;
    }
}

/* One hour into s; adds to what the world sent (by botnet), and to the addresses that such a trap sees on average. */
static inline void share_hour_of(struct rng *r, const struct share_world *w, struct share_gang *gang, struct shares *s, int64_t start_ms,
                                 struct share_truth sent[WORLD_BOTNETS], double (*unseen)[4096])
{
    for (unsigned b = 0; b < WORLD_BOTNETS; b++) {
        struct share_gang *g = &gang[b];
        double on = 0, mean_rcpt = tail_mean(g->alpha, 100);
        for (unsigned m = 0; m < 12; m++)
            on += g->on[m] = w->bursts ? rng_unit(r) < 0.4 ? rng_lognormal(r, 0.5) * 3 : 0.2 : 1;
        for (uint32_t bot = 0; bot < g->n_bots; bot++) {
            double rate = w->messages * g->size / g->n_bots * rng_lognormal(r, w->sigma) / w->clump;
            unseen[b][bot] *= exp(-rate);
            for (unsigned m = 0; m < 12; m++) {
                uint64_t n = rng_poisson(r, rate * g->on[m] / on);
                for (uint64_t k = 0; k < n; k++)
                    send_clump(r, s, w, b, g, bot, start_ms + (int64_t)((m + rng_unit(r) * 0.98) * 300000));
            }
            rate *= w->clump;
            sent[b].of[SHARE_MESSAGES] += rate;
            sent[b].of[SHARE_ENVELOPES] += rate * mean_rcpt;
            sent[b].of[SHARE_BYTES] += rate * (g->mean_bytes + 0.5);
        }
    }
}

struct share_result { uint64_t asked[SHARE_N], held[SHARE_N]; double error2[SHARE_N], theory2[SHARE_N], width[SHARE_N], worst[SHARE_N]; };

static inline void share_gangs(struct rng *r, const struct share_world *w, struct share_gang *gang)
{
    double all = 0;
    for (unsigned b = 0; b < WORLD_BOTNETS; b++) {
        gang[b].size = rng_gamma(r, 1) + 0.02;
        gang[b].n_bots = (unsigned)rng_between(r, 30, 4000);
        gang[b].mean_bytes = rng_between(r, 800, 8000);
        gang[b].alpha = w->alpha * rng_between(r, 0.9, 1.3);
        all += gang[b].size;
    }
    for (unsigned b = 0; b < WORLD_BOTNETS; b++)
        gang[b].size /= all;
}

/* With doubt, each campaign of each botnet is the unknown's with that probability: what it sent is moved. */
static inline void share_doubt(struct rng *r, const struct share_world *w, struct share_truth sent[WORLD_BOTNETS])
{
    for (unsigned b = 1; b < WORLD_BOTNETS; b++) {
        unsigned wrong = 0;
        for (unsigned c = 0; c < 10; c++)
            wrong += rng_unit(r) < w->doubt;
        for (unsigned k = 0; k < SHARE_N; k++) {
            sent[0].of[k] += sent[b].of[k] * wrong / 10;
            sent[b].of[k] -= sent[b].of[k] * wrong / 10;
        }
    }
}

static inline void share_judge(const struct share *got, size_t n, uint64_t all, const struct share_truth sent[WORLD_BOTNETS],
                               const struct share_gang *gang, struct share_result *res)
{
    for (unsigned k = 0; k < SHARE_N; k++) {
        double total = 0, received = 0;
        for (unsigned b = 0; b < WORLD_BOTNETS; b++) {
            total += sent[b].of[k];
            received += gang[b].received.of[k];
        }
        for (size_t i = 0; i < n; i++) {
            double truth = sent[got[i].botnet].of[k] / total, d = got[i].of[k].mid - truth;
            res->asked[k]++;
            res->held[k] += got[i].of[k].lo <= truth && truth <= got[i].of[k].hi;
            res->error2[k] += d * d;
            res->worst[k] = fmax(res->worst[k], fabs(got[i].of[k].mid - gang[got[i].botnet].received.of[k] / received));
            res->theory2[k] += truth * (1 - truth) / (double)all;
            res->width[k] += got[i].of[k].hi - got[i].of[k].lo;
        }
    }
}

static inline void share_run(uint64_t seed, const struct share_world *w, struct share_result *res)
{
    struct rng r = {seed * 0x1234567ull + 99};
    struct share_gang *gang = calloc(WORLD_BOTNETS, sizeof *gang);
    struct share_truth sent[WORLD_BOTNETS] = {0};
    double(*unseen)[4096] = malloc(WORLD_BOTNETS * sizeof *unseen);
    for (unsigned i = 0; i < WORLD_BOTNETS * 4096; i++)
        unseen[i / 4096][i % 4096] = 1;
    struct shares *s;
    if (shares_new(0, &s, NULL))
        abort();
    share_gangs(&r, w, gang);
    const int64_t start = 1300000000000ll / 3600000 * 3600000;
    for (unsigned b = 0; b < WORLD_BOTNETS; b++)
        gang[b].end_ms = start + w->hours * 3600000ll;
    for (unsigned h = 0; h < w->hours; h++)
        share_hour_of(&r, w, gang, s, start + h * 3600000ll, sent, unseen);
    for (unsigned b = 0; b < WORLD_BOTNETS; b++)
        for (unsigned i = 0; i < gang[b].n_bots; i++)
            sent[b].of[SHARE_ADDRESSES] += 1 - unseen[b][i];
    if (w->doubt > 0)
        share_doubt(&r, w, sent);
    struct share got[WORLD_BOTNETS + 2];
    struct share all;
    size_t n = shares_ask(s, start, start + w->hours * 3600000ll, got, WORLD_BOTNETS + 2, &all);
    share_judge(got, n, all.messages, sent, gang, res);
    shares_free(&s);
    free(unseen);
    free(gang);
}

#endif
