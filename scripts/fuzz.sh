#!/usr/bin/env bash
# fuzz.sh TARGET [SECONDS [SEED]]: feeds one target for long. fuzz.sh without arguments lists the targets.
# What it finds, and a few new inputs, land in fuzz/corpus/TARGET: `git status` shows them.
set -euo pipefail
source "$(dirname "$0")/common.sh"
target=${1:-}
seconds=${2:-600}
seed=${3:-$RANDOM$RANDOM}
if [[ -z $target ]]; then
    echo "make fuzz TARGET=… [SECONDS=600] [SEED=…]; the targets are:"
    git ls-files 'fuzz/src/test/java/*Fuzz.java' | sed 's#.*/dev/casemate/\(.*\)/\(.*\)\.java#  \2 (\1)#' | sort
    exit 0
fi
git ls-files --error-unmatch "fuzz/src/test/java/*/$target.java" > /dev/null 2>&1 \
    || [[ -n $(find fuzz/src/test/java -name "$target.java") ]] \
    || die "there is no fuzz target \"$target\"; scripts/fuzz.sh without arguments lists them"
[[ $EUID -eq 0 ]] || die "targets unpack archives with owners and devices: run them as root"
say "fuzz: $target for $seconds s with seed $seed"
status=0
scripts/maven.sh -q -Proot -pl fuzz -am -Dsurefire.failIfNoSpecifiedTests=false -Dtest=dev.casemate.fuzz.FuzzTest \
    -Dfuzz.target="$target" -Dfuzz.seconds="$seconds" -Dfuzz.seed="$seed" test || status=$?
say "new in the corpus:"
git status --short -- "fuzz/corpus/$target"
exit $status
