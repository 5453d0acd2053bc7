/* template_align: where the words of one text, the backbone, are in another.
 *
 * Pairs of words that each of both texts has once are matched first, as many as can be in one order (a longest increasing subsequence,
 * as "patience" diff does): they are right nearly always, and they cut the texts into small blocks. In a block the ends are matched as far
 * as they are equal, and the rest by dynamic programming: two points for a word, one more for a word beside a matched one, so that
 * phrases win over words that only happen to be there. Blocks of more than BLOCK_CELLS, or past CELLS of a text, are left unmatched:
 * text that repeats itself, or has nothing in common, which is then free text.
 * Cost: a few passes over the words, and at most CELLS steps a text. */
#include "base/hash.h"
#include "campaign/template_priv.h"

enum { BLOCK_CELLS = 1 << 18, CELLS = 1 << 20 };

struct known {
    uint64_t pair;
    uint16_t bone, text;         /* indices plus one; NOWHERE: more than one */
    uint32_t stamp;              /* `text` is of this text */
};
struct both { uint16_t bone, text; };

struct aligner {
    const struct words *bone;
    struct known *table;
    size_t mask;
    uint32_t stamp;
    struct both *pair;           /* in the order of the text; then only those of the chain */
    uint16_t *tail, *before;     /* of chain */
    uint8_t *way;                /* of block: BLOCK_CELLS */
    int32_t *sum, *met;          /* of block: two rows each */
    size_t cells;                /* left for this text */
};

static struct known *slot_of(const struct aligner *g, uint64_t pair)
{
    size_t i = pair & g->mask;
    while (g->table[i].pair && g->table[i].pair != pair)
        i = (i + 1) & g->mask;
    return &g->table[i];
}

struct aligner *aligner_new(struct arena *a, const struct words *bone)
{
    struct aligner *g = arena_zalloc(a, sizeof *g);
    size_t cap = 8, row = TEMPLATE_WORDS_MAX + 2;
    while (cap < 2 * (bone->n + 1))
        cap *= 2;
    if (!g)
        return NULL;
    g->bone = bone;
    g->mask = cap - 1;
    g->table = arena_zalloc(a, cap * sizeof *g->table);
    g->pair = arena_alloc(a, row * sizeof *g->pair);
    g->tail = arena_alloc(a, row * sizeof *g->tail);
    g->before = arena_alloc(a, row * sizeof *g->before);
    g->way = arena_alloc(a, BLOCK_CELLS);
    g->sum = arena_alloc(a, 2 * row * sizeof *g->sum);
    g->met = arena_alloc(a, 2 * row * sizeof *g->met);
    if (!g->table || !g->pair || !g->tail || !g->before || !g->way || !g->sum || !g->met)
        return NULL;
    for (ptrdiff_t i = -1; i < (ptrdiff_t)bone->n; i++) {
        struct known *k = slot_of(g, words_pair(bone, i));
        k->bone = k->pair ? NOWHERE : (uint16_t)(i + 1);
        k->pair = words_pair(bone, i);
    }
    return g;
}

/* Notes where each of the backbone's pairs is in the text. */
static void look(struct aligner *g, const struct words *text)
{
    g->stamp++;
    for (ptrdiff_t i = -1; i < (ptrdiff_t)text->n; i++) {
        struct known *k = slot_of(g, words_pair(text, i));
        if (!k->pair)
            continue;
        k->text = k->stamp == g->stamp ? NOWHERE : (uint16_t)(i + 1);
        k->stamp = g->stamp;
    }
}

static bool is_once(const struct aligner *g, const struct known *k)
{
    return k->pair && k->stamp == g->stamp && k->bone != NOWHERE && k->text != NOWHERE;
}

void aligner_find(struct aligner *g, const struct words *text, uint16_t *at)
{
    look(g, text);
    for (size_t i = 0; i <= g->bone->n; i++) {
        const struct known *k = slot_of(g, words_pair(g->bone, (ptrdiff_t)i - 1));
        at[i] = is_once(g, k) ? k->text : NOWHERE;
    }
}

/* Leaves of the n pairs the longest chain that rises in both texts. */
static size_t chain(struct aligner *g, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        size_t lo = 0, hi = length;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (g->pair[g->tail[mid]].bone < g->pair[i].bone)
                lo = mid + 1;
            else
                hi = mid;
        }
        g->before[i] = lo ? g->tail[lo - 1] : NOWHERE;
        g->tail[lo] = (uint16_t)i;
        length = lo == length ? length + 1 : length;
    }
    uint16_t i = length ? g->tail[length - 1] : NOWHERE;
    for (size_t k = length; k-- > 0; i = g->before[i])
        g->tail[k] = i;
    for (size_t k = 0; k < length; k++)
        g->pair[k] = g->pair[g->tail[k]];
    return length;
}

struct block { size_t bone, text, n_bone, n_text; };
enum { SKIP_BONE = 0, SKIP_TEXT = 1, MATCH = 2, BESIDE = 4 };

static bool same(const struct aligner *g, const struct words *text, size_t i, size_t j)
{
    return g->bone->w[i].hash == text->w[j].hash && g->bone->w[i].n == text->w[j].n;
}

/* Fills g->way; returns how the last cell is best left. */
static uint8_t block_fill(struct aligner *g, const struct words *text, const struct block *b)
{
    const int32_t never = INT32_MIN / 2;
    size_t row = b->n_text + 1;
    int32_t *sum = g->sum, *met = g->met, *sum_up = g->sum + TEMPLATE_WORDS_MAX + 2, *met_up = g->met + TEMPLATE_WORDS_MAX + 2;
    for (size_t j = 0; j < row; j++) {
        sum_up[j] = 0;
        met_up[j] = never;
    }
    met_up[0] = 0; /* what is before the block is matched */
    for (size_t i = 1; i <= b->n_bone; i++) {
        sum[0] = 0;
        met[0] = never;
        for (size_t j = 1; j < row; j++) {
            uint8_t way = 0;
            met[j] = never;
            if (same(g, text, b->bone + i - 1, b->text + j - 1)) {
                bool is_beside = met_up[j - 1] + 1 >= sum_up[j - 1];
                met[j] = 2 + (is_beside ? met_up[j - 1] + 1 : sum_up[j - 1]);
                way = is_beside ? BESIDE : 0;
            }
            int32_t skip = sum_up[j] >= sum[j - 1] ? sum_up[j] : sum[j - 1];
            sum[j] = met[j] >= skip ? met[j] : skip;
            way |= met[j] >= skip ? MATCH : skip == sum_up[j] ? SKIP_BONE : SKIP_TEXT;
            g->way[i * row + j] = way;
        }
        int32_t *t = sum;
        sum = sum_up;
        sum_up = t;
        t = met;
        met = met_up;
        met_up = t;
    }
    return met_up[b->n_text] + 1 >= sum_up[b->n_text] ? MATCH : 0;
}

static void block_match(struct aligner *g, const struct words *text, const struct block *b, uint16_t *at)
{
    size_t cells = (b->n_bone + 1) * (b->n_text + 1), row = b->n_text + 1;
    if (!b->n_bone || !b->n_text || cells > BLOCK_CELLS || cells > g->cells)
        return;
    g->cells -= cells;
    bool is_met = block_fill(g, text, b) == MATCH;
    for (size_t i = b->n_bone, j = b->n_text; i && j;) {
        uint8_t way = g->way[i * row + j];
        if (is_met || (way & 3) == MATCH) {
            at[b->bone + i - 1] = (uint16_t)(b->text + j - 1);
            is_met = way & BESIDE;
            i--;
            j--;
        } else if ((way & 3) == SKIP_BONE) {
            i--;
        } else {
            j--;
        }
    }
}

/* The words [i, i_end) and [j, j_end) lie between matched ones, or the ends of the texts. */
static void between(struct aligner *g, const struct words *text, size_t i, size_t i_end, size_t j, size_t j_end, uint16_t *at)
{
    for (; i < i_end && j < j_end && same(g, text, i, j); i++, j++)
        at[i] = (uint16_t)j;
    for (; i < i_end && j < j_end && same(g, text, i_end - 1, j_end - 1); i_end--, j_end--)
        at[i_end - 1] = (uint16_t)(j_end - 1);
    block_match(g, text, &(struct block){i, j, i_end - i, j_end - j}, at);
}

void aligner_map(struct aligner *g, const struct words *text, uint16_t *at)
{
    size_t n = 0, i = 0, j = 0;
    g->cells = CELLS;
    for (size_t k = 0; k < g->bone->n; k++)
        at[k] = NOWHERE;
    look(g, text);
    for (ptrdiff_t k = 0; k + 1 < (ptrdiff_t)text->n; k++) { /* the ends meet by themselves */
        const struct known *p = slot_of(g, words_pair(text, k));
        if (is_once(g, p) && p->bone > 0)
            g->pair[n++] = (struct both){(uint16_t)(p->bone - 1), (uint16_t)k};
    }
    n = chain(g, n);
    for (size_t k = 0; k < n; k++) {
        size_t to_bone = g->pair[k].bone, to_text = g->pair[k].text;
        between(g, text, i, to_bone, j, to_text, at);
        at[to_bone] = (uint16_t)to_text;
        i = to_bone + 1;
        j = to_text + 1;
    }
    between(g, text, i, g->bone->n, j, text->n, at);
}
