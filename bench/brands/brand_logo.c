/* brand_logo FILE...: for each a line: the perceptual hash of its logo, or "-"; models/make-brands makes its table with it. */
#include "case/brand_logo.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint8_t *bytes = malloc(LOGO_BYTES);
    for (int i = 1; i < argc && bytes; i++) {
        FILE *f = fopen(argv[i], "rb");
        struct logo l;
        char text[LOGO_TEXT] = "-";
        if (f && logo_hash(span_of(bytes, fread(bytes, 1, LOGO_BYTES, f)), &l))
            logo_text(&l, text);
        puts(text);
        if (f)
            fclose(f);
    }
    free(bytes);
    return 0;
}
