/* anomaly: the ways in which mail departs from the RFCs or from good manners, a bit each.
 * Names are stable: they appear in verdicts and rules. */
#ifndef POSSE_MAIL_ANOMALY_H
#define POSSE_MAIL_ANOMALY_H

#include <stdint.h>

/* X(SYMBOL, "name", "what a person is told") */
#define MAIL_ANOMALIES(X) \
    X(EMPTY, "empty", "the message is empty") \
    X(NO_HEADER, "no-header", "it has no header at all") \
    X(HEADER_NUL, "header-nul", "a header holds a NUL byte") \
    X(HEADER_8BIT, "header-8bit", "a header holds bare 8-bit bytes") \
    X(HEADER_SYNTAX, "header-syntax", "a header line is neither field nor continuation") \
    X(HEADER_TRUNCATED, "header-truncated", "more header than is read") \
    X(HEADER_BARE_CR, "bare-cr", "a bare CR ends or breaks a line") \
    X(MIXED_EOL, "mixed-eol", "line ends are of several kinds") \
    X(FIELD_REPEATED, "field-repeated", "a field that may stand once stands twice") \
    X(NO_FROM, "no-from", "no From field") \
    X(NO_DATE, "no-date", "no Date field") \
    X(NO_MESSAGE_ID, "no-message-id", "no Message-ID field") \
    X(NO_SUBJECT, "no-subject", "no Subject field") \
    X(NO_TO, "no-to", "neither To nor Cc") \
    X(BAD_2047, "bad-encoded-word", "a broken encoded word in a header") \
    X(SPLIT_2047, "split-encoded-word", "an encoded word inside another word") \
    X(BAD_2231, "bad-parameter", "a broken parameter of a MIME field") \
    X(BAD_TYPE, "bad-content-type", "a Content-Type that does not parse") \
    X(UNKNOWN_CTE, "unknown-encoding", "an unknown transfer encoding") \
    X(MULTIPART_CTE, "multipart-encoded", "a multipart with a transfer encoding") \
    X(NO_BOUNDARY, "no-boundary", "a multipart without boundary") \
    X(BOUNDARY_MISSING, "boundary-missing", "a multipart whose boundary never comes") \
    X(UNCLOSED, "boundary-unclosed", "a multipart that is never closed") \
    X(BOUNDARY_REPEATED, "boundary-repeated", "nested parts share one boundary") \
    X(PARTS_LIMIT, "too-many-parts", "more parts than are read") \
    X(DEPTH_LIMIT, "too-deep", "parts nested deeper than is read") \
    X(TEXT_TRUNCATED, "text-truncated", "more text than is read") \
    X(SIZE_TRUNCATED, "size-truncated", "a bigger message than is read") \
    X(BASE64_JUNK, "base64-junk", "junk within base64") \
    X(QP_JUNK, "qp-junk", "broken quoted-printable") \
    X(UU_JUNK, "uu-junk", "broken uuencode") \
    X(UUENCODED, "uuencoded", "a uuencoded file within the text") \
    X(BAD_CHARSET, "bad-charset", "a charset that nobody knows") \
    X(CHARSET_MISMATCH, "charset-mismatch", "text that is not of its declared charset") \
    X(BODY_NUL, "body-nul", "a NUL byte in the text") \
    X(BODY_8BIT_7BIT, "undeclared-8bit", "8-bit bytes in a part declared 7-bit") \
    X(HIDDEN_TEXT, "hidden-text", "text that the eye cannot see") \
    X(ZERO_WIDTH, "zero-width", "zero-width or direction-changing characters in words") \
    X(HTML_BROKEN, "html-broken", "HTML broken beyond carelessness") \
    X(HTML_SMUGGLING, "html-smuggling", "a script that builds a file") \
    X(HTML_IN_PLAIN, "html-in-plain", "HTML labelled plain text") \
    X(LINK_MISMATCH, "link-mismatch", "a link that shows another domain than it opens") \
    X(URL_USERINFO, "url-userinfo", "a URL with user info before the host") \
    X(URL_NUMERIC, "url-numeric", "a URL with a numeric host") \
    X(URL_OBFUSCATED, "url-obfuscated", "a URL written to escape notice") \
    X(URL_PUNYCODE, "url-punycode", "an internationalised host in a URL") \
    X(URLS_LIMIT, "too-many-urls", "more URLs than are read") \
    X(TYPE_MISMATCH, "type-mismatch", "an attachment that is not what its label says") \
    X(DOUBLE_EXTENSION, "double-extension", "a file name with two extensions, the last one a program's") \
    X(EXECUTABLE, "executable", "an attachment that is a program") \
    X(BIDI_FILENAME, "bidi-filename", "a file name with direction-changing characters") \
    X(DATE_BAD, "bad-date", "a Date that does not parse") \
    X(LONG_LINE, "long-line", "a line over 998 bytes")

enum mail_anomaly {
#define X(sym, name, text) ANOMALY_##sym,
    MAIL_ANOMALIES(X)
#undef X
    ANOMALY_N
};

#define ANOMALY_BIT(a) (UINT64_C(1) << (a))
_Static_assert(ANOMALY_N <= 64, "anomalies are bits of one word");

const char *anomaly_name(enum mail_anomaly a); /* "html-broken" */
const char *anomaly_text(enum mail_anomaly a); /* for people */
/* -1: no such name. */
int anomaly_from_name(const char *name);

#endif
