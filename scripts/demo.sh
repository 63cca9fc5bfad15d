#!/usr/bin/env bash
# Casemate's main job, end to end: an image made on the spot, run in a VM of its own.
set -euo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the demonstration starts VMs and mounts file systems: run it as root"
scripts/guest.sh
image=build/demo-image
if [[ ! -f $image/index.json ]]; then
    say "making an OCI image from Debian's busybox"
    build/casemate demo-image "$image" > /dev/null
fi
say "running it: casemate run --rm oci:$image uname -a"
timings=$(mktemp)
trap 'rm -f "$timings"' EXIT
guest_uname=$(build/casemate run --rm --timings "oci:$image" uname -a 2> "$timings") \
    || die "the container failed: $(< "$timings")"
grep '^casemate: note' "$timings" || true
cat <<END

  host:   $(uname -a)
  guest:  $guest_uname

How long the start took, stage by stage:
END
sed -n '/^stage /,$s/^/  /p' "$timings"
cat <<END

Try it yourself:
  build/casemate run -it --rm oci:$image sh
  build/casemate --help
  build/casemate doctor
END
say "done"
