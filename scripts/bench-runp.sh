#!/usr/bin/env bash
# bench-runp.sh [ROUNDS]: how long crictl runp of a pod with its pause container takes beside casemate run, which boots a VM, too: in turns on
# one image. VMs boot, or are copies of templates with CASEMATE_TEMPLATE=existing. It builds crictl of the Go proxy (needs go). Isolated:
# scripts/isolated.sh runp scripts/bench-runp.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"
MODULE=sigs.k8s.io/cri-tools
VERSION=v1.37.0
SUM=h1:BmTImEoTX3KPXCLwmIU9mfCC8umUqF4R8WibY9eVU9Y=
rounds=${1:-8}
# For the shims, too.
export CASEMATE_TEMPLATE=${CASEMATE_TEMPLATE:-never}
[[ $EUID -eq 0 ]] || die "it starts VMs: run it as root"

if [[ ! -x build/crictl ]]; then
    module=$(go mod download -json "$MODULE@$VERSION")
    grep -qF "\"Sum\": \"$SUM\"" <<< "$module" || die "$MODULE $VERSION is not what it was"
    source=$(mktemp -d "$ROOT/build/crictl.XXXXXX")
    cp -r "$(sed -n 's/.*"Dir": "\(.*\)",/\1/p' <<< "$module")/." "$source"
    chmod -R u+w "$source"
    (cd "$source" && go build -p 1 -o "$ROOT/build/crictl" ./cmd/crictl) || die "crictl does not build; prepare it where there is a network: go mod download"
    rm -rf "$source"
fi

scripts/engines.sh > /dev/null
engines=$ROOT/build/engines/usr
work=$(mktemp -d /run/casemate-runp.XXXXXX)
disk=$(mktemp -d "$ROOT/build/runp.XXXXXX")
name=docker.io/library/demo:latest
daemon=

finish() {
    set +e
    [[ -z $daemon ]] || { kill "$daemon" && wait "$daemon" 2> /dev/null; }
    grep -o " $work[^ ]*\| $disk[^ ]*" /proc/self/mounts | sort -r | xargs -r -n1 umount -l
    rm -rf "$work" "$disk"
}
trap finish EXIT

mkdir "$work/bin" "$work/cni"
ln -s "$ROOT/build/casemate" "$work/bin/containerd-shim-casemate-v2"
cat > "$work/cni/10-bridge.conflist" << END
{"cniVersion":"1.0.0","name":"runp","plugins":[{"type":"bridge","bridge":"runp0","isGateway":true,
  "ipam":{"type":"host-local","dataDir":"$work/ipam","ranges":[[{"subnet":"10.89.79.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}
END
cat > "$work/config.toml" << END
version = 3
root = "$disk/root"
state = "$work/state"
[grpc]
  address = "$work/c.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '$name'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$work/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.casemate]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "$work/bin/containerd-shim-casemate-v2"
END
PATH=$work/bin:$PATH "$engines/bin/containerd" --config "$work/config.toml" > "$disk/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    "$engines/bin/ctr" --address "$work/c.sock" version > /dev/null 2>&1 && break
    sleep 0.1
done
[[ -f build/demo-image/index.json ]] || build/casemate demo-image build/demo-image > /dev/null
tar -C build/demo-image -cf "$disk/image.tar" .
"$engines/bin/ctr" --address "$work/c.sock" --namespace k8s.io image import --index-name "$name" "$disk/image.tar" > /dev/null
build/casemate pull oci:build/demo-image > /dev/null 2>&1

if [[ $CASEMATE_TEMPLATE != never ]]; then
    build/casemate template build > /dev/null
    build/casemate template build --max-cpus "$(nproc)" > /dev/null
fi

crictl() { "$ROOT/build/crictl" --config /dev/null --runtime-endpoint "unix://$work/c.sock" --timeout 300s "$@" 2>> "$disk/log"; }

# Milliseconds since the boot.
now() { awk '{ print int($1 * 1000) }' /proc/uptime; }

# median FILE
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int((NR + 2) / 2)]) / 2 }'; }

for round in $(seq 0 "$rounds"); do
    # The first round only warms up.
    [[ $round -gt 0 ]] || say "warming up"
    printf '{"metadata":{"name":"pod","namespace":"bench","uid":"%s","attempt":1},"log_directory":"%s/logs","linux":{}}' "$round" "$work" > "$work/pod.json"
    from=$(now)
    pod=$(crictl runp --runtime casemate "$work/pod.json") || die "runp failed: $(tail -n 3 "$disk/log")"
    taken=$(($(now) - from))
    [[ $round -eq 0 ]] || echo "$taken" >> "$work/runp"
    crictl rmp --force "$pod" > /dev/null
    from=$(now)
    build/casemate run --detach --name bench-runp oci:build/demo-image sleep 1000 > /dev/null 2> "$work/err" || die "$(< "$work/err")"
    taken=$(($(now) - from))
    [[ $round -eq 0 ]] || echo "$taken" >> "$work/run"
    build/casemate rm --force bench-runp > /dev/null
done
runp=$(median "$work/runp") run=$(median "$work/run")
awk -v runp="$runp" -v run="$run" -v rounds="$rounds" \
    'BEGIN { printf "crictl runp %d ms, casemate run --detach %d ms, ratio %.2f (medians of %d rounds in turns, template: %s)\n", runp, run, runp / run, rounds, ENVIRON["CASEMATE_TEMPLATE"] }'
