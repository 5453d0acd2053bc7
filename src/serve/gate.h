/* gate: the one way in for every door. A door reads its protocol and fills a request; the gate judges, picks the action, keeps
 * what must be kept, writes history, counts; the door answers in its protocol. Doors know nothing of engines, policies, stores.
 *
 * Calls block (judging is processor time, teaching waits for the disk): call from a worker thread, never on an event loop.
 *
 *     struct gate_answer *a;
 *     int err = gate_judge(g, &request, &a, &why);   // err: see "Trouble"
 *     ... write the answer ...
 *     gate_done(g, &a);
 *
 * What is promised:
 *   G1  A message whose action is quarantine or discard is on disk (quarantine.h) before gate_judge returns; when it cannot be,
 *       the action becomes what on_trouble says (accept: with what mark the policy has for it), and `trouble` says why.
 *   G2  The verdict path never waits for history: rows go through a bounded queue to a writer thread; a full queue drops rows and
 *       counts them. Rows are visible to readers within a second.
 *   G3  A verdict is a function of message, envelope, rules, model and the live campaigns that were published last (engine/live.h);
 *       which thread or door asked does not matter.
 *   G4  gate_teach returns when the lesson is on disk. Nothing else teaches: the filter never teaches itself.
 *   G5  Lessons of other processes (`posse learn`) reach verdicts here within a second, and those taught here theirs.
 *   G6  gate_reload changes rules, policies and limits between two messages; those being judged finish with the old ones. When
 *       the new configuration is bad, everything stays as it was.
 *   G7  A message that was released from quarantine and comes back through a door of this machine passes (action none). From a
 *       client elsewhere it does so for those only for whom it was released.
 *   G8  What was judged is told to the observatory (observer.h), which no verdict waits for; the daemon has one, and who judges beside
 *       it sends it theirs. observe.as, .mailers, .memory, .originals and .ham_texts count from the next start on.
 * Trouble: a failing environment (memory, model gone) is err < 0 with `why`, and *out is NULL; the door then asks gate_trouble
 * whether to accept or to defer. Odd mail is never trouble.
 * Ownership: request and what it points to are the door's, for the call; the message's bytes until gate_done, for `message` and
 * the reasons point into them. The answer is the gate's, its texts good until gate_done; a thread holds at most one (they are what
 * limits how many messages are in work: serve.threads, as it was when the gate was opened). gate_teach and its kin have a worker
 * of their own.
 * Several recipients: SMTP has one answer for all, the mildest of theirs. Where it lets the message through, those whose own
 * action would have kept it from them (defer and harsher) are taken off, and their copies are quarantined; who has only a harsher
 * mark (rewrite beside tag) gets the mildest one. Where it does not (defer, reject) nobody gets the message, its sender hears of
 * it, and nothing is kept.
 * Threads: everything here may be called from any thread. */
#ifndef POSSE_SERVE_GATE_H
#define POSSE_SERVE_GATE_H

#include "base/config.h"
#include "botnet/dialect.h"
#include "campaign/campaigns.h"
#include "engine/engine.h"
#include "serve/log.h"
#include "serve/counters.h"
#include "serve/policy.h"
#include "store/events.h"
#include "store/quarantine.h"

struct gate;

struct gate_options {
    const char *home;              /* made when it is not there */
    const char *model;             /* prior; NULL: the one that ships; "": none */
    const struct config *config;   /* the gate's from here on, freed with it, even when gate_open fails */
    struct counters *counters;     /* the caller's; must outlive the gate */
    struct log *log;               /* as counters */
    bool is_reader;                /* judges and teaches, but leaves pruning and snapshots to another process (milter's child, pipes) */
};
int gate_open(const struct gate_options *o, struct gate **out, struct report *why);
/* Waits for answers that are out, writes what is queued, closes. */
int gate_close(struct gate **g, struct report *why);
int gate_reload(struct gate *g, struct config *config, struct report *why); /* takes config, also on failure */
/* Once a second by the daemon (any thread): follows the journal, prunes by retention, saves snapshots when due.
 * steady_ms: gate_steady_ms, a clock that nobody sets. Age is reason to remove mail or rows only while the wall clock has gone as
 * this one has, a few minutes more or less, since the first tick; after a jump none grows too old for a day of the steady
 * clock, in which the jump may be seen and undone ("clock_jumped"). The caps on bytes hold all the time. */
void gate_tick(struct gate *g, int64_t now_ms, int64_t steady_ms);
int64_t gate_steady_ms(void);

struct gate_request {
    enum metric_door door;
    struct span raw;               /* the message as it came */
    struct envelope env;           /* client_* from the socket or a trusted peer; env.rcpt may be empty */
    struct span queue_id;          /* the mail server's, for logs and history; may be empty */
    enum policy_who who;           /* authenticated and local are the door's to find out, never the client's word */
    const struct smtp_dialect *dialect; /* what the door heard of the dialogue; NULL: nothing */
    bool no_store;                 /* a question only (spamc -c, REPORT): nothing is quarantined; the action is what would be done */
    bool no_history;               /* a test by the operator */
};

/* What is done for one recipient. */
struct gate_recipient { struct span rcpt; enum action action; /* by its own policy */ };

struct gate_answer {
    struct verdict verdict;        /* always with reasons */
    enum action action;            /* for the message: the mildest of its recipients' that are not quarantined away */
    enum action would;             /* what would have been done were no policy in observe mode; else equal to action */
    double action_bits[ACTIONS];   /* where each action begins, by the policy that `action` came from */
    const char *subject_prefix;    /* for ACTION_REWRITE */
    const struct gate_recipient *recipient;
    size_t n_recipients;
    const struct span *remove;     /* recipients whose action was harsher than `action`: kept in quarantine, take them off */
    size_t n_remove;
    char id[24];                   /* of this verdict, in history and logs: time and a counter in base 32 */
    char quarantine_id[72];        /* where it was kept: numbers, with commas between, one for each action; or "" */
    const struct message *message; /* as it was parsed */
    const struct reading *reading;
    const char *trouble;           /* G1; NULL: none */
    double seconds;                /* what judging took */
    char campaign[CAMPAIGN_ID];    /* the live campaign or bulk that it is one of; "": none, or none yet */
};
int gate_judge(struct gate *g, const struct gate_request *r, struct gate_answer **out, struct report *why);
void gate_done(struct gate *g, struct gate_answer **a);
/* What the policy of these recipients says when the engine is in trouble. */
enum policy_trouble gate_trouble(struct gate *g, const struct gate_request *r);

/* Where each action begins for such mail, as the model stands; empty rcpt: by the default policy. */
void gate_actions(struct gate *g, enum policy_who who, struct span rcpt, double from_out[ACTIONS]);

/* Coarse level of a verdict for headers that leave: 0 for ham, however near it came; 5 to 9 for spam, a step each 6 bits. */
unsigned gate_level(const struct gate_answer *a);

struct gate_teaching {
    enum metric_door door;
    enum lesson_class klass;
    struct span teacher;           /* 1 to 64 bytes; "user@door" style names are the door's business */
    struct span known;             /* whom the cap counts where `teacher` holds a name that was only claimed (spamd's User:): the
                                      peer's address or uid. Empty: the teacher */
    struct span raw;
    int64_t time_ms;
};
/* POSSE_EEXIST: this teacher taught this very lesson before. POSSE_ELIMIT: the teacher's cap (teach.per_hour) is reached; `why`
 * says when it may go on. POSSE_EINVAL: nothing to learn from (empty). */
int gate_teach(struct gate *g, const struct gate_teaching *t, uint64_t *id_out, struct report *why);
/* From a row of history: its hashed features, kept for history.teachable. POSSE_ENOENT: no such row, or no longer kept. */
int gate_teach_row(struct gate *g, const char *id, enum lesson_class klass, struct span teacher, int64_t now_ms, struct report *why);
/* Takes back the live lesson on this message, if this teacher gave it (TELL Remove:). POSSE_ENOENT: there is none. */
int gate_unteach(struct gate *g, struct span raw, struct span teacher, struct report *why);

/* For a door that judges by an engine of its own (comments): what the gate does for all. An id as verdicts have; a verdict's row (which
 * gate_new_id named), its line in the log and its counts; one lesson of a teacher's cap, as gate_teach takes it (POSSE_ELIMIT), and that
 * it was taught. */
const char *gate_home(const struct gate *g);
bool gate_keeps_rows(struct gate *g);
void gate_new_id(struct gate *g, char out[24]);
void gate_note(struct gate *g, enum metric_door door, const struct event *e, enum action act);
int gate_may_teach(struct gate *g, struct span who, enum metric_door door, int64_t now_ms, struct report *why);
void gate_taught(struct gate *g, enum metric_door door, enum lesson_class klass);

struct gate_stat { int64_t started_ms, learned_spam, learned_ham, lessons; uint64_t model_bytes; };
void gate_stat(struct gate *g, struct gate_stat *out);
struct counters *gate_counters(struct gate *g);
struct log *gate_log(struct gate *g);
/* The configuration as it is now: hold it no longer than a call; strings are copied before gate_config_done. */
const struct config *gate_config(struct gate *g);
void gate_config_done(struct gate *g, const struct config *c);

#endif
