/* Where the links lead, as classes: whose domain, how many domains, how the address is built, what it promises. */
#include "filter/shape_priv.h"

enum { LINKS_READ = 60, LINK_WORDS_READ = 24, WORDS_PER_LINK = 12, WORD_MIN = 3, WORD_MAX = 16 };

struct tally {
    uint32_t links, images, same;
    struct span domain[LINKS_READ], host[LINKS_READ];
    uint32_t n_domains, n_hosts;
    struct span any;
};

/* Words that say what a link is for, in the classes that people would use. Sorted; a test holds it to that.
 * A closed list: a path may hold names of lists, people and products, which no general feature may carry. */
struct vocab {
    const char *word;
    const char *label;
};
static const struct vocab vocab[] = {
    {"abuse", "a link to an abuse desk"},
    {"account", "a link about an account"},
    {"aff", "an affiliate link"},
    {"affiliate", "an affiliate link"},
    {"archive", "a link to an archive"},
    {"archives", "a link to an archive"},
    {"article", "a link to an article"},
    {"articles", "a link to an article"},
    {"assets", "a link to a page's files"},
    {"auth", "a link to a login"},
    {"banner", "a link to a banner"},
    {"bin", "a link to a server's program"},
    {"blog", "a link to a blog"},
    {"bug", "a link to a bug report"},
    {"bugs", "a link to a bug report"},
    {"buy", "a link to buy"},
    {"campaign", "a link of a campaign"},
    {"cart", "a link to buy"},
    {"cgi", "a link to a server's program"},
    {"click", "a link that counts clicks"},
    {"comment", "a link to a comment"},
    {"commit", "a link to source code"},
    {"confirm", "a link to confirm something"},
    {"contact", "a link to a contact page"},
    {"content", "a link to uploaded content"},
    {"css", "a link to a page's files"},
    {"doc", "a link to documents"},
    {"docs", "a link to documents"},
    {"download", "a link to a download"},
    {"downloads", "a link to a download"},
    {"email", "a link that speaks of e-mail"},
    {"faq", "a link to help"},
    {"file", "a link to files"},
    {"files", "a link to files"},
    {"free", "a link to something free"},
    {"git", "a link to source code"},
    {"help", "a link to help"},
    {"home", "a link to a home page"},
    {"image", "a link to images"},
    {"images", "a link to images"},
    {"img", "a link to images"},
    {"includes", "a link into a site's inner folders"},
    {"index", "a link to an index page"},
    {"info", "a link to information"},
    {"invoice", "a link about an invoice"},
    {"issue", "a link to a bug report"},
    {"issues", "a link to a bug report"},
    {"join", "a link to join"},
    {"list", "a link to a list"},
    {"login", "a link to a login"},
    {"logo", "a link to a logo"},
    {"mail", "a link that speaks of e-mail"},
    {"mailing", "a link that speaks of e-mail"},
    {"manual", "a link to documents"},
    {"member", "a link to a members' page"},
    {"message", "a link to a message"},
    {"news", "a link to news"},
    {"newsletter", "a link to a newsletter"},
    {"offer", "a link to an offer"},
    {"open", "a link that counts readers"},
    {"opt", "a link to opt out"},
    {"optout", "a link to opt out"},
    {"order", "a link to buy"},
    {"password", "a link about a password"},
    {"patch", "a link to source code"},
    {"payment", "a link about a payment"},
    {"pdf", "a link to a document"},
    {"pipermail", "a link to an archive"},
    {"pixel", "a link that counts readers"},
    {"privacy", "a link to a privacy policy"},
    {"product", "a link to a product"},
    {"products", "a link to a product"},
    {"profile", "a link to a profile"},
    {"promo", "a link to an offer"},
    {"redir", "a link that forwards"},
    {"redirect", "a link that forwards"},
    {"ref", "an affiliate link"},
    {"register", "a link to register"},
    {"remove", "a link to be removed"},
    {"review", "a link to a review"},
    {"sale", "a link to an offer"},
    {"search", "a link to a search"},
    {"secure", "a link that says it is secure"},
    {"security", "a link that speaks of security"},
    {"shop", "a link to a shop"},
    {"sign", "a link to a login"},
    {"signin", "a link to a login"},
    {"src", "a link to source code"},
    {"stat", "a link that counts readers"},
    {"static", "a link to a page's files"},
    {"store", "a link to a shop"},
    {"story", "a link to an article"},
    {"subscribe", "a link to subscribe"},
    {"support", "a link to help"},
    {"survey", "a link to a survey"},
    {"terms", "a link to terms"},
    {"thread", "a link to a message"},
    {"track", "a link that counts clicks"},
    {"tracking", "a link that counts clicks"},
    {"tree", "a link to source code"},
    {"uns", "a link to unsubscribe"},
    {"unsub", "a link to unsubscribe"},
    {"unsubscribe", "a link to unsubscribe"},
    {"update", "a link to an update"},
    {"upload", "a link to uploaded content"},
    {"uploads", "a link to uploaded content"},
    {"url", "a link that forwards"},
    {"user", "a link to a user's page"},
    {"users", "a link to a user's page"},
    {"utm", "a link that counts clicks"},
    {"verify", "a link to verify something"},
    {"view", "a link to view something"},
    {"watch", "a link to a video"},
    {"webmail", "a link to webmail"},
    {"wiki", "a link to a wiki"},
    {"win", "a link to win something"},
};
enum { VOCAB_N = sizeof vocab / sizeof *vocab };

size_t shape_vocab_n(void) { return VOCAB_N; }
const char *shape_vocab_word(size_t i) { return vocab[i].word; }

static int vocab_compare(const uint8_t *lower, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (lower[i] != (uint8_t)word[i])
            return lower[i] < (uint8_t)word[i] ? -1 : 1;
    return word[n] ? -1 : 0;
}

static const struct vocab *vocab_find(const uint8_t *lower, size_t n)
{
    size_t lo = 0, hi = VOCAB_N;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = vocab_compare(lower, n, vocab[mid].word);
        if (order == 0)
            return &vocab[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

static void link_words(struct shape *x, struct span s, unsigned image, struct span at)
{
    uint8_t lower[WORD_MAX];
    unsigned words = 0;
    s = span_sub(s, 0, 300);
    for (size_t i = 0; i < s.n && words < WORDS_PER_LINK;) {
        size_t n = 0;
        for (; i < s.n && ascii_is_alpha(s.p[i]); i++, n++)
            if (n < WORD_MAX)
                lower[n] = ascii_lower(s.p[i]);
        i += n == 0;
        if (n < WORD_MIN || n > WORD_MAX)
            continue;
        words++;
        const struct vocab *v = vocab_find(lower, n);
        if (v)
            shape_put(x, SHAPE_KIND(SHAPE_LINK_WORD, image), hash64(span_of(lower, n), 0), v->label, at);
    }
}

static void link_extension(struct shape *x, struct span path, unsigned image, struct span at)
{
    static const char *const known[] = {"html",  "htm", "php", "asp",  "aspx", "cgi", "pl",  "jsp",  "do",  "cfm",
                                        "shtml", "gif", "jpg", "jpeg", "png",  "pdf", "zip", "exe",  "txt", "gz",
                                        "c",     "h",   "js",  "xml",  "scr",  "rar", "doc", "docx", "apk", "svg"};
    const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
    struct span last = slash ? span_sub(path, (size_t)(slash - path.p) + 1, path.n) : path;
    const uint8_t *dot = last.n ? memrchr(last.p, '.', last.n) : NULL;
    if (!dot)
        return;
    struct span ext = span_of(dot + 1, (size_t)(last.p + last.n - dot - 1));
    size_t k = shape_word_index(ext, known, sizeof known / sizeof *known);
    if (ext.n && ext.n <= 5)
        shape_text(x, SHAPE_KIND(SHAPE_LINK_WORD, 2 + image),
                   k < sizeof known / sizeof *known ? span_str(known[k]) : SPAN_LIT("other"),
                   "kind of file that a link leads to", at);
}

static void link_flags(struct shape *x, const struct url *u)
{
    static const char *const label[] = {"a link with user info before the host",
                                        "a link to a bare address",
                                        "a link to an internationalised host",
                                        "a link written to escape notice",
                                        "a link through a shortener",
                                        "a link to an unusual port",
                                        "a link without a scheme",
                                        "a link that carries its own data",
                                        "a link that runs a script",
                                        "a mail link",
                                        "a link to a host of mixed scripts",
                                        "a link to free hosting",
                                        "a link that the eye cannot see"};
    for (uint32_t rest = u->flags & 0x1FFF; rest; rest &= rest - 1) {
        unsigned bit = (unsigned)__builtin_ctz(rest);
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 8), bit, label[bit], u->raw);
    }
}

static unsigned scheme_class(struct span s)
{
    static const char *const scheme[] = {"http", "https", "ftp",        "mailto", "tel",
                                         "cid",  "data",  "javascript", "file",   "news"};
    return (unsigned)shape_word_index(s, scheme, sizeof scheme / sizeof *scheme);
}

static void link_host(struct shape *x, const struct url *u, unsigned image)
{
    unsigned dots = 0;
    bool digit = false, hyphen = false;
    for (size_t i = 0; i < u->host.n; i++) {
        dots += u->host.p[i] == '.';
        digit |= ascii_is_digit(u->host.p[i]);
        hyphen |= u->host.p[i] == '-';
    }
    static const char *const form[] = {"a link's host: plain name", "a link's host: name with a hyphen",
                                       "a link's host: name with digits", "a link's host: name with digits and hyphen"};
    unsigned f = digit * 2u + hyphen;
    shape_put(x, SHAPE_KIND(SHAPE_LINK, 16 + image), (dots < 4 ? dots : 4) * 4 + f, form[f], u->raw);
    SCALE(letters, " letters", 3, 5, 8, 12, 16, 22);
    ptrdiff_t dot = span_chr(u->domain, '.');
    if (dot > 0)
        shape_scale(x, SHAPE_KIND(SHAPE_LINK, 18 + image), (uint64_t)dot, &letters, "the name of a link's domain",
                    u->raw);
    if (!(u->flags & URL_NUMERIC_HOST))
        shape_tld(x, SHAPE_KIND(SHAPE_TLD, 2 + image), u->host, "top-level domain of a link", u->raw);
}

static void link_path(struct shape *x, const struct url *u, unsigned image)
{
    SCALE(query, " bytes", 0, 1, 10, 30, 80);
    unsigned depth = 0;
    for (size_t i = 0; i + 1 < u->path.n && i < 300; i++)
        depth += u->path.p[i] == '/';
    shape_count(x, SHAPE_KIND(SHAPE_LINK, 20 + image), depth < 6 ? depth : 6, "folders in a link's path", u->raw);
    shape_scale(x, SHAPE_KIND(SHAPE_LINK, 22 + image), u->query.n, &query, "query of a link", u->raw);
    bool addressed = u->query.n && (memchr(u->query.p, '@', u->query.n) || span_find(u->query, SPAN_LIT("%40")) >= 0);
    if (addressed)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 1), 1, "a link that carries an e-mail address", u->raw);
}

static void shown_words(struct shape *x, struct span shown)
{
    static const char *const word[] = {"click",  "here",   "unsub",    "remove", "opt",    "login",
                                       "log in", "verify", "download", "view",   "confirm"};
    static const char *const label[] = {
        "a link that says \"click\"",  "a link that says \"here\"",    "a link that says \"unsubscribe\"",
        "a link that says \"remove\"", "a link that says \"opt out\"", "a link that says \"login\"",
        "a link that says \"log in\"", "a link that says \"verify\"",  "a link that says \"download\"",
        "a link that says \"view\"",   "a link that says \"confirm\""};
    shown = span_sub(shown, 0, 80);
    for (size_t i = 0; shown.n && i < sizeof word / sizeof *word; i++)
        if (span_ifind(shown, span_str(word[i])) >= 0)
            shape_put(x, SHAPE_KIND(SHAPE_LINK_WORD, 4), i, label[i], shown);
}

static void add_distinct(struct span *seen, uint32_t *n, struct span s)
{
    for (uint32_t i = *n; i-- > 0;)
        if (span_eq(seen[i], s))
            return;
    seen[(*n)++] = s;
}

/* Lists add links to themselves; they say nothing about the author. */
static bool is_list_link(const struct url *u)
{
    return span_istarts(u->host, SPAN_LIT("lists.")) || span_find(u->path, SPAN_LIT("listinfo")) >= 0 ||
           span_find(u->path, SPAN_LIT("mailman/")) >= 0;
}

static void one_link(struct shape *x, struct tally *t, const struct url *u)
{
    static const char *const scheme[] = {"a link over http",
                                         "a link over https",
                                         "a link over ftp",
                                         "a mail link",
                                         "a telephone link",
                                         "a link to a part of the mail",
                                         "a link that carries its own data",
                                         "a link that runs a script",
                                         "a link to a file",
                                         "a link to a news group",
                                         "a link of an unusual kind"};
    unsigned image = u->origin == URL_FROM_IMG, s = scheme_class(u->scheme);
    shape_put(x, SHAPE_KIND(SHAPE_LINK, 2 + image), s, scheme[s], u->raw);
    link_flags(x, u);
    if (u->host.n == 0 || u->flags & (URL_IS_MAILTO | URL_IS_DATA | URL_IS_SCRIPT))
        return;
    t->links++;
    t->images += image;
    t->any = t->any.n ? t->any : u->raw;
    struct span d = u->domain.n ? u->domain : u->host;
    add_distinct(t->domain, &t->n_domains, d);
    add_distinct(t->host, &t->n_hosts, u->host);
    t->same += shape_within(d, x->from_domain);
    if (u->origin == URL_FROM_FORM)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 4), 1, "a form that sends what is typed to a site", u->raw);
    if (u->origin == URL_FROM_REFRESH)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 5), 1, "a page that forwards by itself", u->raw);
    link_host(x, u, image);
    link_path(x, u, image);
    if (t->links <= LINK_WORDS_READ) {
        link_words(x, u->path, image, u->raw);
        link_words(x, u->query, image, u->raw);
        link_extension(x, u->path, image, u->raw);
        if (!image)
            shown_words(x, u->shown);
    }
}

static void emit_tally(struct shape *x, const struct tally *t)
{
    SCALE(domains, "", 0, 1, 2, 3, 5, 8, 20);
    SCALE(images, "", 0, 1, 2, 5, 10, 20);
    shape_count(x, SHAPE_KIND(SHAPE_LINK, 24), t->links, "links", t->any);
    shape_scale(x, SHAPE_KIND(SHAPE_LINK, 25), t->n_domains, &domains, "domains that the links lead to", t->any);
    if (t->links == 0)
        return;
    static const char *const same[] = {"no link leads to the sender's domain", "some links lead to the sender's domain",
                                       "all links lead to the sender's domain"};
    unsigned s = t->same == 0 ? 0 : t->same < t->links ? 1 : 2;
    shape_put(x, SHAPE_KIND(SHAPE_LINK, 26), s, same[s], t->any);
    static const char *const cross[] = {"links, none to the sender's own domain", "links to the sender's own domain",
                                        "links from a free mail address to elsewhere",
                                        "links from a free mail address to its provider"};
    unsigned c = x->from_free * 2u + (t->same > 0);
    shape_put(x, SHAPE_KIND(SHAPE_LINK, 27), c, cross[c], t->any);
    shape_flag(x, SHAPE_KIND(SHAPE_LINK, 28), t->n_domains == 1, "all links lead to one domain",
               "links lead to several domains", t->any);
    if (t->n_hosts >= t->n_domains + 2)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 32), 1, "links to several hosts of one domain", t->any);
    if (x->is_self && t->same < t->links)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 33), 1, "addressed to its own sender, with links elsewhere", t->any);
    if (x->names_recipient && t->same < t->links)
        shape_put(x, SHAPE_KIND(SHAPE_LINK, 34), 1, "a subject that names the mailbox, with links elsewhere", t->any);
    if (t->images)
        shape_scale(x, SHAPE_KIND(SHAPE_LINK, 29 + (t->n_domains == 1)), t->images, &images,
                    t->n_domains == 1 ? "images, all from the one domain linked to" : "images from several domains",
                    t->any);
    SCALE(words, " bytes", 50, 200, 1000, 4000);
    shape_scale(x, SHAPE_KIND(SHAPE_LINK, 31), (uint64_t)x->text_bytes + x->html_bytes, &words, "text around the links",
                t->any);
}

void shape_links(struct shape *x)
{
    struct tally t = {0};
    size_t n = x->m->n_urls < LINKS_READ ? x->m->n_urls : LINKS_READ;
    for (size_t i = 0; i < n; i++)
        if (!is_list_link(&x->m->url[i])) {
            x->s->part = x->m->url[i].part;
            one_link(x, &t, &x->m->url[i]);
        }
    x->s->part = 0;
    emit_tally(x, &t);
}
