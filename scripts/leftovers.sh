#!/usr/bin/env bash
# leftovers.sh [COMMAND…]: runs the command; fails if it fails, or if a test has left a process, mount, link or sandbox on the machine.
set -uo pipefail
source "$(dirname "$0")/common.sh"
status=0
[[ $# -eq 0 ]] || "$@" || status=$?
report() {
    if [[ -n $2 ]]; then
        printf 'left behind, %s:\n%s\n' "$1" "$2"
        status=1
    fi
}
report processes "$(pgrep -a -f '(qemu-system|virtiofsd|casemate-sandbox|docker-registry)' | grep -v -- "$0" || true)"
report mounts "$(grep -E 'casemate|/run/cm-' /proc/mounts || true)"
report links "$(ip -o link 2> /dev/null | grep -E 'casemate|cm-' || true)"
report "sandbox directories" "$(ls -A /run/casemate/sandboxes 2> /dev/null || true)"
exit $status
