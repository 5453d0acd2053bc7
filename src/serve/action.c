#include "serve/action.h"

#include <string.h>

#include "base/error.h"

static const char *const names[ACTIONS] = {"none", "tag", "rewrite", "defer", "quarantine", "reject", "discard"};

const char *action_name(enum action a) { return names[a]; }

int action_of(const char *name, enum action *out)
{
    for (int i = 0; i < ACTIONS; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum action)i;
            return POSSE_OK;
        }
    return POSSE_EINVAL;
}
