# A message was moved or copied out of Junk: it is wanted, unless it went into the bin.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.mailbox" "*" {
    set "mailbox" "${1}";
}
if string :matches "${mailbox}" ["Trash", "*/Trash", "*.Trash", "Deleted", "Deleted Items", "Deleted Messages", "*/Deleted*",
                                 "Junk", "*/Junk", "*.Junk", "Spam", "*/Spam", "*.Spam"] {
    stop;
}
if environment :matches "imap.user" "*" {
    set "username" "${1}";
}
pipe :copy "posse-learn.sh" ["ham", "${username}"];
