#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "flow/log_netflow.h"

struct collector { struct netflow *n; uint64_t packets; };

int collector_new(struct collector **out, struct report *why)
{
    struct collector *c = calloc(1, sizeof *c);
    *out = c;
    if (c && (c->n = netflow_new()))
        return 0;
    collector_free(out);
    return report_set(why, POSSE_ENOMEM, "no memory to collect NetFlow");
}

void collector_free(struct collector **cp)
{
    struct collector *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    netflow_free(&c->n);
    free(c);
}

int collector_packet(struct collector *c, const struct ip *from, struct span packet, int (*fn)(void *ctx, const struct flow *), void *ctx)
{
    char name[IP_TEXT];
    struct flow f;
    ip_text(from, name);
    if (!netflow_begin(c->n, from, packet, name, ++c->packets))
        return 0;
    while (netflow_next(c->n, &f)) {
        int rc = fn(ctx, &f);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void collector_lost(const struct collector *c, struct logs_lost *out) { netflow_lost(c->n, out); }
