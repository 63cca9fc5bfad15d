#!/usr/bin/env bash
# critest.sh prepare                     builds critest of the Go proxy and images equal to those that it pulls (needs go, skopeo, docker-registry)
# critest.sh HANDLER [OPTION…]           runs it on containerd 2 of scripts/engines.sh with handler runc, casemate or sandboxed (sandboxer =
#                                        "shim"); options are critest's, such as -ginkgo.focus=TEXT. Isolated: scripts/isolated.sh critest …
# Its own registries are not needed: containerd asks a registry on loopback in their place. One image has a digest that only the original
# has: it is replaced in critest's source.
set -euo pipefail
source "$(dirname "$0")/common.sh"
MODULE=sigs.k8s.io/cri-tools
VERSION=v1.37.0
SUM=h1:BmTImEoTX3KPXCLwmIU9mfCC8umUqF4R8WibY9eVU9Y=
DIGEST=sha256:9700f9a2f5bf2c45f2f605a0bd3bce7cf37420ec9d3ed50ac2758413308766bf
PORT=5005
work=$ROOT/build/critest
registry=

# serve: a registry on loopback, with its files in $work/registry.
serve() {
    cat > "$work/registry.yml" << END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: 127.0.0.1:$PORT}
END
    docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
    registry=$!
    for _ in $(seq 100); do
        curl -sf "http://127.0.0.1:$PORT/v2/" > /dev/null && return
        sleep 0.1
    done
    die "docker-registry does not answer: $(< "$work/registry.log")"
}

# blob FILE: moves it to its name; prints a descriptor's digest and size.
blob() {
    local digest
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    printf '"digest":"sha256:%s","size":%s' "$digest" "$(stat -c %s "$1")"
    mv "$1" "$layout/blobs/sha256/$digest"
}

# image CONFIG NAME…: pushes the root in $root under the names. Prints the digest.
image() {
    local config=$1 layout=$work/layout layer diff name manifest
    shift
    rm -rf "$layout"
    mkdir -p "$layout/blobs/sha256"
    echo '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
    tar -C "$root" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -cf "$layout/layer" .
    diff=$(sha256sum "$layout/layer" | cut -d' ' -f1)
    gzip -n "$layout/layer"
    layer=$(blob "$layout/layer.gz")
    printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$config" "$diff" > "$layout/config"
    config=$(blob "$layout/config")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",%s}]}' \
        "$config" "$layer" > "$layout/manifest"
    manifest=$(blob "$layout/manifest")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s}]}' "$manifest" > "$layout/index.json"
    for name in "$@"; do
        skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false "oci:$layout" "docker://127.0.0.1:$PORT/$name"
    done
    cut -d'"' -f4 <<< "$manifest"
}

# busybox_root: a root with the programs, users and directories of the busybox image.
busybox_root() {
    root=$work/root
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,usr/sbin,var/www}
    chmod 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/busybox"
    # One file by many names, as the image has it: a masked name hides no other.
    chroot "$root" /bin/busybox --install /bin
    # What Debian's busybox lacks, of this machine.
    local program library
    for program in ipcs ipcmk pgrep; do
        cp "$(command -v $program)" "$root/usr/bin/"
        for library in $(ldd "$(command -v $program)" | grep -o '/[^ ]*'); do
            mkdir -p "$root$(dirname "$library")"
            cp -L "$library" "$root$library"
        done
    done
    printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1:daemon:/usr/sbin:/bin/false www-data:x:33:33:www-data:/var/www:/bin/false \
        nobody:x:65534:65534:nobody:/home:/bin/false > "$root/etc/passwd"
    printf '%s\n' root:x:0: daemon:x:1: www-data:x:33: nogroup:x:65534: > "$root/etc/group"
}

# nginx_root PORT: Debian's nginx, which runs in the foreground and listens on the port.
nginx_root() {
    local package packages=$work/packages
    busybox_root
    mkdir -p "$packages" "$root"/{run,var/log/nginx,var/lib/nginx,etc/nginx}
    (cd "$packages" && apt-get download -qq nginx libc6 libcrypt1 libpcre2-8-0 libssl3 zlib1g)
    for package in "$packages"/*.deb; do
        dpkg-deb -x "$package" "$packages/root"
    done
    cp -a "$packages/root/usr/sbin/nginx" "$root/usr/sbin/"
    mkdir -p "$root/lib/x86_64-linux-gnu"
    cp -aL "$packages"/root/lib/x86_64-linux-gnu/{libc,libcrypt,libz,libm}.so.[0-9]* "$packages"/root/usr/lib/x86_64-linux-gnu/{libpcre2-8,libssl,libcrypto}.so.[0-9]* \
        "$root/lib/x86_64-linux-gnu/"
    mkdir -p "$root/lib64"
    cp -aL "$packages/root/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
    ln -s /run "$root/var/run"
    echo '<h1>Welcome to nginx!</h1>' > "$root/var/www/index.html"
    cat > "$root/etc/nginx/nginx.conf" << END
user www-data;
pid /run/nginx.pid;
error_log stderr;
daemon off;
events {}
http { access_log off; server { listen $1; root /var/www; } }
END
    rm -rf "$packages"
}

prepare() {
    local module digest sh='"Env":["PATH=/bin:/usr/bin:/usr/sbin"],"Cmd":["sh"]' staging=k8s-staging-cri-tools e2e=e2e-test-images n
    rm -rf "$work"
    mkdir -p "$work/registry"
    serve
    trap 'kill "$registry"' EXIT
    say "images"
    busybox_root
    image "{$sh}" "$e2e/busybox:1.29-2" > /dev/null
    image "{$sh,\"User\":\"1002\"}" "$staging/test-image-user-uid:latest" > /dev/null
    image "{$sh,\"User\":\"www-data\"}" "$staging/test-image-user-username:latest" > /dev/null
    image "{$sh,\"User\":\"1003:users\"}" "$staging/test-image-user-uid-group:latest" > /dev/null
    image "{$sh,\"User\":\"www-data:www-data\"}" "$staging/test-image-user-username-group:latest" > /dev/null
    for n in test-image-latest:latest test-image-tag:test test-image-tag:all test-image-1:latest test-image-2:latest test-image-3:latest; do
        echo "$n" > "$root/test"
        image "{$sh}" "$staging/$n" > /dev/null
    done
    echo tags > "$root/test"
    image "{$sh}" "$staging"/test-image-tags:{1,2,3} > /dev/null
    echo digest > "$root/test"
    digest=$(image "{$sh}" "$staging/test-image-digest:latest")
    rm "$root/test"
    echo default-user:x:1000:1000::/home:/bin/sh >> "$root/etc/passwd"
    printf '%s\n' default-user:x:1000: group-defined-in-image:x:50000:default-user >> "$root/etc/group"
    image "{$sh,\"User\":\"1000\"}" "$staging/test-image-predefined-group:latest" > /dev/null
    busybox_root
    echo '<h1>It works!</h1>' > "$root/var/www/index.html"
    # The log of Apache has its name.
    image "{$sh,\"Cmd\":[\"sh\",\"-c\",\"echo httpd -D FOREGROUND; exec httpd -f -p 80 -h /var/www\"]}" "$e2e/httpd:2.4.39-4" > /dev/null
    printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("Effective uid: %%d\\n", geteuid()); return 0; }\n' \
        | gcc -static -O2 -x c -o "$root/nnp" -
    chmod 4755 "$root/nnp"
    image "{$sh,\"Cmd\":[\"/nnp\"]}" "$e2e/nonewprivs:1.3" > /dev/null
    rm -rf "${root:?}"/*
    printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' | gcc -static -O2 -x c -o "$root/pause" -
    image '{"Entrypoint":["/pause"]}' pause:3.9 > /dev/null
    image '{"Entrypoint":["/pause"],"Labels":{"of":"sandboxes"}}' pause:3.10 > /dev/null
    nginx_root 80
    image '{"Env":["PATH=/bin:/usr/sbin"],"Cmd":["nginx"]}' "$e2e/nginx:1.14-2" > /dev/null
    nginx_root 12003
    image '{"Env":["PATH=/bin:/usr/sbin"],"Cmd":["nginx"]}' "$staging/hostnet-nginx-amd64:latest" > /dev/null
    say "critest"
    module=$(go mod download -json "$MODULE@$VERSION")
    grep -qF "\"Sum\": \"$SUM\"" <<< "$module" || die "$MODULE $VERSION is not what it was"
    cp -r "$(sed -n 's/.*"Dir": "\(.*\)",/\1/p' <<< "$module")" "$work/source"
    chmod -R u+w "$work/source"
    sed -i "s/$DIGEST/$digest/" "$work/source/pkg/validate/consts.go"
    (cd "$work/source" && go test -c -vet=off -p 1 -o "$work/critest" ./cmd/critest)
    rm -rf "$work/source" "$work/layout" "$work/root"
    say "done: scripts/isolated.sh critest scripts/critest.sh casemate"
}

# one HANDLER [OPTION…]: a containerd, and critest against it.
one() {
    local handler=$1 run=/run/critest engines=$ROOT/build/engines/usr daemon status=0
    shift
    [[ -x $work/critest ]] || die "build/critest is missing; run: scripts/critest.sh prepare"
    mkdir -p "$run/bin" "$run/cni" "$run/certs/_default"
    ln -s "${CASEMATE:-$ROOT/build/casemate}" "$run/bin/containerd-shim-casemate-v2"
    ln -s "$engines/bin/containerd-shim-runc-v2" "$engines/sbin/runc" "$run/bin/"
    printf '[host."http://127.0.0.1:%s"]\n  capabilities = ["pull", "resolve"]\n' "$PORT" > "$run/certs/_default/hosts.toml"
    cat > "$run/cni/10-bridge.conflist" << 'END'
{"cniVersion":"1.0.0","name":"critest","plugins":[
  {"type":"bridge","bridge":"critest0","isGateway":true,"ipMasq":true,"hairpinMode":true,
   "ipam":{"type":"host-local","dataDir":"/run/critest/ipam","ranges":[[{"subnet":"10.89.78.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
  {"type":"portmap","capabilities":{"portMappings":true}}]}
END
    cat > "$run/config.toml" << END
version = 3
root = "$work/containerd"
state = "$run/state"
[grpc]
  address = "$run/c.sock"
[plugins.'io.containerd.nri.v1.nri']
  disable = false
  socket_path = "$run/nri.sock"
[plugins.'io.containerd.cri.v1.images']
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = 'registry.k8s.io/pause:3.10'
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = '$run/certs'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$run/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "$handler"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.casemate]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "$run/bin/containerd-shim-casemate-v2"
    privileged_without_host_devices = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.sandboxed]
    runtime_type = "io.containerd.casemate.v2"
    sandboxer = "shim"
    privileged_without_host_devices = true
END
    rm -rf "$work/containerd"
    # What mounts of the host's are to propagate must be shared.
    mount --make-rshared /
    sysctl -qw net.ipv4.ip_forward=1
    serve
    PATH=$run/bin:$PATH "$engines/bin/containerd" --config "$run/config.toml" > "$work/containerd.log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do
        "$engines/bin/ctr" --address "$run/c.sock" version > /dev/null 2>&1 && break
        sleep 0.1
    done
    mkdir -p "$work/$handler"
    "$work/critest" -runtime-endpoint "unix://$run/c.sock" -runtime-handler "$handler" -nri-socket "$run/nri.sock" \
        -report-dir "$work/$handler" -ginkgo.v -ginkgo.no-color "$@" > "$work/$handler/log" 2>&1 || status=$?
    grep -E '^(Ran [0-9]+ of|(FAIL|SUCCESS)!)|\[FAIL\]|^  \[(Fail|Panic|Timedout)' "$work/$handler/log" | sort -u || true
    kill "$daemon" "$registry"
    wait || true
    return "$status"
}

case ${1:-} in
    prepare) prepare ;;
    runc | casemate | sandboxed) one "$@" ;;
    *) sed -n '2,6s/^# //p' "$0"; exit 64 ;;
esac
