#include "botnet/dialect.h"

#include <string.h>

static void add(struct smtp_dialect *d, struct span s)
{
    size_t n = strlen(d->args);
    for (size_t i = 0; i < s.n && n + 1 < sizeof d->args; i++)
        d->args[n++] = (char)(ascii_is_alnum(s.p[i]) || strchr(".-=", s.p[i]) ? s.p[i] : '_');
    d->args[n] = '\0';
}

void dialect_mail(struct smtp_dialect *d, struct span address)
{
    d->address = address.n && address.p[0] == '<' ? 'a' : 'b';
    d->args[0] = '\0';
    d->has_mailed = true;
}

void dialect_argument(struct smtp_dialect *d, struct span arg)
{
    ptrdiff_t eq = span_chr(arg, '=');
    bool says = eq > 0 && span_ieq(span_sub(arg, 0, (size_t)eq), SPAN_LIT("body"));
    if (!arg.n)
        return;
    add(d, SPAN_LIT("."));
    add(d, says || eq < 0 ? arg : span_sub(arg, 0, (size_t)eq));
}

static void letters(struct smtp_dialect *d, struct span word)
{
    for (size_t i = 0; i < word.n; i++) {
        char is = word.p[i] >= 'A' && word.p[i] <= 'Z' ? 'U' : ascii_is_alpha(word.p[i]) ? 'l' : 0;
        if (is)
            d->letters = d->letters && d->letters != is ? 'm' : is;
    }
}

static struct span word_of(struct span *line)
{
    size_t i = 0, k;
    while (i < line->n && ascii_is_space(line->p[i]))
        i++;
    for (k = i; k < line->n && !ascii_is_space(line->p[k]);)
        k++;
    struct span w = span_sub(*line, i, k);
    *line = span_sub(*line, k, line->n);
    return w;
}

/* "FROM:<a@b.example> SIZE=1", "FROM: a@b.example" */
static void path(struct smtp_dialect *d, struct span rest, bool is_mail)
{
    while (rest.n && ascii_is_space(rest.p[0]))
        rest = span_sub(rest, 1, rest.n);
    ptrdiff_t colon = span_chr(rest, ':');
    if (colon < 0)
        return;
    letters(d, span_sub(rest, 0, (size_t)colon));
    rest = span_sub(rest, (size_t)colon + 1, rest.n);
    d->has_blank |= rest.n && ascii_is_space(rest.p[0]);
    if (!is_mail)
        return;
    dialect_mail(d, word_of(&rest));
    for (struct span arg; (arg = word_of(&rest)).n;)
        dialect_argument(d, arg);
}

void dialect_command(struct smtp_dialect *d, struct span line)
{
    struct span rest = line, verb = word_of(&rest);
    bool is_ehlo = span_ieq(verb, SPAN_LIT("ehlo"));
    if (is_ehlo || span_ieq(verb, SPAN_LIT("helo")))
        *d = (struct smtp_dialect){.greeting = is_ehlo ? 'E' : 'H'};
    else if (span_ieq(verb, SPAN_LIT("mail")))
        d->greeting = d->greeting ? d->greeting : '-', path(d, rest, true);
    else if (span_ieq(verb, SPAN_LIT("rcpt")))
        path(d, rest, false);
    else if (span_ieq(verb, SPAN_LIT("rset")))
        d->resets |= !d->has_mailed;
    else if (!span_ieq(verb, SPAN_LIT("data")))
        return; /* what is more than these may be anything: secrets, the message */
    letters(d, verb);
}
