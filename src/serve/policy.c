#include "serve/policy.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "filter/model.h"

enum { NAME_BYTES = 320 /* the longest address is 254 */ };

struct policy {
    char *name, *subject;
    double cost[ACTIONS];
    enum policy_mode mode;
    enum policy_trouble trouble;
    unsigned index;
};

/* Sorted by name, so that one is found by bisection: there may be thousands. */
struct policies {
    struct policy *policy;
    size_t n;
    struct policy fallback, authenticated, local, comments; /* where the file has none of that name */
    size_t n_all;
};

static const struct { enum action action; const char *key; } costs[] = {
    {ACTION_TAG, "policy[].tag"}, {ACTION_REWRITE, "policy[].rewrite"}, {ACTION_DEFER, "policy[].defer"},
    {ACTION_QUARANTINE, "policy[].quarantine"}, {ACTION_REJECT, "policy[].reject"}, {ACTION_DISCARD, "policy[].discard"},
};

static void lower(char *s)
{
    for (; *s; s++)
        *s = (char)ascii_lower((uint8_t)*s);
}

/* Addresses, domains, and the four words. */
static bool is_name(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n >= NAME_BYTES)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] <= ' ' || s[i] == '<' || s[i] == '>' || s[i] == ',')
            return false;
    const char *at = strchr(s, '@');
    return !at || (at > s && at[1] && !strchr(at + 1, '@'));
}

static int read_word(const struct config *c, const char *title, const char *key, const char *const word[2], int *out, struct report *why)
{
    const char *value = config_string_of(c, key, title);
    for (*out = 0; *out < 2; (*out)++)
        if (strcmp(value, word[*out]) == 0)
            return POSSE_OK;
    return report_set(why, POSSE_ESYNTAX, "policy \"%s\": %s is \"%.40s\", but may be %s or %s", title, key + sizeof "policy[]." - 1,
                      value, word[0], word[1]);
}

static int read_policy(const struct config *c, const char *title, struct policy *p, struct report *why)
{
    static const char *const modes[2] = {"enforce", "observe"}, *const troubles[2] = {"accept", "defer"};
    int mode, trouble, err;
    *p = (struct policy){0};
    if (!is_name(title))
        return report_set(why, POSSE_ESYNTAX, "policy \"%.80s\": expected an address, a domain, .domain, default, authenticated, local or comments",
                          title);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        p->cost[costs[i].action] = config_float_of(c, costs[i].key, title);
    if ((err = read_word(c, title, "policy[].mode", modes, &mode, why)) ||
        (err = read_word(c, title, "policy[].on_trouble", troubles, &trouble, why)))
        return err;
    p->mode = (enum policy_mode)mode;
    p->trouble = (enum policy_trouble)trouble;
    p->name = strdup(title);
    p->subject = strdup(config_string_of(c, "policy[].subject", title));
    if (!p->name || !p->subject)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    lower(p->name);
    for (const char *s = p->subject; *s; s++)
        if ((uint8_t)*s < ' ' || (uint8_t)*s == 127)
            return report_set(why, POSSE_ESYNTAX, "policy \"%s\": subject holds a line end or another control character", title);
    return POSSE_OK;
}

/* Nothing is done to it, whatever its score. */
static int make_idle(const struct config *c, const char *title, struct policy *p, struct report *why)
{
    int err = read_policy(c, title, p, why);
    memset(p->cost, 0, sizeof p->cost);
    return err;
}

/* A comment that waits for its moderator costs less than a lost mail. */
static int make_comments(const struct config *c, struct policy *p, struct report *why)
{
    int err = make_idle(c, "comments", p, why);
    p->cost[ACTION_TAG] = 0.01;
    return err;
}

static int compare(const void *a, const void *b) { return strcmp(((const struct policy *)a)->name, ((const struct policy *)b)->name); }

static int read_all(const struct config *c, struct policies *all, struct report *why)
{
    const char *const *title;
    size_t n = config_titles(c, "policy", &title);
    all->policy = calloc(n + 1, sizeof *all->policy);
    if (!all->policy)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = POSSE_OK;
    while (!err && all->n < n) {
        err = read_policy(c, title[all->n], &all->policy[all->n], why);
        all->n++;
    }
    if (err)
        return err;
    qsort(all->policy, all->n, sizeof *all->policy, compare);
    for (size_t i = 0; i < all->n; i++) {
        all->policy[i].index = (unsigned)i;
        if (i && strcmp(all->policy[i].name, all->policy[i - 1].name) == 0)
            return report_set(why, POSSE_ESYNTAX, "policy \"%s\": there are two sections of that name (case does not matter)",
                              all->policy[i].name);
    }
    all->n_all = all->n + 4;
    if ((err = read_policy(c, "default", &all->fallback, why)) || (err = make_idle(c, "authenticated", &all->authenticated, why)) ||
        (err = make_idle(c, "local", &all->local, why)) || (err = make_comments(c, &all->comments, why)))
        return err;
    all->fallback.index = (unsigned)n;
    all->authenticated.index = (unsigned)n + 1;
    all->local.index = (unsigned)n + 2;
    all->comments.index = (unsigned)n + 3;
    return POSSE_OK;
}

int policies_new(const struct config *c, struct policies **out, struct report *why)
{
    struct policies *all = calloc(1, sizeof *all);
    int err = all ? read_all(c, all, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (err)
        policies_free(&all);
    *out = all;
    return err;
}

static void policy_deinit(struct policy *p)
{
    free(p->name);
    free(p->subject);
}

void policies_free(struct policies **p)
{
    if (!p || !*p)
        return;
    for (size_t i = 0; (*p)->policy && i < (*p)->n; i++)
        policy_deinit(&(*p)->policy[i]);
    free((*p)->policy);
    policy_deinit(&(*p)->fallback);
    policy_deinit(&(*p)->authenticated);
    policy_deinit(&(*p)->local);
    policy_deinit(&(*p)->comments);
    free(*p);
    *p = NULL;
}

/* ---- finding ---- */

static const struct policy *named(const struct policies *p, const char *name)
{
    size_t lo = 0, hi = p->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(p->policy[mid].name, name);
        if (c == 0)
            return &p->policy[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static const struct policy *or_else(const struct policies *p, const char *name, const struct policy *otherwise)
{
    const struct policy *found = named(p, name);
    return found ? found : otherwise;
}

/* name: the whole address in lower case. */
static const struct policy *of_address(const struct policies *p, const char *name)
{
    const struct policy *found = named(p, name);
    const char *at = strrchr(name, '@');
    if (found || !at)
        return found;
    found = named(p, at + 1);
    /* the nearest parent first: ".b.example.org" is of more say than ".example.org" */
    for (const char *dot = strchr(at + 1, '.'); !found && dot; dot = strchr(dot + 1, '.'))
        found = named(p, dot);
    return found;
}

const struct policy *policies_find(const struct policies *p, enum policy_who who, struct span rcpt)
{
    if (who == POLICY_AUTHENTICATED)
        return or_else(p, "authenticated", &p->authenticated);
    if (who == POLICY_LOCAL)
        return or_else(p, "local", &p->local);
    if (who == POLICY_COMMENTS)
        return or_else(p, "comments", &p->comments);
    char name[NAME_BYTES];
    const struct policy *found = NULL;
    /* A recipient "default" or "local" is a user without a domain, who must not be taken for the section; a final dot names
     * the same domain. */
    if (rcpt.n && rcpt.n < sizeof name && span_chr(rcpt, '@') >= 0) {
        memcpy(name, rcpt.p, rcpt.n);
        name[rcpt.n] = '\0';
        if (strlen(name) == rcpt.n) {
            lower(name);
            if (name[rcpt.n - 1] == '.')
                name[rcpt.n - 1] = '\0';
            found = of_address(p, name);
        }
    }
    return found ? found : or_else(p, "default", &p->fallback);
}

size_t policies_n(const struct policies *p) { return p->n_all; }
unsigned policy_index(const struct policy *p) { return p->index; }
const char *policy_name(const struct policy *p) { return p->name; }
enum policy_mode policy_mode(const struct policy *p) { return p->mode; }
enum policy_trouble policy_trouble(const struct policy *p) { return p->trouble; }
const char *policy_subject(const struct policy *p) { return p->subject; }

/* ---- scores ---- */

void policy_bits(const struct policy *p, struct engine *e, struct policy_bits *out)
{
    out->from[ACTION_NONE] = -INFINITY;
    for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
        out->from[a] = INFINITY;
        if (!(p->cost[a] > 0))
            continue;
        struct model_threshold t;
        engine_threshold(e, p->cost[a], &t);
        out->from[a] = t.bits;
    }
}

enum action policy_action(const struct policy_bits *b, double bits)
{
    int a = ACTIONS - 1;
    while (a > ACTION_NONE && !(bits >= b->from[a]))
        a--;
    return (enum action)a;
}
