/* fuzz_campaigns: a stored state of campaigns, or a message and its sketch, or published campaigns. What is taken holds together: it can be
 * used, written, and read again to the same bytes. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>

#include "campaign/published.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void stored(struct span in)
{
    struct reader r = reader_of(in);
    struct campaigns_options o = {.max_live = 64, .max_bytes = 8 << 20};
    struct campaigns *c;
    if (campaigns_load(&r, &o, &c, NULL))
        return;
    struct buf a, b;
    buf_init(&a, 64 << 20);
    buf_init(&b, 64 << 20);
    check(campaigns_save(c, &a) == 0);
    struct reader again = reader_of(buf_span(&a));
    struct campaigns *copy;
    check(campaigns_load(&again, &o, &copy, NULL) == 0);
    check(campaigns_save(copy, &b) == 0);
    check(span_eq(buf_span(&a), buf_span(&b)));
    struct sighting s = {.time_ms = 1, .flags = SIGHTING_RECORD, .key = 7, .n_rcpt = 1};
    struct join j;
    check(campaigns_add(copy, &s, &j, NULL) == 0);
    struct sighting t = {.time_ms = 2, .flags = SIGHTING_SPAM, .n_rcpt = 1, .source = ip_of_v4(0x0a000001), .sender = 1, .sender_domain = 2, .mailer = 3,
                         .sketch = {.kind = SKETCH_SHORT, .n_shingles = 9, .n_words = 5, .subject = 1, .n_links = 1, .link_host = {7}}};
    for (unsigned i = 0; i < 3; i++)
        check(campaigns_add(copy, &t, &j, NULL) == 0);
    campaigns_age(copy, INT64_MAX / 2);
    struct campaigns_size size;
    campaigns_size(copy, &size);
    check(size.live <= 65);
    campaigns_free(&copy);
    campaigns_free(&c);
    buf_deinit(&a);
    buf_deinit(&b);
}

static void published(struct span in)
{
    struct published *p;
    struct published_hit h;
    struct sketch s = {.kind = SKETCH_SHORT, .n_shingles = 9, .subject = 1};
    if (published_load(in, &p, NULL))
        return;
    published_look(p, &s, &h);
    published_free(&p);
}

static void message(struct span in)
{
    static struct mail_parser *parser;
    static struct sketcher *k;
    if ((!parser && !(parser = mail_parser_new(NULL))) || (!k && !(k = sketcher_new())))
        return;
    struct arena *a = arena_new(64 << 20);
    struct message *m;
    struct sketch s, t;
    struct span text, subject;
    const char *why;
    if (a && message_parse(parser, a, in, &m) == 0 && sketch_make(k, a, m, &s, &text, &subject) == 0) {
        check(sketch_validate(&s, &why));
        check(sketch_make(k, a, m, &t, NULL, NULL) == 0 && memcmp(&s, &t, sizeof s) == 0);
        double p = sketch_alike(&s, &t);
        check(p >= 0 && p <= 1);
        for (size_t i = 0; i < text.n; i++)
            check(text.p[i] >= ' ');
    }
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size); /* aligned as what is mapped is */
    memcpy(copy, data + 1, size - 1);
    struct span in = span_of(copy, size - 1);
    if (data[0] % 3 == 0)
        stored(in);
    else if (data[0] % 3 == 1)
        message(in);
    else
        published(in);
    free(copy);
    return 0;
}
