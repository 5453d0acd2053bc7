/* dossier: the page, part by part. */
#include "case/dossier.h"

#include "base/error.h"
#include "case/dossier_priv.h"

/* `overflow-wrap: anywhere` would make WeasyPrint measure each cell letter by letter: minutes for a thousand exhibits. So columns of the long
 * table have widths, and digests break where they like. */
static const char style[] =
    "<style>body{font:15px/1.5 Georgia,'DejaVu Serif',serif;color:#1c1c1c;background:#fff;max-width:62rem;margin:0 auto;padding:1.5rem}"
    "h1,h2,h3,th,nav,.d-ci,.d-key{font-family:'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}h1{font-size:1.8rem;margin:.2rem 0}"
    "h2{font-size:1.3rem;border-bottom:2px solid #1c1c1c;margin-top:2.2rem}h3{font-size:1.05rem;margin:1.6rem 0 .3rem}"
    "table{border-collapse:collapse;width:100%;font-size:.86rem;margin:.6rem 0}th{text-align:left;background:#eef1f4}"
    "th,td{border:1px solid #c4cad0;padding:.25rem .45rem;vertical-align:top;overflow-wrap:break-word}.d-n{text-align:right;white-space:nowrap}"
    ".d-ci{color:#555;white-space:nowrap;font-size:.9em}code,pre,.d-hash{font:.8rem/1.4 'DejaVu Sans Mono',monospace}"
    "pre{white-space:pre-wrap;overflow-wrap:break-word;background:#f6f7f8;border-left:3px solid #9aa4ae;padding:.5rem .8rem;margin:.4rem 0}"
    ".d-hash{word-break:break-all}.d-list{table-layout:fixed}.d-x{color:#a00;font:.75em monospace}"
    ".d-slot{background:#fde9b8;border-radius:3px;padding:0 .2em}"
    ".d-key{background:#eef1f4;padding:.6rem .9rem;font-size:.85rem}.d-warn{border-left:4px solid #b35900;padding-left:.8rem}"
    ".d-sum li{margin:.4rem 0}svg{width:100%;height:auto}nav a{margin-right:.8rem}bdi{unicode-bidi:isolate}"
    "@media print{body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}h3,tr,pre,svg{break-inside:avoid}nav{display:none}"
    "a{color:inherit;text-decoration:none}}@page{margin:18mm;@bottom-right{content:counter(page) \" / \" counter(pages)}}</style>\n";

static void head(struct dossier *d)
{
    char time[CASE_TIME_TEXT];
    case_time_text(&d->head->time, time);
    d_str(d, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" "
             "content=\"no-referrer\">\n<title>Dossier: ");
    d_text(d, d->o->title);
    d_str(d, "</title>\n");
    d_str(d, style);
    d_str(d, "</head><body>\n<header><p class=\"d-key\">Dossier of case ");
    d_text(d, d->o->id);
    d_fmt(d, ", as sealed %s (%llu lines of its log). Made of what is under that seal and of nothing else.</p>\n<h1>",
          time, (unsigned long long)d->head->n);
    d_text(d, d->o->title);
    d_str(d, "</h1><p>Subject: <b>");
    d_text(d, d->f->subject);
    d_str(d, "</b>. Figures are of ");
    d_time(d, d->f->from_ms);
    d_str(d, " to ");
    d_time(d, d->f->to_ms);
    d_str(d, ". All times are UTC; ranges in parentheses are 95% intervals.</p>\n<nav><a href=\"#summary\">Summary</a><a href=\"#size\">Size</a>"
             "<a href=\"#timeline\">Timeline</a>");
    d_str(d, d->f->watch ? "<a href=\"#after\">After the action</a>" : "");
    d_str(d, "<a href=\"#campaigns\">Campaigns</a><a href=\"#mailers\">Mailers</a><a href=\"#hosting\">Hosting</a><a href=\"#marks\">Marks</a>"
             "<a href=\"#money\">Money</a><a href=\"#doubt\">Uncertain</a><a href=\"#redacted\">Left out</a><a href=\"#exhibits\">Exhibits</a>"
             "<a href=\"#verify\">Verify</a></nav></header>\n<section>");
}

static int write_page(struct dossier *d, struct report *why)
{
    int err = d->o->brands ? dossier_schedule(d, why) : 0;
    if (err)
        return err;
    head(d);
    dossier_summary(d);
    dossier_size(d);
    dossier_timeline(d);
    dossier_after(d);
    if ((err = dossier_campaigns(d, why)))
        return err;
    dossier_traits(d);
    dossier_hosting(d);
    dossier_brands(d);
    dossier_money(d);
    dossier_doubts(d);
    dossier_redactions(d);
    if ((err = dossier_exhibits(d, why)))
        return err;
    dossier_verify(d);
    d_str(d, "</section>\n</body></html>\n");
    return 0;
}

int dossier_write(struct casefile *c, const struct head *h, const struct findings *f, uint64_t number,
                  const struct dossier_options *o, struct buf *out, struct report *why)
{
    struct dossier d = {.file = c,
                        .head = h,
                        .f = f,
                        .findings_exhibit = number,
                        .o = o,
                        .b = out,
                        .arena = arena_new(256 << 20),
                        .parser = mail_parser_new(NULL)};
    int err = d.arena && d.parser ? write_page(&d, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!err && (err = buf_error(out)))
        report_set(why, err, "the dossier is over %d bytes, or memory is out", DOSSIER_BYTES);
    arena_free(&d.arena);
    mail_parser_free(&d.parser);
    return err;
}
