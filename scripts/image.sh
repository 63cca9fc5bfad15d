#!/usr/bin/env bash
# image.sh casemate|agent|cell-cli|hostile|all: compiles one of the three native executables into build/, or the tests' hostile agent,
# or the three one after the other.
set -euo pipefail
source "$(dirname "$0")/common.sh"
module=$1
if [[ $module == all ]]; then
    for one in agent cell-cli casemate; do
        scripts/image.sh "$one"
    done
    exit 0
fi
main=Main
tests=
case $module in
    # TLS and archives may format what the small formatter of native/ cannot.
    casemate) output=casemate extra=(--jdk-formatter) ;;
    # What streams through must not make the heap of every guest grow. It speaks to the host through a device: no java.net.
    agent)
        output=casemate-agent
        extra=(--image-arg -R:MaxHeapSize=64m --image-arg -R:MaxNewSize=4m --image-arg -H:NativeLinkerOption=-Wl,--wrap=JNI_OnLoad_net)
        ;;
    # Never installed, never in a package: its classes are among the agent's tests. The compiler need not work hard for it.
    hostile)
        module=agent
        main=HostileMain
        tests=$ROOT/agent/target/test-classes:
        output=hostile-agent
        extra=(--image-arg -R:MaxHeapSize=64m --image-arg -R:MaxNewSize=4m --image-arg -H:NativeLinkerOption=-Wl,--wrap=JNI_OnLoad_net --image-arg -H:Optimize=b)
        ;;
    # Started several times a container: small, because size is start time and memory.
    cell-cli) output=casemate-cell extra=() ;;
    *) die "image.sh requires casemate, agent, cell-cli, hostile or all" ;;
esac
classpath=$tests$ROOT/$module/target/classes:$(< "$module/target/classpath")
say "compiling build/$output to a native executable (1 to 4 minutes; log: build/logs/$output.log)"
if [[ -z ${GRAALVM_HOME:-} ]] && ! command -v native-image > /dev/null; then
    native/toolchain.sh
fi
run_logged "$output" native/build-image.sh --output "$ROOT/build/$output" --main "dev.casemate.${module//-/}.$main" \
    --classpath "$classpath" --image-arg --initialize-at-build-time=dev.casemate "${extra[@]}"
say "$(tail -n 1 "build/logs/$output.log")"
