# What comes from elsewhere: the builder's jars through Maven, sources through apt. Sourced by toolchain.sh.
# Everything is kept in $DOWNLOADS, checked against checksums.txt on each use.

CHECKSUMS=$NATIVE_DIR/checksums.txt

# recorded_checksum FILE-NAME: prints the SHA-256, or nothing if the file is not recorded.
recorded_checksum() {
    awk -v name="$1" '$2 == name { print $1 }' "$CHECKSUMS"
}

# Fails unless the file is recorded and is what was recorded.
verify() {
    local file=$1 expected actual
    expected=$(recorded_checksum "$(basename "$file")")
    [[ -n $expected ]] || { echo "$(basename "$file") is not in $CHECKSUMS" >&2; return 1; }
    actual=$(sha256sum "$file" | cut -d' ' -f1)
    [[ $actual == "$expected" ]] || { echo "$file has SHA-256 $actual, expected $expected" >&2; return 1; }
}

fetch_jars() {
    local directory=$DOWNLOADS/jars-$SVM_VERSION fresh=$WORK/jars jar
    if [[ ! -d $directory ]]; then
        # What Maven runs to fetch them is checked, too, by scripts/maven.list.
        "$NATIVE_DIR/../scripts/maven.sh" --file "$NATIVE_DIR/toolchain/pom.xml" -Dsvm.version="$SVM_VERSION" \
            dependency:copy-dependencies -DoutputDirectory="$fresh"
        for jar in "$fresh"/*.jar; do verify "$jar"; done
        mv -T "$fresh" "$directory"
    fi
    for jar in "$directory"/*.jar; do verify "$jar"; done
    mkdir -p "$WORK/toolchain"
    cp -r "$directory" "$WORK/toolchain/jars"
}

# The mirror that apt is configured with, as the one whose suite is this system's own: "URI/ SUITE" lines from apt itself.
debian_mirror() {
    local codename
    if [[ -n ${CASEMATE_DEBIAN_MIRROR:-} ]]; then
        echo "$CASEMATE_DEBIAN_MIRROR"
        return
    fi
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v suite="$codename" '$2 == suite { print $1; exit }'
}

# The security archive lies beside the main one, under a name of its own, so its place must be configured as well.
debian_security_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk '$2 ~ /-security$/ { print $1; exit }'
}

# in_suite MIRROR SUITE COMMAND…: runs an apt command that knows one suite's sources and nothing of the system's own configuration
# except how to reach the network. apt checks the index's signature against Debian's keys.
in_suite() {
    local mirror=$1 suite=$2 state=$DOWNLOADS/apt/$2
    shift 2
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
        "$mirror" "$suite" >"$state/debian.sources"
    "$@" -q -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/debian.sources" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root
}

# fetch_source_tarball MIRROR SUITE PACKAGE VERSION-PATTERN: puts PACKAGE's upstream tarball into $DOWNLOADS and prints its name.
# apt-helper checks it against the checksum in the signed index; we do once more, against our own, if we know that version.
fetch_source_tarball() {
    local mirror=$1 suite=$2 package=$3 pattern=$4 uri name size checksum
    in_suite "$mirror" "$suite" apt-get update >&2 || return 1
    read -r uri name size checksum < <(in_suite "$mirror" "$suite" apt-get --print-uris --only-source source "$package" \
        | grep -E "[ /]${package}_${pattern}\.orig\.tar\.(xz|bz2|gz) ") || { echo "$suite has no $package $pattern" >&2; return 1; }
    uri=${uri//\'/}
    if [[ ! -f $DOWNLOADS/$name ]]; then
        in_suite "$mirror" "$suite" /usr/lib/apt/apt-helper download-file "$uri" "$DOWNLOADS/$name.part" "$checksum" >&2 || return 1
        mv "$DOWNLOADS/$name.part" "$DOWNLOADS/$name"
    fi
    echo "$name"
}

# known_tarball PACKAGE: prints the name of a source archive that checksums.txt knows, fetched by an earlier run or now from the mirror's pool.
# Debian's indexes run ahead of what a caching mirror can still deliver; our own checksum vouches for what they no longer name.
known_tarball() {
    local package=$1 mirror name checksum
    mirror=$(debian_mirror)
    while read -r checksum name; do
        if [[ ! -f $DOWNLOADS/$name && -n $mirror ]]; then
            /usr/lib/apt/apt-helper -q download-file "${mirror%/}/pool/main/${package:0:1}/$package/$name" "$DOWNLOADS/$name.part" \
                "SHA256:$checksum" >&2 || continue
            mv "$DOWNLOADS/$name.part" "$DOWNLOADS/$name"
        fi
        if [[ -f $DOWNLOADS/$name ]] && verify "$DOWNLOADS/$name"; then
            echo "$name"
            return 0
        fi
    done < <(grep " ${package}_" "$CHECKSUMS")
    return 1
}

# unpack PACKAGE TARBALL-NAME PATTERN…: what matches, to $WORK/PACKAGE, and makes sure that we know what we unpack.
unpack() {
    local package=$1 name=$2
    shift 2
    if [[ -n $(recorded_checksum "$name") ]]; then
        verify "$DOWNLOADS/$name"
    elif [[ ${CASEMATE_PINS:-} == strict ]]; then
        die "$name is not in $CHECKSUMS, and CASEMATE_PINS is strict; put a recorded archive into $DOWNLOADS, or record this one"
    else
        echo "$name is newer than checksums.txt; trusted because Debian's signed index names it." >&3
    fi
    mkdir "$WORK/$package"
    tar --extract --file "$DOWNLOADS/$name" --directory "$WORK/$package" --strip-components=1 --wildcards "$@"
}

# Debian 12 has no OpenJDK 25; suites after it have, and which version changes with security updates. A version that we know goes first;
# else the first suite that delivers wins.
fetch_openjdk_source() {
    local mirror security suite name=
    if ! name=$(known_tarball openjdk-25); then
        mirror=$(debian_mirror)
        security=$(debian_security_mirror)
        [[ -n $mirror ]] || die "apt is configured with no mirror of this Debian release; set CASEMATE_DEBIAN_MIRROR to one"
        for suite in trixie trixie-updates trixie-security forky sid; do
            local from=$mirror
            [[ $suite != *-security ]] || from=${security:-$mirror}
            if name=$(fetch_source_tarball "$from" "$suite" openjdk-25 '25\.[0-9.]+\+[0-9]+'); then break; fi
        done
        [[ -n $name ]] || die "no Debian suite delivered the source of openjdk-25"
    fi
    unpack openjdk-25 "$name" '*/src/java.base/*/native' '*/src/jdk.net/*/native' '*/src/hotspot/share/include' '*/src/hotspot/os/posix/include'
    rm -rf "$DOWNLOADS/apt"
}

fetch_zlib_source() {
    local mirror suite name=
    if ! name=$(known_tarball zlib); then
        mirror=$(debian_mirror)
        for suite in bookworm trixie forky sid; do
            if name=$(fetch_source_tarball "$mirror" "$suite" zlib '1\.[0-9.]+(\.dfsg)?'); then break; fi
        done
        [[ -n $name ]] || die "no Debian suite delivered the source of zlib"
    fi
    unpack zlib "$name" '*.c' '*.h'
    rm -rf "$DOWNLOADS/apt"
}
