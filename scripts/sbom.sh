#!/usr/bin/env bash
# sbom.sh [guest DIRECTORY]: writes what each executable is made of (CycloneDX, JSON) to build/NAME.cdx.json; with "guest", what the guest in that
# directory is made of to build/guest.cdx.json.
set -euo pipefail
source "$(dirname "$0")/common.sh"
source native/toolchain/settings.sh
cd "$ROOT"

version=$(sed -n 's,^  <version>\(.*\)</version>$,\1,p' pom.xml)
released=$(sed -n 's,.*<project.build.outputTimestamp>\(.*\)</.*,\1,p' pom.xml)
jdk=$(find_jdk)

# write NAME: the lines on standard input become build/NAME.cdx.json.
write() {
    { cat && printf 'time\t%s\n' "$released"; } | "$jdk/bin/java" -Xshare:auto -XX:TieredStopAtLevel=1 scripts/Sbom.java scripts/maven.list "build/$1.cdx.json" \
        || die "build/$1.cdx.json cannot be written"
}

part() {
    printf 'part\t%s\t%s\t%s\t%s\t%s\n' "$@"
}

# of_debian PACKAGE FILE: a file that the linker takes from an installed package.
of_debian() {
    local package=$1 file=$2 release
    release=$(dpkg-query -W -f '${Version}' "$package")
    part library "$package" "$release" "pkg:deb/debian/$package@${release//+/%2B}?arch=amd64" "$file"
}

# source_archive PACKAGE: the archive that toolchain.sh compiles: the first recorded one that it has, else the one that it was given.
source_archive() {
    local name checksum release
    while read -r checksum name; do
        [[ ! -f $DOWNLOADS/$name ]] || break
        name=
    done < <(grep " ${1}_" native/checksums.txt)
    if [[ -z $name ]]; then
        name=$(cd "$DOWNLOADS" && ls -t "$1"_*.orig.tar.* | head -n 1)
        checksum=$(sha256sum <"$DOWNLOADS/$name" | cut -d' ' -f1)
    fi
    release=${name#*_} release=${release%.orig.tar.*}
    part library "$1" "$release" "pkg:deb/debian/$1@${release//+/%2B}?arch=source" "sha256:$checksum"
}

# What every image holds besides classes of its own.
native_parts() {
    local checksum name
    part platform openjdk "$(jdk_full_version "$jdk")" - "$jdk/lib/modules"
    if [[ -n ${GRAALVM_HOME:-} ]] || command -v native-image > /dev/null; then
        local home=${GRAALVM_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v native-image)")")")}
        part framework graalvm "$(sed -n 's/^GRAALVM_VERSION="\(.*\)"/\1/p' "$home/release")" - -
    else
        while read -r checksum name; do
            [[ $name != *.jar ]] || printf 'maven\t%s\n' "$DOWNLOADS/jars-$SVM_VERSION/$name"
        done < native/checksums.txt
        source_archive openjdk-25
        source_archive zlib
    fi
    of_debian musl-dev /usr/lib/x86_64-linux-musl/libc.a
    of_debian "libgcc-$(gcc -dumpversion)-dev" "$(gcc -print-libgcc-file-name)"
}

# executable MODULE NAME
executable() {
    local entry
    {
        printf 'subject\tapplication\t%s\t%s\t%s\n' "$2" "$version" "build/$2"
        printf 'ours\t%s\t%s\n' "$1/target/casemate-$1-$version.jar" "$version"
        # Maven ends it without a newline.
        { cat "$1/target/classpath" && echo; } | tr ':' '\n' | while read -r entry; do
            case $entry in
                "$ROOT"/*) printf 'ours\t%s\t%s\n' "$entry" "$version" ;;
                *) printf 'maven\t%s\n' "$entry" ;;
            esac
        done
        native_parts
    } | write "$2"
}

guest() {
    local directory=$1 file name
    field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$directory/guest.json"; }
    local kernel=$(field source) release=$(field sourceVersion)
    {
        printf 'subject\toperating-system\tcasemate-guest\t%s\t%s\n' "$version" "$directory/initramfs.cpio"
        if [[ -n $release ]]; then
            part operating-system "$kernel" "$release" "pkg:deb/debian/$kernel@${release//+/%2B}?arch=amd64" "$directory/vmlinux"
        else
            part operating-system linux "$(field kernelRelease)" - "$directory/vmlinux"
        fi
        part application casemate-agent "$version" - "sha256:$(field agentSha256)"
        [[ ! -d $directory/modules ]] || find "$directory/modules" -type f -name '*.ko' | LC_ALL=C sort | while read -r file; do
            name=${file##*/}
            part library "kernel-module-${name%.ko}" "$(field kernelRelease)" - "$file"
        done
        # All other modules of the kernel's package, in one file.
        [[ ! -f $directory/modules.pack ]] || part library kernel-modules-on-demand "$(field kernelRelease)" - "$directory/modules.pack"
    } | write guest
}

mkdir -p build
case ${1:-} in
    guest) guest "$2" ;;
    '')
        executable casemate casemate
        executable agent casemate-agent
        executable cell-cli casemate-cell
        ;;
    *) die "sbom.sh takes no word, or: guest DIRECTORY" ;;
esac
