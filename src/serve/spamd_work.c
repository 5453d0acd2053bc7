#include "serve/spamd_work.h"

#include <stdio.h>

#include "base/error.h"
#include "serve/spamd_answer.h"

enum { TEACHER_MAX = 64 };

static void protocol_error(const struct spamd_work *w, struct buf *out, int code, const char *text)
{
    counters_add(gate_counters(w->gate), DOOR_SPAMD, code == SPAMD_EX_DATAERR ? METRIC_TOO_BIG : METRIC_PROTOCOL_ERRORS, 1);
    log_event(gate_log(w->gate), LOG_NOTICE, "protocol_error", "door", "spamd", "peer", w->known, "error", text, NULL);
    spamd_write_error(out, code, text);
}

static void judge(const struct spamd_work *w, struct span raw, struct buf *out)
{
    struct gate_answer *a;
    struct report why = {0};
    struct gate_request g = {.door = DOOR_SPAMD, .raw = raw, .who = POLICY_REMOTE, .no_store = true};
    if (w->request->user.n) {
        g.env.rcpt = &w->request->user;
        g.env.n_rcpt = 1;
    }
    if (gate_judge(w->gate, &g, &a, &why) == POSSE_OK) {
        spamd_answer(out, w->request, raw, a, w->required);
        gate_done(w->gate, &a);
    } else if (gate_trouble(w->gate, &g) == TROUBLE_ACCEPT) {
        spamd_answer_none(out, w->request, raw, why.text, w->required);
    } else {
        spamd_write_error(out, SPAMD_EX_TEMPFAIL, why.text);
    }
}

/* "alice@127.0.0.1": a claim never stands alone, nor in front of nothing. Control bytes are not in it (spamd_proto). */
static struct span teacher_name(const struct spamd_work *w, char out[TEACHER_MAX + 1])
{
    size_t known = strlen(w->known), claim = w->request->user.n;
    if (claim > TEACHER_MAX - 1 - known)
        claim = TEACHER_MAX - 1 - known;
    int n = claim ? snprintf(out, TEACHER_MAX + 1, "%.*s@%s", (int)claim, (const char *)w->request->user.p, w->known)
                  : snprintf(out, TEACHER_MAX + 1, "%s", w->known);
    return span_of(out, (size_t)n);
}

static void refuse(const struct spamd_work *w, struct buf *out, int err, const struct report *why)
{
    int code = err == POSSE_EINVAL ? SPAMD_EX_DATAERR : SPAMD_EX_TEMPFAIL;
    log_event(gate_log(w->gate), LOG_NOTICE, "not_learned", "door", "spamd", "peer", w->known, "error", why->text, NULL);
    spamd_write_error(out, code, why->text[0] ? why->text : posse_strerror(err));
}

static void tell(const struct spamd_work *w, struct span raw, struct buf *out)
{
    const struct spamd_request *q = w->request;
    char name[TEACHER_MAX + 1];
    struct report why = {0};
    struct gate_teaching t = {.door = DOOR_SPAMD, .klass = q->is_spam ? LESSON_SPAM : LESSON_HAM, .raw = raw, .time_ms = w->now_ms};
    int set = POSSE_EEXIST, removed = POSSE_ENOENT;
    t.teacher = teacher_name(w, name);
    t.known = span_str(w->known);
    if (q->set_local)
        set = gate_teach(w->gate, &t, NULL, &why);
    if (q->remove_local)
        removed = gate_unteach(w->gate, raw, t.teacher, &why);
    if (set < 0 && set != POSSE_EEXIST)
        refuse(w, out, set, &why);
    else if (removed < 0 && removed != POSSE_ENOENT)
        refuse(w, out, removed, &why);
    else
        spamd_write_told(out, set == POSSE_OK, removed == POSSE_OK);
}

void spamd_work(const struct spamd_work *w, struct buf *out)
{
    struct span raw = w->body;
    struct buf text;
    buf_init(&text, w->max_bytes);
    int err = w->request->is_zlib ? spamd_inflate(w->body, &text) : POSSE_OK;
    if (w->request->is_zlib)
        raw = buf_span(&text);
    if (err == POSSE_ELIMIT)
        protocol_error(w, out, SPAMD_EX_DATAERR, "the message is over the size limit (limits.message_bytes)");
    else if (err == POSSE_ESYNTAX)
        protocol_error(w, out, SPAMD_EX_UNAVAILABLE, "zlib: failed to find end of zlib stream");
    else if (err < 0)
        spamd_write_error(out, SPAMD_EX_OSERR, posse_strerror(err));
    else if (w->request->method == SPAMD_TELL)
        tell(w, raw, out);
    else
        judge(w, raw, out);
    buf_deinit(&text);
    if (buf_error(out)) { /* an answer cut short would be a cut message */
        buf_clear(out);
        spamd_write_error(out, SPAMD_EX_OSERR, "out of memory");
    }
}
