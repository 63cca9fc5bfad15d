# What the scripts share that run in the laboratory of kvm-lab.sh. Sourced, not run. State goes to $KVM_DISK.
# VMs boot: exits are counted, and the boot is what they are counted of. One case has templates.
export CASEMATE_STATE=$KVM_DISK/state CASEMATE_RUN=/run/cm-kvm CASEMATE_TEMPLATE=never
export PATH=$ROOT/build/engines/usr/bin:$ROOT/build/engines/usr/sbin:$PATH
image=oci:$ROOT/build/demo-image
casemate=${CASEMATE:-$ROOT/build/casemate}
engine_image=docker.io/library/demo:latest
mkdir -p "$CASEMATE_STATE"
[[ -d $CASEMATE_STATE/guest ]] || cp -r /var/lib/casemate/guest "$CASEMATE_STATE/"

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

nothing_is_left() {
    local ours='^[^ ]*(qemu-system-|virtiofsd .*cm-kvm|casemate-sandbox)'
    attempt 30 eval "! pgrep -f '$ours'" || { pgrep -af "$ours"; return 1; }
    ! ls -A "$CASEMATE_RUN/sandboxes" 2> /dev/null | grep . && ! grep " $CASEMATE_RUN/" /proc/mounts
}

# containerd_begin: a private containerd, which has the shim and the demonstration's image; $ctr is its client. containerd_end ends it.
containerd_begin() {
    local base=/run/kvm-containerd
    ctr=(ctr -a "$base/c.sock")
    [[ ! -S $base/c.sock ]] || return 0
    mkdir -p "$base" "$KVM_DISK/containerd"
    cp "$casemate" "$base/containerd-shim-casemate-v2"
    truncate -s 40M "$KVM_DISK/scratch.ext4"
    mkfs.ext4 -q -F "$KVM_DISK/scratch.ext4"
    cat > "$base/config.toml" << END
version = 3
root = "$KVM_DISK/containerd"
state = "$base/state"
oom_score = 0
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "$base/c.sock"
[plugins.'io.containerd.snapshotter.v1.blockfile']
  scratch_file = "$KVM_DISK/scratch.ext4"
  fs_type = "ext4"
  mount_options = []
END
    printf '[vm]\nfile_sharing = "none"\n' > "$base/block.toml"
    PATH=$base:$PATH containerd --config "$base/config.toml" > "$base/log" 2>&1 &
    containerd=$!
    attempt 60 "${ctr[@]}" version || { tail -n 5 "$base/log"; return 1; }
    tar -C build/demo-image -cf "$KVM_DISK/image.tar" . || return 1
    "${ctr[@]}" image import --no-unpack --index-name "$engine_image" "$KVM_DISK/image.tar" > /dev/null
}

containerd_end() {
    kill "$containerd" && wait "$containerd"
    nothing_is_left
}

# shim_run OPTION… NAME COMMAND…: ctr run with the shim and virtio-fs.
shim_run() {
    "${ctr[@]}" run --runtime io.containerd.casemate.v2 "$@"
}

# block_run: the same with a root that is a disk.
block_run() {
    shim_run --runtime-config-path /run/kvm-containerd/block.toml --snapshotter blockfile "$@"
}
