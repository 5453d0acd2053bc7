/* Keys, names and likeness of mailers.
 *
 * Which traits make the key was chosen on real mail with the program's own claim hidden (bench/mailers): those that a program writes the
 * same way whatever the message says. Traits that come with some messages only (a boundary needs parts, an encoding needs
 * letters; the first charset may stand in the header or in a part, which some programs fold each in its own way) or that the user's machine chooses (the host in a Message-ID, the greeting) are kept for comparing, not for the key. */
#include "botnet/mailer_priv.h"

#include "base/hash.h"

const struct trait_info trait_info[TRAIT_KINDS] = {
    [TRAIT_ORDER] = {"order", true, 3}, [TRAIT_CASE] = {"case", true, 2}, [TRAIT_COLON] = {"colon", true, 1},
    [TRAIT_MID] = {"mid", true, 4}, [TRAIT_DATE] = {"date", true, 1}, [TRAIT_CTYPE] = {"ctype", false, 2},
    [TRAIT_MIME] = {"mime", true, 1}, [TRAIT_FULL_ORDER] = {"fields", false, 1}, [TRAIT_MID_HOST] = {"midhost", false, 1},
    [TRAIT_MID_LENGTH] = {"midlen", false, 1}, [TRAIT_MID_SHAPE] = {"midshape", false, 0}, [TRAIT_MID_HEAD] = {"midhead", false, 0}, [TRAIT_ZONE] = {"zone", false, 0.25},
    [TRAIT_BOUNDARY] = {"boundary", false, 3},
    [TRAIT_BOUNDARY_STYLE] = {"bstyle", false, 1}, [TRAIT_CHARSET] = {"charset", false, 0.5},
    [TRAIT_ENCODING] = {"encoding", false, 0.5}, [TRAIT_STRUCTURE] = {"parts", false, 0.5}, [TRAIT_FROM] = {"from", false, 0.5},
    [TRAIT_TO] = {"to", false, 0.5}, [TRAIT_SUBJECT] = {"subject", false, 0.5}, [TRAIT_CLAIM] = {"claim", false, 2},
    [TRAIT_HELO] = {"helo", false, 1}, [TRAIT_HELO_WORD] = {"heloword", false, 1}, [TRAIT_FORGED] = {"forged", false, 0.5}, [TRAIT_DIALECT] = {"dialect", false, 2},
    [TRAIT_MAIL_ARGS] = {"mailargs", false, 1},
};

_Static_assert((int)TRAIT_KINDS <= (int)MAILER_TRAITS, "a mailer has room for one of each");

const char *mailer_trait_name(unsigned kind) { return kind < TRAIT_KINDS ? trait_info[kind].name : "?"; }

struct word trait_begin(struct mailer *out, enum trait_kind k)
{
    struct mailer_trait *t = &out->trait[out->n++];
    t->kind = (uint8_t)k;
    t->value[0] = '\0';
    return (struct word){.p = t->value, .cap = sizeof t->value};
}

const char *trait_of(const struct mailer *m, unsigned kind)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->trait[i].kind == kind)
            return m->trait[i].value;
    return NULL;
}

static uint64_t key_of(const struct mailer *m)
{
    uint64_t key = 0;
    const char *order = trait_of(m, TRAIT_ORDER);
    if (!order || strlen(order) < 2)
        return 0; /* hardly a header */
    for (unsigned k = 0; k < TRAIT_KINDS; k++) {
        const char *value = trait_info[k].in_key ? trait_of(m, k) : NULL;
        if (value)
            key = hash64(span_str(value), key + k + 1);
    }
    return key ? key : 1;
}

/* A name that the machine was given by its owner or its maker: one word, not what any machine may be called. What is a name in the
 * domain system is the network's, or made up. */
static uint64_t machine_of(const struct source *s)
{
    static const char *const common[] = {"localhost", "user", "home", "pc", "computer", "unknown", "friend", "laptop", "windows",
                                         "server", "mail", "smtp", "mx", "local", "host", "test", "admin", "default", "none", "dell"};
    if (!s || s->helo.n < 3 || s->helo.n > 63 || s->helo.p[0] == '[')
        return 0;
    uint8_t low[64];
    bool letter = false;
    for (size_t i = 0; i < s->helo.n; i++) {
        low[i] = ascii_lower(s->helo.p[i]);
        letter |= ascii_is_alpha(low[i]);
        if (!ascii_is_alnum(low[i]) && low[i] != '-' && low[i] != '_')
            return 0;
    }
    struct span name = span_of(low, s->helo.n);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (span_eq(name, span_str(common[i])))
            return 0;
    return letter ? hash64(name, 0x6d616368) | 1 : 0;
}

void mailer_read(const struct message *m, const struct source *s, const struct smtp_dialect *d, struct mailer *out)
{
    memset(out, 0, sizeof *out);
    traits_read(m, s, d, out);
    out->key = key_of(out);
    out->machine = machine_of(s);
}

double mailer_alike(const struct mailer *a, const struct mailer *b)
{
    double same = 0, all = 0;
    if (a->key && a->key == b->key)
        return 1;
    for (unsigned k = 0; k < TRAIT_KINDS; k++) {
        const char *x = trait_of(a, k), *y = trait_of(b, k);
        if (!x || !y) /* a trait that one has and the other need not have says nothing, unless it makes the key */
            all += (x || y) && trait_info[k].in_key ? trait_info[k].weight / 2 : 0;
        else
            all += trait_info[k].weight, same += strcmp(x, y) == 0 ? trait_info[k].weight : 0;
    }
    return all > 0 ? same / all : 0;
}

/* Proquints (Wilkerson, "A Proposal for Proquints", 2009): 16 bits a word that can be said aloud; three of them, 48 bits. */
void mailer_name(uint64_t key, char out[MAILER_NAME])
{
    static const char consonant[] = "bdfghjklmnprstvz", vowel[] = "aiou";
    char *p = out;
    key = mix64(key); /* event records may number their mailers from 1 */
    memcpy(p, "mailer", 6);
    p += 6;
    for (int i = 0; i < 3; i++) {
        unsigned w = (unsigned)(key >> (48 - 16 * i)) & 0xffff;
        *p++ = '-';
        *p++ = consonant[w >> 12];
        *p++ = vowel[w >> 10 & 3];
        *p++ = consonant[w >> 6 & 15];
        *p++ = vowel[w >> 4 & 3];
        *p++ = consonant[w & 15];
    }
    *p = '\0';
}
