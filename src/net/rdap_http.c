/* One request over HTTP, with libcurl. Redirects are told and not followed: who is asked next is rdap.c's to say. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "net/rdap_priv.h"

static size_t take(char *p, size_t one, size_t n, void *ctx)
{
    struct buf *b = ctx;
    buf_add(b, p, one * n);
    return buf_error(b) ? 0 : one * n;
}

static void copy(char *out, size_t size, const char *text)
{
    if (text && strlen(text) < size)
        strcpy(out, text);
}

static int failed(CURLcode code, const char *detail, const char *url, const struct buf *body, struct report *why)
{
    if (buf_error(body))
        return report_set(why, buf_error(body) == POSSE_ELIMIT ? POSSE_ETOOBIG : buf_error(body), "%s: the answer has over %zu bytes", url, body->max);
    return report_set(why, POSSE_EIO, "%s: %s", url, detail[0] ? detail : curl_easy_strerror(code));
}

int rdap_get(const char *url, const char *accept, int64_t timeout_ms, struct buf *body, struct rdap_reply *out, struct report *why)
{
    char detail[CURL_ERROR_SIZE] = "", field[128];
    char *to = NULL;
    curl_off_t later = 0;
    snprintf(field, sizeof field, "Accept: %s", accept);
    CURL *c = curl_easy_init();
    struct curl_slist *fields = curl_slist_append(NULL, field);
    *out = (struct rdap_reply){.retry_after_s = -1};
    buf_clear(body);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (c && fields) {
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        curl_easy_setopt(c, CURLOPT_USERAGENT, "posse/" POSSE_VERSION);
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
        code = curl_easy_perform(c);
    }
    if (code == CURLE_OK) {
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
        if (curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to) == CURLE_OK)
            copy(out->location, sizeof out->location, to);
        if (curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &later) == CURLE_OK && later > 0)
            out->retry_after_s = later;
    }
    curl_slist_free_all(fields);
    curl_easy_cleanup(c);
    return code == CURLE_OK ? POSSE_OK : failed(code, detail, url, body, why);
}

/* A part of a URL; false: there is none. Where port is NULL the scheme's own is filled in. */
static bool part_of(const char *url, CURLUPart what, char *out, size_t size)
{
    CURLU *u = curl_url();
    char *text = NULL;
    bool is_there = u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                    curl_url_get(u, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK && strlen(text) < size;
    if (is_there)
        strcpy(out, text);
    curl_free(text);
    curl_url_cleanup(u);
    return is_there;
}

bool rdap_host(const char *url, char out[256])
{
    char scheme[16], host[256], port[16];
    if (!part_of(url, CURLUPART_SCHEME, scheme, sizeof scheme) || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) ||
        !part_of(url, CURLUPART_HOST, host, sizeof host) || !host[0] || !part_of(url, CURLUPART_PORT, port, sizeof port) ||
        strlen(host) + strlen(port) + 2 > 256)
        return false;
    for (char *p = host; *p; p++)
        *p = (char)ascii_lower((uint8_t)*p);
    snprintf(out, 256, "%.240s:%.8s", host, port);
    return true;
}

/* By what it says; what a name leads to is the resolver's word. */
static bool is_inner(const char *url)
{
    char host[256];
    struct ip a;
    if (!part_of(url, CURLUPART_HOST, host, sizeof host))
        return true;
    return ip_read(span_str(host), &a) ? ip_is_special(&a) : span_ieq(span_str(host), SPAN_LIT("localhost"));
}

bool rdap_may_redirect(const char *from, const char *to)
{
    char host[256];
    if (!rdap_host(to, host))
        return false;
    if (span_istarts(span_str(from), SPAN_LIT("https:")) && !span_istarts(span_str(to), SPAN_LIT("https:")))
        return false;
    return !is_inner(to) || is_inner(from);
}
