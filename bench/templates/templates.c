/* templates: how many later messages the first ones' signature matches, and how much ham. See run.
 *   templates spun   SEED N HAM...   polymorphic templates
 *   templates update SEED N HAM...   a new version: how many of it until it is caught
 *   templates real   MAIL HAM...     groups of like mail among those labelled spam
 *   templates ham    SEED HAM...     random ham as if it were a campaign
 *   templates speed                  seconds of processor time
 * Files are those of texts; of HAM only ham counts: what has a + before its name is known, the rest is for the test. The first row of
 * each section says what its numbers are. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../tests/unit/polymorph.h"
#include "base/error.h"
#include "campaign/signature.h"

enum { LATER = 1000, SAMPLE = 2000 };
static const uint8_t key[32] = {1};

struct mail { const char *label; struct span name, subject, text; };
struct mails { struct mail *m; size_t n; };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "templates: %s\n", what);
    exit(2);
}

/* ---- mail ---- */

static void mails_add(struct mails *x, const char *path, const char *label)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    if (!f)
        fail(path);
    while ((len = getline(&line, &room, f)) > 0) {
        char *at = line, *part[4];
        int n = 0;
        line[len - 1] = '\0';
        while (n < 4 && at)
            part[n++] = strsep(&at, "\t");
        if (n < 4 || strcmp(part[0], label) != 0)
            continue;
        if ((x->n & (x->n - 1)) == 0)
            x->m = realloc(x->m, (x->n ? 2 * x->n : 1) * sizeof *x->m);
        x->m[x->n++] = (struct mail){label, span_str(part[1]), span_str(part[2]), span_str(part[3])};
        line = NULL; /* its parts are kept */
        room = 0;
    }
    fclose(f);
}

static struct ham *ham_of(const struct mails *x, size_t n, size_t sample)
{
    struct ham *h;
    if (ham_new(&(struct ham_options){.sample = sample, .key = key}, &h, NULL))
        fail("no memory");
    size_t step = 7919; /* a prime: from all over the files */
    for (size_t i = 0; i < x->n && i < n; i++)
        ham_add(h, x->m[i * step % x->n].text, mix64(i));
    return h;
}

/* Some twenty words of a ham message. */
static struct span ham_words(void *ctx, uint64_t random)
{
    const struct mails *x = ctx;
    for (;; random = mix64(random + 1)) {
        struct span t = x->m[random % x->n].text;
        if (t.n < 300)
            continue;
        size_t from = mix64(random) % (t.n - 150), to = from + 110;
        while (from && t.p[from - 1] != ' ')
            from--;
        while (to < t.n && t.p[to] != ' ')
            to++;
        return span_sub(t, from, to);
    }
}

/* ---- signatures ---- */

struct tally { size_t later, matched, ham; unsigned templates, none, refused, sketch; };

static void count_refused(void *ctx, size_t i, const char *why)
{
    (void)i, (void)why;
    ++*(unsigned *)ctx;
}

static struct signatures *build(const struct signature_in *in, size_t n, const struct ham *h, unsigned *refused)
{
    struct signatures *s;
    struct report why = {0};
    if (signatures_build(in, n, h, count_refused, refused, &s, &why))
        fail(why.text);
    return s;
}

/* How many of the mails any signature matches. With SHOW in the environment their names go to stderr. */
static size_t count_ham(const struct signatures *s, const struct mails *x)
{
    struct signature_scratch *scratch = signature_scratch_new(s);
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct signature_hit hit;
        if (!signatures_match(s, scratch, x->m[i].subject, x->m[i].text, &hit, 1))
            continue;
        n++;
        if (getenv("SHOW"))
            fprintf(stderr, "ham: %.*s: %llu\n", (int)x->m[i].name.n, x->m[i].name.p, (unsigned long long)hit.campaign);
    }
    signature_scratch_free(&scratch);
    return n;
}

/* ---- polymorphic templates ---- */

static const struct kind { const char *name; struct polymorph p; int poison; /* 1: of known ham, 2: of ham that nobody knows */ } kinds[] = {
    {"fixed text", {.sentences = 20}, 0},
    {"numbers, strings, names", {.sentences = 20, .numbers = 100}, 0},
    {"three words in ten spun", {.sentences = 20, .numbers = 50, .spin = 300}, 0},
    {"six words in ten spun", {.sentences = 20, .numbers = 50, .spin = 600}, 0},
    {"optional sentences", {.sentences = 20, .numbers = 50, .spin = 100, .optional = 400}, 0},
    {"swapped words", {.sentences = 20, .numbers = 50, .spin = 100, .swap = 200}, 0},
    {"rare words", {.sentences = 20, .numbers = 50, .spin = 100, .rare = 500}, 0},
    {"sentences in any order", {.sentences = 8, .numbers = 50, .spin = 100, .shuffles = true}, 0},
    {"ham between, each time other", {.sentences = 20, .numbers = 50, .spin = 200, .poison = 4}, 1},
    {"ham between, the same", {.sentences = 20, .numbers = 50, .spin = 200, .fixed_poison = 8}, 1},
    {"unknown ham between, the same", {.sentences = 20, .numbers = 50, .spin = 200, .fixed_poison = 8}, 2},
    {"nine words in ten spun", {.sentences = 20, .numbers = 50, .spin = 900}, 0},
    {"two sentences", {.sentences = 2, .numbers = 50, .spin = 200}, 0},
    {"one sentence", {.sentences = 1, .numbers = 50, .spin = 200}, 0},
    {"all of it", {.sentences = 20, .numbers = 80, .spin = 300, .optional = 300, .swap = 100, .rare = 100, .poison = 3, .fixed_poison = 3}, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct polymorph polymorph_of(const struct kind *k, uint64_t seed, struct mails *known, struct mails *test)
{
    struct polymorph p = k->p;
    p.seed = seed;
    p.ham = ham_words;
    p.ctx = k->poison == 2 ? test : known;
    return p;
}

static struct template *infer(const struct polymorph *p, size_t from, size_t n)
{
    struct template_text t[TEMPLATE_TEXTS_MAX] = {0};
    struct template *out;
    struct buf b[2 * TEMPLATE_TEXTS_MAX];
    for (size_t i = 0; i < n; i++) {
        buf_init(&b[2 * i], 1 << 20);
        buf_init(&b[2 * i + 1], 1 << 20);
        polymorph_subject(p, from + i, &b[2 * i]);
        polymorph_text(p, from + i, &b[2 * i + 1]);
        t[i] = (struct template_text){buf_span(&b[2 * i]), buf_span(&b[2 * i + 1])};
    }
    template_infer(t, n, NULL, &out, NULL);
    for (size_t i = 0; i < 2 * n; i++)
        buf_deinit(&b[i]);
    return out;
}

static size_t count_later(const struct signatures *s, const struct polymorph *p, uint64_t campaign, size_t from, size_t n)
{
    struct signature_scratch *scratch = signature_scratch_new(s);
    struct buf subject, text;
    size_t matched = 0;
    buf_init(&subject, 1 << 20);
    buf_init(&text, 1 << 20);
    for (size_t i = from; i < from + n; i++) {
        struct signature_hit hit[8];
        polymorph_subject(p, i, &subject);
        polymorph_text(p, i, &text);
        size_t hits = signatures_match(s, scratch, buf_span(&subject), buf_span(&text), hit, 8);
        bool is_own = false;
        for (size_t h = 0; h < hits && h < 8; h++)
            is_own |= hit[h].campaign == campaign;
        matched += is_own;
    }
    signature_scratch_free(&scratch);
    buf_deinit(&subject);
    buf_deinit(&text);
    return matched;
}

/* N templates of one kind, each from its first `first` messages. */
static struct tally spun(const struct kind *k, uint64_t seed, size_t n, size_t first, const struct ham *h, struct mails *known,
                         struct mails *test)
{
    struct tally x = {0};
    struct signature_in *in = calloc(n, sizeof *in);
    for (size_t i = 0; i < n; i++) {
        struct polymorph p = polymorph_of(k, seed + i, known, test);
        struct template *t = infer(&p, 0, first);
        if (t)
            in[x.templates++] = (struct signature_in){i, 0, t};
        else
            x.none++;
    }
    struct signatures *s = build(in, x.templates, h, &x.refused);
    for (size_t i = 0; i < n; i++) {
        struct polymorph p = polymorph_of(k, seed + i, known, test);
        x.matched += count_later(s, &p, i, first, LATER);
        x.later += LATER;
    }
    x.ham = count_ham(s, test);
    signatures_free(&s);
    for (size_t i = 0; i < x.templates; i++) {
        struct template *t = (struct template *)in[i].t;
        template_free(&t);
    }
    free(in);
    return x;
}

static void run_spun(uint64_t seed, size_t n, struct mails *known, struct mails *test)
{
    static const size_t first[] = {10, 25, 50, 100, 200};
    struct ham *h = ham_of(known, known->n, SAMPLE);
    printf("spun\twhat\ttemplates\tfirst messages\tno template\trefused\tof later messages matched\tof %zu ham matched\n", test->n);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t f = 0; f < sizeof first / sizeof *first; f++) {
            struct tally x = spun(&kinds[k], seed + 1000 * k, n, first[f], h, known, test);
            printf("spun\t%s\t%zu\t%zu\t%u\t%u\t%.4f\t%zu\n", kinds[k].name, n, first[f], x.none, x.refused,
                   (double)x.matched / (double)x.later, x.ham);
            fflush(stdout);
        }
    ham_free(&h);
}

/* ---- updates ---- */

/* A campaign's version is another from some message on. Whoever watches has the signature of the old one and infers anew when 8, 16, 32,
 * 64 and 100 messages have come that it does not match: how many of the new version until 99 % of its later ones are matched? */
static size_t caught(const struct polymorph *p, const struct signatures *old, const struct ham *h)
{
    static const size_t at[] = {8, 16, 32, 64, 100};
    if (count_later(old, p, 0, 0, LATER) >= LATER * 99 / 100)
        return 0;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct template *t = infer(p, 0, at[i]);
        unsigned refused = 0;
        struct signatures *s = t ? build(&(struct signature_in){1, 1, t}, 1, h, &refused) : NULL;
        bool is_caught = s && count_later(s, p, 1, at[i], LATER) >= LATER * 99 / 100;
        if (s)
            signatures_free(&s);
        template_free(&t);
        if (is_caught)
            return at[i];
    }
    return SIZE_MAX;
}

static void run_update(uint64_t seed, size_t n, struct mails *known)
{
    struct ham *h = ham_of(known, known->n, SAMPLE);
    printf("update\twhat\tupdates\tthe old signature holds\tcaught at 8\t16\t32\t64\t100\tlater or never\n");
    for (size_t k = 0; k < KINDS; k++) {
        size_t count[7] = {0};
        for (size_t i = 0; i < n; i++) {
            struct polymorph p = polymorph_of(&kinds[k], seed + 1000 * k + 2 * i, known, known);
            struct template *t = infer(&p, 0, 200);
            unsigned refused = 0;
            struct signatures *s = build(&(struct signature_in){0, 0, t}, t ? 1 : 0, h, &refused);
            p.seed++;
            size_t c = caught(&p, s, h);
            count[c == 0 ? 0 : c == 8 ? 1 : c == 16 ? 2 : c == 32 ? 3 : c == 64 ? 4 : c == 100 ? 5 : 6]++;
            signatures_free(&s);
            template_free(&t);
        }
        printf("update\t%s\t%zu", kinds[k].name, n);
        for (int c = 0; c < 7; c++)
            printf("\t%zu", count[c]);
        putchar('\n');
        fflush(stdout);
    }
    ham_free(&h);
}

/* ---- real mail ---- */

/* A crude key that shares nothing with templates: the third to the tenth word. */
static uint64_t crude_key(struct span t)
{
    size_t i = 0, from = 0;
    for (unsigned words = 0; words < 10; i++) {
        if (i == t.n)
            return 0;
        words += t.p[i] == ' ';
        from = words == 2 && !from ? i + 1 : from;
    }
    return hash64(span_sub(t, from, i), 0);
}

static int by_key(const void *a, const void *b, void *mails)
{
    const struct mail *m = ((struct mails *)mails)->m;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    uint64_t x = crude_key(m[i].text), y = crude_key(m[k].text);
    return x != y ? (x > y) - (x < y) : (i > k) - (i < k);
}

struct groups { struct signature_in *in; size_t n_in, n, mails, later, matched; unsigned none, refused; };

/* One group: the first ones teach, the others are asked for. */
static void run_group(struct groups *g, const struct mails *mail, const size_t *order, size_t n, size_t first, const struct ham *h)
{
    struct template_text t[TEMPLATE_TEXTS_MAX];
    struct template *x[8];
    size_t made = 0, hits = 0;
    unsigned refused = 0;
    for (size_t i = 0; i < first; i++)
        t[i] = (struct template_text){mail->m[order[i]].subject, mail->m[order[i]].text};
    template_infer_all(t, first, x, 8, &made, NULL, NULL);
    g->in = realloc(g->in, (g->n_in + made + 1) * sizeof *g->in);
    for (size_t i = 0; i < made; i++)
        g->in[g->n_in + i] = (struct signature_in){g->n, (uint32_t)i, x[i]};
    struct signatures *s = build(g->in + g->n_in, made, h, &refused);
    struct signature_scratch *scratch = signature_scratch_new(s);
    for (size_t i = first; i < n; i++)
        hits += signatures_match(s, scratch, mail->m[order[i]].subject, mail->m[order[i]].text, NULL, 0) > 0;
    if (getenv("SHOW"))
        fprintf(stderr, "group of %zu: %zu templates, %u refused, %zu of %zu later: %.80s\n", n, made, refused, hits, n - first,
                (const char *)mail->m[order[0]].text.p);
    g->none += made == 0;
    g->refused += made && !signatures_count(s);
    g->n_in += made;
    g->n++;
    g->mails += n;
    g->later += n - first;
    g->matched += hits;
    signature_scratch_free(&scratch);
    signatures_free(&s);
}

static void run_real(struct mails *mail, const struct ham *h, struct mails *test, size_t first)
{
    enum { LEAST_LATER = 4 };
    struct groups g = {0};
    size_t *order = malloc(mail->n * sizeof *order);
    unsigned refused = 0;
    for (size_t i = 0; i < mail->n; i++)
        order[i] = i;
    qsort_r(order, mail->n, sizeof *order, by_key, mail);
    for (size_t i = 0, end; i < mail->n; i = end) {
        uint64_t k = crude_key(mail->m[order[i]].text);
        for (end = i + 1; end < mail->n && crude_key(mail->m[order[end]].text) == k; end++)
            ;
        if (k && end - i >= first + LEAST_LATER)
            run_group(&g, mail, order + i, end - i, first, h);
    }
    struct signatures *s = build(g.in, g.n_in, h, &refused);
    printf("real\t%zu\t%zu\t%zu\t%zu\t%u\t%u\t%zu\t%.4f\t%zu of %zu\n", mail->n, first, g.n, g.mails, g.none, g.refused, g.later,
           g.later ? (double)g.matched / (double)g.later : 0, count_ham(s, test), test->n);
    fflush(stdout);
    signatures_free(&s);
    for (size_t i = 0; i < g.n_in; i++) {
        struct template *t = (struct template *)g.in[i].t;
        template_free(&t);
    }
    free(g.in);
    free(order);
}

/* ---- ham as if it were spam ---- */

/* Draws of 50 ham texts that were never added: from a hundred in a row, where threads and notices repeat themselves. */
static void run_ham(uint64_t seed, struct mails *known, struct mails *test)
{
    enum { DRAWS = 300, TEXTS = 50 };
    static const size_t amount[] = {1000, 2000, 5000, 10000, SIZE_MAX};
    printf("ham\tham known\tdraws\twith a template\twith a signature\tother ham matched, all draws\n");
    for (size_t a = 0; a < sizeof amount / sizeof *amount; a++) {
        struct ham *h = ham_of(known, amount[a], SAMPLE);
        size_t n_templates = 0, n_signatures = 0, ham = 0;
        for (unsigned d = 0; d < DRAWS; d++) {
            struct template_text t[TEXTS];
            struct template *x;
            size_t from = mix64(seed + d) % (test->n - 2 * TEXTS);
            unsigned refused = 0;
            for (size_t i = 0; i < TEXTS; i++)
                t[i] = (struct template_text){test->m[from + 2 * i].subject, test->m[from + 2 * i].text};
            if (template_infer(t, TEXTS, NULL, &x, NULL))
                continue;
            n_templates++;
            struct signatures *s = build(&(struct signature_in){d, 0, x}, 1, h, &refused);
            n_signatures += signatures_count(s);
            struct mails before = {test->m, from}, behind = {test->m + from + 2 * TEXTS, test->n - from - 2 * TEXTS};
            ham += count_ham(s, &before) + count_ham(s, &behind);
            signatures_free(&s);
            template_free(&x);
        }
        printf("ham\t%llu\t%d\t%zu\t%zu\t%zu\n", (unsigned long long)ham_seen(h), DRAWS, n_templates, n_signatures, ham);
        fflush(stdout);
        ham_free(&h);
    }
}

/* ---- speed ---- */

static void time_infer(const char *what, size_t n, size_t bytes, int form)
{
    struct template_text *t = calloc(n, sizeof *t);
    struct template *x;
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        struct polymorph p = {.seed = form == 1 ? i : 1, .sentences = (unsigned)(bytes / 50), .spin = 300, .numbers = 50};
        if (form < 2)
            polymorph_text(&p, i, &b);
        while (form == 2 && b.n < bytes) /* nothing but repetition */
            buf_add_str(&b, mix64(b.n * 1000 + i) & 1 ? "a " : "b ");
        while (form == 3 && b.n < bytes)
            polymorph_letters(&b, mix64(b.n * 1000 + i), 8, false);
        t[i].text = span_of(b.p, b.n < bytes ? b.n : bytes);
    }
    double from = seconds();
    int rc = template_infer(t, n, NULL, &x, NULL);
    printf("speed\t%s\t%zu\t%zu\t%.3f\t%s\n", what, n, bytes, seconds() - from, rc ? "none" : "template");
    fflush(stdout);
    for (size_t i = 0; i < n; i++)
        free((void *)t[i].text.p);
    template_free(&x);
    free(t);
}

static void time_set(size_t n)
{
    struct signature_in *in = calloc(n, sizeof *in);
    struct ham *h;
    struct mails other = {calloc(2000, sizeof(struct mail)), 2000};
    size_t bytes = 0;
    unsigned refused = 0;
    for (size_t i = 0; i < n; i++)
        in[i] = (struct signature_in){i, 0, infer(&(struct polymorph){.seed = 77 + i, .sentences = 20, .spin = 300, .numbers = 50}, 0, 40)};
    for (size_t i = 0; i < other.n; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        polymorph_text(&(struct polymorph){.seed = 1000000 + i, .sentences = 30}, 0, &b);
        other.m[i].text = buf_span(&b);
        bytes += b.n;
    }
    if (ham_new(&(struct ham_options){.sample = SAMPLE, .key = key}, &h, NULL))
        fail("no memory");
    double from = seconds();
    for (size_t i = 0; i < other.n; i++)
        ham_add(h, other.m[i].text, i);
    double added = seconds();
    struct signatures *s = build(in, n, h, &refused);
    double built = seconds();
    count_ham(s, &other);
    double matched = seconds();
    printf("set\t%zu\t%.2f\t%.1f\t%.1f\t%.0f\n", signatures_count(s), built - added, (matched - built) / 2000 * 1e6, (added - from) / 2000 * 1e6,
           (double)bytes / 2000);
    fflush(stdout);
    signatures_free(&s);
    ham_free(&h);
    for (size_t i = 0; i < n; i++) {
        struct template *t = (struct template *)in[i].t;
        template_free(&t);
    }
    for (size_t i = 0; i < other.n; i++)
        free((void *)other.m[i].text.p);
    free(other.m);
    free(in);
}

static void run_speed(void)
{
    printf("speed\tinference of\ttexts\tbytes each\tseconds\tfound\n");
    time_infer("a template", 200, 2000, 0);
    time_infer("a template", 512, 64000, 0);
    time_infer("strangers", 512, 64000, 1);
    time_infer("two words, over and over", 512, 64000, 2);
    time_infer("no word twice", 512, 64000, 3);
    printf("set\tsignatures\tbuilt in s\tmatch us\tham_add us\tbytes of text\n");
    time_set(10);
    time_set(100);
    time_set(1000);
}

int main(int argc, char **argv)
{
    struct mails mail = {0}, known = {0}, test = {0};
    const char *what = argc > 1 ? argv[1] : "";
    int at = !strcmp(what, "real") || !strcmp(what, "ham") ? 3 : 4;
    if (!strcmp(what, "speed")) {
        run_speed();
        return 0;
    }
    if (argc <= at)
        fail("see the head of templates.c");
    for (int i = at; i < argc; i++)
        mails_add(argv[i][0] == '+' ? &known : &test, argv[i] + (argv[i][0] == '+'), "ham");
    uint64_t seed = strtoull(argv[2], NULL, 10);
    if (!strcmp(what, "spun"))
        run_spun(seed, strtoul(argv[3], NULL, 10), &known, &test);
    else if (!strcmp(what, "update"))
        run_update(seed, strtoul(argv[3], NULL, 10), &known);
    else if (!strcmp(what, "ham"))
        run_ham(seed, &known, &test);
    else if (!strcmp(what, "real")) {
        mails_add(&mail, argv[2], "spam");
        printf("real\tmessages\tfirst\tgroups\tmessages in them\tno template\trefused\tlater\tof them matched\tham matched\n");
        static const size_t first[] = {5, 10, 20, 50, 100};
        struct ham *h = ham_of(&known, known.n, SAMPLE);
        for (size_t i = 0; i < sizeof first / sizeof *first; i++)
            run_real(&mail, h, &test, first[i]);
        ham_free(&h);
    }
    return 0;
}
