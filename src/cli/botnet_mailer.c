/* How a botnet's programs write: traits of its kept messages, and the described family that they look like most. */
#include "base/error.h"
#include "base/jsonout.h"
#include "cli/botnet_out.h"
#include "cli/verdict_out.h"
#include "engine/gather.h"

static void traits_table(struct buf *b, const struct found_botnet *x)
{
    buf_add_str(b, "MESSAGES             TRAIT         HOW\n");
    for (size_t i = 0; i < x->n_traits; i++) {
        const struct found_trait *t = &x->trait[i];
        buf_add_fmt(b, "%8llu of %-8llu  %-12.*s  ", (unsigned long long)t->n, (unsigned long long)t->of, (int)t->name.n, (const char *)t->name.p);
        text_write(b, t->value);
        buf_add_byte(b, '\n');
    }
    if (!x->n_traits)
        buf_add_str(b, "none of its messages was kept, and traits are read from those; see --keep of posse observe\n");
    if (!x->n_reasons)
        return;
    char sure[WATCH_NUMBER];
    watch_sure(x->family_probability, sure);
    buf_add_str(b, "\nof those described most like ");
    text_write(b, x->family);
    buf_add_fmt(b, " (%s):\n", sure);
    for (size_t i = 0; i < x->n_reasons; i++) {
        buf_add_fmt(b, "%+7.1f  ", x->reason[i].bits);
        text_write(b, x->reason[i].text);
        if (x->reason[i].source.n) {
            buf_add_str(b, "  ");
            text_write(b, x->reason[i].source);
        }
        buf_add_byte(b, '\n');
    }
}

static void traits_json(struct buf *b, const struct found_botnet *x)
{
    buf_add_str(b, "{\"botnet\":");
    json_string(b, x->name);
    buf_add_str(b, ",\"traits\":[");
    for (size_t i = 0; i < x->n_traits; i++) {
        buf_add_str(b, i ? ",{\"trait\":" : "{\"trait\":");
        json_string(b, x->trait[i].name);
        buf_add_str(b, ",\"how\":");
        json_string(b, x->trait[i].value);
        buf_add_fmt(b, ",\"messages\":%llu,\"of\":%llu}", (unsigned long long)x->trait[i].n, (unsigned long long)x->trait[i].of);
    }
    buf_add_str(b, "],\"family\":");
    x->n_reasons ? json_string(b, x->family) : buf_add_str(b, "null");
    buf_add_fmt(b, ",\"family_probability\":%.6g,\"reasons\":[", x->n_reasons ? x->family_probability : 0.0);
    for (size_t i = 0; i < x->n_reasons; i++) {
        buf_add_fmt(b, "%s{\"bits\":%.4g,\"trait\":", i ? "," : "", x->reason[i].bits);
        json_string(b, x->reason[i].text);
        buf_add_str(b, ",\"source\":");
        json_string(b, x->reason[i].source);
        buf_add_byte(b, '}');
    }
    buf_add_str(b, "]}\n");
}

int botnet_mailer(struct buf *b, struct observatory *o, const char *name, bool is_json, struct report *why)
{
    struct gather_want w = {.botnet = &name, .n_botnets = 1};
    struct findings *f = NULL;
    struct arena *a = arena_new(FINDINGS_ARENA);
    int rc = a ? gather_findings(o, &w, a, &f, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!rc) /* the one that was asked for is the first */
        is_json ? traits_json(b, f->botnet) : traits_table(b, f->botnet);
    arena_free(&a);
    return rc;
}
