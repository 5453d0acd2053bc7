/* From what trace printed to findings. Read as hostile: a file may have been anywhere before it came here. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "case/findings.h"

/* The rate at which trace holds what it tells (flow/trace.h). */
#define FALSE_DISCOVERY 0.05
enum { REASONS_MOST = 64, ACTS_MOST = 16, MOST = 10000, HOSTS_MOST = 100000 };

struct taking { struct arena *a; struct findings *f; const char *only; uint64_t exhibit; bool is_bad; };

static struct span text(struct taking *t, const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_string(v) || json_string_length(v) == 0)
        return SPAN_NONE;
    struct span s = arena_copy(t->a, span_of(json_string_value(v), json_string_length(v)));
    t->is_bad |= !s.p;
    return s;
}

static double real(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_number(v) && fabs(json_number_value(v)) < 1e300 ? json_number_value(v) : 0;
}

static uint64_t count(const json_t *o, const char *name, double most)
{
    double x = real(o, name);
    return x > 0 ? (uint64_t)(x < most ? x : most) : 0;
}

/* "2011-03-16T14:45:00Z" */
static int64_t when(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    char form[] = "####-##-##T##:##:##.000+00:00";
    struct case_time t;
    if (!json_is_string(v) || json_string_length(v) != 20 || json_string_value(v)[19] != 'Z')
        return 0;
    memcpy(form, json_string_value(v), 19);
    return case_time_read(span_str(form), &t) ? t.unix_ms : 0;
}

static void take_reasons(struct taking *t, const json_t *o, struct found_reason **out, size_t *n_out)
{
    const json_t *all = json_object_get(o, "reasons");
    size_t n = json_array_size(all);
    n = n < REASONS_MOST ? n : REASONS_MOST;
    *out = arena_zalloc(t->a, (n + 1) * sizeof **out);
    t->is_bad |= !*out;
    for (size_t i = 0; *out && i < n; i++) {
        const json_t *r = json_array_get(all, i);
        (*out)[(*n_out)++] = (struct found_reason){real(r, "bits"), text(t, r, "text"), SPAN_NONE};
    }
}

static bool read_ip(const json_t *o, struct ip *out)
{
    const json_t *v = json_object_get(o, "ip");
    return json_is_string(v) && ip_read(span_of(json_string_value(v), json_string_length(v)), out);
}

static bool is_named(const struct taking *t, const struct ip *ip, const json_t *o)
{
    const json_t *name = json_object_get(o, "name");
    struct ip wanted;
    return (ip_read(span_str(t->only), &wanted) && ip_compare(&wanted, ip) == 0) ||
           (json_is_string(name) && span_ieq(span_of(json_string_value(name), json_string_length(name)), span_str(t->only)));
}

/* Room for one more; what was there moves. */
static void *one_more(struct taking *t, void *list, size_t n, size_t bytes)
{
    if (n & (n - 1) || !n) {
        if (n)
            return list;
        list = arena_zalloc(t->a, bytes);
    } else {
        list = arena_grow(t->a, list, n * bytes, 2 * n * bytes);
    }
    t->is_bad |= !list;
    return list;
}

static void take_host(struct taking *t, const json_t *o, struct span incident)
{
    struct findings *f = t->f;
    struct ip ip;
    const json_t *acts = json_object_get(o, "acts");
    if (!read_ip(o, &ip) || f->n_hosts == HOSTS_MOST || t->is_bad)
        return;
    f->host = one_more(t, f->host, f->n_hosts, sizeof *f->host);
    if (!f->host)
        return;
    struct found_host *h = &f->host[f->n_hosts++];
    *h = (struct found_host){.ip = ip, .probability = real(o, "probability"), .bits = real(o, "bits"), .incident = incident,
                             .first_ms = when(o, "first"), .last_ms = when(o, "last"), .flows = count(o, "flows", 1e15),
                             .mail_servers = count(o, "mail_servers", 1e15), .mail_failed = count(o, "mail_failed", 1e15),
                             .scanned = count(o, "scanned", 1e15), .nxdomain = count(o, "nxdomain", 1e15), .exhibit = t->exhibit};
    size_t n = json_array_size(acts);
    n = n < ACTS_MOST ? n : ACTS_MOST;
    h->act = arena_zalloc(t->a, (n + 1) * sizeof *h->act);
    t->is_bad |= !h->act;
    for (size_t i = 0; h->act && i < n; i++) {
        const json_t *v = json_array_get(acts, i);
        if (json_is_string(v))
            h->act[h->n_acts++] = arena_copy(t->a, span_of(json_string_value(v), json_string_length(v)));
    }
    take_reasons(t, o, &h->reason, &h->n_reasons);
}

/* "abuse@host.example, of Host Ltd": whom trace says to write to, as a registry answered before. */
static void take_contact(struct taking *t, const json_t *o, struct found_network *out)
{
    struct span contact = text(t, o, "contact");
    ptrdiff_t of = span_find(contact, SPAN_LIT(", of "));
    struct span mail = of < 0 ? contact : span_sub(contact, 0, (size_t)of);
    bool is_mail = mail.n > 2 && span_chr(mail, '@') > 0;
    for (size_t i = 0; i < mail.n; i++)
        is_mail &= mail.p[i] > ' ' && mail.p[i] < 127 && mail.p[i] != ',' && mail.p[i] != '<' && mail.p[i] != '>';
    if (!is_mail)
        return;
    out->abuse = mail;
    if (of >= 0)
        out->firm = span_sub(contact, (size_t)of + 5, contact.n);
}

static void take_controller(struct taking *t, const json_t *o, const json_t *hosts, struct span incident)
{
    struct findings *f = t->f;
    struct ip ip;
    char name[IP_TEXT];
    if (!read_ip(o, &ip) || f->n_controllers == MOST || t->is_bad)
        return;
    f->controller = one_more(t, f->controller, f->n_controllers, sizeof *f->controller);
    if (!f->controller)
        return;
    struct found_controller *c = &f->controller[f->n_controllers++];
    *c = (struct found_controller){.ip = ip, .name = text(t, o, "name"), .port = (uint32_t)count(o, "port", 65535), .proto = text(t, o, "proto"),
                                   .is_by_name = json_is_true(json_object_get(o, "by_name")),
                                   .is_inside = json_is_true(json_object_get(o, "inside")), .incident = incident,
                                   .probability = real(o, "probability"), .bits = real(o, "bits"), .false_discovery = FALSE_DISCOVERY,
                                   .network = {.asn = (uint32_t)count(o, "asn", UINT32_MAX), .name = text(t, o, "as_name"),
                                               .country = text(t, o, "country")},
                                   .first_ms = when(o, "first"), .last_ms = when(o, "last"), .hosts_total = count(o, "hosts", 1e15),
                                   .acting_total = count(o, "acting", 1e15), .exhibit = t->exhibit};
    take_contact(t, o, &c->network);
    take_reasons(t, o, &c->reason, &c->n_reasons);
    size_t n = json_array_size(hosts);
    n = n < HOSTS_MOST ? n : HOSTS_MOST;
    c->host = arena_zalloc(t->a, (n + 1) * sizeof *c->host);
    t->is_bad |= !c->host;
    for (size_t i = 0; c->host && i < n; i++)
        if (read_ip(json_array_get(hosts, i), &ip)) {
            ip_text(&ip, name);
            c->host[c->n_hosts++] = arena_copy(t->a, span_str(name));
        }
}

static bool is_wanted(const struct taking *t, const json_t *controllers, const json_t *hosts)
{
    const json_t *list[] = {controllers, hosts};
    struct ip ip;
    bool is = !t->only[0];
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; !is && i < json_array_size(list[k]); i++)
            is = read_ip(json_array_get(list[k], i), &ip) && is_named(t, &ip, json_array_get(list[k], i));
    return is;
}

static bool take_line(struct taking *t, const json_t *o)
{
    const json_t *controllers = json_object_get(o, "controllers"), *hosts = json_object_get(o, "hosts");
    struct ip ip;
    if (json_is_array(controllers) || json_is_array(hosts)) {
        if (!is_wanted(t, controllers, hosts))
            return false;
        struct span incident = text(t, o, "incident");
        for (size_t i = 0; i < json_array_size(controllers); i++)
            take_controller(t, json_array_get(controllers, i), hosts, incident);
        for (size_t i = 0; i < json_array_size(hosts); i++)
            take_host(t, json_array_get(hosts, i), incident);
        return true;
    }
    if (!json_is_array(json_object_get(o, "acts")) || !read_ip(o, &ip) || (t->only[0] && !is_named(t, &ip, o)))
        return false;
    take_host(t, o, SPAN_NONE);
    return true;
}

int findings_add_trace(struct arena *a, struct findings *f, struct span lines, const char *only, uint64_t exhibit, struct report *why)
{
    struct taking t = {a, f, only, exhibit, false};
    unsigned long taken = 0, number = 0;
    while (lines.n) {
        const uint8_t *end = memchr(lines.p, '\n', lines.n);
        struct span line = span_of(lines.p, end ? (size_t)(end - lines.p) : lines.n);
        json_error_t e;
        lines = span_sub(lines, line.n + 1, lines.n);
        number++;
        if (!span_trim(line).n)
            continue;
        json_t *o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &e);
        if (!json_is_object(o)) {
            json_decref(o);
            return report_set(why, POSSE_ESYNTAX, "line %lu: is not what 'posse trace --json' prints: %s", number, e.text);
        }
        taken += take_line(&t, o);
        json_decref(o);
        if (t.is_bad)
            return report_set(why, POSSE_ENOMEM, "out of memory at line %lu of what trace found", number);
    }
    f->hosts_total = f->n_hosts;
    if (!taken)
        return report_set(why, POSSE_ENOENT, "%s%sthere is no incident and no host in it", only, *only ? ": " : "");
    return POSSE_OK;
}
