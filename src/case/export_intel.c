/* For analysts: a STIX 2.1 bundle and a MISP event.
 * Ids are UUIDv5 (case/uuid.h): of observables in STIX's own namespace over their canonical JSON, as the standard says, so that they meet
 * other people's; of all else in ours over the case and the thing. `created` is when the case was opened, `modified` the findings' time:
 * a later export is a newer version of the same objects, as STIX (3.6.2) wants it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "case/export.h"
#include "case/uuid.h"

enum { NAME_BYTES = 4096, ID_TEXT = 80 };

struct stix {
    struct buf *b;
    const struct export_case *c;
    struct buf refs;          /* ids of all objects so far, for the report */
    char opened[EXPORT_Z], made[EXPORT_Z], who[ID_TEXT];
};

/* type--uuid of a thing of this case. */
static void id_of(const struct stix *s, const char *type, struct span key, char out[ID_TEXT])
{
    struct buf name;
    char uuid[UUID_TEXT];
    buf_init(&name, NAME_BYTES * 4);
    buf_add_str(&name, type);
    buf_add_byte(&name, '\0');
    buf_add_span(&name, s->c->id);
    buf_add_byte(&name, '\0');
    buf_add_span(&name, span_sub(key, 0, NAME_BYTES));
    uuid5(uuid_of_posse, buf_span(&name), uuid);
    buf_deinit(&name);
    snprintf(out, ID_TEXT, "%s--%s", type, uuid);
}

static void observable_id(const struct entry *e, char out[ID_TEXT])
{
    struct buf name;
    char uuid[UUID_TEXT];
    buf_init(&name, NAME_BYTES);
    buf_add_str(&name, "{\"value\":");
    json_string(&name, e->text);
    buf_add_byte(&name, '}');
    uuid5(uuid_of_stix, buf_span(&name), uuid);
    buf_deinit(&name);
    snprintf(out, ID_TEXT, "%s--%s", e->is_name ? "domain-name" : ip_is_v4(&e->ip) ? "ipv4-addr" : "ipv6-addr", uuid);
}

static void text_field(struct buf *b, const char *name, struct span s)
{
    json_name(b, name, false);
    json_string(b, s);
}

static void time_field(struct buf *b, const char *name, int64_t ms)
{
    char z[EXPORT_Z];
    if (!ms)
        return;
    export_z(ms, z);
    text_field(b, name, span_str(z));
}

static void begin_ref(struct stix *s, const char *id)
{
    if (s->refs.n)
        buf_add_byte(&s->refs, ',');
    json_string(&s->refs, span_str(id));
}

/* An object's common fields; the caller goes on with a comma and closes it. */
static void begin(struct stix *s, const char *type, const char *id)
{
    struct buf *b = s->b;
    buf_add_fmt(b, ",\n{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\"", type, id);
    buf_add_fmt(b, ",\"created_by_ref\":\"%s\",\"created\":\"%s\",\"modified\":\"%s\"", s->who, s->opened, s->made);
    begin_ref(s, id);
}

static void relate(struct stix *s, const char *from, const char *how, const char *to)
{
    char key[3 * ID_TEXT], id[ID_TEXT];
    snprintf(key, sizeof key, "%s %s %s", from, how, to);
    id_of(s, "relationship", span_str(key), id);
    begin(s, "relationship", id);
    buf_add_fmt(s->b, ",\"relationship_type\":\"%s\",\"source_ref\":\"%s\",\"target_ref\":\"%s\"}", how, from, to);
}

static bool is_real_botnet(struct span name)
{
    return name.n && !span_eq(name, SPAN_LIT("unknown")) && !span_eq(name, SPAN_LIT("others"));
}

/* Later than "first", or not said: a consumer refuses an interval that runs backwards. */
static void seen_fields(struct buf *b, int64_t first_ms, int64_t last_ms)
{
    time_field(b, "first_seen", first_ms);
    time_field(b, "last_seen", last_ms >= first_ms ? last_ms : 0);
}

static void botnets(struct stix *s)
{
    const struct findings *f = s->c->findings;
    char id[ID_TEXT];
    for (size_t i = 0; i < f->n_botnets; i++) {
        const struct found_botnet *n = &f->botnet[i];
        if (!n->is_subject || !is_real_botnet(n->name))
            continue;
        id_of(s, "malware", n->name, id);
        begin(s, "malware", id);
        text_field(s->b, "name", n->name);
        buf_add_str(s->b, ",\"is_family\":true,\"malware_types\":[\"bot\"]");
        buf_add_fmt(s->b, ",\"description\":\"A botnet that was seen by what it sends: %" PRIu64 " messages.\"", n->messages);
        seen_fields(s->b, n->first_ms, n->last_ms);
        buf_add_byte(s->b, '}');
    }
}

/* The malware object of that name, if there is one. */
static bool malware_id(const struct stix *s, struct span name, char out[ID_TEXT])
{
    const struct findings *f = s->c->findings;
    for (size_t i = 0; i < f->n_botnets; i++)
        if (f->botnet[i].is_subject && is_real_botnet(name) && span_eq(f->botnet[i].name, name)) {
            id_of(s, "malware", name, out);
            return true;
        }
    return false;
}

static bool campaign_id(const struct stix *s, struct span name, char out[ID_TEXT])
{
    const struct findings *f = s->c->findings;
    for (size_t i = 0; i < f->n_campaigns && name.n; i++)
        if (span_eq(f->campaign[i].id, name)) {
            id_of(s, "campaign", name, out);
            return true;
        }
    return false;
}

static void campaigns(struct stix *s)
{
    const struct findings *f = s->c->findings;
    char id[ID_TEXT], net[ID_TEXT];
    for (size_t i = 0; i < f->n_campaigns; i++) {
        const struct found_campaign *m = &f->campaign[i];
        if (!m->id.n)
            continue;
        id_of(s, "campaign", m->id, id);
        begin(s, "campaign", id);
        text_field(s->b, "name", m->id);
        buf_add_fmt(s->b, ",\"description\":\"Spam made from one template: %" PRIu64 " messages.\"", m->messages);
        seen_fields(s->b, m->first_ms, m->last_ms);
        buf_add_byte(s->b, '}');
        if (malware_id(s, m->botnet, net))
            relate(s, id, "uses", net);
    }
}

static void pattern(struct buf *b, const struct entry *e)
{
    struct buf text;
    buf_init(&text, NAME_BYTES);
    buf_add_fmt(&text, "[%s:value = '", e->is_name ? "domain-name" : ip_is_v4(&e->ip) ? "ipv4-addr" : "ipv6-addr");
    for (size_t i = 0; i < e->text.n; i++) {
        if (e->text.p[i] == '\'' || e->text.p[i] == '\\')
            buf_add_byte(&text, '\\');
        buf_add_byte(&text, e->text.p[i]);
    }
    buf_add_str(&text, "']");
    text_field(b, "pattern", buf_span(&text));
    buf_deinit(&text);
}

/* Where a controller lives: what the indicator is of. */
static void infrastructure(struct stix *s, const struct entry *e, const char *seen, const char *indicator)
{
    char id[ID_TEXT], net[ID_TEXT];
    id_of(s, "infrastructure", e->text, id);
    begin(s, "infrastructure", id);
    text_field(s->b, "name", e->text);
    text_field(s->b, "description", e->reason);
    buf_add_str(s->b, ",\"infrastructure_types\":[\"command-and-control\"]");
    seen_fields(s->b, e->first_ms, e->last_ms);
    buf_add_byte(s->b, '}');
    relate(s, id, "consists-of", seen);
    relate(s, indicator, "indicates", id);
    const struct findings *f = s->c->findings;
    for (size_t i = 0; i < f->n_botnets; i++)
        if (malware_id(s, f->botnet[i].name, net))
            relate(s, id, "controls", net);
}

static void listed(struct stix *s, const struct entry *e)
{
    static const char *const what[ENTRY_ROLES] = {"Controller", "Sender of spam", "Name that spam links to"};
    char seen[ID_TEXT], id[ID_TEXT], to[ID_TEXT], key[512];
    observable_id(e, seen);
    snprintf(key, sizeof key, "%s %.*s", entry_role_name(e->role), (int)(e->text.n < 400 ? e->text.n : 400), (const char *)e->text.p);
    id_of(s, "indicator", span_str(key), id);
    begin(s, "indicator", id);
    snprintf(key, sizeof key, "%s %.*s", what[e->role], (int)(e->text.n < 400 ? e->text.n : 400), (const char *)e->text.p);
    text_field(s->b, "name", span_str(key));
    text_field(s->b, "description", e->reason);
    buf_add_fmt(s->b, ",\"indicator_types\":[\"malicious-activity\"],\"confidence\":%d",
                e->probability >= 1 ? 90 : e->probability > 0 ? (int)(e->probability * 90) : 0);
    pattern(s->b, e);
    buf_add_str(s->b, ",\"pattern_type\":\"stix\",\"pattern_version\":\"2.1\"");
    time_field(s->b, "valid_from", e->first_ms && e->first_ms < e->until_ms ? e->first_ms : e->last_ms);
    time_field(s->b, "valid_until", e->until_ms);
    buf_add_byte(s->b, '}');
    if (e->role == ENTRY_CONTROLLER)
        infrastructure(s, e, seen, id);
    if (campaign_id(s, e->campaign, to))
        relate(s, id, "indicates", to);
    if (e->role == ENTRY_SENDER && malware_id(s, e->botnet, to))
        relate(s, id, "indicates", to);
}

/* One observable may be two entries (a controller that also sends): it stands once. Entries are sorted by role, so look back. */
static bool was_seen(const struct entries *all, const struct entry *e)
{
    for (const struct entry *o = all->entry; o < e && o->role == ENTRY_CONTROLLER; o++)
        if (!o->left_out && o->role != e->role && o->is_name == e->is_name && span_eq(o->text, e->text))
            return true;
    return false;
}

static void observables(struct stix *s)
{
    const struct entries *all = &s->c->entries;
    char id[ID_TEXT];
    for (const struct entry *e = all->entry; e < all->entry + all->n; e++) {
        if (e->left_out || was_seen(all, e))
            continue;
        observable_id(e, id);
        buf_add_fmt(s->b, ",\n{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\"",
                    e->is_name ? "domain-name" : ip_is_v4(&e->ip) ? "ipv4-addr" : "ipv6-addr", id);
        text_field(s->b, "value", e->text);
        buf_add_byte(s->b, '}');
        begin_ref(s, id);
    }
}

/* The same in all cases of one organisation, and so is when it was "created". */
#define SOME_DAY "2011-03-16T00:00:00.000Z"
static void identity_id(const struct export_case *c, char out[ID_TEXT])
{
    struct buf name;
    char uuid[UUID_TEXT];
    buf_init(&name, NAME_BYTES);
    buf_add_str(&name, "identity");
    buf_add_byte(&name, '\0');
    buf_add_span(&name, span_sub(c->org, 0, 1000));
    buf_add_byte(&name, '\0');
    buf_add_span(&name, span_sub(c->contact, 0, 1000));
    uuid5(uuid_of_posse, buf_span(&name), uuid);
    buf_deinit(&name);
    snprintf(out, ID_TEXT, "identity--%s", uuid);
}

int export_stix(const struct export_case *c, struct buf *b)
{
    struct stix s = {.b = b, .c = c};
    char id[ID_TEXT];
    buf_init(&s.refs, b->max);
    export_z(c->opened_ms, s.opened);
    export_z(c->findings->made_ms > c->opened_ms ? c->findings->made_ms : c->opened_ms, s.made);
    identity_id(c, s.who);
    id_of(&s, "bundle", SPAN_NONE, id);
    buf_add_fmt(b, "{\"type\":\"bundle\",\"id\":\"%s\",\"objects\":[\n", id);
    buf_add_fmt(b, "{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"%s\",\"modified\":\"%s\",\"identity_class\":\"organization\"",
                s.who, SOME_DAY, SOME_DAY);
    text_field(b, "name", c->org);
    if (c->contact.n)
        text_field(b, "contact_information", c->contact);
    buf_add_byte(b, '}');
    begin_ref(&s, s.who);
    botnets(&s);
    campaigns(&s);
    observables(&s);
    for (size_t i = 0; i < c->entries.n; i++)
        if (!c->entries.entry[i].left_out)
            listed(&s, &c->entries.entry[i]);
    id_of(&s, "report", SPAN_NONE, id);
    buf_add_fmt(b, ",\n{\"type\":\"report\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created_by_ref\":\"%s\",\"created\":\"%s\",\"modified\":\"%s\"", id,
                s.who, s.opened, s.made);
    text_field(b, "name", c->title);
    buf_add_fmt(b, ",\"report_types\":[\"malware\",\"indicator\"],\"published\":\"%s\",\"object_refs\":[", s.made);
    buf_add_span(b, buf_span(&s.refs));
    buf_add_str(b, "]}\n]}\n");
    int err = buf_error(&s.refs);
    buf_deinit(&s.refs);
    return err ? err : buf_error(b);
}

/* ---- MISP ---- */

static void attribute(struct buf *b, const struct export_case *c, const struct entry *e, bool is_first)
{
    char uuid[UUID_TEXT], key[512];
    snprintf(key, sizeof key, "misp %s %.*s %.*s", entry_role_name(e->role), (int)c->id.n, (const char *)c->id.p,
             (int)(e->text.n < 400 ? e->text.n : 400), (const char *)e->text.p);
    uuid5(uuid_of_posse, span_str(key), uuid);
    buf_add_fmt(b, "%s\n{\"uuid\":\"%s\",\"type\":\"%s\",\"category\":\"Network activity\",\"to_ids\":true,\"distribution\":\"5\"", is_first ? "" : ",",
                uuid, e->is_name ? "domain" : e->role == ENTRY_CONTROLLER ? "ip-dst" : "ip-src");
    text_field(b, "value", e->text);
    text_field(b, "comment", e->reason);
    buf_add_fmt(b, ",\"timestamp\":\"%" PRId64 "\"", c->findings->made_ms / 1000);
    seen_fields(b, e->first_ms, e->last_ms);
    buf_add_fmt(b, ",\"Tag\":[{\"name\":\"posse:role=\\\"%s\\\"\"}", entry_role_name(e->role));
    if (e->campaign.n) {
        buf_add_str(b, ",{\"name\":");
        struct buf tag;
        buf_init(&tag, 1024);
        buf_add_str(&tag, "posse:campaign=\"");
        export_plain(&tag, e->campaign, 200);
        buf_add_byte(&tag, '"');
        json_string(b, buf_span(&tag));
        buf_deinit(&tag);
        buf_add_byte(b, '}');
    }
    buf_add_str(b, "]}");
}

int export_misp(const struct export_case *c, struct buf *b)
{
    struct stix s = {.c = c};
    char id[ID_TEXT], org[UUID_TEXT], day[EXPORT_Z];
    bool is_first = true;
    id_of(&s, "misp", SPAN_NONE, id);
    uuid5(uuid_of_posse, c->org, org);
    export_z(c->findings->made_ms, day);
    buf_add_fmt(b, "{\"Event\":{\"uuid\":\"%s\",\"date\":\"%.10s\",\"timestamp\":\"%" PRId64 "\"", id + 6, day, c->findings->made_ms / 1000);
    text_field(b, "info", c->title);
    /* To be read by its own organisation before it goes further: distribution 0, not published. */
    buf_add_str(b, ",\"threat_level_id\":\"2\",\"analysis\":\"2\",\"distribution\":\"0\",\"published\":false,\"Orgc\":{");
    buf_add_fmt(b, "\"uuid\":\"%s\"", org);
    text_field(b, "name", c->org);
    buf_add_str(b, "},\"Tag\":[{\"name\":\"tlp:amber\"},{\"name\":\"posse:case=\\\"");
    export_plain(b, c->id, CASE_ID_MAX);
    buf_add_str(b, "\\\"\"}],\"Attribute\":[");
    for (size_t i = 0; i < c->entries.n; i++)
        if (!c->entries.entry[i].left_out) {
            attribute(b, c, &c->entries.entry[i], is_first);
            is_first = false;
        }
    buf_add_str(b, "]}}\n");
    return buf_error(b);
}
