#include "serve/comment.h"

#include <arpa/inet.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "serve/caps.h"
#include "serve/comment_known.h"
#include "serve/comment_site.h"
#include "serve/comment_text.h"
#include "serve/keys.h"

/* No corpus here has several sites, addresses or honeypots: these are judgement, not measurement. The most that all signs but the
 * honeypot add is less than what the words of a plain comment say against it. */
static const double SAMPLE_BITS = 100, HONEYPOT_BITS = 30, ADDRESS_BITS = 1, MAIL_BITS = 2, HOST_BITS = 2,
                    REPEAT_BITS = 1.5;
static const unsigned VOTES_MOST = 3;
enum { EXTRAS_MAX = 6, MESSAGE_MAX = 512 << 10, FOLLOW_MS = 1000, WHO_BYTES = 64 };

/* What the configuration says. */
struct settings {
    struct policies *policies;
    const struct policy *policy;
    struct policy_bits shared_bits; /* for the engine that is never taught */
    char (*key)[KEY_BYTES + 1];     /* akismet.keys */
    size_t n_keys;
    uint64_t per_hour;
};

struct worker {
    struct engine_worker *engine;
    struct buf message;
    uint8_t letters[COMMENT_LETTERS_MAX];
    struct worker *next;
};

struct comments {
    struct gate *gate;
    struct comment_sites *sites;
    struct comment_known *known;
    struct comment_usage *usage;
    struct caps *calls;
    char *keys_path;
    pthread_rwlock_t lock; /* of settings and keys */
    struct settings *settings;
    struct keys *keys;
    atomic_int_fast64_t followed_ms;
    pthread_mutex_t idle_lock;
    struct worker *idle;
};

/* ---- settings ---- */

static void settings_free(struct settings *s)
{
    if (!s)
        return;
    policies_free(&s->policies);
    free(s->key);
    free(s);
}

static int read_keys(struct settings *s, const struct config *c, struct report *why)
{
    const char *const *list;
    size_t n = config_list(c, "akismet.keys", &list);
    s->key = calloc(n + 1, sizeof *s->key);
    if (!s->key)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (strlen(list[i]) != KEY_BYTES || !akismet_key_is_sound(span_str(list[i])))
            return report_set(why, POSSE_ESYNTAX, "akismet.keys: a key has %d letters and digits",
                              KEY_BYTES); /* not which: it is a secret */
        for (int j = 0; j < KEY_BYTES; j++)
            s->key[i][j] = (char)ascii_lower((uint8_t)list[i][j]);
        s->n_keys++;
    }
    return POSSE_OK;
}

static int read_settings(struct comments *c, const struct config *config, struct settings *s, struct report *why)
{
    int err = policies_new(config, &s->policies, why);
    if (!err)
        err = read_keys(s, config, why);
    if (err)
        return err;
    s->policy = policies_find(s->policies, POLICY_COMMENTS, SPAN_NONE);
    s->per_hour = (uint64_t)config_int(config, "akismet.per_hour");
    comment_sites_limits(c->sites, (size_t)config_int(config, "akismet.sites_in_memory"),
                         (size_t)config_int(config, "akismet.sites"));
    struct comment_site *shared;
    if (comment_site_hold(c->sites, SPAN_NONE, SPAN_NONE, false, 0, &shared, NULL) == POSSE_OK)
        policy_bits(s->policy, comment_site_engine(shared), &s->shared_bits);
    comment_site_drop(c->sites, &shared);
    return POSSE_OK;
}

int comments_reload(struct comments *c, struct report *why)
{
    struct settings *s = calloc(1, sizeof *s);
    if (!s)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    const struct config *config = gate_config(c->gate);
    int err = read_settings(c, config, s, why);
    gate_config_done(c->gate, config);
    if (!err) {
        pthread_rwlock_wrlock(&c->lock);
        struct settings *old = c->settings;
        c->settings = s;
        s = old;
        pthread_rwlock_unlock(&c->lock);
    }
    settings_free(s);
    return err;
}

/* ---- keys ---- */

/* The file, when it changed; looked at once a second by whoever comes first. */
static void follow_keys(struct comments *c, int64_t now_ms)
{
    int64_t last = atomic_load(&c->followed_ms);
    struct keys *k;
    struct report why = {0};
    if ((now_ms - last < FOLLOW_MS && now_ms >= last) ||
        !atomic_compare_exchange_strong(&c->followed_ms, &last, now_ms))
        return;
    pthread_rwlock_rdlock(&c->lock);
    bool is_stale = !c->keys || keys_is_stale(c->keys);
    pthread_rwlock_unlock(&c->lock);
    if (!is_stale)
        return;
    if (keys_load(c->keys_path, &k, &why)) {
        log_event(gate_log(c->gate), LOG_ERROR, "keys_trouble", "why", why.text, NULL);
        return;
    }
    pthread_rwlock_wrlock(&c->lock);
    struct keys *old = c->keys;
    c->keys = k;
    pthread_rwlock_unlock(&c->lock);
    keys_free(&old);
}

/* As keys_find: every key is looked at to its end. */
static bool is_configured(const struct settings *s, struct span key)
{
    bool found = false;
    for (size_t i = 0; i < s->n_keys; i++) {
        unsigned differs = key.n != KEY_BYTES;
        for (size_t j = 0; j < KEY_BYTES && j < key.n; j++)
            differs |= (unsigned)(ascii_lower(key.p[j]) ^ (uint8_t)s->key[i][j]);
        found |= differs == 0;
    }
    return found;
}

/* Is the blog this site, or a page of it? */
static bool is_of(struct span blog, struct span site)
{
    char a[COMMENT_BLOG_MAX], b[COMMENT_BLOG_MAX];
    size_t n = akismet_blog(blog, a, sizeof a), m = akismet_blog(site, b, sizeof b);
    return n >= m && memcmp(a, b, m) == 0 && (n == m || a[m] == '/');
}

enum comment_key comments_key(struct comments *c, struct span key, struct span blog, int64_t now_ms)
{
    enum comment_key out = COMMENT_KEY_UNKNOWN;
    follow_keys(c, now_ms);
    pthread_rwlock_rdlock(&c->lock);
    const struct key *k = c->keys ? keys_find(c->keys, key) : NULL;
    if (is_configured(c->settings, key))
        out = COMMENT_KEY_FINE;
    else if (k)
        out = blog.n && k->site[0] && !is_of(blog, span_str(k->site)) ? COMMENT_KEY_OTHER_SITE : COMMENT_KEY_FINE;
    pthread_rwlock_unlock(&c->lock);
    return out;
}

uint64_t comments_per_hour(struct comments *c)
{
    pthread_rwlock_rdlock(&c->lock);
    uint64_t n = c->settings->per_hour;
    pthread_rwlock_unlock(&c->lock);
    return n;
}

bool comments_take(struct comments *c, struct span key, int64_t now_ms, int64_t *wait_ms_out)
{
    uint64_t per_hour = comments_per_hour(c);
    *wait_ms_out = 0;
    return per_hour == 0 || caps_take(c->calls, key, per_hour, now_ms, wait_ms_out);
}

/* ---- opening ---- */

static int open_parts(struct comments *c, const char *model, struct report *why)
{
    char folder[4096], path[4200];
    uint8_t secret[16];
    const struct config *config = gate_config(c->gate);
    const char *named = config_string(config, "akismet.model");
    char *wanted = strdup(model ? model : named[0] ? named : "");
    gate_config_done(c->gate, config);
    const char *found = wanted && !wanted[0] && !model ? engine_shipped_path("comments.posse") : wanted;
    int err = POSSE_OK;
    if (!found)
        err = report_set(why, wanted ? POSSE_ENOENT : POSSE_ENOMEM,
                         "the model for comments was not found: name it with akismet.model");
    if (!err && (size_t)snprintf(folder, sizeof folder, "%s/comments", gate_home(c->gate)) >= sizeof folder)
        err = report_set(why, POSSE_EINVAL, "%s: the path is too long", gate_home(c->gate));
    if (!err && mkdir(folder, 0700) != 0 && access(folder, W_OK | X_OK) != 0)
        err = report_errno(why, "make the folder", folder);
    if (!err) {
        struct comment_sites_options o = {.folder = folder, .model = found, .in_memory = 1};
        err = comment_sites_open(&o, &c->sites, why);
    }
    snprintf(path, sizeof path, "%s/sources", err ? "" : folder);
    if (!err)
        err = comment_known_open(path, &c->known, why);
    snprintf(path, sizeof path, "%s/usage", err ? "" : folder);
    if (!err)
        err = comment_usage_open(path, &c->usage, why);
    if (!err && (getrandom(secret, sizeof secret, 0) != sizeof secret || !(c->calls = caps_new(secret)) ||
                 asprintf(&c->keys_path, "%s/keys/akismet", gate_home(c->gate)) < 0))
        err = report_set(why, POSSE_ENOMEM, "out of memory");
    free(wanted);
    return err;
}

int comments_open(struct gate *g, const char *model, struct comments **out, struct report *why)
{
    struct comments *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    c->gate = g;
    pthread_rwlock_init(&c->lock, NULL);
    pthread_mutex_init(&c->idle_lock, NULL);
    int err = open_parts(c, model, why);
    if (!err)
        err = comments_reload(c, why);
    if (!err)
        err = keys_load(c->keys_path, &c->keys, why);
    if (err)
        comments_close(&c);
    *out = c;
    return err;
}

void comments_close(struct comments **cp)
{
    if (!cp || !*cp)
        return;
    struct comments *c = *cp;
    while (c->idle) {
        struct worker *w = c->idle;
        c->idle = w->next;
        engine_worker_free(&w->engine);
        buf_deinit(&w->message);
        free(w);
    }
    comment_sites_close(&c->sites);
    comment_known_close(&c->known);
    comment_usage_close(&c->usage);
    caps_free(&c->calls);
    keys_free(&c->keys);
    settings_free(c->settings);
    free(c->keys_path);
    pthread_mutex_destroy(&c->idle_lock);
    pthread_rwlock_destroy(&c->lock);
    free(c);
    *cp = NULL;
}

struct comment_usage *comments_usage(struct comments *c) { return c->usage; }

enum policy_trouble comments_in_trouble(struct comments *c)
{
    pthread_rwlock_rdlock(&c->lock);
    enum policy_trouble t = policy_trouble(c->settings->policy);
    pthread_rwlock_unlock(&c->lock);
    return t;
}

/* ---- workers: as many as threads ask at a time ---- */

static struct worker *worker_take(struct comments *c, struct engine *e)
{
    pthread_mutex_lock(&c->idle_lock);
    struct worker *w = c->idle;
    if (w)
        c->idle = w->next;
    pthread_mutex_unlock(&c->idle_lock);
    if (!w && (w = calloc(1, sizeof *w))) {
        buf_init(&w->message, MESSAGE_MAX);
        if (!(w->engine = engine_worker_new(e))) {
            free(w);
            return NULL;
        }
    }
    if (w)
        engine_worker_engine(w->engine, e);
    return w;
}

static void worker_give(struct comments *c, struct worker *w)
{
    pthread_mutex_lock(&c->idle_lock);
    w->next = c->idle;
    c->idle = w;
    pthread_mutex_unlock(&c->idle_lock);
}

static int read_comment(struct worker *w, const struct akismet_request *r, struct reading **out)
{
    static const struct envelope nobody;
    buf_clear(&w->message);
    comment_message(r, &w->message);
    int err = buf_error(&w->message);
    return err ? err : engine_read(w->engine, buf_span(&w->message), &nobody, out);
}

/* ---- what is not in the words ---- */

struct extra {
    double bits;
    char text[100];
};
struct extras {
    struct extra e[EXTRAS_MAX];
    size_t n;
    double sum;
    bool is_certain;
};

__attribute__((format(printf, 3, 4))) static void add_extra(struct extras *x, double bits, const char *fmt, ...)
{
    if (x->n == EXTRAS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->e[x->n].text, sizeof x->e[x->n].text, fmt, ap);
    va_end(ap);
    x->e[x->n++].bits = bits;
    x->sum += bits;
}

/* Networks of nobody in particular: a blog behind a proxy that hides its readers has them all from one address. */
static struct span known_address(struct span ip)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t a[16];
    if (ip.n == 0 || ip.n >= sizeof text)
        return SPAN_NONE;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = '\0';
    if (inet_pton(AF_INET, text, a) == 1) {
        bool is_private = a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
                          (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
                          (a[0] == 100 && (a[1] & 0xc0) == 64);
        return is_private ? SPAN_NONE : ip;
    }
    return inet_pton(AF_INET6, text, a) == 1 && (a[0] & 0xe0) == 0x20 ? ip : SPAN_NONE; /* 2000::/3 */
}

struct sources {
    struct span value[KNOWN_SOURCES];
    char host[256];
};

static void sources_of(const struct akismet_request *r, struct sources *s)
{
    s->value[KNOWN_ADDRESS] = known_address(r->user_ip);
    s->value[KNOWN_MAIL] = span_chr(r->email, '@') > 0 ? r->email : SPAN_NONE;
    s->value[KNOWN_HOST] = span_of(s->host, akismet_url_host(r->url, s->host, sizeof s->host));
}

static void look_at_sources(struct comments *c, const struct comment_asked *q, struct extras *x)
{
    static const struct {
        const char *text;
        const double *bits;
    } kind[KNOWN_SOURCES] = {{"address", &ADDRESS_BITS}, {"mail address", &MAIL_BITS}, {"author's page", &HOST_BITS}};
    struct sources s;
    sources_of(q->r, &s);
    for (int i = 0; i < KNOWN_SOURCES; i++) {
        unsigned n = comment_known_spam(c->known, (enum known_source)i, s.value[i], q->now_ms);
        if (n)
            add_extra(x, *kind[i].bits * (n < VOTES_MOST ? n : VOTES_MOST), "%s that %u keys reported as spam",
                      kind[i].text, n);
    }
}

static void look_at_repeats(struct comments *c, struct worker *w, const struct comment_asked *q, struct span blog,
                            struct extras *x)
{
    size_t n = comment_letters(q->r->content, w->letters);
    if (n < COMMENT_LETTERS_LEAST)
        return;
    unsigned sites = comment_known_repeats(c->known, span_of(w->letters, n), q->key, blog, q->now_ms);
    if (sites)
        add_extra(x, REPEAT_BITS * (sites < VOTES_MOST ? sites : VOTES_MOST),
                  "the same text on %u other site%s within %d hours", sites, sites == 1 ? "" : "s", REPEAT_HOURS);
}

static void look_around(struct comments *c, struct worker *w, const struct comment_asked *q, struct span blog,
                        struct extras *x)
{
    enum akismet_sample sample = akismet_sample(q->r);
    if (sample == AKISMET_SAMPLE_HAM)
        add_extra(x, -SAMPLE_BITS, "an administrator of the site wrote it");
    if (sample == AKISMET_SAMPLE_SPAM) {
        add_extra(x, SAMPLE_BITS, "a sample that stands for spam");
        x->is_certain = q->r->wants_discard;
    }
    if (sample != AKISMET_REAL)
        return;
    if (q->r->honeypot.n) {
        add_extra(x, HONEYPOT_BITS, "a field that people do not see was filled in");
        x->is_certain = true;
    }
    if (q->r->is_test)
        return;
    look_at_sources(c, q, x);
    look_at_repeats(c, w, q, blog, x);
}

/* ---- the verdict ---- */

static double probability(double bits) { return bits < 0 ? exp2(bits) / (1 + exp2(bits)) : 1 / (1 + exp2(-bits)); }

/* Own reasons first, then as many of the engine's as there is room for; the last takes what the others leave, so that they add up. */
static void put_reasons(struct event *e, const struct extras *x, const struct verdict *v)
{
    double left = e->bits;
    for (size_t i = 0; i < x->n && e->n_reasons < EVENT_REASONS_MAX; i++)
        e->reason[e->n_reasons++] = (struct event_reason){x->e[i].bits, span_str(x->e[i].text)};
    for (size_t i = 0; i < v->n_reasons && e->n_reasons < EVENT_REASONS_MAX; i++)
        e->reason[e->n_reasons++] = (struct event_reason){v->reason[i].bits, span_str(v->reason[i].text)};
    if (x->n + v->n_reasons <= EVENT_REASONS_MAX || e->n_reasons == 0)
        return;
    for (size_t i = 0; i + 1 < e->n_reasons; i++)
        left -= e->reason[i].bits;
    e->reason[e->n_reasons - 1] = (struct event_reason){left, SPAN_LIT("everything else")};
}

static void record(struct comments *c, const struct comment_asked *q, struct span blog, const struct worker *w,
                   const struct extras *x, const struct verdict *v, const struct comment_verdict *out, double seconds)
{
    const struct akismet_request *r = q->r;
    struct event e = {.id = span_str(out->id),
                      .time_ms = q->now_ms,
                      .door = SPAN_LIT("akismet"),
                      .client_addr = r->user_ip,
                      .from = r->email,
                      .header_from = r->author,
                      .subject = r->permalink,
                      .rcpt = &blog,
                      .n_rcpt = blog.n > 0,
                      .size_bytes = w->message.n,
                      .is_spam = out->would != ACTION_NONE,
                      .bits = out->bits,
                      .probability = probability(out->bits),
                      .threshold_bits = out->threshold_bits,
                      .action = span_str(action_name(out->action)),
                      .would = span_str(action_name(out->would)),
                      .seconds = seconds};
    put_reasons(&e, x, v);
    gate_note(c->gate, DOOR_AKISMET, &e, out->action);
    comment_usage_add(c->usage, q->key, blog, USAGE_CALLS, q->now_ms);
    comment_usage_add(c->usage, q->key, blog, e.is_spam ? USAGE_SPAM : USAGE_HAM, q->now_ms);
}

/* Under the settings' lock. */
static void decide(const struct settings *s, struct comment_site *site, const struct extras *x, double bits,
                   struct comment_verdict *out)
{
    struct policy_bits own;
    const struct policy_bits *b = &s->shared_bits;
    if (!comment_site_is_shared(site)) {
        policy_bits(s->policy, comment_site_engine(site), &own);
        b = &own;
    }
    double least = INFINITY;
    for (int a = ACTION_NONE + 1; a < ACTIONS; a++)
        least = b->from[a] < least ? b->from[a] : least;
    out->bits = bits + x->sum;
    out->threshold_bits = least;
    if (x->sum >= SAMPLE_BITS)
        out->would = x->is_certain ? ACTION_DISCARD : ACTION_TAG;
    else if (x->sum <= -SAMPLE_BITS)
        out->would = ACTION_NONE;
    else
        out->would = x->is_certain ? ACTION_DISCARD : policy_action(b, out->bits);
    out->action = policy_mode(s->policy) == POLICY_OBSERVE ? ACTION_NONE : out->would;
    out->is_spam = out->action != ACTION_NONE;
    out->is_certain = out->action == ACTION_DISCARD;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int judge(struct comments *c, struct worker *w, struct comment_site *site, const struct comment_asked *q,
                 struct span blog, struct comment_verdict *out)
{
    struct reading *reading;
    struct verdict v;
    struct extras x = {.n = 0};
    double from = seconds_now();
    bool has_rows = !q->r->is_test && gate_keeps_rows(c->gate);
    int err = read_comment(w, q->r, &reading);
    if (!err)
        err = engine_decide(w->engine, reading, has_rows ? ENGINE_EXPLAIN : 0, &v);
    if (err)
        return err;
    look_around(c, w, q, blog, &x);
    pthread_rwlock_rdlock(&c->lock);
    decide(c->settings, site, &x, v.bits, out);
    pthread_rwlock_unlock(&c->lock);
    gate_new_id(c->gate, out->id);
    if (!q->r->is_test)
        record(c, q, blog, w, &x, &v, out, seconds_now() - from);
    return POSSE_OK;
}

int comments_judge(struct comments *c, const struct comment_asked *q, struct comment_verdict *out, struct report *why)
{
    char name[COMMENT_BLOG_MAX];
    struct span blog = span_of(name, akismet_blog(q->r->blog, name, sizeof name));
    struct comment_site *site;
    *out = (struct comment_verdict){.action = ACTION_NONE};
    int err = comment_site_hold(c->sites, q->key, blog, false, q->now_ms, &site, why);
    if (!err) {
        struct worker *w = worker_take(c, comment_site_engine(site));
        err = w ? judge(c, w, site, q, blog, out) : POSSE_ENOMEM;
        if (err)
            report_set(why, err, "the comment could not be judged: %s", posse_strerror(err));
        if (w)
            worker_give(c, w);
        comment_site_drop(c->sites, &site);
    }
    if (err) {
        counters_add(gate_counters(c->gate), DOOR_AKISMET, METRIC_TROUBLE, 1);
        log_event(gate_log(c->gate), LOG_ERROR, "trouble", "door", "akismet", "why", why ? why->text : NULL, NULL);
    }
    return err;
}

/* ---- lessons ---- */

/* Keys are secrets: the journal, and with it `posse lessons`, names their digest. */
static struct span teacher_of(struct span key, char out[WHO_BYTES])
{
    uint8_t digest[32];
    char hex[17];
    sha256(key, digest);
    hex_encode(span_of(digest, 8), hex);
    return span_of(out, (size_t)snprintf(out, WHO_BYTES, "akismet:%s", hex));
}

static int teach(struct comments *c, struct comment_site *site, const struct comment_asked *q, enum lesson_class klass,
                 struct report *why)
{
    char who[WHO_BYTES];
    struct reading *reading;
    struct teaching t = {klass, teacher_of(q->key, who), SPAN_LIT("akismet"), q->now_ms};
    struct worker *w = worker_take(c, comment_site_engine(site));
    if (!w)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = read_comment(w, q->r, &reading);
    if (err)
        report_set(why, err, "the comment could not be read: %s", posse_strerror(err));
    else if (reading_features(reading)->start[VIEW_N] == 0)
        err = report_set(why, POSSE_EINVAL, "there is nothing to learn from in this comment");
    else
        err = engine_teach(w->engine, reading, &t, NULL, why);
    if (!err)
        err = engine_sync(comment_site_engine(site), why); /* where it overrules another, the model is folded anew */
    worker_give(c, w);
    return err;
}

static void tell_all(struct comments *c, const struct comment_asked *q, struct span blog, enum lesson_class klass)
{
    struct sources s;
    sources_of(q->r, &s);
    for (int i = 0; i < KNOWN_SOURCES; i++)
        comment_known_teach(c->known, (enum known_source)i, s.value[i], q->key, klass == LESSON_SPAM, q->now_ms);
    comment_usage_add(c->usage, q->key, blog, klass == LESSON_SPAM ? USAGE_MISSED : USAGE_FALSE, q->now_ms);
}

int comments_teach(struct comments *c, const struct comment_asked *q, enum lesson_class klass, struct report *why)
{
    char name[COMMENT_BLOG_MAX];
    struct span blog = span_of(name, akismet_blog(q->r->blog, name, sizeof name));
    struct comment_site *site;
    if (q->r->is_test || akismet_sample(q->r) == AKISMET_SAMPLE_SPAM)
        return POSSE_OK;
    int err = gate_may_teach(c->gate, q->key, DOOR_AKISMET, q->now_ms, why);
    if (!err)
        err = comment_site_hold(c->sites, q->key, blog, true, q->now_ms, &site, why);
    if (err)
        return err;
    err = teach(c, site, q, klass, why);
    comment_site_drop(c->sites, &site);
    if (!err) {
        gate_taught(c->gate, DOOR_AKISMET, klass);
        tell_all(c, q, blog, klass);
    }
    return err;
}
