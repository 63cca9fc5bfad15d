#!/usr/bin/env bash
# Compares casemate-cell with runc and crun on one bundle, interleaved. BENCH_ROUNDS: rounds (default 8, times 5). CELL: the executable.
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
trap 'rm -rf "$work"' EXIT
gcc -O2 -Wall -Wextra -Werror -o "$work/interleave" bench/interleave.c
mkdir -p "$work/true/rootfs/bin" "$work/sleep"
cp /bin/busybox "$work/true/rootfs/bin"
for name in true sleep sh; do ln -s busybox "$work/true/rootfs/bin/$name"; done
(cd "$work/true" && runc spec)
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/' "$work/true/config.json"
sed 's/"true"$/"sleep", "1000"/; s,"path": "rootfs","path": "'"$work"'/true/rootfs",' "$work/true/config.json" > "$work/sleep/config.json"
runtimes=("runc --root $work/runc" "crun --root $work/crun" "$cell --root $work/cell")
names=(runc crun casemate-cell)

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
    "$work/interleave" -n "$rounds" "${words[@]}"
}

compare "create, start and delete of true" bench/cycle.sh "$work/true" RUNTIME
for i in 0 1 2; do
    # shellcheck disable=SC2086
    ${runtimes[i]} run --detach --bundle "$work/sleep" "bench-${names[i]}" > /dev/null < /dev/null
done
compare "state" RUNTIME state CONTAINER
compare "exec of true" RUNTIME exec CONTAINER true
for i in 0 1 2; do
    # shellcheck disable=SC2086
    ${runtimes[i]} delete --force "bench-${names[i]}"
done
