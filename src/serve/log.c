#include "serve/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/jsonout.h"
#include "base/utf8.h"

enum { VALUE_MAX = 256, LINE_MAX_BYTES = 16384, NAMES = 128, NAME_MAX_BYTES = 48 };

/* How many lines of one event (at one door, if its first field says so) were written in its second. Past NAMES events the last place is everybody else's. */
struct flow { char name[NAME_MAX_BYTES]; int64_t second; unsigned lines, left_out; };

struct log {
    int fd;
    enum log_level most;
    bool is_json, is_journal;
    unsigned lines_a_second;
    pthread_mutex_t lock;
    struct flow flow[NAMES];
    size_t n_flows;
};

/* Is fd the stream that systemd made for us ("device:inode")? */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

struct log *log_new(int fd, enum log_level most, bool is_json, unsigned lines_a_second)
{
    struct log *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->fd = fd;
    l->most = most;
    l->is_json = is_json;
    l->is_journal = is_journal(fd);
    l->lines_a_second = lines_a_second;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

/* ---- lines ---- */

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR: return "error";
    case LOG_WARNING: return "warning";
    case LOG_NOTICE: return "notice";
    case LOG_INFO: return "info";
    default: return "debug";
    }
}

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
            return false;
    return s.n > 0;
}

static void add_quoted(struct buf *b, struct span s)
{
    buf_add_byte(b, '"');
    size_t valid = utf8_valid_prefix(s);
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool is_c1 = c == 0xc2 && i + 1 < valid && s.p[i + 1] < 0xa0; /* U+0080 to U+009F steer terminals too */
        if (i == valid || c < ' ' || c == 127 || is_c1) {
            buf_add_fmt(b, "\\x%02x", c);
            if (i == valid || is_c1)
                valid = i + 1 + utf8_valid_prefix(span_sub(s, i + 1, s.n));
        } else if (c == '"' || c == '\\') {
            buf_add_byte(b, '\\');
            buf_add_byte(b, c);
        } else {
            buf_add_byte(b, c);
        }
    }
    buf_add_byte(b, '"');
}

static void add_pair(const struct log *l, struct buf *b, bool is_first, const char *name, const char *value)
{
    struct span s = span_of(value, strnlen(value, VALUE_MAX + 1));
    if (s.n > VALUE_MAX) /* not within a character, if it is one */
        for (s.n = VALUE_MAX; s.n > VALUE_MAX - 3 && (s.p[s.n] & 0xc0) == 0x80;)
            s.n--;
    if (l->is_json) {
        json_name(b, name, is_first);
        json_string(b, s);
        return;
    }
    if (!is_first)
        buf_add_byte(b, ' ');
    buf_add_str(b, name);
    buf_add_byte(b, '=');
    if (is_plain(s))
        buf_add_span(b, s);
    else
        add_quoted(b, s);
}

static void begin_line(const struct log *l, struct buf *b, enum log_level level, const char *event)
{
    if (l->is_journal)
        buf_add_fmt(b, "<%d>", (int)level);
    if (l->is_json)
        buf_add_byte(b, '{');
    if (!l->is_journal) {
        struct timespec now;
        struct tm tm;
        char text[64], whole[80];
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(whole, sizeof whole, "%s.%03ldZ", text, now.tv_nsec / 1000000);
        add_pair(l, b, true, "time", whole);
        add_pair(l, b, false, "level", level_name(level));
    }
    add_pair(l, b, l->is_journal, "event", event);
}

static void end_line(const struct log *l, struct buf *b)
{
    if (l->is_json)
        buf_add_byte(b, '}');
    buf_add_byte(b, '\n');
    if (!buf_error(b) && write(l->fd, b->p, b->n) < 0)
        return; /* there is nobody left to tell */
}

static void tell_left_out(const struct log *l, const char *event, unsigned n)
{
    char count[16];
    struct buf b;
    snprintf(count, sizeof count, "%u", n);
    buf_init(&b, LINE_MAX_BYTES);
    begin_line(l, &b, LOG_WARNING, "log_left_out");
    add_pair(l, &b, false, "of", event);
    add_pair(l, &b, false, "lines", count);
    end_line(l, &b);
    buf_deinit(&b);
}

/* ---- flow ---- */

/* "EVENT", or "EVENT at DOOR": a flood at one door must not hide another's. */
static void flow_name(char out[NAME_MAX_BYTES], const char *event, va_list pairs)
{
    const char *name = va_arg(pairs, const char *);
    const char *door = name && strcmp(name, "door") == 0 ? va_arg(pairs, const char *) : NULL;
    snprintf(out, NAME_MAX_BYTES, door ? "%s at %s" : "%s", event, door);
}

static struct flow *flow_of(struct log *l, const char *event)
{
    for (size_t i = 0; i < l->n_flows; i++)
        if (strncmp(l->flow[i].name, event, NAME_MAX_BYTES - 1) == 0)
            return &l->flow[i];
    struct flow *f = &l->flow[l->n_flows < NAMES ? l->n_flows++ : NAMES - 1];
    if (!f->name[0])
        snprintf(f->name, sizeof f->name, "%s", event);
    return f;
}

/* May this line be written? *left_out: how many of a second that is over were not. */
static bool may_write(struct log *l, const char *event, unsigned *left_out)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&l->lock);
    struct flow *f = flow_of(l, event);
    if (f->second != now.tv_sec) {
        *left_out = f->left_out;
        f->second = now.tv_sec;
        f->lines = f->left_out = 0;
    }
    bool may = l->lines_a_second == 0 || f->lines < l->lines_a_second;
    if (may)
        f->lines++;
    else
        f->left_out++;
    pthread_mutex_unlock(&l->lock);
    return may;
}

bool log_wants(const struct log *l, enum log_level level) { return l && level <= l->most; }

void log_event(struct log *l, enum log_level level, const char *event, ...)
{
    unsigned left_out = 0;
    char flow[NAME_MAX_BYTES];
    va_list ap;
    if (!log_wants(l, level))
        return;
    va_start(ap, event);
    flow_name(flow, event, ap);
    va_end(ap);
    if (!may_write(l, flow, &left_out))
        return;
    if (left_out)
        tell_left_out(l, flow, left_out);
    struct buf b;
    buf_init(&b, LINE_MAX_BYTES);
    begin_line(l, &b, level, event);
    va_start(ap, event);
    for (const char *name; (name = va_arg(ap, const char *));) {
        const char *value = va_arg(ap, const char *);
        if (value)
            add_pair(l, &b, false, name, value);
    }
    va_end(ap);
    end_line(l, &b);
    buf_deinit(&b);
}

void log_free(struct log **lp)
{
    if (!lp || !*lp)
        return;
    struct log *l = *lp;
    for (size_t i = 0; i < l->n_flows; i++)
        if (l->flow[i].left_out)
            tell_left_out(l, l->flow[i].name, l->flow[i].left_out);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *lp = NULL;
}
