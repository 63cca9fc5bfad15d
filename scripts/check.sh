#!/usr/bin/env bash
# Formatting, Error Prone, NullAway, compiler warnings as errors, names of registries, line lengths in Markdown.
set -euo pipefail
source "$(dirname "$0")/common.sh"
say "check: formatting"
run_logged format scripts/maven.sh -q spotless:check
say "check: Error Prone, NullAway, javac -Xlint -Werror"
# A directory of its own: classes that were compiled without the checks must not hide from them.
# Not -q: the findings are warnings. All modules are looked at before it fails.
run_logged check scripts/maven.sh -fae -Pcheck -DskipTests -Dcasemate.target=target/check test-compile
say "check: house rules"
if git grep -nIE 'https?://(deb|repo[0-9]*|registry)\.[a-z.]+/' -- . ':!*/src/test/*'; then
    die "package registries are named in the lines above; take them out"
fi
say "check: Markdown"
# Columns are characters, not bytes. The tables of docs/security.md are wider: SecurityPageTest reads them line by line.
if git ls-files -z -- '*.md' ':!docs/security.md' | LC_ALL=C.UTF-8 xargs -0 grep -nE '^.{121}'; then
    die "the Markdown lines above are longer than 120 columns; wrap them, or turn a wide table into a list"
fi
say "check: clean"
