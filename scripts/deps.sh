#!/bin/sh
# deps.sh LIST...: installs the packages of scripts/deps-LIST.txt that are missing.
# Asks apt only when something is missing, so a second run needs neither network nor root.
set -eu
cd "$(dirname "$0")"

wanted=
for list in "$@"; do
    wanted="$wanted $(sed 's/#.*//' "deps-$list.txt" | awk 'NF { print $1 }')"
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    [ "${POSSE_DEPS:-}" = skip ] && exit 0
    echo "deps.sh: this is not Debian or one of its kin, so nothing was installed." >&2
    echo "Install what your system calls these, then set POSSE_DEPS=skip and try again:" >&2
    echo $wanted >&2
    exit 1
fi

missing=
for p in $wanted; do
    case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
    *' installed') ;;
    *) missing="$missing $p" ;;
    esac
done
[ -z "$missing" ] && exit 0
[ "${POSSE_DEPS:-}" = skip ] && { echo "deps.sh: missing, and not installed as asked:$missing" >&2; exit 0; }

root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps.sh: as root: apt-get install$missing" >&2; exit 1; }
    root=sudo
fi
echo "installing:$missing"
quiet='-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120'
$root env DEBIAN_FRONTEND=noninteractive apt-get $quiet update
if ! $root env DEBIAN_FRONTEND=noninteractive apt-get $quiet install -y --no-install-recommends $missing; then
    echo "deps.sh: apt-get could not install:$missing" >&2
    echo "Posse is built on Debian 12 (bookworm); this is $(. /etc/os-release 2>/dev/null; echo "${PRETTY_NAME:-unknown}")." >&2
    exit 1
fi
