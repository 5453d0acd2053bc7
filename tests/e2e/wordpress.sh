#!/bin/sh
# Debian's WordPress with its Akismet plugin and our must-use plugin, at the Akismet door.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
unpack libargon2-1 libbsd0 libedit2 libmagic1 libsodium23 libxml2 php8.2-opcache php8.2-common php8.2-cli wordpress
cat >"$work/first" <<'EOF'
akismet { listen = {"127.0.0.1:0"} keys = {"0123456789ab"} }
EOF
start_posse <"$work/first" || exit 1
run_unpacked usr/bin/php8.2 -n "$here/akismet/wordpress.php" "$root/usr/share/wordpress" \
    "$here/../../packaging/wordpress/posse-akismet.php" "$(port akismet.listen)" 0123456789ab
rc=$?
stop_posse || rc=1
exit $rc
