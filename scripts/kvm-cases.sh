#!/usr/bin/env bash
# kvm-cases.sh [CASE…]: what a container in a VM must be able to do, with KVM; scripts/kvm-lab.sh runs it. One line a case: "ok NAME",
# or "FAILED NAME" and why. State goes to $KVM_DISK. Written for a machine twenty times slower than one with KVM on metal.
set -uo pipefail
source "$(dirname "$0")/common.sh"
source scripts/kvm-common.sh
source scripts/exits.sh
failed=0

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

# Packets of the container pass through the host's kernel, not through the VMM.
vhost_net() {
    pgrep '^vhost-' > /dev/null || { ls -l /dev/vhost-net; pgrep -af qemu-system; return 1; }
}

# A copy of a template: its memory grows, and its devices are its own.
start_from_a_template() {
    local out
    "$casemate" template build > /tmp/out 2>&1 || { cat /tmp/out; return 1; }
    for _ in 1 2; do
        out=$("$casemate" run --rm --template existing -m 512m -v "$KVM_DISK/rw:/rw" "$image" \
            sh -c 'cat /rw/file; awk "/MemTotal/ {print (\$2 > 400000)}" /proc/meminfo; cat /proc/sys/kernel/random/boot_id' 2> /tmp/err)
        expect "file and memory" "from-host 1" "$(head -n 2 <<< "$out" | tr '\n' ' ' | sed 's/ $//')" || { cat /tmp/err; return 1; }
        sed -n 3p <<< "$out" >> /tmp/boot-ids
    done
    expect "different boot ids" 2 "$(sort -u /tmp/boot-ids | wc -l)" || return 1
    "$casemate" template ls | grep -q ready || { echo "the copies failed, and the template was removed"; return 1; }
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

sigkill_of_virtiofsd() { kill_of share-killed '^/[^ ]*virtiofsd .*cm-kvm'; }
sigkill_of_the_vmm() { kill_of vmm-killed '^/[^ ]*qemu-system-x86_64 .*-name'; }
sigkill_of_the_sandbox_process() { kill_of owner-killed 'casemate-sandbox'; }

# Agents that are reached by vsock: two VMs at a time.
vsock_of_two_vms() {
    local name out
    for name in vsock-one vsock-two; do
        "$casemate" run -d --name "$name" --agent-channel vsock --boot-timeout 300 -m 256m "$image" sh -c 'trap "exit 5" TERM; while :; do sleep 0.2; done' || return 1
    done
    expect "addresses" 2 "$(vsock_cids | sort -u | wc -l)" || { "$casemate" inspect vsock-one; return 1; }
    expect "VMs with vsock and without a serial channel" 2 "$(pgrep -af 'qemu-system.*-device vhost-vsock-pci' | grep -vc virtserialport)" || return 1
    out=$(echo typed | "$casemate" exec -i vsock-one sh -c 'cat; echo error >&2; exit 3' 2> /tmp/err)
    expect "exit status" 3 $? && expect "standard output" typed "$out" && expect "standard error" error "$(tail -n 1 /tmp/err)" || return 1
    expect "bytes from the guest" 2000000 "$("$casemate" exec vsock-two head -c 2000000 /dev/zero | wc -c)" || return 1
    expect "bytes to the guest" 2000000 "$(head -c 2000000 /dev/zero | "$casemate" exec -i vsock-two wc -c)"
}

vsock_cids() { "$casemate" inspect vsock-one vsock-two | sed -n 's,.*"vsock://\([0-9]*\):1024".*,\1,p'; }

# The agent serves no process of the host but its sandbox's, whatever port the other one has.
vsock_serves_one_host() {
    local cid port=700
    for cid in $(vsock_cids); do
        # A port is taken for some seconds after its connection.
        python3 - "$cid" $((++port)) << 'END' || return 1
import socket, sys
for port in (socket.VMADDR_PORT_ANY, int(sys.argv[2])):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as other:
        other.settimeout(5)
        other.bind((socket.VMADDR_CID_ANY, port))
        try:
            other.connect((int(sys.argv[1]), 1024))
            # A ttrpc request of no bytes, which is answered with an error.
            other.send(bytes([0, 0, 0, 0, 0, 0, 0, 1, 1, 0]))
            answer = other.recv(1)
        except (TimeoutError, ConnectionError):
            answer = b""
        assert answer == b"", f"a process with port {port} was answered"
END
    done
    "$casemate" exec vsock-one true && "$casemate" exec vsock-two true
}

vsock_pause_and_copy() {
    "$casemate" pause vsock-one > /dev/null && "$casemate" unpause vsock-one > /dev/null || return 1
    head -c 300000 /dev/urandom > "$KVM_DISK/sent"
    "$casemate" cp "$KVM_DISK/sent" vsock-one:/tmp/there && "$casemate" cp vsock-one:/tmp/there "$KVM_DISK/back" \
        && cmp "$KVM_DISK/sent" "$KVM_DISK/back"
}

vsock_sigkill_of_the_vmm() {
    local id status
    id=$("$casemate" inspect vsock-two | sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
    kill -KILL "$(pgrep -f "qemu-system.*guest=$id")" || return 1
    status=$(timeout 60 "$casemate" wait vsock-two) || { echo "wait: $status"; return 1; }
    [[ $status -ge 128 ]] || { echo "exit status $status"; return 1; }
    "$casemate" rm vsock-two > /dev/null && "$casemate" exec vsock-one true || return 1
    "$casemate" stop vsock-one > /dev/null || return 1
    expect "exit status" 5 "$("$casemate" wait vsock-one)" && "$casemate" rm vsock-one > /dev/null && nothing_is_left
}

vsock_of_the_shim() {
    local out
    containerd_begin || return 1
    printf '[vm]\nboot_timeout_seconds = 300\nagent_channel = "vsock"\n' > /run/kvm-containerd/vsock.toml
    shim_run --runtime-config-path /run/kvm-containerd/vsock.toml -d "$engine_image" by-vsock sleep 100000 || { tail -n 5 /run/kvm-containerd/log; return 1; }
    expect "VMs with vsock" 1 "$(pgrep -c -f 'qemu-system.*-device vhost-vsock-pci')" || return 1
    out=$(in_container by-vsock sh -c 'echo through-vsock; exit 4')
    expect "exit status" 4 $? && expect "output" through-vsock "$out" || return 1
    "${ctr[@]}" task delete -f by-vsock > /dev/null 2>&1
}

containerd_shim() {
    local out
    containerd_begin || return 1
    out=$(shim_run --rm "$engine_image" first sh -c 'uname -n; echo through-the-shim' 2>&1)
    grep -q through-the-shim <<< "$out" || { echo "$out"; tail -n 5 /run/kvm-containerd/log; return 1; }
}

# pod_member NAME TYPE OPTION…: a container of the pod "pod".
pod_member() {
    local name=$1 type=$2
    shift 2
    shim_run -d --annotation io.kubernetes.cri.container-type="$type" --annotation io.kubernetes.cri.sandbox-id=pod "$@" "$engine_image" "$name" \
        sleep 100000
}

# in_container NAME COMMAND…
in_container() {
    local name=$1
    shift
    "${ctr[@]}" task exec --exec-id "e$RANDOM" "$name" "$@"
}

pod_of_two_containers() {
    pod_member pod sandbox && pod_member member container || return 1
    expect "VMs" 1 "$(pgrep -c -f 'qemu-system.*-name')" || return 1
    expect "kernel of the second" "$(in_container pod cat /proc/sys/kernel/random/boot_id)" "$(in_container member cat /proc/sys/kernel/random/boot_id)"
}

memory_growth() {
    local before after
    before=$(in_container pod awk '/^MemTotal/ { print $2 }' /proc/meminfo)
    pod_member big container --memory-limit $((700 << 20)) || return 1
    after=$(in_container pod awk '/^MemTotal/ { print $2 }' /proc/meminfo)
    for name in big member pod; do "${ctr[@]}" task delete -f "$name" > /dev/null 2>&1; done
    ((after > before + 300000)) || { echo "memory of the VM before: $before KiB, after: $after"; return 1; }
}

# By vsock: a guest that goes on elsewhere has another address there. BlockRootTest does the same by a serial channel.
checkpoint_and_restore() {
    printf '[vm]\nfile_sharing = "none"\nagent_channel = "vsock"\nboot_timeout_seconds = 300\n' > /run/kvm-containerd/block.toml
    block_run -d "$engine_image" saved sh -c 'i=0; while :; do i=$((i + 1)); echo $i > /count; sleep 1; done' || return 1
    sleep 3
    "${ctr[@]}" container checkpoint --task saved example.org/saved:1 || return 1
    local before after
    before=$(in_container saved cat /count)
    "${ctr[@]}" task delete -f saved > /dev/null 2>&1
    "${ctr[@]}" container restore --live restored example.org/saved:1 || return 1
    sleep 3
    after=$(in_container restored cat /count)
    "${ctr[@]}" task delete -f restored > /dev/null 2>&1
    printf '[vm]\nfile_sharing = "none"\n' > /run/kvm-containerd/block.toml
    ((after > 2 && after < before + 20)) || { echo "counted to $before before, to $after afterwards"; return 1; }
}

# With the containerd that runs: dockerd waits for one of its own for 15 s only.
docker_container() {
    local base=/run/kvm-docker out status
    containerd_begin || return 1
    mkdir -p "$base"
    echo '{}' > "$base/config.json"
    dockerd --config-file "$base/config.json" --data-root "$KVM_DISK/docker" --exec-root "$base/exec" --pidfile "$base/pid" \
        --containerd /run/kvm-containerd/c.sock --host "unix://$base/d.sock" --iptables=false --ip6tables=false --bridge none > "$base/log" 2>&1 &
    local daemon=$!
    attempt 60 docker -H "unix://$base/d.sock" version || { tail -n 5 "$base/log"; return 1; }
    "${ctr[@]}" image export "$KVM_DISK/docker.tar" "$engine_image" || return 1
    docker -H "unix://$base/d.sock" load -i "$KVM_DISK/docker.tar" > /tmp/loaded || { cat /tmp/loaded; ls -l "$KVM_DISK"; df "$KVM_DISK"; tail -n 5 "$base/log"; return 1; }
    out=$(docker -H "unix://$base/d.sock" run --rm --network none --runtime io.containerd.casemate.v2 \
        "$(sed -n 's/^Loaded image[^:]*: //p' /tmp/loaded)" sh -c 'uname -r; exit 9' 2>&1)
    expect "exit status" 9 $?
    status=$?
    [[ $status -eq 0 ]] || { echo "$out"; tail -n 5 "$base/log"; }
    kill "$daemon" && wait "$daemon"
    return "$status"
}

# The figures of a container come in the form of this machine's control groups.
shim_metrics() {
    local figures
    containerd_begin || return 1
    shim_run -d "$engine_image" measured sh -c 'head -c 20000000 /dev/zero | tail -c 20000000 | sleep 100000' || return 1
    attempt 60 measured_bytes || { "${ctr[@]}" task metrics --format json measured; return 1; }
    figures=$("${ctr[@]}" task metrics --format json measured)
    "${ctr[@]}" task delete -f measured > /dev/null 2>&1
    # Fields of version 2 that version 1 lacks.
    grep -q usage_usec <<< "$figures" && grep -q memory_events <<< "$figures" || { echo "$figures"; return 1; }
}

measured_bytes() {
    "${ctr[@]}" task metrics --format json measured \
        | python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["memory"]["usage"] < 12000000)'
}

# cell_bundle NAME RESOURCES COMMAND…: a bundle of busybox in the group /cells/NAME.
cell_bundle() {
    local name=$1 resources=$2 directory=$KVM_DISK/cells/$1
    shift 2
    mkdir -p "$directory" "$KVM_DISK/cells/rootfs/bin"
    cp /bin/busybox "$KVM_DISK/cells/rootfs/bin/"
    chroot "$KVM_DISK/cells/rootfs" /bin/busybox --install -s /bin
    (cd "$directory" && rm -f config.json && "$cell" spec) || return 1
    python3 - "$directory/config.json" "$KVM_DISK/cells/rootfs" "/cells/$name" "$resources" "$@" << 'END'
import json, sys
path, root, group, resources, *command = sys.argv[1:]
config = json.load(open(path))
config["root"]["path"] = root
config["process"].update(terminal=False, args=command)
config["linux"].update(cgroupsPath=group, resources=json.loads(resources))
json.dump(config, open(path, "w"))
END
}

# casemate-cell on a machine that has version 2 of control groups and nothing else: what the kernel's files hold, and what they do.
cell_control_groups() {
    local group=/sys/fs/cgroup/cells/limits cell=$ROOT/build/casemate-cell
    cell_bundle limits '{"memory":{"limit":67108864},"pids":{"limit":99},"cpu":{"quota":50000,"period":100000},"devices":[{"allow":false,"access":"rwm"}]}' \
        sleep 100000 || return 1
    "$cell" run -d -b "$KVM_DISK/cells/limits" limits > /dev/null || return 1
    expect memory.max 67108864 "$(cat "$group/memory.max")" && expect pids.max 99 "$(cat "$group/pids.max")" \
        && expect cpu.max "50000 100000" "$(cat "$group/cpu.max")" || return 1
    "$cell" update --memory 128M --pids-limit 50 limits && expect "updated memory.max" 134217728 "$(cat "$group/memory.max")" || return 1
    "$cell" pause limits && grep -q '^frozen 1' "$group/cgroup.events" && "$cell" resume limits && grep -q '^frozen 0' "$group/cgroup.events" \
        || { cat "$group/cgroup.events"; return 1; }
    "$cell" events --stats limits | grep -q '"limit":134217728' || { "$cell" events --stats limits; return 1; }
    "$cell" delete -f limits || return 1
    [[ ! -e $group ]] || { echo "$group is left"; return 1; }
    cell_bundle hungry '{"memory":{"limit":16777216,"swap":16777216}}' sh -c 'tail /dev/zero; exit $?' || return 1
    "$cell" run -b "$KVM_DISK/cells/hungry" hungry
    expect "exit status out of memory" 137 $?
}

cases=(auto_picks_kvm run_and_exit_status detached_start exec_streams_and_status terminal volumes read_only_volume published_port vhost_net start_from_a_template
    copy_both_ways pause_and_unpause stop_with_a_handler out_of_memory cell_control_groups exits_of_a_bare_kernel exits_of_casemate_run
    sigkill_of_the_vmm sigkill_of_virtiofsd sigkill_of_the_sandbox_process nothing_is_left
    vsock_of_two_vms vsock_serves_one_host vsock_pause_and_copy vsock_sigkill_of_the_vmm
    containerd_shim exits_of_the_shim exits_of_the_shim_with_a_block_root pod_of_two_containers memory_growth checkpoint_and_restore vsock_of_the_shim
    shim_metrics docker_container containerd_end nothing_is_left)
[[ $# -eq 0 ]] || cases=("$@")
for case in "${cases[@]}"; do
    begin=$SECONDS
    rm -f "$exits_report"
    if "$case" > /tmp/case.out 2>&1; then
        echo "ok $case ($((SECONDS - begin)) s)"
    else
        echo "FAILED $case ($((SECONDS - begin)) s):"
        tail -n 80 /tmp/case.out
        failed=$((failed + 1))
    fi
    [[ ! -f $exits_report ]] || sed 's/^/  /' "$exits_report"
done
echo "KVM: $((${#cases[@]} - failed)) passed, $failed failed"
[[ $failed -eq 0 ]]
