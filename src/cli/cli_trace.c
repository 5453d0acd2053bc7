/* posse trace: from flow logs to infected machines, and to what commands them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/cli_gate.h"
#include "cli/progress.h"
#include "cli/trace_join.h"
#include "cli/trace_out.h"
#include "engine/asfile.h"
#include "flow/logs.h"

enum { OPT_HOSTS = 500, OPT_BEACONS, OPT_HOST, OPT_SVG, OPT_INSIDE, OPT_AS, OPT_PROBABILITY, OPT_FOLLOW, OPT_WHY, OPT_MOST, OPT_MEMORY, OPT_LISTEN,
       OPT_ALLOW, OPT_DENY, OPT_NAMES, OPT_LANDING };
enum { NETS_MOST = 256, FOLLOW_EVERY_S = 10, TOLD_BEFORE = 4096 };
enum what { WHAT_INCIDENTS, WHAT_HOSTS, WHAT_BEACONS, WHAT_HOST, WHAT_SVG, WHAT_NAMES, WHAT_LANDING };

struct trace_request {
    struct trace_options o;
    struct trace_net inside[NETS_MOST];
    struct trace_style style;
    enum what what;
    struct ip host;
    const char *as, *svg, *home, *names;
    struct trace_lists lists;
    struct trace_contacts contacts;
    uint64_t trap_stamp; /* of the observatory, as it was joined last */
    bool is_following;
    const char *listen; /* where NetFlow comes to */
    uint64_t most;
    /* while it runs */
    struct asfile *asfile;
    struct trace *trace;
    struct logs *logs;
    struct progress progress;
    struct { char id[17], botnet[TRACE_BOTNET]; size_t n_hosts; } told[TOLD_BEFORE]; /* of a running sensor: what was printed already */
    size_t n_told;
};

/* ---- options ---- */

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1" */
static bool net_of(const char *text, struct trace_net *out)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    struct ip a;
    uint64_t bits;
    if (!ip_read(span_of(text, n), &a))
        return false;
    unsigned whole = ip_is_v4(&a) ? 32 : 128;
    if (!slash)
        bits = whole;
    else if (!cli_number(slash + 1, 0, whole, &bits))
        return false;
    out->bits = (unsigned)bits + 128 - whole;
    out->first = ip_prefix(&a, out->bits);
    return true;
}

static int take_net(const struct cli_command *cmd, struct trace_request *q)
{
    if (q->o.n_inside == NETS_MOST)
        return cli_usage(cmd, "at most %d networks", NETS_MOST);
    if (!net_of(optarg, &q->inside[q->o.n_inside]))
        return cli_usage(cmd, "'%s' is no network; write 192.0.2.0/24 or 2001:db8::/32", optarg);
    q->o.n_inside++;
    q->o.inside = q->inside;
    return CLI_OK;
}

static int take_list(const struct cli_command *cmd, const char **list, size_t *n)
{
    if (*n == TRACE_LISTS_MAX)
        return cli_usage(cmd, "at most %d lists", TRACE_LISTS_MAX);
    list[(*n)++] = optarg;
    return CLI_OK;
}

static int take_value(const struct cli_command *cmd, struct trace_request *q, int key)
{
    char *end;
    uint64_t n;
    switch (key) {
    case OPT_INSIDE: return take_net(cmd, q);
    case OPT_HOST:
        q->what = WHAT_HOST;
        return ip_read(span_str(optarg), &q->host) ? CLI_OK : cli_usage(cmd, "'%s' is no address", optarg);
    case OPT_ALLOW:
    case OPT_DENY: return take_list(cmd, key == OPT_ALLOW ? q->lists.allow : q->lists.deny, key == OPT_ALLOW ? &q->lists.n_allow : &q->lists.n_deny);
    case OPT_PROBABILITY:
        q->o.probability = strtod(optarg, &end);
        return *end == '\0' && q->o.probability > 0 && q->o.probability < 1 ? CLI_OK : cli_usage(cmd, "a probability lies between 0 and 1");
    case OPT_MOST:
        return cli_number(optarg, 1, 1000000, &q->most) ? CLI_OK : cli_usage(cmd, "--limit is a number up to 1000000");
    case OPT_MEMORY:
        if (!cli_number(optarg, 16, 1 << 20, &n))
            return cli_usage(cmd, "--memory is a number of MB, 16 or more");
        q->o.max_bytes = (size_t)n << 20;
        return CLI_OK;
    default: return CLI_TROUBLE;
    }
}

/* ---- printing ---- */

static int flush(struct buf *b)
{
    fwrite(b->p, 1, b->n, stdout);
    int rc = buf_error(b) || ferror(stdout) ? CLI_TROUBLE : CLI_OK;
    buf_clear(b);
    return rc;
}

/* News: it is new, has more hosts, or is known to be another botnet's. */
static bool was_told(struct trace_request *q, const struct incident *x)
{
    size_t i = 0;
    while (i < q->n_told && memcmp(q->told[i].id, x->id, sizeof x->id) != 0)
        i++;
    if (i == TOLD_BEFORE)
        return false;
    bool is_known = i < q->n_told && x->n_hosts <= q->told[i].n_hosts && (!x->botnet[0] || strcmp(x->botnet, q->told[i].botnet) == 0);
    if (i == q->n_told)
        memcpy(q->told[q->n_told++].id, x->id, sizeof x->id);
    if (!is_known) {
        q->told[i].n_hosts = x->n_hosts;
        memcpy(q->told[i].botnet, x->botnet, sizeof x->botnet);
    }
    return is_known;
}

/* Silence would be read as "nothing was looked at": what was, and what came nearest, on stderr as all that is no incident. */
static void tell_none(const struct trace_request *q, struct buf *b)
{
    const struct traced_host *h;
    const struct beacon *x;
    struct trace_size size;
    struct trace_style style = q->style;
    char first[CLI_TIME_MAX], last[CLI_TIME_MAX];
    style.is_explained = false; /* --hosts and --beacons explain */
    trace_size(q->trace, &size);
    if (!size.flows)
        return;
    cli_format_time(size.first_ms, first);
    cli_format_time(size.last_ms, last);
    fprintf(stderr, "posse: no incident in %llu connections of %s to %s\n", (unsigned long long)size.flows, first, last);
    if (trace_hosts(q->trace, &h) && h->acts) {
        buf_add_str(b, "posse: the nearest host (--hosts): ");
        trace_host_write(b, style, h);
    }
    if (trace_beacons(q->trace, &x) && !x->innocent && x->is_rhythm) {
        buf_add_str(b, "posse: the most suspicious rhythm (--beacons; alone it accuses nobody): ");
        trace_beacon_write(b, style, x);
    }
    if (b->n)
        fwrite(b->p, 1, b->n, stderr);
    buf_clear(b);
}

static int print_incidents(struct trace_request *q, struct buf *b)
{
    const struct incident *x;
    size_t n = trace_incidents(q->trace, &x);
    int status = CLI_OK;
    for (size_t i = 0; i < n && i < q->most && status == CLI_OK; i++) {
        if (q->is_following && was_told(q, &x[i]))
            continue;
        trace_incident_write(b, q->style, &x[i]);
        status = flush(b);
    }
    if (!n && !q->is_following && !q->style.is_json)
        tell_none(q, b);
    return status;
}

static int print_lists(struct trace_request *q, struct buf *b)
{
    const struct traced_host *h;
    const struct beacon *x;
    size_t n = q->what == WHAT_HOSTS ? trace_hosts(q->trace, &h) : trace_beacons(q->trace, &x);
    int status = CLI_OK;
    for (size_t i = 0; i < n && i < q->most && status == CLI_OK; i++) {
        if (q->what == WHAT_HOSTS)
            trace_host_write(b, q->style, &h[i]);
        else
            trace_beacon_write(b, q->style, &x[i]);
        status = flush(b);
    }
    return status;
}

struct moment_out { struct trace_request *q; struct buf *b; };

static int print_moment(void *ctx, const struct trace_moment *m)
{
    struct moment_out *o = ctx;
    trace_moment_write(o->b, o->q->style, m);
    return flush(o->b);
}

struct names_out { struct trace_request *q; struct buf *b; const char *name; struct ip ip; size_t n; };

static int print_address(void *ctx, const struct ip *a, int64_t first_ms, int64_t last_ms)
{
    struct names_out *o = ctx;
    o->n++;
    trace_name_write(o->b, o->q->style, o->name, a, first_ms, last_ms);
    return flush(o->b);
}

static int print_name(void *ctx, const char *name, int64_t first_ms, int64_t last_ms)
{
    struct names_out *o = ctx;
    o->n++;
    trace_name_write(o->b, o->q->style, name, &o->ip, first_ms, last_ms);
    return flush(o->b);
}

static int print_names(struct trace_request *q, struct buf *b)
{
    struct names_out o = {.q = q, .b = b, .name = q->names};
    int rc = ip_read(span_str(q->names), &o.ip) ? trace_named(q->trace, &o.ip, print_name, &o) : trace_names(q->trace, q->names, print_address, &o);
    if (!rc && !o.n)
        fputs("posse: these logs have no DNS answer about it\n", stderr);
    return rc;
}

static int print_landing(void *ctx, const struct landing *x)
{
    struct names_out *o = ctx;
    trace_landing_write(o->b, o->q->style, x);
    return flush(o->b) ? -1 : ++o->n >= o->q->most;
}

static int print_landings(struct trace_request *q, struct buf *b)
{
    struct names_out o = {.q = q, .b = b};
    int rc = trace_landings(q->trace, print_landing, &o);
    if (!rc && !o.n)
        fputs("posse: no DNS answer in these logs is about a domain that spam at the trap leads to\n", stderr);
    return rc < 0 ? rc : 0;
}

static int print_svg(struct trace_request *q, struct buf *b)
{
    const struct incident *x;
    size_t n = trace_incidents(q->trace, &x);
    trace_svg_write(b, q->trace, x, n < q->most ? n : q->most);
    FILE *f = strcmp(q->svg, "-") == 0 ? stdout : fopen(q->svg, "we");
    if (!f)
        return cli_error("%s: %s", q->svg, strerror(errno));
    bool is_bad = buf_error(b) || fwrite(b->p, 1, b->n, f) != b->n;
    is_bad |= f != stdout && fclose(f) != 0;
    return is_bad ? cli_error("%s: it could not be written: %s", q->svg, strerror(errno)) : CLI_OK;
}

static int print(struct trace_request *q)
{
    struct report why = {0};
    struct buf b;
    int joined = trace_join_trap(q->trace, q->home, &q->trap_stamp, &why);
    if (joined)
        cli_report(&why);
    if (joined == POSSE_ENOENT) /* a home that was named and is none */
        return CLI_TROUBLE;
    if (joined)
        fputs("posse: what follows is from the logs alone, without the spam trap\n", stderr);
    if (trace_judge(q->trace, &why))
        return cli_report(&why);
    q->style.trace = q->trace;
    buf_init(&b, (size_t)1 << 30);
    int status;
    if (q->what == WHAT_HOST) {
        struct moment_out o = {q, &b};
        status = trace_timeline(q->trace, &q->host, print_moment, &o);
        if (status == POSSE_ENOENT)
            status = cli_error("these logs have nothing that this host began, or it is not inside; see --inside");
    } else if (q->what == WHAT_NAMES)
        status = print_names(q, &b);
    else if (q->what == WHAT_LANDING)
        status = print_landings(q, &b);
    else
        status = q->what == WHAT_INCIDENTS ? print_incidents(q, &b) : q->what == WHAT_SVG ? print_svg(q, &b) : print_lists(q, &b);
    buf_deinit(&b);
    fflush(stdout);
    return status || joined ? CLI_TROUBLE : CLI_OK;
}

/* ---- reading ---- */

/* What was not read or not remembered is said, on stderr: an answer from half a log is half an answer. */
static void tell_losses(const struct trace_request *q)
{
    struct logs_lost lost;
    struct trace_size size;
    logs_lost(q->logs, &lost);
    trace_size(q->trace, &size);
    if (lost.lines + lost.files)
        fprintf(stderr, "posse: %llu broken lines and %llu files were passed over: %s\n", (unsigned long long)lost.lines,
                (unsigned long long)lost.files, lost.first);
    if (lost.twins)
        fprintf(stderr, "posse: %llu connections stood in two logs and count once\n", (unsigned long long)lost.twins);
    if (size.clock_jumps)
        fprintf(stderr, "posse: %llu records are a day or more out of order: a clock jumped\n", (unsigned long long)size.clock_jumps);
    if (size.is_all_private)
        fputs("posse: these connections are between private addresses, which all count as inside; --inside says which are yours\n", stderr);
    if (size.pairs_lost > size.flows / 2 && size.pairs_lost > 1000)
        fprintf(stderr, "posse: %llu of %llu connections were with what is met too rarely to be remembered; --memory may help\n",
                (unsigned long long)size.pairs_lost, (unsigned long long)size.flows);
    if (!size.flows)
        fputs("posse: there is no flow in these logs\n", stderr);
}

/* 1: there was something; 0: the end, so far; negative: said in why. */
static int read_on(struct trace_request *q, struct report *why)
{
    struct flow f;
    int rc, any = 0;
    while ((rc = logs_next(q->logs, &f, why)) > 0) {
        any = 1;
        progress_step(&q->progress);
        if ((rc = trace_add(q->trace, &f)))
            return report_set(why, rc, "no memory for the tables of trace; --memory bounds them");
    }
    return rc < 0 ? rc : any;
}

/* Until the time to print or a signal: what comes over the network meanwhile is taken. 1: a signal; 0: time; < 0: said in why. */
static int take_for(struct trace_request *q, int signals, int64_t ms, struct report *why)
{
    unsigned port;
    struct pollfd p[2] = {{.fd = signals, .events = POLLIN}, {.fd = logs_socket(q->logs, &port), .events = POLLIN}};
    for (int64_t end = cli_now_ms() + ms, left = ms; left > 0; left = end - cli_now_ms()) {
        if (poll(p, 2, (int)(left < ms ? left : ms)) < 0 && errno != EINTR)
            return report_errno(why, "wait", "signals");
        if (p[0].revents)
            return 1;
        int rc = p[1].revents ? logs_collect(q->logs, why) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Until a signal ends it; incidents are printed when they are new or have grown. */
static int follow(struct trace_request *q, struct report *why)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC), rc;
    if (signals < 0)
        return report_errno(why, "wait", "signals");
    for (;;) {
        struct report list_why = {0};
        int changed = trace_lists_refresh(&q->lists, q->trace, &list_why);
        rc = read_on(q, why);
        if (changed < 0)
            cli_report(&list_why);
        if (rc > 0 || (rc == 0 && (changed > 0 || trace_join_has_news(q->home, q->trap_stamp)))) {
            progress_clear(&q->progress);
            if (print(q))
                break;
        }
        if (rc < 0 || (rc = take_for(q, signals, FOLLOW_EVERY_S * 1000, why)) < 0)
            break;
        if (rc > 0) {
            logs_flush(q->logs);
            rc = read_on(q, why);
            break;
        }
    }
    close(signals);
    return rc < 0 ? rc : 0;
}

/* Says where: port 0 was a free one. */
static int listen_too(struct trace_request *q, struct report *why)
{
    unsigned port;
    int rc = q->listen ? logs_listen(q->logs, q->listen, why) : 0;
    if (!rc && q->listen && logs_socket(q->logs, &port) >= 0)
        fprintf(stderr, "posse: listening on UDP port %u\n", port);
    return rc;
}

static int run(struct trace_request *q, char **paths, size_t n)
{
    struct report why = {0};
    struct logs_options lo = {.follow = q->is_following};
    int rc = trace_join_check(q->home, &why), status = CLI_TROUBLE;
    if (!rc && q->as)
        rc = asfile_open(q->as, &q->asfile, &why);
    q->o.as = asfile_table(q->asfile);
    if (!rc)
        rc = trace_lists_open(&q->lists, &why);
    q->o.known = q->lists.known;
    if (!rc)
        rc = trace_contacts_open(&q->contacts, q->home, &why);
    q->style.place = trace_place;
    q->style.place_ctx = q->contacts.rdap;
    q->o.is_running = q->is_following;
    if (!rc)
        rc = trace_new(&q->o, &q->trace, &why);
    if (!rc)
        rc = logs_open((const char *const *)paths, n, &lo, &q->logs, &why);
    if (!rc)
        rc = listen_too(q, &why);
    progress_init(&q->progress, "read");
    if (!rc)
        rc = q->is_following ? follow(q, &why) : read_on(q, &why);
    progress_clear(&q->progress);
    if (rc < 0)
        cli_report(&why);
    else {
        status = print(q);
        tell_losses(q);
    }
    if (q->logs)
        logs_close(&q->logs);
    trace_free(&q->trace);
    trace_lists_close(&q->lists);
    rdap_close(&q->contacts.rdap);
    asfile_close(&q->asfile);
    return status;
}

static int trace_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct trace_request *q = calloc(1, sizeof *q);
    int key, first, status = CLI_OK;
    if (!q)
        return cli_error("no memory");
    q->most = UINT64_MAX;
    while (status == CLI_OK && (key = cli_getopt(cmd, argc, argv, &first)) != -1)
        switch (key) {
        case OPT_HOSTS: q->what = WHAT_HOSTS; break;
        case OPT_BEACONS: q->what = WHAT_BEACONS; break;
        case OPT_SVG: q->what = WHAT_SVG, q->svg = optarg; break;
        case OPT_AS: q->as = optarg; break;
        case OPT_HOME: q->home = optarg; break;
        case OPT_LANDING: q->what = WHAT_LANDING; break;
        case OPT_NAMES: q->what = WHAT_NAMES, q->names = optarg; break;
        case OPT_JSON: q->style.is_json = true; break;
        case OPT_WHY: q->style.is_explained = true; break;
        case OPT_FOLLOW: q->is_following = true; break;
        case OPT_LISTEN: q->is_following = true, q->listen = optarg; break;
        case CLI_HELP: free(q); return CLI_OK;
        default: status = take_value(cmd, q, key);
        }
    if (status == CLI_OK && first == argc && !q->listen)
        status = cli_usage(cmd, "it needs logs: files or folders, or - for standard input");
    else if (status == CLI_OK && q->is_following && q->what != WHAT_INCIDENTS)
        status = cli_usage(cmd, "--follow prints incidents");
    else if (status == CLI_OK)
        status = run(q, argv + first, (size_t)(argc - first));
    free(q);
    return status;
}

static const struct cli_option trace_options[] = {
    {OPT_HOSTS, "hosts", NULL, "list hosts, the most probably infected first"},
    {OPT_BEACONS, "beacons", NULL, "list who calls what in a rhythm, the most suspicious first"},
    {OPT_HOST, "host", "IP", "tell one host's story in order of time"},
    {OPT_NAMES, "names", "WHAT", "which addresses a name had, or which names an address had, and when"},
    {OPT_LANDING, "landing", NULL, "where the links of spam at the trap led to, and who hosts that"},
    {OPT_SVG, "svg", "FILE", "draw hosts and controllers of the incidents"},
    {OPT_WHY, "explain", NULL, "say why: reasons, whose bits add up"},
    {OPT_JSON, "json", NULL, "one JSON object a line"},
    {OPT_MOST, "limit", "N", "at most so many, the first"},
    {OPT_INSIDE, "inside", "NET", "what is inside; may be repeated (private addresses, or what most flows have in common)"},
    {OPT_AS, "as", "FILE", "autonomous systems, to say who hosts a controller"},
    {OPT_ALLOW, "allow", "FILE", "names, addresses and networks that are innocent, one a line; may be repeated"},
    {OPT_DENY, "deny", "FILE", "the same of what is guilty"},
    {OPT_HOME, "home", "DIR", "whose observatory tells which hosts a spam trap saw, and whose answers of registries whom to write to"},
    {OPT_PROBABILITY, "probability", "P", "tell what is at least so probable (0.95)"},
    {OPT_MEMORY, "memory", "MB", "the tables' memory (2048)"},
    {OPT_FOLLOW, "follow", NULL, "go on as the logs grow; print what is new"},
    {OPT_LISTEN, "listen", "ADDRESS:PORT", "take NetFlow and IPFIX over UDP too, and go on as with --follow"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_trace = {
    .name = "trace",
    .summary = "find infected machines, and what commands them, in flow logs",
    .synopsis = "[OPTION]... PATH...",
    .about = "Reads flow logs (Zeek and others; files or folders) and prints incidents: a controller with the\n"
             "hosts that it commands, or a host that spams, scans or asks for names drawn by lot. Every\n"
             "probability has reasons whose bits add up; a rhythm alone accuses nobody.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = trace_options,
    .run = trace_run,
};
