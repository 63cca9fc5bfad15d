# Versions and places that toolchain.sh and build-image.sh share. Sourced, not run.

# The last version on Maven Central whose whole closure is there; native/README.md says how to move on.
SVM_VERSION=25.0.2

NATIVE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${CASEMATE_CACHE:-$HOME/.cache/casemate}/native-image
DOWNLOADS=$CACHE/downloads

# How every C file of ours and of the JDK is compiled.
HARDENING=(-fPIE -fstack-protector-strong)

die() {
    printf 'casemate: %s\n' "$*" >&2
    exit 1
}

# The JDK 25 that the builder runs on: its class library is what the image will hold.
find_jdk() {
    local candidate
    for candidate in "${CASEMATE_JDK:-}" "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        if [[ -n $candidate ]] && is_jdk_25 "$candidate"; then
            (cd "$candidate" && pwd -P)
            return 0
        fi
    done
    die "no JDK 25 found in \$CASEMATE_JDK, \$JAVA_HOME or /usr/lib/jvm. Install one (Temurin 25 is what we test with) and set JAVA_HOME to it."
}

# A full JDK: the builder needs its compiler interface and its headers.
is_jdk_25() {
    [[ -x $1/bin/javac && -f $1/include/jni.h && -f $1/release ]] \
        && grep -q '^JAVA_VERSION="25[."]' "$1/release" && grep -q '^MODULES=.*jdk\.internal\.vm\.ci' "$1/release"
}

# 25.0.3+9, as the JDK's release file has it.
jdk_full_version() {
    sed -n 's/^JAVA_RUNTIME_VERSION="\([0-9.+]*\).*/\1/p' "$1/release"
}

# A toolchain is a function of these; a change of any makes a new directory and leaves the old ones alone.
toolchain_dir() {
    local jdk=$1 digest
    digest=$(cd "$NATIVE_DIR" && { echo "$SVM_VERSION $jdk $(stat -c %Y "$jdk/lib/modules")"; LC_ALL=C find toolchain toolchain.sh checksums.txt -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum)
    echo "$CACHE/svm-$SVM_VERSION-jdk-$(jdk_full_version "$jdk")-${digest:0:12}"
}
