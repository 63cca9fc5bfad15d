#!/usr/bin/env bash
# Measures Casemate as a runtime of containerd, privately, against runc: time to the first byte, memory of shims, calls of State, pods at once.
# BENCH_ROUNDS: rounds (default 8); BENCH_PODS: how many containers for the last line about memory (default 30).
set -euo pipefail
source "$(dirname "$0")/common.sh"
# What is compared here boots.
export CASEMATE_TEMPLATE=never
[[ $EUID -eq 0 ]] || die "the benchmark starts VMs: run it as root"
rounds=${BENCH_ROUNDS:-8}
pods=${BENCH_PODS:-30}
scripts/engines.sh
work=$(mktemp -d /run/casemate-bench.XXXXXX)
disk=$(mktemp -d "$ROOT/build/bench.XXXXXX")
engines=$ROOT/build/engines/usr
image=docker.io/library/demo:latest
daemon=
ctr=("$engines/bin/ctr" --address "$work/c.sock" --namespace bench)

finish() {
    set +e
    if [[ -n $daemon ]]; then
        "${ctr[@]}" task ls -q 2> /dev/null | while read -r id; do "${ctr[@]}" task delete -f "$id"; done > /dev/null 2>&1
        kill "$daemon" && wait "$daemon" 2> /dev/null
    fi
    grep -o " $work[^ ]*\| $disk[^ ]*" /proc/self/mounts | sort -r | xargs -r -n1 umount -l
    rm -rf "$work" "$disk"
}
trap finish EXIT

mkdir "$work/bin"
ln -s "$ROOT/build/casemate" "$work/bin/containerd-shim-casemate-v2"
ln -s "$engines/bin/containerd-shim-runc-v2" "$engines/sbin/runc" "$work/bin/"
cat > "$work/config.toml" << END
version = 3
root = "$disk/root"
state = "$work/state"
oom_score = 0
[grpc]
  address = "$work/c.sock"
END

# start_containerd LEVEL: with what it logs, and its shims; in place of one that runs.
start_containerd() {
    [[ -z $daemon ]] || { kill "$daemon" && wait "$daemon" || true; }
    PATH=$work/bin:$PATH unshare --net "$engines/bin/containerd" --config "$work/config.toml" --log-level "$1" > "$work/log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do
        "${ctr[@]}" version > /dev/null 2>&1 && break
        sleep 0.1
    done
}
start_containerd warn
[[ -f build/demo-image/index.json ]] || build/casemate demo-image build/demo-image > /dev/null
tar -C build/demo-image -cf "$disk/image.tar" .
"${ctr[@]}" image import --index-name "$image" "$disk/image.tar" > /dev/null || die "containerd did not take the image; its log is: $(tail -n 5 "$work/log")"
gcc -O2 -Wall -Wextra -Werror -o "$work/interleave" bench/interleave.c

# Containers need names of their own.
cat > "$work/run" << END
#!/bin/sh
exec "$engines/bin/ctr" --address "$work/c.sock" --namespace bench run --rm --fifo-dir "$work/fifo" --runtime "\$1" "$image" "b\$\$" echo here
END
chmod +x "$work/run"
"$work/run" io.containerd.casemate.v2 > /dev/null

echo
echo "== ctr run to the first byte"
"$work/interleave" -f -n "$rounds" "runc" "$work/run" io.containerd.runc.v2 -- "casemate" "$work/run" io.containerd.casemate.v2 \
    -- "casemate run" build/casemate run --rm oci:build/demo-image echo here

echo
echo "== Stage by stage: three of casemate run, three of ctr run from the shim's start on (the VM boots while containerd prepares the task)"
for _ in 1 2 3; do
    build/casemate run --rm --timings oci:build/demo-image echo here 2>&1 > /dev/null \
        | awk '$1 == "stage" || /first byte/ || NF < 2 { next } { value = $NF; sub(/ +[0-9]+$/, ""); line = line (line ? ", " : "") $0 "=" value } END { print "casemate run  {" line "}" }'
done
start_containerd debug
for _ in 1 2 3; do "$work/run" io.containerd.casemate.v2 > /dev/null; done
grep -o 'stages in ms: {[^}]*}' "$work/log" | sed 's/stages in ms:/ctr run      /'
start_containerd warn

# start_detached NAME: a container that stays.
start_detached() {
    "${ctr[@]}" run -d --fifo-dir "$work/fifo" --runtime io.containerd.casemate.v2 --memory-limit $((64 << 20)) "$image" "$1" sleep 100000 > /dev/null
}

# Shims of this containerd, by its address in their environment or command line. The least of three looks: a shim that corrects its guest's
# clock at this moment does not wait.
shim_pss() {
    local pid
    for _ in 1 2 3; do
        sleep 1
        for pid in $(pgrep -f 'containerd-shim-casemate-v2|casemate-sandbox' || true); do
            grep -qz "$work" "/proc/$pid/environ" "/proc/$pid/cmdline" 2> /dev/null || continue
            awk -v pid="$pid" '/^Pss:/ { print pid, $2 }' "/proc/$pid/smaps_rollup" 2> /dev/null || true
        done
    done | awk '!($1 in least) || $2 < least[$1] { least[$1] = $2 } END { for (pid in least) print least[pid] }' \
        | awk -v pods="$1" '{ sum += $1; if ($1 > max) max = $1 }
        END {
            printf "%3d containers: %d shims, PSS mean %.2f MiB, most %.2f MiB", pods, NR, NR ? sum / NR / 1024 : 0, max / 1024
            print NR == pods && max <= 2048 ? " (goal, at most 2 MiB each: met)" : " (goal, at most 2 MiB each: NOT MET)"
        }'
}

echo
echo "== Memory of the shims"
count=0
for goal in 1 10 "$pods"; do
    while [[ $count -lt $goal ]]; do
        count=$((count + 1))
        start_detached "m$count"
    done
    sleep 3
    shim_pss "$count"
done

echo
echo "== A task's state, 10,000 times in a row"
gcc -O2 -Wall -Wextra -Werror -o "$work/state-calls" bench/state.c
bundle=$work/state/io.containerd.runtime.v2.task/bench/m1
"$work/state-calls" "$(sed -n 's/.*"address": *"unix:\/\/\([^"]*\)".*/\1/p' "$bundle/bootstrap.json")" m1 10000
for ((i = 1; i <= count; i++)); do
    "${ctr[@]}" task delete -f "m$i" > /dev/null 2>&1 || true
    "${ctr[@]}" container delete "m$i" > /dev/null 2>&1 || true
done

echo
echo "== Ten containers, one after another and at once"
begin=$(date +%s%N)
for i in 1 2 3 4 5 6 7 8 9 10; do start_detached "s$i"; done
echo "one after another  $((($(date +%s%N) - begin) / 1000000)) ms"
for i in 1 2 3 4 5 6 7 8 9 10; do "${ctr[@]}" task delete -f "s$i" > /dev/null 2>&1 || true; done
begin=$(date +%s%N)
starts=()
for i in 1 2 3 4 5 6 7 8 9 10; do
    start_detached "p$i" &
    starts+=($!)
done
wait "${starts[@]}"
echo "at once            $((($(date +%s%N) - begin) / 1000000)) ms"
for i in 1 2 3 4 5 6 7 8 9 10; do "${ctr[@]}" task delete -f "p$i" > /dev/null 2>&1 || true; done
