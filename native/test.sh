#!/usr/bin/env bash
# Builds native/test into a static image and runs it: as an ordinary process, and, where QEMU and a kernel are at hand, as the first
# process of a virtual machine ($CASEMATE_TEST_KERNEL names the kernel; default: the default guest's). See NativeTest.java.
set -euo pipefail

source "$(dirname "$0")/toolchain/settings.sh"

main() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/casemate-test.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT
    local image=${1:-$WORK/native-test}
    [[ -x $image ]] || build "$image"
    check_static "$image"
    run_alone "$image" -Xmx1g -Dkey=value -- || die "$? checks failed"
    check_refuses_old_processor "$image"
    run_as_first_process "$image"
}

build() {
    local jars
    jars=$("$NATIVE_DIR/toolchain.sh")/jars
    "$(find_jdk)/bin/javac" -d "$WORK/classes" -cp "$jars/nativeimage-$SVM_VERSION.jar:$jars/word-$SVM_VERSION.jar" \
        "$NATIVE_DIR"/test/dev/casemate/nativetest/*.java
    "$NATIVE_DIR/build-image.sh" --output "$1" --main dev.casemate.nativetest.NativeTest --classpath "$WORK/classes" \
        --image-arg --initialize-at-build-time=dev.casemate
}

# With no descriptors but the first three: what this script was started with is not the image's fault.
run_alone() (
    for descriptor in /proc/self/fd/*; do
        descriptor=${descriptor##*/}
        [[ $descriptor -le 2 ]] || exec {descriptor}>&-
    done
    exec "$@"
)

check_static() {
    if LC_ALL=C readelf --program-headers "$1" | grep -q INTERP; then
        die "$1 needs a dynamic linker"
    fi
    echo "ok statically linked, $(stat -c %s "$1") bytes"
}

# TCG can play a processor without SSE4.2, which x86-64-v2 has. Needs qemu-user (qemu-x86_64); left out without it.
check_refuses_old_processor() {
    local status=0 said
    if ! command -v qemu-x86_64 >/dev/null; then
        echo "left out: the check of the processor (no qemu-x86_64)"
        return
    fi
    said=$(qemu-x86_64 -cpu qemu64 "$1" 2>&1) || status=$?
    if [[ $status -ne 1 || $said != *"does not support all of the following CPU features"* ]]; then
        die "on an old processor: status $status, said: $said"
    fi
    echo "ok refuses an old processor"
}

run_as_first_process() {
    local kernel=${CASEMATE_TEST_KERNEL:-${CASEMATE_STATE:-/var/lib/casemate}/guest/default/vmlinux}
    [[ -f $kernel ]] || die "there is no kernel $kernel: build the guest first (make guest), or name another in CASEMATE_TEST_KERNEL"
    mkdir -p "$WORK/root/dev"
    cp "$1" "$WORK/root/init"
    mknod "$WORK/root/dev/console" c 5 1
    (cd "$WORK/root" && find . | cpio --quiet --create --format=newc) >"$WORK/initramfs"
    timeout 120 qemu-system-x86_64 -M q35 -cpu max -m 256 -nodefaults -no-user-config -display none -serial stdio -no-reboot \
        -kernel "$kernel" -initrd "$WORK/initramfs" -append "console=ttyS0 quiet panic=-1" </dev/null | tr -d '\r' | tee "$WORK/console" | grep -a 'ok\|FAILED\|passed'
    grep -aq 'all passed as first process' "$WORK/console" || { cat "$WORK/console"; die "failed as first process"; }
}

main "$@"; exit
