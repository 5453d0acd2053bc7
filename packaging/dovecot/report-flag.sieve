# A keyword was set where the message lies: $Junk is spam, $NotJunk is ham, both together say nothing.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables", "imap4flags"];

if not environment :contains "imap.changedflags" ["$Junk", "$NotJunk"] {
    stop;
}
if environment :matches "imap.user" "*" {
    set "username" "${1}";
}
if hasflag :is "$Junk" {
    if not hasflag :is "$NotJunk" {
        pipe :copy "posse-learn.sh" ["spam", "${username}"];
    }
} elsif hasflag :is "$NotJunk" {
    pipe :copy "posse-learn.sh" ["ham", "${username}"];
}
