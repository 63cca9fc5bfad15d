#!/bin/sh
# cycle.sh BUNDLE RUNTIME [OPTION]…: creates, starts and deletes a container, as engines do it.
bundle=$1
shift
"$@" create --bundle "$bundle" "bench-$$" && "$@" start "bench-$$" && exec "$@" delete --force "bench-$$"
