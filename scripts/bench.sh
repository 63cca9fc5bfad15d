#!/usr/bin/env bash
# Measures what docs/performance.md promises and says of each goal whether it is met; takes some five minutes on two quiet cores.
# Every comparison is one interleaved run; quote ratios, not milliseconds. BENCH_ROUNDS: rounds (default 10).
set -euo pipefail
source "$(dirname "$0")/common.sh"
# What is compared here boots.
export CASEMATE_TEMPLATE=never
[[ $EUID -eq 0 ]] || die "the benchmark starts VMs: run it as root"
rounds=${BENCH_ROUNDS:-10}
work=$(mktemp -d)
ids=()
cleanup() {
    [[ ${#ids[@]} -eq 0 ]] || build/casemate rm -f "${ids[@]}" > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
verdicts=()

# goal WHAT VALUE LIMIT UNIT: remembers whether VALUE is at most LIMIT.
goal() {
    local word
    word=$(awk -v value="${2:-none}" -v limit="$3" 'BEGIN {print (value + 0 > 0 && value + 0 <= limit) ? "met    " : "NOT MET"}')
    verdicts+=("$(printf '%s  %-64s %8s %s (goal: at most %s)' "$word" "$1" "${2:-none}" "$4" "$3")")
}

# interleave ARG…: runs the comparison and keeps its table in $work/table. What a VMM says when it is ended is of no interest.
interleave() {
    if ! "$work/interleave" "$@" > "$work/table" 2> "$work/errors"; then
        cat "$work/errors" >&2
        die "the comparison could not be measured"
    fi
    cat "$work/table"
}

# column NAME FROM-THE-END: a figure of the table's line that begins with NAME.
column() {
    awk -v name="$1" -v back="$2" 'index($0, name) == 1 {print $(NF - back)}' "$work/table"
}

say "preparing"
scripts/guest.sh
image=$ROOT/build/demo-image
[[ -f $image/index.json ]] || build/casemate demo-image "$image" > /dev/null
gcc -O2 -Wall -Wextra -Werror -o "$work/interleave" bench/interleave.c
build/casemate run --rm "oci:$image" true 2> /dev/null

echo
say "commands that touch no VM, against runc (process start to exit)"
interleave -n $((rounds * 5)) "runc --version" runc --version -- "casemate version" build/casemate version
goal "casemate version, against runc --version" "$(column 'casemate version' 0)" 1.00 x
interleave -n $((rounds * 5)) "runc list" runc list -- "casemate ps" build/casemate ps
goal "casemate ps, against runc list" "$(column 'casemate ps' 0)" 1.00 x

echo
say "first byte of a container, against the floor: same QEMU, kernel, machine and kernel parameters, an empty C /init"
mkdir -p "$work/root/dev"
musl-gcc -static -Os -o "$work/root/init" bench/init.c
mknod "$work/root/dev/console" c 5 1
(cd "$work/root" && find . | cpio --quiet -o -H newc > "$work/init.cpio")
# Machine and kernel parameters are taken from a VM of ours, so that both sides boot alike.
id=$(build/casemate run -d "oci:$image" sleep 100)
ids=("$id")
floor_of "$id"
build/casemate rm -f "$id" > /dev/null
ids=()
floor+=(-initrd "$work/init.cpio" -serial stdio)
interleave -f -n "$rounds" "empty init" "${floor[@]}" -- "casemate run" build/casemate run --rm "oci:$image" echo here
goal "first byte, against an empty init: wall time" "$(column 'casemate run' 3)" 1.35 x
goal "first byte, against an empty init: CPU time (less noise)" "$(column 'casemate run' 0)" 1.35 x
interleave -f -n 3 "casemate run" build/casemate run --rm "oci:$image" echo here \
    -- "  --rootfs virtiofs" build/casemate run --rm --rootfs virtiofs "oci:$image" echo here \
    -- "  --scratch 0" build/casemate run --rm --scratch 0 "oci:$image" echo here \
    -- "  --network bridge" build/casemate run --rm --network bridge "oci:$image" echo here

echo
say "first byte of a copy of a template, against a boot of the same command"
build/casemate template build > /dev/null
copy=(build/casemate run --rm --template existing)
interleave -f -n "$rounds" "boot" build/casemate run --rm "oci:$image" echo here \
    -- "copy of a template" "${copy[@]}" "oci:$image" echo here \
    -- "  -m 128m" "${copy[@]}" -m 128m "oci:$image" echo here \
    -- "  --rootfs virtiofs" "${copy[@]}" --rootfs virtiofs "oci:$image" echo here \
    -- "  --network bridge" "${copy[@]}" --network bridge "oci:$image" echo here
goal "first byte of a copy of a template, against a boot: wall time" "$(column 'copy of a template' 3)" 0.25 x
goal "first byte of a copy of a template, against a boot: CPU time" "$(column 'copy of a template' 0)" 0.25 x

echo
say "a start, stage by stage (casemate run --timings; median of 5, ms)"
for _ in 1 2 3 4 5; do build/casemate run --rm --timings "oci:$image" echo here 2>> "$work/timings" > /dev/null; done
awk '/^casemate:/ || $1 == "stage" || NF < 2 {next}
    {value = $NF; $NF = ""; if (!($0 in count)) order[++names] = $0; values[$0, ++count[$0]] = value}
    END {
        for (n = 1; n <= names; n++) {
            name = order[n]; k = count[name]
            for (i = 1; i <= k; i++) for (j = i + 1; j <= k; j++)
                if (values[name, j] + 0 < values[name, i] + 0) {t = values[name, i]; values[name, i] = values[name, j]; values[name, j] = t}
            printf "%-22s %9d\n", name, values[name, int((k + 1) / 2)]
        }
    }' "$work/timings"

echo
say "the agent"
disk=$(stat -c %s build/casemate-agent | awk '{printf "%.1f", $1 / 1e6}')
id=$(build/casemate run -d --memory 128m "oci:$image" sleep 1000)
ids=("$id")
rss=$(build/casemate inspect "$id" | sed -n 's/.*"agentRssBytes": \([0-9]*\).*/\1/p' | awk '{printf "%.1f", $1 / 1048576}')
free=$(build/casemate exec "$id" sh -c 'free -m | sed -n 2p')
echo "on disk $disk MB; when ready $rss MiB RSS; a VM with 128 MiB: $free"
goal "the agent on disk" "$disk" 16 MB
goal "the agent's memory when idle (RSS)" "$rss" 8 MiB
goal "a VM with 128 MiB runs busybox: MiB in use" "$(awk '{print $3}' <<< "$free")" 127 MiB

echo
say "ten sandboxes: memory of the sandbox processes"
for _ in 1 2 3 4 5 6 7 8 9; do ids+=("$(build/casemate run -d --memory 128m "oci:$image" sleep 1000)"); done
sleep 5
# The least of three looks: a process that corrects its guest's clock at this moment does not wait.
for _ in 1 2 3; do
    sleep 1
    for id in "${ids[@]}"; do
        pid=$(pgrep -f "^casemate-sandbox $id" | head -n 1)
        awk -v id="$id" '/^Pss:/ {print id, $2}' "/proc/$pid/smaps_rollup"
    done
done | awk '!($1 in least) || $2 < least[$1] {least[$1] = $2} END {for (id in least) print least[id]}' > "$work/pss"
awk '{sum += $1; if ($1 > max) max = $1} END {printf "PSS each: mean %.2f MiB, most %.2f MiB, of %d processes\n", sum / NR / 1024, max / 1024, NR}' "$work/pss"
goal "a sandbox process, ten running: the largest PSS" "$(sort -n "$work/pss" | tail -n 1 | awk '{printf "%.2f", $1 / 1024}')" 2 MiB

echo
echo "== The cell against runc and crun: no VM, the same bundle"
scripts/bench-cell.sh

echo
say "the goals"
printf '%s\n' "${verdicts[@]}"

# Casemate under containerd, against runc under containerd.
scripts/bench-engines.sh
