#!/usr/bin/env bash
# bench-kvm-builds.sh TREE STATE [ROUNDS]: compares this tree's build with that of another one, TREE, in one boot of the laboratory
# (scripts/kvm-lab.sh): casemate run, ctr run and ctr task exec, interleaved, in ms. Ours runs twice: booting, and as a copy of a template.
# STATE is a state directory with a guest of the other build: CASEMATE_STATE=STATE make -C TREE build guest.
set -uo pipefail
source "$(dirname "$0")/common.sh"
[[ $# -ge 2 ]] || die "bench-kvm-builds.sh requires the other tree and its state directory"
tree=$(readlink -f "$1") state=$(readlink -f "$2") rounds=${3:-3}
[[ -x $tree/build/casemate && -d $state/guest ]] || die "$tree/build/casemate or $state/guest is missing: CASEMATE_STATE=$state make -C $tree build guest"
if [[ -z ${KVM_DISK:-} ]]; then
    printf '#!/bin/bash\nexec %q %q %q %q\n' "$ROOT/scripts/bench-kvm-builds.sh" "$tree" "$state" "$rounds" > build/builds-job
    chmod +x build/builds-job
    LAB_SECONDS=${LAB_SECONDS:-1500} exec scripts/kvm-lab.sh build/builds-job
fi
source scripts/kvm-common.sh
mkdir -p "$KVM_DISK/other"
cp -r "$state/guest" "$KVM_DISK/other/"
tar -C build/demo-image -cf "$KVM_DISK/image.tar" .

# in_build NAME COMMAND…: with the executable, the state and the use of templates of one of the three.
in_build() {
    local name=$1 executable=$casemate own=$CASEMATE_STATE use=never
    shift
    case $name in
        other) executable=$tree/build/casemate own=$KVM_DISK/other ;;
        copy) use=existing ;;
    esac
    CASEMATE_STATE=$own CASEMATE_RUN=/run/cm-$name CASEMATE_TEMPLATE=$use executable=$executable "$@"
}

casemate_run() {
    "$executable" run --rm "$image" true
}

# A containerd of its own for each: shims have its environment.
containerd_of() {
    local base=/run/containerd-$1
    mkdir -p "$base" "$KVM_DISK/containerd-$1"
    cp "$executable" "$base/containerd-shim-casemate-v2"
    cat > "$base/config.toml" << END
version = 3
root = "$KVM_DISK/containerd-$1"
state = "$base/state"
oom_score = 0
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "$base/c.sock"
END
    PATH=$base:$PATH containerd --config "$base/config.toml" > "$base/log" 2>&1 &
    attempt 60 ctr -a "$base/c.sock" version || { tail -n 5 "$base/log"; return 1; }
    ctr -a "$base/c.sock" image import --index-name "$engine_image" "$KVM_DISK/image.tar" > /dev/null
}

ctr_run() {
    ctr -a "/run/containerd-$1/c.sock" run --runtime io.containerd.casemate.v2 "${@:2}"
}

# timed WHAT COMMAND…
timed() {
    local what=$1 begin
    shift
    begin=$(date +%s%N)
    "$@" 2> /dev/null || die "$what failed"
    echo "$what $((($(date +%s%N) - begin) / 1000000))" | tee -a /tmp/times
}

builds=(other boot copy)
in_build copy "$casemate" template build
for build in "${builds[@]}"; do
    in_build "$build" containerd_of "$build" || exit 1
    in_build "$build" casemate_run && ctr_run "$build" --rm "$engine_image" first true || exit 1
done
for ((round = 0; round < rounds; round++)); do
    for build in "${builds[@]}"; do
        timed "run-$build" in_build "$build" casemate_run
        timed "ctr-run-$build" ctr_run "$build" --rm "$engine_image" "round-$round" true
    done
done
for build in other boot; do
    ctr_run "$build" -d "$engine_image" stays sleep 100000 || exit 1
done
# A new VM still has things to do.
sleep 20
for ((round = 0; round < 2 * rounds; round++)); do
    for build in other boot; do
        timed "ctr-exec-$build" ctr -a "/run/containerd-$build/c.sock" task exec --exec-id "e$round" stays true
    done
done
for build in other boot; do
    ctr -a "/run/containerd-$build/c.sock" task delete -f stays > /dev/null 2>&1
done
echo "Medians, in ms:"
sort -k1,1 -k2,2n /tmp/times | awk '{ all[$1, ++count[$1]] = $2 } END { for (what in count) print what, all[what, int((count[what] + 1) / 2)] }' | sort
