#!/usr/bin/env bash
# Formatting; Error Prone, NullAway and compiler warnings as errors; house rules of modules and classes (module house);
# file sizes, commit subjects, names of registries, line lengths in Markdown.
set -euo pipefail
source "$(dirname "$0")/common.sh"
say "check: formatting"
run_logged format scripts/maven.sh -q spotless:check
say "check: Error Prone, NullAway, javac -Xlint -Werror, house rules of modules and classes"
# A directory of its own: classes that were compiled without the checks must not hide from them.
# Not -q: the findings are warnings. All modules are looked at before it fails.
run_logged check scripts/maven.sh -fae -Pcheck -Dcasemate.target=target/check \
    -Dsurefire.failIfNoSpecifiedTests=false '-Dtest=dev.casemate.house.*Test' test
say "check: house rules of sizes, commit subjects, registries"
long=$(git ls-files -z '*.java' | xargs -0 wc -l 2> /dev/null | awk '$2 != "total" && $1 > 450')
[[ -z $long ]] || die "files over 450 lines; split them: $long"
# Older subjects are as they are.
SINCE=a4ce296
if git cat-file -e "$SINCE^{commit}" 2> /dev/null; then
    subjects=$(git log --no-merges --format='%h %s' "$SINCE..HEAD" | awk '{ subject = substr($0, index($0, " ") + 1) } length(subject) > 72')
    [[ -z $subjects ]] || die "commit subjects over 72 columns: $subjects"
else
    say "check: this clone has no commit $SINCE, so that commit subjects are not checked"
fi
if git grep -nIE 'https?://(deb|repo[0-9]*|registry)\.[a-z.]+/' -- . ':!*/src/test/*'; then
    die "package registries are named in the lines above; take them out"
fi
say "check: Markdown"
# Columns are characters, not bytes. The tables of docs/security.md are wider: SecurityPageTest reads them line by line.
if git ls-files -z -- '*.md' ':!docs/security.md' | LC_ALL=C.UTF-8 xargs -0 grep -nE '^.{121}'; then
    die "the Markdown lines above are longer than 120 columns; wrap them, or turn a wide table into a list"
fi
say "check: clean"
