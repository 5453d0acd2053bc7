/* rules_match: one message against lists and expressions.
 *
 * Hits are marked in a bitmap by rule, so that each counts once and comes out in the files' order whichever text was
 * looked at first. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "filter/rules_priv.h"
#include "mail/address.h"
#include "mail/url.h"

enum { WINDOW_BYTES = 64 * 1024, MAILBOXES_MAX = 32, LABELS_MAX = 128, MATCH_LIMIT = 100000, HEAP_LIMIT_KB = 4096 };

struct found { uint32_t rule; struct span matched; };

/* Web links that an `allow url-domain` knows, each once; `last` is the number of the latest. */
struct link_count { uint32_t n, last; };

struct rules_scratch {
    hs_scratch_t *hs;
    pcre2_match_data *match;
    pcre2_match_context *context;
    uint64_t *seen;     /* a bit a rule */
    struct link_count *links; /* one a rule; zero between calls */
    uint32_t *known;    /* rules whose count is not zero */
    size_t n_known;
    struct found *found;
    size_t n_found;
};

/* One call's worth of context. */
struct matching {
    const struct rules *r;
    struct rules_scratch *s;
    struct mail_parser *p;
    struct arena *a;
    const struct message *m;
    const struct envelope *env;
    struct span text, shown; /* what is scanned; what to show for a hit (empty: the end of the match) */
    uint32_t name;           /* TEXT_HEADER: which */
};

void rules_scratch_free(struct rules_scratch **s)
{
    if (!s || !*s)
        return;
    hs_free_scratch((*s)->hs);
    pcre2_match_data_free((*s)->match);
    pcre2_match_context_free((*s)->context);
    free((*s)->seen);
    free((*s)->links);
    free((*s)->known);
    free((*s)->found);
    free(*s);
    *s = NULL;
}

struct rules_scratch *rules_scratch_new(const struct rules *r)
{
    struct rules_scratch *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->seen = calloc(r->n_rules / 64 + 1, sizeof *s->seen);
    s->links = calloc(r->n_rules + 1, sizeof *s->links);
    s->known = malloc((r->n_rules + 1) * sizeof *s->known);
    s->found = malloc((r->n_rules + 1) * sizeof *s->found);
    s->match = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    bool ok = s->seen && s->links && s->known && s->found && s->match && s->context;
    for (int t = 0; ok && t < TEXT_N; t++)
        ok = !r->db[t] || hs_alloc_scratch(r->db[t], &s->hs) == HS_SUCCESS;
    if (!ok) {
        rules_scratch_free(&s);
        return NULL;
    }
    pcre2_set_match_limit(s->context, MATCH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
    return s;
}

static void mark(struct matching *k, uint32_t rule, struct span matched)
{
    uint64_t bit = UINT64_C(1) << (rule & 63);
    if (k->s->seen[rule >> 6] & bit)
        return;
    k->s->seen[rule >> 6] |= bit;
    k->s->found[k->s->n_found++] = (struct found){rule, matched};
}

/* ---- expressions ---- */

/* The last bytes of a match that ends at `to`, from a letter's first byte and on its own line. */
static struct span tail(struct span text, size_t to)
{
    size_t from = to > RULE_MATCHED_MAX ? to - RULE_MATCHED_MAX : 0;
    for (size_t i = to; i > from; i--)
        if (text.p[i - 1] == '\n' && i < to)
            from = i;
    while (from < to && (text.p[from] & 0xc0) == 0x80)
        from++;
    return span_sub(text, from, to);
}

static void hit(struct matching *k, const struct rules_expr *e, size_t to)
{
    if (e->target == TEXT_HEADER && e->name != k->name)
        return;
    mark(k, e->rule, k->shown.n ? span_sub(k->shown, 0, RULE_MATCHED_MAX) : tail(k->text, to));
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
    struct matching *k = context;
    (void)from;
    (void)flags;
    hit(k, &k->r->expr[id], (size_t)to);
    return 0;
}

static void scan_slow(struct matching *k, enum rules_text target, bool is_utf8)
{
    uint32_t checked = is_utf8 ? PCRE2_NO_UTF_CHECK : 0;
    for (size_t i = 0; i < k->r->n_exprs; i++) {
        const struct rules_expr *e = &k->r->expr[i];
        if (!e->is_slow || e->target != target || (target == TEXT_HEADER && e->name != k->name))
            continue;
        /* Past a limit counts as no match: an expression that a sender can stall says nothing. */
        if (pcre2_match(e->code, k->text.p, k->text.n, 0, checked, k->s->match, k->s->context) >= 0)
            hit(k, e, pcre2_get_ovector_pointer(k->s->match)[1]);
    }
}

static void scan_window(struct matching *k, enum rules_text target)
{
    if (!k->text.n)
        return;
    /* Vectorscan and PCRE2 trust that the text is UTF-8; views promise it, and here it is made sure. */
    if (target != TEXT_RAW)
        k->text.n = utf8_valid_prefix(k->text);
    if (k->r->db[target])
        hs_scan(k->r->db[target], (const char *)k->text.p, (unsigned)k->text.n, 0, k->s->hs, on_match, k);
    if (k->r->has_slow[target])
        scan_slow(k, target, target != TEXT_RAW);
}

static void scan(struct matching *k, enum rules_text target, struct span text, struct span shown)
{
    k->shown = shown;
    if (text.n <= 2 * WINDOW_BYTES) {
        k->text = text;
        scan_window(k, target);
        return;
    }
    size_t cut = WINDOW_BYTES, from = text.n - WINDOW_BYTES;
    while (target != TEXT_RAW && cut > WINDOW_BYTES - 4 && (text.p[cut] & 0xc0) == 0x80)
        cut--;
    while (target != TEXT_RAW && from < text.n && (text.p[from] & 0xc0) == 0x80)
        from++;
    k->text = span_sub(text, 0, cut);
    scan_window(k, target);
    k->text = span_sub(text, from, text.n);
    scan_window(k, target);
}

static void scan_urls(struct matching *k)
{
    uint8_t text[4096];
    for (size_t i = 0; i < k->m->n_urls; i++) {
        const struct url *u = &k->m->url[i];
        const struct span part[] = {u->scheme, u->host.n ? SPAN_LIT("://") : SPAN_LIT(":"), u->host, u->path,
                                    u->query.n ? SPAN_LIT("?") : SPAN_NONE, u->query};
        size_t n = 0;
        for (size_t j = 0; j < sizeof part / sizeof *part; j++) {
            size_t take = part[j].n < sizeof text - n ? part[j].n : sizeof text - n;
            if (take)
                memcpy(text + n, part[j].p, take);
            n += take;
        }
        k->shown = u->raw;
        k->text = span_of(text, n); /* a URL fits one window */
        scan_window(k, TEXT_URL);
    }
}

/* All fields of the message itself, as they came. */
static struct span raw_header(const struct message *m)
{
    if (!m->n_fields || m->field[0].part != 0)
        return SPAN_NONE;
    const uint8_t *from = m->field[0].name.p, *to = from;
    for (size_t i = 0; i < m->n_fields && m->field[i].part == 0; i++) {
        const struct field *f = &m->field[i];
        const uint8_t *end = f->raw.p ? f->raw.p + f->raw.n : f->name.p + f->name.n;
        /* Only what stands in the input: a field that was decoded lives elsewhere. */
        if (end > to && end <= m->raw.p + m->raw.n)
            to = end;
    }
    return from >= m->raw.p && from < m->raw.p + m->raw.n ? span_of(from, (size_t)(to - from)) : SPAN_NONE;
}

static bool name_index(const struct rules *r, struct span name, uint32_t *out)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (r->name[i].n == name.n && span_ieq(r->name[i], name)) {
            *out = (uint32_t)i;
            return true;
        }
    return false;
}

static void find(struct matching *k, enum rules_list list, char form, struct span body, struct span shown);

static void look_at_fields(struct matching *k)
{
    const struct rules *r = k->r;
    if (!r->n_names)
        return;
    for (size_t i = 0; i < k->m->n_fields && k->m->field[i].part == 0; i++) {
        const struct field *f = &k->m->field[i];
        if (!name_index(r, f->name, &k->name))
            continue;
        struct span value = span_trim(field_value(k->p, k->a, f));
        if (r->has_text[TEXT_HEADER])
            scan(k, TEXT_HEADER, value, SPAN_NONE);
        if (!r->has_list[LIST_HEADER] || value.n > 512)
            continue;
        uint8_t key[2 + 512] = {(uint8_t)k->name, (uint8_t)(k->name >> 8)};
        for (size_t j = 0; j < value.n; j++)
            key[2 + j] = ascii_lower(value.p[j]);
        find(k, LIST_HEADER, 'h', span_of(key, 2 + value.n), value);
    }
}

static void look_at_texts(struct matching *k)
{
    const struct rules *r = k->r;
    const struct message *m = k->m;
    if (r->has_text[TEXT_SUBJECT])
        scan(k, TEXT_SUBJECT, m->subject, SPAN_NONE);
    for (size_t i = 0; r->has_text[TEXT_BODY] && i < m->n_text; i++)
        scan(k, TEXT_BODY, m->text[i].visible, SPAN_NONE);
    if (r->has_text[TEXT_RAW])
        scan(k, TEXT_RAW, raw_header(m), SPAN_NONE);
    if (r->has_text[TEXT_URL])
        scan_urls(k);
    for (size_t i = 0; r->has_text[TEXT_FILENAME] && i < m->n_parts; i++)
        scan(k, TEXT_FILENAME, m->part[i].filename, SPAN_NONE);
    for (size_t i = 0; i < r->n_anomalies; i++)
        if (m->anomalies >> r->anomaly[i].bit & 1)
            mark(k, r->anomaly[i].rule, SPAN_NONE);
}

/* ---- lists ---- */

/* Which rules may be marked by what is looked up now. */
enum trust { TRUST_DENY, TRUST_ALL, TRUST_ALLOW };

struct lookup { struct matching *k; enum trust trust; uint32_t link; /* its number from 1; 0: no link */ };

static void count_link(struct rules_scratch *s, uint32_t rule, uint32_t link)
{
    struct link_count *c = &s->links[rule];
    if (!c->n)
        s->known[s->n_known++] = rule;
    if (c->last != link)
        c->n++;
    c->last = link;
}

static void find_key(const struct lookup *l, enum rules_list list, char form, struct span body, struct span shown)
{
    uint8_t key[2 + 640];
    const struct rules *r = l->k->r;
    if (body.n > sizeof key - 2)
        return;
    key[0] = (uint8_t)list;
    key[1] = (uint8_t)form;
    if (body.n)
        memcpy(key + 2, body.p, body.n);
    struct span want = span_of(key, body.n + 2);
    uint64_t hash = hash64(want, 0);
    for (size_t at = hash & r->table_mask; r->table[at]; at = (at + 1) & r->table_mask) {
        const struct rules_value *v = &r->value[r->table[at] - 1];
        if (v->hash != hash || !span_eq(v->key, want))
            continue;
        bool allow = r->rule[v->rule].is_allow;
        if (l->trust == (allow ? TRUST_DENY : TRUST_ALLOW))
            continue;
        if (allow && l->link)
            count_link(l->k->s, v->rule, l->link);
        else
            mark(l->k, v->rule, span_sub(shown, 0, RULE_MATCHED_MAX));
    }
}

static void find(struct matching *k, enum rules_list list, char form, struct span body, struct span shown)
{
    find_key(&(struct lookup){k, TRUST_ALL, 0}, list, form, body, shown);
}

/* The domain itself, then itself and each domain above it among those that stand for all below. */
static void find_domain(const struct lookup *l, enum rules_list list, struct span domain, struct span shown)
{
    char name[DOMAIN_MAX + 1];
    size_t n = rules_domain(domain, name);
    if (!n)
        return;
    find_key(l, list, 'd', span_of(name, n), shown);
    for (size_t at = 0; at < n; at++) {
        find_key(l, list, 's', span_of(name + at, n - at), shown);
        while (at < n && name[at] != '.')
            at++;
    }
}

static void find_mailbox(const struct lookup *l, enum rules_list list, struct span local, struct span domain,
                         struct span shown)
{
    char key[128 + 1 + DOMAIN_MAX + 1];
    size_t n = local.n <= 128 ? rules_domain(domain, key + local.n + 1) : 0;
    if (n) {
        for (size_t i = 0; i < local.n; i++)
            key[i] = (char)ascii_lower(local.p[i]);
        key[local.n] = '@';
        find_key(l, list, 'a', span_of(key, local.n + 1 + n), shown);
    }
    find_domain(l, list, domain, shown);
}

static void find_path(const struct lookup *l, enum rules_list list, struct span path)
{
    size_t sign = path.n;
    while (sign > 0 && path.p[sign - 1] != '@')
        sign--;
    if (sign > 0)
        find_mailbox(l, list, span_sub(path, 0, sign - 1), span_sub(path, sign, path.n), path);
}

static size_t mailboxes(struct matching *k, enum field_id id, struct mailbox *out, size_t max, size_t *n_fields)
{
    size_t n = 0;
    *n_fields = 0;
    for (size_t i = 0; i < k->m->n_fields && k->m->field[i].part == 0; i++)
        if (k->m->field[i].id == id) {
            ++*n_fields;
            n += address_list(k->a, k->m->field[i].raw, out + n, max - n);
        }
    return n;
}

static void look_at_from(struct matching *k)
{
    const struct rules *r = k->r;
    struct lookup envelope = {k, TRUST_ALL, 0};
    if (k->env && r->has_list[LIST_ENVELOPE_FROM])
        find_path(&envelope, LIST_ENVELOPE_FROM, k->env->from);
    if (!r->has_list[LIST_FROM] && !r->has_list[LIST_DOMAIN])
        return;
    struct mailbox box[MAILBOXES_MAX];
    size_t n_fields, n = mailboxes(k, FIELD_FROM, box, MAILBOXES_MAX, &n_fields);
    struct lookup from = {k, n == 1 && n_fields == 1 ? TRUST_ALL : TRUST_DENY, 0};
    for (size_t i = 0; i < n; i++) {
        find_mailbox(&from, LIST_FROM, box[i].local, box[i].domain, box[i].domain);
        find_domain(&from, LIST_DOMAIN, box[i].domain, box[i].domain);
    }
    struct span path = k->env ? k->env->from : SPAN_NONE;
    envelope.trust = TRUST_DENY;
    for (size_t i = path.n; i-- > 0;)
        if (path.p[i] == '@') {
            find_domain(&envelope, LIST_DOMAIN, span_sub(path, i + 1, path.n), path);
            break;
        }
}

static void look_at_to(struct matching *k)
{
    if (!k->r->has_list[LIST_TO])
        return;
    bool known = k->env && k->env->n_rcpt;
    struct lookup rcpt = {k, TRUST_ALL, 0}, fields = {k, known ? TRUST_DENY : TRUST_ALL, 0};
    for (size_t i = 0; known && i < k->env->n_rcpt; i++)
        find_path(&rcpt, LIST_TO, k->env->rcpt[i]);
    for (int cc = 0; cc < 2; cc++) {
        struct mailbox box[MAILBOXES_MAX];
        size_t n_fields, n = mailboxes(k, cc ? FIELD_CC : FIELD_TO, box, MAILBOXES_MAX, &n_fields);
        for (size_t i = 0; i < n; i++)
            find_mailbox(&fields, LIST_TO, box[i].local, box[i].domain, box[i].domain);
    }
}

static void look_at_network(struct matching *k)
{
    uint8_t key[17], addr[16];
    if (!k->r->has_list[LIST_NETWORK] || !k->env || !rules_address(k->env->client_addr, addr))
        return;
    for (unsigned bits = 0; bits <= 128; bits++) {
        if (!k->r->has_prefix[bits])
            continue;
        key[0] = (uint8_t)bits;
        memcpy(key + 1, addr, 16);
        rules_mask(key + 1, bits);
        find(k, LIST_NETWORK, 'n', span_of(key, sizeof key), k->env->client_addr);
    }
}

static void look_at_links(struct matching *k)
{
    if (!k->r->has_list[LIST_URL])
        return;
    uint32_t n = 0;
    for (size_t i = 0; i < k->m->n_urls; i++) {
        const struct url *u = &k->m->url[i];
        if (u->flags & URL_IS_MAILTO)
            continue;
        struct lookup l = {k, TRUST_ALL, ++n};
        find_domain(&l, LIST_URL, u->host, u->raw);
        if (u->domain.n != u->host.n && u->domain.n) {
            char name[DOMAIN_MAX + 1];
            size_t len = rules_domain(u->domain, name);
            if (len)
                find_key(&l, LIST_URL, 'd', span_of(name, len), u->raw);
        }
    }
    struct rules_scratch *s = k->s;
    for (size_t i = 0; i < s->n_known; i++) {
        if (s->links[s->known[i]].n == n)
            mark(k, s->known[i], SPAN_NONE);
        s->links[s->known[i]] = (struct link_count){0};
    }
    s->n_known = 0;
}

/* ---- all of it ---- */

static int by_rule(const void *a, const void *b)
{
    uint32_t x = ((const struct found *)a)->rule, y = ((const struct found *)b)->rule;
    return x < y ? -1 : x > y;
}

size_t rules_match(const struct rules *r, struct rules_scratch *s, struct mail_parser *p, struct arena *a,
                   const struct message *m, const struct envelope *env, struct rule_hit *out, size_t max)
{
    struct matching k = {.r = r, .s = s, .p = p, .a = a, .m = m, .env = env};
    s->n_found = 0;
    memset(s->seen, 0, (r->n_rules / 64 + 1) * sizeof *s->seen);
    look_at_texts(&k);
    look_at_fields(&k);
    look_at_from(&k);
    look_at_to(&k);
    look_at_network(&k);
    look_at_links(&k);
    qsort(s->found, s->n_found, sizeof *s->found, by_rule);
    size_t n = s->n_found < max ? s->n_found : max;
    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = &r->rule[s->found[i].rule];
        out[i] = (struct rule_hit){.bits = rule->bits, .reason = rule->reason, .line = rule->line, .file = rule->file,
                                   .is_list = rule->is_list, .matched = s->found[i].matched};
    }
    return n;
}
