#!/usr/bin/env bash
# The whole test suite: checks, unit tests on the JVM, the demonstration, end-to-end tests with the native executables. Ends with the line that counts.
set -uo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the tests make namespaces, mounts and VMs: run them as root"

passed=0
failed=0
problems=()

# stage NAME COMMAND…: a part that is one test by itself.
stage() {
    local name=$1
    shift
    # In a shell of its own: what dies there has failed, and the suite goes on.
    if ("$@"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        problems+=("$name")
    fi
}

# junit NAME MODULES [MAVEN ARGUMENT…]: runs JUnit tests and adds up their reports.
junit() {
    local name=$1 modules=$2 log=build/logs/$1.log report counts tests errors skipped lacking
    shift 2
    say "$name: $modules"
    # shellcheck disable=SC2086
    rm -rf $(printf '%s/target/surefire-reports ' ${modules//,/ })
    scripts/maven.sh -fae -pl "$modules" -am -Dsurefire.failIfNoSpecifiedTests=false "$@" test > "$log" 2>&1 &
    follow "$log" $!
    wait $!
    local status=$?
    counts=$(cat $(printf '%s/target/surefire-reports/*.xml ' ${modules//,/ }) 2> /dev/null | awk '
        /<testsuite / {
            for (i = 1; i <= NF; i++) {
                if (split($i, part, "\"") < 2) continue
                if (part[1] == "tests=") t += part[2]
                if (part[1] == "errors=" || part[1] == "failures=") e += part[2]
                if (part[1] == "skipped=") s += part[2]
            }
        }
        END { print t + 0, e + 0, s + 0 }')
    read -r tests errors skipped <<< "$counts"
    # A skip is a failure, unless the test says what this machine lacks.
    lacking=$(cat $(printf '%s/target/surefire-reports/*.xml ' ${modules//,/ }) 2> /dev/null | grep -c '<skipped message="Assumption failed: this machine has no ')
    cat $(printf '%s/target/surefire-reports/*.xml ' ${modules//,/ }) 2> /dev/null | sed -n 's/.*<skipped message="Assumption failed: \(this machine has no [^"]*\)".*/\1/p' \
        | sort | uniq -c | while read -r count what; do say "$name: $count skipped: $what"; done
    errors=$((errors + skipped - lacking))
    tests=$((tests - lacking))
    if [[ $status -ne 0 && $errors -eq 0 ]] || [[ $tests -eq 0 ]]; then
        errors=$((errors + 1))
        tests=$((tests + 1))
    fi
    passed=$((passed + tests - errors))
    failed=$((failed + errors))
    if [[ $errors -gt 0 ]]; then
        problems+=("$name (log: $log)")
        # Once here and once more at the end: who reads the run elsewhere may be given its last lines only.
        said "$log" | tee -a "$told"
    fi
    say "$name: $((tests - errors)) passed, $errors failed"
}

# What the failed tests said, without their stacks; what Maven said where it is no test that failed.
said() {
    awk '
        /<<< (FAILURE|ERROR)!/ && !/Tests run:/ { lines = 30; tests++ }
        /^\tat / { lines = 0 }
        lines-- > 0 && tests <= 20 { print substr($0, 1, 400) }
        /^\[ERROR\]/ { maven = maven $0 "\n" }
        END { if (!tests) printf "%s", substr(maven, 1, 8000) }' "$1"
}

# Shows which test class is running, and when nothing has changed for a while.
follow() {
    local log=$1 pid=$2 shown='' line
    while kill -0 "$pid" 2> /dev/null; do
        line=$(grep -E 'Running dev\.casemate|Tests run:.* -- in ' "$log" 2> /dev/null | tail -n 1)
        if [[ -n $line && $line != "$shown" ]]; then
            shown=$line
            say "  ${line#\[INFO\] }"
        fi
        sleep 2
    done
}

mkdir -p build/logs
told=build/logs/failures.log
: > "$told"
stage check scripts/check.sh
if ! make --no-print-directory build guest hostile-agent; then
    say "the executables or the guest cannot be built: no test can run"
    printf '\n%d passed, %d failed\n' "$passed" $((failed + 1))
    exit 1
fi
passed=$((passed + 1))
stage engines scripts/engines.sh
stage criu scripts/engines.sh criu
# casemate only puts the others together; fuzz and e2e have their own stages.
junit unit "$(modules | grep -vxE 'casemate|fuzz|e2e' | paste -sd, -)"
junit fuzz fuzz '-Dtest=dev.casemate.fuzz.*Test'
stage demo scripts/demo.sh
junit e2e e2e '-Dtest=dev.casemate.e2e.*Test'
junit cell-engines e2e '-Dtest=dev.casemate.e2e.cell.*Test'
junit containerd e2e '-Dtest=dev.casemate.e2e.containerd.*Test'
junit pods e2e '-Dtest=dev.casemate.e2e.cri.*Test'
junit cell-pods e2e '-Dtest=dev.casemate.e2e.cri.Containerd*PodTest' -Dengine.runtime=cell
junit docker e2e '-Dtest=dev.casemate.e2e.docker.*Test'
say "native: what an image of ours must be able to do"
stage native run_logged native native/test.sh
say "machine after the tests"
stage leftovers scripts/leftovers.sh

[[ ! -s $told ]] || { echo "What failed tests said:" && head -c 6000 "$told"; }
for problem in "${problems[@]}"; do
    echo "FAILED: $problem"
done
echo
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
