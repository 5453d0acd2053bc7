#include "cli/watch_plot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { COLUMNS = 80, COLUMNS_MAX = 160, SVG_MAX = 64 << 20 };

unsigned watch_columns(void)
{
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col < 40)
        return COLUMNS;
    return w.ws_col > COLUMNS_MAX ? COLUMNS_MAX : w.ws_col;
}

static int write_file(const char *path, struct span s, struct report *why)
{
    char *tmp = malloc(strlen(path) + 5);
    if (!tmp)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    strcpy(tmp, path);
    strcat(tmp, ".tmp");
    FILE *f = fopen(tmp, "wbe");
    int rc = f ? 0 : report_errno(why, "write", tmp);
    if (f) {
        bool ok = fwrite(s.p, 1, s.n, f) == s.n;
        ok = fclose(f) == 0 && ok;
        if (!ok || rename(tmp, path) != 0) {
            rc = report_errno(why, "write", path);
            unlink(tmp);
        }
    }
    free(tmp);
    return rc;
}

int watch_svg(const struct plot *p, const char *path, struct report *why)
{
    struct buf b;
    buf_init(&b, SVG_MAX);
    plot_svg(p, &b);
    int rc = buf_error(&b) ? report_set(why, buf_error(&b), "%s: %s", path, posse_strerror(buf_error(&b))) : write_file(path, buf_span(&b), why);
    buf_deinit(&b);
    return rc;
}

void watch_mbox(FILE *to, int64_t time_ms, struct span raw)
{
    char date[32];
    time_t t = (time_t)(time_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
    fprintf(to, "From MAILER-DAEMON %s\n", date);
    for (size_t i = 0, end; i < raw.n; i = end) {
        const uint8_t *nl = memchr(raw.p + i, '\n', raw.n - i);
        end = nl ? (size_t)(nl - raw.p) + 1 : raw.n;
        size_t k = i;
        while (k < end && raw.p[k] == '>')
            k++;
        if (end - k >= 5 && memcmp(raw.p + k, "From ", 5) == 0)
            fputc('>', to);
        fwrite(raw.p + i, 1, end - i, to);
    }
    fputs(raw.n && raw.p[raw.n - 1] == '\n' ? "\n" : "\n\n", to);
}
