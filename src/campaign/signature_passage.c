/* signature_passage: a template cut into passages, each an expression.
 *
 * Anchors and the narrow slots between them are a row of elements; wide slots and floating anchors part the rows. A row is cut into
 * passages of about PASSAGE_WORDS fixed words each, and PASSAGE_LETTERS bytes at least. Without slots, where that gives PLENTY of them that
 * ham has not: for Vectorscan a passage of fixed words is many times cheaper (bench/templates); else with up to PASSAGE_SLOTS. What ham could have: of every three elements in a row that stand for a known set of
 * words (fixed words, numbers, short complete dictionaries) the sketch is asked for each combination: when it knows none of them, no text
 * that was ever added to ham can match the passage, for its expression wants one of them. ABSENT_PERCENT of the threes must be so. */
#include "base/error.h"
#include "campaign/signature_priv.h"
#include "campaign/template_priv.h"

enum { PLENTY = 6, SURE_PERMILLE = 990 };
enum { PASSAGE_LETTERS = 24, ABSENT_PERCENT = 34, COMBINATIONS_MAX = 64, ROW_MAX = 2048 };

struct element { struct span word; const struct slot *slot; uint16_t permille; };
struct row { struct element e[ROW_MAX]; size_t n; };

static bool is_known(const struct element *e)
{
    if (!e->slot)
        return true;
    if (e->slot->may_be_empty)
        return false;
    return e->slot->type == SLOT_NUMBER || (slot_is_listed(e->slot) && e->slot->most_words == 1);
}

static size_t choices(const struct element *e) { return e->slot && e->slot->type != SLOT_NUMBER ? e->slot->n_words : 1; }

static struct span choice(const struct element *e, size_t i)
{
    return !e->slot ? e->word : e->slot->type == SLOT_NUMBER ? SPAN_LIT("0") : e->slot->word[i];
}

/* Has ham none of the three words that these elements can be? */
static bool is_absent(const struct ham *ham, const struct element *e)
{
    size_t n = choices(e) * choices(e + 1) * choices(e + 2);
    for (size_t i = 0; i < n; i++) {
        uint8_t text[3 * (SLOT_WORD_BYTES + 1)];
        size_t at = 0, k = i;
        for (int w = 0; w < 3; w++) {
            struct span s = choice(&e[w], k % choices(&e[w]));
            k /= choices(&e[w]);
            if (s.n > SLOT_WORD_BYTES)
                return true; /* nobody writes that */
            memcpy(text + at, s.p, s.n);
            at += s.n;
            text[at++] = ' ';
        }
        if (ham_has(ham, span_of(text, at)))
            return false;
    }
    return true;
}

static void ask_ham(const struct ham *ham, const struct element *e, size_t n, struct passage *p)
{
    size_t asked = 0, absent = 0;
    p->is_proven = !ham;
    for (size_t i = 0; ham && i + 2 < n; i++) {
        if (!is_known(&e[i]) || !is_known(&e[i + 1]) || !is_known(&e[i + 2]) ||
            choices(&e[i]) * choices(&e[i + 1]) * choices(&e[i + 2]) > COMBINATIONS_MAX)
            continue;
        asked++;
        absent += is_absent(ham, &e[i]);
    }
    p->is_proven |= absent > 0 && absent * 100 >= asked * ABSENT_PERCENT;
    p->is_ham = asked > 0 && !p->is_proven;
}

static uint32_t letters_of(const struct element *e)
{
    if (!e->slot)
        return (uint32_t)e->word.n;
    if (e->slot->type != SLOT_WORD || !slot_is_listed(e->slot) || e->slot->may_be_empty)
        return 0;
    size_t least = e->slot->word[0].n; /* one of n words tells less than a word */
    for (size_t i = 1; i < e->slot->n_words; i++)
        least = e->slot->word[i].n < least ? e->slot->word[i].n : least;
    return (uint32_t)(least / (e->slot->n_words > 2 ? 3 : 2));
}

static const char *expression(struct arena *a, const struct element *e, size_t n)
{
    struct buf b;
    buf_init(&b, 64 << 10);
    buf_add_byte(&b, ' ');
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = e[i].slot;
        buf_add_str(&b, s && s->may_be_empty ? "(?:" : "");
        if (s)
            slot_expression(s, &b);
        else
            literal_expression(e[i].word, &b);
        buf_add_str(&b, s && s->may_be_empty ? " )?" : " ");
    }
    buf_add_byte(&b, '\0');
    struct span copy = buf_error(&b) ? SPAN_NONE : arena_copy(a, buf_span(&b));
    buf_deinit(&b);
    return (const char *)copy.p;
}

/* ---- rows ---- */

struct cutter { struct arena *a; const struct ham *ham; struct passage *p; size_t n, max, slots; bool is_full; };

static void add_passage(struct cutter *c, const struct element *e, size_t n)
{
    struct passage p = {.signature = SIZE_MAX, .permille = 1000};
    for (size_t i = 0; i < n; i++) {
        p.letters += letters_of(&e[i]);
        p.permille = e[i].permille < p.permille ? e[i].permille : p.permille;
    }
    if (p.letters < PART_LETTERS || c->n == c->max)
        return;
    ask_ham(c->ham, e, n, &p);
    p.expression = expression(c->a, e, n);
    c->is_full |= !p.expression;
    c->p[c->n++] = p;
}

/* Cuts where enough fixed words or too many slots have come; a passage begins and ends with a fixed word. */
static void cut_run(struct cutter *c, const struct element *e, size_t n)
{
    size_t words = 0, letters = 0, i = 0;
    for (size_t k = 0; k < n; k++) {
        words += !e[k].slot;
        letters += e[k].word.n;
    }
    size_t parts = (words + PASSAGE_WORDS / 2) / PASSAGE_WORDS, most = letters / PASSAGE_LETTERS;
    parts = parts < most ? parts : most; /* w o r d s of a letter are little */
    size_t each = parts > 1 ? (words + parts - 1) / parts : words;
    while (i < n) {
        while (i < n && e[i].slot)
            i++;
        size_t end = i, n_words = 0, n_slots = 0;
        for (size_t k = i; k < n && n_words < each && n_slots <= c->slots; k++) {
            n_words += !e[k].slot;
            n_slots += e[k].slot != NULL;
            end = e[k].slot ? end : k + 1;
        }
        if (n_words)
            add_passage(c, e + i, end - i);
        i = end > i ? end : i + 1;
    }
}

static void cut_row(struct cutter *c, const struct row *r)
{
    size_t from = 0;
    for (size_t k = 0; k <= r->n && !c->slots; k++) /* each run of fixed words by itself */
        if (k == r->n || r->e[k].slot) {
            cut_run(c, r->e + from, k - from);
            from = k + 1;
        }
    if (c->slots)
        cut_run(c, r->e, r->n);
}

static void row_add(struct row *r, const struct piece *p)
{
    if (p->is_slot) {
        if (r->n && r->n < ROW_MAX)
            r->e[r->n++] = (struct element){.slot = &p->slot, .permille = p->permille};
        return;
    }
    for (size_t i = 0; i < p->anchor.n && r->n < ROW_MAX;) {
        ptrdiff_t blank = span_chr(span_sub(p->anchor, i, p->anchor.n), ' ');
        size_t end = blank < 0 ? p->anchor.n : i + (size_t)blank;
        r->e[r->n++] = (struct element){.word = span_sub(p->anchor, i, end), .permille = p->permille};
        i = end + 1;
    }
}

/* The m best of n, in their order: those that all messages have, then the long ones. */
static size_t keep_best(struct passage *p, size_t n, size_t m)
{
    while (n > m) {
        size_t worst = 0;
        for (size_t i = 1; i < n; i++) {
            bool is_rare = p[i].permille < SURE_PERMILLE, worst_is_rare = p[worst].permille < SURE_PERMILLE;
            uint32_t x = is_rare && worst_is_rare ? p[i].permille : p[i].letters;
            uint32_t y = is_rare && worst_is_rare ? p[worst].permille : p[worst].letters;
            if (p[i].is_ham != p[worst].is_ham ? p[i].is_ham : is_rare != worst_is_rare ? is_rare : x < y)
                worst = i;
        }
        memmove(&p[worst], &p[worst + 1], (--n - worst) * sizeof *p);
    }
    return n;
}

static void cut(struct cutter *c, const struct template *t, struct row *r)
{
    const struct piece *p;
    size_t n = template_pieces(t, &p);
    c->n = 0;
    r->n = 0;
    for (size_t i = 0; i <= n; i++) {
        bool is_end = i == n || p[i].is_floating || (p[i].is_slot && slot_is_wide(&p[i].slot));
        if (is_end) {
            cut_row(c, r);
            r->n = 0;
        }
        if (i < n && (!is_end || p[i].is_floating))
            row_add(r, &p[i]);
        if (i < n && p[i].is_floating) {
            cut_row(c, r);
            r->n = 0;
        }
    }
}

static bool is_plenty(const struct cutter *c)
{
    size_t n = 0, letters = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->p[i].is_proven && c->p[i].permille >= SURE_PERMILLE) {
            n++;
            letters += c->p[i].letters;
        }
    return n >= PLENTY && letters >= 2 * NEED_LETTERS;
}

size_t passages_cut(struct arena *a, const struct template *t, const struct ham *ham, struct passage *out, size_t max)
{
    struct cutter c = {.a = a, .ham = ham, .max = TEMPLATE_PIECES_MAX * 4};
    struct arena *scratch = arena_new(4 << 20);
    struct row *r = scratch ? arena_alloc(scratch, sizeof *r) : NULL;
    size_t kept = SIZE_MAX;
    c.p = scratch ? arena_alloc(scratch, c.max * sizeof *c.p) : NULL;
    if (r && c.p) {
        cut(&c, t, r);
        c.slots = is_plenty(&c) ? 0 : PASSAGE_SLOTS;
        if (c.slots)
            cut(&c, t, r);
        kept = c.is_full ? SIZE_MAX : keep_best(c.p, c.n, max);
    }
    if (kept != SIZE_MAX)
        memcpy(out, c.p, kept * sizeof *out);
    arena_free(&scratch);
    return kept;
}

const char *passage_of_subject(struct arena *a, const struct template *t, uint32_t *letters_out, bool *ok)
{
    const struct piece *p;
    size_t n = template_subject(t, &p), letters = 0;
    struct arena *scratch = arena_new(1 << 20);
    struct row *r = scratch ? arena_zalloc(scratch, sizeof *r) : NULL;
    const char *text = NULL;
    *ok = r;
    for (size_t i = 0; r && i < n && !(p[i].is_slot && slot_is_wide(&p[i].slot)); i++)
        if (!p[i].is_floating)
            row_add(r, &p[i]);
    while (r && r->n && r->e[r->n - 1].slot)
        r->n--;
    for (size_t i = 0; r && i < r->n; i++)
        letters += letters_of(&r->e[i]);
    *letters_out = (uint32_t)letters;
    if (letters >= PART_LETTERS) {
        text = expression(a, r->e, r->n);
        *ok = text;
    }
    arena_free(&scratch);
    return text;
}
