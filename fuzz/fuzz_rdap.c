/* fuzz_rdap: what a registry answers and what the bootstrap registry says, chosen by the first byte. What comes out is printable, an e-mail
 * address has nothing that ends a header field or begins an option, contacts for abuse come first, a range is written. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "net/rdap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text(const char *s, size_t size)
{
    size_t n = strnlen(s, size);
    if (n == size || utf8_valid_prefix(span_of(s, n)) != n)
        abort();
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] < ' ' || s[i] == 127)
            abort();
}

static void contact(const struct rdap_contact *c)
{
    size_t n = strnlen(c->email, sizeof c->email);
    const char *at = memchr(c->email, '@', n);
    if (!n || n > 254 || !at || at == c->email || c->email[0] == '-' || strpbrk(c->email, " \t\r\n,;:<>\"()[]\\`$|&'") || strchr(at + 1, '@'))
        abort();
    text(c->role, sizeof c->role);
    text(c->name, sizeof c->name);
    text(c->handle, sizeof c->handle);
    text(c->phone, sizeof c->phone);
}

static void answer(struct span json)
{
    static struct rdap_network n;
    struct report why = {0};
    char range[IP_RANGE_TEXT];
    int rc = rdap_read(json, &n, &why);
    if (rc != why.code || n.n_contacts > RDAP_CONTACTS)
        abort();
    for (size_t i = 0; i < n.n_contacts; i++) {
        contact(&n.contact[i]);
        if (i && n.contact[i].is_abuse && !n.contact[i - 1].is_abuse)
            abort();
    }
    text(n.handle, sizeof n.handle);
    text(n.name, sizeof n.name);
    text(n.holder, sizeof n.holder);
    text(n.type, sizeof n.type);
    text(n.country, sizeof n.country);
    rdap_range_text(&n, range);
    text(range, sizeof range);
    if (n.has_range != (range[0] != 0) || (n.has_range && (!rdap_covers(&n, &n.first) || !rdap_covers(&n, &n.last))))
        abort();
}

static void bootstrap(struct span json)
{
    static const char *const asked[] = {"192.0.2.1", "10.0.0.1", "203.1.1.1", "2001:db8::1", "2a00::1", "::"};
    struct rdap_bootstrap *b = NULL;
    struct report why = {0};
    rdap_bootstrap_add(&b, json, &why);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct ip a;
        ip_read(span_str(asked[i]), &a);
        const char *url = rdap_bootstrap_find(b, &a);
        if (url && (!span_istarts(span_str(url), SPAN_LIT("http")) || url[strlen(url) - 1] != '/' || strpbrk(url, " \r\n@")))
            abort();
    }
    rdap_bootstrap_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct span rest = span_of(data + 1, size - 1);
    if (data[0] & 1)
        bootstrap(rest);
    else
        answer(rest);
    return 0;
}
