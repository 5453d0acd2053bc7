/* fuzz_mailer: a message's traits; and the file of a family, which is matched with them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "botnet/mailer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mailer *m)
{
    if (m->n > MAILER_TRAITS)
        abort();
    for (size_t i = 0; i < m->n; i++) {
        const char *v = m->trait[i].value;
        if (!memchr(v, '\0', MAILER_TRAIT_TEXT) || strcmp(mailer_trait_name(m->trait[i].kind), "?") == 0)
            abort();
        for (; *v; v++)
            if (*v <= ' ' || *v >= 0x7f)
                abort();
        for (size_t k = 0; k < i; k++)
            if (m->trait[k].kind == m->trait[i].kind)
                abort();
    }
}

static void check_match(const struct mailer_book *b, const struct mailer *m)
{
    struct mailer_match hit[3];
    double sum = 0;
    size_t n = mailer_match(b, m, hit, 3);
    for (size_t i = 0; i < n; i++)
        sum += hit[i].probability;
    if (n > 3 || sum > 1.000001)
        abort();
}

/* The first lines as if a client had sent them as commands. */
static void hear(struct span text, struct smtp_dialect *d)
{
    for (int i = 0; i < 8 && text.n; i++) {
        ptrdiff_t nl = span_chr(text, '\n');
        dialect_command(d, span_sub(text, 0, nl < 0 ? text.n : (size_t)nl));
        text = span_sub(text, nl < 0 ? text.n : (size_t)nl + 1, text.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mail_parser *p;
    if (!p && !(p = mail_parser_new(NULL)))
        return 0;
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct arena *a = arena_new(64 << 20);
    struct mailer_book *b;
    struct message *m;
    struct report why = {0};
    /* Up to a line "----" the family's file, after it the message. */
    struct span all = span_of(copy, size);
    ptrdiff_t cut = span_find(all, SPAN_LIT("\n----\n"));
    struct span text = span_sub(all, cut < 0 ? 0 : (size_t)cut + 6, size);
    if (mailer_book_new(&b) == 0) {
        if (mailer_book_read(b, cut < 0 ? all : span_sub(all, 0, (size_t)cut + 1), "file", &why) && !memchr(why.text, ':', sizeof why.text))
            abort();
        if (message_parse(p, a, text, &m) == 0) {
            struct source s;
            struct mailer x;
            struct smtp_dialect d = {0};
            char name[MAILER_NAME];
            source_read(a, m, NULL, NULL, &s);
            hear(text, &d);
            mailer_read(m, &s, &d, &x);
            check(&x);
            check_match(b, &x);
            mailer_name(x.key, name);
            if (x.key && mailer_alike(&x, &x) != 1)
                abort();
        }
        mailer_book_free(&b);
    }
    arena_free(&a);
    free(copy);
    return 0;
}
