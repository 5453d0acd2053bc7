/* contacts: who is told of abuse in a network, and in what form he wants it.
 * Two tables of text, a line each, # begins a comment:
 *   contacts:  AS64500 | 192.0.2.0/24 | 2001:db8::/32 | 192.0.2.1   ADDRESS   NAME OF THE FIRM
 *              the narrowest network that holds an address decides, then its AS; it beats what registries say (contacts_add_rdap),
 *              the narrowest of their networks first, and that beats the findings.
 *   receivers: ADDRESS | @DOMAIN | AS64500 | *   xarf | arf | text | all   single | grouped
 *              the first of these four that there is decides; without: all grouped.
 * An ADDRESS that could not stand in a header field as it is (mail_address_ok) is refused here, and where it comes from the findings it is
 * no contact: it was somebody else's text.
 * Ownership: opaque; spans that it gives live as long as it, or as the findings.  Threads: immutable once read.  Errors: ESYNTAX names
 * file and line, ENOENT.  Limits: 64 MB a file.  Cost: a look at every line for each question. */
#ifndef POSSE_CASE_CONTACTS_H
#define POSSE_CASE_CONTACTS_H

#include "base/report.h"
#include "case/findings.h"

enum notice_form { NOTICE_ALL, NOTICE_XARF, NOTICE_ARF, NOTICE_TEXT, NOTICE_FORMS };
const char *notice_form_name(enum notice_form f);

struct contacts;
/* Either path may be NULL. */
int contacts_open(const char *contacts, const char *receivers, struct contacts **out, struct report *why);
void contacts_free(struct contacts **c);

/* A registry's answer (RFC 9083) about a network. False: it names nobody for abuse, or no range. ENOMEM is false too. */
bool contacts_add_rdap(struct contacts *c, struct span json);

struct contact { struct span to, firm; }; /* to empty: nobody is known */
struct contact contacts_find(const struct contacts *c, const struct found_network *n, const struct ip *a);
void contacts_form(const struct contacts *c, struct span to, uint32_t asn, enum notice_form *form, bool *is_single);

/* "local@domain" of letters, digits and ._+- with a dot in the domain: nothing that a header, a shell or a list of addresses could read
 * as more than one address. */
bool mail_address_ok(struct span s);

#endif
