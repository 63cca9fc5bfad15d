#!/usr/bin/env bash
# Builds the default guest (Debian's cloud kernel, our agent) unless it is there and up to date.
set -euo pipefail
source "$(dirname "$0")/common.sh"
say "guest: kernel and initramfs"
scripts/kernel.sh check
build/casemate guest build --agent build/casemate-agent
scripts/kernel.sh used "${CASEMATE_STATE:-/var/lib/casemate}/guest/default"
scripts/sbom.sh guest "${CASEMATE_STATE:-/var/lib/casemate}/guest/default"
