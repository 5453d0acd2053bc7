/* rdap_priv: what the client's parts share: rdap.c decides, rdap_cache.c keeps, rdap_http.c asks one URL. */
#ifndef POSSE_NET_RDAP_PRIV_H
#define POSSE_NET_RDAP_PRIV_H

#include "base/buf.h"
#include "net/rdap.h"

/* ---- the cache: one file an answer, named by the range that it is about, so that a look needs names alone ---- */

struct rdap_cached { int64_t asked_ms; bool is_none; char url[RDAP_URL]; struct span body; };
/* The narrowest that holds a. ENOENT: none. Damaged files are as if they were not there. `into` holds the bytes. */
int rdap_cache_find(const char *folder, const struct ip *a, struct buf *into, struct rdap_cached *out, struct report *why);
int rdap_cache_put(const char *folder, const struct ip *first, const struct ip *last, const struct rdap_cached *c, struct report *why);
/* A file of the cache by its name, whole (ENOENT), and how old it is by its own first line. */
int rdap_cache_load(const char *folder, const char *name, struct buf *into, struct rdap_cached *out, struct report *why);
int rdap_cache_save(const char *folder, const char *name, const struct rdap_cached *c, struct report *why);

/* When each server may be asked again, for all processes that share the cache: a file under a lock that is held from begin to end. */
struct rdap_turns { int fd; size_t n; struct { char host[256]; int64_t from_ms; } host[64]; };
int rdap_turns_begin(const char *folder, struct rdap_turns *t, struct report *why);
int64_t rdap_turns_from(const struct rdap_turns *t, const char *host); /* 0: at once */
void rdap_turns_set(struct rdap_turns *t, const char *host, int64_t from_ms);
int rdap_turns_end(struct rdap_turns *t, struct report *why);

/* ---- one request ---- */

struct rdap_reply { long status; int64_t retry_after_s; /* -1: it does not say */ char location[RDAP_URL]; char host[256]; };
/* GET of one URL; the body into `body`, capped there. A redirect is told and not followed. EIO: no reply, why says so; ETOOBIG. */
int rdap_get(const char *url, const char *accept, int64_t timeout_ms, struct buf *body, struct rdap_reply *out, struct report *why);
/* Host and port of a URL ("rdap.example:443"), lower case; false: it is none that is asked. */
bool rdap_host(const char *url, char out[256]);
/* May a server at `from` send us to `to`? Not from https to http, and not from elsewhere to a private address. */
bool rdap_may_redirect(const char *from, const char *to);

#endif
