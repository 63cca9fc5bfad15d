#!/usr/bin/env bash
# Compiles the Java code and writes down the class paths of the executables.
set -euo pipefail
source "$(dirname "$0")/common.sh"
say "compiling the Java code"
run_logged classes scripts/maven.sh -q -pl casemate,agent,cell-cli -am -DskipTests package
say "compiled"
