#!/usr/bin/env bash
# Builds native/test into a static image and runs it: as an ordinary process, and as the first process of a virtual
# machine ($CASEMATE_TEST_KERNEL names the kernel; default: the default guest's). See NativeTest.java.
set -euo pipefail

source "$(dirname "$0")/toolchain/settings.sh"

main() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/casemate-test.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT
    local image=${1:-$WORK/native-test}
    [[ -x $image ]] || build "$image"
    check_static "$image"
    run_alone "$image" -Xmx1g -Dkey=value -- || die "$? checks failed"
    make_initramfs "$image"
    check_refuses_old_processor
    run_as_first_process
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

# A processor without SSE4.2, which x86-64-v2 has, is one that TCG can play.
check_refuses_old_processor() {
    boot qemu64
    grep -aq 'does not support all of the following CPU features' "$WORK/console" || failed "on an old processor: it did not say what is missing"
    echo "ok refuses an old processor"
}

run_as_first_process() {
    boot max
    grep -a 'ok\|FAILED\|passed' "$WORK/console" || true
    grep -aq 'all passed as first process' "$WORK/console" || failed "as first process"
}

failed() {
    tail -n 40 "$WORK/console"
    die "failed $1"
}

make_initramfs() {
    mkdir -p "$WORK/root/dev"
    cp "$1" "$WORK/root/init"
    mknod "$WORK/root/dev/console" c 5 1
    (cd "$WORK/root" && find . | cpio --quiet --create --format=newc) >"$WORK/initramfs"
}

# boot PROCESSOR: a virtual machine with nothing in it but the image; what it says is in $WORK/console.
boot() {
    local kernel=${CASEMATE_TEST_KERNEL:-${CASEMATE_STATE:-/var/lib/casemate}/guest/default/vmlinux}
    [[ -f $kernel ]] || die "there is no kernel $kernel: build the guest first (make guest), or name another in CASEMATE_TEST_KERNEL"
    timeout 300 qemu-system-x86_64 -M q35 -cpu "$1" -m 256 -nodefaults -no-user-config -display none -serial stdio -no-reboot \
        -kernel "$kernel" -initrd "$WORK/initramfs" -append "console=ttyS0 quiet panic=-1" </dev/null | tr -d '\r' >"$WORK/console" || true
}

main "$@"; exit
