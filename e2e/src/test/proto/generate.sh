#!/bin/sh
# generate.sh PROTOC-DIRECTORY OUTPUT: Java classes of the Container Runtime Interface, unless they are there and newer than its text.
set -eu
cd "$(dirname "$0")"
[ ! -e "$2/.done" ] || [ cri.proto -nt "$2/.done" ] || exit 0
chmod +x "$1/protoc" "$1/protoc-gen-grpc-java"
mkdir -p "$2"
"$1/protoc" --plugin="protoc-gen-grpc-java=$1/protoc-gen-grpc-java" --java_out="$2" --grpc-java_out="@generated=omit:$2" --proto_path=. cri.proto
touch "$2/.done"
