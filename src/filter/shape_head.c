/* Who writes to whom, with which program: From, Reply-To, Message-ID, To, Cc, mailer. */
#include "filter/freemail.h"
#include "filter/shape_priv.h"

enum { HOPS_READ = 20, RECEIVED_BYTES = 500 };
enum {
    NAME_WORDS = 4,
    TO_READ = 16,         /* mailboxes that are read; the rest is counted by its '@' */
    ADDRESS_BYTES = 4096, /* of an address field that is looked at */
};

/* ---- From and Reply-To ---- */

enum name_form { NAME_NONE, NAME_ADDRESS, NAME_UPPER, NAME_LOWER, NAME_ONE_WORD, NAME_WORDS_MANY };

static const char *const name_form_label[] = {
    "the sender gives no name",         "the sender's name is an e-mail address",
    "the sender's name is in capitals", "the sender's name is in small letters",
    "the sender's name is one word",    "the sender's name has several words",
};

struct letters {
    uint32_t upper, lower, digit, high, space, odd;
    bool at;
};

static struct letters count_letters(struct span s)
{
    struct letters c = {0};
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = s.p[i];
        c.upper += (uint8_t)(b - 'A') < 26;
        c.lower += (uint8_t)(b - 'a') < 26;
        c.digit += ascii_is_digit(b);
        c.high += b >= 0x80;
        c.space += b == ' ';
        c.odd += b == '!' || b == '?' || b == '$';
        c.at |= b == '@';
    }
    return c;
}

static enum name_form name_form(struct span name, const struct letters *c)
{
    if (name.n == 0)
        return NAME_NONE;
    if (c->at)
        return NAME_ADDRESS;
    if (c->upper && !c->lower)
        return NAME_UPPER;
    if (c->lower && !c->upper)
        return NAME_LOWER;
    return c->space ? NAME_WORDS_MANY : NAME_ONE_WORD;
}

/* Words of at least three letters, as views. */
static size_t name_words(struct span name, struct span *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < max;) {
        size_t from = i;
        while (i < name.n && (ascii_is_alpha(name.p[i]) || name.p[i] >= 0x80))
            i++;
        if (i - from > 2)
            out[n++] = span_sub(name, from, i);
        i += i == from;
    }
    return n;
}

static void sender_name(struct shape *x)
{
    struct span name = span_sub(x->from.name, 0, 100), word[NAME_WORDS];
    struct letters c = count_letters(name);
    struct span at = x->from_where;
    enum name_form form = name_form(name, &c);
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 1), form, name_form_label[form], at);
    shape_count(x, SHAPE_KIND(SHAPE_SENDER, 2), name.n, "length of the sender's name", at);
    if (c.odd)
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, 3), 1, "the sender's name has !, ? or $", at);
    if (c.high)
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, SHAPE_SENDER_SCRIPT), 1, "the sender's name is not in plain Latin letters", at);
    size_t n = name_words(name, word, NAME_WORDS);
    bool found = false;
    for (size_t i = 0; i < n && !found; i++)
        found = span_ifind(x->from.local, word[i]) >= 0;
    static const char *const label[] = {"the sender's address has nothing of the sender's name",
                                        "the sender's address and name agree",
                                        "the sender gives no name to compare with the address"};
    unsigned agree = n == 0 ? 2 : found;
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 5), agree, label[agree], at);
    static const char *const cross[] = {"a free mail address that has nothing of the sender's name",
                                        "a free mail address that agrees with the sender's name",
                                        "a free mail address without a name"};
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 6), agree * 2 + x->from_free, x->from_free ? cross[agree] : label[agree], at);
}

static const char *const role[] = {
    "noreply",      "no-reply",      "info",     "sales",     "admin",   "support",    "newsletter",
    "news",         "office",        "contact",  "marketing", "service", "postmaster", "webmaster",
    "notification", "notifications", "security", "billing",   "root",
};
static const uint8_t role_class[] = {0, 0, 1, 2, 3, 3, 4, 4, 1, 1, 2, 3, 3, 3, 5, 5, 6, 6, 7};
static const char *const role_label[] = {"the sender is a no-reply address",
                                         "the sender is an office address",
                                         "the sender is a sales address",
                                         "the sender is a support or admin address",
                                         "the sender is a newsletter address",
                                         "the sender is a notification address",
                                         "the sender is a security or billing address",
                                         "the sender is a system account"};

static void sender_address(struct shape *x)
{
    struct span local = x->from.local, dom = x->from.domain, at = x->from_where;
    struct letters c = count_letters(span_sub(local, 0, 64)), d = count_letters(dom);
    uint8_t pattern[14];
    shape_flag(x, SHAPE_KIND(SHAPE_SENDER, 8), x->from_free, "the sender is at a free mail provider",
               "the sender is not at a free mail provider", at);
    shape_tld(x, SHAPE_KIND(SHAPE_TLD, 1), dom, "top-level domain of the sender", at);
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 9), c.digit < 4 ? c.digit : 4,
              c.digit ? "digits in the sender's address" : "no digits in the sender's address", at);
    shape_count(x, SHAPE_KIND(SHAPE_SENDER, 10), local.n, "length of the sender's address before the @", at);
    shape_text(x, SHAPE_KIND(SHAPE_PATTERN, 1), shape_pattern(local, pattern), "form of the sender's address", at);
    size_t r = shape_word_index(local, role, sizeof role / sizeof *role);
    if (r < sizeof role / sizeof *role)
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, 11), role_class[r], role_label[role_class[r]], at);
    unsigned dots = 0;
    for (size_t i = 0; i < dom.n; i++)
        dots += dom.p[i] == '.';
    shape_count(x, SHAPE_KIND(SHAPE_SENDER, 12), dots < 5 ? dots : 5, "dots in the sender's domain", at);
    shape_flag(x, SHAPE_KIND(SHAPE_SENDER, 13), d.digit > 0, "digits in the sender's domain",
               "no digits in the sender's domain", at);
    bool hyphen = dom.n && memchr(dom.p, '-', dom.n);
    shape_flag(x, SHAPE_KIND(SHAPE_SENDER, 14), hyphen, "a hyphen in the sender's domain",
               "no hyphen in the sender's domain", at);
}

static void reply_to(struct shape *x)
{
    struct span raw = shape_raw(x, FIELD_REPLY_TO);
    struct mailbox box;
    if (raw.n == 0 || address_list(x->a, span_sub(raw, 0, ADDRESS_BYTES), &box, 1) == 0 || box.domain.n == 0)
        return;
    bool same_domain = shape_within(box.domain, x->from_domain), free = freemail_is(box.domain);
    bool same = same_domain && span_ieq(box.local, x->from.local) && span_eq(box.domain, x->from.domain);
    static const char *const label[] = {"Reply-To is the sender's own address",
                                        "Reply-To is another address of the sender's domain",
                                        "Reply-To is in another domain than From"};
    unsigned relation = same ? 0 : same_domain ? 1 : 2;
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 16), relation, label[relation], raw);
    static const char *const free_label[] = {
        "neither From nor Reply-To is at a free mail provider", "Reply-To is at a free mail provider, From is not",
        "From is at a free mail provider, Reply-To is not", "From and Reply-To are at free mail providers"};
    unsigned both = x->from_free * 2u + free;
    shape_put(x, SHAPE_KIND(SHAPE_SENDER, 17), both, free_label[both], raw);
    static const char *const differ[] = {
        "replies go to another domain than the sender's", "replies go to a free mail address that is not the sender's",
        "replies leave the free mail provider", "replies go to another free mail provider"};
    if (relation == 2)
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, 18), both, differ[both], raw);
}

/* A raw value is as good as a decoded one unless it holds encoded words or bare 8-bit bytes. */
static struct span readable(struct shape *x, const struct field *f)
{
    struct span raw = span_sub(f->raw, 0, ADDRESS_BYTES);
    bool decode = span_find(raw, SPAN_LIT("=?")) >= 0;
    for (size_t i = 0; i < raw.n && !decode; i++)
        decode = raw.p[i] >= 0x80;
    return decode ? field_value(x->in->p, x->a, f) : raw;
}

void shape_sender(struct shape *x)
{
    const struct field *f = shape_field(x, FIELD_FROM);
    size_t n = f ? address_list(x->a, readable(x, f), &x->from, 1) : 0;
    if (!f || span_trim(f->raw).n == 0) {
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, 0), 0, "no sender in the header", SPAN_NONE);
        return;
    }
    x->from_where = span_trim(f->raw);
    if (n == 0 || x->from.domain.n == 0)
        shape_put(x, SHAPE_KIND(SHAPE_SENDER, 0), 1, "the sender has no e-mail address", x->from_where);
    x->from_domain = shape_domain(x, x->from.domain);
    x->from_free = freemail_is(x->from.domain);
    sender_name(x);
    sender_address(x);
    reply_to(x);
}

/* ---- Message-ID ---- */

enum id_domain { ID_NONE, ID_EQUAL, ID_SAME_REGISTERED, ID_ADDRESS, ID_SINGLE, ID_OTHER };

static const char *const id_domain_label[] = {"Message-ID without a domain",
                                              "Message-ID made by the sender's host",
                                              "Message-ID made in the sender's domain",
                                              "Message-ID made by a bare IP address",
                                              "Message-ID made by a host without a domain",
                                              "Message-ID made by another domain than the sender's"};

static enum id_domain id_domain(const struct shape *x, struct span dom)
{
    struct letters c = count_letters(dom);
    if (dom.n == 0)
        return ID_NONE;
    if (span_eq(dom, x->from.domain))
        return ID_EQUAL;
    if (shape_within(dom, x->from_domain))
        return ID_SAME_REGISTERED;
    if (c.digit && !c.upper && !c.lower)
        return ID_ADDRESS;
    return memchr(dom.p, '.', dom.n) ? ID_OTHER : ID_SINGLE;
}

/* Which separators it uses, as a set of bits; their order and number do not matter. */
static uint32_t separators(struct span s)
{
    static const char known[] = ".-_$+=%/#!~&*";
    uint32_t set = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *hit = ascii_is_alnum(s.p[i]) || s.p[i] == 0 ? NULL : strchr(known, s.p[i]);
        if (!ascii_is_alnum(s.p[i]))
            set |= 1u << (hit ? hit - known : 31);
    }
    return set;
}

static void id_local(struct shape *x, struct span local, struct span at)
{
    uint8_t pattern[14];
    struct letters c = count_letters(local);
    unsigned kinds = (c.upper > 0) * 4u + (c.lower > 0) * 2u + (c.digit > 0);
    static const char *const label[] = {"Message-ID without letters or digits",
                                        "Message-ID of digits only",
                                        "Message-ID of small letters only",
                                        "Message-ID of small letters and digits",
                                        "Message-ID of capitals only",
                                        "Message-ID of capitals and digits",
                                        "Message-ID of capitals and small letters",
                                        "Message-ID of capitals, small letters and digits"};
    shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 3), kinds, label[kinds], at);
    shape_count(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 4), local.n, "length of the Message-ID before the @", at);
    shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 5), separators(local), "separators in the Message-ID", at);
    shape_text(x, SHAPE_KIND(SHAPE_PATTERN, 2), shape_pattern(local, pattern), "form of the Message-ID", at);
}

/* Which hop made the Message-ID: 0 none of them, 1 the first that took the mail, 2 a later one, which means that the
 * mail came without and the receiver's host put one in. */
static unsigned id_maker(const struct shape *x, struct span dom)
{
    unsigned maker = 0, hops = 0;
    for (size_t i = x->n_fields; i-- > 0 && hops < HOPS_READ && dom.n;) {
        if (x->field[i].id != FIELD_RECEIVED)
            continue;
        struct span v = span_sub(x->field[i].raw, 0, RECEIVED_BYTES);
        ptrdiff_t by = span_ifind(v, SPAN_LIT(" by "));
        by = by < 0 ? span_ifind(v, SPAN_LIT("\tby ")) : by;
        struct span host = by < 0 ? SPAN_NONE : span_sub(v, (size_t)by + 4, v.n);
        if (host.n > dom.n && span_istarts(host, dom) && !ascii_is_alnum(host.p[dom.n]) && host.p[dom.n] != '.')
            maker = hops == 0 ? 1 : 2;
        hops++;
    }
    return maker;
}

void shape_message_id(struct shape *x)
{
    struct span raw = span_sub(shape_raw(x, FIELD_MESSAGE_ID), 0, 256);
    if (raw.n == 0) {
        shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 0), 0, "no Message-ID", SPAN_NONE);
        return;
    }
    bool angles = raw.p[0] == '<' && raw.p[raw.n - 1] == '>';
    shape_flag(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 1), angles, "Message-ID in angle brackets",
               "Message-ID without its angle brackets", raw);
    struct mailbox id = address_angle(x->a, raw);
    struct span dom = id.domain, local = id.local;
    if (dom.n == 0 && local.n == 0) /* no '@': all of it is the local part */
        local = angles ? span_sub(raw, 1, raw.n - 1) : raw;
    enum id_domain d = id_domain(x, dom);
    shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 2), d, id_domain_label[d], raw);
    static const char *const maker_label[] = {"Message-ID made by none of the hosts on the way",
                                              "Message-ID made by the first host on the way",
                                              "Message-ID put in by a host that received the mail"};
    unsigned maker = id_maker(x, dom);
    shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 7), maker, maker_label[maker], raw);
    id_local(x, local, raw);
    bool free = freemail_is(dom);
    static const char *const cross[] = {
        "neither From nor Message-ID is of a free mail provider", "Message-ID is of a free mail provider, From is not",
        "From is at a free mail provider, Message-ID is not of one", "From and Message-ID are of free mail providers"};
    unsigned both = x->from_free * 2u + free;
    shape_put(x, SHAPE_KIND(SHAPE_MESSAGE_ID, 6), both, cross[both], raw);
}

/* ---- To, Cc ---- */

static size_t count_at(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '@';
    return n;
}

/* Is the recipient called by the part before the '@'? People write names, lists of addresses write "Dear jsmith". */
static void recipient_named(struct shape *x, const struct mailbox *to, size_t n, struct span at)
{
    struct word_set w;
    shape_words_init(&w);
    for (size_t i = 0; i < n && i < 3; i++)
        if (to[i].local.n > 3)
            shape_words_add(&w, to[i].local);
    const struct envelope *env = x->in->env;
    for (size_t i = 0; env && i < env->n_rcpt && i < 3; i++) {
        ptrdiff_t sign = span_chr(env->rcpt[i], '@');
        if (sign > 3)
            shape_words_add(&w, span_sub(env->rcpt[i], 0, (size_t)sign));
    }
    if (w.n == 0)
        return;
    struct span subject = span_sub(x->m->subject, 0, 300);
    x->names_recipient = shape_has_word(subject, &w);
    shape_flag(x, SHAPE_KIND(SHAPE_RECIPIENT, 5), x->names_recipient,
               "the subject names the recipient's mailbox", "the subject does not name the recipient's mailbox", at);
    struct span body = x->m->n_text ? span_sub(x->m->text[0].visible, 0, 300) : SPAN_NONE;
    shape_flag(x, SHAPE_KIND(SHAPE_RECIPIENT, 6), shape_has_word(body, &w),
               "the text begins with the recipient's mailbox name",
               "the text does not begin with the recipient's mailbox name", at);
}

static void to_self(struct shape *x, const struct mailbox *to, size_t n, struct span at)
{
    bool self = false;
    for (size_t i = 0; i < n; i++)
        self |= x->from.local.n && span_ieq(to[i].local, x->from.local) && span_eq(to[i].domain, x->from.domain);
    x->is_self = self;
    if (self)
        shape_put(x, SHAPE_KIND(SHAPE_RECIPIENT, 3), 1, "addressed to its own sender", at);
    if (n)
        shape_flag(x, SHAPE_KIND(SHAPE_RECIPIENT, 4), shape_within(to[0].domain, x->from_domain),
                   "sender and recipient are in one domain", "sender and recipient are in different domains", at);
}

void shape_recipients(struct shape *x)
{
    struct span raw = span_sub(shape_raw(x, FIELD_TO), 0, ADDRESS_BYTES);
    struct span cc = span_sub(shape_raw(x, FIELD_CC), 0, ADDRESS_BYTES);
    struct mailbox box[TO_READ];
    size_t n = 0, found = raw.n ? address_list(x->a, raw, box, TO_READ) : 0;
    for (size_t i = 0; i < found; i++)
        if (box[i].domain.n)
            box[n++] = box[i];
    size_t many = n < TO_READ ? n : count_at(raw);
    if (n)
        shape_count(x, SHAPE_KIND(SHAPE_RECIPIENT, 0), many, "recipients in To", raw);
    else if (span_ifind(raw, SPAN_LIT("undisclosed")) >= 0)
        shape_put(x, SHAPE_KIND(SHAPE_RECIPIENT, 7), 1, "recipients are undisclosed", raw);
    else
        shape_put(x, SHAPE_KIND(SHAPE_RECIPIENT, 7), 0, "no recipient in To", raw);
    if (count_at(cc))
        shape_count(x, SHAPE_KIND(SHAPE_RECIPIENT, 1), count_at(cc), "recipients in Cc", cc);
    bool named = false;
    for (size_t i = 0; i < n; i++)
        named |= box[i].name.n > 0;
    shape_flag(x, SHAPE_KIND(SHAPE_RECIPIENT, 2), named, "recipients are named", "recipients are bare addresses", raw);
    to_self(x, box, n, raw);
    recipient_named(x, box, n, raw);
}

/* ---- the program that wrote it: what it tells of itself, never its name ---- */

static bool has_version(struct span s)
{
    for (size_t i = 1; i + 1 < s.n; i++)
        if (s.p[i] == '.' && ascii_is_digit(s.p[i - 1]) && ascii_is_digit(s.p[i + 1]))
            return true;
    return false;
}

void shape_mailer(struct shape *x)
{
    struct span agent = shape_raw(x, FIELD_USER_AGENT), mailer = shape_raw(x, FIELD_X_MAILER);
    struct span both = agent.n ? agent : mailer, priority = shape_raw(x, FIELD_X_PRIORITY);
    unsigned state = both.n == 0 ? 0 : has_version(both) ? 2 : 1;
    static const char *const label[] = {"it does not say which program wrote it",
                                        "it names a program without a version", "it names a program and its version"};
    shape_put(x, SHAPE_KIND(SHAPE_MAILER, 0), state, label[state], both);
    if (both.n) {
        shape_count(x, SHAPE_KIND(SHAPE_MAILER, 1), both.n, "length of the mail program's name", both);
        uint8_t pattern[14];
        shape_text(x, SHAPE_KIND(SHAPE_PATTERN, 3), shape_pattern(both, pattern), "form of the mail program's name",
                   both);
    }
    static const char *const prio[] = {"no X-Priority",        "X-Priority is highest", "X-Priority is high",
                                       "X-Priority is normal", "X-Priority is low",     "X-Priority is lowest",
                                       "X-Priority is odd"};
    unsigned p = priority.n == 0 ? 0 : priority.p[0] >= '1' && priority.p[0] <= '5' ? priority.p[0] - 48u : 6u;
    shape_put(x, SHAPE_KIND(SHAPE_MAILER, 2), p, prio[p], priority);
}
