#include "cli/trace_join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/hash.h"
#include "cli/cli_watch.h"

/* ---- whom to write to ---- */

static int64_t clock_ms(void *ctx)
{
    (void)ctx;
    return cli_now_ms();
}

int trace_contacts_open(struct trace_contacts *c, const char *home, struct report *why)
{
    char path[4096];
    if (!cli_home(home, path, sizeof path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    snprintf(c->cache, sizeof c->cache, "%s/rdap", path);
    struct rdap_options o = {.cache = c->cache, .now_ms = clock_ms};
    return cli_is_dir(c->cache) ? rdap_open(&o, &c->rdap, why) : 0;
}

bool trace_contact(void *ctx, const struct ip *a, char out[TRACE_TEXT])
{
    struct rdap_answer *x = calloc(1, sizeof *x);
    bool is_known = false;
    if (x && rdap_ask(ctx, a, x, NULL) == 0) {
        const struct rdap_contact *c = rdap_abuse(&x->network);
        if (c) {
            snprintf(out, TRACE_TEXT, "%.100s%s%.50s", c->email, x->network.holder[0] ? ", of " : "", x->network.holder);
            is_known = true;
        }
    }
    free(x);
    return is_known;
}

/* ---- lists ---- */

static uint64_t stamp_of(const struct trace_lists *l)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < l->n_allow + l->n_deny; i++) {
        struct stat s;
        const char *path = i < l->n_allow ? l->allow[i] : l->deny[i - l->n_allow];
        if (stat(path, &s) < 0)
            s = (struct stat){0};
        stamp = mix64(stamp ^ (uint64_t)s.st_mtim.tv_sec * 1000000007u ^ (uint64_t)s.st_mtim.tv_nsec) + (uint64_t)s.st_size + (uint64_t)s.st_ino;
    }
    return stamp;
}

int trace_lists_open(struct trace_lists *l, struct report *why)
{
    struct known_options o = {.services = engine_shipped_path("known-services.tsv"), .allow = l->allow, .deny = l->deny,
                              .n_allow = l->n_allow, .n_deny = l->n_deny};
    l->stamp = stamp_of(l);
    return known_open(&o, &l->known, why);
}

int trace_lists_refresh(struct trace_lists *l, struct trace *t, struct report *why)
{
    struct trace_lists now = *l;
    if (stamp_of(l) == l->stamp)
        return 0;
    now.known = NULL;
    int rc = trace_lists_open(&now, why);
    if (rc < 0) {
        l->stamp = now.stamp; /* said once for each change */
        return rc;
    }
    trace_set_known(t, now.known);
    known_free(&l->known);
    *l = now;
    return 1;
}

void trace_lists_close(struct trace_lists *l) { known_free(&l->known); }

/* ---- the trap ---- */

enum { FEW_MESSAGES = 3 };
static const double spammer = .9, once_or_twice = .5; /* a source of spam, as far as nothing is known of its campaign's botnet */

struct joining { struct trace *t; struct observatory *o; struct campaign c; char botnet[BOTNET_NAME]; double probability; };

static int join_source(void *ctx, const struct ip *source)
{
    struct joining *j = ctx;
    return trace_seen_at_trap(j->t, source, j->c.last_ms, j->botnet, j->probability);
}

static int join_campaign(void *ctx, const struct campaign *c)
{
    struct joining *j = ctx;
    struct membership m;
    struct botnet b;
    if (c->is_bulk || c->spam == 0)
        return 0;
    j->c = *c;
    j->botnet[0] = '\0';
    j->probability = c->spam < FEW_MESSAGES ? once_or_twice : spammer;
    if (botnets_member(observatory_botnets(j->o), c->number, &m) && m.botnet && botnets_get(observatory_botnets(j->o), m.botnet, &b)) {
        memcpy(j->botnet, b.name, sizeof j->botnet);
        j->probability += (1 - j->probability) * m.probability * .99; /* never sure: a mail server may have passed it on */
    }
    return campaigns_sources(observatory_campaigns(j->o), c->number, join_source, j);
}

int trace_join_trap(struct trace *t, const char *home, uint64_t *stamp, struct report *why)
{
    struct stat s = {0};
    struct cli_watch w = {.home = home};
    char path[4096], db[4200];
    if (!cli_home(home, path, sizeof path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    snprintf(db, sizeof db, "%s/observatory.db", path);
    if (stat(db, &s) < 0 && !home)
        return 0;
    uint64_t now = mix64((uint64_t)s.st_mtim.tv_sec ^ (uint64_t)s.st_mtim.tv_nsec << 32) | 1;
    if (now == *stamp)
        return 0;
    *stamp = now;
    int rc = cli_watch_open(&w, why);
    if (!rc) {
        struct joining j = {.t = t, .o = w.observatory};
        if (campaigns_each(observatory_campaigns(w.observatory), join_campaign, &j))
            rc = report_set(why, POSSE_ENOMEM, "no memory for what the spam trap saw");
    }
    cli_watch_close(&w, 0);
    return rc;
}
