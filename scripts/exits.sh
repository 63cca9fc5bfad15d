# What VMs cost under KVM: exits by reason, port and address, and memory. Sourced by kvm-cases.sh and bench-exits.sh, which run in the
# laboratory of kvm-lab.sh. The kernel's tracepoints count, in histograms of their own, so a VM's last exit counts, too.
tracing=/sys/kernel/tracing
exits_report=$KVM_DISK/exits
amd=$(grep -m 1 -c '^flags.* svm' /proc/cpuinfo)
declare -A histograms=([kvm_exit]=exit_reason [kvm_pio]=rw,port.hex [kvm_mmio]=type,gpa.hex [kvm_page_fault]=error_code.hex [kvm_msr]=write,ecx.hex)

tracing_begin() {
    [[ -e $tracing/events ]] || mount -t tracefs tracefs "$tracing" || return 1
    local event
    for event in "${!histograms[@]}"; do
        grep -q '^hist:' "$tracing/events/kvm/$event/trigger" || echo "hist:keys=${histograms[$event]}:size=8192" > "$tracing/events/kvm/$event/trigger" || return 1
    done
}

tracing_clear() {
    local event
    for event in "${!histograms[@]}"; do
        echo "hist:keys=${histograms[$event]}:size=8192:clear" >> "$tracing/events/kvm/$event/trigger" || return 1
    done
}

# hits EVENT: how often it happened since tracing_clear.
hits() {
    awk '/^ *Hits:/ { print $2 }' "$tracing/events/kvm/$1/hist"
}

# reasons EVENT: its histogram, one line a key: hits, key.
reasons() {
    sed -n 's/^{ *\(.*[^ ]\) *} hitcount: *\([0-9]*\).*/\2 \1/p' "$tracing/events/kvm/$1/hist" | sort -rn
}

# page_faults: exits because the host had not mapped a page yet. On AMD, accesses to devices are page faults, too, with a reserved bit set.
page_faults() {
    reasons kvm_page_fault | awk -v amd="$amd" '!amd || $3 !~ /[89a-f]$/ { sum += $1 } END { print sum + 0 }'
}

# ticks: exits of timers and of the host's interrupts, of which a slow machine has more: interrupts, their windows, halts, and what the
# guest writes to its timer and says at an interrupt's end.
ticks() {
    {
        reasons kvm_exit | awk -v amd="$amd" '$3 == (amd ? 96 : 1) || $3 == (amd ? 100 : 7) || $3 == (amd ? 120 : 12)'
        reasons kvm_msr | awk '/write: *1/ && ($NF == "6e0" || $NF == "80b")'
    } | awk '{ sum += $1 } END { print sum + 0 }'
}

# taken NAME: a line of the report, and the details below it in $exits_report.d.
taken() {
    local all faults steady event status=0
    all=$(hits kvm_exit)
    faults=$(page_faults)
    steady=$((all - $(ticks)))
    # A write to the timer is now and then traced without an exit.
    ((steady >= 0)) || steady=0
    printf '%-24s %7d exits, %6d without ticks: %6d page faults %6d I/O %6d MMIO\n' \
        "$1" "$all" "$steady" "$faults" "$(hits kvm_pio)" "$(hits kvm_mmio)" >> "$exits_report"
    mkdir -p "$exits_report.d"
    for event in "${!histograms[@]}"; do
        reasons "$event" | head -n 40 | sed "s/^/$event /"
    done > "$exits_report.d/$1"
    counted "$1" "$steady" || status=1
    counted "$1,ticks" $((all - steady)) || status=1
    counted "$1,page-faults" "$faults" || status=1
    return "$status"
}

# counted NAME COUNT: compares with the table; what is above it by more than the table allows is a failure.
counted() {
    local most
    most=$(awk -v name="$1" '$1 == name { print int($2 * (100 + $3) / 100) }' scripts/kvm-exits.list)
    [[ -n $most ]] && (($2 <= most)) || { echo "$1: $2; scripts/kvm-exits.list allows ${most:-nothing}"; return 1; }
}

# pss NAME: memory of all processes of a VM, in KiB.
pss() {
    local pid total=0 each kib
    for pid in $(pgrep -f '^[^ ]*(qemu-system-|virtiofsd |casemate-sandbox|containerd-shim-casemate)'); do
        kib=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2> /dev/null)
        total=$((total + ${kib:-0}))
        each+=" $(tr -d '\0' < "/proc/$pid/comm")=${kib:-0}"
    done
    echo "$1: $total KiB PSS:$each" >> "$exits_report"
    counted "$1,kib" "$total"
}

# life NAME START EXEC STOP: commands, words split: counts the exits of each and of ten idle seconds, and the memory after them.
life() {
    local name=$1 status=0
    tracing_begin && tracing_clear || return 1
    $2 > /dev/null || return 1
    taken "$name,start" || status=1
    # What a start leaves to be done in the background is not idling.
    sleep 4
    tracing_clear
    $3 || return 1
    taken "$name,exec" || status=1
    sleep 2
    tracing_clear
    sleep 10
    taken "$name,ten-idle-seconds" || status=1
    pss "$name,idle" || status=1
    tracing_clear
    $4 > /dev/null || return 1
    taken "$name,stop" || status=1
    return "$status"
}

# The kernel alone, started as Casemate starts it, with an init that ends the machine.
exits_of_a_bare_kernel() {
    local id floor tree
    tree=$(mktemp -d)
    mkdir -p "$tree/bin" "$tree/dev"
    cp /bin/busybox "$tree/bin/"
    printf '#!/bin/busybox sh\nexec /bin/busybox reboot -f\n' > "$tree/init"
    chmod +x "$tree/init"
    (cd "$tree" && find . | cpio --quiet -o -H newc > "$KVM_DISK/floor.cpio")
    rm -rf "$tree"
    id=$("$casemate" run -d "$image" sleep 100000) || return 1
    floor_of "$id"
    # There is no serial port.
    floor=("${floor[@]/console=ttyS0 /}")
    "$casemate" rm -f "$id" > /dev/null
    tracing_begin && tracing_clear || return 1
    timeout 100 "${floor[@]}" -initrd "$KVM_DISK/floor.cpio" < /dev/null || return 1
    taken bare-kernel
}

exits_of_casemate_run() {
    local status=0
    life run "$casemate run -d --name counted $image sleep 100000" "$casemate exec counted true" "$casemate rm -f counted" || status=1
    tracing_clear
    "$casemate" run --rm "$image" true || return 1
    taken run,true || status=1
    return "$status"
}

exits_of_the_shim() {
    containerd_begin || return 1
    # The first one unpacks the image.
    shim_run --rm "$engine_image" unpacked true || { tail -n 5 /run/kvm-containerd/log; return 1; }
    life shim "shim_run -d $engine_image counted sleep 100000" "${ctr[*]} task exec --exec-id one counted true" "${ctr[*]} task delete -f counted"
}

exits_of_the_shim_with_a_block_root() {
    containerd_begin || return 1
    block_run --rm "$engine_image" unpacked-2 true || { tail -n 5 /run/kvm-containerd/log; return 1; }
    life block "block_run -d $engine_image counted-2 sleep 100000" "${ctr[*]} task exec --exec-id one counted-2 true" "${ctr[*]} task delete -f counted-2"
}

# Times of one machine in one boot, in turns: only their ratios mean anything.
times_of_runs() {
    containerd_begin || return 1
    local round name begin
    shim_run --rm "$engine_image" unpacked-3 true || return 1
    for round in 1 2 3; do
        for name in casemate-run ctr-run; do
            begin=$(date +%s%N)
            case $name in
                casemate-run) "$casemate" run --rm "$image" true ;;
                ctr-run) shim_run --rm "$engine_image" "timed-$round" true ;;
            esac 2> /dev/null
            echo "time of $name: $((($(date +%s%N) - begin) / 1000000)) ms" >> "$exits_report"
        done
    done
    shim_run -d "$engine_image" timed sleep 100000 || return 1
    for round in 1 2 3 4 5; do
        begin=$(date +%s%N)
        "${ctr[@]}" task exec --exec-id "e$round" timed true || return 1
        echo "time of ctr-task-exec: $((($(date +%s%N) - begin) / 1000000)) ms" >> "$exits_report"
    done
    "${ctr[@]}" task delete -f timed > /dev/null 2>&1
    return 0
}
