/* shape: what the form of a message says, whoever wrote it: consistency of sender, Reply-To, Message-ID, route
 * and links; which fields stand and in what order; how subject, body, HTML and parts are built; anomalies.
 *
 * A GENERAL view: no feature names a mail system, a list, a person, a host or a year. Domains are only compared
 * with each other or put into classes (free mail, shortener, top-level domain). Ignored on purpose: marks
 * of other filters, subject tags in brackets, list footers, the mbox line.
 * Mail without a Received field and without an envelope never travelled: what its header and its parts look like is
 * put into the local view VIEW_HOST, where only the user's own lessons read it.
 * Ownership: labels are static, or live in the arena when notes are on; spans point into the message.
 * Limits: those of the view in the sink (400); what is looked at is capped in each file; work is linear in the input.
 * Errors: none; odd input gives odd features.  Never asks the clock: dates are compared with each other.
 * Threads: reentrant, one sink a thread.  Cost: 5 to 10 us for list mail of 8 KB; see bench. */
#ifndef POSSE_FILTER_SHAPE_H
#define POSSE_FILTER_SHAPE_H

#include "mail/envelope.h"
#include "filter/sink.h"
#include "mail/message.h"

/* Families, so that an ablation can leave one out. Part of each feature's hash: append only. */
enum shape_group {
    SHAPE_SENDER,
    SHAPE_MESSAGE_ID,
    SHAPE_RECIPIENT,
    SHAPE_DATE,
    SHAPE_MAILER,
    SHAPE_FIELD,
    SHAPE_ORDER,
    SHAPE_RECEIVED,
    SHAPE_SUBJECT,
    SHAPE_BODY,
    SHAPE_SCRIPT,
    SHAPE_LINK,
    SHAPE_LINK_WORD,
    SHAPE_TLD,
    SHAPE_PART,
    SHAPE_HTML,
    SHAPE_ANOMALY,
    SHAPE_PATTERN /* forms of local parts and ids */,
    SHAPE_GROUP_N
};

/* Made, and not used unless asked for. The lab's ablation (leave one corpus out, with the words beside): the route cost
 * list mail 0.42 against 0.18; patterns of ids are fingerprints of single mail systems; a script is no evidence. */
enum { SHAPE_LEFT_OUT = 1 << SHAPE_RECEIVED | 1 << SHAPE_PATTERN | 1 << SHAPE_SCRIPT };

struct shape_in {
    struct mail_parser *p;
    struct arena *a;
    const struct message *m;
    const struct envelope *env; /* NULL: none */
    /* For ablations, sets of 1 << group; both 0 in production, where SHAPE_LEFT_OUT stays out. */
    uint32_t without, with;
};

/* Emits into the view that stands open in s. */
void shape_emit(struct sink *s, const struct shape_in *in);

#endif
