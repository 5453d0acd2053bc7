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

bool trace_place(void *ctx, const struct ip *a, struct trace_place *out)
{
    struct rdap_answer *x = ctx ? calloc(1, sizeof *x) : NULL;
    bool is_known = x && rdap_ask(ctx, a, x, NULL) == 0;
    *out = (struct trace_place){0};
    if (is_known) {
        const struct rdap_network *n = &x->network;
        const struct rdap_contact *c = rdap_abuse(n);
        rdap_range_text(n, out->network);
        memcpy(out->country, n->country, sizeof out->country);
        snprintf(out->firm, sizeof out->firm, "%.150s", n->holder[0] ? n->holder : n->name);
        if (c && strlen(c->email) < sizeof out->contact) /* half an address is none */
            snprintf(out->contact, sizeof out->contact, "%s", c->email);
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
    for (size_t i = 0; i < CAMPAIGN_TOP && c->link[i].key; i++) /* a text as long as its room may be cut */
        if (strlen(c->link[i].text) + 1 < sizeof c->link[i].text && trace_linked_at_trap(j->t, c->link[i].text, j->botnet))
            return POSSE_ENOMEM;
    return campaigns_sources(observatory_campaigns(j->o), c->number, join_source, j);
}

/* 0: there is none. Its log of writes tells of changes too: the file itself is written later. */
static int stamp_of_trap(const char *home, uint64_t *stamp_out, struct report *why)
{
    static const char *const end[] = {"", "-wal"};
    char path[4096], db[4200];
    *stamp_out = 0;
    if (!cli_home(home, path, sizeof path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    for (size_t i = 0; i < 2; i++) {
        struct stat s;
        snprintf(db, sizeof db, "%s/observatory.db%s", path, end[i]);
        if (stat(db, &s) == 0)
            *stamp_out = mix64(*stamp_out ^ (uint64_t)s.st_mtim.tv_sec ^ (uint64_t)s.st_mtim.tv_nsec << 32 ^ (uint64_t)s.st_size << 20) | 1;
        else if (i == 0)
            return 0;
    }
    return 0;
}

int trace_join_check(const char *home, struct report *why)
{
    struct cli_watch w = {.home = home};
    char cache[4200];
    uint64_t stamp;
    int rc = stamp_of_trap(home, &stamp, why);
    if (rc || !home)
        return rc;
    snprintf(cache, sizeof cache, "%s/rdap", home);
    if (!stamp && !cli_is_dir(cache))
        return report_set(why, POSSE_ENOENT, cli_is_dir(home) ? "%s: neither posse observe nor posse rdap has left anything in this home"
                                                              : "%s: there is no such home", home);
    if (stamp) {
        rc = cli_watch_open(&w, why);
        cli_watch_close(&w, 0);
    }
    return rc;
}

bool trace_join_has_news(const char *home, uint64_t stamp)
{
    uint64_t now;
    return stamp_of_trap(home, &now, NULL) == 0 && now && now != stamp;
}

int trace_join_trap(struct trace *t, const char *home, uint64_t *stamp, struct report *why)
{
    struct cli_watch w = {.home = home};
    uint64_t now;
    int rc = stamp_of_trap(home, &now, why);
    if (rc || !now)
        return rc;
    if (now == *stamp)
        return 0;
    *stamp = now;
    rc = cli_watch_open(&w, why);
    if (!rc) {
        struct joining j = {.t = t, .o = w.observatory};
        if (campaigns_each(observatory_campaigns(w.observatory), join_campaign, &j))
            rc = report_set(why, POSSE_ENOMEM, "no memory for what the spam trap saw");
    }
    cli_watch_close(&w, 0);
    return rc;
}
