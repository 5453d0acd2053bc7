/* keys: for each message named on standard input a line: its mailer's key, and what X-Mailer or User-Agent says, which the key was made without. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "botnet/mailer.h"

/* Takes the two fields out of the header; their first value goes to claim. Returns the bytes that are left. */
static size_t mask(char *p, size_t n, char claim[80])
{
    size_t to = 0, length;
    bool in_header = true, drop = false;
    claim[0] = '\0';
    for (size_t at = 0; at < n; at += length) {
        const char *end = memchr(p + at, '\n', n - at);
        length = end ? (size_t)(end - (p + at)) + 1 : n - at;
        if (in_header && (p[at] == '\n' || p[at] == '\r'))
            in_header = drop = false;
        if (in_header && p[at] != ' ' && p[at] != '\t') {
            size_t name = length > 9 && strncasecmp(p + at, "X-Mailer:", 9) == 0     ? 9
                          : length > 11 && strncasecmp(p + at, "User-Agent:", 11) == 0 ? 11
                                                                                       : 0;
            drop = name > 0;
            if (drop && !claim[0])
                snprintf(claim, 80, "%.*s", (int)strcspn(p + at + name, "\r\n\t"), p + at + name);
        }
        if (!drop) {
            memmove(p + to, p + at, length);
            to += length;
        }
    }
    return to;
}

static void one(struct mail_parser *parser, struct arena *a, char *bytes, size_t n)
{
    struct message *m;
    struct mailer x;
    char claim[80];
    n = mask(bytes, n, claim);
    if (message_parse(parser, a, span_of(bytes, n), &m) == 0) {
        mailer_read(m, NULL, NULL, &x);
        printf("%016llx\t%s\n", (unsigned long long)x.key, claim);
    }
    arena_reset(a);
}

int main(void)
{
    struct mail_parser *parser = mail_parser_new(NULL);
    struct arena *a = arena_new(256 << 20);
    char *path = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&path, &room, stdin)) > 0;) {
        path[strcspn(path, "\n")] = '\0';
        FILE *f = fopen(path, "rb");
        char *bytes = f ? malloc(16 << 20) : NULL;
        if (bytes)
            one(parser, a, bytes, fread(bytes, 1, 16 << 20, f));
        free(bytes);
        if (f)
            fclose(f);
    }
    free(path);
    arena_free(&a);
    mail_parser_free(&parser);
    return 0;
}
