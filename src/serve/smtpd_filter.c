#include "serve/smtpd_filter.h"

#include <stdlib.h>

#include "base/hash.h"

enum { BUCKETS = 4096, TEXTS_MAX = 4 << 20, FLUSH_BYTES = 1 << 16 };

struct session {
    struct session *next;
    char sid[SMTPD_ID_MAX];
    size_t n_sid;
    struct buf texts;      /* of the connection: address, name, helo, user, each behind the other */
    struct buf envelope;   /* of the message: id, sender, recipients */
    struct span addr, name, helo, user; /* as offsets from texts.p: views are made when needed */
    struct span msgid, from;
    struct span *rcpt;     /* offsets into envelope */
    size_t n_rcpt, cap_rcpt;
    struct buf message;
    enum smtpd_decision decision;
    struct smtp_dialect dialect;
    bool is_local, is_loopback;
    bool passes;           /* the message is too big: lines go back as they come */
};

struct smtpd_filter {
    struct session *bucket[BUCKETS];
    size_t n, max_bytes;
    smtpd_judge_fn *judge;
    smtpd_flush_fn *flush;
    void *ctx;
};

struct smtpd_filter *smtpd_filter_new(size_t max_bytes, smtpd_judge_fn *judge, smtpd_flush_fn *flush, void *ctx)
{
    struct smtpd_filter *f = calloc(1, sizeof *f);
    if (f) {
        f->max_bytes = max_bytes;
        f->judge = judge;
        f->flush = flush;
        f->ctx = ctx;
    }
    return f;
}

static void session_free(struct session *s)
{
    buf_deinit(&s->texts);
    buf_deinit(&s->envelope);
    buf_deinit(&s->message);
    free(s->rcpt);
    free(s);
}

void smtpd_filter_free(struct smtpd_filter **f)
{
    if (!f || !*f)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct session *s = (*f)->bucket[i], *next; s; s = next) {
            next = s->next;
            session_free(s);
        }
    free(*f);
    *f = NULL;
}

size_t smtpd_filter_sessions(const struct smtpd_filter *f) { return f->n; }

/* Where the session is, or would be. */
static struct session **find(struct smtpd_filter *f, struct span sid)
{
    struct session **at = &f->bucket[hash64(sid, 0) % BUCKETS];
    while (*at && !span_eq(span_of((*at)->sid, (*at)->n_sid), sid))
        at = &(*at)->next;
    return at;
}

/* ---- what is known of a session ---- */

/* A text kept as offset and length: the buffer may move. */
static struct span keep(struct buf *b, struct span text)
{
    size_t at = b->n;
    buf_add_span(b, text);
    return buf_error(b) ? SPAN_NONE : (struct span){(const uint8_t *)(uintptr_t)at, text.n};
}

static struct span view(const struct buf *b, struct span kept)
{
    return kept.n ? span_of(b->p + (uintptr_t)kept.p, kept.n) : SPAN_NONE;
}

static void clear_message(struct session *s)
{
    buf_clear(&s->envelope);
    buf_deinit(&s->message); /* its memory goes: most sessions are idle */
    s->msgid = s->from = SPAN_NONE;
    s->n_rcpt = 0;
    s->decision = SMTPD_PROCEED;
    s->passes = false;
}

static void connect(struct smtpd_filter *f, const struct smtpd_line *l)
{
    struct session **at = find(f, l->sid), *s = *at;
    if (s) {
        buf_clear(&s->texts);
        s->addr = s->name = s->helo = s->user = SPAN_NONE;
        s->dialect = (struct smtp_dialect){0};
    } else if (f->n >= SMTPD_SESSIONS_MAX || !(s = calloc(1, sizeof *s))) {
        return;
    } else {
        memcpy(s->sid, l->sid.p, l->sid.n);
        s->n_sid = l->sid.n;
        buf_init(&s->texts, TEXTS_MAX);
        buf_init(&s->envelope, TEXTS_MAX);
        buf_init(&s->message, f->max_bytes + 1);
        *at = s;
        f->n++;
    }
    clear_message(s);
    buf_init(&s->message, f->max_bytes + 1);
    s->addr = keep(&s->texts, l->addr);
    s->name = l->is_good ? keep(&s->texts, l->text) : SPAN_NONE;
    s->is_local = l->is_local;
    s->is_loopback = span_istarts(l->addr, SPAN_LIT("127.")) || span_eq(l->addr, SPAN_LIT("::1"));
}

static void disconnect(struct smtpd_filter *f, struct span sid)
{
    struct session **at = find(f, sid), *s = *at;
    if (!s)
        return;
    *at = s->next;
    f->n--;
    session_free(s);
}

static void add_rcpt(struct session *s, struct span address)
{
    if (s->n_rcpt == SMTPD_RCPT_MAX)
        return;
    if (s->n_rcpt == s->cap_rcpt) {
        size_t cap = s->cap_rcpt ? s->cap_rcpt * 2 : 4;
        struct span *p = realloc(s->rcpt, cap * sizeof *p);
        if (!p)
            return;
        s->rcpt = p;
        s->cap_rcpt = cap;
    }
    s->rcpt[s->n_rcpt++] = keep(&s->envelope, address);
}

static void report(struct smtpd_filter *f, struct session *s, const struct smtpd_line *l)
{
    switch (l->kind) {
    case SMTPD_IDENTIFY: s->helo = keep(&s->texts, l->text); break;
    case SMTPD_COMMAND: dialect_command(&s->dialect, l->text); break;
    case SMTPD_AUTH:
        if (l->is_good)
            s->user = keep(&s->texts, l->text);
        break;
    case SMTPD_TX_RESET:
    case SMTPD_TX_BEGIN:
        clear_message(s);
        buf_init(&s->message, f->max_bytes + 1);
        if (l->kind == SMTPD_TX_BEGIN)
            s->msgid = keep(&s->envelope, l->text);
        break;
    case SMTPD_TX_MAIL:
        if (l->is_good)
            s->from = keep(&s->envelope, l->text);
        break;
    case SMTPD_TX_RCPT:
        if (l->is_good)
            add_rcpt(s, l->text);
        break;
    default: break;
    }
}

/* ---- answers ---- */

static void begin_answer(struct buf *out, const char *what, const struct smtpd_line *l)
{
    bool swapped = l->version < 5;
    buf_add_str(out, what);
    buf_add_span(out, swapped ? l->token : l->sid);
    buf_add_byte(out, '|');
    buf_add_span(out, swapped ? l->sid : l->token);
    buf_add_byte(out, '|');
}

/* A line of the message; its dot is doubled again. */
static void write_line(struct smtpd_filter *f, struct buf *out, const struct smtpd_line *l, struct span text)
{
    begin_answer(out, "filter-dataline|", l);
    if (text.n && text.p[0] == '.')
        buf_add_byte(out, '.');
    buf_add_span(out, text);
    buf_add_byte(out, '\n');
    if (f->flush && out->n > FLUSH_BYTES)
        f->flush(f->ctx, out);
}

static void write_lines(struct smtpd_filter *f, struct buf *out, const struct smtpd_line *l, struct span text)
{
    while (text.n) {
        ptrdiff_t nl = span_chr(text, '\n');
        size_t n = nl < 0 ? text.n : (size_t)nl;
        write_line(f, out, l, span_sub(text, 0, n));
        text = span_sub(text, n + 1, text.n);
    }
}

static void write_end(struct buf *out, const struct smtpd_line *l)
{
    begin_answer(out, "filter-dataline|", l);
    buf_add_str(out, ".\n");
}

static void judge(struct smtpd_filter *f, struct session *s, const struct smtpd_line *l, struct buf *out)
{
    struct buf head;
    struct span rest = SPAN_NONE;
    for (size_t i = 0; i < s->n_rcpt; i++)
        s->rcpt[i] = view(&s->envelope, s->rcpt[i]);
    struct gate_request r = {
        .door = DOOR_SMTPD, .raw = buf_span(&s->message), .queue_id = view(&s->envelope, s->msgid), .no_store = true,
        .env = {.client_addr = view(&s->texts, s->addr), .client_name = view(&s->texts, s->name), .helo = view(&s->texts, s->helo),
                .from = view(&s->envelope, s->from), .rcpt = s->rcpt, .n_rcpt = s->n_rcpt, .auth_user = view(&s->texts, s->user)},
        .dialect = &s->dialect,
        .who = s->user.n ? POLICY_AUTHENTICATED : s->is_local || s->is_loopback ? POLICY_LOCAL : POLICY_REMOTE,
    };
    buf_init(&head, r.raw.n + (1 << 20));
    s->decision = f->judge(f->ctx, &r, &head, &rest);
    if (buf_error(&head)) {
        write_lines(f, out, l, r.raw);
    } else {
        write_lines(f, out, l, buf_span(&head)); /* ends with a whole line, or rest is empty */
        write_lines(f, out, l, rest);
    }
    buf_deinit(&head);
    s->n_rcpt = 0; /* they were made into views */
    buf_deinit(&s->message);
    buf_init(&s->message, f->max_bytes + 1);
}

static void data_line(struct smtpd_filter *f, struct session *s, const struct smtpd_line *l, struct buf *out)
{
    struct span text = l->text;
    bool is_end = span_eq(text, SPAN_LIT("."));
    if (!is_end && text.n && text.p[0] == '.')
        text = span_sub(text, 1, text.n);
    if (is_end) {
        if (s && !s->passes)
            judge(f, s, l, out);
        write_end(out, l);
        return;
    }
    if (s && !s->passes && text.n < f->max_bytes - s->message.n) {
        size_t before = s->message.n;
        buf_add_span(&s->message, text);
        buf_add_byte(&s->message, '\n');
        if (!buf_error(&s->message))
            return;
        s->message.n = before; /* no memory for it: as if it were too big */
    }
    if (s && !s->passes) {
        s->passes = true;
        write_lines(f, out, l, buf_span(&s->message));
        buf_deinit(&s->message);
        buf_init(&s->message, f->max_bytes + 1);
    }
    write_line(f, out, l, text);
}

static void commit(const struct session *s, const struct smtpd_line *l, struct buf *out)
{
    static const char *const said[] = {
        [SMTPD_PROCEED] = "proceed\n",
        [SMTPD_REFUSE] = "reject|554 5.7.1 Message refused as spam\n",
        [SMTPD_PUT_OFF] = "reject|451 4.7.1 Try again later\n",
    };
    begin_answer(out, "filter-result|", l);
    buf_add_str(out, said[s ? s->decision : SMTPD_PROCEED]);
}

void smtpd_filter_take(struct smtpd_filter *f, struct span line, struct buf *out)
{
    static const char want[] =
        "register|report|smtp-in|link-connect\nregister|report|smtp-in|link-disconnect\nregister|report|smtp-in|link-identify\n"
        "register|report|smtp-in|link-auth\nregister|report|smtp-in|tx-reset\nregister|report|smtp-in|tx-begin\n"
        "register|report|smtp-in|tx-mail\nregister|report|smtp-in|tx-rcpt\nregister|report|smtp-in|protocol-client\n"
        "register|filter|smtp-in|data-line\n"
        "register|filter|smtp-in|commit\nregister|ready\n";
    struct smtpd_line l;
    smtpd_line_read(line, &l);
    struct session *s = l.sid.n ? *find(f, l.sid) : NULL;
    switch (l.kind) {
    case SMTPD_OTHER:
    case SMTPD_CONFIG: break;
    case SMTPD_CONFIG_READY: buf_add_str(out, want); break;
    case SMTPD_CONNECT: connect(f, &l); break;
    case SMTPD_DISCONNECT: disconnect(f, l.sid); break;
    case SMTPD_DATA_LINE: data_line(f, s, &l, out); break;
    case SMTPD_COMMIT: commit(s, &l, out); break;
    case SMTPD_FILTER_OTHER: commit(NULL, &l, out); break;
    default:
        if (s)
            report(f, s, &l);
    }
}
