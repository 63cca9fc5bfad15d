#!/usr/bin/env bash
# bench-pod.sh: for each call to the agent of a pod with two containers, the time and how many new blocks of code QEMU translates during it
# (bench/blocks.c). The blocks hardly depend on the host's load. Run it isolated: scripts/isolated.sh pod scripts/bench-pod.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "it starts VMs: run it as root"
scripts/engines.sh > /dev/null
engines=$ROOT/build/engines/usr
work=$(mktemp -d /run/casemate-pod.XXXXXX)
disk=$(mktemp -d "$ROOT/build/pod.XXXXXX")
image=docker.io/library/demo:latest
ctr=("$engines/bin/ctr" --address "$work/c.sock" --namespace bench)
daemon=

finish() {
    set +e
    "${ctr[@]}" task ls -q 2> /dev/null | sort -r | while read -r id; do "${ctr[@]}" task delete -f "$id"; done > /dev/null 2>&1
    [[ -z $daemon ]] || { kill "$daemon" && wait "$daemon" 2> /dev/null; }
    grep -o " $work[^ ]*\| $disk[^ ]*" /proc/self/mounts | sort -r | xargs -r -n1 umount -l
    rm -rf "$work" "$disk"
}
trap finish EXIT

mkdir "$work/bin"
ln -s "$ROOT/build/casemate" "$work/bin/containerd-shim-casemate-v2"
printf 'version = 3\nroot = "%s/root"\nstate = "%s/state"\n[grpc]\n  address = "%s/c.sock"\n' "$disk" "$work" "$work" > "$work/config.toml"
# The jail would hide the plugin; it does not change what the guest executes.
printf '[jail]\nenabled = false\n[vm]\naccelerator = "tcg"\n' > "$work/casemate.toml"
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -pthread -o "$work/blocks.so" bench/blocks.c
qemu=$(command -v qemu-system-x86_64)
cp "$qemu" "$work/qemu"
cat > "$work/wrapper" << END
#!/bin/sh
QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu exec "$work/qemu" "\$@" -L /usr/share/qemu -plugin "$work/blocks.so,out=$work/counts,times=$work/times"
END
chmod +x "$work/wrapper"
CASEMATE_TRACE=1 PATH=$work/bin:$PATH unshare --mount sh -c 'mount --make-rprivate / && mount --bind "$0" "$1" && shift && exec "$@"' \
    "$work/wrapper" "$qemu" "$engines/bin/containerd" --config "$work/config.toml" > "$work/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    "${ctr[@]}" version > /dev/null 2>&1 && break
    sleep 0.1
done
[[ -f build/demo-image/index.json ]] || build/casemate demo-image build/demo-image > /dev/null
tar -C build/demo-image -cf "$disk/image.tar" .
"${ctr[@]}" image import --index-name "$image" "$disk/image.tar" > /dev/null || die "containerd did not take the image: $(tail -n 5 "$work/log")"

# container ID KIND: a container of the pod, as containerd's CRI makes it.
container() {
    "${ctr[@]}" run -d --fifo-dir "$work/fifo" --runtime io.containerd.casemate.v2 --runtime-config-path "$work/casemate.toml" \
        --annotation io.kubernetes.cri.sandbox-id=pod --annotation "io.kubernetes.cri.container-type=$2" "$image" "$1" sleep 100000 > /dev/null
}
container pod sandbox
# The plugin writes a line every few milliseconds.
sleep 1
awk '{ count = $2 } END { printf "until the pod has started: %d blocks\n", count }' "$work/times"
container one container
container two container
cat "$work/times" > "$work/then"
cat /run/casemate/sandboxes/*/shim.err | awk '
    NR == FNR { time[++n] = $1; count[n] = $2; next }
    function at(t) { while (i < n && time[i + 1] <= t) i++; return i ? count[i] : 0 }
    / us$/ { i = 0; from = at($1); i = 0; printf "%-18s %9.1f ms %7d blocks\n", $2, $3 / 1000, at($1 + $3) - from }' "$work/then" -
