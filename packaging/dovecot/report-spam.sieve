# A message was moved or copied into Junk: it is spam.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.user" "*" {
    set "username" "${1}";
}
pipe :copy "posse-learn.sh" ["spam", "${username}"];
