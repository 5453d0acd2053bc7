/* observe: the observatory's home: opening, saving, where inputs were left off. The flow of sightings is observe_add.c. */
#include "engine/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/live.h"
#include "engine/observe_priv.h"
#include "store/store_report.h"

enum { FORMAT = 1, PATH_BYTES = 4300, MARK_MAX = 512 << 20 };
#define DAY_MS 86400000LL
#define ORIGINALS_BYTES ((uint64_t)1 << 30)
#define TELL_SLACK_MS DAY_MS
#define PUBLISH_SPAN_MS (2 * 3600000LL)

/* ---- the key of what is known of ham ---- */

static int make_key(const char *path, uint8_t key[32], struct report *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return store_errno(why, "make this key", path);
    bool ok = getrandom(key, 32, 0) == 32 && write(fd, key, 32) == 32 && fsync(fd) == 0;
    int rc = ok ? 0 : store_errno(why, "write this key", path);
    close(fd);
    if (rc)
        unlink(path);
    return rc;
}

static int read_key(struct observatory *o, struct report *why)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/keys", o->home);
    if (!o->o.is_reader && mkdir(path, 0700) != 0 && errno != EEXIST)
        return store_errno(why, "make this folder", path);
    snprintf(path, sizeof path, "%s/keys/observatory", o->home);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return o->o.is_reader ? 0 : make_key(path, o->key, why);
    if (fd < 0)
        return store_errno(why, "read this key", path);
    bool ok = read(fd, o->key, 32) == 32;
    close(fd);
    return ok ? 0 : report_set(why, POSSE_ECORRUPT, "%s: not a key; restore it from a copy, or move observatory.db away", path);
}

/* ---- state ---- */

static void gone(void *ctx, const struct campaign *c)
{
    struct observatory *o = ctx;
    follow_drop(o->follow, c->number);
}

static struct botnets_options botnets_of(const struct observatory *o)
{
    return (struct botnets_options){.book = o->book, .as = asfile_table(o->as)};
}

static struct ham_options ham_of(const struct observatory *o)
{
    return (struct ham_options){.sample = o->o.ham_sample, .key = o->key};
}

static int new_state(struct observatory *o, struct report *why)
{
    struct botnets_options b = botnets_of(o);
    struct ham_options h = ham_of(o);
    int rc = campaigns_new(&o->o.campaigns, &o->campaigns, why);
    if (!rc)
        rc = botnets_new(&b, &o->botnets, why);
    return rc ? rc : ham_new(&h, &o->ham, why);
}

static int load_campaigns(struct observatory *o, struct reader *r, struct report *why)
{
    return campaigns_load(r, &o->o.campaigns, &o->campaigns, why);
}

static int load_botnets(struct observatory *o, struct reader *r, struct report *why)
{
    struct botnets_options b = botnets_of(o);
    return botnets_load(r, &b, &o->botnets, why);
}

static int load_ham(struct observatory *o, struct reader *r, struct report *why)
{
    struct ham_options h = ham_of(o);
    return ham_load(r, &h, &o->ham, why);
}

static int load_follow(struct observatory *o, struct reader *r, struct report *why)
{
    (void)why;
    return follow_load(o->follow, r);
}

static int load_meta(struct observatory *o, struct reader *r, struct report *why)
{
    uint64_t *count[] = {&o->seen.messages, &o->seen.spam, &o->seen.ham, &o->seen.no_time, &o->seen.odd_time, &o->seen.no_source};
    (void)why;
    if (reader_u32(r) != FORMAT)
        return reader_error(r) ? reader_error(r) : POSSE_EVERSION;
    o->clock.now_ms = (int64_t)reader_u64(r);
    o->clock.ahead_ms = (int64_t)reader_u64(r);
    o->clock.n_ahead = reader_u32(r);
    o->ticked_minute = (int64_t)reader_u64(r);
    o->settled_hour = (int64_t)reader_u64(r);
    o->seen.first_ms = (int64_t)reader_u64(r);
    o->random = reader_u64(r);
    int64_t last = (int64_t)reader_u64(r);
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        *count[i] = reader_u64(r);
    if (reader_error(r) || o->o.is_reader)
        return reader_error(r);
    int rc = obsdb_begin(o->db, why);
    return rc ? rc : obsdb_end(o->db, obsdb_drop_later(o->db, last, why), why);
}

static int save_meta(const struct observatory *o, int64_t last_original, struct buf *b)
{
    const uint64_t count[] = {o->seen.messages, o->seen.spam, o->seen.ham, o->seen.no_time, o->seen.odd_time, o->seen.no_source};
    buf_add_u32(b, FORMAT);
    buf_add_u64(b, (uint64_t)o->clock.now_ms);
    buf_add_u64(b, (uint64_t)o->clock.ahead_ms);
    buf_add_u32(b, o->clock.n_ahead);
    buf_add_u64(b, (uint64_t)o->ticked_minute);
    buf_add_u64(b, (uint64_t)o->settled_hour);
    buf_add_u64(b, (uint64_t)o->seen.first_ms);
    buf_add_u64(b, o->random);
    buf_add_u64(b, (uint64_t)last_original);
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        buf_add_u64(b, count[i]);
    return buf_error(b);
}

static int load_one(struct observatory *o, const char *name, int (*load)(struct observatory *, struct reader *, struct report *),
                    struct report *why)
{
    struct buf b;
    buf_init(&b, OBSDB_STATE_MAX);
    int rc = obsdb_get(o->db, name, &b, why);
    struct reader r = reader_of(buf_span(&b));
    if (!rc) {
        struct report inner = {0};
        rc = load(o, &r, &inner);
        if (!rc && reader_left(&r))
            rc = POSSE_ECORRUPT;
        if (rc)
            report_set(why, rc, "%s/observatory.db: %s: %s; %s", o->home, name, inner.text[0] ? inner.text : posse_strerror(rc),
                       rc == POSSE_ENOMEM ? "free some memory" : "restore it from a copy, or move it away and observe the mail again");
    }
    buf_deinit(&b);
    return rc;
}

/* What never had any ham is not saved: 16 MB that say nothing. */
static int load_some_ham(struct observatory *o, struct report *why)
{
    struct ham_options h = ham_of(o);
    struct report inner = {0};
    int rc = load_one(o, "ham", load_ham, &inner);
    if (rc == POSSE_ENOENT)
        return ham_new(&h, &o->ham, why);
    if (rc && why)
        *why = inner;
    o->ham_saved = rc ? 0 : ham_seen(o->ham);
    return rc;
}

static int load_mark(void *ctx, struct span input, struct span position)
{
    return observatory_mark(ctx, input, position);
}

static void apply_told(struct observatory *o);

static int load_state(struct observatory *o, struct report *why)
{
    struct report first = {0};
    int rc = load_one(o, "observatory", load_meta, &first);
    if (rc == POSSE_ENOENT)
        return new_state(o, why);
    if (rc && why)
        *why = first;
    if (!rc)
        rc = load_one(o, "campaigns", load_campaigns, why);
    if (!rc)
        rc = load_one(o, "botnets", load_botnets, why);
    if (!rc)
        rc = load_some_ham(o, why);
    if (!rc)
        rc = load_one(o, "templates", load_follow, why);
    if (!rc)
        rc = obsdb_each_mark(o->db, load_mark, o, why);
    for (size_t i = 0; i < o->n_marks; i++)
        o->mark[i].is_new = false;
    if (!rc && o->o.is_reader)
        apply_told(o);
    return rc;
}

/* ---- opening ---- */

static int open_parts(struct observatory *o, struct report *why)
{
    struct follow_options f = {o->o.originals, o->o.originals_bytes ? o->o.originals_bytes : ORIGINALS_BYTES, o->o.is_reader};
    int rc = obsdb_open(o->home, !o->o.is_reader, &o->db, why);
    if (!rc)
        rc = read_key(o, why);
    if (!rc && o->o.as_table)
        rc = asfile_open(o->o.as_table, &o->as, why);
    if (!rc)
        rc = mailer_book_open(o->o.mailers ? o->o.mailers : engine_shipped_path("mailers"), &o->book, why);
    if (!rc)
        rc = networks_new(o->o.ours, o->o.n_ours, &o->ours, why);
    if (!rc)
        rc = follow_new(&f, o->db, &o->follow, why);
    if (!rc && o->o.is_reader)
        rc = obsdb_hold(o->db, why);
    if (!rc) {
        rc = load_state(o, why);
        if (o->o.is_reader)
            obsdb_release(o->db);
    }
    return rc;
}

int observatory_open(const struct observe_options *opt, struct observatory **out, struct report *why)
{
    struct observatory *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o || !(o->home = strdup(opt->home))) {
        free(o);
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", opt->home);
    }
    o->o = *opt;
    o->o.campaigns.gone = gone;
    o->o.campaigns.gone_ctx = o;
    o->o.campaigns.is_reader = opt->is_reader;
    o->clock.latest_ms = opt->latest_ms;
    int rc = open_parts(o, why);
    if (rc)
        observatory_drop(&o);
    *out = o;
    return rc;
}

void observatory_drop(struct observatory **op)
{
    struct observatory *o = op ? *op : NULL;
    if (!o)
        return;
    botnets_free(&o->botnets);
    campaigns_free(&o->campaigns); /* while `gone` still has whom to tell */
    ham_free(&o->ham);
    follow_free(&o->follow);
    networks_free(&o->ours);
    mailer_book_free(&o->book);
    asfile_close(&o->as);
    obsdb_close(&o->db);
    for (size_t i = 0; i < o->n_marks; i++)
        free((void *)(uintptr_t)o->mark[i].input.p);
    free(o->mark);
    free(o->home);
    explicit_bzero(o, sizeof *o);
    free(o);
    *op = NULL;
}

int observatory_close(struct observatory **o, struct report *why)
{
    int rc = *o && !(*o)->o.is_reader ? observatory_save(*o, why) : 0;
    observatory_drop(o);
    return rc;
}

/* ---- what analysts entered ---- */

enum { TOLD_MAX = 256 };
struct tellings { struct observatory *o; uint64_t done[TOLD_MAX]; size_t n; };

static int apply_one(void *ctx, const struct told *t)
{
    struct tellings *all = ctx;
    char name[OBSDB_TEXT_MAX + 1];
    uint32_t number;
    snprintf(name, sizeof name, "%.*s", (int)t->botnet.n, (const char *)t->botnet.p);
    if (t->is_taken || all->n == TOLD_MAX || !botnets_find(all->o->botnets, name, &number))
        return 0;
    struct change_series *series = botnets_change(all->o->botnets, number);
    if (series && change_tell(series, t->at_ms, TELL_SLACK_MS, (enum change_cause)t->cause))
        all->done[all->n++] = t->n;
    return 0;
}

static void apply_told(struct observatory *o)
{
    struct tellings all = {.o = o};
    obsdb_each_told(o->db, apply_one, &all, NULL);
}

static int take_told(struct observatory *o, struct report *why)
{
    struct tellings all = {.o = o};
    int rc = obsdb_each_told(o->db, apply_one, &all, why);
    for (size_t i = 0; i < all.n && !rc; i++)
        rc = obsdb_taken(o->db, all.done[i], why);
    return rc;
}

int observatory_tell(struct observatory *o, const char *botnet, int64_t at_ms, int64_t told_ms, enum change_cause cause, const char *note,
                     bool *applied_out, struct report *why)
{
    uint32_t number;
    if (!botnets_find(o->botnets, botnet, &number))
        return report_set(why, POSSE_ENOENT, "%s: no such botnet; `posse botnets` lists them", botnet);
    struct told t = {.at_ms = at_ms, .told_ms = told_ms, .cause = (uint32_t)cause, .botnet = span_str(botnet), .note = span_str(note)};
    int rc = obsdb_tell(o->db, &t, why);
    struct change_series *series = botnets_change(o->botnets, number);
    *applied_out = !rc && series && change_tell(series, at_ms, TELL_SLACK_MS, cause);
    return rc;
}

/* ---- saving ---- */

struct saving { struct observatory *o; int64_t last_original; uint64_t bytes; };

static int save_meta_of(const struct saving *s, struct buf *b) { return save_meta(s->o, s->last_original, b); }
static int save_campaigns(const struct saving *s, struct buf *b) { return campaigns_save(s->o->campaigns, b); }
static int save_botnets(const struct saving *s, struct buf *b) { return botnets_save(s->o->botnets, b); }
static int save_follow(const struct saving *s, struct buf *b) { return follow_save(s->o->follow, b); }

/* Written as it is made: a state of hundreds of MB does not stand in memory twice. */
static int put(struct saving *s, const char *name, int (*save)(const struct saving *, struct buf *), struct report *why)
{
    struct buf b;
    uint64_t bytes = 0;
    int rc = obsdb_put_begin(s->o->db, name, &b);
    if (!rc)
        rc = save(s, &b);
    rc = obsdb_put_end(s->o->db, &b, rc, &bytes, why);
    s->bytes += bytes;
    return rc;
}

/* What is known of ham is sealed as a whole, and goes back in its own bytes to do so. */
static int put_ham(struct saving *s, struct report *why)
{
    struct buf b;
    buf_init(&b, OBSDB_STATE_MAX);
    int rc = ham_save(s->o->ham, &b);
    rc = rc ? report_set(why, rc, "%s: what is known of ham cannot be saved: %s", s->o->home, posse_strerror(rc))
            : obsdb_put(s->o->db, "ham", buf_span(&b), why);
    s->bytes += b.n;
    buf_deinit(&b);
    return rc;
}

static int save_parts(struct saving *s, struct report *why)
{
    struct observatory *o = s->o;
    int rc = follow_flush(o->follow, why);
    if (!rc)
        rc = take_told(o, why);
    if (!rc)
        rc = obsdb_last_original(o->db, &s->last_original, why);
    if (!rc)
        rc = put(s, "observatory", save_meta_of, why);
    if (!rc)
        rc = put(s, "campaigns", save_campaigns, why);
    if (!rc)
        rc = put(s, "botnets", save_botnets, why);
    if (!rc && ham_seen(o->ham) != o->ham_saved)
        rc = put_ham(s, why);
    if (!rc)
        rc = put(s, "templates", save_follow, why);
    for (size_t i = 0; i < o->n_marks && !rc; i++)
        if (o->mark[i].is_new)
            rc = obsdb_put_mark(o->db, o->mark[i].input, o->mark[i].position, why);
    return rc;
}

int observatory_save(struct observatory *o, struct report *why)
{
    struct saving s = {.o = o};
    int rc = obsdb_begin(o->db, why);
    if (rc)
        return rc;
    rc = obsdb_end(o->db, save_parts(&s, why), why);
    if (rc)
        return rc;
    follow_flushed(o->follow);
    o->ham_saved = ham_seen(o->ham);
    o->seen.saved_bytes = (int64_t)s.bytes;
    for (size_t i = 0; i < o->n_marks; i++)
        o->mark[i].is_new = false;
    return observatory_show(o, why);
}

/* ---- marks ---- */

static struct mark *mark_find(const struct observatory *o, struct span input)
{
    for (size_t i = 0; i < o->n_marks; i++)
        if (span_eq(o->mark[i].input, input))
            return &o->mark[i];
    return NULL;
}

int observatory_mark(struct observatory *o, struct span input, struct span position)
{
    struct mark *m = mark_find(o, input);
    if (input.n > OBSDB_NAME_MAX || position.n > MARK_MAX)
        return POSSE_ELIMIT;
    if (!m && o->n_marks == o->cap_marks) {
        size_t cap = o->cap_marks ? o->cap_marks * 2 : 16;
        struct mark *bigger = realloc(o->mark, cap * sizeof *bigger);
        if (!bigger)
            return POSSE_ENOMEM;
        o->mark = bigger;
        o->cap_marks = cap;
    }
    uint8_t *block = malloc(input.n + position.n + 1);
    if (!block)
        return POSSE_ENOMEM;
    memcpy(block, input.p, input.n);
    if (position.n)
        memcpy(block + input.n, position.p, position.n);
    if (m)
        free((void *)(uintptr_t)m->input.p);
    else
        m = &o->mark[o->n_marks++];
    *m = (struct mark){span_of(block, input.n), span_of(block + input.n, position.n), true};
    return 0;
}

struct span observatory_marked(const struct observatory *o, struct span input)
{
    const struct mark *m = mark_find(o, input);
    return m ? m->position : SPAN_NONE;
}

/* ---- asking ---- */

struct campaigns *observatory_campaigns(struct observatory *o) { return o->campaigns; }
struct botnets *observatory_botnets(struct observatory *o) { return o->botnets; }
const struct astable *observatory_as(const struct observatory *o) { return asfile_table(o->as); }
const struct mailer_book *observatory_book(const struct observatory *o) { return o->book; }
int64_t observatory_now_ms(const struct observatory *o) { return o->clock.now_ms; }

void observatory_count(const struct observatory *o, struct observed *out)
{
    *out = o->seen;
    out->now_ms = o->clock.now_ms;
    out->ham_known = ham_seen(o->ham);
    follow_count(o->follow, out);
}

int observatory_templates(struct observatory *o, uint64_t campaign, int (*fn)(void *ctx, const struct seen_template *), void *ctx,
                          struct report *why)
{
    return follow_templates(o->follow, campaign, fn, ctx, why);
}

int observatory_originals(struct observatory *o, uint64_t campaign, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                          struct report *why)
{
    return follow_originals(o->follow, campaign, fn, ctx, why);
}

int observatory_publish(struct observatory *o, struct published **out)
{
    return campaigns_publish(o->campaigns, o->clock.now_ms, PUBLISH_SPAN_MS, out);
}

int observatory_show(struct observatory *o, struct report *why)
{
    struct published *p;
    int rc = observatory_publish(o, &p);
    if (rc)
        return report_set(why, rc, "live campaigns cannot be published: %s", posse_strerror(rc));
    rc = live_write(o->home, p, why);
    published_free(&p);
    return rc;
}
