/* bench_jansson FILE: the same lines by the library: a tree a line, twelve names looked up. What log_json is measured against. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const char *const names[] = {"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
                                        "orig_bytes", "resp_bytes", "conn_state"};
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    char *line = NULL;
    size_t cap = 0, n = 0, had = 0;
    if (!f)
        return 1;
    for (ssize_t got; (got = getline(&line, &cap, f)) > 0; n++) {
        json_t *o = json_loadb(line, (size_t)got, 0, NULL);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            had += json_object_get(o, names[i]) != NULL;
        json_decref(o);
    }
    printf("%zu lines, %zu values\n", n, had);
    free(line);
    return fclose(f);
}
