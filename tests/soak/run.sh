#!/bin/sh
# run.sh [BUILD]: the soak test, SOAK_SECONDS long (120; `make soak` runs 1,800). SOAK_RESULTS: a file for the table.
# SOAK_SEED: what is done is chosen by it; when it happens is the machine's. POSSE_SOAK_KEEP=1 keeps home and log of a run
# that fails.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd)
[ -f "$here/../../models/default.posse" ] || { echo "skip soak: no model ships yet"; exit 0; }
command -v python3 >/dev/null || { echo "skip soak: no python3"; exit 0; }
exec python3 "$here/soak.py" "$build" "${SOAK_SECONDS:-120}" "${SOAK_RESULTS:-}" ${SOAK_SEED:+"$SOAK_SEED"}
