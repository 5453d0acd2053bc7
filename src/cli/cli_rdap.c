/* posse rdap: who has an address, and whom to write to about it; from the cache, or, where it is switched on, from the registries. With a
 * case the answers become exhibits of it, as they came: `posse case notices` writes to whom they name. */
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/jsonout.h"
#include "cli/cli_case.h"
#include "cli/cli_gate.h"
#include "net/rdap.h"

enum { OPT_ONLINE = 400, OPT_CACHE, OPT_BOOTSTRAP, OPT_RAW, OPT_CASE, OPT_BY, ADDED_MOST = 4096 };

struct rdap_request {
    struct rdap_options o;
    const char *home, *into, *by;
    bool is_json, is_raw;
    char home_path[4096], cache_path[4200], by_name[128];
    struct casefile *file;                        /* of --case */
    struct { uint8_t digest[32]; } added[ADDED_MOST]; /* one answer for several addresses is one exhibit */
    size_t n_added;
};

static int64_t clock_ms(void *ctx)
{
    (void)ctx;
    return cli_now_ms();
}

static void pause_ms(void *ctx, int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)ctx;
    while (nanosleep(&t, &t) != 0)
        ;
}

static const char *or_dash(const char *s) { return s[0] ? s : "-"; }

/* address, network, country, holder, abuse contact; a contact for other things stands in brackets with what it is for. */
static void print_line(const char *address, const struct rdap_answer *x)
{
    char range[IP_RANGE_TEXT];
    const struct rdap_network *n = &x->network;
    const struct rdap_contact *c = n->n_contacts ? &n->contact[0] : NULL;
    rdap_range_text(n, range);
    printf("%s\t%s\t%s\t%s\t%s\t", address, or_dash(range), or_dash(n->country), or_dash(n->name), or_dash(n->holder));
    if (!c)
        puts("-");
    else if (c->is_abuse)
        puts(c->email);
    else
        printf("[%s, %s]\n", c->email, or_dash(c->role));
}

static void add_text(struct buf *b, const char *name, const char *value)
{
    json_name(b, name, false);
    if (value[0])
        json_string(b, span_str(value));
    else
        buf_add_str(b, "null");
}

static void print_json(const char *address, const struct rdap_answer *x)
{
    struct buf b;
    char range[IP_RANGE_TEXT], when[CLI_TIME_MAX];
    const struct rdap_network *n = &x->network;
    rdap_range_text(n, range);
    cli_format_time(x->asked_ms, when);
    buf_init(&b, 1 << 18);
    buf_add_str(&b, "{\"address\":");
    json_string(&b, span_str(address));
    add_text(&b, "network", range);
    add_text(&b, "handle", n->handle);
    add_text(&b, "name", n->name);
    add_text(&b, "holder", n->holder);
    add_text(&b, "country", n->country);
    add_text(&b, "abuse", rdap_abuse(n) ? rdap_abuse(n)->email : "");
    buf_add_str(&b, ",\"contacts\":[");
    for (size_t i = 0; i < n->n_contacts; i++) {
        const struct rdap_contact *c = &n->contact[i];
        buf_add_str(&b, i ? ",{\"email\":" : "{\"email\":");
        json_string(&b, span_str(c->email));
        add_text(&b, "role", c->role);
        add_text(&b, "name", c->name);
        add_text(&b, "handle", c->handle);
        add_text(&b, "phone", c->phone);
        buf_add_byte(&b, '}');
    }
    buf_add_byte(&b, ']');
    add_text(&b, "url", x->url);
    add_text(&b, "asked", when);
    buf_add_fmt(&b, ",\"cached\":%s,\"old\":%s}\n", x->is_cached ? "true" : "false", x->is_old ? "true" : "false");
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
}

/* ---- into a case ---- */

static int open_case(struct rdap_request *q)
{
    struct report why = {0};
    const struct passwd *p = getpwuid(getuid());
    struct case_request *c = calloc(1, sizeof *c);
    if (!c)
        return cli_error("out of memory");
    snprintf(q->by_name, sizeof q->by_name, "%s", q->by ? q->by : p ? p->pw_name : "unknown");
    snprintf(c->home_path, sizeof c->home_path, "%s", q->home_path);
    struct case_writer w = {.by = q->by_name, .tool = "posse " POSSE_VERSION, .now = case_now};
    int status = case_folder(c, q->into);
    if (!status && casefile_open(c->folder, &w, &q->file, &why))
        status = cli_report(&why);
    free(c);
    return status;
}

static int add(struct rdap_request *q, const char *address, const struct rdap_answer *x)
{
    struct report why = {0};
    char name[IP_TEXT + 32];
    uint64_t n;
    uint8_t digest[32];
    sha256(x->raw, digest);
    for (size_t i = 0; i < q->n_added; i++)
        if (memcmp(q->added[i].digest, digest, sizeof digest) == 0)
            return CLI_OK;
    if (q->n_added < ADDED_MOST)
        memcpy(q->added[q->n_added++].digest, digest, sizeof digest);
    snprintf(name, sizeof name, "RDAP answer for %.48s", address);
    struct exhibit e = {.name = span_str(name), .media = SPAN_LIT("application/rdap+json"), .source = span_str(x->url), .has_seen = true,
                        .seen = {.unix_ms = x->asked_ms}, .command = SPAN_LIT("posse rdap"), .redacts = -1};
    if (casefile_exhibit(q->file, &e, x->raw, &n, &why))
        return cli_report(&why);
    fprintf(stderr, "posse: %s: exhibit %" PRIu64 "\n", address, n);
    return CLI_OK;
}

static int one(struct rdap_request *q, struct rdap *r, const char *text)
{
    struct report why = {0};
    struct rdap_answer x;
    struct ip a;
    if (!ip_read(span_str(text), &a))
        return cli_error("'%s' is no address; names are not looked up", text);
    if (rdap_ask(r, &a, &x, &why))
        return cli_report(&why);
    if (q->is_raw)
        fwrite(x.raw.p, 1, x.raw.n, stdout);
    else if (q->is_json)
        print_json(text, &x);
    else
        print_line(text, &x);
    if (x.is_old && !q->is_json)
        fprintf(stderr, "posse: %s: this answer is over a week old; --online asks anew\n", text);
    return q->file ? add(q, text, &x) : CLI_OK;
}

static int run(struct rdap_request *q, char **address, size_t n)
{
    struct report why = {0};
    struct rdap *r;
    int status = CLI_OK;
    if (!cli_home(q->home, q->home_path, sizeof q->home_path))
        return cli_error("the path of the home is too long");
    if (!q->o.cache) {
        snprintf(q->cache_path, sizeof q->cache_path, "%s/rdap", q->home_path);
        q->o.cache = q->cache_path;
    }
    q->o.now_ms = clock_ms;
    q->o.wait_ms = pause_ms;
    if (q->into && open_case(q))
        return CLI_TROUBLE;
    if (rdap_open(&q->o, &r, &why))
        status = cli_report(&why);
    for (size_t i = 0; r && i < n; i++)
        if (one(q, r, address[i]))
            status = CLI_TROUBLE;
    rdap_close(&r);
    if (q->file && casefile_close(&q->file, &why))
        status = cli_report(&why);
    return status;
}

static int rdap_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct rdap_request *q = calloc(1, sizeof *q);
    int key, first, status = CLI_OK;
    bool is_done = false;
    if (!q)
        return cli_error("out of memory");
    while (!is_done && (key = cli_getopt(cmd, argc, argv, &first)) != -1)
        switch (key) {
        case OPT_ONLINE: q->o.is_online = true; break;
        case OPT_CACHE: q->o.cache = optarg; break;
        case OPT_BOOTSTRAP: q->o.bootstrap = optarg; break;
        case OPT_RAW: q->is_raw = true; break;
        case OPT_JSON: q->is_json = true; break;
        case OPT_HOME: q->home = optarg; break;
        case OPT_CASE: q->into = optarg; break;
        case OPT_BY: q->by = optarg; break;
        default: is_done = true, status = key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    if (!is_done)
        status = first == argc ? cli_usage(cmd, "it needs addresses") : run(q, argv + first, (size_t)(argc - first));
    free(q);
    return status;
}

static const struct cli_option rdap_options[] = {
    {OPT_ONLINE, "online", NULL, "ask the registries for what is not in the cache, or old: they see who asks for what"},
    {OPT_JSON, "json", NULL, "one JSON object an address, with all contacts"},
    {OPT_RAW, "raw", NULL, "the answers as they came"},
    {OPT_CASE, "case", "CASE", "keep the answers in this case, as exhibits: its notices go to whom they name"},
    {OPT_BY, "by", "WHO", "who does that (the login's name)"},
    {OPT_BOOTSTRAP, "bootstrap", "WHERE", "folder or URL of ipv4.json and ipv6.json, which say whom to ask (" RDAP_BOOTSTRAP ")"},
    {OPT_CACHE, "cache", "DIR", "where answers are kept (HOME/rdap)"},
    {OPT_HOME, "home", "DIR", "the home, for its cache"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_rdap = {
    .name = "rdap",
    .summary = "who has an address, and whom to write to about abuse of it",
    .synopsis = "[OPTION]... ADDRESS...",
    .about = "Prints a line an address: address, network, country, name and holder of the network, contact for abuse.\n"
             "Where none is named for abuse, the next best stands in brackets with what it is for.\n"
             "Nothing is asked of anybody without --online: a question tells who asks for what. Addresses only,\n"
             "never names: a name in a message may be known to its sender alone.\n"
             "Exit status: 0 fine, 2 trouble (also: something is not known).",
    .options = rdap_options,
    .run = rdap_run,
};
