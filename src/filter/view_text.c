#include "filter/view_text.h"

/* Words of languages that the prior does not know have kinds of their own (language.h). */
enum { K_WORD = 0x201, K_SUBJECT_WORD, K_PAIR, K_OTHER_LANGUAGE = 0x1000 };
enum { WINDOW = 4, PAIR_TOKENS_MAX = 900 };

static inline struct span token_bytes(const struct text *t, size_t i)
{
    return span_of(t->folded.p + t->tok[i].off, t->tok[i].len);
}

static uint64_t kind_for(const struct text *t, uint64_t kind) { return t->is_english ? kind : kind + K_OTHER_LANGUAGE; }

static void emit_tokens(struct sink *s, const struct text *t, size_t n, uint64_t kind)
{
    for (size_t i = 0; i < n && !sink_full(s); i++) {
        const struct token *k = &t->tok[i];
        s->part = k->part;
        sink_put_at(s, hash64(token_bytes(t, i), kind) * 0x9E3779B97F4A7C15ull, NULL, k->from.p, k->from.n);
    }
    s->part = 0;
}

void subject_emit(struct sink *s, const struct text *t) 
{
    emit_tokens(s, t, t->zone_start[ZONE_OWN], kind_for(t, K_SUBJECT_WORD));
}

void words_emit(struct sink *s, const struct text *t) { emit_tokens(s, t, t->n, kind_for(t, K_WORD)); }

void pairs_emit(struct sink *s, const struct text *t)
{
    uint64_t last[WINDOW] = {0}, kind = kind_for(t, K_PAIR);
    size_t n = t->zone_start[ZONE_QUOTED] < PAIR_TOKENS_MAX ? t->zone_start[ZONE_QUOTED] : PAIR_TOKENS_MAX;
    for (size_t i = 0; i < n && !sink_full(s); i++) {
        if (i == t->zone_start[ZONE_OWN])
            memset(last, 0, sizeof last);
        const struct token *k = &t->tok[i];
        uint64_t h = hash64(token_bytes(t, i), kind);
        s->part = k->part;
        for (size_t d = 1; d < WINDOW && d <= i; d++) {
            uint64_t before = last[(i - d) % WINDOW];
            if (before)
                sink_put_at(s, mix64(before * 31 + h * (2 * d + 1)), NULL, k->from.p, k->from.n);
        }
        last[i % WINDOW] = h;
    }
    s->part = 0;
}
