/* brands TABLE: for each message named on standard input a line a claim: path, mark, weight, spoofed or not, where it was sent from, From's name and domain,
 * its uses; and a line "-" for a message without one. Last, on standard error, how long it took. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "case/brands.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void text(struct span s)
{
    for (size_t i = 0; i < s.n && i < 80; i++)
        putchar(s.p[i] < 32 ? ' ' : s.p[i]);
}

static void claims(const struct brands *b, const char *path, const struct brand_reading *r)
{
    bool any = false;
    for (size_t i = 0; i < r->n_claims; i++) {
        const struct brand_claim *c = &r->claim[i];
        struct brand_info info;
        if (!c->is_claimed)
            continue;
        any = true;
        brands_info(b, c->brand, &info);
        printf("%s\t%.*s\t%d\t%s\t%s\t", path, (int)info.name.n, (const char *)info.name.p, c->weight,
               c->is_spoofed ? "spoofed" : "-", brand_origin_name(c->origin));
        text(r->from_name);
        printf("\t%.*s\t", (int)r->from_domain.n, (const char *)r->from_domain.p);
        for (size_t k = 0; k < c->n_uses; k++) {
            printf("%s%s/%s[", k ? "; " : "", brand_place_name(c->use[k].place), brand_how_name(c->use[k].how));
            text(c->use[k].text);
            printf("]+%d", c->use[k].weight);
        }
        putchar('\n');
    }
    if (!any)
        printf("%s\t-\n", path);
}

int main(int argc, char **argv)
{
    struct report why = {0};
    struct brands *b;
    struct mail_parser *parser = mail_parser_new(NULL);
    struct arena *a = arena_new(256 << 20);
    char *path = NULL, *bytes = malloc(16 << 20);
    size_t room = 0, messages = 0;
    double spent = 0;
    if (argc < 2 || brands_new(&b) || brands_load(b, argv[1], &why) || !bytes) {
        fprintf(stderr, "%s\n", why.text);
        return 2;
    }
    for (ssize_t n; (n = getline(&path, &room, stdin)) > 0; messages++) {
        path[strcspn(path, "\n")] = '\0';
        FILE *f = fopen(path, "rb");
        struct message *m;
        struct brand_reading r;
        if (f && message_parse(parser, a, span_of(bytes, fread(bytes, 1, 16 << 20, f)), &m) == 0) {
            double from = now();
            int err = brands_read(b, parser, a, m, NULL, &r);
            spent += now() - from;
            if (!err)
                claims(b, path, &r);
        }
        if (f)
            fclose(f);
        arena_reset(a);
    }
    fprintf(stderr, "%zu messages, %.1f s, %.0f a second\n", messages, spent, (double)messages / spent);
    free(path);
    free(bytes);
    brands_free(&b);
    arena_free(&a);
    mail_parser_free(&parser);
    return 0;
}
