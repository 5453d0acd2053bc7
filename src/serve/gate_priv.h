/* gate_priv: what the files of the gate share.
 *
 * A house is what a configuration says: rules, policies, limits. It is counted: gate_reload puts another in its place, and the
 * old one goes when the last message that was begun in it is done. The engine, with its model, stays.
 * A slot is a worker of the engine with what one answer needs; there is one a thread of the pool, and one more for lessons.
 * Locks: `lock` is for houses and slots, and held for a few instructions; `keeping` for what gate_tick and teaching from rows
 * need; `teaching` for the slot that reads lessons; `counting` for gate_stat. Nobody holds two, but that `lock` may be taken
 * within each. */
#ifndef POSSE_SERVE_GATE_PRIV_H
#define POSSE_SERVE_GATE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/live.h"
#include "engine/observe.h"
#include "engine/sighting_row.h"
#include "filter/rules.h"
#include "serve/caps.h"
#include "serve/gate.h"
#include "serve/history.h"
#include "serve/observer.h"

struct house {
    struct config *config;
    struct policies *policies;
    struct rules *rules;      /* NULL: none */
    double ham_loss;
    uint64_t per_hour, history_bytes, quarantine_bytes;
    int64_t history_ms, teachable_ms, quarantine_ms;
    bool has_subjects, observes, keeps_originals;
    double campaign_bits;     /* the most that being one of a campaign is worth */
    struct networks *ours;
    unsigned refs;            /* under lock: one is the gate's while it is the present one */
    struct house *next;       /* all that live, under lock */
};

/* A policy's bits as the model stood. */
struct known_bits { struct policy_bits bits; uint64_t generation; bool is_known; };

struct gate_slot {
    struct gate_answer answer; /* first: an answer is its slot */
    struct engine_worker *worker;
    struct reading *reading;
    struct arena *arena;       /* the answer's texts */
    struct house *house;       /* whose rules the worker has; counted */
    struct known_bits *known;  /* one a policy of the house */
    struct quarantine *quarantine; /* opened when first needed */
    struct observe_worker *watcher; /* made when first needed */
    struct observer *observer; /* the gate's, as it was when the slot was taken */
    struct sighting *sighting; /* the watcher's; NULL: none */
    const struct mailer *mailer;
    double campaign_bits;      /* in the score */
    struct buf row;
    enum metric_door door;
    struct gate_slot *next;         /* idle ones */
};

/* How far the wall clock is ahead of the steady one; mended_ms: when age counts again, on the steady one. */
struct clock_watch { bool is_known; int64_t ahead_ms, mended_ms; };

struct gate {
    char *home, *history_path, *quarantine_path, *rules_path;
    struct engine *engine;
    struct counters *counters;
    struct log *log;
    struct history *history;
    struct caps *caps;
    struct observer *observer; /* under lock; NULL: none runs here */
    struct observer_feed *feed; /* is_reader: to the daemon's */
    struct live_file *live;
    bool is_reader;
    int64_t started_ms;
    char salt[7];             /* of ids, so that those of two processes differ */
    atomic_uint_fast64_t last_id;

    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct house *house, *houses;
    struct gate_slot *slot, *idle;
    unsigned n_slots, n_out;

    pthread_mutex_t teaching;
    struct gate_slot teacher;

    pthread_mutex_t keeping;
    struct events *events;
    struct quarantine *quarantine;
    int64_t pruned_ms, moved_ms;
    struct clock_watch clock;
    uint64_t saved_generation;

    pthread_mutex_t counting;
    struct gate_stat stat;
    uint64_t stat_generation;
};

int64_t gate_now_ms(void);

/* gate_house.c */
int house_new(const struct gate *g, struct config *config, struct house **out, struct report *why); /* takes config */
void house_enter(struct gate *g, struct house *h);   /* makes it the present one */
struct house *house_hold(struct gate *g);
void house_drop(struct gate *g, struct house **h);
void houses_free(struct gate *g);

/* gate_slot.c */
int slot_init(struct gate *g, struct gate_slot *s);
void slot_deinit(struct gate *g, struct gate_slot *s);
int slot_take(struct gate *g, struct gate_slot **out, struct report *why); /* waits for one */
void slot_give(struct gate *g, struct gate_slot *s);
void slots_clear(struct gate *g); /* idle ones let go of old houses */
/* Gives the slot the rules of the house; s->house is counted. */
int slot_enter(struct gate *g, struct gate_slot *s, struct house *h);

/* gate_act.c: from a verdict to what is done. */
int gate_act(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct report *why);

/* gate_keep.c: quarantine. */
bool gate_was_released(struct gate *g, struct gate_slot *s, const struct gate_request *r);
void gate_keep(struct gate *g, struct gate_slot *s, const struct gate_request *r);
int gate_open_quarantine(const struct gate *g, struct quarantine **q, struct report *why);

/* gate_watch.c: the observatory's side. */
int watch_open(struct gate *g, struct report *why);
void watch_reload(struct gate *g);
void watch_close(struct gate *g);
void watch_tick(struct gate *g);
void gate_watch(struct gate *g, struct gate_slot *s, const struct gate_request *r); /* between reading and deciding */
void gate_tell(struct gate *g, struct gate_slot *s, const struct gate_request *r);  /* after deciding */

/* gate_record.c: history and log of an answer. */
void gate_record(struct gate *g, struct gate_slot *s, const struct gate_request *r);
/* "user@example.org" of the first mailbox in From; may be empty. */
struct span gate_header_from(struct gate_slot *s);

#endif
