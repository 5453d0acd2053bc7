/* Which pages are whose: names that the mails link to, and where resolvers said that they led. */
#include "base/error.h"
#include "case/entries.h"
#include "case/notice.h"

/* An address that stands in the findings already has told its network there. */
static void find_network(const struct findings *f, const struct ip *ip, struct found_network *out)
{
    for (size_t i = 0; i < f->n_controllers; i++)
        if (ip_compare(&f->controller[i].ip, ip) == 0) {
            *out = f->controller[i].network;
            return;
        }
    for (size_t i = 0; i < f->n_sources; i++)
        if (ip_compare(&f->source[i].ip, ip) == 0) {
            *out = f->source[i].network;
            return;
        }
}

int notice_pages(const struct findings *f, struct guard *g, struct resolved *r, struct arena *a, struct notice_page **out, size_t *n_out,
                 size_t *unresolved_out)
{
    struct entries all;
    struct entries_options o = {0}; /* as of no day: what was, was, and the notice tells when */
    struct resolved_address x[NOTICE_ADDRESSES];
    size_t n = 0;
    *n_out = *unresolved_out = 0;
    *out = arena_zalloc(a, NOTICE_PAGES * sizeof **out);
    if (!*out || entries_of(f, g, &o, a, &all))
        return POSSE_ENOMEM;
    for (const struct entry *e = all.entry; e < all.entry + all.n; e++) {
        if (e->role != ENTRY_PAGE || e->left_out)
            continue;
        size_t k = resolved_find(r, e->text, x, NOTICE_ADDRESSES);
        *unresolved_out += k == 0;
        for (size_t i = 0; i < k && n < NOTICE_PAGES; i++) {
            struct notice_page *p = &(*out)[n++];
            *p = (struct notice_page){.ip = x[i].ip, .name = x[i].name, .campaign = e->campaign, .botnet = e->botnet, .messages = e->messages,
                                      .exhibit = x[i].exhibit, .first_ms = x[i].first_ms, .last_ms = x[i].last_ms};
            find_network(f, &p->ip, &p->network);
        }
    }
    *n_out = n;
    return 0;
}
