/* config: the table of keys drives everything; libconfuse reads the syntax.
 *
 * To libconfuse every key is a string (or a list of them): this file reads numbers, sizes and times itself, so that
 * bounds and units are told in one way whether a value comes from a file or from the command line. A file is read to
 * the end before any of it counts. libconfuse calls back without a context: it travels as a hidden option that each
 * section carries; a file that spells its name gets an error. */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/config_priv.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/utf8.h"

enum { CONFIG_FILE_MAX = 1 << 20, CONFIG_NAME_MAX = 64, CONFIG_LIST_MAX = 10000, CONFIG_SHOWN_MAX = CONFIG_TITLE_MAX + 140 };

static const char hidden[] = " ";

/* ---- keeping values ---- */

void config_value_free(struct config_value *v)
{
    free(v->s);
    for (size_t i = 0; i < v->n; i++)
        free(v->list[i]);
    free(v->list);
    *v = (struct config_value){0};
}

static int keep_list(struct config_value *v, const char *const *items, size_t n)
{
    v->list = calloc(n + 1, sizeof *v->list);
    for (; v->list && v->n < n; v->n++)
        if (!(v->list[v->n] = strdup(items[v->n])))
            return POSSE_ENOMEM;
    return v->list ? POSSE_OK : POSSE_ENOMEM;
}

int config_keep(const struct config_key *k, struct config_value *into, const char *const *texts, size_t n, const char *where,
                struct report *why)
{
    struct config_value v = {0};
    char trouble[512] = "";
    int rc = POSSE_OK;
    for (size_t j = 0; j < n && !*trouble; j++)
        config_check(k, texts[j], &v, trouble);
    if (*trouble)
        return report_set(why, POSSE_ESYNTAX, "%s%s", where, trouble);
    if (k->type == CONFIG_LIST)
        rc = keep_list(&v, texts, n);
    else if (k->type == CONFIG_STRING && !(v.s = strdup(texts[0])))
        rc = POSSE_ENOMEM;
    if (rc) {
        config_value_free(&v);
        return report_set(why, rc, "%sout of memory", where);
    }
    config_value_free(into);
    *into = v;
    return POSSE_OK;
}

int config_keep_text(const struct config_key *k, struct config_value *into, const char *text, const char *where,
                     struct report *why)
{
    if (k->type != CONFIG_LIST)
        return config_keep(k, into, &text, 1, where, why);
    char *copy = strdup(text), *save = NULL;
    const char **items = calloc(strlen(text) + 1, sizeof *items);
    size_t n = 0;
    int rc = POSSE_ENOMEM;
    if (copy && items) {
        for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
            struct span s = span_trim(span_str(p));
            if (!s.n)
                continue;
            items[n] = (const char *)s.p;
            copy[(size_t)(items[n++] - copy) + s.n] = '\0';
        }
        rc = config_keep(k, into, items, n, where, why);
    } else {
        report_set(why, rc, "%sout of memory", where);
    }
    free(copy);
    free(items);
    return rc;
}

/* ---- keys ---- */

ptrdiff_t config_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->table[i].name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

/* "policy[example.org].tga" is compared as "policy[].tga", and the nearest is told with the title. */
static int unknown_key(const struct config *c, const char *name, const char *where, struct report *why)
{
    const char **names = malloc((c->n + 1) * sizeof *names);
    const char *open = strchr(name, '['), *close = config_title_end(name);
    char plain[CONFIG_NAME_MAX * 2];
    snprintf(plain, sizeof plain, "%.*s%.100s", close ? (int)(open + 1 - name) : 100, name, close ? close : "");
    for (size_t i = 0; names && i < c->n; i++)
        names[i] = c->table[i].name;
    const char *near = names ? nearest(span_str(plain), names, c->n) : NULL;
    free(names);
    if (!near)
        return report_set(why, POSSE_ESYNTAX, "%sunknown key \"%.80s\"; `posse config --dump` lists all", where, name);
    const char *rest = config_title_end(near);
    size_t section = config_section(near);
    if (strcmp(near, name) == 0 && section) /* the full name, where a file has sections */
        return report_set(why, POSSE_ESYNTAX, "%s\"%.80s\" is key \"%s\" of a section; write %.*s { %s = ... }", where, name,
                          near + section + 1, (int)section, near, near + section + 1);
    if (!rest || !close)
        return report_set(why, POSSE_ESYNTAX, "%sunknown key \"%.80s\"; did you mean \"%s\"?", where, name, near);
    return report_set(why, POSSE_ESYNTAX, "%sunknown key \"%.80s\"; did you mean \"%.*s%.*s%s\"?", where, name,
                      (int)(rest - near), near, close - open > 80 ? 80 : (int)(close - open - 1), open + 1, rest);
}

/* "section.key": length of the section; 0: a key of no section. */
size_t config_section(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? (size_t)(dot - name) : 0;
}

int config_new(const struct config_key *table, struct config **out, struct report *why)
{
    *out = NULL;
    struct config *c = calloc(1, sizeof *c);
    size_t n = 0;
    while (table[n].name)
        n++;
    struct config_value *v = calloc(n + 1, sizeof *v);
    if (!c || !v) {
        free(c);
        free(v);
        return report_set(why, POSSE_ENOMEM, "configuration: out of memory");
    }
    *c = (struct config){.table = table, .n = n, .value = v};
    int rc = POSSE_OK;
    for (size_t i = 0; i < n && !rc; i++)
        rc = config_keep_text(&table[i], &v[i], table[i].preset, "default: ", why);
    if (!rc)
        rc = config_groups_new(c, why);
    if (rc)
        config_free(&c);
    *out = c;
    return rc;
}

void config_free(struct config **c)
{
    if (!c || !*c)
        return;
    for (size_t i = 0; i < (*c)->n; i++)
        config_value_free(&(*c)->value[i]);
    config_groups_free(*c);
    free((*c)->value);
    free(*c);
    *c = NULL;
}

int config_set(struct config *c, const char *name, const char *value, struct report *why)
{
    char *title = NULL;
    ptrdiff_t i = config_find_titled(c, name, &title);
    if (i < 0)
        return i == -1 ? unknown_key(c, name, "", why) : report_set(why, POSSE_ENOMEM, "out of memory");
    struct config_key k = c->table[i];
    if (!title && config_has_titles(k.name))
        title = strdup("default");
    struct config_value *into = title ? config_at(c, (size_t)i, title) : &c->value[i];
    k.name = name;
    free(title);
    if (!into)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    return config_keep_text(&k, into, value, "", why);
}

/* ---- files ---- */

struct loading {
    struct config *c;
    const char *path;
    struct report *why;
    int rc;
    cfg_opt_t *opt;     /* all sections' options, each section's run ends with CFG_END */
    size_t n_opt;
    char (*name)[CONFIG_NAME_MAX];
    size_t n_name;
};

static struct loading *loading_of(cfg_t *cfg)
{
    for (cfg_opt_t *o = cfg->opts; o->name; o++)
        if (strcmp(o->name, hidden) == 0)
            return o->simple_value.ptr ? *o->simple_value.ptr : NULL;
    return NULL;
}

static bool is_top(const cfg_t *cfg) { return strcmp(cfg->name, "root") == 0; }

/* The key as the table has it, "policy[].tag", or with its title, "policy[example.org].tag". */
static void full_name(const cfg_t *cfg, const char *key, bool titled, char out[CONFIG_SHOWN_MAX])
{
    const char *title = titled && cfg->title ? cfg->title : "";
    bool top = is_top(cfg), has = !top && cfg->title;
    snprintf(out, CONFIG_SHOWN_MAX, "%.60s%s%.*s%s%s%.60s", top ? "" : cfg->name, has ? "[" : "", CONFIG_TITLE_MAX, title,
             has ? "]" : "", top ? "" : ".", key);
}

/* libconfuse's own complaints: syntax and unknown names. The first counts. */
static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    struct loading *l = loading_of(cfg);
    if (!l || l->rc)
        return;
    char where[300], text[200], name[CONFIG_SHOWN_MAX];
    snprintf(where, sizeof where, "%.280s:%d: ", l->path, cfg->line);
    va_list again;
    va_copy(again, ap);
    vsnprintf(text, sizeof text, fmt, ap);
    if (strstr(fmt, "no such option '%s'")) {
        full_name(cfg, va_arg(again, const char *), true, name);
        l->rc = unknown_key(l->c, name, where, l->why);
    } else if (strstr(fmt, "duplicate title '%s'")) {
        l->rc = report_set(l->why, POSSE_ESYNTAX, "%stwo sections are titled \"%.80s\"; put what they say into one", where,
                           va_arg(again, const char *));
    } else {
        l->rc = report_set(l->why, POSSE_ESYNTAX, "%s%s", where, text);
    }
    va_end(again);
}

/* After each value, while the line is known. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    struct loading *l = loading_of(cfg);
    char name[CONFIG_SHOWN_MAX], trouble[512] = "";
    full_name(cfg, opt->name, false, name);
    ptrdiff_t i = l ? config_find(l->c, name) : -1;
    if (i < 0)
        return -1;
    struct config_key k = l->c->table[i];
    struct config_value v = {0};
    unsigned n = cfg_opt_size(opt);
    const char *text = n ? cfg_opt_getnstr(opt, n - 1) : NULL;
    full_name(cfg, opt->name, true, name);
    k.name = name;
    if (text)
        config_check(&k, text, &v, trouble);
    if (n > CONFIG_LIST_MAX)
        snprintf(trouble, sizeof trouble, "%s has more than %d items", name, CONFIG_LIST_MAX);
    if (!*trouble)
        return 0;
    if (!l->rc)
        l->rc = report_set(l->why, POSSE_ESYNTAX, "%.280s:%d: %s", l->path, cfg->line, trouble);
    return -1;
}

/* After each section with a title. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
    struct loading *l = loading_of(cfg);
    unsigned n = cfg_opt_size(opt);
    cfg_t *last = n ? cfg_opt_getnsec(opt, n - 1) : NULL;
    const char *title = last && last->title ? last->title : "";
    if (*title && strlen(title) <= CONFIG_TITLE_MAX && utf8_valid_prefix(span_str(title)) == strlen(title))
        return 0;
    if (l && !l->rc)
        l->rc = report_set(l->why, POSSE_ESYNTAX, "%.280s:%d: the title of section %s must be a text of 1 to %d bytes", l->path,
                           cfg->line, opt->name, CONFIG_TITLE_MAX);
    return -1;
}

/* Adds the options of one section (its keys' names without it) and their end; returns the first. */
static cfg_opt_t *add_options(struct loading *l, const char *section, size_t len, void **context)
{
    size_t first = l->n_opt;
    for (size_t i = 0; i < l->c->n; i++) {
        const struct config_key *k = &l->c->table[i];
        if (config_section(k->name) != len || strncmp(k->name, section, len) != 0)
            continue;
        const char *name = k->name + len + (len > 0);
        if (k->type == CONFIG_LIST)
            l->opt[l->n_opt++] = (cfg_opt_t)CFG_STR_LIST(name, NULL, CFGF_NODEFAULT);
        else
            l->opt[l->n_opt++] = (cfg_opt_t)CFG_STR(name, NULL, CFGF_NODEFAULT);
        l->opt[l->n_opt - 1].validcb = on_value;
    }
    l->opt[l->n_opt] = (cfg_opt_t)CFG_PTR_CB(hidden, NULL, CFGF_NODEFAULT, NULL, NULL);
    l->opt[l->n_opt++].simple_value.ptr = context;
    if (len) {
        l->opt[l->n_opt++] = (cfg_opt_t)CFG_END();
    }
    return &l->opt[first];
}

bool config_begins_section(const struct config_key *table, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (config_same_section(table[j].name, table[i].name))
            return false;
    return config_section(table[i].name) > 0;
}

/* The whole grammar; the top level comes last, so that its sections stand already. NULL: out of memory. */
static cfg_opt_t *make_options(struct loading *l, void **context)
{
    size_t n = l->c->n;
    l->opt = calloc(4 * n + 4, sizeof *l->opt);
    l->name = calloc(n + 1, sizeof *l->name);
    cfg_opt_t **sub = calloc(n + 1, sizeof *sub);
    bool *is_titled = calloc(n + 1, sizeof *is_titled);
    cfg_opt_t *top = NULL;
    if (l->opt && l->name && sub && is_titled) {
        for (size_t i = 0; i < n; i++) {
            size_t len = config_section(l->c->table[i].name);
            if (!config_begins_section(l->c->table, i) || len >= CONFIG_NAME_MAX)
                continue;
            memcpy(l->name[l->n_name], l->c->table[i].name, len - (config_has_titles(l->c->table[i].name) ? 2 : 0));
            is_titled[l->n_name] = config_has_titles(l->c->table[i].name);
            sub[l->n_name++] = add_options(l, l->c->table[i].name, len, context);
        }
        top = add_options(l, "", 0, context);
        for (size_t i = 0; i < l->n_name; i++) {
            cfg_flag_t flags = is_titled[i] ? CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES : CFGF_NONE;
            l->opt[l->n_opt++] = (cfg_opt_t)CFG_SEC(l->name[i], sub[i], flags);
            l->opt[l->n_opt - 1].validcb = is_titled[i] ? on_section : NULL;
        }
        l->opt[l->n_opt++] = (cfg_opt_t)CFG_END();
    }
    free(sub);
    free(is_titled);
    return top;
}

/* What section `in` sets of key i; title: NULL when its sections have none. */
static int take_value(struct loading *l, cfg_t *in, size_t i, const char *title)
{
    const struct config_key *k = &l->c->table[i];
    size_t len = config_section(k->name);
    cfg_opt_t *o = in ? cfg_getopt(in, k->name + len + (len > 0)) : NULL;
    unsigned n = o ? cfg_opt_size(o) : 0;
    if (!o || !(o->flags & CFGF_MODIFIED) || (!n && k->type != CONFIG_LIST))
        return POSSE_OK;
    const char **texts = calloc(n + 1, sizeof *texts);
    struct config_value *into = title ? config_at(l->c, i, title) : &l->c->value[i];
    int rc = POSSE_ENOMEM;
    for (unsigned j = 0; texts && j < n; j++)
        texts[j] = cfg_opt_getnstr(o, j) ? cfg_opt_getnstr(o, j) : "";
    if (texts && into)
        rc = config_keep(k, into, texts, n, "", l->why);
    else
        report_set(l->why, rc, "%s: out of memory", l->path);
    free(texts);
    return rc;
}

/* A section that says nothing is there nevertheless. */
static int take_titles(struct loading *l, cfg_opt_t *sections, size_t i)
{
    for (unsigned j = 0; sections && j < cfg_opt_size(sections) && !l->rc; j++) {
        cfg_t *in = cfg_opt_getnsec(sections, j);
        if (config_add_title(l->c, i, in->title))
            l->rc = report_set(l->why, POSSE_ENOMEM, "%s: out of memory", l->path);
        else
            l->rc = take_value(l, in, i, in->title);
    }
    return l->rc;
}

/* What the file set. It was checked, so only memory can fail. */
static int take_values(struct loading *l, cfg_t *cfg)
{
    for (size_t i = 0; i < l->c->n && !l->rc; i++) {
        const char *name = l->c->table[i].name;
        size_t len = config_section(name), titled = config_has_titles(name) ? 2 : 0;
        char section[CONFIG_NAME_MAX] = "";
        memcpy(section, name, len < sizeof section ? len - titled : 0);
        if (titled)
            take_titles(l, cfg_getopt(cfg, section), i);
        else
            l->rc = take_value(l, len ? cfg_getsec(cfg, section) : cfg, i, NULL);
    }
    return l->rc;
}

static int parse(struct loading *l, const char *text)
{
    void *context = l;
    cfg_opt_t *top = make_options(l, &context);
    cfg_t *cfg = top ? cfg_init(top, CFGF_NONE) : NULL;
    if (cfg) {
        cfg_set_error_function(cfg, on_error);
        int got = *text ? cfg_parse_buf(cfg, text) : CFG_SUCCESS;
        if (got != CFG_SUCCESS && !l->rc)
            l->rc = report_set(l->why, POSSE_ESYNTAX, "%s: a syntax error", l->path);
        if (!l->rc)
            take_values(l, cfg);
        cfg_free(cfg);
    } else {
        l->rc = report_set(l->why, POSSE_ENOMEM, "%s: out of memory", l->path);
    }
    free(l->opt);
    free(l->name);
    return l->rc;
}

/* libconfuse ends the process when a read fails (a folder, say), so the file is read here. */
static int read_file(const char *path, struct buf *b, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = report_set(why, posse_errno(errno), "%s: cannot open it: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    int rc = S_ISREG(st.st_mode) ? POSSE_OK
                                 : report_set(why, POSSE_ENOTFILE, "%s: not a regular file; name a configuration file", path);
    while (!rc) {
        uint8_t *to = buf_reserve(b, 4096);
        ssize_t n = to ? read(fd, to, 4096) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = report_set(why, posse_errno(errno), "%s: cannot read it: %s", path, strerror(errno));
        if (n <= 0)
            break;
        b->n += (size_t)n;
    }
    close(fd);
    if (!rc && buf_error(b))
        rc = report_set(why, buf_error(b) == POSSE_ELIMIT ? POSSE_ETOOBIG : POSSE_ENOMEM, "%s: over %d bytes", path,
                        CONFIG_FILE_MAX);
    return rc;
}

/* Past the string or comment that begins at i; *closed: it ends before the text does. */
static size_t skip_quoted(const char *t, size_t i, bool *closed)
{
    char quote = t[i++];
    if (quote == '/') {
        const char *end = strstr(t + i + 1, "*/");
        *closed = end != NULL;
        return end ? (size_t)(end - t) + 2 : i + strlen(t + i);
    }
    for (; t[i] && t[i] != quote; i++) {
        const char *brace = quote == '"' && t[i] == '$' && t[i + 1] == '{' ? strchr(t + i, '}') : NULL;
        if (brace)
            i = (size_t)(brace - t);
        else if (t[i] == '\\' && t[i + 1])
            i++;
    }
    *closed = t[i] != '\0';
    return i + *closed;
}

/* libconfuse takes an unclosed section for a closed one, and would stay inside an unclosed string, with all that is
 * loaded after; nor would it say where either began. */
static int check_closed(const char *path, const char *t, struct report *why)
{
    unsigned line = 1, depth = 0, opened = 0;
    for (size_t i = 0; t[i];) {
        if (t[i] == '#' || (t[i] == '/' && t[i + 1] == '/')) {
            i += strcspn(t + i, "\n");
        } else if (t[i] == '"' || t[i] == '\'' || (t[i] == '/' && t[i + 1] == '*')) {
            bool closed;
            size_t end = skip_quoted(t, i, &closed);
            if (!closed)
                return report_set(why, POSSE_ESYNTAX, "%s:%u: a %s that is not closed", path, line,
                                  t[i] == '/' ? "comment" : "string");
            for (; i < end; i++)
                line += t[i] == '\n';
        } else if (t[i] == '$' && t[i + 1] == '{' && strchr(t + i, '}')) {
            i = (size_t)(strchr(t + i, '}') - t) + 1; /* a variable of the environment */
        } else {
            opened = t[i] == '{' && !depth ? line : opened;
            depth += t[i] == '{';
            depth -= t[i] == '}' && depth;
            line += t[i++] == '\n';
        }
    }
    if (depth)
        return report_set(why, POSSE_ESYNTAX, "%s:%u: a brace that is not closed", path, opened);
    return POSSE_OK;
}

int config_load(struct config *c, const char *path, struct report *why)
{
    struct buf b;
    buf_init(&b, CONFIG_FILE_MAX);
    int rc = read_file(path, &b, why);
    if (!rc && memchr(b.p ? (const void *)b.p : "x", 0, b.n))
        rc = report_set(why, POSSE_ESYNTAX, "%s: holds a NUL byte; it is no text", path);
    buf_add_byte(&b, 0);
    if (!rc && buf_error(&b))
        rc = report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    struct loading l = {.c = c, .path = path, .why = why};
    if (!rc)
        rc = check_closed(path, (const char *)b.p, why);
    if (!rc)
        rc = parse(&l, (const char *)b.p);
    buf_deinit(&b);
    return rc;
}

/* ---- asking ---- */

static const struct config_value *get(const struct config *c, const char *name, unsigned types)
{
    ptrdiff_t i = config_find(c, name);
    if (i < 0 || !(types >> c->table[i].type & 1))
        abort();
    return &c->value[i];
}

bool config_bool(const struct config *c, const char *name) { return get(c, name, 1u << CONFIG_BOOL)->i != 0; }
double config_float(const struct config *c, const char *name) { return get(c, name, 1u << CONFIG_FLOAT)->f; }
const char *config_string(const struct config *c, const char *name) { return get(c, name, 1u << CONFIG_STRING)->s; }

int64_t config_int(const struct config *c, const char *name)
{
    return get(c, name, 1u << CONFIG_INT | 1u << CONFIG_BYTES | 1u << CONFIG_TIME)->i;
}

size_t config_list(const struct config *c, const char *name, const char *const **out)
{
    const struct config_value *v = get(c, name, 1u << CONFIG_LIST);
    *out = (const char *const *)v->list;
    return v->n;
}
