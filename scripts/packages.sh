#!/usr/bin/env bash
# Installs the Debian packages that are missing; does nothing, quickly, when none is.
set -euo pipefail
source "$(dirname "$0")/common.sh"

BUILD=(gcc musl-tools make binutils xz-utils patch)
RUN=(qemu-system-x86 qemu-system-common erofs-utils e2fsprogs busybox-static kmod cpio)
TEST=(skopeo docker-registry apache2-utils openssl bsdutils procps iproute2 runc attr libcap2-bin curl zstd python3-minimal xfsprogs btrfs-progs)
ENGINES=(containerd containernetworking-plugins iptables patchelf docker.io podman crun)

missing=()
for package in "${BUILD[@]}" "${RUN[@]}" "${TEST[@]}" "${ENGINES[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0
[[ $EUID -eq 0 ]] || die "packages are missing (${missing[*]}); run as root: apt-get install -y ${missing[*]}"
say "installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Packages that start daemons must not start them here.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
run_logged apt-update apt-get update -q
run_logged apt-install apt-get install -y -q --no-install-recommends "${missing[@]}"
say "installed ${#missing[@]} packages"
