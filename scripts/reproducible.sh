#!/usr/bin/env bash
# reproducible.sh [jars|images]: builds a second time and compares with what is there: the jars of our modules, or the native executables (each
# takes as long as it did the first time). Without a word, both and the lists of parts.
# What of an executable may differ is in native/differences.list, with the reason; a difference that is not there fails. That the code differs
# says little, since addresses move: so its methods are compared one by one, without the addresses.
set -euo pipefail
source "$(dirname "$0")/common.sh"
problems=0

# Jars carry the time that pom.xml names, and their entries are sorted.
jars() {
    local module jar again count=0
    say "reproducible: jars, a second time"
    run_logged reproducible-jars scripts/maven.sh -q -pl casemate,agent,cell-cli -am -DskipTests -Dmaven.test.skip=true -Dcasemate.target=target/again package
    for module in $(modules); do
        for again in "$module"/target/again/*.jar; do
            [[ -f $again ]] || continue
            jar=$module/target/${again##*/}
            count=$((count + 1))
            if ! cmp -s "$jar" "$again"; then
                say "  $jar differs from $again: $(diff <(unzip_list "$jar") <(unzip_list "$again") | grep '^[<>]' | head -4 | tr '\n' ' ')"
                problems=$((problems + 1))
            fi
        done
    done
    [[ $count -gt 0 ]] || die "no jar was made a second time"
    [[ $problems -gt 0 ]] || rm -rf */target/again
    say "reproducible: $count jars compared"
}

unzip_list() {
    python3 -c 'import sys, zipfile; [print(i.filename, i.date_time, hex(i.CRC)) for i in zipfile.ZipFile(sys.argv[1]).infolist()]' "$1"
}

# sections FILE: name, offset and length of each section that lies in the file, in decimal.
sections() {
    local name offset length
    LC_ALL=C readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] //p' | awk '$2 != "NOBITS" && $1 ~ /^\./ { print $1, $4, $5 }' | while read -r name offset length; do
        echo "$name $((16#$offset)) $((16#$length))"
    done
}

bytes_of() {
    tail -c "+$(($2 + 1))" "$1" | head -c "$3" | sha256sum
}

# compare NAME FIRST SECOND
compare() {
    local name=$1 first=$2 second=$3 section offset length reason identical=yes
    cmp -s "$first" "$second" && { say "  $name: identical"; return; }
    # A section that only the second has would not be looked at below.
    if [[ $(sections "$first" | cut -d' ' -f1) != "$(sections "$second" | cut -d' ' -f1)" ]]; then
        say "  $name: the second has other sections than the first"
        problems=$((problems + 1))
    fi
    while read -r section offset length; do
        local there
        there=$(sections "$second" | awk -v section="$section" '$1 == section { print $2, $3 }')
        # shellcheck disable=SC2086
        if [[ -n $there && $(bytes_of "$first" "$offset" "$length") == "$(bytes_of "$second" $there)" ]]; then
            continue
        fi
        identical=no
        reason=$(awk -v name="$name" -v section="$section" '!/^#/ && ($1 == name || $1 == "*") && $2 == section { $1 = $2 = ""; print }' native/differences.list)
        if [[ -n $reason ]]; then
            say "  $name: $section differs, as it may:$reason"
        else
            say "  $name: $section differs ($length bytes), and native/differences.list does not say why"
            problems=$((problems + 1))
        fi
    done < <(sections "$first")
    compare_methods "$name" "$first.unstripped" "$second.unstripped"
    [[ $identical == no ]] || { say "  $name: differs outside of its sections"; problems=$((problems + 1)); }
}

# compare_methods NAME FIRST SECOND: by their names and their instructions. native/differences.list says how many may differ.
compare_methods() {
    local name=$1 report all equal other missing most_other most_missing
    report=$("$(find_jdk)/bin/java" scripts/Methods.java "$2" "$3") || die "the methods of $2 and $3 cannot be compared"
    mkdir -p build/logs
    echo "$report" > "build/logs/reproducible-$name-methods.log"
    read -r all equal other missing <<< "$report"
    read -r most_other most_missing < <(awk -v name="$name" '!/^#/ && $1 == name && $2 == "methods" { print $3, $4 }' native/differences.list) \
        || die "native/differences.list does not say how many methods of $name may differ"
    say "  $name: of $all methods $equal have the same instructions, but for addresses; $other (at most $most_other) have others, $missing (at most $most_missing) are in one only"
    if [[ $other -gt $most_other || $missing -gt $most_missing ]]; then
        say "  $name: more methods differ than native/differences.list allows; build/logs/reproducible-$name-methods.log names some"
        problems=$((problems + 1))
    fi
}

images() {
    local module name
    for module in agent cell-cli casemate; do
        case $module in
            casemate) name=casemate ;;
            agent) name=casemate-agent ;;
            cell-cli) name=casemate-cell ;;
        esac
        # In the same place: the second takes the first one's name while it is made.
        mv "build/$name" "build/$name.first"
        mv "build/$name.unstripped" "build/$name.first.unstripped"
        if ! scripts/image.sh "$module"; then
            mv "build/$name.first" "build/$name"
            mv "build/$name.first.unstripped" "build/$name.unstripped"
            die "build/$name cannot be built a second time"
        fi
        mv "build/$name" "build/$name.second"
        mv "build/$name.unstripped" "build/$name.second.unstripped"
        mv "build/$name.first" "build/$name"
        mv "build/$name.first.unstripped" "build/$name.unstripped"
        compare "$name" "build/$name" "build/$name.second"
    done
}

parts() {
    local file work
    work=$(mktemp -d)
    cp build/casemate*.cdx.json "$work"
    scripts/sbom.sh
    for file in "$work"/*; do
        cmp "$file" "build/${file##*/}" || problems=$((problems + 1))
    done
    rm -rf "$work"
    say "reproducible: lists of parts compared"
}

case ${1:-all} in
    jars) jars ;;
    images) images ;;
    all)
        jars
        parts
        images
        ;;
    *) die "reproducible.sh takes no word, or: jars, images" ;;
esac
[[ $problems -eq 0 ]] || die "$problems differences that should not be; they are in the lines above"
say "reproducible: yes, but for what the lines above name"
