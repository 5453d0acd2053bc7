#!/bin/sh
# posse-learn.sh spam|ham|arf USER: teaches the message on standard input, for report-spam.sieve, report-ham.sieve and
# report-flag.sieve. It runs as the user who owns the mail; POSSE_HOME has to be writable for him, and closed to others.
# A message that was taught before is not taught twice.
case $1 in
spam | ham | arf) ;;
*)
    echo "usage: posse-learn.sh spam|ham|arf USER" >&2
    exit 64
    ;;
esac
POSSE_HOME=${POSSE_HOME:-/var/lib/posse}
export POSSE_HOME
# A teacher's name has at most 64 bytes; `posse unlearn --teacher` takes back all that one taught.
teacher=$(printf %s "${2:-dovecot}" | LC_ALL=C cut -b 1-64)
exec "${POSSE:-posse}" learn "--$1" --teacher "$teacher" - >/dev/null
