/* keywords: what the user of a Maildir says of a message by its IMAP keywords, as Dovecot keeps them: letters behind the flags of the
 * file's name (`...:2,Sa`), their names in dovecot-keywords beside cur/ and new/.
 * $Junk (or Junk) is spam, $NotJunk (NotJunk, NonJunk) is ham; both of them, or neither, say nothing. Case does not matter.
 * Threads: reentrant; reads a small file.  Errors: what cannot be read says nothing. */
#ifndef POSSE_CLI_KEYWORDS_H
#define POSSE_CLI_KEYWORDS_H

#include <stdbool.h>

enum keyword_class { KEYWORD_NONE, KEYWORD_SPAM, KEYWORD_HAM, KEYWORD_BOTH };
/* path: of a message, as "Maildir/.Archive/cur/123.host:2,Sa". */
enum keyword_class keywords_of(const char *path);

#endif
