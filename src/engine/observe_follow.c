/* observe_follow: the first messages of each campaign are kept, templates are inferred from them, and their signatures are held against
 * what comes later.
 *
 * Of a campaign, what no signature of it matches is gathered: the first K messages of a campaign, and later those of a new template. At
 * FOLLOW_FIRST of them a template is inferred and its signature compiled; what that matches is kept too, up to K, and at FOLLOW_AGAIN the
 * template is inferred anew from all of these. Where K are gathered that have no template in common, ten times as many pass before
 * others are gathered in their place; where templates match nothing that comes, fewer and fewer are tried.
 * Memory: a campaign of which little came costs 80 bytes; texts go to the file in lots of LOT_BYTES; signatures of at most FOLLOW_SETS
 * campaigns are held compiled, those used last; one that had to go is not compiled again before SLEEP more messages of its campaign.
 * A crash: originals are written before the state that knows them, so on opening what the state does not know is dropped. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/observe_priv.h"

enum { LOT_BYTES = 8 << 20, SLEEP = 1000, REST = 10, TEXTS_ARENA = 64 << 20, FORMAT = 2 /* 1: without `matched` and `until` */ };

/* Of the versions whose signatures are proven, and of the others: these say which texts are theirs too, but nothing is judged by them. */
enum { PROVEN, UNPROVEN, SETS };

struct version {
    struct template *t;          /* NULL: in the file, not read */
    uint32_t id, texts, seen, matched, kept;
    uint32_t until;              /* messages of it that came before its signature first matched one */
    int64_t first_ms, made_ms, held_ms;
    enum proof proof;
    char *refused;
    bool is_new;                 /* the file does not have it so yet */
};

struct followed {
    uint64_t campaign;
    uint32_t gather, kept, passed; /* id of the version that is gathered; kept of it; came since without being kept */
    int64_t first_ms;            /* of what is gathered */
    struct version *version;     /* FOLLOW_VERSIONS of them, or NULL */
    uint32_t n, sleep;
    struct signatures *set[SETS];
    struct signature_scratch *scratch[SETS];
    bool is_awake;
    uint64_t ham_seen, used;     /* when the sets were compiled; when they were used */
};

struct pending { struct pending *next; struct original o; uint8_t bytes[]; };

struct follow {
    struct follow_options o;
    struct obsdb *db;
    struct followed **slot;      /* by campaign; open addressing */
    size_t n, cap;
    struct followed *awake[FOLLOW_SETS]; /* those with a set */
    size_t n_awake;
    uint64_t clock, kept, templates, matched;
    struct pending *first, **last;
    size_t pending_bytes;
    uint64_t *gone; size_t n_gone, cap_gone; /* campaigns whose rows are to be dropped */
};

/* ---- the table ---- */

static size_t home_of(const struct follow *f, uint64_t campaign) { return (size_t)mix64(campaign) & (f->cap - 1); }

static struct followed **place(const struct follow *f, uint64_t campaign)
{
    size_t i = home_of(f, campaign);
    while (f->slot[i] && f->slot[i]->campaign != campaign)
        i = (i + 1) & (f->cap - 1);
    return &f->slot[i];
}

static bool grow(struct follow *f)
{
    size_t cap = f->cap ? f->cap * 2 : 1024, old = f->cap;
    struct followed **was = f->slot, **slot = calloc(cap, sizeof *slot);
    if (!slot)
        return false;
    f->slot = slot;
    f->cap = cap;
    for (size_t i = 0; i < old; i++)
        if (was[i])
            *place(f, was[i]->campaign) = was[i];
    free(was);
    return true;
}

static struct followed *find(const struct follow *f, uint64_t campaign) { return f->cap ? *place(f, campaign) : NULL; }

static struct followed *found(struct follow *f, uint64_t campaign)
{
    if (f->n * 2 >= f->cap && !grow(f))
        return NULL;
    struct followed **p = place(f, campaign);
    if (!*p && (*p = calloc(1, sizeof **p))) {
        (*p)->campaign = campaign;
        f->n++;
    }
    return *p;
}

static void unset(struct follow *f, struct followed *x)
{
    for (size_t i = 0; x->is_awake && i < f->n_awake; i++)
        if (f->awake[i] == x) {
            f->awake[i] = f->awake[--f->n_awake];
            break;
        }
    x->is_awake = false;
    for (size_t i = 0; i < SETS; i++) {
        signature_scratch_free(&x->scratch[i]);
        signatures_free(&x->set[i]);
    }
}

static void version_clear(struct version *v)
{
    template_free(&v->t);
    free(v->refused);
    memset(v, 0, sizeof *v);
}

static void followed_free(struct follow *f, struct followed *x)
{
    unset(f, x);
    for (size_t i = 0; i < x->n; i++)
        version_clear(&x->version[i]);
    f->templates -= x->n;
    free(x->version);
    free(x);
}

/* What stood behind the hole may belong before it. */
static void take_out(struct follow *f, struct followed **hole)
{
    size_t i = (size_t)(hole - f->slot);
    followed_free(f, *hole);
    f->n--;
    f->slot[i] = NULL;
    for (size_t j = (i + 1) & (f->cap - 1); f->slot[j]; j = (j + 1) & (f->cap - 1)) {
        struct followed *x = f->slot[j];
        f->slot[j] = NULL;
        *place(f, x->campaign) = x;
    }
}

int follow_new(const struct follow_options *o, struct obsdb *db, struct follow **out, struct report *why)
{
    struct follow *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    f->o = *o;
    f->db = db;
    f->last = &f->first;
    return 0;
}

static void drop_pending(struct follow *f)
{
    while (f->first) {
        struct pending *p = f->first;
        f->first = p->next;
        free(p);
    }
    f->last = &f->first;
    f->pending_bytes = 0;
}

void follow_free(struct follow **fp)
{
    struct follow *f = fp ? *fp : NULL;
    if (!f)
        return;
    for (size_t i = 0; i < f->cap; i++)
        if (f->slot[i])
            followed_free(f, f->slot[i]);
    drop_pending(f);
    free(f->slot);
    free(f->gone);
    free(f);
    *fp = NULL;
}

void follow_drop(struct follow *f, uint64_t campaign)
{
    struct followed **p = f->cap ? place(f, campaign) : NULL;
    if (!p || !*p)
        return;
    take_out(f, p);
    if (f->n_gone == f->cap_gone) {
        size_t cap = f->cap_gone ? f->cap_gone * 2 : 256;
        uint64_t *bigger = realloc(f->gone, cap * sizeof *bigger);
        if (!bigger)
            return; /* its rows stay until the cap takes them */
        f->gone = bigger;
        f->cap_gone = cap;
    }
    f->gone[f->n_gone++] = campaign;
}

void follow_count(const struct follow *f, struct observed *out)
{
    out->kept = f->kept;
    out->templates = f->templates;
    out->matched = f->matched;
}

/* ---- keeping ---- */

static struct span place_bytes(struct pending *p, size_t *at, struct span s)
{
    struct span out = span_of(p->bytes + *at, s.n);
    if (s.n)
        memcpy(p->bytes + *at, s.p, s.n);
    *at += s.n;
    return out;
}

static int write_pending(struct follow *f, struct report *why)
{
    int rc = 0;
    for (struct pending *p = f->first; p && !rc; p = p->next)
        rc = obsdb_keep(f->db, &p->o, why);
    return rc;
}

static int keep(struct follow *f, struct followed *x, uint32_t version, const struct sighting *s, struct report *why)
{
    struct pending *p = malloc(sizeof *p + s->raw.n + s->subject.n + s->text.n);
    size_t at = 0;
    if (!p)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    p->next = NULL;
    p->o = (struct original){.campaign = x->campaign, .version = version, .time_ms = s->time_ms};
    p->o.raw = place_bytes(p, &at, s->raw);
    p->o.subject = place_bytes(p, &at, s->subject);
    p->o.text = place_bytes(p, &at, s->text);
    *f->last = p;
    f->last = &p->next;
    f->kept++;
    f->pending_bytes += sizeof *p + at;
    if (f->pending_bytes < LOT_BYTES)
        return 0;
    int rc = obsdb_begin(f->db, why);
    if (!rc)
        rc = obsdb_end(f->db, write_pending(f, why), why);
    if (!rc)
        drop_pending(f);
    return rc;
}

/* ---- templates ---- */

struct texts { struct arena *a; struct template_text t[TEMPLATE_TEXTS_MAX]; size_t n; };

static void add_text(struct texts *all, struct span subject, struct span text)
{
    if (all->n == TEMPLATE_TEXTS_MAX)
        return;
    struct template_text t = {arena_copy(all->a, subject), arena_copy(all->a, text)};
    if (!arena_failed(all->a))
        all->t[all->n++] = t;
}

static int see_original(void *ctx, const struct original *o)
{
    add_text(ctx, o->subject, o->text);
    return 0;
}

static int gather_texts(struct follow *f, uint64_t campaign, uint32_t version, struct texts *all, struct report *why)
{
    int rc = obsdb_each_original(f->db, campaign, version, false, see_original, all, why);
    for (struct pending *p = f->first; p && !rc; p = p->next)
        if (p->o.campaign == campaign && p->o.version == version)
            add_text(all, p->o.subject, p->o.text);
    return rc;
}

/* ENOENT is no error: *t_out is NULL then. */
static int infer(struct follow *f, uint64_t campaign, uint32_t version, struct template **t_out, size_t *n_out, struct report *why)
{
    struct texts *all = calloc(1, sizeof *all);
    *t_out = NULL;
    *n_out = 0;
    if (!all || !(all->a = arena_new(TEXTS_ARENA))) {
        free(all);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    int rc = gather_texts(f, campaign, version, all, why);
    if (!rc && all->n >= TEMPLATE_TEXTS_LEAST) {
        rc = template_infer(all->t, all->n, NULL, t_out, why);
        *n_out = rc ? 0 : template_used(*t_out);
        rc = rc == POSSE_ENOENT ? 0 : rc;
    }
    arena_free(&all->a);
    free(all);
    return rc;
}

struct loading { struct followed *x; int rc; };

static int load_template(void *ctx, const struct kept_template *k)
{
    struct loading *l = ctx;
    for (size_t i = 0; i < l->x->n; i++) {
        struct version *v = &l->x->version[i];
        struct reader r = reader_of(k->bytes);
        if (v->id == k->version && !v->t)
            l->rc = template_load(&r, &v->t, NULL);
    }
    return l->rc;
}

static int need_templates(struct follow *f, struct followed *x, struct report *why)
{
    struct loading l = {x, 0};
    bool is_missing = false;
    for (size_t i = 0; i < x->n; i++)
        is_missing |= !x->version[i].t;
    int rc = is_missing ? obsdb_each_template(f->db, x->campaign, load_template, &l, why) : 0;
    return l.rc ? report_set(why, l.rc, "a template of a campaign cannot be read: %s", posse_strerror(l.rc)) : rc;
}

static void refuse(void *ctx, size_t i, const char *why)
{
    struct version **v = ctx;
    free(v[i]->refused);
    v[i]->refused = strdup(why);
}

static void evict(struct follow *f)
{
    struct followed *x = f->awake[0];
    for (size_t i = 1; i < f->n_awake; i++)
        if (f->awake[i]->used < x->used)
            x = f->awake[i];
    unset(f, x);
    x->sleep = SLEEP;
}

/* One set of those in v; what of them has a signature is marked. */
static int compile_set(struct followed *x, unsigned which, struct version **v, size_t n, const struct ham *ham, struct report *why)
{
    struct signature_in in[FOLLOW_VERSIONS];
    for (size_t i = 0; i < n; i++)
        in[i] = (struct signature_in){x->campaign, v[i]->id, v[i]->t};
    int rc = signatures_build(in, n, ham, ham ? refuse : NULL, v, &x->set[which], why);
    for (size_t i = 0; !rc && i < signatures_count(x->set[which]); i++) {
        struct signature s = signatures_get(x->set[which], i);
        for (size_t k = 0; k < n; k++)
            if (v[k]->id == s.version)
                v[k]->proof = s.proof;
    }
    if (rc || !signatures_count(x->set[which]))
        return rc;
    x->scratch[which] = signature_scratch_new(x->set[which]);
    return x->scratch[which] ? 0 : report_set(why, POSSE_ENOMEM, "out of memory");
}

/* Compiles the signatures of all versions that have a template. */
static int compile(struct follow *f, struct followed *x, const struct ham *ham, struct report *why)
{
    struct version *v[FOLLOW_VERSIONS];
    size_t n = 0, refused = 0;
    int rc = need_templates(f, x, why);
    if (rc)
        return rc;
    unset(f, x);
    for (size_t i = 0; i < x->n; i++) {
        if (!x->version[i].t)
            continue; /* its row is gone */
        v[n++] = &x->version[i];
        x->version[i].proof = PROOF_NONE;
        free(x->version[i].refused);
        x->version[i].refused = NULL;
    }
    if (f->n_awake == FOLLOW_SETS)
        evict(f);
    f->awake[f->n_awake++] = x;
    x->is_awake = true;
    x->ham_seen = ham_seen(ham);
    rc = compile_set(x, PROVEN, v, n, ham, why);
    for (size_t i = 0; i < n; i++)
        if (v[i]->proof == PROOF_NONE)
            v[refused++] = v[i];
    if (!rc)
        rc = compile_set(x, UNPROVEN, v, refused, NULL, why);
    for (size_t i = 0; i < x->n; i++)
        if (!x->version[i].is_new)
            template_free(&x->version[i].t); /* the file has it */
    return rc;
}

/* Room for one more: the oldest goes. */
static struct version *new_version(struct follow *f, struct followed *x)
{
    if (!x->version && !(x->version = calloc(FOLLOW_VERSIONS, sizeof *x->version)))
        return NULL;
    if (x->n == FOLLOW_VERSIONS) {
        version_clear(&x->version[0]);
        memmove(x->version, x->version + 1, (FOLLOW_VERSIONS - 1) * sizeof *x->version);
        memset(&x->version[--x->n], 0, sizeof *x->version);
        f->templates--;
    }
    f->templates++;
    return &x->version[x->n++];
}

/* Templates that one after the other match nothing that comes later (texts of a dozen words, say) are not worth one each 32 messages:
 * of a flood of 200,000 that took most of the time. The more of them, the longer until the next is tried. */
static void tire(struct followed *x)
{
    uint32_t dead = 0;
    while (dead + 1 < x->n && !x->version[x->n - 2 - dead].held_ms)
        dead++;
    if (dead > 1)
        x->sleep = FOLLOW_FIRST << dead;
}

/* What was gathered may have a template. */
static int infer_gathered(struct follow *f, struct followed *x, const struct ham *ham, int64_t now_ms, struct report *why)
{
    struct template *t;
    size_t used;
    int rc = infer(f, x->campaign, x->gather, &t, &used, why);
    if (rc || !t)
        return rc;
    struct version *v = new_version(f, x);
    if (!v) {
        template_free(&t);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    if (x->n > 1) { /* they were no failures of the version before */
        struct version *before = v - 1;
        uint32_t misses = before->seen - before->matched, own = x->kept + x->passed;
        before->seen -= own < misses ? own : misses;
        before->is_new = true;
    }
    *v = (struct version){.t = t, .id = x->gather, .texts = (uint32_t)used, .kept = x->kept, .until = x->kept + x->passed,
                          .first_ms = x->first_ms, .made_ms = now_ms, .is_new = true};
    x->gather++;
    x->kept = x->passed = 0;
    x->first_ms = 0;
    tire(x);
    return compile(f, x, ham, why);
}

static int infer_again(struct follow *f, struct followed *x, struct version *v, const struct ham *ham, int64_t now_ms, struct report *why)
{
    struct template *t;
    size_t used;
    int rc = infer(f, x->campaign, v->id, &t, &used, why);
    if (!rc && used <= v->texts) /* originals were thinned out meanwhile */
        template_free(&t);
    if (rc || !t)
        return rc;
    template_free(&v->t);
    v->t = t;
    v->texts = (uint32_t)used;
    v->made_ms = now_ms;
    v->seen = v->matched = 0; /* from here on it is held against what it was not made of */
    v->is_new = true;
    return compile(f, x, ham, why);
}

/* ---- one message ---- */

/* The version whose signature matches; NULL: none. */
static struct version *match(struct follow *f, struct followed *x, const struct sighting *s)
{
    struct signature_hit hit;
    bool is_hit = false;
    for (size_t i = 0; i < SETS && !is_hit; i++)
        is_hit = x->scratch[i] && signatures_match(x->set[i], x->scratch[i], s->subject, s->text, &hit, 1);
    if (!is_hit)
        return NULL;
    x->used = ++f->clock;
    for (size_t i = 0; i < x->n; i++)
        if (x->version[i].id == hit.version)
            return &x->version[i];
    return NULL;
}

static uint32_t lesser(uint32_t a, uint32_t b) { return a < b ? a : b; }

static int add_matched(struct follow *f, struct followed *x, struct version *v, const struct ham *ham, const struct sighting *s,
                       struct report *why)
{
    v->seen++;
    v->matched++;
    f->matched += v->proof != PROOF_NONE;
    v->is_new |= v->held_ms == 0;
    v->held_ms = v->held_ms ? v->held_ms : s->time_ms;
    if (v->kept >= f->o.originals || !s->raw.n)
        return 0;
    v->kept++;
    int rc = keep(f, x, v->id, s, why);
    return !rc && v->kept == lesser(FOLLOW_AGAIN, f->o.originals) && v->kept > v->texts ? infer_again(f, x, v, ham, s->time_ms, why) : rc;
}

static int add_other(struct follow *f, struct followed *x, const struct ham *ham, const struct sighting *s, struct report *why)
{
    if (x->n) {
        struct version *latest = &x->version[x->n - 1];
        latest->seen++;
        latest->until += latest->held_ms == 0;
    }
    if (!s->raw.n)
        return 0;
    if (x->kept >= f->o.originals) {
        if (++x->passed / REST >= f->o.originals) { /* what was gathered has nothing in common: others may */
            x->gather++;
            x->kept = x->passed = 0;
        }
        return 0;
    }
    if (x->kept++ == 0)
        x->first_ms = s->time_ms;
    int rc = keep(f, x, x->gather, s, why);
    uint32_t first = lesser(FOLLOW_FIRST, f->o.originals), again = lesser(FOLLOW_AGAIN, f->o.originals);
    return !rc && (x->kept == first || x->kept == again) ? infer_gathered(f, x, ham, s->time_ms, why) : rc;
}

int follow_add(struct follow *f, const struct ham *ham, uint64_t campaign, uint64_t absorbed, const struct sighting *s, struct report *why)
{
    if (absorbed)
        follow_drop(f, absorbed);
    if (!f->o.originals || !s->text.n)
        return 0;
    struct followed *x = found(f, campaign);
    if (!x)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    if (x->sleep) {
        x->sleep--;
        return 0;
    }
    int rc = 0;
    if (x->n && (!x->is_awake || ham_seen(ham) > x->ham_seen + x->ham_seen / 2 + HAM_LEAST))
        rc = compile(f, x, ham, why);
    if (rc)
        return rc;
    struct version *v = match(f, x, s);
    return v ? add_matched(f, x, v, ham, s, why) : add_other(f, x, ham, s, why);
}

/* ---- saving ---- */

static int put_version(struct follow *f, struct followed *x, struct version *v, struct report *why)
{
    struct buf b;
    int rc = 0;
    if (!v->is_new)
        return 0;
    if (!v->t)
        rc = need_templates(f, x, why);
    if (rc || !v->t)
        return rc;
    buf_init(&b, 16 << 20);
    rc = template_save(v->t, &b);
    if (rc)
        report_set(why, rc, "a template cannot be saved: %s", posse_strerror(rc));
    struct kept_template k = {.campaign = x->campaign, .version = v->id, .made_ms = v->made_ms, .first_ms = v->first_ms,
                              .held_ms = v->held_ms, .texts = v->texts, .seen = v->seen, .matched = v->matched, .proof = v->proof,
                              .refused = span_str(v->refused ? v->refused : ""), .bytes = buf_span(&b)};
    if (!rc)
        rc = obsdb_put_template(f->db, &k, why);
    if (!rc)
        rc = obsdb_thin(f->db, x->campaign, v->id, FOLLOW_THIN, why);
    buf_deinit(&b);
    return rc;
}

int follow_flush(struct follow *f, struct report *why)
{
    int rc = write_pending(f, why);
    for (size_t i = 0; i < f->n_gone && !rc; i++)
        rc = obsdb_drop(f->db, f->gone[i], why);
    for (size_t i = 0; i < f->cap && !rc; i++)
        for (size_t k = 0; f->slot[i] && k < f->slot[i]->n && !rc; k++)
            rc = put_version(f, f->slot[i], &f->slot[i]->version[k], why);
    if (!rc && f->o.originals)
        rc = obsdb_cap(f->db, f->o.originals_bytes, why);
    return rc;
}

/* After the save was committed: what it wrote waits no longer. */
void follow_flushed(struct follow *f)
{
    drop_pending(f);
    f->n_gone = 0;
    for (size_t i = 0; i < f->cap; i++)
        for (size_t k = 0; f->slot[i] && k < f->slot[i]->n; k++) {
            f->slot[i]->version[k].is_new = false;
            template_free(&f->slot[i]->version[k].t);
        }
}

int follow_save(const struct follow *f, struct buf *out)
{
    buf_add_u32(out, FORMAT);
    buf_add_varint(out, f->kept);
    buf_add_varint(out, f->matched);
    buf_add_varint(out, f->n);
    for (size_t i = 0; i < f->cap; i++) {
        const struct followed *x = f->slot[i];
        if (!x)
            continue;
        buf_add_u64(out, x->campaign);
        buf_add_varint(out, x->gather);
        buf_add_varint(out, x->kept);
        buf_add_varint(out, x->passed);
        buf_add_u64(out, (uint64_t)x->first_ms);
        buf_add_varint(out, x->n);
        for (size_t k = 0; k < x->n; k++) {
            const struct version *v = &x->version[k];
            const uint32_t u[] = {v->id, v->texts, v->seen, v->matched, v->kept, v->until, v->proof};
            for (size_t j = 0; j < sizeof u / sizeof *u; j++)
                buf_add_varint(out, u[j]);
            buf_add_u64(out, (uint64_t)v->first_ms);
            buf_add_u64(out, (uint64_t)v->made_ms);
            buf_add_u64(out, (uint64_t)v->held_ms);
            buf_add_varint(out, v->refused ? strlen(v->refused) : 0);
            buf_add_str(out, v->refused ? v->refused : "");
        }
    }
    return buf_error(out);
}

static uint32_t take_u32(struct reader *r)
{
    uint64_t x = reader_varint(r);
    if (x > UINT32_MAX)
        reader_fail(r, POSSE_ECORRUPT);
    return (uint32_t)x;
}

static int load_version(struct reader *r, uint32_t format, struct version *v)
{
    uint32_t *u[] = {&v->id, &v->texts, &v->seen, &v->matched, &v->kept, &v->until};
    for (size_t j = 0; j < sizeof u / sizeof *u - (format < 2); j++)
        *u[j] = take_u32(r);
    uint32_t proof = take_u32(r);
    v->proof = proof <= PROOF_SAMPLE ? (enum proof)proof : PROOF_NONE;
    v->first_ms = (int64_t)reader_u64(r);
    v->made_ms = (int64_t)reader_u64(r);
    v->held_ms = (int64_t)reader_u64(r);
    struct span refused = reader_bytes(r, take_u32(r));
    if (refused.n && !(v->refused = strndup((const char *)refused.p, refused.n)))
        return POSSE_ENOMEM;
    return reader_error(r);
}

static int load_one(struct follow *f, uint32_t format, struct reader *r)
{
    struct followed *x = found(f, reader_u64(r));
    if (!x)
        return POSSE_ENOMEM;
    x->gather = take_u32(r);
    x->kept = take_u32(r);
    x->passed = take_u32(r);
    x->first_ms = (int64_t)reader_u64(r);
    uint32_t n = take_u32(r);
    if (n > FOLLOW_VERSIONS || x->version)
        reader_fail(r, POSSE_ECORRUPT);
    int rc = reader_error(r);
    if (!rc && n && !(x->version = calloc(FOLLOW_VERSIONS, sizeof *x->version)))
        return POSSE_ENOMEM;
    while (!rc && x->n < n) {
        f->templates++;
        rc = load_version(r, format, &x->version[x->n++]);
    }
    return rc;
}

int follow_load(struct follow *f, struct reader *r)
{
    uint32_t format = reader_u32(r);
    if (format < 1 || format > FORMAT)
        return reader_error(r) ? reader_error(r) : POSSE_EVERSION;
    f->kept = reader_varint(r);
    f->matched = format > 1 ? reader_varint(r) : 0;
    uint64_t n = reader_varint(r);
    int rc = 0;
    while (n-- > 0 && !rc && !reader_error(r))
        rc = load_one(f, format, r);
    return rc ? rc : reader_error(r);
}

/* ---- asking ---- */

int follow_templates(struct follow *f, uint64_t campaign, int (*fn)(void *ctx, const struct seen_template *), void *ctx, struct report *why)
{
    struct followed *x = find(f, campaign);
    int rc = x ? need_templates(f, x, why) : 0;
    for (size_t i = 0; x && i < x->n && !rc; i++) {
        const struct version *v = &x->version[i];
        struct seen_template t = {v->t, v->id, v->texts, v->first_ms, v->made_ms, v->held_ms, v->seen, v->matched,
                                  v->until, v->proof, v->refused};
        rc = v->t ? fn(ctx, &t) : 0;
    }
    return rc;
}

struct showing { int (*fn)(void *ctx, int64_t time_ms, struct span raw); void *ctx; };

static int show_original(void *ctx, const struct original *o)
{
    struct showing *s = ctx;
    return s->fn(s->ctx, o->time_ms, o->raw);
}

int follow_originals(struct follow *f, uint64_t campaign, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                     struct report *why)
{
    struct showing s = {fn, ctx};
    int rc = obsdb_each_original(f->db, campaign, UINT32_MAX, true, show_original, &s, why);
    for (struct pending *p = f->first; p && !rc; p = p->next)
        if (p->o.campaign == campaign)
            rc = fn(ctx, p->o.time_ms, p->o.raw);
    return rc;
}
