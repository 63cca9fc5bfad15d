#!/bin/sh
# install.sh install|remove|stay: puts Casemate on a node and tells containerd of it. `stay` installs, waits for TERM and removes.
# HOST_ROOT: where the node's / is (default: here). RESTART_CONTAINERD: the command for it (default: systemctl restart containerd).
# Needs on the node: QEMU and virtiofsd, which `casemate doctor` looks for.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=${CASEMATE_FILES:-$here}
root=${HOST_ROOT:-}
restart=${RESTART_CONTAINERD:-systemctl restart containerd}
config=$root/etc/containerd/config.toml
begin='# BEGIN casemate: written by install.sh, removed by install.sh remove'
end='# END casemate'

die() {
    echo "casemate: $*" >&2
    exit 1
}

# The block that makes `casemate` a handler, for the version of configuration that the file has.
block() {
    case $1 in
        2) plugin='io.containerd.grpc.v1.cri' ;;
        3) plugin='io.containerd.cri.v1.runtime' ;;
        *) die "$config is of version $1, expected 2 or 3; migrate it: containerd config migrate" ;;
    esac
    echo "$begin"
    echo "[plugins.\"$plugin\".containerd.runtimes.casemate]"
    echo '  runtime_type = "io.containerd.casemate.v2"'
    echo '  privileged_without_host_devices = true'
    echo '  pod_annotations = ["dev.casemate.*", "io.katacontainers.*"]'
    echo "$end"
}

without_block() {
    sed "/^$begin\$/,/^$end\$/d" "$config"
}

# Replaces containerd's configuration by standard input, in one step; fails if nothing changed.
replace() {
    cat > "$config.casemate"
    if cmp -s "$config.casemate" "$config"; then
        rm "$config.casemate"
        return 1
    fi
    mv "$config.casemate" "$config"
}

install_files() {
    for file in casemate casemate-agent; do
        [ -x "$source/$file" ] || die "$source/$file is not there; build it first: make build"
    done
    mkdir -p "$root/opt/casemate/bin" "$root/usr/local/bin"
    for file in casemate casemate-agent; do
        # Not over a program that runs: a new file takes the old one's name.
        cp "$source/$file" "$root/opt/casemate/bin/$file.new"
        chmod 0755 "$root/opt/casemate/bin/$file.new"
        mv "$root/opt/casemate/bin/$file.new" "$root/opt/casemate/bin/$file"
    done
    ln -sfn /opt/casemate/bin/casemate "$root/usr/local/bin/casemate"
    ln -sfn /opt/casemate/bin/casemate "$root/usr/local/bin/containerd-shim-casemate-v2"
    if [ -d "$source/guest" ]; then
        mkdir -p "$root/var/lib/casemate/guest"
        rm -rf "$root/var/lib/casemate/guest/default.new"
        cp -R "$source/guest" "$root/var/lib/casemate/guest/default.new"
        # VMs that run have read their kernel; the next one finds the new guest.
        rm -rf "$root/var/lib/casemate/guest/default"
        mv "$root/var/lib/casemate/guest/default.new" "$root/var/lib/casemate/guest/default"
    fi
}

install() {
    install_files
    mkdir -p "$root/etc/containerd"
    [ -f "$config" ] || echo 'version = 2' > "$config"
    version=$(sed -n 's/^version *= *\([0-9]*\).*/\1/p' "$config" | head -n 1)
    wanted=$(without_block && block "${version:-1}") || exit 1
    if printf '%s\n' "$wanted" | replace; then
        $restart
    fi
    echo "casemate: installed below ${root:-/}; containerd's handler is named casemate"
}

remove() {
    if [ -f "$config" ] && without_block | replace; then
        $restart
    fi
    rm -f "$root/usr/local/bin/casemate" "$root/usr/local/bin/containerd-shim-casemate-v2"
    rm -rf "$root/opt/casemate"
    echo "casemate: removed; the guest stays in /var/lib/casemate/guest, for pods that still run"
}

case ${1:-} in
    install) install ;;
    remove) remove ;;
    stay)
        install
        touch /run/casemate-installed
        trap 'remove; exit 0' TERM INT
        while :; do
            sleep 3600 &
            wait $! || true
        done
        ;;
    *) die "usage: install.sh install|remove|stay" ;;
esac
