#!/usr/bin/env bash
# Compiles the Java code and writes down the class paths of the two executables.
set -euo pipefail
source "$(dirname "$0")/common.sh"
say "compiling the Java code"
run_logged classes scripts/maven.sh -q -pl casemate,agent -am -DskipTests package \
    dependency:build-classpath -Dmdep.outputFile=target/classpath -DincludeScope=runtime \
    -DexcludeGroupIds=org.graalvm.sdk
say "compiled"
