/* events_priv: what the files of history share. Not for others. */
#ifndef POSSE_STORE_EVENTS_PRIV_H
#define POSSE_STORE_EVENTS_PRIV_H

#include "base/buf.h"
#include "store/db.h"
#include "store/events.h"

enum events_stmt {
    EVENTS_INSERT, EVENTS_FEATURES, EVENTS_TAUGHT, EVENTS_DROP_FEATURES, EVENTS_DROP_OLD, EVENTS_DROP_FIRST,
    EVENTS_FORGET, EVENTS_STMTS
};
extern const char *const events_texts[EVENTS_STMTS];

struct events {
    struct db db;
    struct buf pack;  /* of the row in hand */
    bool in_batch;
    int doomed;       /* code of the append that failed within the batch */
};

/* The columns of a row in the order in which they are bound (from 1) and read (from 0). */
#define EVENTS_COLUMNS "id, time_ms, door, queue_id, message_id, client_addr, client_name, helo, mail_from, header_from, " \
    "auth_user, subject, rcpt, n_rcpt, size, digest, klass, bits, probability, threshold, action, would, quarantine_id, " \
    "campaign, reasons, flip, extractor, seconds"
enum { COL_ID, COL_TIME, COL_DOOR, COL_QUEUE, COL_MESSAGE, COL_ADDR, COL_NAME, COL_HELO, COL_FROM, COL_HEADER_FROM, COL_AUTH,
       COL_SUBJECT, COL_RCPT, COL_N_RCPT, COL_SIZE, COL_DIGEST, COL_KLASS, COL_BITS, COL_PROBABILITY, COL_THRESHOLD, COL_ACTION,
       COL_WOULD, COL_QUARANTINE, COL_CAMPAIGN, COL_REASONS, COL_FLIP, COL_EXTRACTOR, COL_SECONDS, EVENTS_N_COLUMNS };

#endif
