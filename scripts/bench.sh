#!/usr/bin/env bash
# Measures what docs/performance.md promises. Every comparison is one interleaved run; quote ratios, not milliseconds. BENCH_ROUNDS: rounds (default 8).
set -euo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the benchmark starts VMs: run it as root"
rounds=${BENCH_ROUNDS:-8}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/guest.sh
image=$ROOT/build/demo-image
[[ -f $image/index.json ]] || build/casemate demo-image "$image" > /dev/null
guest=/var/lib/casemate/guest/default
gcc -O2 -Wall -Wextra -Werror -o "$work/interleave" bench/interleave.c
build/casemate run --rm "oci:$image" true

echo
echo "== Commands that touch no VM, against runc (process start to exit)"
"$work/interleave" -n $((rounds * 5)) "runc --version" runc --version -- "casemate version" build/casemate version \
    -- "runc list" runc list -- "casemate ps" build/casemate ps

echo
echo "== First byte of a container, against the floor: the same QEMU, kernel and machine with an empty C /init"
mkdir -p "$work/root/dev"
musl-gcc -static -Os -o "$work/root/init" bench/init.c
mknod "$work/root/dev/console" c 5 1
(cd "$work/root" && find . | cpio --quiet -o -H newc > "$work/init.cpio")
# Machine and kernel parameters are taken from a VM of ours, so that both sides boot alike.
id=$(build/casemate run -d "oci:$image" sleep 100)
qemu=$(pgrep -f "qemu-system.*guest=$id" | head -n 1)
mapfile -d '' -t ours < "/proc/$qemu/cmdline"
build/casemate rm -f "$id" > /dev/null
floor=("${ours[0]}")
for ((i = 1; i < ${#ours[@]}; i++)); do
    case ${ours[i]} in
        -machine | -M | -accel | -cpu | -smp | -m | -bios | -kernel) floor+=("${ours[i]}" "${ours[++i]}") ;;
        -append) floor+=(-append "$(sed 's/ casemate\.[^ ]*//g' <<< "${ours[++i]}")") ;;
    esac
done
floor+=(-nodefaults -no-user-config -display none -no-reboot -initrd "$work/init.cpio" -serial stdio)
"$work/interleave" -f -n "$rounds" "empty init" "${floor[@]}" -- "casemate run" build/casemate run --rm "oci:$image" echo here \
    -- "… --rootfs virtiofs" build/casemate run --rm --rootfs virtiofs "oci:$image" echo here \
    -- "… --scratch 0" build/casemate run --rm --scratch 0 "oci:$image" echo here \
    -- "… --network bridge" build/casemate run --rm --network bridge "oci:$image" echo here

echo
echo "== One start, stage by stage"
build/casemate run --rm --timings "oci:$image" echo here

echo
echo "== The agent"
printf 'on disk               %9.1f MiB\n' "$(stat -c %s build/casemate-agent | awk '{print $1 / 1048576}')"
id=$(build/casemate run -d --memory 128m "oci:$image" sleep 100)
printf 'memory when ready     %9.1f MiB RSS\n' "$(build/casemate inspect "$id" | sed -n 's/.*"agentRssBytes": \([0-9]*\).*/\1/p' | awk '{print $1 / 1048576}')"
printf 'a VM with 128 MiB     %s\n' "$(build/casemate exec "$id" sh -c 'free -m | sed -n 2p')"
build/casemate rm -f "$id" > /dev/null

echo
echo "== Ten sandboxes: memory of the sandbox processes"
ids=()
for _ in 1 2 3 4 5 6 7 8 9 10; do ids+=("$(build/casemate run -d --memory 128m "oci:$image" sleep 1000)"); done
for pid in $(pgrep -f '^casemate-sandbox '); do
    awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup"
done | awk '{sum += $1; if ($1 > max) max = $1} END {printf "PSS each: mean %.2f MiB, most %.2f MiB, of %d processes\n", sum / NR / 1024, max / 1024, NR}'
build/casemate rm -f "${ids[@]}" > /dev/null
