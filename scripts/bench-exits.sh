#!/usr/bin/env bash
# bench-exits.sh [CASE…]: counts in the laboratory (scripts/kvm-lab.sh) what a start, an exec, ten idle seconds and a stop cost under KVM: exits by
# reason, port and address, page faults, and the memory of an idle VM; for a bare kernel, casemate run, the shim with virtio-fs and the shim with a
# block root. Compares with scripts/kvm-exits.list. EXITS_DETAILS=N: how many reasons, ports and addresses of each (default 6).
set -uo pipefail
source "$(dirname "$0")/common.sh"
if [[ -z ${KVM_DISK:-} ]]; then
    printf '#!/bin/bash\nEXITS_DETAILS=%q exec %q %s\n' "${EXITS_DETAILS:-6}" "$ROOT/scripts/bench-exits.sh" "$*" > build/exits-job
    chmod +x build/exits-job
    LAB_SECONDS=${LAB_SECONDS:-1200} exec scripts/kvm-lab.sh build/exits-job
fi
source scripts/kvm-common.sh
source scripts/exits.sh
cases=(exits_of_a_bare_kernel exits_of_casemate_run exits_of_the_shim exits_of_the_shim_with_a_block_root times_of_runs)
[[ $# -eq 0 ]] || cases=("$@")
for case in "${cases[@]}"; do
    rm -rf "$exits_report" "$exits_report.d"
    "$case" > /tmp/case.out 2>&1 || { echo "FAILED $case:"; tail -n 20 /tmp/case.out; failed=1; }
    cat "$exits_report"
    for file in "$exits_report.d"/*; do
        [[ -f $file ]] || continue
        echo "-- ${file##*/}"
        for event in kvm_exit kvm_pio kvm_mmio kvm_msr kvm_page_fault; do
            grep "^$event " "$file" | head -n "${EXITS_DETAILS:-6}"
        done
    done
done
[[ -z ${failed:-} ]]
