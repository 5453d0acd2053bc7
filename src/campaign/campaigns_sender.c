/* Who sent it, as evidence that two messages are of one template.
 *
 * What one sender words anew, and what is too short to be sure of, is of one template more likely where the same address, domain, network,
 * machine or program sent both: that many strangers have it alike (a mail service, a common program, a forged name) is seen from how many
 * groups have it, and counts for the less the more they are. None of it joins what has nothing else in common: a sender has many templates.
 * Of spam only: what one person writes to others is no campaign. */
#include "base/hash.h"
#include "campaign/campaigns_priv.h"

bool group_is_spam(const struct group *g)
{
    enum { MOST_PERCENT = 90 };
    return g->spam * 100 >= g->messages * MOST_PERCENT;
}

bool senders_of(const struct sighting *s, struct senders *out)
{
    *out = (struct senders){{0}};
    if (!(s->flags & SIGHTING_SPAM))
        return false;
    struct ip net = ip_network(&s->source);
    out->key[SENDER_ADDRESS] = sender_key(SENDER_ADDRESS, s->sender);
    out->key[SENDER_DOMAIN] = sender_key(SENDER_DOMAIN, s->sender_domain);
    out->key[SENDER_NETWORK] = ip_is_zero(&s->source) ? 0 : sender_key(SENDER_NETWORK, hash64(span_of(net.b, sizeof net.b), 0) | 1);
    out->key[SENDER_MACHINE] = sender_key(SENDER_MACHINE, s->machine);
    out->key[SENDER_MAILER] = sender_key(SENDER_MAILER, s->mailer);
    return true;
}

void group_senders(struct campaigns *c, struct group *g, const struct senders *from)
{
    for (unsigned i = 0; i < SENDER_N && g->n_signs < SIGNS; i++) {
        unsigned k = 0;
        while (k < g->n_signs && g->sign[k] != from->key[i])
            k++;
        if (from->key[i] == 0 || k < g->n_signs)
            continue;
        g->sign[g->n_signs++] = from->key[i];
        group_put_key(c, g, from->key[i]);
    }
}

double senders_weight(unsigned is, const uint8_t same[SENDER_N])
{
    static const double weight[SENDER_N] = {[SENDER_ADDRESS] = 1.5, [SENDER_DOMAIN] = 1.5, [SENDER_NETWORK] = 1.5, [SENDER_MACHINE] = 1, [SENDER_MAILER] = 1};
    /* 1 - log(n) / log(INDEX_SAME_MAX) */
    static const double rare[INDEX_SAME_MAX + 1] = {
        1,      1,      0.8,    0.683,  0.6,    0.5356, 0.483,  0.4385, 0.4,    0.366,  0.3356, 0.3081, 0.283,  0.2599, 0.2385, 0.2186, 0.2,
        0.1825, 0.166,  0.1504, 0.1356, 0.1215, 0.1081, 0.0953, 0.083,  0.0712, 0.0599, 0.049,  0.0385, 0.0284, 0.0186, 0.0092, 0,
    };
    double sum = 0;
    for (unsigned i = 0; i < SENDER_N; i++)
        sum += is >> i & 1 ? weight[i] * rare[same[i]] : 0;
    return sum;
}
