/* From a score to what is done, for each recipient by his own policy.
 *
 * SMTP has one answer for all recipients of a message: it is the mildest of theirs. Where it lets the message through, a
 * recipient whose own action would have kept it from him (defer and harsher) is taken off, and his copy goes to quarantine; one
 * whose action is only a harsher mark (tag, rewrite) gets the mildest mark. Where it does not (defer, reject), nobody gets the
 * message, its sender hears of it, and nothing is kept. */
#include <math.h>

#include "base/error.h"
#include "serve/gate_priv.h"

static const struct policy_bits *bits_of(struct gate *g, struct gate_slot *s, const struct policy *p)
{
    struct known_bits *k = &s->known[policy_index(p)];
    uint64_t generation = engine_generation(g->engine);
    if (!k->is_known || k->generation != generation) {
        policy_bits(p, g->engine, &k->bits);
        k->generation = generation; /* read before: when the model moved meanwhile, they are computed again */
        k->is_known = true;
    }
    return &k->bits;
}

struct acting { enum action action, would; const struct policy *policy; };

static struct acting act_for(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct span rcpt)
{
    const struct policy *p = policies_find(s->house->policies, r->who, rcpt);
    enum action would = policy_action(bits_of(g, s, p), s->answer.verdict.bits);
    return (struct acting){policy_mode(p) == POLICY_OBSERVE ? ACTION_NONE : would, would, p};
}

static void take_mildest(struct acting *mildest, const struct acting *x)
{
    if (!mildest->policy || x->action < mildest->action) {
        mildest->policy = x->policy;
        mildest->action = x->action;
    }
    if (x->would < mildest->would)
        mildest->would = x->would;
}

static int act_for_each(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct acting *mildest)
{
    struct gate_recipient *to = arena_alloc(s->arena, r->env.n_rcpt * sizeof *to);
    struct span *remove = arena_alloc(s->arena, r->env.n_rcpt * sizeof *remove);
    if (!to || !remove)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < r->env.n_rcpt; i++) {
        struct acting x = act_for(g, s, r, r->env.rcpt[i]);
        to[i] = (struct gate_recipient){arena_copy(s->arena, r->env.rcpt[i]), x.action};
        take_mildest(mildest, &x);
    }
    size_t n_remove = 0;
    bool is_refused = mildest->action == ACTION_DEFER || mildest->action == ACTION_REJECT;
    for (size_t i = 0; i < r->env.n_rcpt && !is_refused; i++)
        if (to[i].action > mildest->action && to[i].action >= ACTION_DEFER)
            remove[n_remove++] = to[i].rcpt;
    s->answer.recipient = to;
    s->answer.n_recipients = r->env.n_rcpt;
    s->answer.remove = remove;
    s->answer.n_remove = n_remove;
    return arena_failed(s->arena) ? POSSE_ENOMEM : POSSE_OK;
}

int gate_act(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct report *why)
{
    struct acting mildest = {ACTION_DISCARD, ACTION_DISCARD, NULL};
    if (r->env.n_rcpt == 0)
        mildest = act_for(g, s, r, SPAN_NONE);
    else if (act_for_each(g, s, r, &mildest))
        return report_set(why, POSSE_ENOMEM, "out of memory for the recipients");
    struct gate_answer *a = &s->answer;
    a->action = mildest.action;
    a->would = mildest.would;
    a->subject_prefix = policy_subject(mildest.policy);
    memcpy(a->action_bits, bits_of(g, s, mildest.policy)->from, sizeof a->action_bits);
    return POSSE_OK;
}

void gate_actions(struct gate *g, enum policy_who who, struct span rcpt, double from_out[ACTIONS])
{
    struct policy_bits bits;
    struct house *h = house_hold(g);
    policy_bits(policies_find(h->policies, who, rcpt), g->engine, &bits);
    house_drop(g, &h);
    memcpy(from_out, bits.from, sizeof bits.from);
}
