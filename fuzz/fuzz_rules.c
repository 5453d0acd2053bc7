/* fuzz_rules: a rule file, and a message against what it holds. Before a NUL the rules, after it the message.
 * An error must say where; a hit must be of a rule that is there, in order, and its match short. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "filter/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char mail[] = "From: Ann <ann@news.example>\r\nTo: bob@a.example\r\nSubject: a prize\r\n\r\n"
                           "Hello hello, http://shop.deals.test/go?id=7 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";

static void match(const struct rules *r, struct span text)
{
    enum { HITS = 64 };
    static const struct span rcpt[] = {SPAN_LIT("carol@a.example")};
    const struct envelope env = {.client_addr = SPAN_LIT("192.0.2.7"), .from = SPAN_LIT("b@mailer.test"), .rcpt = rcpt,
                                 .n_rcpt = 1};
    static struct mail_parser *p; /* kept: the public suffixes take long to load */
    if (!p)
        p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct rules_scratch *s = rules_scratch_new(r);
    struct message *m = NULL;
    struct rule_hit hit[HITS];
    if (p && a && s && message_parse(p, a, text, &m) == POSSE_OK) {
        size_t n = rules_match(r, s, p, a, m, &env, hit, HITS);
        for (size_t i = 0; i < n; i++)
            if (hit[i].matched.n > RULE_MATCHED_MAX || !hit[i].reason || !hit[i].line || (i && hit[i].line < hit[i - 1].line))
                abort();
        if (rules_match(r, s, p, a, m, &env, hit, HITS) != n)
            abort();
    }
    rules_scratch_free(&s);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct span in = span_of(copy, size);
    ptrdiff_t cut = span_chr(in, 0);
    struct span text = span_sub(in, 0, cut < 0 ? size : (size_t)cut);
    struct span message = cut < 0 ? SPAN_LIT(mail) : span_sub(in, (size_t)cut + 1, size);
    struct rules *r;
    struct report why = {0};
    int rc = rules_parse(text, "fuzz", NULL, &r, &why);
    if (rc && (r || why.code != rc || strncmp(why.text, "fuzz:", 5) != 0) && strncmp(why.text, "rules:", 6) != 0)
        abort();
    if (!rc && rules_n(r))
        match(r, message);
    rules_free(&r);
    free(copy);
    return 0;
}
