/* bench_case FOLDER N BYTES: adds N exhibits of BYTES each to a case in FOLDER (made here), seals it, verifies it; a header and a row,
 * tab separated. Beside adding: the same bytes written to one file and flushed as often, which is what the disk can do. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "case/verify.h"

enum { BATCH = 10000, HASHED = 512 << 20 };

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct case_time case_clock(void *ctx)
{
    (void)ctx;
    return (struct case_time){.unix_ms = (int64_t)(now_s(CLOCK_REALTIME) * 1000)};
}

/* Cheap, different, and not to be compressed. */
static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t x = seed ^ seed >> 29;
        memcpy(p + i, &x, 8);
    }
}

static void must(int err, const struct report *why)
{
    if (!err)
        return;
    fprintf(stderr, "bench_case: %s\n", why->text);
    exit(1);
}

static double add_all(struct casefile *c, uint64_t n, size_t bytes, uint8_t *p)
{
    struct report why = {0};
    double from = now_s(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < n; i++) {
        struct exhibit e = {.name = SPAN_LIT("a message"), .media = SPAN_LIT("message/rfc822"), .source = SPAN_LIT("trap"), .redacts = -1};
        fill(p, bytes, i);
        if (i % BATCH == 0)
            must(casefile_begin(c, &why), &why);
        must(casefile_exhibit(c, &e, span_of(p, bytes), NULL, &why), &why);
        if ((i + 1) % BATCH == 0 || i + 1 == n)
            must(casefile_commit(c, &why), &why);
    }
    return now_s(CLOCK_MONOTONIC) - from;
}

/* What the log and the pack are, as plain files: a write an exhibit, a flush a batch. */
static double plain(const char *folder, uint64_t n, size_t bytes, size_t line, uint8_t *p)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/plain", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double from = now_s(CLOCK_MONOTONIC);
    bool ok = fd >= 0;
    for (uint64_t i = 0; i < n && ok; i++) {
        fill(p, bytes, i);
        ok = write(fd, p, bytes) == (ssize_t)bytes && write(fd, p, line) == (ssize_t)line;
        if ((i + 1) % BATCH == 0 || i + 1 == n)
            ok = ok && fdatasync(fd) == 0;
    }
    double took = now_s(CLOCK_MONOTONIC) - from;
    if (fd >= 0)
        close(fd);
    unlink(path);
    return ok ? took : -1;
}

/* SHA-256 of such pieces and nothing else, in MB/s of the processor's time: what verification could reach at best. */
static double hashing(size_t bytes, const uint8_t *p)
{
    uint8_t digest[32];
    double from = now_s(CLOCK_PROCESS_CPUTIME_ID), done = 0;
    for (; done < HASHED; done += (double)bytes)
        sha256(span_of(p, bytes), digest);
    return done / 1e6 / (now_s(CLOCK_PROCESS_CPUTIME_ID) - from);
}

int main(int argc, char **argv)
{
    struct report why = {0};
    struct casefile *c;
    struct seal_key *k;
    struct head h;
    struct verified v;
    char folder[4200], key[4200];
    struct case_writer w = {"bench", "posse " POSSE_VERSION, case_clock, NULL};
    if (argc != 4)
        return fputs("usage: bench_case FOLDER N BYTES\n", stderr), 2;
    uint64_t n = strtoull(argv[2], NULL, 10);
    size_t bytes = strtoull(argv[3], NULL, 10);
    uint8_t *p = malloc(bytes > 4096 ? bytes : 4096);
    snprintf(folder, sizeof folder, "%s/case", argv[1]);
    snprintf(key, sizeof key, "%s/case.key", argv[1]);
    if (!p)
        return 2;
    must(casefile_create(folder, "A case", "bench", &w, &c, &why), &why);
    double add = add_all(c, n, bytes, p), from = now_s(CLOCK_MONOTONIC);
    struct case_time now = case_clock(NULL);
    must(seal_key_open(key, true, &k, &why), &why);
    must(seal_case(c, k, &now, &h, &why), &why);
    double seal = now_s(CLOCK_MONOTONIC) - from;
    must(casefile_close(&c, &why), &why);
    double disk = plain(argv[1], n, bytes, 420, p);
    struct verify_options o = {.head = SPAN_NONE};
    double wall = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    must(case_verify(folder, &o, NULL, NULL, &v, &why), &why);
    wall = now_s(CLOCK_MONOTONIC) - wall;
    cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    from = now_s(CLOCK_MONOTONIC);
    must(casefile_open(folder, &w, &c, &why), &why);
    double reopen = now_s(CLOCK_MONOTONIC) - from;
    casefile_close(&c, NULL);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double mb = (double)v.bytes / 1e6;
    puts("exhibits\tbytes each\tadd s\tadd MB/s\tplain files s\tseal s\tverify s\tverify MB/s\tverify MB/s of cpu\tSHA-256 alone\tsound\topen s\tpeak MB");
    printf("%llu\t%zu\t%.1f\t%.0f\t%.1f\t%.3f\t%.1f\t%.0f\t%.0f\t%.0f\t%s\t%.1f\t%ld\n", (unsigned long long)n, bytes, add, mb / add, disk, seal, wall,
           mb / wall, mb / cpu, hashing(bytes, p), v.is_sound ? "yes" : "NO", reopen, u.ru_maxrss / 1024);
    seal_key_free(&k);
    free(p);
    return v.is_sound ? 0 : 1;
}
