/* notice: what is told to one hosting firm or network about machines in it: controllers, machines that sent, pages that the mails link to,
 * infected hosts.
 *
 * notices_of groups the findings by who is told (case/contacts.h), so that a firm has one notice, whatever stands in its networks.
 * notice_pages says which linked names led to which addresses (case/resolved.h); only of names that a list may have, too (case/guard.h): who
 * is popular or hosts many is mostly linked to in passing.
 * notices_evidence puts to each address that sent one message that it sent: of the campaign's samples, those in whose topmost Received
 * fields the address stands as the client; to each page one that links to it; without those to whom they were sent (case/redact.h). What
 * cannot be redacted is not given away.
 * The writers make files and drafts of it. Nothing here sends anything.
 * What stands in findings and messages is anybody's: JSON is escaped, header fields and texts take plain ASCII (export_plain), MIME
 * boundaries are made so that they do not occur in what they part.
 * Ids are made of case, findings and receiver: the same again is the same notice. Times have their UTC offset.
 * Ownership: the arena.  Threads: reentrant.  Errors: ENOMEM, those of casefile.  Limits: NOTICE_MESSAGE of a message, NOTICE_EVIDENCE of
 * all: what is past them is left out, and that is said (message_lost). */
#ifndef POSSE_CASE_NOTICE_H
#define POSSE_CASE_NOTICE_H

#include "case/contacts.h"
#include "case/guard.h"
#include "case/resolved.h"
#include "case/seal.h"

enum { NOTICE_ID = 20, NOTICE_MESSAGE = 1 << 20, NOTICE_EVIDENCE = 256 << 20, NOTICE_PARTS = 50 /* attached to one draft */ };
enum notice_kind { NOTICE_CONTROLLER, NOTICE_PAGE, NOTICE_SENDER, NOTICE_HOST, NOTICE_KINDS };

struct incident {
    enum notice_kind kind;
    struct ip ip;
    struct span address, name;    /* as text; name may be empty */
    uint32_t port;                /* of the machine itself; 0: not known */
    struct span proto;
    struct span what;             /* one sentence */
    struct span campaign, botnet; /* empty: none, or not known */
    const struct found_network *network;
    int64_t first_ms, last_ms, at_ms; /* at_ms: of the message, else when it was seen last; first_ms 0: not known */
    bool is_vague;                /* first and last are its campaign's: its own were not kept. There is no XARF of it */
    double probability;
    uint64_t messages, exhibit;
    const struct found_reason *reason; /* what speaks for it, and against it */
    size_t n_reasons;
    /* one message that it sent, or that links to it; message.n 0: none */
    struct span message, taken_out;
    uint64_t message_exhibit;
    int64_t message_ms;           /* when it came */
    struct span smtp_from, subject, message_id; /* empty: not known */
    const char *message_lost;     /* why there is none although a sample was found; NULL */
};
struct notice {
    char id[NOTICE_ID];
    struct span to, firm; /* to empty: nobody is known */
    uint32_t asn;         /* of the first incident */
    struct span network;
    enum notice_form form;
    bool is_single;
    struct incident *incident;
    size_t n, of_kind[NOTICE_KINDS];
    struct span follows;  /* an earlier notice to the same, and when it was sent; empty: none */
};
struct notices { struct notice *notice; size_t n, n_without; /* the last n_without of n have no contact */ };

/* Who tells it, and of what. */
struct notice_case {
    struct span id, title;
    struct span org, contact;   /* contact: a mail address (mail_address_ok) */
    uint64_t findings;          /* the exhibit */
    struct head head;           /* the newest seal */
    struct case_time now;
};

/* A page that spam links to, at one of the addresses that its name led to. */
struct notice_page {
    struct ip ip;
    struct span name, campaign, botnet;
    uint64_t messages, exhibit; /* exhibit: which says that it led there */
    int64_t first_ms, last_ms;  /* when it did */
    struct found_network network;
};
enum { NOTICE_PAGES = 20000, NOTICE_ADDRESSES = 64 /* of one name */ };
/* n_out pages; those of names that nobody asked a resolver about are not among them, but counted. */
int notice_pages(const struct findings *f, struct guard *g, struct resolved *r, struct arena *a, struct notice_page **out, size_t *n_out,
                 size_t *unresolved_out);
int notices_of(const struct findings *f, const struct notice_page *page, size_t n_pages, const struct contacts *c, struct span case_id,
               uint64_t exhibit, struct arena *a, struct notices *out);
int notices_evidence(struct casefile *file, const struct findings *f, struct arena *a, struct notices *n, struct report *why);
const char *notice_kind_name(enum notice_kind k);

/* ---- writers; i: which incident of n ---- */

/* Nothing of what has no time of its own: a report without it is of no use, and with another time it would be wrong. */
int notice_xarf(const struct notice_case *c, const struct incident *e, struct buf *out);
/* As a person reads it: about one incident, or (e NULL) all. */
int notice_text(const struct notice_case *c, const struct notice *n, const struct incident *e, struct buf *out);
int notice_csv(const struct notice_case *c, const struct notice *n, struct buf *out);
/* A draft of a mail, lines ended by LF. It is a report as RFC 5965 has it where the form says so and there is a message to report
 * (notice_is_arf); else text, with files. e NULL: about all. */
int notice_mail(const struct notice_case *c, const struct notice *n, const struct incident *e, struct buf *out);
bool notice_is_arf(const struct notice *n, const struct incident *e);
/* Of one incident's report, or (e NULL) of the whole notice's mail: its Message-ID, and what its file is named after. */
void notice_uuid(const struct notice_case *c, const struct notice *n, const struct incident *e, char out[37]);

#endif
