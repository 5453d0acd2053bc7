/* rdap: who has an address, and whom to write to about abuse of it, as the registries tell it.
 *
 * Asks for addresses alone, never for names: a name in a message may be its sender's own, and a question would tell him. Nothing is asked
 * unless `is_online` says so: without it answers come from the cache or not at all.
 * Where to ask: the bootstrap registry (RFC 9224), a folder of the user's or fetched from its publisher. How: RFC 7480 over HTTP, redirects
 * followed. Answers: RFC 9083, contacts as jCard (RFC 7095). JSContact (RFC 9553) in answers is a draft and is not read: it names nobody.
 * Forgeable: all of an answer, by the registry, by who holds the network, and by everybody on the way where the URL is plain http.
 * So texts are cut and made printable, an e-mail address is one or is left out, and an answer about other addresses is refused.
 * Ownership: struct rdap owns its tables and its cache's lock; structs of answers are plain values but for `raw`.
 * Limits: an answer of RDAP_ANSWER_MAX bytes, RDAP_ENTITIES entities, RDAP_DEPTH levels, RDAP_CONTACTS contacts, RDAP_HOPS redirects.
 * Errors: ENOENT nobody is known to say (why: not in the cache, no registry, or the registry knows nothing); EBUSY the server wants us to
 * wait (why says how long); EIO the network; ECORRUPT what came is no answer, or about another network; ETOOBIG; EINVAL a private address.
 * Threads: one a handle; processes that share a cache keep to one rate.  Cost: without the network a look into the cache's folder. */
#ifndef POSSE_NET_RDAP_H
#define POSSE_NET_RDAP_H

#include "base/report.h"
#include "net/ip.h"

enum { RDAP_TEXT = 256, RDAP_CONTACTS = 8, RDAP_ANSWER_MAX = 1 << 20, RDAP_ENTITIES = 256, RDAP_DEPTH = 8, RDAP_HOPS = 5, RDAP_URL = 1024 };

/* ---- what an answer says ---- */

struct rdap_contact {
    bool is_abuse;        /* meant for complaints; else it is the next best there is: role says what */
    char role[24];        /* "abuse", "noc", "technical", "administrative", "registrant", "" */
    char email[RDAP_TEXT]; /* one address that can stand in a header field; never empty */
    char name[RDAP_TEXT], handle[64], phone[64]; /* may be empty */
};
struct rdap_network {
    bool has_range;
    struct ip first, last;
    char handle[RDAP_TEXT], name[RDAP_TEXT];
    char holder[RDAP_TEXT]; /* whom it was given to: the hosting firm; "" where it is not told */
    char type[64], country[3];
    struct rdap_contact contact[RDAP_CONTACTS]; /* for abuse first, of these the nearest to the network first */
    size_t n_contacts, n_odd;                   /* n_odd: what stood where an e-mail address should and is none */
};

/* An answer about a network, for which nothing is needed but its bytes. ECORRUPT: no JSON, or about something else; ENOENT: an error
 * object that says that there is nothing. */
int rdap_read(struct span json, struct rdap_network *out, struct report *why);
/* NULL: it names none for abuse. */
const struct rdap_contact *rdap_abuse(const struct rdap_network *n);
/* False too where it does not tell its range. */
bool rdap_covers(const struct rdap_network *n, const struct ip *a);
/* As ip_range_text; "" where it is not told. */
void rdap_range_text(const struct rdap_network *n, char out[IP_RANGE_TEXT]);

/* ---- which server is to be asked (RFC 9224) ---- */

struct rdap_bootstrap;
/* A bootstrap file of addresses; several may be added to one table (*b NULL: begin). ECORRUPT says what is wrong; odd entries are passed over. */
int rdap_bootstrap_add(struct rdap_bootstrap **b, struct span json, struct report *why);
void rdap_bootstrap_free(struct rdap_bootstrap **b);
/* The URL before "ip/ADDRESS", with its last slash; https where there is the choice. NULL: nobody's. The narrowest prefix that holds it.
 * A private address is somebody's only where the entry is for private ones alone. */
const char *rdap_bootstrap_find(const struct rdap_bootstrap *b, const struct ip *a);

/* ---- asking ---- */

struct rdap_options {
    const char *cache;      /* folder, made where it is not there; NULL: nothing is kept */
    const char *bootstrap;  /* folder with ipv4.json and ipv6.json, or a URL below which they are; NULL: RDAP_BOOTSTRAP */
    bool is_online;
    int64_t fresh_s;        /* an answer older than that is asked for again; 0: a week. Offline it is given all the same */
    int64_t interval_ms;    /* between two questions to one server; 0: 2 s */
    int64_t timeout_ms;     /* of one request; 0: 20 s */
    int64_t patience_ms;    /* how long a server that says "later" is waited for; 0: 1 min */
    int64_t (*now_ms)(void *ctx); /* since 1970 */
    void (*wait_ms)(void *ctx, int64_t ms);
    void *ctx;
};
#define RDAP_BOOTSTRAP "https://data.iana.org/rdap/"

struct rdap_answer {
    struct rdap_network network;
    int64_t asked_ms;      /* when the registry said so */
    bool is_cached, is_old; /* it is older than fresh_s */
    char url[RDAP_URL];    /* who said so, behind redirects */
    struct span raw;       /* as it came, for evidence; good until the next question */
};
struct rdap;
int rdap_open(const struct rdap_options *o, struct rdap **out, struct report *why);
void rdap_close(struct rdap **r);
int rdap_ask(struct rdap *r, const struct ip *a, struct rdap_answer *out, struct report *why);

#endif
