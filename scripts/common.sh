# What the scripts share. Sourced, not run.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

die() {
    printf 'casemate: %s\n' "$*" >&2
    exit 1
}

# say WHAT: a line of progress with the time since the script began.
say() {
    printf '[%4d s] %s\n' "$SECONDS" "$*"
}

# The JDK 25 that compiles and tests: $JAVA_HOME if it is one, else one under /usr/lib/jvm.
find_jdk() {
    local candidate
    for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        if [[ -n $candidate && -x $candidate/bin/javac && -f $candidate/release ]] \
            && grep -q '^JAVA_VERSION="25[."]' "$candidate/release"; then
            echo "$candidate"
            return 0
        fi
    done
    die "no JDK 25 in \$JAVA_HOME or /usr/lib/jvm; install one (Temurin 25 is what we test with) and set JAVA_HOME to it"
}

# The modules that pom.xml names, one a line.
modules() {
    sed -n 's,^ *<module>\(.*\)</module>$,\1,p' pom.xml
}

# run_logged NAME COMMAND…: output goes to build/logs/NAME.log; on failure its end is shown.
run_logged() {
    local name=$1 log
    shift
    mkdir -p build/logs
    log=build/logs/$name.log
    if ! "$@" > "$log" 2>&1; then
        grep -E '^\[WARNING\] .*\.java:|ERROR|FAILED' "$log" | head -40 >&2 || true
        tail -n 25 "$log" >&2
        die "$name failed; the whole log is $log"
    fi
}

# floor_of ID: sets the array floor to a command that starts the kernel of a running container's VM as Casemate does, without devices and
# initramfs: what a start is measured against.
floor_of() {
    local qemu ours i
    qemu=$(pgrep -f "qemu-system.*guest=$1" | head -n 1)
    mapfile -d '' -t ours < "/proc/$qemu/cmdline"
    floor=("${ours[0]}" -nodefaults -no-user-config -display none -no-reboot)
    for ((i = 1; i < ${#ours[@]}; i++)); do
        case ${ours[i]} in
            # In the jail the kernel has another path.
            -kernel) floor+=(-kernel "${CASEMATE_STATE:-/var/lib/casemate}/guest/default/vmlinux") && ((++i)) ;;
            -machine | -accel | -cpu | -smp | -m | -bios) floor+=("${ours[i]}" "${ours[++i]}") ;;
            -append) floor+=(-append "$(sed 's/ casemate\.[^ ]*//g' <<< "${ours[++i]}")") ;;
        esac
    done
}
