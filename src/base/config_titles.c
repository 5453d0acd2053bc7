/* config_titles: sections that may stand several times, each with a title: policy "example.org" { tag = 0.001 }.
 * A row holds what its section says and nothing else, so that "default" and the presets show through. */
#include <stdlib.h>
#include <string.h>

#include "base/config_priv.h"
#include "base/error.h"

bool config_has_titles(const char *name)
{
    size_t len = config_section(name);
    return len > 2 && memcmp(name + len - 2, "[]", 2) == 0;
}

bool config_same_section(const char *a, const char *b)
{
    size_t len = config_section(a);
    return config_section(b) == len && memcmp(a, b, len) == 0;
}

/* The last "]." ends it: a key holds none, a title may. */
const char *config_title_end(const char *name)
{
    const char *end = NULL, *open = strchr(name, '[');
    for (const char *p = open; p && (p = strstr(p, "].")); p++)
        end = p;
    return end;
}

ptrdiff_t config_find_titled(const struct config *c, const char *name, char **title_out)
{
    *title_out = NULL;
    const char *end = config_title_end(name), *open = strchr(name, '[');
    if (!end || end == open + 1 || end - open - 1 > CONFIG_TITLE_MAX)
        return config_find(c, name);
    size_t before = (size_t)(open + 1 - name);
    for (size_t i = 0; i < c->n; i++)
        if (strncmp(c->table[i].name, name, before) == 0 && strcmp(c->table[i].name + before, end) == 0) {
            *title_out = strndup(open + 1, (size_t)(end - open - 1));
            return *title_out ? (ptrdiff_t)i : -2;
        }
    return -1;
}

int config_groups_new(struct config *c, struct report *why)
{
    c->group = calloc(c->n + 1, sizeof *c->group);
    if (!c->group)
        return report_set(why, POSSE_ENOMEM, "configuration: out of memory");
    for (size_t i = 0; i < c->n; i++)
        if (config_has_titles(c->table[i].name) && config_begins_section(c->table, i))
            c->group[c->n_group++].first = i;
    return POSSE_OK;
}

void config_groups_free(struct config *c)
{
    for (struct config_group *g = c->group; g < c->group + c->n_group; g++) {
        for (struct config_row *r = g->row; r < g->row + g->n; r++) {
            for (size_t i = 0; i < r->n; i++)
                config_value_free(&r->said[i].value);
            free(r->said);
            free(r->title);
        }
        free(g->row);
        free(g->title);
        free(g->sorted);
    }
    free(c->group);
}

const struct config_group *config_group_of(const struct config *c, size_t key)
{
    for (size_t i = 0; i < c->n_group; i++)
        if (config_same_section(c->table[c->group[i].first].name, c->table[key].name))
            return &c->group[i];
    return NULL;
}

/* Index into g->sorted of the first title that is not less; *equal: it is this one. */
static size_t search(const struct config_group *g, const char *title, bool *equal)
{
    size_t lo = 0, hi = g->n;
    *equal = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int cmp = strcmp(g->title[g->sorted[mid]], title);
        *equal = *equal || cmp == 0;
        if (cmp < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct config_row *row_of(const struct config_group *g, const char *title)
{
    bool equal;
    size_t at = search(g, title, &equal);
    return equal ? &g->row[g->sorted[at]] : NULL;
}

/* Room for one more of everything; what has grown stays right when the next cannot. */
static bool grow(struct config_group *g)
{
    if (g->n & (g->n - 1) || g->n == 1) /* they grow at 0, 2, 4, 8, ... */
        return true;
    size_t n = g->n ? 2 * g->n : 2;
    struct config_row *row = realloc(g->row, n * sizeof *row);
    g->row = row ? row : g->row;
    const char **title = realloc(g->title, n * sizeof *title);
    g->title = title ? title : g->title;
    size_t *sorted = realloc(g->sorted, n * sizeof *sorted);
    g->sorted = sorted ? sorted : g->sorted;
    return row && title && sorted;
}

static struct config_row *add_row(struct config_group *g, const char *title)
{
    bool equal;
    size_t at = search(g, title, &equal);
    if (equal)
        return &g->row[g->sorted[at]];
    char *copy = strdup(title);
    if (!copy || !grow(g)) {
        free(copy);
        return NULL;
    }
    g->row[g->n] = (struct config_row){.title = copy};
    g->title[g->n] = copy;
    memmove(g->sorted + at + 1, g->sorted + at, (g->n - at) * sizeof *g->sorted);
    g->sorted[at] = g->n;
    return &g->row[g->n++];
}

int config_add_title(struct config *c, size_t key, const char *title)
{
    return add_row((struct config_group *)config_group_of(c, key), title) ? POSSE_OK : POSSE_ENOMEM;
}

static struct config_value *said(const struct config_row *r, size_t key)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (r->said[i].key == key)
            return &r->said[i].value;
    return NULL;
}

struct config_value *config_at(struct config *c, size_t key, const char *title)
{
    struct config_row *r = add_row((struct config_group *)config_group_of(c, key), title);
    struct config_value *v = said(r, key);
    if (!r || v)
        return v;
    struct config_said *more = realloc(r->said, (r->n + 1) * sizeof *more);
    if (!more)
        return NULL;
    r->said = more;
    r->said[r->n] = (struct config_said){.key = key};
    return &r->said[r->n++].value;
}

/* ---- asking ---- */

size_t config_titles(const struct config *c, const char *section, const char *const **out)
{
    size_t len = strlen(section);
    for (size_t i = 0; i < c->n_group; i++) {
        const char *name = c->table[c->group[i].first].name;
        if (config_section(name) == len + 2 && memcmp(name, section, len) == 0) {
            *out = (const char *const *)c->group[i].title;
            return c->group[i].n;
        }
    }
    abort();
}

static const struct config_value *get_of(const struct config *c, const char *name, const char *title, unsigned types)
{
    ptrdiff_t i = config_find(c, name);
    const struct config_group *g = i < 0 ? NULL : config_group_of(c, (size_t)i);
    if (!g || !(types >> c->table[i].type & 1))
        abort();
    const struct config_value *v = said(row_of(g, title), (size_t)i);
    if (!v)
        v = said(row_of(g, "default"), (size_t)i);
    return v ? v : &c->value[i];
}

bool config_title_has(const struct config *c, const char *name, const char *title)
{
    ptrdiff_t i = config_find(c, name);
    const struct config_group *g = i < 0 ? NULL : config_group_of(c, (size_t)i);
    if (!g)
        abort();
    return said(row_of(g, title), (size_t)i) != NULL;
}

bool config_bool_of(const struct config *c, const char *name, const char *title)
{
    return get_of(c, name, title, 1u << CONFIG_BOOL)->i != 0;
}

int64_t config_int_of(const struct config *c, const char *name, const char *title)
{
    return get_of(c, name, title, 1u << CONFIG_INT | 1u << CONFIG_BYTES | 1u << CONFIG_TIME)->i;
}

double config_float_of(const struct config *c, const char *name, const char *title)
{
    return get_of(c, name, title, 1u << CONFIG_FLOAT)->f;
}

const char *config_string_of(const struct config *c, const char *name, const char *title)
{
    return get_of(c, name, title, 1u << CONFIG_STRING)->s;
}

size_t config_list_of(const struct config *c, const char *name, const char *title, const char *const **out)
{
    const struct config_value *v = get_of(c, name, title, 1u << CONFIG_LIST);
    *out = (const char *const *)v->list;
    return v->n;
}
