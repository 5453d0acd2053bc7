/* config_value: numbers, sizes and times between text and memory. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_priv.h"
#include "base/utf8.h"

/* Digits with an optional point, a sign before; strtod would follow the locale. Returns what follows, NULL: no number. */
static const char *read_number(const char *s, double *out)
{
    bool minus = *s == '-';
    s += *s == '-' || *s == '+';
    double x = 0, scale = 1;
    int digits = 0;
    for (; ascii_is_digit((uint8_t)*s); s++, digits++)
        x = x * 10 + (*s - '0');
    if (*s == '.')
        for (s++; ascii_is_digit((uint8_t)*s); s++, digits++) {
            x = x * 10 + (*s - '0');
            scale *= 10;
        }
    if (!digits || digits > 300 || !isfinite(x) || !isfinite(scale))
        return NULL;
    *out = minus ? -x / scale : x / scale;
    return s;
}

struct suffix { const char *name; double times; };
static const struct suffix byte_suffixes[] = {{"", 1}, {"K", 1024.0}, {"M", 1048576.0},
                                              {"G", 1073741824.0}, {"T", 1099511627776.0}};
static const struct suffix time_suffixes[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

static bool apply_suffix(const char *rest, const struct suffix *s, double *x)
{
    for (int i = 0; i < 5; i++)
        if (strcasecmp(rest, s[i].name) == 0) {
            *x *= s[i].times;
            return true;
        }
    return false;
}

static const char *expected(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL: return "yes or no";
    case CONFIG_INT: return "a whole number";
    case CONFIG_FLOAT: return "a number";
    case CONFIG_BYTES: return "a size such as 64K, 8M or 1G";
    case CONFIG_TIME: return "a time such as 30s, 5m, 2h or 7d";
    default: return "a text";
    }
}

static bool read_bool(const char *s, int64_t *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++)
        if (strcasecmp(s, words[i]) == 0) {
            *out = i & 1;
            return true;
        }
    return false;
}

/* Numbers as they are kept; false: not of the type. */
static bool read_scalar(enum config_type type, const char *s, double *out)
{
    const char *rest = read_number(s, out);
    if (!rest)
        return false;
    if (type == CONFIG_BYTES ? !apply_suffix(rest, byte_suffixes, out)
                             : type == CONFIG_TIME ? !apply_suffix(rest, time_suffixes, out) : *rest != '\0')
        return false;
    /* Past 2^53 a double skips whole numbers. */
    return type == CONFIG_FLOAT || (*out == floor(*out) && fabs(*out) <= 9007199254740992.0);
}

void config_print_number(char out[40], enum config_type type, double x)
{
    const struct suffix *s = type == CONFIG_BYTES ? byte_suffixes : type == CONFIG_TIME ? time_suffixes : NULL;
    if (type == CONFIG_FLOAT) {
        /* The fewest digits that read back to the same value. */
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(out, 40, "%.*g", digits, x);
            if (strtod(out, NULL) == x)
                break;
        }
        for (char *p = out; *p; p++)
            if (*p == ',')
                *p = '.';
        for (int digits = 0; strchr(out, 'e') && digits <= 20; digits++) {
            char plain[400];
            snprintf(plain, sizeof plain, "%.*f", digits, x);
            if (strlen(plain) < 40 && (strtod(plain, NULL) == x || digits == 20))
                memcpy(out, plain, strlen(plain) + 1);
        }
        return;
    }
    int best = 0;
    for (int i = 1; s && i < 5; i++)
        if (x != 0 && fmod(x, s[i].times) == 0)
            best = i;
    snprintf(out, 40, "%" PRId64 "%s", (int64_t)(s ? x / s[best].times : x), s ? s[best].name : "");
}

static const char *space_unit(const struct config_key *k, char out[24])
{
    bool own = k->type == CONFIG_BYTES || k->type == CONFIG_TIME; /* the value itself shows it */
    snprintf(out, 24, "%s%s", k->unit && *k->unit && !own ? " " : "", own || !k->unit ? "" : k->unit);
    return out;
}

bool config_has_bounds(const struct config_key *k) { return k->least < k->most || k->least > k->most || k->least != 0; }

void config_check(const struct config_key *k, const char *text, struct config_value *v, char trouble[512])
{
    trouble[0] = '\0';
    double x = 0;
    bool ok = true;
    if (k->type == CONFIG_BOOL)
        ok = read_bool(text, &v->i);
    else if (k->type == CONFIG_STRING || k->type == CONFIG_LIST)
        ok = utf8_valid_prefix(span_str(text)) == strlen(text);
    else if ((ok = read_scalar(k->type, text, &x)) && config_has_bounds(k) && (x < k->least || x > k->most)) {
        char lo[40], hi[40], unit[24];
        config_print_number(lo, k->type, k->least);
        config_print_number(hi, k->type, k->most);
        snprintf(trouble, 512, "%s must be %s to %s%s, not %.40s", k->name, lo, hi, space_unit(k, unit), text);
        return;
    }
    if (!ok) {
        snprintf(trouble, 512, "%s must be %s, not \"%.80s\"", k->name, expected(k->type), text);
        return;
    }
    v->f = x;
    if (k->type != CONFIG_BOOL && k->type != CONFIG_FLOAT)
        v->i = (int64_t)x;
}

