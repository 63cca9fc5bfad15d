#!/usr/bin/env bash
# isolated.sh --check | NAME COMMAND…: runs a command where it sees processes, mounts, links, /run, /tmp and control groups of its own
# only. Tests that look for what they left on the machine can run beside others that way. The command has no network but loopback.
# Everything that it started ends with it. With CASEMATE_REAL_TIME=yes its groups can have real time. It needs cgroup v1 hierarchies: a
# version 2 group with processes cannot have groups with controllers below it. --check tries whether it works here.
set -uo pipefail
source "$(dirname "$0")/common.sh"

# hierarchies: one line for each mounted version 1 or 2 hierarchy: mount point, type, options.
hierarchies() {
    awk '$5 ~ "^/sys/fs/cgroup/" { for (i = 7; i <= NF && $i != "-"; i++); if ($(i + 1) ~ "^cgroup2?$") print $5, $(i + 1), $(i + 3) }' \
        /proc/self/mountinfo
}

# own_group TYPE OPTIONS: this process's group in the hierarchy that is mounted so.
own_group() {
    awk -F: -v type="$1" -v options=",$2," '
        type == "cgroup2" ? $1 == 0 : $2 != "" && index(options, "," (split($2, names, ",") ? names[1] : "") ",") { print $3; exit }' \
        /proc/self/cgroup
}

inside() {
    local root=$PWD home type options point
    mount --make-rprivate /
    exec {home}< .
    mount -t tmpfs -o mode=755 run /run
    mount -t tmpfs -o mode=1777 tmp /tmp
    mkdir -p "$root"
    [[ $root != /tmp/* && $root != /run/* ]] || mount --bind "/proc/self/fd/$home" "$root"
    exec {home}<&-
    cd "$root" || exit 1
    # /sys/class/net shows the links of the network namespace that mounted it; a hierarchy, the groups below the one it was mounted in.
    local list links
    list=$(hierarchies)
    links=$(find /sys/fs/cgroup -maxdepth 1 -type l -printf '%f %l\n')
    umount -R -l /sys && mount -t sysfs sysfs /sys || exit 1
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    while read -r point type options; do
        mkdir -p "$point"
        mount -t "$type" -o "${options#rw,}" "$type" "$point" 2> /dev/null || mount -t "$type" "$type" "$point" || exit 1
    done <<< "$list"
    while read -r point type; do
        [[ -z $point ]] || ln -s "$type" "/sys/fs/cgroup/$point"
    done <<< "$links"
    ip link set lo up
    "$@"
}

if [[ ${1:-} == --inside ]]; then
    shift
    inside "$@"
    exit
fi

if ! hierarchies | grep -q ' cgroup '; then
    echo "isolated.sh: this machine has no control groups of version 1" >&2
    exit 1
fi
[[ $1 != --check ]] || set -- check true
name=$1
shift
# Tests keep their files apart by it: see TestDirectory.
export CASEMATE_ISOLATED=$name
groups=()
while read -r point type options; do
    group="$point$(own_group "$type" "$options")"
    group="${group%/}/isolated-$name"
    mkdir -p "$group" || die "cannot make the control group $group"
    groups+=("$group")
    if [[ -e $group/cpuset.cpus ]]; then
        for file in cpuset.cpus cpuset.mems; do
            cat "$(dirname "$group")/$file" > "$group/$file"
        done
        echo 1 > "$group/cgroup.clone_children"
    fi
    # Groups share the machine's real time, so only one of them can have it.
    if [[ -n ${CASEMATE_REAL_TIME:-} && -e $group/cpu.rt_runtime_us ]]; then
        echo 920000 > "$group/cpu.rt_runtime_us"
    fi
done < <(hierarchies)
(
    for group in "${groups[@]}"; do
        echo "$BASHPID" > "$group/cgroup.procs" || exit 1
    done
    exec unshare --mount --pid --fork --kill-child --mount-proc --net --ipc --cgroup "$0" --inside "$@"
)
status=$?
# The kernel may still be busy with the last processes.
for ((try = 0; try < 50; try++)); do
    left=$(find "${groups[@]}" -depth -type d ! -exec rmdir {} \; -print 2> /dev/null)
    [[ -n $left ]] || break
    sleep 0.1
done
[[ -z $left ]] || echo "isolated.sh: control groups left: $left" >&2
exit $status
