/* Judges the message in the file given, with its reasons; with --spam or --ham teaches it, too.
 * cc example.c $(pkg-config --cflags --libs posse) */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <posse/posse.h>

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        errx(2, "usage: %s [--spam|--ham] FILE", argv[0]);
    FILE *f = fopen(argv[argc - 1], "rb");
    static char bytes[1 << 20], text[4096];
    if (!f)
        err(2, "%s", argv[argc - 1]);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);

    posse_t *p;
    posse_options_t options = {.home = getenv("POSSE_HOME")}; /* NULL: the model that ships, and nothing is kept */
    if (posse_open(&options, &p) != 0)
        errx(2, "%s", posse_last_error());
    if (argc == 3 && posse_learn(p, bytes, n, strcmp(argv[1], "--spam") == 0, "example") != 0)
        errx(2, "%s", posse_last_error());
    if (posse_explain(p, bytes, n, text, sizeof text) < 0)
        errx(2, "%s", posse_last_error());
    fputs(text, stdout);
    return posse_close(&p) == 0 ? 0 : 2;
}
