# Numbered steps, one line each, with their logs in $LOGS. Sourced, not run.

total_steps() {
    STEPS=$1
    STEP=0
}

# step TITLE FUNCTION REMEDY
# The function runs in a subshell with `set -e` in force, its output goes to a log. Lines that it writes to descriptor 3 are shown.
step() {
    local title=$1 function=$2 remedy=$3 started=$SECONDS log=$LOGS/$2.log status=0
    STEP=$((STEP + 1))
    (set -euo pipefail; "$function") >"$log" 2>&1 3>"$log.notes" &
    wait $! || status=$?
    if [[ $status -ne 0 ]]; then
        printf '[%d/%d] %s: FAILED after %d s. The end of its log:\n' "$STEP" "$STEPS" "$title" $((SECONDS - started))
        tail -n 15 "$log" | sed 's/^/    /'
        printf 'The whole log: %s\nWhat to do: %s.\n' "$log" "$remedy"
        exit 1
    fi
    printf '[%d/%d] %s, %d s\n' "$STEP" "$STEPS" "$title" $((SECONDS - started))
    sed 's/^/      /' "$log.notes"
}
