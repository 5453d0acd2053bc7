/* observe_forget: what a person asked to be removed, where the observatory kept the message itself. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/digest.h"
#include "engine/observe_priv.h"

enum { ARENA_MAX = 256 << 20 };

struct sought {
    struct mail_parser *parser;
    struct arena *arena;
    const uint8_t (*digest)[32];
    size_t n;
    uint64_t *each;
};

static bool is_sought(void *ctx, struct span raw)
{
    struct sought *q = ctx;
    struct message *m;
    uint8_t digest[32];
    bool is = false;
    arena_reset(q->arena);
    if (message_parse(q->parser, q->arena, raw, &m))
        return false;
    digest_message(m, digest);
    for (size_t i = 0; i < q->n; i++)
        if (memcmp(digest, q->digest[i], sizeof digest) == 0) {
            q->each[i]++;
            is = true;
        }
    return is;
}

int observatory_forget(const char *home, const uint8_t (*digest)[32], size_t n, uint64_t *each, struct report *why)
{
    struct sought q = {mail_parser_new(NULL), arena_new(ARENA_MAX), digest, n, each};
    struct obsdb *d = NULL;
    uint64_t gone;
    memset(each, 0, n * sizeof *each);
    int rc = q.parser && q.arena ? obsdb_open(home, false, &d, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!rc)
        rc = obsdb_forget(d, is_sought, &q, &gone, why);
    if (rc && rc != POSSE_ENOENT)
        memset(each, 0, n * sizeof *each); /* found, but all of it stands */
    obsdb_close(&d);
    arena_free(&q.arena);
    mail_parser_free(&q.parser);
    return rc == POSSE_ENOENT ? POSSE_OK : rc;
}
