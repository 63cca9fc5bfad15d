#!/usr/bin/env bash
# linked.sh [LIST]: compares what an executable takes from installed packages (musl, the C compiler's library, the JDK's class library) with
# native/linked.list. A file that the list has with another SHA-256 for the same version is refused. A version that the list does not have is
# named in a line, and refused with CASEMATE_PINS=strict.
set -euo pipefail
source "$(dirname "$0")/toolchain/settings.sh"
LIST=${1:-$NATIVE_DIR/linked.list}
MUSL=/usr/lib/x86_64-linux-musl
problems=0

# compare PACKAGE VERSION FILE
compare() {
    local package=$1 version=$2 file=$3 expected actual
    [[ -f $file ]] || die "$file is missing; install its package: apt-get install musl-dev gcc"
    actual=$(sha256sum <"$file" | cut -d' ' -f1)
    expected=$(awk -v package="$package" -v version="$version" -v name="${file##*/}" '$2 == package && $3 == version && $4 == name { print $1 }' "$LIST")
    if grep -qxF -- "$actual" <<<"$expected"; then
        return
    elif [[ -n $expected ]]; then
        die "$file of $package $version is not used: it has SHA-256 $actual, expected ${expected//$'\n'/ or }; reinstall the package that it came with"
    fi
    problems=$((problems + 1))
    echo "native: $file ($package $version, SHA-256 $actual) is not in ${LIST##*/}; trusted because it is installed here" >&2
}

release_of() {
    dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown
}

gcc_package=libgcc-$(gcc -dumpversion)-dev
gcc_files=$(dirname "$(gcc -print-libgcc-file-name)")
for name in Scrt1.o crti.o crtn.o libc.a; do
    compare musl-dev "$(release_of musl-dev)" "$MUSL/$name"
done
for name in libgcc.a libgcc_eh.a crtbeginS.o crtendS.o; do
    compare "$gcc_package" "$(release_of "$gcc_package")" "$gcc_files/$name"
done
# A GraalVM brings a class library of its own.
if [[ -z ${GRAALVM_HOME:-} ]] && ! command -v native-image >/dev/null; then
    jdk=$(find_jdk)
    vendor=$(sed -n 's/^IMPLEMENTOR="\(.*\)"/\1/p' "$jdk/release")
    [[ $vendor != "Eclipse Adoptium" ]] || vendor=temurin-25
    compare "${vendor// /-}" "$(jdk_full_version "$jdk")" "$jdk/lib/modules"
fi
[[ $problems -eq 0 || ${CASEMATE_PINS:-} != strict ]] \
    || die "$problems files that would become part of the executable are not in $LIST, and CASEMATE_PINS is strict; compare them with their publishers' and add their lines, or build where the listed versions are installed"
