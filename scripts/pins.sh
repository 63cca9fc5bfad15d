#!/usr/bin/env bash
# Writes scripts/maven.list: the SHA-256 of every file that Maven uses for what the Makefile asks of it, plugins and POMs too, fetched anew.
# Look at the difference before you commit it: a line that changes though its version stays is an attack, or a repository's mistake.
set -euo pipefail
source "$(dirname "$0")/common.sh"
mkdir -p build/pins
work=$(mktemp -d "$ROOT/build/pins/record.XXXXXX")
trap 'rm -rf "$work" */target/pins' EXIT
export CASEMATE_PINS_RECORD=$work/list

say "pins: what the check needs"
run_logged pins-format scripts/maven.sh -q spotless:apply
# One module: the compiler's plugins are the same for all.
run_logged pins-check scripts/maven.sh -q -pl linux -Pcheck -DskipTests -Dcasemate.target=target/pins test-compile
say "pins: what the build needs"
run_logged pins-build scripts/maven.sh -q -DskipTests -Dcasemate.target=target/pins package
run_logged pins-clean scripts/maven.sh -q -Dcasemate.target=target/pins clean
say "pins: what the tests need"
# Which engine runs the tests is looked for when there are some to run: a unit test, and an end-to-end test that starts nothing.
run_logged pins-test scripts/maven.sh -q -pl house,e2e -am -Pe2e -Dcasemate.target=target/pins -Dsurefire.failIfNoSpecifiedTests=false \
    -Dtest=ReleaseTest -Dit.test=CellSpecPageTest verify
say "pins: what the native toolchain needs"
source native/toolchain/settings.sh
run_logged pins-native scripts/maven.sh -q -f native/toolchain/pom.xml -Dsvm.version="$SVM_VERSION" dependency:copy-dependencies -DoutputDirectory="$work/jars"

{
    echo "# Every file that Maven may use in this build, by SHA-256: dependencies, plugins, what these need, and their POMs. Written by make pins."
    cat "$work/list"
} > "$work/new"
mv "$work/new" scripts/maven.list
say "pins: $(grep -vc '^#' scripts/maven.list) files; git diff scripts/maven.list shows what has changed"
