#!/usr/bin/env bash
# Assembles the native image toolchain on a machine without a GraalVM, in ${CASEMATE_CACHE:-~/.cache/casemate}/native-image, and prints
# its directory. Does nothing if it is there already. What it is made of and why: native/README.md.
set -euo pipefail

source "$(dirname "$0")/toolchain/settings.sh"
source "$NATIVE_DIR/toolchain/progress.sh"
source "$NATIVE_DIR/toolchain/fetch.sh"
source "$NATIVE_DIR/toolchain/compile.sh"

main() {
    JDK=$(find_jdk)
    TOOLCHAIN=$(toolchain_dir "$JDK")
    if [[ ! -e $TOOLCHAIN/complete ]]; then
        mkdir -p "$DOWNLOADS"
        exec 9>"$CACHE/lock"
        flock --nonblock 9 || { echo "Another run is assembling the toolchain; waiting for it." >&2; flock 9; }
        [[ -e $TOOLCHAIN/complete ]] || assemble >&2
    fi
    echo "$TOOLCHAIN"
}

# All happens in a directory beside the final one, which a rename then makes the final one: what bears the name is complete.
assemble() {
    echo "Assembling the native image toolchain $TOOLCHAIN"
    WORK=$CACHE/work.$$
    LOGS=$CACHE/logs
    remove_abandoned_work
    trap 'rm -rf "$WORK"' EXIT
    mkdir -p "$WORK" "$LOGS"

    total_steps 8
    step "Check that the tools are here" check_tools "apt-get install gcc musl-tools maven xz-utils bzip2 (Debian 12 names)"
    step "Fetch the builder's jars, version $SVM_VERSION" fetch_jars "see that Maven can reach a repository with org.graalvm.nativeimage:svm:$SVM_VERSION"
    step "Find and fetch the sources of OpenJDK 25" fetch_openjdk_source "see that apt can reach its mirror, or set CASEMATE_DEBIAN_MIRROR"
    step "Find and fetch the sources of zlib" fetch_zlib_source "see that apt can reach its mirror, or set CASEMATE_DEBIAN_MIRROR"
    step "Make the builder's JDK from $JDK" overlay_jdk "see that the disk has room"
    step "Compile the JDK's native libraries for musl" compile_jdk_libraries "an unknown version of OpenJDK may need changes in native/toolchain/compile.sh"
    step "Compile zlib for musl" compile_zlib "see the log"
    step "Compile our own libraries" compile_own_libraries "see the log"

    touch "$WORK/toolchain/complete"
    rm -rf "$TOOLCHAIN"
    mv -T "$WORK/toolchain" "$TOOLCHAIN"
}

# We hold the lock, so no other run is using these.
remove_abandoned_work() {
    rm -rf "$CACHE"/work.*
}

check_tools() {
    local tool missing=()
    for tool in gcc musl-gcc ar mvn apt-get flock xz bzip2 sha256sum; do
        command -v "$tool" || missing+=("$tool")
    done
    [[ -x /usr/lib/apt/apt-helper ]] || missing+=(apt-helper)
    [[ ${#missing[@]} -eq 0 ]] || die "missing: ${missing[*]}"
}

main; exit
