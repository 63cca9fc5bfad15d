#!/usr/bin/env bash
# Maven on the JDK 25, without the warnings that its own libraries cause there, and with the list of pins (scripts/maven.list) between it and
# everything that it downloads. CASEMATE_PINS_RECORD=FILE (scripts/pins.sh): adds to FILE what is used instead of checking it, and has a
# repository of its own beside it, so that everything is fetched anew.
set -euo pipefail
source "$(dirname "$0")/common.sh"
JAVA_HOME=$(find_jdk)
export JAVA_HOME
command -v mvn > /dev/null || die "Maven is missing; install it: apt-get install -y maven"

# The check is a class of ours that Maven calls. It is compiled against the Maven that is installed.
libraries=$(dirname "$(dirname "$(readlink -f "$(command -v mvn)")")")/lib
compiled=$ROOT/build/pins/$(cat scripts/pins/* "$libraries"/maven-core*.jar | sha256sum | cut -c1-16)
if [[ ! -d $compiled ]]; then
    mkdir -p "$ROOT/build/pins"
    fresh=$(mktemp -d "$ROOT/build/pins/new.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    mkdir -p "$fresh/META-INF/plexus"
    "$JAVA_HOME/bin/javac" --release 17 -proc:none -nowarn -cp "$libraries/*" -d "$fresh" scripts/pins/Pins.java \
        || die "scripts/pins/Pins.java does not fit the Maven in $libraries; Maven 3.8 and 3.9 are known to do"
    cp scripts/pins/components.xml "$fresh/META-INF/plexus/"
    # A Maven that does not find it would check nothing, and say nothing.
    mvn -B -q -f native/toolchain/pom.xml "-Dmaven.ext.class.path=$fresh" "-Dcasemate.pins=$ROOT/scripts/maven.list" \
        "-Dcasemate.pins.probe=$fresh/found" validate > "$fresh/log" 2>&1 || true
    [[ -f $fresh/found ]] || die "the Maven in $libraries does not load scripts/pins/Pins.java, which checks what it downloads: $(< "$fresh/log")"
    # Another run may have been faster.
    mv -T "$fresh" "$compiled" 2> /dev/null || rm -rf "$fresh"
    trap - EXIT
fi

export MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED"
exec mvn -B -ntp "-Dmaven.ext.class.path=$compiled" "-Dcasemate.pins=$ROOT/scripts/maven.list" \
    ${CASEMATE_PINS_RECORD:+"-Dcasemate.pins.record=$CASEMATE_PINS_RECORD" "-Dmaven.repo.local=$CASEMATE_PINS_RECORD.repository"} "$@"
