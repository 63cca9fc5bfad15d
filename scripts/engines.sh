#!/usr/bin/env bash
# engines.sh [criu|virtiofsd]: fetches the engines that Debian 12 does not have, for the tests: containerd 2.x, dockerd 28, their clients and runc, from newer suites.
# With "criu" or "virtiofsd", the same for that program and its libraries, below build/criu or build/virtiofsd.
# They are unpacked below ~/.cache/casemate/engines (CASEMATE_ENGINES) and run from there: neither dpkg nor apt's own lists know of them.
# build/engines points to them; build/engines/usr/{bin,sbin} hold the programs. A second run only sets that link.
set -euo pipefail
source "$(dirname "$0")/common.sh"

set=${1:-engines}
LIST=scripts/$set.list
case $set in
    engines)
        dynamic=sbin/runc
        programs=("bin/containerd --version" "bin/ctr --version" "sbin/dockerd --version" "bin/docker --version" "sbin/runc --version" "bin/docker-init --version")
        what="containerd 2.x, dockerd 28"
        ;;
    criu)
        dynamic=sbin/criu
        programs=("sbin/criu --version")
        what="criu 4"
        ;;
    virtiofsd)
        dynamic=libexec/virtiofsd
        programs=("libexec/virtiofsd --version")
        what="virtiofsd 1.13"
        ;;
    *) die "engines.sh takes no word, criu or virtiofsd; not \"$set\"" ;;
esac
SUITES=(forky sid trixie)
home=${CASEMATE_ENGINES:-$HOME/.cache/casemate/engines}
key=$(sha256sum "$LIST" scripts/engines.sh | sha256sum | cut -c1-16)
ready=$home/$key

link() {
    mkdir -p build
    ln -sfn "$ready" "build/$set"
}

if [[ -f $ready/versions ]]; then
    link
    exit 0
fi

[[ $(uname -m) == x86_64 ]] || die "engines for the tests are known for x86_64 only, this is $(uname -m)"
command -v patchelf > /dev/null || die "patchelf is missing; install it: apt-get install -y patchelf"
mkdir -p "$home/debs"
exec {lock}> "$home/lock"
flock "$lock"
# Somebody else may have been faster.
if [[ -f $ready/versions ]]; then
    link
    exit 0
fi
work=$(mktemp -d "$home/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The mirror that apt is configured with for this system's own suite.
mirror=${CASEMATE_DEBIAN_MIRROR:-}
if [[ -z $mirror ]]; then
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v suite="$codename" '$2 == suite { print $1; exit }')
fi
[[ -n $mirror ]] || die "apt is configured with no mirror of this Debian release; set CASEMATE_DEBIAN_MIRROR to one"
mirror=${mirror%/}

# recorded PACKAGE: prints the file of a package that the list knows, fetched now or earlier.
recorded() {
    local name minimum checksum place file
    while read -r name minimum checksum place; do
        [[ $name == "$1" ]] || continue
        file=$home/debs/${place##*/}
        if [[ ! -f $file ]]; then
            /usr/lib/apt/apt-helper -q download-file "$mirror/$place" "$file.part" "SHA256:$checksum" >&2 || continue
            mv "$file.part" "$file"
        fi
        if [[ $(sha256sum < "$file") == "$checksum  -" ]]; then
            echo "$file"
            return 0
        fi
        echo "$file is not what $LIST says; removed" >&2
        rm -f "$file"
    done < "$LIST"
    return 1
}

# in_suite SUITE COMMAND…: an apt command that knows one suite and nothing of this system. Its index is signed, but may have expired.
in_suite() {
    local suite=$1 state=$work/apt/$1
    shift
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
        "$mirror" "$suite" > "$state/debian.sources"
    "$@" -q -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/debian.sources" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root
}

# named_today PACKAGE MINIMUM: prints the file of a package as the first suite has it whose version is new enough and can be had.
named_today() {
    local package=$1 minimum=$2 suite version file
    for suite in "${SUITES[@]}"; do
        if [[ ! -d $work/apt/$suite ]]; then
            echo "asking $suite" >&2
            in_suite "$suite" apt-get update >&2 || continue
        fi
        version=$(in_suite "$suite" apt-cache show --no-all-versions "$package" 2> /dev/null | awk '$1 == "Version:" { print $2; exit }')
        [[ -n $version ]] && dpkg --compare-versions "$version" ge "$minimum" || continue
        mkdir -p "$work/debs"
        (cd "$work/debs" && in_suite "$suite" apt-get download "$package" >&2) || continue
        for file in "$work/debs/${package}"_*.deb; do
            [[ -f $file ]] || continue
            mv "$file" "$home/debs/"
            echo "$home/debs/${file##*/}"
            return 0
        done
    done
    return 1
}

say "engines for the tests: $what (once; kept in $home)"
mkdir -p "$work/root/usr/"{bin,sbin,lib,lib64}
for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$work/root/$directory"; done
while read -r package minimum; do
    log=$work/$package.log
    if file=$(recorded "$package" 2> "$log"); then
        :
    elif file=$(named_today "$package" "$minimum" 2>> "$log"); then
        say "  $package: ${file##*/}, which $LIST does not know, because the mirror delivers none that it knows"
    else
        tail -n 15 "$log" >&2
        die "no $package of version $minimum or newer can be had from $mirror; name another mirror in CASEMATE_DEBIAN_MIRROR, or put the file into $home/debs"
    fi
    dpkg-deb --extract "$file" "$work/root"
    name=${file##*/}
    echo "${name%_*}" >> "$work/root/versions.part"
    say "  $name"
done < <(awk '!/^#/ && !seen[$1]++ { print $1, $2 }' "$LIST")

# It is built against a newer C library than this system's: it gets its own. (Calling it through ld.so would mislead its /proc/self/exe.)
libraries=$ready/usr/lib/x86_64-linux-gnu
patchelf --force-rpath --set-rpath "$libraries" --set-interpreter "$ready/usr/lib64/ld-linux-x86-64.so.2" "$work/root/usr/$dynamic"
if [[ $set == engines ]]; then
    # Absolute links would lead out of here.
    ln -sfn tini-static "$work/root/usr/bin/docker-init"
    mkdir -p "$work/root/usr/libexec/docker/cli-plugins"
fi
rm -rf "$work/root/usr/share" "$work/root/etc" "$work/root/var" "$work/root/usr/lib/x86_64-linux-gnu/gconv"
rm -rf "$ready"
mv "$work/root" "$ready"
for program in "${programs[@]}"; do
    # shellcheck disable=SC2086
    run_logged engine-version "$ready"/usr/$program
done
mv "$ready/versions.part" "$ready/versions"
link
say "$set: $(tr '\n' ' ' < "$ready/versions")"
