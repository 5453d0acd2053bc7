/* Houses: made whole before they take the present one's place, so that a bad configuration changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "serve/gate_priv.h"

enum { DAY_MS = 86400000 };

static int load_rules(const struct gate *g, struct house *h, struct report *why)
{
    const char *const *path;
    size_t n = config_list(h->config, "filter.rules", &path);
    if (n == 0)
        return POSSE_OK;
    bool has_cache = mkdir(g->rules_path, 0700) == 0 || errno == EEXIST; /* without, compiling takes its second */
    struct rules_options o = {.list_bits = config_float(h->config, "filter.list_bits"),
                              .cache_dir = has_cache ? g->rules_path : NULL};
    return rules_load(path, n, &o, &h->rules, why);
}

static void read_limits(struct house *h)
{
    const struct config *c = h->config;
    h->ham_loss = config_float(c, "filter.ham_loss");
    h->per_hour = (uint64_t)config_int(c, "teach.per_hour");
    h->history_ms = config_int(c, "history.days") * DAY_MS;
    h->history_bytes = (uint64_t)config_int(c, "history.bytes");
    h->has_subjects = config_bool(c, "history.subjects");
    h->teachable_ms = config_int(c, "history.teachable") * 1000;
    h->quarantine_ms = config_int(c, "quarantine.days") * DAY_MS;
    h->quarantine_bytes = (uint64_t)config_int(c, "quarantine.bytes");
    h->observes = config_bool(c, "observe.enabled");
    h->keeps_originals = config_bool(c, "observe.doors_originals");
    h->campaign_bits = config_float(c, "observe.bits");
}

static int load_networks(struct house *h, struct report *why)
{
    const char *const *net;
    size_t n = config_list(h->config, "observe.ours", &net);
    return networks_new(net, n, &h->ours, why);
}

static void house_free(struct house *h)
{
    rules_free(&h->rules);
    networks_free(&h->ours);
    policies_free(&h->policies);
    config_free(&h->config);
    free(h);
}

int house_new(const struct gate *g, struct config *config, struct house **out, struct report *why)
{
    struct house *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h) {
        config_free(&config);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    h->config = config;
    h->refs = 1;
    int err = policies_new(config, &h->policies, why);
    if (!err)
        err = load_rules(g, h, why);
    if (!err)
        err = load_networks(h, why);
    if (err) {
        house_free(h);
        return err;
    }
    read_limits(h);
    *out = h;
    return POSSE_OK;
}

void house_enter(struct gate *g, struct house *h)
{
    pthread_mutex_lock(&g->lock);
    struct house *old = g->house;
    h->next = g->houses;
    g->houses = g->house = h;
    pthread_mutex_unlock(&g->lock);
    engine_ham_loss(g->engine, h->ham_loss);
    house_drop(g, &old);
}

struct house *house_hold(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct house *h = g->house;
    h->refs++;
    pthread_mutex_unlock(&g->lock);
    return h;
}

void house_drop(struct gate *g, struct house **hp)
{
    struct house *h = *hp;
    *hp = NULL;
    if (!h)
        return;
    pthread_mutex_lock(&g->lock);
    bool is_last = --h->refs == 0;
    for (struct house **at = &g->houses; is_last && *at; at = &(*at)->next)
        if (*at == h) {
            *at = h->next;
            break;
        }
    pthread_mutex_unlock(&g->lock);
    if (is_last)
        house_free(h);
}

const struct config *gate_config(struct gate *g) { return house_hold(g)->config; }

void gate_config_done(struct gate *g, const struct config *c)
{
    pthread_mutex_lock(&g->lock);
    struct house *h = g->houses;
    while (h && h->config != c)
        h = h->next;
    pthread_mutex_unlock(&g->lock);
    house_drop(g, &h); /* it lives: the caller held it */
}

void houses_free(struct gate *g)
{
    house_drop(g, &g->house);
    while (g->houses) { /* somebody held a configuration for longer than a call */
        struct house *h = g->houses;
        g->houses = h->next;
        house_free(h);
    }
}
