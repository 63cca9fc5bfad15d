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
    check_protected_libraries
    check_hardened "$image"
    for executable in "$NATIVE_DIR"/../build/casemate{,-agent,-cell}; do
        [[ ! -x $executable ]] || check_hardened "$executable"
    done
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

# What README.md, "Hardening", says of an executable, one line each; so a property that is lost or won shows here.
check_hardened() {
    local name=${1##*/} header segments
    header=$(LC_ALL=C readelf --file-header "$1")
    segments=$(LC_ALL=C readelf --program-headers --wide "$1")
    ! grep -q INTERP <<<"$segments" || die "$1 needs a dynamic linker"
    echo "ok $name: statically linked, $(stat -c %s "$1") bytes"
    grep -q 'Type: *EXEC ' <<<"$header" || die "$1 is not of type EXEC: native/README.md says that it has a fixed address, and why"
    echo "ok $name: at a fixed address, as documented"
    grep -qE '^ *GNU_STACK .* RW ' <<<"$segments" || die "the stack of $1 is executable, or its kind is not said"
    echo "ok $name: the stack is not executable"
    ! grep -qE '^ *LOAD .* (RWE|WE|W E) ' <<<"$segments" || die "$1 has a segment that is both writable and executable"
    echo "ok $name: nothing is both writable and executable"
    grep -q '^ *GNU_RELRO .* R ' <<<"$segments" || die "the tables of addresses of $1 stay writable: it has no GNU_RELRO"
    echo "ok $name: tables of addresses become read-only"
    # musl keeps the canary at %fs:0x28; a function with the protector reads it there at its begin and its end.
    [[ $(objdump --disassemble "$1" | grep -c '%fs:0x28') -gt 0 ]] || die "the C code of $1 has no stack protector"
    echo "ok $name: C code has a stack protector"
}

# An executable has lost its names; so whether the protector is in all of our C shows in the libraries that it was linked from.
check_protected_libraries() {
    local library libraries
    libraries=$("$NATIVE_DIR/toolchain.sh")/jdk/lib/static/linux-amd64/musl
    for library in java net nio zip extnet jvm libchelper; do
        [[ $(nm "$libraries/lib$library.a" 2>/dev/null | grep -c 'U __stack_chk_fail') -gt 0 ]] || die "lib$library.a has no stack protector"
        echo "ok lib$library.a has a stack protector"
    done
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
