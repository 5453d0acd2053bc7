#include "mail/anomaly.h"

#include <string.h>

static const struct {
    const char *name, *text;
} table[] = {
#define X(sym, name, text) {name, text},
    MAIL_ANOMALIES(X)
#undef X
};

const char *anomaly_name(enum mail_anomaly a)
{
    return (unsigned)a < ANOMALY_N ? table[a].name : "unknown";
}

const char *anomaly_text(enum mail_anomaly a)
{
    return (unsigned)a < ANOMALY_N ? table[a].text : "an unknown oddity";
}

int anomaly_from_name(const char *name)
{
    for (int i = 0; i < ANOMALY_N; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}
