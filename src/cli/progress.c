#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SHOW_EVERY_MS = 200, LOOK_EVERY = 64 };

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_init(struct progress *p, const char *what)
{
    *p = (struct progress){.what = what, .is_on = isatty(STDERR_FILENO) == 1};
    p->started_ms = p->shown_ms = clock_ms();
}

void progress_step(struct progress *p)
{
    p->n++;
    if (!p->is_on || p->n < p->next_look)
        return;
    p->next_look = p->n + LOOK_EVERY;
    int64_t now = clock_ms();
    if (now - p->shown_ms < SHOW_EVERY_MS)
        return;
    p->shown_ms = now;
    double s = (double)(now - p->started_ms) / 1000;
    fprintf(stderr, "\r\033[K%s %llu messages, %.0f a second", p->what, (unsigned long long)p->n, (double)p->n / s);
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (!p->is_on)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->next_look = p->n;
}
