#!/usr/bin/env bash
# kvm-cases.sh [CASE…]: what a container in a VM must be able to do, with KVM; scripts/kvm-lab.sh runs it. One line a case: "ok NAME",
# or "FAILED NAME" and why. State goes to $KVM_DISK. Written for a machine twenty times slower than one with KVM on metal.
set -uo pipefail
source "$(dirname "$0")/common.sh"
export CASEMATE_STATE=$KVM_DISK/state CASEMATE_RUN=/run/cm-kvm
image=oci:$ROOT/build/demo-image
casemate=$ROOT/build/casemate
failed=0

# expect WHAT WANTED GOT
expect() {
    [[ $3 == "$2" ]] || { echo "$1: expected \"$2\", got \"$3\""; return 1; }
}

# attempt SECONDS COMMAND…: until it succeeds.
attempt() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || { echo "still failing: $*"; return 1; }
        sleep 0.2
    done
}

run_and_exit_status() {
    local out status
    out=$("$casemate" run --rm --accel kvm "$image" sh -c 'uname -r; id -u; exit 7' 2> /tmp/err)
    status=$?
    expect "exit status" 7 "$status" || { cat /tmp/err; return 1; }
    grep -q "^$(sed -n 's/.*"kernelRelease":"\([^"]*\)".*/\1/p' "$CASEMATE_STATE/guest/default/guest.json")$" <<< "$out" || { echo "kernel: $out"; return 1; }
}

auto_picks_kvm() {
    "$casemate" doctor | grep -q '^ok  *KVM: ' || { "$casemate" doctor | grep -A2 KVM; return 1; }
}

# One VM for the cases that only look at a container that runs.
detached_start() {
    mkdir -p "$KVM_DISK/rw" "$KVM_DISK/ro"
    echo from-host > "$KVM_DISK/rw/file"
    echo read-only > "$KVM_DISK/ro/file"
    "$casemate" run -d --name lab -m 320m --cpus 1 -v "$KVM_DISK/rw:/rw" -v "$KVM_DISK/ro:/ro:ro" -p 127.0.0.1:8088:80 "$image" \
        sh -c 'trap "exit 5" TERM; httpd -p 80 -h /rw; while :; do sleep 0.2; done'
}

exec_streams_and_status() {
    local out
    out=$(echo typed | "$casemate" exec -i lab sh -c 'cat; echo error >&2; exit 3' 2> /tmp/err)
    expect "exit status" 3 $? && expect "standard output" typed "$out" && expect "standard error" error "$(tail -n 1 /tmp/err)"
}

terminal() {
    local out
    out=$(script -qec "$casemate exec -t lab sh -c 'tty; stty size'" /dev/null < /dev/null)
    grep -q '/dev/pts/' <<< "$out" || { echo "$out"; return 1; }
}

volumes() {
    expect "volume's file" from-host "$("$casemate" exec lab cat /rw/file)" || return 1
    "$casemate" exec lab sh -c 'echo from-guest > /rw/other' || return 1
    expect "file on the host" from-guest "$(cat "$KVM_DISK/rw/other")"
}

read_only_volume() {
    expect "volume's file" read-only "$("$casemate" exec lab cat /ro/file)" || return 1
    if "$casemate" exec lab sh -c 'echo no > /ro/file' 2> /dev/null; then
        echo "a read-only volume was written to"
        return 1
    fi
    expect "file on the host" read-only "$(cat "$KVM_DISK/ro/file")"
}

# page PORT: what a web server of this machine answers, without its headers.
page() {
    exec 9<> "/dev/tcp/127.0.0.1/$1" && printf 'GET /file HTTP/1.0\r\n\r\n' >&9 && tr -d '\r' <&9 | sed '1,/^$/d'
    exec 9>&-
}

published_port() {
    local got=
    for ((try = 0; try < 20; try++)); do
        got=$(page 8088)
        [[ -z $got ]] || break
        sleep 0.2
    done
    expect "page" from-host "$got"
}

copy_both_ways() {
    head -c 300000 /dev/urandom > "$KVM_DISK/sent"
    "$casemate" cp "$KVM_DISK/sent" lab:/tmp/there && "$casemate" cp lab:/tmp/there "$KVM_DISK/back" \
        && cmp "$KVM_DISK/sent" "$KVM_DISK/back"
}

pause_and_unpause() {
    "$casemate" pause lab > /dev/null || return 1
    "$casemate" ps | grep -q -i paused || { "$casemate" ps; "$casemate" inspect lab; return 1; }
    "$casemate" unpause lab > /dev/null && "$casemate" exec lab true
}

stop_with_a_handler() {
    "$casemate" stop lab > /dev/null || return 1
    expect "exit status" 5 "$("$casemate" wait lab)" && "$casemate" rm lab > /dev/null
}

out_of_memory() {
    "$casemate" run --name hungry -m 128m --scratch 0 "$image" sh -c 'tail /dev/zero' > /dev/null 2>&1
    expect "exit status" 137 $? || return 1
    "$casemate" inspect hungry | grep -qi '"oomKilled": *true' || { "$casemate" inspect hungry | grep -i oom; return 1; }
    "$casemate" rm hungry > /dev/null
}

# kill_of NAME PATTERN: kills one of the processes behind a container; its end is noticed and nothing is left.
kill_of() {
    local id pid status
    id=$("$casemate" run -d --name "$1" -v "$KVM_DISK/rw:/rw" "$image" sleep 100000) || return 1
    pid=$(pgrep -f "$2" | head -n 1)
    [[ -n $pid ]] || { echo "no process matches $2"; "$casemate" rm -f "$1"; return 1; }
    kill -KILL "$pid"
    status=$(timeout 60 "$casemate" wait "$1") || { echo "wait: $status"; return 1; }
    [[ $status -ge 128 ]] || { echo "exit status $status"; return 1; }
    "$casemate" rm -f "$1" > /dev/null || return 1
    nothing_is_left "$id"
}

sigkill_of_the_vmm() { kill_of vmm-killed '^/[^ ]*qemu-system-x86_64 .*-name'; }
sigkill_of_the_sandbox_process() { kill_of owner-killed 'casemate-sandbox'; }

nothing_is_left() {
    attempt 30 eval '! pgrep -f "qemu-system|virtiofsd.*casemate|casemate-sandbox"' || { pgrep -af 'qemu-system|virtiofsd|casemate-sandbox'; return 1; }
    ! ls -A "$CASEMATE_RUN/sandboxes" 2> /dev/null | grep . && ! grep " $CASEMATE_RUN/" /proc/mounts
}

# counted NAME EXITS: compares with the table; what is above it by more than the table allows is a failure.
counted() {
    local most
    most=$(awk -v name="$1" '$1 == name { print int($2 * (100 + $3) / 100) }' scripts/kvm-exits.list)
    echo "  exits, $1: $2 (at most ${most:-unknown})" >> "$KVM_DISK/exits"
    [[ -n $most ]] && (($2 <= most)) || { echo "$1: $2 exits; scripts/kvm-exits.list allows ${most:-nothing}"; return 1; }
}

exits() {
    cat /sys/kernel/debug/kvm/exits
}

exits_of_a_container() {
    local started execed idle status=0
    [[ -e /sys/kernel/debug/kvm ]] || mount -t debugfs debugfs /sys/kernel/debug || return 1
    expect "exits of no VM" 0 "$(exits)" || return 1
    "$casemate" run -d --name counted "$image" sleep 100000 > /dev/null || return 1
    started=$(exits)
    "$casemate" exec counted true
    execed=$(exits)
    sleep 10
    idle=$(exits)
    "$casemate" rm -f counted > /dev/null
    counted start "$started" || status=1
    counted exec $((execed - started)) || status=1
    counted ten-idle-seconds $((idle - execed)) || status=1
    return "$status"
}

engine_paths() {
    export PATH=$ROOT/build/engines/bin:$PATH
}

containerd_shim() {
    local out base=/run/kvm-containerd
    mkdir -p "$base" "$KVM_DISK/containerd"
    cp build/casemate "$base/containerd-shim-casemate-v2"
    printf 'version = 2\nroot = "%s"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s/c.sock"\n' \
        "$KVM_DISK/containerd" "$base" "$base" > "$base/config.toml"
    PATH=$base:$PATH containerd --config "$base/config.toml" > "$base/log" 2>&1 &
    containerd=$!
    attempt 60 ctr -a "$base/c.sock" version || return 1
    tar -C build/demo-image -cf "$KVM_DISK/image.tar" . && ctr -a "$base/c.sock" image import --no-unpack --base-name demo "$KVM_DISK/image.tar" > /dev/null || return 1
    name=$(ctr -a "$base/c.sock" image ls -q | head -n 1)
    out=$(ctr -a "$base/c.sock" run --rm --runtime io.containerd.casemate.v2 "$name" first sh -c 'uname -n; echo through-the-shim' 2>&1)
    grep -q through-the-shim <<< "$out" || { echo "$out"; tail -n 5 "$base/log"; return 1; }
}

containerd_end() {
    kill "$containerd" && wait "$containerd"
    nothing_is_left
}

cases=(auto_picks_kvm run_and_exit_status detached_start exec_streams_and_status terminal volumes read_only_volume published_port
    copy_both_ways pause_and_unpause stop_with_a_handler out_of_memory exits_of_a_container sigkill_of_the_vmm sigkill_of_the_sandbox_process nothing_is_left
    containerd_shim containerd_end)
[[ $# -eq 0 ]] || cases=("$@")
mkdir -p "$CASEMATE_STATE"
cp -r /var/lib/casemate/guest "$CASEMATE_STATE/"
engine_paths
for case in "${cases[@]}"; do
    begin=$SECONDS
    if "$case" > /tmp/case.out 2>&1; then
        echo "ok $case ($((SECONDS - begin)) s)"
    else
        echo "FAILED $case ($((SECONDS - begin)) s):"
        tail -n 80 /tmp/case.out
        failed=$((failed + 1))
    fi
done
cat "$KVM_DISK/exits" 2> /dev/null
echo "KVM: $((${#cases[@]} - failed)) passed, $failed failed"
[[ $failed -eq 0 ]]
