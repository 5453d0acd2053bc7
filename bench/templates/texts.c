/* texts: mail as the sketcher sees it, a line each: label, file, subject, text, parted by tabs. Argument: an index (label, path a line);
 * a path without a label's line is taken as it stands from stdin when the argument is "-". */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "campaign/sketch.h"

static void show(struct span s) { fwrite(s.p, 1, s.n, stdout); }

int main(int argc, char **argv)
{
    static char line[4096], path[8192];
    static uint8_t raw[16 << 20];
    struct arena *a = arena_new(256 << 20);
    struct mail_parser *p = mail_parser_new(NULL);
    struct sketcher *s = sketcher_new();
    FILE *index = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!a || !p || !s || !index) {
        fprintf(stderr, "usage: texts DIR/index.tsv\n");
        return 2;
    }
    int folder = (int)(strrchr(argv[1], '/') ? strrchr(argv[1], '/') - argv[1] : 0);
    while (fgets(line, sizeof line, index)) {
        char *label = strtok(line, "\t\n"), *name = strtok(NULL, "\t\n");
        if (!name)
            continue;
        snprintf(path, sizeof path, "%.*s/%s", folder, argv[1], name);
        FILE *f = fopen(path, "rb");
        size_t n = f ? fread(raw, 1, sizeof raw, f) : 0;
        if (f)
            fclose(f);
        struct message *m;
        struct sketch k;
        struct span text = SPAN_NONE, subject = SPAN_NONE;
        arena_reset(a);
        if (!f || message_parse(p, a, span_of(raw, n), &m) || sketch_make(s, a, m, &k, &text, &subject))
            continue;
        printf("%s\t%s\t", label, name);
        show(subject);
        putchar('\t');
        show(text);
        putchar('\n');
    }
    return 0;
}
