#include "cli/eval_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

enum { PATH_BYTES = 4096 };

struct eval_index {
    FILE *f;
    const char *name;
    char root[PATH_BYTES], path[2 * PATH_BYTES];
    char *line;
    size_t cap;
    uint64_t n;
};

int eval_index_open(const char *path, const char *root, struct eval_index **out, struct report *why)
{
    struct eval_index *ix = calloc(1, sizeof *ix);
    *out = NULL;
    if (!ix)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    ix->name = path;
    ix->f = fopen(path, "re");
    struct stat st;
    int rc = 0;
    if (!ix->f)
        rc = report_errno(why, "open", path);
    else if (fstat(fileno(ix->f), &st) == 0 && S_ISDIR(st.st_mode))
        rc = report_set(why, POSSE_ENOTFILE, "%s: a directory, not an index", path);
    const char *slash = strrchr(path, '/');
    size_t n = root ? strlen(root) : slash ? (size_t)(slash - path) : 1;
    const char *from = root ? root : slash ? path : ".";
    if (rc == 0 && n >= sizeof ix->root)
        rc = report_set(why, POSSE_EINVAL, "%s: the path is too long", path);
    if (rc) {
        eval_index_close(&ix);
        return rc;
    }
    memcpy(ix->root, from, n); /* "" stands for "/" */
    *out = ix;
    return 0;
}

void eval_index_close(struct eval_index **ix)
{
    if (!*ix)
        return;
    if ((*ix)->f)
        fclose((*ix)->f);
    free((*ix)->line);
    free(*ix);
    *ix = NULL;
}

static int parse(struct eval_index *ix, bool *is_spam_out, const char **name_out, struct report *why)
{
    char *tab = strchr(ix->line, '\t');
    if (!tab)
        return report_set(why, POSSE_ESYNTAX, "%s:%llu: a label, a tab and a path are expected", ix->name,
                          (unsigned long long)ix->n);
    *tab = '\0';
    *is_spam_out = strcmp(ix->line, "spam") == 0;
    if (!*is_spam_out && strcmp(ix->line, "ham") != 0)
        return report_set(why, POSSE_ESYNTAX, "%s:%llu: the label is spam or ham, not '%.40s'", ix->name,
                          (unsigned long long)ix->n, ix->line);
    char *name = tab + 1;
    name[strcspn(name, "\t\r\n")] = '\0';
    if (!*name || strlen(name) >= PATH_BYTES)
        return report_set(why, POSSE_ESYNTAX, "%s:%llu: a path is expected after the label", ix->name,
                          (unsigned long long)ix->n);
    *name_out = name;
    return 0;
}

int eval_index_next(struct eval_index *ix, bool *is_spam_out, const char **name_out, const char **path_out,
                    struct report *why)
{
    ssize_t n;
    do {
        n = getline(&ix->line, &ix->cap, ix->f);
        if (n < 0)
            return ferror(ix->f) ? report_errno(why, "read", ix->name) : 0;
        ix->n++;
    } while (ix->line[strspn(ix->line, " \t\r\n")] == '\0' && (size_t)n == strlen(ix->line));
    int rc = parse(ix, is_spam_out, name_out, why);
    if (rc)
        return rc;
    if ((*name_out)[0] == '/')
        *path_out = *name_out;
    else {
        snprintf(ix->path, sizeof ix->path, "%s/%s", ix->root, *name_out);
        *path_out = ix->path;
    }
    return 1;
}
