#!/usr/bin/env bash
# Compares casemate-cell with runc and crun on one bundle, interleaved; takes 11 s, and fails if a comparison takes more than 5 minutes.
# BENCH_ROUNDS: rounds (default 8, times 5). CELL: the executable.
set -euo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the benchmark makes containers: run it as root"
cell=${CELL:-$ROOT/build/casemate-cell}
# crun 1.8 refuses the hybrid layout of control groups: without the mount of version 2 it is version 1 to all three.
if [[ -z ${BENCH_INSIDE:-} ]]; then
    BENCH_INSIDE=1 exec unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified 2> /dev/null; exec "$@"' sh "$0" "$@"
fi
rounds=$((${BENCH_ROUNDS:-8} * 5))
work=$(mktemp -d)
runtimes=("runc --root $work/runc" "crun --root $work/crun" "$cell --root $work/cell")
names=(runc crun casemate-cell)

# What the runtimes say when there is nothing to delete is of no interest.
remove_containers() {
    local i
    for i in 0 1 2; do
        # shellcheck disable=SC2086
        ${runtimes[i]} delete --force "bench-${names[i]}" 2> /dev/null || true
    done
}
trap 'remove_containers; rm -rf "$work"' EXIT
gcc -O2 -Wall -Wextra -Werror -o "$work/interleave" bench/interleave.c
mkdir -p "$work/true/rootfs/bin" "$work/sleep"
cp /bin/busybox "$work/true/rootfs/bin"
for name in true sleep sh; do ln -s busybox "$work/true/rootfs/bin/$name"; done
(cd "$work/true" && runc spec)
# runc's example raises ambient capabilities that are not inheritable: the kernel refuses that, and the cell warns of it at each start.
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/; /"ambient": \[/,/\]/{/"CAP_/d}' "$work/true/config.json"
sed 's/"true"$/"sleep", "1000"/; s,"path": "rootfs","path": "'"$work"'/true/rootfs",' "$work/true/config.json" > "$work/sleep/config.json"

# compare TITLE COMMAND…: its word RUNTIME stands for each runtime in turn, CONTAINER for the one that it runs
compare() {
    local title=$1 words=() i word
    shift
    for i in 0 1 2; do
        words+=("${names[i]}")
        for word in "$@"; do
            case $word in
                # shellcheck disable=SC2206
                RUNTIME) words+=(${runtimes[i]}) ;;
                CONTAINER) words+=("bench-${names[i]}") ;;
                *) words+=("$word") ;;
            esac
        done
        [[ $i -eq 2 ]] || words+=(--)
    done
    echo
    echo "-- $title"
    # The table is the output; what a runtime says is an error, and is shown at the end.
    timeout 300 "$work/interleave" -n "$rounds" "${words[@]}" 2>> "$work/errors" \
        || { tail -n 20 "$work/errors" >&2; die "\"$title\" could not be measured within 300 s"; }
}

compare "create, start and delete of true" bench/cycle.sh "$work/true" RUNTIME
for i in 0 1 2; do
    # shellcheck disable=SC2086
    ${runtimes[i]} run --detach --bundle "$work/sleep" "bench-${names[i]}" > /dev/null < /dev/null
done
compare "state" RUNTIME state CONTAINER
compare "exec of true" RUNTIME exec CONTAINER true
[[ ! -s $work/errors ]] || { echo && echo "what the runtimes said (first lines):" && head -n 10 "$work/errors"; }
