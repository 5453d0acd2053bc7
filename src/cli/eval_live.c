#include "cli/eval_live.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/live.h"
#include "engine/observe.h"

enum { PATH_BYTES = 4096, SHOW_MS = 60000 };

struct eval_live {
    char home[PATH_BYTES];
    double most;
    struct networks *ours;
    struct observatory *observatory;
    struct observe_worker *worker;
    struct live_file *file;
    int64_t shown_ms;
    /* the message that was asked about */
    struct sighting *sighting; /* NULL: it has none */
    const struct mailer *mailer;
    struct published_hit hit;
    bool is_hit;
    char text[LIVE_TEXT];
    struct eval_live_count count[2];
};

static int open_it(struct eval_live *l, const struct config *c, struct report *why)
{
    const char *const *net, *tmp = getenv("TMPDIR");
    size_t n = config_list(c, "observe.ours", &net);
    l->most = config_float(c, "observe.bits");
    snprintf(l->home, sizeof l->home, "%s/posse-eval.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(l->home)) {
        int rc = report_errno(why, "make a folder", l->home);
        l->home[0] = '\0';
        return rc;
    }
    struct observe_options o = {.home = l->home, .campaigns.max_bytes = (size_t)config_int(c, "observe.memory"),
                                .campaigns.quiet_ms = config_int(c, "observe.quiet") * 1000};
    int rc = networks_new(net, n, &l->ours, why);
    if (!rc)
        rc = observatory_open(&o, &l->observatory, why);
    if (!rc && (!(l->worker = observe_worker_bare(l->ours)) || !(l->file = live_file_new(l->home))))
        rc = report_set(why, POSSE_ENOMEM, "out of memory");
    return rc;
}

int eval_live_new(const struct config *settings, struct eval_live **out, struct report *why)
{
    struct eval_live *l = calloc(1, sizeof *l);
    int rc = l ? open_it(l, settings, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (rc)
        eval_live_free(&l);
    *out = l;
    return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void eval_live_free(struct eval_live **lp)
{
    struct eval_live *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    live_file_free(&l->file);
    observe_worker_free(&l->worker);
    observatory_drop(&l->observatory);
    networks_free(&l->ours);
    if (l->home[0])
        nftw(l->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(l);
}

void eval_live_ask(struct eval_live *l, struct reading *r)
{
    static const struct observe_in in = {.flags = 0};
    l->is_hit = false;
    if (observe_read(l->worker, reading_message(r), &in, &l->sighting, &l->mailer)) {
        l->sighting = NULL;
        return;
    }
    struct live *now = live_file_hold(l->file);
    l->is_hit = now && live_tell(now, l->sighting, r, l->most, l->text, &l->hit);
    live_drop(&now);
}

static void count(struct eval_live_count *c, const struct published_hit *h)
{
    c->known++;
    c->worth += h->bits > 0;
    c->bits += h->bits;
    c->most = h->bits > c->most ? h->bits : c->most;
}

int eval_live_tell(struct eval_live *l, const struct verdict *v, bool is_spam, struct report *why)
{
    if (l->is_hit)
        count(&l->count[is_spam], &l->hit);
    if (!l->sighting)
        return 0;
    double bits = v->bits - (l->is_hit ? l->hit.bits : 0); /* a campaign does not vouch for itself */
    l->sighting->flags |= bits >= v->threshold_bits ? SIGHTING_SPAM : 0;
    int rc = observatory_add(l->observatory, l->sighting, l->mailer, NULL, NULL, why);
    int64_t now = observatory_now_ms(l->observatory);
    if (rc || (l->shown_ms && now - l->shown_ms < SHOW_MS))
        return rc;
    l->shown_ms = now;
    rc = observatory_show(l->observatory, why);
    return rc ? rc : live_file_look(l->file, why);
}

void eval_live_counts(const struct eval_live *l, struct eval_live_count out[2]) { memcpy(out, l->count, sizeof l->count); }
