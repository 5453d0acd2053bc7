# Shared by tests with mail servers: packages that stand in each other's way are unpacked side by side, not installed.
# unpacked PACKAGE [PACKAGE]...: $side/PACKAGE holds its files; fetched once into BUILD/e2e. Exit 77 when they cannot be had.
side=$build/e2e
unpacked() {
    mkdir -p "$side"
    exec 8>"$side/lock"
    flock 8
    for package; do
        [ -d "$side/$package" ] && continue
        mkdir -p "$side/debs"
        (cd "$side/debs" && timeout 200 apt-get download "$package" >/dev/null 2>&1) || { echo "cannot download $package"; exit 77; }
        rm -rf "$side/$package.new"
        dpkg -x "$side/debs/$package"_*.deb "$side/$package.new" && mv "$side/$package.new" "$side/$package" || exit 77
    done
    exec 8>&-
}
# free_port: one that nobody listened on just now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# wait_for TENTHS COMMAND...: until it succeeds.
wait_for() {
    local tries=$1
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        tries=$((tries - 1))
        sleep 0.1
    done
    return 1
}
listens() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
