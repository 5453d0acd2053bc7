/* fuzz_logs: a whole file of whatever format, as a reader meets it: told by its first bytes, plain or gzip, read to its end, then in two
 * parts by way of a position. Half flows become fewer records, but no byte is lost of what they carried; of twins one is left out, and counted. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touch(struct span s)
{
    uint64_t x = s.n;
    for (size_t i = 0; i < s.n; i++)
        x = x * 31 + s.p[i];
    return x;
}

/* Every text of a record is read: a sanitizer sees those that point nowhere. */
static uint64_t use(const struct flow *f)
{
    uint64_t x = touch(f->uid) + touch(f->service) + touch(f->label) + (uint64_t)f->start_us;
    if (f->kind >= FLOW_KINDS || f->duration_us < 0)
        abort();
    if (f->kind == FLOW_DNS) {
        x += touch(f->dns.query) + touch(f->dns.type) + touch(f->dns.rcode);
        if (f->dns.n_answers > FLOW_ANSWERS_MAX)
            abort();
        for (size_t i = 0; i < f->dns.n_answers; i++)
            x += touch(f->dns.answer[i]) + f->dns.ttl[i];
    } else if (f->kind == FLOW_HTTP) {
        x += touch(f->http.host) + touch(f->http.uri) + touch(f->http.method) + touch(f->http.user_agent) + touch(f->http.referrer);
    } else if (f->kind == FLOW_TLS) {
        x += touch(f->tls.sni) + touch(f->tls.ja3) + touch(f->tls.ja3s) + touch(f->tls.subject) + touch(f->tls.issuer);
    } else if (f->kind == FLOW_SMTP) {
        x += touch(f->smtp.helo) + touch(f->smtp.from) + touch(f->smtp.last_reply);
    }
    return x;
}

static uint64_t carried(const struct flow *f) { return f->src_bytes + f->dst_bytes + f->src_packets + f->dst_packets; }

/* n_out of records from `stop` on, their sum in any order; how many twins were passed over on the way. */
static uint64_t read_logs(const char *path, size_t stop, struct buf *position, size_t *n_out, uint64_t *carried_out, uint64_t *twins_out)
{
    struct logs_lost lost;
    struct logs *l;
    struct flow f;
    uint64_t sum = 0;
    *n_out = *carried_out = *twins_out = 0;
    if (logs_open(&path, 1, NULL, &l, NULL) < 0)
        return 0;
    if (position->n && logs_resume(l, buf_span(position), NULL) < 0)
        abort();
    while (*n_out < stop && logs_next(l, &f, NULL) > 0) {
        sum += use(&f);
        *carried_out += carried(&f);
        ++*n_out;
    }
    logs_lost(l, &lost);
    *twins_out = lost.twins;
    buf_clear(position);
    if (logs_position(l, position) < 0)
        abort();
    logs_close(&l);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct logs_file *file;
    struct flow f;
    struct logs_lost lost;
    size_t n = 0, all, first, second;
    int fd = memfd_create("log", 0);
    if (fd < 0 || size < 2 || (data[0] == 0x0c && data[1] == 0xa5) || (data[0] == 0xa5 && data[1] == 0x0c) /* another program's */) {
        close(fd);
        return 0;
    }
    if (write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (logs_file_open(path, &file, NULL) == 0) {
        uint64_t sum = 0, load = 0, got, got_later, twins, some;
        bool has_halves = false;
        while (logs_file_next(file, &f, NULL) > 0) {
            sum += use(&f);
            load += carried(&f);
            has_halves |= f.is_half;
            n++;
        }
        logs_file_lost(file, &lost);
        logs_file_close(&file);
        if (memchr(lost.first, 0, sizeof lost.first) == NULL)
            abort();
        struct buf at;
        buf_init(&at, 1 << 16);
        uint64_t whole = read_logs(path, SIZE_MAX, &at, &all, &got, &twins);
        if (got > load || (!twins && got != load) || all + twins > n || (!has_halves && all + twins != n) || (!twins && all < (n + 1) / 2))
            abort();
        buf_clear(&at);
        uint64_t parts = read_logs(path, n / 2, &at, &first, &got, &some);
        parts += read_logs(path, SIZE_MAX, &at, &second, &got_later, &some);
        if (!has_halves && ((!twins && whole != sum) || (first + second == all && parts != whole)))
            abort();
        buf_deinit(&at);
    }
    close(fd);
    return 0;
}
