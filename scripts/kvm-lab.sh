#!/usr/bin/env bash
# kvm-lab.sh [--fetch | JOB]: runs scripts/kvm-cases.sh, or another script, with a real /dev/kvm: on this machine if its KVM can run an ordinary kernel,
# else in a VM that emulates AMD's SVM, whose kernel is the guest's own with all its modules. That machine has cgroup v2, vhost-net,
# vhost-vsock, the host's files below an overlay that is forgotten at the end, and an empty ext4 disk at /disk. It is some ten times slower
# than KVM on metal: count exits there, and compare times only within one run. --fetch only fetches what that machine needs.
set -euo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the laboratory mounts file systems and starts VMs: run it as root"
case ${1:-} in
    --fetch) job= ;;
    '') job=$ROOT/scripts/kvm-cases.sh ;;
    *) job=$(readlink -f "$1") ;;
esac
limit=${LAB_SECONDS:-600}
if build/casemate doctor | grep -q '^ok  *KVM:'; then
    [[ -n $job ]] || exit 0
    say "KVM works on this machine"
    KVM_DISK=$(mktemp -d /var/tmp/casemate-kvm.XXXXXX)
    export KVM_DISK
    trap 'rm -rf --one-file-system "$KVM_DISK"' EXIT
    timeout "$limit" "$job"
    exit
fi

guest=${CASEMATE_STATE:-/var/lib/casemate}/guest/default
release=$(sed -n 's/.*"kernelRelease":"\([^"]*\)".*/\1/p' "$guest/guest.json")
lab=build/kvm-lab
mkdir -p "$lab"
lab=$(readlink -f "$lab")
if [[ ! -d $lab/kernel/lib/modules/$release ]]; then
    say "fetching the modules of kernel $release"
    (cd "$lab" && apt-get -o APT::Sandbox::User=root download -qq "linux-image-$release" && dpkg -x linux-image-"$release"_*.deb kernel && depmod -b kernel "$release")
fi
[[ -n $job ]] || exit 0
[[ -f build/demo-image/index.json ]] || build/casemate demo-image build/demo-image > /dev/null

# The initramfs: busybox, what reaches the host's files, and a script that makes a machine of it.
early=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk fuse virtiofs overlay)
late=(kvm_amd kvm_intel vhost_vsock vhost_net tun veth bridge loop ifb act_mirred cls_u32 cls_bpf sch_ingress nfnetlink nf_tables nft_nat
    nft_chain_nat nft_masq nft_ct iptable_nat iptable_filter xt_MASQUERADE xt_addrtype xt_conntrack erofs)
tree=$lab/initramfs
rm -rf "$tree"
mkdir -p "$tree"/{bin,sbin,modules,proc,sys,dev,host,new,up}
cp /bin/busybox "$tree/bin/"
for module in "${early[@]}"; do
    cp "$(find "$lab/kernel/lib/modules/$release" -name "$module.ko")" "$tree/modules/"
done
printf '#!/bin/busybox sh\nexec /bin/busybox chroot /new /sbin/modprobe -d %s/kernel "$@"\n' "$lab" > "$tree/sbin/modprobe"
cat > "$tree/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in ${early[*]}; do insmod /modules/\$module.ko; done
mount -t virtiofs host /host
mount -t tmpfs tmpfs /up
mkdir /up/upper /up/work
mount -t overlay overlay -o lowerdir=/host,upperdir=/up/upper,workdir=/up/work /new
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
for directory in run tmp; do mount -t tmpfs tmpfs /new/\$directory; done
mount --bind /host$lab /new$lab
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
mkdir -p /new/disk
mount -t ext4 /dev/vda /new/disk
mount -t debugfs debugfs /new/sys/kernel/debug
ip link set lo up
for module in ${late[*]}; do /sbin/modprobe -q \$module; done
for controller in cpu memory pids cpuset io; do echo +\$controller > /new/sys/fs/cgroup/cgroup.subtree_control; done
chroot /new /bin/bash -c 'hostname lab
    mount --make-rshared /
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root KVM_DISK=/disk
    cd $ROOT
    "$job"
    echo "LAB-EXIT \$?"'
sync
poweroff -f
END
chmod +x "$tree/init" "$tree/sbin/modprobe"
(cd "$tree" && find . | cpio -o -H newc --quiet > "$lab/initramfs.cpio")
rm -f "$lab/files.sock" "$lab/disk.img"
truncate -s 6G "$lab/disk.img"
mkfs.ext4 -q -F "$lab/disk.img"
/usr/lib/qemu/virtiofsd --socket-path="$lab/files.sock" -f -o source=/ -o sandbox=chroot -o cache=always -o modcaps=+sys_admin \
    > "$lab/virtiofsd.log" 2>&1 &
files=$!
trap 'kill "$files" 2> /dev/null || true; rm -f "$lab/disk.img"' EXIT
for ((try = 0; try < 100; try++)); do
    [[ ! -S $lab/files.sock ]] || break
    sleep 0.1
done
say "starting a machine with KVM under emulation; it has $limit s"
# One CPU: with two, the emulation of SVM in Debian 12's QEMU hangs.
timeout "$limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -M q35,accel=tcg,memory-backend=memory \
    -cpu max,-erms -smp 1 -m 6G -object memory-backend-memfd,id=memory,size=6G,share=on \
    -chardev socket,id=files,path="$lab/files.sock" -device vhost-user-fs-pci,chardev=files,tag=host \
    -drive file="$lab/disk.img",format=raw,if=none,id=disk,cache=unsafe -device virtio-blk-pci,drive=disk -serial stdio \
    -kernel "$guest/vmlinux" -initrd "$lab/initramfs.cpio" \
    -append "console=ttyS0 quiet panic=-1 cryptomgr.notests tsc=reliable clocksource=tsc no_timer_check" < /dev/null \
    | sed -u 's/\r$//' | tee "$lab/output" || say "the machine was stopped after $limit s"
grep -q '^LAB-EXIT 0' "$lab/output"
