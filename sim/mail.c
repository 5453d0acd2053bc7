#include "mail.h"

#include <stdlib.h>
#include <strings.h>

#include "encode.h"
#include "reserved.h"

struct lines { struct program *v; size_t n; bool *is_received, *is_date, *is_encoding; };
struct mailer_form { struct program helo, machine, plain, html, multi, boundary, part_plain, part_html, part_file; struct lines header; };
struct trap_form { struct program tls_note; struct lines header; struct program *domain, *user; };

struct mail_writer {
    const struct scenario *s;
    const struct world *w;
    uint64_t seed;
    struct mailer_form *mailer;
    struct trap_form *trap;
    struct fill f;
    struct buf text, html, part, encoded, body, head, subject;
};

/* ---- compiled once ---- */

static void compile(const struct scenario *s, struct raw r, struct program *out)
{
    if (r.text)
        macro_compile(s, NULL, r, out);
}

static void compile_lines(const struct scenario *s, const raws *in, struct lines *out)
{
    out->n = in->n;
    out->v = mem_new(in->n * sizeof *out->v);
    out->is_received = mem_new(in->n);
    out->is_date = mem_new(in->n);
    out->is_encoding = mem_new(in->n);
    for (size_t i = 0; i < in->n; i++) {
        const char *t = in->v[i].text;
        out->is_received[i] = strncasecmp(t, "Received:", 9) == 0;
        out->is_date[i] = strncasecmp(t, "Date:", 5) == 0;
        out->is_encoding[i] = strncasecmp(t, "Content-Transfer-Encoding:", 26) == 0;
        macro_compile(s, NULL, in->v[i], &out->v[i]);
    }
}

static struct program *compile_each(const struct scenario *s, const raws *in)
{
    struct program *p = mem_new(in->n * sizeof *p);
    for (size_t i = 0; i < in->n; i++)
        macro_compile(s, NULL, in->v[i], &p[i]);
    return p;
}

struct mail_writer *mail_writer_new(const struct scenario *s, const struct world *w, uint64_t seed)
{
    struct mail_writer *m = mem_new(sizeof *m);
    m->s = s;
    m->w = w;
    m->seed = seed;
    m->mailer = mem_new(s->mailer.n * sizeof *m->mailer);
    m->trap = mem_new(s->trap.n * sizeof *m->trap);
    for (size_t i = 0; i < s->mailer.n; i++) {
        const struct mailer *in = &s->mailer.v[i];
        struct mailer_form *f = &m->mailer[i];
        compile(s, in->helo, &f->helo);
        compile(s, in->machine, &f->machine);
        compile(s, in->plain, &f->plain);
        compile(s, in->html, &f->html);
        compile(s, in->multi, &f->multi);
        compile(s, in->boundary, &f->boundary);
        compile(s, in->part_plain, &f->part_plain);
        compile(s, in->part_html, &f->part_html);
        compile(s, in->part_file, &f->part_file);
        compile_lines(s, &in->header, &f->header);
    }
    for (size_t i = 0; i < s->trap.n; i++) {
        compile(s, s->trap.v[i].tls_note, &m->trap[i].tls_note);
        compile_lines(s, &s->trap.v[i].header, &m->trap[i].header);
        m->trap[i].domain = compile_each(s, &s->trap.v[i].domain);
        m->trap[i].user = compile_each(s, &s->trap.v[i].user);
    }
    return m;
}

bool mailer_tells_machine(const struct scenario *s, uint32_t mailer)
{
    return strstr(s->mailer.v[mailer].helo.text, "{machine}") != NULL;
}

/* ---- one message ---- */

static void set(struct mail_writer *m, enum field k, const char *text)
{
    m->f.field[k].n = 0;
    buf_text(&m->f.field[k], text);
}

static void set_run(struct mail_writer *m, enum field k, const struct program *p)
{
    m->f.field[k].n = 0;
    program_run(p, &m->f, &m->f.field[k]);
}

/* user@domain into its two halves. */
static void halves(struct mail_writer *m, enum field whole, enum field user, enum field domain)
{
    struct buf *b = &m->f.field[whole];
    const char *at = memchr(b->p, '@', b->n);
    size_t n = at ? (size_t)(at - b->p) : b->n;
    m->f.field[user].n = m->f.field[domain].n = 0;
    buf_add(&m->f.field[user], b->p, n);
    if (at)
        buf_add(&m->f.field[domain], at + 1, b->n - n - 1);
}

static void address_draw(struct mail_writer *m, uint32_t trap, uint32_t user, uint32_t domain, struct buf *out)
{
    program_run(&m->trap[trap].user[user], &m->f, out);
    buf_byte(out, '@');
    program_run(&m->trap[trap].domain[domain], &m->f, out);
}

static void recipients_draw(struct mail_writer *m, const struct event *e)
{
    const struct trap *t = &m->s->trap.v[e->trap];
    uint32_t domain = rng_below(m->f.rng, t->domain.n);
    struct buf *all = &m->f.field[FIELD_TO_ALL], *to = &m->f.field[FIELD_TO];
    to->n = all->n = 0;
    address_draw(m, e->trap, rng_below(m->f.rng, t->user.n), domain, to);
    buf_join(all, to);
    for (uint32_t i = 1; i < e->recipients; i++) {
        buf_text(all, ",\n\t");
        address_draw(m, e->trap, rng_below(m->f.rng, t->user.n), domain, all);
    }
    halves(m, FIELD_TO, FIELD_TO_USER, FIELD_TO_DOMAIN);
}

static void source_fill(struct mail_writer *m, const struct event *e, const struct mailer_form *mf)
{
    struct address a = world_address(m->w, e->machine);
    struct buf *ip = &m->f.field[FIELD_IP], *ptr = &m->f.field[FIELD_PTR];
    ip->n = ptr->n = 0;
    buf_text(ip, a.b[0] ? "IPv6:" : "");
    address_text(&a, ip);
    world_ptr(m->w, e->machine, ptr);
    if (ptr->n == 0)
        buf_text(ptr, "unknown");
    struct rng own = rng_of(m->seed, mix(31, e->machine)), *was = m->f.rng;
    m->f.rng = &own;
    set_run(m, FIELD_MACHINE, &mf->machine);
    m->f.rng = was;
    m->f.zone_min = m->s->country.v[world_system(m->w, e->machine)->country].zone_min;
}

static void parties_fill(struct mail_writer *m, const struct event *e, const struct version *v, const struct mailer *mailer,
                         const struct mailer_form *mf)
{
    const struct family *f = &m->s->family.v[e->family];
    const struct trap *t = &m->s->trap.v[e->trap];
    set(m, FIELD_TRAP, t->name);
    source_fill(m, e, mf);
    recipients_draw(m, e);
    set_run(m, FIELD_FROM_NAME, &v->sender_name);
    set_run(m, FIELD_FROM, &v->sender_addr);
    halves(m, FIELD_FROM, FIELD_FROM_USER, FIELD_FROM_DOMAIN);
    set_run(m, FIELD_HELO, &mf->helo);
    set(m, FIELD_CHARSET, charset_name(mailer->charset));
    set(m, FIELD_TLS, e->is_tls ? "yes" : "no");
    set(m, FIELD_WITH, e->is_tls ? "ESMTPS" : mailer->is_helo ? "SMTP" : "ESMTP");
    m->f.field[FIELD_TLS_NOTE].n = 0;
    if (e->is_tls)
        set_run(m, FIELD_TLS_NOTE, &m->trap[e->trap].tls_note);
    bool passes = f->auth > 0 && rng_chance(m->f.rng, f->auth);
    struct buf *auth = &m->f.field[FIELD_AUTH];
    auth->n = 0;
    buf_text(auth, passes ? "spf=pass smtp.mailfrom=" : f->kind == FAMILY_SPAM ? "spf=softfail smtp.mailfrom=" : "spf=none smtp.mailfrom=");
    buf_join(auth, &m->f.field[FIELD_FROM]);
    if (passes) {
        buf_text(auth, ";\n\tdkim=pass header.d=");
        buf_join(auth, &m->f.field[FIELD_FROM_DOMAIN]);
    }
}

static int64_t odd_date(struct rng *r, const struct odd_dates *d, int64_t ms, bool *is_missing)
{
    double x = d->missing + d->future + d->old > 0 ? rng_unit(r) : 1;
    *is_missing = x < d->missing;
    if (!*is_missing && x < d->missing + d->future)
        ms += rng_between(r, d->future_by.lo, d->future_by.hi);
    else if (!*is_missing && x < d->missing + d->future + d->old)
        ms -= rng_between(r, d->old_by.lo, d->old_by.hi);
    return ms < 0 ? 0 : ms;
}

/* Text in UTF-8 as the mailer sends it: 7bit where all of it is ASCII. */
static enum encoding encode_part(struct mail_writer *m, const struct mailer *mailer, const struct buf *text, bool is_html)
{
    enum encoding how = mailer->encoding;
    m->part.n = m->encoded.n = 0;
    if (is_html)
        buf_join(&m->part, text);
    else
        encode_wrap(text->p, text->n, mailer->wrap, &m->part);
    encode_charset(m->part.p, m->part.n, mailer->charset, &m->encoded);
    if (how == ENCODING_7BIT && !is_ascii(m->encoded.p, m->encoded.n))
        how = ENCODING_8BIT;
    m->part.n = 0;
    if (how == ENCODING_QP)
        encode_qp(m->encoded.p, m->encoded.n, &m->part);
    else if (how == ENCODING_BASE64)
        encode_base64(m->encoded.p, m->encoded.n, 76, &m->part);
    else
        buf_join(&m->part, &m->encoded);
    return how;
}

static void part_open(struct mail_writer *m)
{
    buf_text(&m->body, "--");
    buf_join(&m->body, &m->f.field[FIELD_BOUNDARY]);
    buf_byte(&m->body, '\n');
}

static void part_write(struct mail_writer *m, const struct mailer *mailer, const struct mailer_form *mf, bool is_html)
{
    const struct buf *text = is_html ? &m->html : &m->text;
    set(m, FIELD_ENCODING, encoding_name(encode_part(m, mailer, text, is_html)));
    part_open(m);
    program_run(is_html ? &mf->part_html : &mf->part_plain, &m->f, &m->body);
    buf_text(&m->body, "\n\n");
    buf_join(&m->body, &m->part);
    buf_byte(&m->body, '\n');
}

static void image_write(struct mail_writer *m, const struct version *v, const struct form *form, const struct mailer_form *mf)
{
    set_run(m, FIELD_FILE, &v->file_name);
    part_open(m);
    program_run(&mf->part_file, &m->f, &m->body);
    buf_text(&m->body, "\n\n");
    m->encoded.n = 0;
    buf_join(&m->encoded, &v->image);
    for (int i = 0; form->has_image_noise && i < 12; i++) {
        uint32_t at = 13 + rng_below(m->f.rng, m->encoded.n - 14);
        m->encoded.p[at] ^= (char)(1 + rng_below(m->f.rng, 255));
    }
    encode_base64(m->encoded.p, m->encoded.n, 76, &m->body);
    buf_byte(&m->body, '\n');
}

/* The body, and {type} and {encoding} for its header; true: the header goes without an encoding. */
static bool body_write(struct mail_writer *m, const struct version *v, const struct form *form, const struct mailer *mailer,
                       const struct mailer_form *mf)
{
    bool has_text = form->text.n > 0, has_html = form->html.n > 0;
    m->body.n = m->text.n = m->html.n = 0;
    if (has_text)
        program_run(&v->text, &m->f, &m->text);
    if (has_html)
        program_run(&v->html, &m->f, &m->html);
    reserved_check(m->text.p, m->text.n, "a body's text");
    reserved_check(m->html.p, m->html.n, "a body's HTML");
    if (form->kind != FORM_BOTH && form->kind != FORM_IMAGE) {
        bool is_html = form->kind == FORM_HTML;
        set(m, FIELD_ENCODING, encoding_name(encode_part(m, mailer, is_html ? &m->html : &m->text, is_html)));
        set_run(m, FIELD_TYPE, is_html ? &mf->html : &mf->plain);
        buf_join(&m->body, &m->part);
        return false;
    }
    set_run(m, FIELD_BOUNDARY, &mf->boundary);
    set(m, FIELD_SUBTYPE, form->kind == FORM_BOTH ? "alternative" : "related");
    set_run(m, FIELD_TYPE, &mf->multi);
    const char *whole = mailer->multi_encoding.text;
    if (has_html && mailer->is_html_first)
        part_write(m, mailer, mf, true);
    if (has_text)
        part_write(m, mailer, mf, false);
    if (has_html && !mailer->is_html_first)
        part_write(m, mailer, mf, true);
    if (form->kind == FORM_IMAGE)
        image_write(m, v, form, mf);
    buf_text(&m->body, "--");
    buf_join(&m->body, &m->f.field[FIELD_BOUNDARY]);
    buf_text(&m->body, "--\n");
    set(m, FIELD_ENCODING, whole ? whole : "");
    return !whole;
}

static void head_write(struct mail_writer *m, const struct lines *l, bool skips_date, bool skips_received, bool skips_encoding)
{
    for (size_t i = 0; i < l->n; i++) {
        if ((skips_date && l->is_date[i]) || (skips_received && l->is_received[i]) || (skips_encoding && l->is_encoding[i]))
            continue;
        size_t was = m->head.n;
        program_run(&l->v[i], &m->f, &m->head);
        if (m->head.n > was)
            buf_byte(&m->head, '\n');
    }
}

static void subject_write(struct mail_writer *m, const struct version *v, const struct mailer *mailer)
{
    struct buf *s = &m->f.field[FIELD_SUBJECT];
    m->subject.n = m->encoded.n = s->n = 0;
    program_run(&v->subject[rng_below(m->f.rng, v->n_subjects)], &m->f, &m->subject);
    reserved_check(m->subject.p, m->subject.n, "a subject");
    encode_charset(m->subject.p, m->subject.n, mailer->charset, &m->encoded);
    encode_words(m->encoded.p, m->encoded.n, mailer->charset, mailer->subject_encoding, s);
}

/* Lines that begin with "From " would end the message in an mbox: ">From " (mboxrd). */
static void body_quote(const struct buf *body, struct buf *out)
{
    const char *p = body->p, *end = body->p + body->n;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *q = p;
        eol = eol ? eol + 1 : end;
        while (q < eol && *q == '>')
            q++;
        if (eol - q > 5 && memcmp(q, "From ", 5) == 0)
            buf_byte(out, '>');
        buf_add(out, p, (size_t)(eol - p));
        p = eol;
    }
}

void mail_write(struct mail_writer *m, const struct event *e, struct rng *r, struct buf *out, struct buf *box_line)
{
    const struct campaign *cm = e->campaign;
    const struct version *v = &cm->variant[e->variant];
    const struct mailer *mailer = &m->s->mailer.v[cm->mailer];
    const struct mailer_form *mf = &m->mailer[cm->mailer];
    const struct form *form = &m->s->form.v[cm->form];
    const struct trap *trap = &m->s->trap.v[e->trap];
    bool no_date, no_received;
    m->f.rng = r;
    m->f.link = &v->link;
    m->f.host = cm->host;
    m->f.n_hosts = cm->n_hosts;
    m->f.date_ms = e->time_ms - rng_between(r, 0, 20000);
    m->f.date_ms = odd_date(r, &m->s->family.v[e->family].dates, m->f.date_ms, &no_date);
    int64_t shown_ms = odd_date(r, &trap->clock, e->time_ms, &no_received), sent_ms = m->f.date_ms;
    parties_fill(m, e, v, mailer, mf);
    subject_write(m, v, mailer);
    bool no_encoding = body_write(m, v, form, mailer, mf);
    m->head.n = 0;
    m->f.date_ms = shown_ms;
    head_write(m, &m->trap[e->trap].header, false, no_received, false);
    box_line->n = 0;
    buf_text(box_line, "From ");
    buf_join(box_line, &m->f.field[FIELD_FROM]);
    buf_byte(box_line, ' ');
    date_box(shown_ms, box_line);
    buf_byte(box_line, '\n');
    m->f.date_ms = sent_ms;
    head_write(m, &mf->header, no_date, false, no_encoding);
    reserved_check(m->head.p, m->head.n, "a header");
    out->n = 0;
    buf_join(out, &m->head);
    buf_byte(out, '\n');
    body_quote(&m->body, out);
}
