/* What the eye sees of hostile HTML, what it does not, and where its links go. */
#include "unit.h"

#include <stdio.h>

#include "mail/html.h"

struct page { struct arena *a; struct span in; struct html_result r; };

static struct page read_page(const char *html)
{
    struct page p = {arena_new(16u << 20), exact_str(html), {.n_links = 0}};
    assert_int_equal(html_read(p.a, p.in, NULL, &p.r), 0);
    return p;
}

static void drop(struct page *p)
{
    exact_free(p->in);
    arena_free(&p->a);
}

static void text_is_what_one_reads(void **state)
{
    (void)state;
    static const struct { const char *html, *visible; } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"  a \n\t b  ", "a b"},
        {"a&nbsp;&nbsp; b\xc2\xa0" "c", "a b c"},
        {"<p>one<p>two</p>three", "one\ntwo\nthree"},
        {"a<br>b<br/><br>c", "a\nb\nc"},
        {"<table><tr><td>a<td>b<tr><th>c</th><th>d</th></table>e", "a b\nc d\ne"},
        {"<pre>  x\n    y  </pre>", "  x\n    y"},
        {"z<pre>  x\n    y</pre>", "z\n  x\n    y"},
        {"<ul><li>one<li>two<ul><li>in</ul><li>three</ul>", "one\ntwo\nin\nthree"},
        {"Vi<b></b>ag<xyz>ra", "Viagra"},
        {"V<!-- x -->i<!-->a<!--->g<!-- -- --!>ra", "Viagra"},
        {"1 < 2 <3 << 4", "1 < 2 <3 << 4"},
        {"a<![CDATA[x]]>b<?php y ?>c<!DOCTYPE z>d</ 1>e</>f", "abcdef"},
        {"<script>if (a<b) c</script>x<style>p{}</style>y<title>t</title>z", "xyz"},
        {"<script>a</scripty></script >b", "b"},
        {"<textarea>a <b> c</textarea>", "a <b> c"},
        {"<input type=submit value='Log &lt;in'>", "Log <in"},
        {"<!--[if mso]>m<![endif]-->a<!--[if !mso]><!-->b<!--<![endif]-->", "ab"},
        {"<head>shown all the same", "shown all the same"},
        {"<noscript>shown</noscript>", "shown"},
        {"a</body></html>b", "ab"},
        {"a\xff" "b", "a\xef\xbf\xbd" "b"},
        {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"V&#8203;i&shy;a\xe2\x80\x8bgra", "Viagra"},
        {"<a title='>'>x</a>", "x"},
        {"<a b='unclosed>x</a>", ""},
        {"before <a b", "before"},
        {"before <!-- never closed", "before"},
        {"fo<div style='display:none'>x</div>o", "foo"},
        {"V<div style='display:inline'>i</div>a", "Via"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page p = read_page(cases[i].html);
        assert_span_equal(p.r.visible, cases[i].visible);
        drop(&p);
    }
}

static void references_are_decoded(void **state)
{
    (void)state;
    static const struct { const char *html, *visible; } cases[] = {
        {"&amp;&lt;&gt;&quot;&apos;", "&<>\"'"},
        {"&#65;&#x42;&#X43 &#68", "ABC D"},
        {"&notit; &notin; &copy2020", "\xc2\xacit; \xe2\x88\x89 \xc2\xa9" "2020"},
        {"&unknown; &; & &#; &#x;", "&unknown; &; & &#; &#x;"},
        {"&#128;&#x93;", "\xe2\x82\xac\xe2\x80\x9c"},
        {"&#0;&#xD800;&#x110000;&#99999999999;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"&nGt;&CounterClockwiseContourIntegral;", "\xe2\x89\xab\xe2\x83\x92\xe2\x88\xb3"},
        {"&Tab;a&NewLine;b", "a b"},
        {"&amp", "&"},
        {"&zwj;&zwnj;x", "x"},
        {"&AElig;&zwnj;&Zeta;&yuml", "\xc3\x86\xce\x96\xc3\xbf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page p = read_page(cases[i].html);
        assert_span_equal(p.r.visible, cases[i].visible);
        drop(&p);
    }
    struct arena *a = arena_new(1 << 20);
    struct span s = exact_str("?a=1&copy=2&amp;b&lt=3&lt;");
    assert_span_equal(html_unescape(a, s), "?a=1&copy=2&b&lt=3<");
    struct span same = html_unescape(a, span_str("none"));
    assert_span_equal(same, "none");
    exact_free(s);
    arena_free(&a);
}

static void hidden_text_is_told_apart(void **state)
{
    (void)state;
    /* All say "see" and hide "not". */
    static const char *const hides[] = {
        "see<p style='display:none'>not", "see<p style='DISPLAY : NONE !important'>not",
        "see<p style='display:block;display:none'>not", "see<span style='visibility:hidden'> not",
        "see<p style='font-size:0'>not", "see<p style='font-size:1px'>not", "see<p style='font:0/0 a'>not",
        "see<p style='font-size:.1em'>not", "see<p style='font-size:5%'>not", "see<p style='opacity:0.01'>not",
        "see<p style='color:#fff'>not", "see<p style='color:#fefefe'>not", "see<p style='color:rgb(255, 255, 255)'>not",
        "see<p style='color:hsl(0,0%,100%)'>not", "see<p style='color:transparent'>not", "see<font color=white> not",
        "see<font color='#FFFFFE'> not", "<body bgcolor=black text=white>see<font color='#010101'> not",
        "<table bgcolor=red><tr><td><font color=blue>see</font><font color='#ff0000'>not",
        "<div style='background:#123456 none'><b style='color:white'>see</b><i style='color:#123456'>not",
        "see<p style='text-indent:-9999px'>not", "see<p style='position:absolute;left:-999em'>not",
        "see<p style='position:absolute;top:-1000px'>not", "see<p style='height:0;overflow:hidden'>not",
        "see<p style='overflow:hidden;max-height:0px'>not", "see<p hidden>not", "see<p style='mso-hide:all'>not",
        "see<p style='clip:rect(0 0 0 0)'>not", "see<p style='clip-path:inset(50%)'>not",
        "see<p style='transform:scale(0)'>not", "see<p style='disp\\6c ay:none'>not", "see<p style='display:/**/none'>not",
        "see<p style='display&#58;none'>not", "see<template>not</template>",
        "<style>.x{display:none}</style>see<p class='a x'>not", "<style>#y, z {color:#fff}</style>see<p id=y>not",
        "<style>p.q{font-size:0}</style><div class=q>see</div><p class=q>not",
        "<style><!-- /* c */ @media screen { .x { opacity:0 } } --></style>see<p class=X>not",
        "see<p class=late>not</p><style>.late{display:none}</style>",
        "see<div style='display:none'><p>not", "see<font color=white><p>not", "see<p><font color=white><p>not",
        "see<xx style='display:none'>not</xx>", "see<div style='font-size:1px'><b>not",
    };
    for (size_t i = 0; i < sizeof hides / sizeof *hides; i++) {
        struct page p = read_page(hides[i]);
        if (p.r.visible.n != 3 || memcmp(p.r.visible.p, "see", 3) || p.r.hidden.n != 3 || memcmp(p.r.hidden.p, "not", 3))
            fail_msg("%s: sees \"%.*s\", hides \"%.*s\"", hides[i], (int)p.r.visible.n, (const char *)p.r.visible.p,
                     (int)p.r.hidden.n, (const char *)p.r.hidden.p);
        assert_true(p.r.anomalies & ANOMALY_BIT(ANOMALY_HIDDEN_TEXT));
        assert_int_equal(p.r.facts.hidden_bytes, 3);
        drop(&p);
    }
}

static void what_shows_is_not_called_hidden(void **state)
{
    (void)state;
    static const char *const shows[] = {
        "<p style='font-size:0'><b style='font-size:14px'>all", "<td style='line-height:0;font-size:12px'>all",
        "<p style='color:#ccc'>all", "<p style='color:#999999;background:#fff'>all",
        "<div style='background:url(x.png)'><b style='color:#fff'>all", "<table background=x.png><tr><td><font color=white>all",
        "<div style='background:linear-gradient(red,blue)'><b style='color:#fff'>all",
        "<div style='visibility:hidden'><b style='visibility:visible'>all", "<div bgcolor=black><font color=white>all",
        "<body style='background-color:#000;color:#fff'>all", "<p style='height:0'>all", "<p style='opacity:0.5'>all",
        "<p style='text-indent:-2em'>all", "<p style='margin-left:-20px'>all", "<p style='color:inherit'>all",
        "<style>@media print{p{display:none}} @media (max-width:600px){p{display:none}}</style><p>all",
        "<style>.a .b{display:none} .b:hover{display:none} p[x]{display:none} *{color:#fff}</style><p class=b>all",
        "<style>.w td{background:#000}</style><table class=w><tr><td style='color:#fff'>all",
        "<!--[if mso]><style>p{display:none}</style><![endif]--><p>all", "<p style='display:none;display:block'>all",
        "<p style='background:url(data:a;b:c);display:block'>all", "<p style='font-family:\"a;display:none\"'>all",
        "<div style='height:0;width:10px;overflow:visible'>all", "<a href=x>all", "<p style='font:bold 12px/1.5 Arial'>all",
        "<font size=1>all", "<div style='overflow:hidden;width:100%'>all",
    };
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
        struct page p = read_page(shows[i]);
        if (p.r.visible.n != 3 || p.r.hidden.n)
            fail_msg("%s: sees \"%.*s\", hides \"%.*s\"", shows[i], (int)p.r.visible.n, (const char *)p.r.visible.p,
                     (int)p.r.hidden.n, (const char *)p.r.hidden.p);
        drop(&p);
    }
}

static void links_keep_their_text(void **state)
{
    (void)state;
    static const struct { const char *html, *href, *shown; enum url_origin origin; bool hidden; } cases[] = {
        {"x <a href='http://a.example/?x=1&amp;y=2'> go <b>here</b> </a> y", "http://a.example/?x=1&y=2", "go here", URL_FROM_HREF, false},
        {"<A HREF = http://a.example/ >t", "http://a.example/", "t", URL_FROM_HREF, false},
        {"<a href=' ht\ntp://a.\texample/ '>t</a>", "http://a.example/", "t", URL_FROM_HREF, false},
        {"<a href=u><img alt=x></a>", "u", "", URL_FROM_HREF, false},
        {"<a href=u style='display:none'>t</a>", "u", "", URL_FROM_HREF, true},
        {"<a href=u><div>t</a>x</div>", "u", "t", URL_FROM_HREF, false},
        {"<map><area href=u></map>", "u", "", URL_FROM_HREF, false},
        {"<img src=u>", "u", "", URL_FROM_IMG, false},
        {"<img src=u style='display:none'>", "u", "", URL_FROM_IMG, true},
        {"<td background=u>x", "u", "", URL_FROM_IMG, false},
        {"<form action=u>x", "u", "", URL_FROM_FORM, false},
        {"<button formaction=u>x", "u", "", URL_FROM_FORM, false},
        {"<meta http-equiv=Refresh content=\"0; URL='u'\">", "u", "", URL_FROM_REFRESH, false},
        {"<meta content='5;url=u' http-equiv=refresh>", "u", "", URL_FROM_REFRESH, false},
        {"<iframe src=u></iframe>", "u", "", URL_FROM_OTHER, false},
        {"<script src=u></script>", "u", "", URL_FROM_OTHER, false},
        {"<object data=u>", "u", "", URL_FROM_OTHER, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page p = read_page(cases[i].html);
        if (p.r.n_links != 1)
            fail_msg("%s: %zu links", cases[i].html, p.r.n_links);
        assert_span_equal(p.r.link[0].href, cases[i].href);
        assert_span_equal(p.r.link[0].shown, cases[i].shown);
        assert_int_equal(p.r.link[0].origin, cases[i].origin);
        assert_int_equal(p.r.link[0].hidden, cases[i].hidden);
        drop(&p);
    }
    struct page p = read_page("<base href=http://b.example/><a href=1>one<a href=2>two</a><a href=#x>in</a>");
    assert_int_equal(p.r.n_links, 2);
    assert_span_equal(p.r.link[0].shown, "one");
    assert_span_equal(p.r.link[1].shown, "two");
    assert_span_equal(p.r.base_href, "http://b.example/");
    drop(&p);
}

static void facts_are_counted(void **state)
{
    (void)state;
    struct page p = read_page("<title> A &amp;\n b</title><table><tr><td style=x><img src=http://r/><img src=cid:1></table>"
                              "<form><input type=password><input></form><iframe></iframe><zzz><o:p></o:p><!-- c -->"
                              "<a href=javascript:x>j</a>");
    assert_span_equal(p.r.title, "A & b");
    assert_int_equal(p.r.facts.n_tables, 1);
    assert_int_equal(p.r.facts.n_images, 2);
    assert_int_equal(p.r.facts.n_remote_images, 1);
    assert_int_equal(p.r.facts.n_forms, 1);
    assert_int_equal(p.r.facts.n_inputs, 2);
    assert_int_equal(p.r.facts.n_password_inputs, 1);
    assert_int_equal(p.r.facts.n_iframes, 1);
    assert_int_equal(p.r.facts.n_unknown_tags, 1);
    assert_int_equal(p.r.facts.n_comments, 1);
    assert_int_equal(p.r.facts.n_style_attrs, 1);
    assert_int_equal(p.r.facts.n_links, 1);
    assert_true(p.r.facts.has_js_uri);
    drop(&p);
}

static void smuggling_is_seen(void **state)
{
    (void)state;
    static const struct { const char *html; bool is; } cases[] = {
        {"<script>var u = URL.createObjectURL(new Blob([x]))</script>", true},
        {"<script>navigator.msSaveOrOpenBlob(b)</script>", true},
        {"<script>document.write(unescape('%3C'))</script>", true},
        {"<script>eval(String.fromCharCode(1))</script>", true},
        {"<a download=x.zip href='data:application/zip;base64,QQ=='>x</a>", true},
        {"<a download=x.zip href='http://a.example/x.zip'>x</a>", false},
        {"<script>document.write('x')</script>", false},
        {"createObjectURL", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page p = read_page(cases[i].html);
        assert_int_equal(p.r.facts.has_smuggling, cases[i].is);
        assert_int_equal(!!(p.r.anomalies & ANOMALY_BIT(ANOMALY_HTML_SMUGGLING)), cases[i].is);
        drop(&p);
    }
}

static uint64_t layout(const char *html)
{
    struct page p = read_page(html);
    uint64_t h = p.r.facts.layout_hash;
    drop(&p);
    return h;
}

static void layout_is_of_the_blocks_alone(void **state)
{
    (void)state;
    assert_true(layout("<div><p>a<b>b</b></p><img src=x></div>") == layout("<DIV class=y><P>other</P><IMG src=z>"));
    assert_true(layout("<p><div>") != layout("<div><p>"));
}

static bool has(const char *html, enum mail_anomaly a)
{
    struct page p = read_page(html);
    bool is = p.r.anomalies & ANOMALY_BIT(a);
    drop(&p);
    return is;
}

static void oddities_have_bits(void **state)
{
    (void)state;
    assert_true(has("V&#8203;iagra", ANOMALY_ZERO_WIDTH));
    assert_true(has("a long line of text, then V\xe2\x80\x8biagra", ANOMALY_ZERO_WIDTH));
    assert_true(has("V&shy;&zwnj;i", ANOMALY_ZERO_WIDTH));
    assert_true(has("\xe2\x80\xae" "gpj.exe", ANOMALY_ZERO_WIDTH));
    assert_false(has("preview &zwnj;&nbsp;&#847; &zwnj;&nbsp; text", ANOMALY_ZERO_WIDTH));
    assert_true(has("<a b='", ANOMALY_HTML_BROKEN));
    assert_true(has("<!-- ", ANOMALY_HTML_BROKEN));
    assert_false(has("<p>fine</p>", ANOMALY_HTML_BROKEN));
}

static void caps_hold(void **state)
{
    (void)state;
    static const struct html_caps small = {.max_text_bytes = 100, .max_links = 2, .max_stack = 4};
    struct arena *a = arena_new(16u << 20);
    struct html_result r;
    char big[4096];
    memset(big, 'x', sizeof big);
    assert_int_equal(html_read(a, span_of(big, sizeof big), &small, &r), 0);
    assert_true(r.anomalies & ANOMALY_BIT(ANOMALY_TEXT_TRUNCATED));
    assert_true(r.visible.n >= 100 && r.visible.n <= 200);
    assert_int_equal(html_read(a, span_str("<a href=1></a><a href=2></a><a href=3></a>"), &small, &r), 0);
    assert_int_equal(r.n_links, 2);
    assert_int_equal(r.facts.n_links, 3);
    assert_true(r.anomalies & ANOMALY_BIT(ANOMALY_URLS_LIMIT));
    assert_int_equal(html_read(a, span_str("<b><i><u><s><q>deep</q>er"), &small, &r), 0);
    assert_true(r.anomalies & ANOMALY_BIT(ANOMALY_HTML_BROKEN));
    assert_span_equal(r.visible, "deeper");
    arena_free(&a);
}

static void a_full_arena_is_told(void **state)
{
    (void)state;
    struct span in = exact_str("<style>.a{color:red}</style><p class=a style='color:b/**/lue'>x<i hidden>y</i><a href=u>z</a><title>t</title>");
    for (size_t n = 1; n < 40; n++) {
        struct arena *a = arena_new(16u << 20);
        struct html_result r;
        arena_fail_at(a, n);
        int err = html_read(a, in, NULL, &r);
        assert_int_equal(err != 0, arena_failed(a));
        arena_free(&a);
    }
    exact_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_what_one_reads), cmocka_unit_test(references_are_decoded),
        cmocka_unit_test(hidden_text_is_told_apart), cmocka_unit_test(what_shows_is_not_called_hidden),
        cmocka_unit_test(links_keep_their_text), cmocka_unit_test(facts_are_counted),
        cmocka_unit_test(smuggling_is_seen), cmocka_unit_test(layout_is_of_the_blocks_alone),
        cmocka_unit_test(oddities_have_bits), cmocka_unit_test(caps_hold), cmocka_unit_test(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
