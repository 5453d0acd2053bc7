/* fuzz_leaving: what leaves a case, with every text in it somebody else's. The input's lines are names, a firm, what was seen, subject and so
 * on; what stands after the eighth is the message. JSON stays JSON, a report stays a report of three parts with the fields that we wrote, a
 * table keeps its columns and begins no formula, zones and maps keep to their alphabet. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "case/export.h"
#include "case/notice.h"
#include "mail/arf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS = 8, OUT = 16 << 20 };
struct input { struct span text[TEXTS], message; };

static struct input split(struct span s)
{
    struct input in = {.message = SPAN_NONE};
    for (int i = 0; i < TEXTS; i++) {
        ptrdiff_t nl = span_chr(s, '\n');
        in.text[i] = span_sub(s, 0, nl < 0 ? s.n : (size_t)nl);
        s = span_sub(s, nl < 0 ? s.n : (size_t)nl + 1, s.n);
    }
    in.message = s;
    return in;
}

static void is_json(const struct buf *b)
{
    json_t *j = json_loadb((const char *)b->p, b->n, JSON_ALLOW_NUL, NULL); /* \u0000 is JSON; findings have none */
    if (!j)
        abort();
    json_decref(j);
}

/* As many cells in each row, none of which begins a formula. */
static void is_table(const struct buf *b, size_t columns)
{
    size_t cells = 1;
    bool is_quoted = false;
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] == '"') {
            is_quoted = !is_quoted;
            if (is_quoted && i && b->p[i - 1] != '"' && i + 1 < b->n && strchr("=+-@\t\r", b->p[i + 1]) && b->p[i + 1])
                abort();
        } else if (b->p[i] == ',' && !is_quoted) {
            cells++;
        } else if (b->p[i] == '\n') {
            if (is_quoted || cells != columns)
                abort();
            cells = 1;
        }
    }
}

static void is_report(const struct buf *b, bool is_arf)
{
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct message *m;
    struct arf arf;
    if (p && a && message_parse(p, a, buf_span(b), &m) == 0) {
        arf_read(a, m, &arf);
        size_t children = 0, own = 0;
        for (size_t i = 1; i < m->n_parts; i++)
            children += m->part[i].parent == 0;
        for (size_t i = 0; i < m->n_fields; i++)
            own += m->field[i].part == 0;
        if (own != 7 || (is_arf && (arf.klass != ARF_SPAM || children != 3)))
            abort();
    }
    arena_free(&a);
    mail_parser_free(&p);
}

static void notices(const struct input *in)
{
    struct found_network net = {.asn = 64500};
    struct incident e = {.kind = NOTICE_SENDER, .address = SPAN_LIT("192.0.2.1"), .name = in->text[0], .what = in->text[1], .campaign = in->text[2],
                         .botnet = in->text[3], .network = &net, .last_ms = 1, .at_ms = 1, .probability = 1, .message = in->message,
                         .taken_out = in->text[4], .subject = in->text[5], .message_id = in->text[6]};
    struct notice n = {.id = "n-0123456789", .to = SPAN_LIT("abuse@host.example"), .firm = in->text[7], .network = in->text[0], .form = NOTICE_ARF,
                       .incident = &e, .n = 1, .of_kind = {[NOTICE_SENDER] = 1}, .follows = in->text[1]};
    struct notice_case c = {.id = SPAN_LIT("t1"), .org = in->text[2], .contact = SPAN_LIT("desk@a.example")};
    struct buf b;
    buf_init(&b, OUT);
    for (int kind = 0; kind < NOTICE_KINDS; kind++) {
        e.kind = (enum notice_kind)kind;
        buf_clear(&b);
        if (!notice_xarf(&c, &e, &b))
            is_json(&b);
        buf_clear(&b);
        if (!notice_csv(&c, &n, &b))
            is_table(&b, 12);
        buf_clear(&b);
        if (!notice_mail(&c, &n, &e, &b))
            is_report(&b, notice_is_arf(&n, &e));
        n.form = NOTICE_ALL;
        buf_clear(&b);
        if (!notice_mail(&c, &n, NULL, &b))
            is_report(&b, false);
        n.form = NOTICE_ARF;
    }
    buf_deinit(&b);
}

static void exports(const struct input *in)
{
    struct found_botnet net = {.name = in->text[3], .is_subject = true};
    struct found_campaign campaign = {.id = in->text[2], .botnet = in->text[3]};
    struct found_network network = {.asn = 1, .name = in->text[0], .country = in->text[4]};
    struct findings f = {.botnet = &net, .n_botnets = 1, .campaign = &campaign, .n_campaigns = 1};
    struct entry e[] = {
        {.role = ENTRY_CONTROLLER, .is_name = true, .text = SPAN_LIT("a.example"), .reason = in->text[1], .until_ms = 1000, .network = &network},
        {.role = ENTRY_SENDER, .text = SPAN_LIT("192.0.2.1"), .reason = in->text[1], .campaign = in->text[2], .botnet = in->text[3], .until_ms = 1000}};
    struct export_case c = {.id = in->text[5], .title = in->text[6], .org = in->text[7], .contact = in->text[0], .findings = &f, .entries = {e, 2, 2}};
    struct buf b;
    ip_read(e[1].text, &e[1].ip);
    buf_init(&b, OUT);
    for (const struct export_file *x = export_files; x->name; x++) {
        buf_clear(&b);
        if (x->write(&c, &b))
            continue;
        if (x->form == EXPORT_STIX || x->form == EXPORT_MISP)
            is_json(&b);
        else if (x->form == EXPORT_CSV)
            is_table(&b, 15);
        for (size_t i = 0; i < b.n && x->form > EXPORT_CSV; i++)
            if ((b.p[i] < ' ' && b.p[i] != '\n') || b.p[i] > '~')
                abort();
    }
    buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = split(span_of(data, size));
    notices(&in);
    exports(&in);
    return 0;
}
