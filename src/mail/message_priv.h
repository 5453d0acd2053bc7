/* message_priv: what message.c (the whole) and text.c (texts and links) share. */
#ifndef POSSE_MAIL_MESSAGE_PRIV_H
#define POSSE_MAIL_MESSAGE_PRIV_H

#include "mail/charset.h"
#include "mail/html.h"
#include "mail/message.h"
#include "mail/mime.h"
#include "mail/url.h"

struct mail_parser {
    struct mail_limits limits;
    struct charset_set *charsets;
    struct suffixes *suffixes;
    struct mime_tree tree;
    struct text_block *text; /* scratch, one a part at most */
    size_t cap_text;
    struct url *url; /* scratch, limits.max_urls */
};

/* Fills m->text, m->url, m->html and the part's magic from m->part. */
int message_texts(struct mail_parser *p, struct arena *a, struct message *m, struct part *part);

#endif
