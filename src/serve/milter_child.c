/* libmilter's callbacks, a connection's state between them, and the process around them.
 *
 * libmilter opens its listening socket itself and cannot be given one. Ours was bound before root was dropped, so libmilter is made to
 * open another of the same kind (it looks at the family of who connects), and ours is put in its place by dup2: the number that
 * it got is the lowest that was free. A socket with a path gets its own private one, which is gone at once. */
#include "serve/milter_child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/gate.h"
#include "serve/mark.h"
#include "serve/milter_mail.h"
#include "serve/serve_setup.h"

enum { TEXT_MAX = 512, ADDR_MAX = 64, TICK_MS = 1000, DETAIL_MAX = 2048, HELD_MESSAGES = 16, SMALL_BYTES = 64 << 10, OVER_MS = 15000 };

struct milter {
    const struct serve_options *options;
    struct gate *gate;
    struct counters *counters;
    struct log *log;
    struct sockaddr_storage address;
    socklen_t address_n;
    atomic_int connections, messages; /* open, and under way */
    atomic_size_t held;               /* bytes of messages, of all connections */
    atomic_bool is_stopping, is_last_tick, is_over;
    int64_t grace_ms;
    pthread_t control;
    bool has_control;
};

/* libmilter hands its callbacks nothing but their connection. */
static struct milter *milter_here;

struct conn {
    struct milter *m;
    struct milter_mail mail;
    unsigned long no_reply;     /* SMFIP_NR_*: what was agreed upon */
    bool in_message, is_counted, has_mail, can_skip, is_crowded; /* is_crowded: there was no room for it beside the others */
    size_t held;
    char addr[ADDR_MAX], name[TEXT_MAX], helo[TEXT_MAX], auth[TEXT_MAX], authserv_id[TEXT_MAX];
    bool is_loopback;
};

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void count(struct milter *m, enum metric which, int64_t by) { counters_add(m->counters, DOOR_MILTER, which, by); }

static struct span macro(SMFICTX *ctx, const char *name)
{
    const char *s = smfi_getsymval(ctx, (char *)name);
    return s ? span_str(s) : SPAN_NONE;
}

/* ---- a connection ---- */

static struct conn *conn_of(SMFICTX *ctx)
{
    struct conn *c = smfi_getpriv(ctx);
    if (c)
        return c;
    c = calloc(1, sizeof *c);
    if (!c || milter_mail_init(&c->mail)) {
        free(c);
        return NULL;
    }
    c->m = milter_here;
    smfi_setpriv(ctx, c);
    return c;
}

static sfsistat go_on(const struct conn *c, unsigned long no_reply_bit)
{
    return c->no_reply & no_reply_bit ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* The gate is used between these two only, and closed when nobody is there and nobody can come any more. */
static bool begin_use(struct milter *m)
{
    atomic_fetch_add(&m->messages, 1);
    if (!atomic_load(&m->is_stopping))
        return true;
    atomic_fetch_sub(&m->messages, 1);
    return false;
}

static void end_use(struct milter *m) { atomic_fetch_sub(&m->messages, 1); }

/* What it holds now counts against the sum; over it a message that is not small lets go of what came, and is deferred at its end. */
static void hold(struct conn *c)
{
    size_t cap = c->mail.raw.cap, before = c->held, held = atomic_fetch_add(&c->m->held, cap - before) + cap - before;
    c->held = cap;
    if (cap <= SMALL_BYTES || cap <= before || held <= HELD_MESSAGES * c->mail.max_bytes)
        return;
    c->is_crowded = c->mail.is_big = true; /* the rest is not kept */
    buf_deinit(&c->mail.raw);
    hold(c);
}

static void end_message(struct conn *c)
{
    if (c->mail.raw.cap > SMALL_BYTES) /* connections outlive their messages by minutes */
        buf_deinit(&c->mail.raw);
    hold(c);
    if (!c->in_message)
        return;
    c->in_message = false;
    end_use(c->m);
}

/* Replies that nobody waits for are left out: they cost a round trip each. Recipients and body keep theirs, since they may be too many
 * or too big. */
static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3, unsigned long *pf0,
                             unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
    const unsigned long actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT;
    struct conn *c = conn_of(ctx);
    (void)f2;
    (void)f3;
    if (!c || (f0 & actions) != actions)
        return SMFIS_REJECT;
    c->no_reply = f1 & (SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH);
    c->can_skip = f1 & SMFIP_SKIP;
    c->mail.keeps_space = f1 & SMFIP_HDR_LEADSPC;
    *pf0 = actions;
    *pf1 = c->no_reply | (f1 & (SMFIP_SKIP | SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | SMFIP_NODATA));
    *pf2 = *pf3 = 0;
    return SMFIS_CONTINUE;
}

static void know_peer(struct conn *c, const char *name, const struct sockaddr *a)
{
    snprintf(c->name, sizeof c->name, "%s", name && name[0] != '[' && strcmp(name, "unknown") != 0 ? name : "");
    if (!a) { /* a message handed over on this machine, say with sendmail(1); or an address that the server does not know */
        c->is_loopback = strcmp(c->name, "localhost") == 0;
    } else if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        inet_ntop(AF_INET, &in->sin_addr, c->addr, sizeof c->addr);
        c->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
        inet_ntop(AF_INET6, &six->sin6_addr, c->addr, sizeof c->addr);
        c->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
                         (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
    }
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *addr)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    struct milter *m = c->m;
    if (!begin_use(m))
        return SMFIS_TEMPFAIL;
    const struct config *config = gate_config(m->gate);
    int64_t most = config_int(config, "limits.connections");
    snprintf(c->authserv_id, sizeof c->authserv_id, "%s", config_string(config, "milter.authserv_id"));
    gate_config_done(m->gate, config);
    end_use(m);
    count(m, METRIC_CONNECTIONS, 1);
    know_peer(c, name, (const struct sockaddr *)addr);
    if (!c->is_counted) {
        c->is_counted = true;
        count(m, METRIC_OPEN_CONNECTIONS, 1);
        atomic_fetch_add(&m->connections, 1);
    }
    if (atomic_load(&m->connections) <= most)
        return SMFIS_CONTINUE;
    count(m, METRIC_OVER_LIMIT, 1);
    log_event(m->log, LOG_WARNING, "over_limit", "door", "milter", "peer", c->addr, "limit", "limits.connections", NULL);
    return SMFIS_TEMPFAIL;
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    snprintf(c->helo, sizeof c->helo, "%s", helo ? helo : "");
    return go_on(c, SMFIP_NR_HELO);
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct conn *c = smfi_getpriv(ctx);
    if (!c)
        return SMFIS_CONTINUE;
    end_message(c);
    if (c->is_counted) {
        count(c->m, METRIC_OPEN_CONNECTIONS, -1);
        atomic_fetch_sub(&c->m->connections, 1);
    }
    milter_mail_deinit(&c->mail);
    hold(c);
    free(c);
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

/* ---- a message comes in ---- */

static sfsistat on_from(SMFICTX *ctx, char **argv)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    end_message(c);
    c->in_message = begin_use(c->m);
    if (!c->in_message) /* being stopped: if this reply is one that is not sent, the next or the last says so */
        return c->no_reply & SMFIP_NR_MAIL ? SMFIS_NOREPLY : SMFIS_TEMPFAIL;
    const struct config *config = gate_config(c->m->gate);
    size_t most = (size_t)config_int(config, "limits.message_bytes");
    gate_config_done(c->m->gate, config);
    milter_mail_reset(&c->mail, most);
    c->is_crowded = false;
    struct span login = macro(ctx, "{auth_authen}");
    snprintf(c->auth, sizeof c->auth, "%.*s", (int)login.n, (const char *)login.p);
    milter_mail_dialect(&c->mail, c->helo, macro(ctx, "r"), argv);
    c->has_mail = milter_mail_from(&c->mail, argv[0] ? argv[0] : "") == POSSE_OK;
    return go_on(c, SMFIP_NR_MAIL);
}

/* milter.detail names the mailers that deliver here. */
static bool is_delivered_here(struct conn *c, struct span mailer)
{
    const char *const *list;
    bool here = false;
    const struct config *config = gate_config(c->m->gate);
    size_t n = config_list(config, "milter.detail", &list);
    for (size_t i = 0; i < n && !here; i++)
        here = span_ieq(mailer, span_str(list[i]));
    gate_config_done(c->m->gate, config);
    return here;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
    struct conn *c = conn_of(ctx);
    if (!c || !c->in_message)
        return SMFIS_TEMPFAIL;
    int err = milter_mail_rcpt(&c->mail, argv[0] ? argv[0] : "");
    if (err == POSSE_ETOOBIG) {
        smfi_setreply(ctx, (char *)"553", (char *)"5.1.3", (char *)"The address is too long");
        return SMFIS_REJECT;
    }
    if (err)
        return SMFIS_TEMPFAIL; /* this recipient: more than anybody needs, no memory, or being stopped */
    c->mail.leaves |= !is_delivered_here(c, macro(ctx, "{rcpt_mailer}"));
    return SMFIS_CONTINUE;
}

static void begin_head(SMFICTX *ctx, struct conn *c)
{
    if (c->mail.has_received)
        return;
    struct milter_trace t = {.helo = span_str(c->helo), .name = span_str(c->name), .addr = span_str(c->addr), .by = macro(ctx, "j"),
                             .queue_id = macro(ctx, "i"), .tls_version = macro(ctx, "{tls_version}"), .tls_cipher = macro(ctx, "{cipher}"),
                             .auth_user = span_str(c->auth), .time_ms = wall_ms()};
    struct span v = macro(ctx, "v"); /* "Postfix 3.7.11" */
    ptrdiff_t blank = span_chr(v, ' ');
    t.software = span_sub(v, 0, blank < 0 ? v.n : (size_t)blank);
    milter_mail_trace(&c->mail, &t);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    begin_head(ctx, c);
    if (milter_mail_field(&c->mail, name, value, c->authserv_id))
        c->has_mail = false;
    hold(c);
    return go_on(c, SMFIP_NR_HDR);
}

static sfsistat on_end_head(SMFICTX *ctx)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    begin_head(ctx, c);
    milter_mail_end_head(&c->mail);
    return go_on(c, SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *p, size_t n)
{
    struct conn *c = conn_of(ctx);
    if (!c)
        return SMFIS_TEMPFAIL;
    milter_mail_body(&c->mail, span_of(p, n));
    hold(c);
    return c->mail.is_big && c->can_skip ? SMFIS_SKIP : SMFIS_CONTINUE;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct conn *c = smfi_getpriv(ctx);
    if (c)
        end_message(c);
    return SMFIS_CONTINUE;
}

/* ---- what is done with it ---- */

/* From the last to the first: servers differ in whether a deleted field still counts. */
static void remove_forged(SMFICTX *ctx, const struct conn *c)
{
    for (size_t f = 0; f < c->mail.n_forged; f++)
        for (unsigned i = c->mail.forged[f].n; i > 0; i--)
            smfi_chgheader(ctx, (char *)c->mail.forged[f].name, (int)i, NULL);
    for (size_t i = c->mail.n_forged_results; i > 0; i--)
        smfi_chgheader(ctx, (char *)"Authentication-Results", (int)c->mail.forged_results[i - 1], NULL);
}

static int add_field(SMFICTX *ctx, const struct conn *c, const char *name, const char *value)
{
    char text[DETAIL_MAX + 2];
    snprintf(text, sizeof text, "%s%s", c->mail.keeps_space ? " " : "", value);
    return smfi_insheader(ctx, 1, (char *)name, text); /* below the Received that the server itself put there */
}

/* Every Subject, since readers differ in which they show. */
static int rewrite_subject(SMFICTX *ctx, const struct conn *c, const char *prefix)
{
    struct buf b;
    int bad = 0;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < c->mail.n_subjects || i == 0; i++) {
        bool is_there = i < c->mail.n_subjects;
        buf_clear(&b);
        buf_add_byte(&b, ' ');
        if (!mark_subject(is_there ? c->mail.subject[i] : SPAN_NONE, prefix, "\n", &b))
            continue;
        buf_add_byte(&b, '\0');
        if (buf_error(&b)) {
            bad = MI_FAILURE;
            break;
        }
        char *text = (char *)b.p + !c->mail.keeps_space;
        bad |= is_there ? smfi_chgheader(ctx, (char *)"Subject", (int)i + 1, text) : smfi_addheader(ctx, (char *)"Subject", text);
    }
    buf_deinit(&b);
    return bad;
}

/* A field folded at each reason, in ASCII. */
static int add_detail(SMFICTX *ctx, const struct conn *c, const struct gate_answer *a)
{
    char text[DETAIL_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "%+.2f bits, spam from %+.2f; id=%s", a->verdict.bits, a->verdict.threshold_bits, a->id);
    for (size_t i = 0; i < a->verdict.n_reasons && n < sizeof text - 200; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "\n\t%+.2f ", a->verdict.reason[i].bits);
        for (const char *p = a->verdict.reason[i].text; *p && n < sizeof text - 100; p++)
            text[n++] = *p >= ' ' && *p < 127 ? *p : '?';
        text[n] = '\0';
    }
    return add_field(ctx, c, "X-Posse-Detail", text);
}

static bool wants_detail(const struct conn *c)
{
    const char *const *list;
    const struct config *config = gate_config(c->m->gate);
    bool wants = !c->mail.leaves && c->mail.n_rcpt && config_list(config, "milter.detail", &list) > 0;
    gate_config_done(c->m->gate, config);
    return wants;
}

static sfsistat let_pass(SMFICTX *ctx, struct conn *c, const struct gate_answer *a, enum policy_who who)
{
    struct mark mark;
    char rcpt[MILTER_RCPT_BYTES + sizeof "<>"];
    int bad = 0;
    remove_forged(ctx, c);
    mark_of(a, gate_level(a), who, &mark);
    for (size_t i = mark.n; i > 0; i--)
        bad |= add_field(ctx, c, mark.field[i - 1].name, mark.field[i - 1].value);
    if (mark.prefix)
        bad |= rewrite_subject(ctx, c, mark.prefix);
    if (wants_detail(c))
        bad |= add_detail(ctx, c, a);
    for (size_t i = 0; i < a->n_remove; i++) {
        snprintf(rcpt, sizeof rcpt, "<%.*s>", (int)a->remove[i].n, (const char *)a->remove[i].p);
        bad |= smfi_delrcpt(ctx, rcpt);
    }
    if (bad == MI_SUCCESS)
        return SMFIS_CONTINUE; /* not ACCEPT: the end of the message is the end of it anyway */
    log_event(c->m->log, LOG_ERROR, "milter_failed", "id", a->id, "error", "the mail server did not take a change", NULL);
    return SMFIS_TEMPFAIL;
}

static sfsistat refuse(SMFICTX *ctx, const char *code, const char *extended, const char *text)
{
    smfi_setreply(ctx, (char *)code, (char *)extended, (char *)text);
    return code[0] == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat act(SMFICTX *ctx, struct conn *c, const struct gate_answer *a, enum policy_who who)
{
    char text[80];
    switch (a->action) {
    case ACTION_DEFER: return refuse(ctx, "451", "4.7.1", "Please try again later");
    case ACTION_REJECT:
        snprintf(text, sizeof text, "Refused as spam (%s)", a->id);
        return refuse(ctx, "554", "5.7.1", text);
    case ACTION_QUARANTINE: case ACTION_DISCARD: return SMFIS_DISCARD;
    default: return let_pass(ctx, c, a, who);
    }
}

static sfsistat pass_unjudged(SMFICTX *ctx, struct conn *c, const char *why)
{
    log_event(c->m->log, LOG_WARNING, "unjudged", "door", "milter", "peer", c->addr, "why", why, NULL);
    remove_forged(ctx, c);
    return SMFIS_CONTINUE;
}

static sfsistat judge(SMFICTX *ctx, struct conn *c)
{
    struct gate_answer *a;
    struct report why = {0};
    struct gate_request r = {.door = DOOR_MILTER, .raw = buf_span(&c->mail.raw), .queue_id = macro(ctx, "i"),
                             .dialect = &c->mail.dialect};
    r.env = (struct envelope){.client_addr = span_str(c->addr), .client_name = span_str(c->name), .helo = span_str(c->helo),
                              .from = c->mail.from, .rcpt = c->mail.rcpt, .n_rcpt = c->mail.n_rcpt, .auth_user = span_str(c->auth)};
    r.who = c->auth[0] ? POLICY_AUTHENTICATED : c->is_loopback ? POLICY_LOCAL : POLICY_REMOTE;
    if (c->is_crowded) {
        count(c->m, METRIC_OVER_LIMIT, 1);
        log_event(c->m->log, LOG_WARNING, "over_limit", "door", "milter", "peer", c->addr, "limit", "messages held at a time", NULL);
        return refuse(ctx, "451", "4.3.2", "Too many messages at a time, please try again later");
    }
    if (c->mail.is_big) {
        count(c->m, METRIC_TOO_BIG, 1);
        return pass_unjudged(ctx, c, "over limits.message_bytes");
    }
    int err = c->has_mail ? gate_judge(c->m->gate, &r, &a, &why) : report_set(&why, POSSE_ENOMEM, "out of memory");
    if (!c->has_mail)
        count(c->m, METRIC_TROUBLE, 1); /* of others the gate keeps count */
    if (err == POSSE_OK) {
        sfsistat s = act(ctx, c, a, r.who);
        gate_done(c->m->gate, &a);
        return s;
    }
    if (gate_trouble(c->m->gate, &r) == TROUBLE_DEFER)
        return refuse(ctx, "451", "4.7.1", "Please try again later");
    return pass_unjudged(ctx, c, why.text);
}

static sfsistat on_end(SMFICTX *ctx)
{
    struct conn *c = conn_of(ctx);
    if (!c || !c->in_message)
        return SMFIS_TEMPFAIL;
    count(c->m, METRIC_REQUESTS, 1);
    sfsistat s = judge(ctx, c);
    end_message(c);
    return s;
}

/* ---- the process ---- */

static void reload(struct milter *m)
{
    struct config *c = NULL;
    struct report why = {0};
    int rc = serve_settings(m->options, &c, &why);
    if (!rc)
        rc = gate_reload(m->gate, c, &why);
    if (rc)
        log_event(m->log, LOG_ERROR, "reload_failed", "door", "milter", "why", why.text, "now", "as before", NULL);
}

/* libmilter looks whether it is to stop when somebody connects, and every five seconds. */
static void wake(const struct milter *m)
{
    int fd = socket(m->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!connect(fd, (const struct sockaddr *)&m->address, m->address_n);
    close(fd);
}

static int64_t grace_ms(struct milter *m)
{
    const struct config *c = gate_config(m->gate);
    int64_t ms = config_int(c, "limits.grace") * 1000;
    gate_config_done(m->gate, c);
    return ms;
}

/* libmilter's threads cannot be told to hurry: whoever is here after the grace goes all the same, for mail servers wait as long as their
 * connection is open. */
static void watch_end(struct milter *m)
{
    int64_t end = gate_steady_ms() + m->grace_ms + OVER_MS;
    while (!atomic_load(&m->is_over) && gate_steady_ms() < end)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    if (atomic_load(&m->is_over))
        return;
    log_event(m->log, LOG_ERROR, "milter_stuck", "now", "its process ends without waiting any longer", NULL);
    _exit(EXIT_FAILURE);
}

/* The daemon's word, a tick a second for the gate, and at the end an eye on the end. */
static void *control(void *arg)
{
    struct milter *m = arg;
    struct pollfd p = {.fd = MILTER_FD_CONTROL, .events = POLLIN};
    char c;
    while (!atomic_load(&m->is_stopping)) {
        int n = poll(&p, 1, TICK_MS);
        if (n > 0) {
            ssize_t got = read(p.fd, &c, 1);
            if (got == 1 && c == MILTER_RELOAD)
                reload(m);
            else if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN) || (got == 1 && c == MILTER_STOP_NOW))
                atomic_store(&m->is_stopping, true);
        }
        gate_tick(m->gate, wall_ms(), gate_steady_ms());
    }
    m->grace_ms = grace_ms(m);
    atomic_store(&m->is_last_tick, true);
    kill(getpid(), SIGTERM); /* libmilter's thread for signals stops at once by this, and up to five seconds later by smfi_stop */
    wake(m);
    watch_end(m);
    return NULL;
}

static int take_listener(struct milter *m, struct report *why)
{
    int family;
    socklen_t n;
    char where[64] = "inet:0@[127.0.0.1]", folder[] = "/tmp/posse-milter.XXXXXX";
    m->address_n = sizeof m->address;
    if (getsockname(MILTER_FD_LISTEN, (struct sockaddr *)&m->address, &m->address_n))
        return report_errno(why, "milter", "listening socket");
    family = m->address.ss_family;
    if (family == AF_INET6)
        snprintf(where, sizeof where, "inet6:0@[::1]");
    if (family == AF_UNIX) {
        if (!mkdtemp(folder))
            return report_errno(why, "mkdtemp", folder);
        snprintf(where, sizeof where, "unix:%s/s", folder);
    }
    int theirs = dup(MILTER_FD_LISTEN), on = 0; /* the number that libmilter's socket will have */
    n = sizeof on;
    close(theirs);
    int rc = smfi_setconn(where) == MI_SUCCESS && smfi_opensocket(true) == MI_SUCCESS ? POSSE_OK : POSSE_EIO;
    if (family == AF_UNIX) {
        unlink(where + sizeof "unix:" - 1);
        rmdir(folder);
    }
    if (rc || getsockopt(theirs, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) || !on || dup2(MILTER_FD_LISTEN, theirs) < 0)
        return report_set(why, POSSE_EIO, "milter: libmilter did not take the listening socket");
    close(MILTER_FD_LISTEN);
    return POSSE_OK;
}

static int open_gate(struct milter *m, struct report *why)
{
    struct config *c = NULL;
    int rc = serve_settings(m->options, &c, why);
    if (!rc)
        rc = counters_open(MILTER_FD_COUNTERS, &m->counters, why);
    if (rc) {
        config_free(&c);
        return rc;
    }
    m->log = log_new(STDERR_FILENO, serve_log_level(c), strcmp(config_string(c, "log.format"), "json") == 0,
                     (unsigned)config_int(c, "limits.log_lines"));
    struct gate_options o = {.home = m->options->home, .model = m->options->model, .config = c, .counters = m->counters, .log = m->log,
                             .is_reader = true};
    return gate_open(&o, &m->gate, why);
}

/* Those that are between MAIL and the answer get their answer. */
static void drain(struct milter *m)
{
    int64_t end = gate_steady_ms() + grace_ms(m);
    while (atomic_load(&m->messages) > 0 && gate_steady_ms() < end)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
}

static int serve(struct milter *m, struct report *why)
{
    static const struct smfiDesc desc = {
        .xxfi_name = (char *)"posse", .xxfi_version = SMFI_VERSION, .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT,
        .xxfi_connect = on_connect, .xxfi_helo = on_helo, .xxfi_envfrom = on_from, .xxfi_envrcpt = on_rcpt, .xxfi_header = on_header,
        .xxfi_eoh = on_end_head, .xxfi_body = on_body, .xxfi_eom = on_end, .xxfi_abort = on_abort, .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    if (smfi_register(desc) != MI_SUCCESS)
        return report_set(why, POSSE_ENOMEM, "milter: libmilter cannot be set up");
    int rc = take_listener(m, why);
    if (rc)
        return rc;
    sigset_t theirs; /* as in all of libmilter's threads: its own waits for these */
    sigemptyset(&theirs);
    sigaddset(&theirs, SIGHUP);
    sigaddset(&theirs, SIGTERM);
    sigaddset(&theirs, SIGINT);
    pthread_sigmask(SIG_BLOCK, &theirs, NULL);
    if (pthread_create(&m->control, NULL, control, m))
        return report_set(why, POSSE_ENOMEM, "milter: no thread");
    m->has_control = true;
    rc = smfi_main() == MI_SUCCESS ? POSSE_OK : report_set(why, POSSE_EIO, "milter: libmilter gave up");
    atomic_store(&m->is_stopping, true);
    drain(m);
    return rc;
}

int serve_milter_child(const struct serve_options *o, struct report *why)
{
    struct milter m = {.options = o};
    signal(SIGPIPE, SIG_IGN);
    int rc = open_gate(&m, why);
    if (rc)
        return rc;
    milter_here = &m;
    rc = serve(&m, why);
    if (m.has_control) /* it ticks the gate: not any more, once it knows that this is the end */
        while (!atomic_load(&m.is_last_tick))
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (atomic_load(&m.messages) == 0) /* else the grace is over, and libmilter's threads die with the process */
        gate_close(&m.gate, why);
    atomic_store(&m.is_over, true);
    if (m.has_control)
        pthread_join(m.control, NULL);
    return rc;
}
