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

static void put_bounds(FILE *to, const struct config_key *k)
{
    char lo[40], hi[40];
    if (k->unit && *k->unit && k->type != CONFIG_BYTES && k->type != CONFIG_TIME)
        fprintf(to, " In %s.", k->unit);
    if (k->type == CONFIG_BOOL || k->type == CONFIG_STRING || k->type == CONFIG_LIST || !config_has_bounds(k))
        return;
    config_print_number(lo, k->type, k->least);
    config_print_number(hi, k->type, k->most);
    fprintf(to, " From %s to %s.", lo, hi);
}

static void dump_key(const struct config *c, size_t i, const char *indent, FILE *to)
{
    const struct config_key *k = &c->table[i];
    size_t len = config_section(k->name);
    fprintf(to, "%s# %s", indent, k->help);
    put_bounds(to, k);
    fprintf(to, "\n%s%s = ", indent, k->name + len + (len > 0));
    put_value(to, k, &c->value[i]);
    fputc('\n', to);
}

void config_dump(const struct config *c, FILE *to)
{
    for (size_t i = 0; i < c->n; i++)
        if (!config_section(c->table[i].name))
            dump_key(c, i, "", to);
    for (size_t i = 0; i < c->n; i++) {
        if (!config_begins_section(c->table, i))
            continue;
        size_t len = config_section(c->table[i].name);
        fprintf(to, "%.*s {\n", (int)len, c->table[i].name);
        for (size_t j = i; j < c->n; j++)
            if (config_section(c->table[j].name) == len && strncmp(c->table[j].name, c->table[i].name, len) == 0)
                dump_key(c, j, "    ", to);
        fputs("}\n", to);
    }
}

/* A line that begins with a dot or an apostrophe would be a request, and a backslash an escape. */
static void put_roff(FILE *to, const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", to);
    for (; *s; s++)
        if (*s == '\\')
            fputs("\\e", to);
        else
            fputc(*s == '\n' ? ' ' : *s, to);
}

void config_mdoc(const struct config_key *table, FILE *to)
{
    for (const struct config_key *k = table; k->name; k++) {
        fprintf(to, ".It Cm %s\n", k->name);
        put_roff(to, k->help);
        put_bounds(to, k);
        if (*k->preset) {
            fputs("\nDefault:\n.Ql ", to);
            put_roff(to, k->preset);
            fputs(" .\n", to);
        } else {
            fputs("\nDefault: none.\n", to);
        }
    }
}
