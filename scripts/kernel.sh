#!/usr/bin/env bash
# kernel.sh check [LIST]: fails if Debian's index has another SHA-256 for a kernel package than scripts/kernel.list. apt checks the package against
# the index, so a known package is the one that we know. kernel.sh used GUEST-DIRECTORY: says so if a guest's kernel is not in the list.
set -euo pipefail
source "$(dirname "$0")/common.sh"
case ${1:-} in
    check)
        list=${2:-scripts/kernel.list}
        while read -r expected package version; do
            [[ $expected != '#' ]] || continue
            actual=$(apt-cache show "$package=$version" 2> /dev/null | sed -n 's/^SHA256: //p' | head -n 1)
            [[ -z $actual || $actual == "$expected" ]] \
                || die "the kernel package $package $version is not used: apt's index has SHA-256 $actual, $list has $expected; find out which of them is wrong"
        done < "$list"
        ;;
    used)
        package=$(sed -n 's/.*"source":"\([^"]*\)".*/\1/p' "$2/guest.json")
        version=$(sed -n 's/.*"sourceVersion":"\([^"]*\)".*/\1/p' "$2/guest.json")
        if [[ -z $version ]] || grep -qxE "[0-9a-f]{64} ${package//./\\.} ${version//./\\.}" scripts/kernel.list; then
            exit 0
        fi
        [[ ${CASEMATE_PINS:-} != strict ]] \
            || die "the guest in $2 is not fit for a release: its kernel $package $version is not in scripts/kernel.list, and CASEMATE_PINS is strict; add its line, then make guest"
        say "guest: $package $version is newer than scripts/kernel.list; trusted because Debian's signed index names it"
        ;;
    *) die "kernel.sh wants check or used" ;;
esac
