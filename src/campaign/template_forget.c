/* template_forget: what one message gave to the dictionaries of a template, and no other did. A word stands in a text with a blank or an end
 * on both sides; of what is taken out nothing is left but that the dictionary is no longer complete. */
#include "campaign/template_priv.h"

static bool has_words(struct span text, struct span words)
{
    for (size_t i = 0; words.n && i + words.n <= text.n; i++)
        if ((i == 0 || text.p[i - 1] == ' ') && (i + words.n == text.n || text.p[i + words.n] == ' ') &&
            memcmp(text.p + i, words.p, words.n) == 0)
            return true;
    return false;
}

static struct span field_of(const struct template_text *t, bool is_subject) { return is_subject ? t->subject : t->text; }

static bool only_gone_has(struct span word, bool is_subject, const struct template_text *gone, const struct template_text *left, size_t n_left)
{
    bool is_only = has_words(field_of(gone, is_subject), word);
    for (size_t i = 0; i < n_left && is_only; i++)
        is_only = !has_words(field_of(&left[i], is_subject), word);
    return is_only;
}

static size_t forget_in(struct template *t, struct piece *p, size_t n, bool is_subject, const struct template_text *gone,
                        const struct template_text *left, size_t n_left)
{
    size_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        struct slot *s = &p[i].slot;
        size_t kept = 0;
        struct span *word = p[i].is_slot && s->n_words ? arena_alloc(t->a, s->n_words * sizeof *word) : NULL;
        for (size_t k = 0; word && k < s->n_words; k++)
            if (!only_gone_has(s->word[k], is_subject, gone, left, n_left))
                word[kept++] = s->word[k];
        if (!p[i].is_slot || kept == s->n_words)
            continue;
        taken += s->n_words - kept; /* all of them where there is no memory */
        s->is_closed = false;
        s->word = word;
        s->n_words = kept;
    }
    return taken;
}

size_t template_forget(struct template *t, const struct template_text *gone, const struct template_text *left, size_t n_left)
{
    return forget_in(t, t->piece, t->n, false, gone, left, n_left) + forget_in(t, t->subject, t->n_subject, true, gone, left, n_left);
}
