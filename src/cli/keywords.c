#include "cli/keywords.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

static bool is_any(const char *word, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(word, *names) == 0)
            return true;
    return false;
}

/* The letters of the keywords among the flags; NULL: the name has none. */
static const char *flags_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *info = slash ? strstr(slash, ":2,") : NULL;
    return info ? info + 3 : NULL;
}

static FILE *open_names(const char *path)
{
    char file[4300];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0; /* ".../cur" */
    while (n && path[n - 1] != '/')
        n--;
    if (snprintf(file, sizeof file, "%.*sdovecot-keywords", (int)n, path) >= (int)sizeof file)
        return NULL;
    return fopen(file, "re");
}

enum keyword_class keywords_of(const char *path)
{
    static const char *const junk[] = {"$Junk", "Junk", NULL}, *const wanted[] = {"$NotJunk", "NotJunk", "NonJunk", "$NonJunk", NULL};
    const char *flags = flags_of(path);
    FILE *f = flags ? open_names(path) : NULL;
    char line[256];
    int found = KEYWORD_NONE;
    while (f && fgets(line, sizeof line, f)) { /* "3 $Junk": the letter 'd' */
        char *blank = strchr(line, ' ');
        uint64_t number;
        line[strcspn(line, "\r\n")] = '\0';
        if (!blank)
            continue;
        *blank = '\0';
        if (!cli_number(line, 0, 25, &number) || !strchr(flags, 'a' + (int)number))
            continue;
        if (is_any(blank + 1, junk))
            found |= KEYWORD_SPAM;
        else if (is_any(blank + 1, wanted))
            found |= KEYWORD_HAM;
    }
    if (f)
        fclose(f);
    return (enum keyword_class)found;
}
