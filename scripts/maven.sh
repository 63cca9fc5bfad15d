#!/usr/bin/env bash
# Maven on the JDK 25, without the warnings that its own libraries cause there.
set -euo pipefail
source "$(dirname "$0")/common.sh"
JAVA_HOME=$(find_jdk)
export JAVA_HOME
export MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED"
command -v mvn > /dev/null || die "Maven is missing; install it: apt-get install -y maven"
exec mvn -B -ntp "$@"
