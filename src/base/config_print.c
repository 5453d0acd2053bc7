/* config_print: the table of keys as a file and as a manual page. */
#include <string.h>

#include "base/config_priv.h"

/* Double quotes, in which libconfuse would expand ${...} and escapes. */
static void put_string(FILE *to, const char *s)
{
    fputc('"', to);
    for (; *s; s++) {
        if (*s == '\n')
            fputs("\\n", to);
        else if ((unsigned char)*s < 32 || *s == 127)
            fprintf(to, "\\x%02x", (unsigned)*s);
        else
            fprintf(to, "%s%c", strchr("\"\\$", *s) ? "\\" : "", *s);
    }
    fputc('"', to);
}

static void put_value(FILE *to, const struct config_key *k, const struct config_value *v)
{
    char text[40];
    switch (k->type) {
    case CONFIG_BOOL: fputs(v->i ? "yes" : "no", to); break;
    case CONFIG_STRING: put_string(to, v->s); break;
    case CONFIG_LIST:
        fputc('{', to);
        for (size_t i = 0; i < v->n; i++) {
            fputs(i ? ", " : "", to);
            put_string(to, v->list[i]);
        }
        fputc('}', to);
        break;
    default:
        config_print_number(text, k->type, k->type == CONFIG_FLOAT ? v->f : (double)v->i);
        fputs(text, to);
    }
}

/* between: what parts sentences. */
static void put_bounds(FILE *to, const struct config_key *k, const char *between)
{
    char lo[40], hi[40];
    if (k->unit && *k->unit && k->type != CONFIG_BYTES && k->type != CONFIG_TIME)
        fprintf(to, "%sIn %s.", between, k->unit);
    if (k->type == CONFIG_BOOL || k->type == CONFIG_STRING || k->type == CONFIG_LIST || !config_has_bounds(k))
        return;
    config_print_number(lo, k->type, k->least);
    config_print_number(hi, k->type, k->most);
    fprintf(to, "%sFrom %s to %s.", between, lo, hi);
}

static void dump_help(const struct config_key *k, const char *indent, FILE *to)
{
    fprintf(to, "%s# %s", indent, k->help);
    put_bounds(to, k, " ");
    fputc('\n', to);
}

static void dump_value(const struct config_key *k, const struct config_value *v, const char *indent, FILE *to)
{
    size_t len = config_section(k->name);
    fprintf(to, "%s%s = ", indent, k->name + len + (len > 0));
    put_value(to, k, v);
    fputc('\n', to);
}

static void dump_section(const struct config *c, size_t first, const char *indent, FILE *to)
{
    for (size_t i = first; i < c->n; i++) {
        if (!config_same_section(c->table[i].name, c->table[first].name))
            continue;
        dump_help(&c->table[i], indent, to);
        dump_value(&c->table[i], &c->value[i], indent, to);
    }
}

/* What a section of that name may say, as a comment with the presets; then those that there are, with what they say. */
static void dump_titled(const struct config *c, const struct config_group *g, FILE *to)
{
    int len = (int)config_section(c->table[g->first].name) - 2;
    const char *name = c->table[g->first].name;
    fprintf(to, "# %.*s \"TITLE\" { # any number of them; what one leaves out is as in \"default\", then as here\n", len, name);
    dump_section(c, g->first, "#     ", to);
    fputs("# }\n", to);
    for (size_t i = 0; i < g->n; i++) {
        fprintf(to, "%.*s ", len, name);
        put_string(to, g->title[i]);
        fputs(" {\n", to);
        for (size_t j = 0; j < g->row[i].n; j++)
            dump_value(&c->table[g->row[i].said[j].key], &g->row[i].said[j].value, "    ", to);
        fputs("}\n", to);
    }
}

void config_dump(const struct config *c, FILE *to)
{
    for (size_t i = 0; i < c->n; i++)
        if (!config_section(c->table[i].name)) {
            dump_help(&c->table[i], "", to);
            dump_value(&c->table[i], &c->value[i], "", to);
        }
    for (size_t i = 0; i < c->n; i++) {
        if (!config_begins_section(c->table, i))
            continue;
        if (config_has_titles(c->table[i].name)) {
            dump_titled(c, config_group_of(c, i), to);
            continue;
        }
        fprintf(to, "%.*s {\n", (int)config_section(c->table[i].name), c->table[i].name);
        dump_section(c, i, "    ", to);
        fputs("}\n", to);
    }
}

/* A line that begins with a dot or an apostrophe would be a request, and a backslash an escape. Each sentence begins a line,
 * as the manual's readers want it. */
static void put_roff(FILE *to, const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", to);
    for (; *s; s++)
        if (*s == '\\')
            fputs("\\e", to);
        else if (s[0] == '.' && s[1] == ' ' && s[2] >= 'A' && s[2] <= 'Z')
            s++, fputs(".\n", to);
        else
            fputc(*s == '\n' ? ' ' : *s, to);
}

void config_mdoc(const struct config_key *table, FILE *to)
{
    for (const struct config_key *k = table; k->name; k++) {
        size_t len = config_section(k->name);
        if (config_has_titles(k->name))
            fprintf(to, ".It Cm %.*s[ Ns Ar TITLE Ns Cm ]%s\n", (int)len - 2, k->name, k->name + len);
        else
            fprintf(to, ".It Cm %s\n", k->name);
        put_roff(to, k->help);
        put_bounds(to, k, "\n");
        if (*k->preset) {
            fputs("\nDefault:\n.Ql ", to);
            put_roff(to, k->preset);
            fputs(" .\n", to);
        } else {
            fputs("\nDefault: none.\n", to);
        }
    }
}
