#!/usr/bin/env bash
# test.sh [quick]: the whole test suite: checks, unit tests on the JVM, the demonstration, end-to-end tests with the native executables.
# Ends with the line that counts. Several things at a time: the executables are built while the unit tests run; then the parsers are fuzzed and
# the engines' tests run isolated (scripts/isolated.sh) beside the others, as both look for what they left on the machine.
# With "quick": the checks, the unit tests that start no VM, and one VM; the executables are built only if there is no guest yet.
set -uo pipefail
source "$(dirname "$0")/common.sh"
[[ $EUID -eq 0 ]] || die "the tests make namespaces, mounts and VMs: run them as root"

results=build/test
rm -rf "$results"
mkdir -p build/logs "$results"
told=build/logs/failures.log
: > "$told"

# Several things run at a time: what Maven's own virtual machine saves of the processors, the other one gets.
export MAVEN_OPTS=${MAVEN_OPTS:--XX:TieredStopAtLevel=1}

# noted NAME PASSED FAILED [BEGIN]: what a stage came to, for the end, and when it began, in seconds since this script did.
noted() {
    echo "$2 $3" > "$results/$1.count"
    [[ -z ${4:-} ]] || echo "$4 $SECONDS $1" > "$results/$1.time"
}

# Processor time of this machine since its boot, in ticks: all of it, and what was idle.
processors() {
    awk '$1 == "cpu" { print $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9, $5 + $6 }' /proc/stat
}
processors > "$results/processors"

# What took how long, as minute:second of begin and end.
timeline() {
    local all idle now_all now_idle
    read -r all idle < "$results/processors"
    read -r now_all now_idle < <(processors)
    echo "The stages, in $(nproc) processors, which were busy for $((100 - 100 * (now_idle - idle) / (now_all - all + 1))) % of the time:"
    sort -n "$results"/*.time \
        | awk '$2 - $1 >= 5 { printf "%s%s %d:%02d-%d:%02d", n++ ? ", " : "  ", $3, $1 / 60, $1 % 60, $2 / 60, $2 % 60 } END { print "" }'
}

# stage NAME COMMAND…: a part that is one test by itself.
stage() {
    local name=$1 begin=$SECONDS
    shift
    # In a shell of its own: what dies there has failed, and the suite goes on.
    if ("$@"); then
        noted "$name" 1 0 "$begin"
    else
        noted "$name" 0 1 "$begin"
        echo "$name" > "$results/$name.problem"
        return 1
    fi
}

# junit NAME REPORTS MAVEN ARGUMENT…: runs JUnit tests, whose reports come into the directories that match REPORTS, and counts them.
junit() {
    local name=$1 reports=$2 log=build/logs/$1.log begin=$SECONDS counts passed failed
    shift 2
    say "$name: begins"
    # shellcheck disable=SC2086
    rm -rf $reports
    # shellcheck disable=SC2086
    ${within:-} ${isolate:+scripts/isolated.sh "$name" scripts/leftovers.sh} scripts/maven.sh -fae "$@" > "$log" 2>&1 &
    local maven=$!
    follow "$name" "$log" "$maven"
    wait "$maven"
    local status=$?
    # shellcheck disable=SC2086
    counts=$("$(find_jdk)/bin/java" scripts/Reports.java count $reports)
    read -r passed failed <<< "$counts"
    sed "1d; s/^/$name: /" <<< "$counts" | while read -r line; do say "$line"; done
    # Maven failed, and no test did; or there was none.
    if [[ $status -ne 0 && ${failed:=0} -eq 0 ]] || [[ $((${passed:=0} + failed)) -eq 0 ]]; then
        failed=$((failed + 1))
    fi
    noted "$name" "$passed" "$failed" "$begin"
    # shellcheck disable=SC2086
    printf '%s\n' $reports >> "$results/reports"
    if [[ $failed -gt 0 ]]; then
        echo "$name (log: $log)" > "$results/$name.problem"
        # Once here and once more at the end: who reads the run elsewhere may be given its last lines only.
        said "$log" | tee -a "$told"
    fi
    say "$name: $passed passed, $failed failed"
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

# Shows which test class is running.
follow() {
    local name=$1 log=$2 pid=$3 shown='' line
    while kill -0 "$pid" 2> /dev/null; do
        line=$(grep -E 'Running dev\.casemate|Tests run:.* -- in ' "$log" 2> /dev/null | tail -n 1)
        if [[ -n $line && $line != "$shown" ]]; then
            shown=$line
            say "  $name: ${line#\[INFO\] }"
        fi
        sleep 2
    done
}

# unit NAME MODULES TAGS TESTS: unit tests but those that have one of the tags, of two modules at a time. In the directories of `make check`,
# so that it compiles nothing again, and the executables can be made of the others' classes meanwhile.
unit() {
    junit "$1" "$unit_reports" -T 2 -Pcheck,root -pl "$2" -am -Dcasemate.target=target/check -Dcasemate.excluded.tags="$3" \
        -Dsurefire.failIfNoSpecifiedTests=false ${4:+"-Dtest=$4"} test
}

# e2e NAME TESTS [MAVEN ARGUMENT…]
e2e() {
    local name=$1 tests=$2
    shift 2
    junit "$name" "e2e/target/reports-$name" -T 2 -Pe2e -pl e2e -am -DskipUnitTests -De2e.reports="reports-$name" "-Dit.test=$tests" "$@" verify
}

# kvm: a container's life under KVM, and what it costs in exits.
kvm() {
    local log=build/logs/kvm.log begin=$SECONDS counts
    say "kvm: begins"
    ${isolate:+scripts/isolated.sh kvm} scripts/kvm-lab.sh > "$log" 2>&1
    counts=$(sed -n 's/^KVM: \([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$log" | tail -n 1)
    # shellcheck disable=SC2086
    noted kvm ${counts:-0 1} "$begin"
    if [[ ${counts:-0 1} != *' 0' ]]; then
        echo "kvm (log: $log)" > "$results/kvm.problem"
        grep -A 12 '^FAILED' "$log" | head -c 4000 | tee -a "$told" || tail -n 20 "$log"
    fi
    say "kvm: ${counts:-0 1}" | sed 's/ \([0-9]*\) \([0-9]*\)$/ \1 passed, \2 failed/'
}

# All modules that have unit tests; those of fuzz are a stage of their own.
all_units='!fuzz,!e2e'
unit_reports='[!f]*/target/check/surefire-reports'

executables() {
    stage build make --no-print-directory build guest hostile-agent
    stage engines scripts/engines.sh
    stage criu scripts/engines.sh criu
    stage virtiofsd scripts/engines.sh virtiofsd
    stage kvm-modules scripts/kvm-lab.sh --fetch
    # Once, for all the stages with end-to-end tests, several of which run at a time.
    stage compile-e2e run_logged compile-e2e scripts/maven.sh -q -Pe2e -pl e2e -am -DskipUnitTests -DskipITs verify
}

finish() {
    local passed=0 failed=0 p f
    while read -r p f; do
        passed=$((passed + p))
        failed=$((failed + f))
    done < <(cat "$results"/*.count)
    if [[ -s $results/reports ]]; then
        echo "The slowest test classes:"
        # shellcheck disable=SC2046
        "$(find_jdk)/bin/java" scripts/Reports.java slowest $(sort -u "$results/reports")
    fi
    timeline
    [[ ! -s $told ]] || { echo "What failed tests said:" && head -c 6000 "$told"; }
    cat "$results"/*.problem 2> /dev/null | sed 's/^/FAILED: /'
    echo
    echo "$passed passed, $failed failed"
    [[ $failed -eq 0 ]]
    exit
}

if [[ ${1:-} == quick ]]; then
    stage check scripts/check.sh
    unit unit "$all_units" vm ''
    [[ -e ${CASEMATE_STATE:-/var/lib/casemate}/guest/default/vmlinux ]] || stage build make --no-print-directory build guest
    unit vm qemu none 'QemuVmTest#bootsAnswersPausesAndEnds'
    finish
fi

executables &
building=$!
stage check scripts/check.sh
unit unit "$all_units" vm ''
wait "$building"
if [[ -e $results/build.problem ]]; then
    say "the executables or the guest cannot be built: no test of them can run"
    finish
fi

# Most end-to-end tests start from templates, which the tests themselves never make; those about booting say so.
templates() {
    run_logged templates build/casemate template build && run_logged templates build/casemate template build --max-cpus "$(($(nproc) < 32 ? $(nproc) : 32))"
}
stage templates templates

# What both Mavens need, `make check` has compiled and fetched.
fuzz() {
    junit fuzz fuzz/target/check/surefire-reports -o -Pcheck,root -pl fuzz -am -Dcasemate.target=target/check \
        -Dsurefire.failIfNoSpecifiedTests=false '-Dtest=dev.casemate.fuzz.*Test' test
}

# Classes about guests that misbehave and about what the sandbox does for a running one; and those of the cell.
guests='Hostile*Test BootFailureTest SignalTest StreamsTest CopyTest'
printf -v guests 'dev.casemate.e2e.%s,' $guests
guests=${guests%,}
cell='dev.casemate.e2e.cell.*Test'

# The stages of which several can run at a time, where they can be isolated.
isolated_stage() {
    local offline=()
    # Isolated it has no network, and of two Mavens only one may write what both use.
    [[ -z $isolate ]] || offline=(-o)
    case $1 in
        guests) e2e guests "$guests" "${offline[@]}" ;;
        cell) CASEMATE_REAL_TIME=yes e2e cell "$cell" "${offline[@]}" ;;
        containerd) e2e containerd 'dev.casemate.e2e.containerd.*Test' "${offline[@]}" ;;
        docker) e2e docker 'dev.casemate.e2e.docker.*Test' "${offline[@]}" ;;
        pods) e2e pods 'dev.casemate.e2e.cri.*Test' "${offline[@]}" ;;
        cell-pods)
            e2e cell-pods 'dev.casemate.e2e.cri.PodTest,dev.casemate.e2e.cri.PodContainersTest' -Dengine.runtime=cell "${offline[@]}"
            ;;
        kvm) kvm ;;
        volumes-virtiofsd)
            # The files of the host once more, by the daemon that newer releases of Debian have.
            within=scripts/with-virtiofsd.sh e2e volumes-virtiofsd \
                'dev.casemate.e2e.VolumeTest,dev.casemate.e2e.LimitationsTest,dev.casemate.e2e.SharingWallTest' "${offline[@]}"
            ;;
    esac
}

# Runs the stages that no other lane has taken, the long ones first.
isolated_stages() {
    local name
    for name in containerd guests kvm cell pods docker cell-pods volumes-virtiofsd; do
        if mkdir "$results/$name.taken" 2> /dev/null; then
            isolated_stage "$name"
        fi
    done
}

# Lanes. The first has what sees the whole machine, and goes on where the others are; these have stages that run isolated, if they can, and one
# of them the fuzzer before. One more than there are processors: tests also wait for what takes its time.
isolate=
isolates=
! scripts/isolated.sh --check || isolates=yes
lanes=()
(
    fuzz
    if [[ -n $isolates ]]; then
        isolate=yes isolated_stages
    fi
) &
lanes+=($!)
if [[ -n $isolates ]]; then
    for ((lane = 3; lane <= $(nproc) + 1; lane++)); do
        isolate=yes isolated_stages &
        lanes+=($!)
    done
fi
junit vm "$unit_reports" -Pcheck,root -pl "$all_units" -Dcasemate.target=target/check -Dgroups=vm test
stage demo scripts/demo.sh
# The others, which see the whole machine.
e2e e2e "dev.casemate.e2e.*Test,!${guests//,/,!}"
# One of its checks needs the network, which isolated stages do not have.
say "native: what an image of ours must be able to do"
stage native run_logged native native/test.sh
if [[ -n $isolates ]]; then
    isolate=yes isolated_stages
    wait "${lanes[@]}"
else
    wait "${lanes[@]}"
    isolated_stages
fi
say "machine after the tests"
stage leftovers scripts/leftovers.sh
finish
