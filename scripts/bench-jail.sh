#!/usr/bin/env bash
# What the jail costs a start: `casemate run … true` with it and without it in turns. bench-jail.sh [ROUNDS]
set -euo pipefail
source "$(dirname "$0")/common.sh"
# What is compared here boots.
export CASEMATE_TEMPLATE=never
rounds=${1:-12}
image=oci:build/demo-image
[[ -f build/demo-image/index.json ]] || build/casemate demo-image build/demo-image > /dev/null
times=$(mktemp)
trap 'rm -f "$times"' EXIT
build/casemate run --rm "$image" true 2> /dev/null
for ((round = 0; round < rounds; round++)); do
    for jail in on off; do
        begin=$(date +%s%N)
        CASEMATE_JAIL=$jail build/casemate run --rm "$image" true
        echo "$jail $((($(date +%s%N) - begin) / 1000))" >> "$times"
    done
done
# The median of an even number of values is the mean of the middle two.
median() {
    grep "^$1 " "$times" | cut -d' ' -f2 | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
awk -v on="$(median on)" -v off="$(median off)" -v rounds="$rounds" 'BEGIN {
    printf "casemate run, %d rounds in turns: jailed %.0f ms, not jailed %.0f ms, ratio %.3f\n", rounds, on / 1000, off / 1000, on / off }'
