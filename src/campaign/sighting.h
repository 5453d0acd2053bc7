/* sighting: all that the observatory keeps of one message while it counts it. Made on any thread (engine/observe.h), used up by the one
 * writer. No text of the message is in it but `text` and `raw`, which live for the call and are kept only where originals are wanted.
 * Ownership: spans live in the arena of who made it, for the call.  Units in the names. */
#ifndef POSSE_CAMPAIGN_SIGHTING_H
#define POSSE_CAMPAIGN_SIGHTING_H

#include "campaign/sketch.h"
#include "net/ip.h"

enum sighting_flag {
    SIGHTING_SPAM = 1 << 0,          /* it came to a trap, or the engine called it spam */
    SIGHTING_NO_TIME = 1 << 1,       /* time_ms is not the message's own but the last one seen */
    SIGHTING_ODD_TIME = 1 << 2,      /* its own time was from the future or days out of order, and was not believed */
    SIGHTING_AUTHENTICATED = 1 << 3, /* SPF, DKIM or DMARC passed for the domain that it shows, as far as that is known */
    SIGHTING_LIST = 1 << 4,          /* list or bulk headers with a way to unsubscribe */
    SIGHTING_TRUSTED_SOURCE = 1 << 5,/* `source` from a socket or from a field that our own host wrote */
    SIGHTING_RECORD = 1 << 6,        /* an event record without a message: `key` names its template, the sketch is empty */
};
enum { SIGHTING_RCPT_MAX = 16, SIGHTING_LINKS_MAX = 16, SIGHTING_FILES_MAX = 8, SIGHTING_MARKS_MAX = 16 };

enum mark_kind { MARK_PHONE, MARK_WALLET, MARK_MAIL_DROP, MARK_SHOP, MARK_AFFILIATE, MARK_N };
struct money_mark { enum mark_kind kind; struct span text; /* normalised */ };

struct sighting {
    int64_t time_ms;           /* when it arrived, in the stream's own time */
    struct ip source;          /* zero: not known */
    uint32_t asn;              /* 0: not known */
    uint32_t n_rcpt;           /* of the envelope; at least 1 */
    uint64_t size_bytes;
    uint32_t flags;
    struct sketch sketch;
    uint64_t key;              /* of records only */
    uint64_t mailer;           /* how the sending program writes (botnet/mailer.h); 0: not known */
    uint64_t machine;          /* a trait that is one machine's own (HELO name of a bot, say), hashed; 0: none */
    uint64_t sender;           /* the address that it shows as its author, hashed; 0: none */
    uint64_t sender_domain;    /* hashed; 0: none */
    char language[4];          /* "en"; "": not known */
    struct span rcpt_domain[SIGHTING_RCPT_MAX]; size_t n_rcpt_domains;
    struct span link_host[SIGHTING_LINKS_MAX]; size_t n_links;   /* registered domains */
    uint64_t file[SIGHTING_FILES_MAX]; size_t n_files;
    struct money_mark mark[SIGHTING_MARKS_MAX]; size_t n_marks;
    struct span subject, text; /* normalised, for templates */
    struct span raw;           /* the original; empty where it must not be kept */
};

#endif
