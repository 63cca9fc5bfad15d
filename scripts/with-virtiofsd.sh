#!/usr/bin/env bash
# with-virtiofsd.sh COMMAND…: runs a command where the virtiofsd written in Rust is installed (scripts/engines.sh virtiofsd fetches it), and
# nowhere else: in a mount namespace of its own.
set -euo pipefail
source "$(dirname "$0")/common.sh"
new=$(realpath build/virtiofsd/usr/libexec)
[[ -x $new/virtiofsd ]] || die "build/virtiofsd is missing; run: scripts/engines.sh virtiofsd"
# The path of the clone may be one that scripts/leftovers.sh looks for in the list of mounts.
exec unshare --mount sh -c 'mount --make-rprivate / && mount --bind "$0" /mnt \
    && mount -t overlay virtiofsd -o lowerdir=/mnt:/usr/libexec /usr/libexec && umount /mnt && exec "$@"' "$new" "$@"
