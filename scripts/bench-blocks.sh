#!/usr/bin/env bash
# bench-blocks.sh [-l FILE] [OPTION…]: counts the blocks of code that an emulated start translates and the instructions that it executes, by
# a plugin of QEMU (bench/blocks.c), for casemate run [OPTION…] IMAGE true. They hardly depend on the host's load. -l: every block into FILE.
set -euo pipefail
source "$(dirname "$0")/common.sh"
# What is compared here boots.
export CASEMATE_TEMPLATE=never
[[ $EUID -eq 0 ]] || die "it puts the plugin before QEMU in a mount namespace: run it as root"
log=
if [[ ${1:-} == -l ]]; then
    log=,log=$(realpath -m "$2")
    shift 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$ROOT/build/demo-image
[[ -f $image/index.json ]] || build/casemate demo-image "$image" > /dev/null
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -pthread -o "$work/blocks.so" bench/blocks.c
qemu=$(command -v qemu-system-x86_64)
cp "$qemu" "$work/qemu"
cat > "$work/wrapper" << END
#!/bin/sh
# A copy in another place finds its modules and firmware by these.
QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu exec "$work/qemu" "\$@" -L /usr/share/qemu -plugin "$work/blocks.so,out=$work/counts$log"
END
chmod +x "$work/wrapper"
# The jail would hide the plugin; it runs on the host and does not change what the guest executes.
unshare --mount sh -c 'mount --make-rprivate / && mount --bind "$0" "$1" && shift && exec "$@"' \
    "$work/wrapper" "$qemu" env CASEMATE_JAIL=off build/casemate run --rm --accel tcg "$@" "oci:$image" true
[[ -s $work/counts ]] || die "the VM ended without counts"
awk '{ printf "%-8s %9d blocks  %11d instructions\n", $1, $2, $3; blocks += $2; instructions += $3 }
    END { printf "%-8s %9d blocks  %11d instructions\n", "all", blocks, instructions }' "$work/counts"
