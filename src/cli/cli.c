/* cli: options, messages and times; the shared half of every subcommand. */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { OPTIONS_MAX = 96 };

/* Names of files and what they hold were chosen by others: nothing of them drives a terminal. C0, DEL, and C1 in UTF-8. */
static void plain(char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < ' ' && *s != '\n' && *s != '\t') || *s == 0x7f)
            *s = '?';
        else if ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0)
            s[0] = s[1] = '?';
}

static void vmessage(const char *prefix, const char *fmt, va_list ap)
{
    char text[8192];
    fflush(stdout); /* so that a message stands where it belongs when both go to one place */
    vsnprintf(text, sizeof text, fmt, ap);
    plain(text);
    fprintf(stderr, "posse: %s%s", prefix, text);
}

int cli_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vmessage("", fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return CLI_TROUBLE;
}

int cli_report(const struct report *why)
{
    return cli_error("%s", why->text[0] ? why->text : posse_strerror(why->code));
}

int cli_usage(const struct cli_command *cmd, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "posse %s: ", cmd->name);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see 'posse help %s'\n", cmd->name);
    return CLI_TROUBLE;
}

const struct cli_command *cli_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

const struct cli_command *cli_find_verb(const struct cli_command *cmd, const char *verb)
{
    size_t n = strlen(cmd->name);
    for (size_t i = 0; cmd->verbs && cmd->verbs[i]; i++)
        if (strcmp(cmd->verbs[i]->name + n + 1, verb) == 0)
            return cmd->verbs[i];
    return NULL;
}

/* getopt's tables from ours. */
static void getopt_tables(const struct cli_command *cmd, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    size_t n = 0;
    for (const struct cli_option *o = cmd->options; o && o->name && n < OPTIONS_MAX; o++, n++) {
        longs[n] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, o->key};
        if (o->key < 256) {
            *shorts++ = (char)o->key;
            if (o->arg)
                *shorts++ = ':';
        }
    }
    longs[n++] = (struct option){"help", no_argument, NULL, CLI_HELP};
    longs[n] = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

int cli_getopt(const struct cli_command *cmd, int argc, char **argv, int *first_out)
{
    struct option longs[OPTIONS_MAX + 2];
    char shorts[2 * OPTIONS_MAX + 2];
    getopt_tables(cmd, longs, shorts);
    opterr = 0;
    int before = optind > 0 ? optind : 1;
    int key = getopt_long(argc, argv, shorts, longs, NULL);
    *first_out = optind;
    const char *word = before < argc ? argv[before] : "";
    if (key == ':') {
        cli_usage(cmd, "option '%s' needs a value", word);
        return '?';
    }
    if (key == '?')
        cli_usage(cmd, "bad option '%s'", optind > 0 && argv[optind - 1][0] == '-' ? argv[optind - 1] : word);
    if (key == CLI_HELP)
        cli_print_help(cmd);
    return key;
}

static void print_wrapped(const char *text)
{
    fputs(text, stdout);
    fputc('\n', stdout);
}

void cli_print_help(const struct cli_command *cmd)
{
    printf("usage: posse %s %s\n\n", cmd->name, cmd->synopsis);
    print_wrapped(cmd->about);
    for (const struct cli_option *o = cmd->options; o && o->name; o++) {
        char left[64];
        if (!o->help) /* between processes, not for people */
            continue;
        if (o->key < 256)
            snprintf(left, sizeof left, "-%c, --%s%s%s", o->key, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        else
            snprintf(left, sizeof left, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("%s  %-22s %s\n", o == cmd->options ? "\n" : "", left, o->help);
    }
    if (!cmd->verbs)
        return;
    printf("\nIts verbs; 'posse help %s VERB' tells more:\n\n", cmd->name);
    for (size_t i = 0; cmd->verbs[i]; i++)
        printf("  %-22s %s\n", cmd->verbs[i]->name + strlen(cmd->name) + 1, cmd->verbs[i]->summary);
}

int cli_finish(int status)
{
    struct stat st;
    bool is_pipe = fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
    bool is_bad = ferror(stdout);
    if (fclose(stdout) != 0)
        is_bad = true;
    if (!is_bad)
        return status;
    if (!is_pipe) /* a pipe that was closed, `posse scan ... | head`, is no trouble worth words */
        fputs("posse: cannot write the output; is the disk full?\n", stderr);
    return CLI_TROUBLE;
}

bool cli_color_stdout(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return !(no && *no) && isatty(STDOUT_FILENO) == 1 && !(term && strcmp(term, "dumb") == 0);
}

bool cli_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long x = strtoull(text, &end, 10);
    if (errno || *end || x < least || x > most)
        return false;
    *out = x;
    return true;
}

int64_t cli_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool ago(const char *text, int64_t now_ms, int64_t *ms_out)
{
    size_t digits = strspn(text, "0123456789");
    int64_t unit;
    if (digits == 0 || digits > 9 || strlen(text) != digits + 1)
        return false;
    switch (text[digits]) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = 86400; break;
    case 'w': unit = 7 * 86400; break;
    default: return false;
    }
    *ms_out = now_ms - (int64_t)strtoll(text, NULL, 10) * unit * 1000;
    return true;
}

bool cli_time(const char *text, int64_t now_ms, int64_t *ms_out)
{
    uint64_t unix_s;
    if (text[0] == '@') {
        if (!cli_number(text + 1, 0, UINT64_C(1) << 40, &unix_s))
            return false;
        *ms_out = (int64_t)unix_s * 1000;
        return true;
    }
    if (ago(text, now_ms, ms_out))
        return true;
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &tm);
        bool is_utc = end && strcmp(end, "Z") == 0;
        if (!end || (*end && !is_utc))
            continue;
        *ms_out = (int64_t)(is_utc ? timegm(&tm) : mktime(&tm)) * 1000;
        return true;
    }
    return false;
}
