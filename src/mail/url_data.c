#include <stdlib.h>

#include "mail/url_priv.h"

/* Services whose only job is to send the reader elsewhere. Sorted for bsearch. */
static const char *const shortener[] = {
    "0rz.tw", "1url.com", "2.gp", "2.ly", "6url.com", "9m.no", "a.co", "adf.ly", "adfoc.us", "aka.ms", "amzn.eu",
    "amzn.to", "b.link", "b23.tv", "bc.vc", "bit.do", "bit.ly", "bitly.com", "bitly.ws", "bl.ink", "buff.ly",
    "chilp.it", "clck.ru", "cli.gs", "cli.re", "cort.as", "cutt.ly", "cutt.us", "dai.ly", "db.tt", "dlvr.it",
    "doiop.com", "fb.me", "flic.kr", "forms.gle", "g.co", "git.io", "go2l.ink", "goo.by", "goo.gl", "goo.su",
    "ht.ly", "hubs.li", "hubs.ly", "hyperurl.co", "ift.tt", "is.gd", "j.mp", "jmp.sh", "kutt.it", "l.ead.me",
    "lc.chat", "linktr.ee", "lnk.bio", "lnkd.in", "lnkiy.in", "me2.do", "metamark.net", "mcaf.ee", "msft.it",
    "n9.cl", "notlong.com", "nyti.ms", "oe.cd", "ouo.io", "ow.ly", "page.link", "pi.pe", "po.st", "prf.hn", "q-r.to",
    "qps.ru", "qr.ae", "qr.net", "qrco.de", "rb.gy", "rebrand.ly", "reurl.cc", "rlu.ru", "s.coop", "s.id",
    "s.team", "s2r.co", "shor.by", "short.gy", "short.io", "shorte.st", "shorturl.asia", "shorturl.at",
    "shorturl.com", "shrtco.de", "smarturl.it", "snip.ly", "snipr.com", "snipurl.com", "snurl.com", "soo.gd",
    "surl.li", "t.cn", "t.co", "t.ly", "t.me", "t1p.de", "t2m.io", "tiny.cc", "tiny.ee", "tiny.one", "tiny.pl",
    "tinylink.in", "tinyurl.com", "tl.gd", "tny.im", "tr.im", "tr.ly", "trib.al", "u.nu", "u.to", "urlr.me",
    "urlz.fr", "urlzs.com", "v.gd", "v.ht", "vk.cc", "wa.link", "wp.me", "x.co", "xurl.es", "yep.it", "yourls.org",
    "youtu.be", "zpr.io", "zurl.co", "zws.im",
};

/* Hosts where anybody may put a page or a file without a name of his own, beside the private section
 * of the public suffix list. Sorted. */
static const char *const free_host[] = {
    "1drv.ms", "app.box.com", "canva.com", "cloudflare-ipfs.com", "docs.google.com", "drive.google.com",
    "dropbox.com", "firebasestorage.googleapis.com", "forms.gle", "forms.office.com", "gitbook.io", "glitch.me",
    "github.com", "ipfs.io", "jotform.com", "mediafire.com", "notion.site", "notion.so", "onedrive.live.com",
    "pastebin.com", "s3.amazonaws.com", "script.google.com", "sites.google.com", "storage.googleapis.com",
    "surveymonkey.com", "telegra.ph", "transfer.sh", "typeform.com", "wetransfer.com", "www.canva.com",
    "www.dropbox.com", "www.jotform.com", "www.mediafire.com",
};

struct key { struct span s; };

static int by_text(const void *key, const void *row)
{
    const struct span s = ((const struct key *)key)->s;
    const char *name = *(const char *const *)row;
    size_t n = strlen(name);
    int order = memcmp(s.p, name, s.n < n ? s.n : n);
    return order ? order : (s.n > n) - (s.n < n);
}

static bool is_in(const char *const *table, size_t n, struct span s)
{
    struct key key = {s};
    return s.n && s.n < 64 && bsearch(&key, table, n, sizeof *table, by_text);
}

bool url_is_shortener(struct span host, struct span domain)
{
    size_t n = sizeof shortener / sizeof *shortener;
    return is_in(shortener, n, domain) || (host.n != domain.n && is_in(shortener, n, host));
}

bool url_is_free_host(struct span host) { return is_in(free_host, sizeof free_host / sizeof *free_host, host); }
