#!/usr/bin/env bash
# Compiles Java classes into one static musl executable:
#   build-image.sh --output FILE --main CLASS --classpath CLASSPATH [--image-arg ARGUMENT]… [--jdk-formatter]
# --jdk-formatter keeps the JDK's String.format, at 5 MB; see substitutions/…/SmallFormatter.java for what there is without it.
# With the native-image of $GRAALVM_HOME or of PATH if there is one, else with the toolchain that toolchain.sh assembles.
# CASEMATE_IMAGE_MEMORY is the builder's heap (default 5g). What the options are for: native/README.md.
set -euo pipefail

source "$(dirname "$0")/toolchain/settings.sh"

# What substitutions/ uses besides the public annotations.
SUBSTITUTIONS_NEED=(heap thread genscavenge)
SUBSTITUTIONS_NEED=("${SUBSTITUTIONS_NEED[@]/#/--add-exports=org.graalvm.nativeimage.builder/com.oracle.svm.core.}")
SUBSTITUTIONS_NEED=("${SUBSTITUTIONS_NEED[@]/%/=ALL-UNNAMED}")

main() {
    parse_arguments "$@"
    [[ $OUTPUT == /* ]] || OUTPUT=$PWD/$OUTPUT
    # Not a random name: paths end up in the image, and equal builds shall be equal.
    WORK=$OUTPUT.work
    rm -rf "$WORK"
    mkdir -p "$WORK"
    trap 'rm -rf "$WORK"' EXIT
    local started=$SECONDS graalvm
    command -v musl-gcc >/dev/null || die "musl-gcc is missing: apt-get install musl-tools gcc"
    "$NATIVE_DIR/linked.sh"
    build_own_library
    graalvm=$(find_graalvm)
    if [[ -n $graalvm ]]; then
        compile_substitutions "$graalvm" "$graalvm/lib/svm/builder"
        run_graalvm "$graalvm/bin/native-image"
    else
        TOOLCHAIN=$("$NATIVE_DIR/toolchain.sh")
        compile_substitutions "$(find_jdk)" "$TOOLCHAIN/jars"
        run_toolchain
    fi
    # The names of methods: to compare two builds with, and for debuggers.
    mv "$WORK/image" "$OUTPUT.unstripped"
    strip --strip-all --remove-section=.comment --remove-section=.note -o "$WORK/image" "$OUTPUT.unstripped"
    mv "$WORK/image" "$OUTPUT"
    echo "Built $OUTPUT, $(stat -c %s "$OUTPUT") bytes, in $((SECONDS - started)) s"
}

parse_arguments() {
    OUTPUT='' MAIN='' CLASSPATH='' IMAGE_ARGUMENTS=() JDK_FORMATTER=no
    while [[ $# -gt 0 ]]; do
        if [[ $1 == --jdk-formatter ]]; then
            JDK_FORMATTER=yes
            shift
            continue
        fi
        [[ $# -ge 2 ]] || die "$1 needs a value"
        case $1 in
            --output) OUTPUT=$2 ;;
            --main) MAIN=$2 ;;
            --classpath) CLASSPATH=$2 ;;
            --image-arg) IMAGE_ARGUMENTS+=("$2") ;;
            *) die "unknown argument $1; usage: build-image.sh --output FILE --main CLASS --classpath CLASSPATH [--image-arg ARGUMENT]… [--jdk-formatter]" ;;
        esac
        shift 2
    done
    [[ -n $OUTPUT && -n $MAIN && -n $CLASSPATH ]] || die "--output, --main and --classpath are needed"
}

# Our own C. libc comes with the linker. Position-independent, though the image around it is not: native/README.md, "Hardening".
build_own_library() {
    local name
    for name in casemate runtime; do
        musl-gcc -Os "${HARDENING[@]}" -ffunction-sections -Wall -Wextra -Werror -c "$NATIVE_DIR/$name.c" -o "$WORK/$name.o"
    done
    [[ $(nm "$WORK/casemate.o" | grep -c 'U __stack_chk_fail') -gt 0 ]] || die "musl-gcc did not add a stack protector to casemate.c"
    ar rcsD "$WORK/libcasemate.a" "$WORK/casemate.o" "$WORK/runtime.o"
}

# compile_substitutions JDK DIRECTORY-OF-THE-BUILDER'S-JARS: classes that take the place of the JDK's; the builder finds them by annotation.
compile_substitutions() {
    local sources=("$NATIVE_DIR"/substitutions/dev/casemate/substitutions/*.java)
    if [[ $JDK_FORMATTER == yes ]]; then
        sources=("${sources[0]%/*}"/{Target_dev_casemate_linux_ProcessMemory,Target_java_lang_System,UnchangedPages}.java)
    fi
    "$1/bin/javac" -proc:none -d "$WORK/substitutions" -cp "$2/*" "${sources[@]}"
    CLASSPATH=$CLASSPATH:$WORK/substitutions
}

# The home of a GraalVM, or nothing. The native-image on PATH is a link to bin/native-image or to lib/svm/bin/native-image.
find_graalvm() {
    if [[ -n ${GRAALVM_HOME:-} ]]; then
        [[ -x $GRAALVM_HOME/bin/native-image ]] || die "GRAALVM_HOME is $GRAALVM_HOME, but it has no bin/native-image"
        echo "$GRAALVM_HOME"
    elif command -v native-image >/dev/null; then
        dirname "$(dirname "$(readlink -f "$(command -v native-image)")")" | sed 's,/lib/svm$,,'
    fi
}

# The options that either builder takes, one a line. native/README.md says what each is for.
common_options() {
    cat <<END
-H:CCompilerPath=$(command -v musl-gcc)
-H:NativeLinkerOption=-Wl,--whole-archive
-H:NativeLinkerOption=$WORK/libcasemate.a
-H:NativeLinkerOption=-Wl,--no-whole-archive
-H:NativeLinkerOption=-Wl,--wrap=setrlimit
-H:NativeLinkerOption=-Wl,--wrap=pthread_getattr_np
-H:-UseContainerSupport
-H:-AllowVMInternalThreads
-H:-RunMainInNewThread
-R:-EnableSignalHandling
-H:-ParseRuntimeOptions
-H:-SpawnIsolates
-H:-UseSystemLocale
-H:DefaultCharset=UTF-8
-H:-EnableLoggingFeature
-H:ServiceLoaderFeatureExcludeServices=java.lang.System\$LoggerFinder,jdk.internal.logger.DefaultLoggerFinder
-H:PageSize=4096
-H:-DeleteLocalSymbols
END
}

run_graalvm() {
    local options
    mapfile -t options < <(common_options)
    "$1" "${SUBSTITUTIONS_NEED[@]/#/-J}" --no-fallback --static --libc=musl -march=x86-64-v2 -Os -H:+UnlockExperimentalVMOptions "${options[@]}" \
        "${IMAGE_ARGUMENTS[@]}" -cp "$CLASSPATH" -o "$WORK/image" "$MAIN"
}

# What GraalVM's driver does: choose the virtual machine's options and modules, translate the options of its own spelling.
run_toolchain() {
    local options arguments=() argument image_modules=java.base
    mapfile -t options < <(common_options)
    for argument in "${IMAGE_ARGUMENTS[@]}"; do
        case $argument in
            --add-modules=*) image_modules+=,${argument#*=} ;;
            *) arguments+=("$(translate "$argument")") ;;
        esac
    done
    LC_ALL=C.UTF-8 JVMCI_VERSION_CHECK=ignore "$TOOLCHAIN/jdk/bin/java" \
        -XX:+UseParallelGC -XX:+UnlockExperimentalVMOptions -XX:+EnableJVMCI -XX:-UseJVMCICompiler -Xss10m "-Xmx${CASEMATE_IMAGE_MEMORY:-5g}" \
        -Djava.awt.headless=true -Djdk.internal.lambda.disableEagerInitialization=true \
        -Dgraalvm.ForcePolyglotInvalid=true -Dgraalvm.locatorDisabled=true \
        -Dsubstratevm.HostLibC=glibc -Dsubstratevm.IgnoreGraalVersionCheck=true \
        -Djava.system.class.loader=com.oracle.svm.hosted.NativeImageSystemClassLoader \
        -Dorg.graalvm.nativeimage.imagecode=buildtime -Dcom.oracle.graalvm.isaot=true \
        -Dorg.graalvm.version="$SVM_VERSION" -Dorg.graalvm.vendorversion=Casemate -Dorg.graalvm.vendor=Casemate \
        -Dsvm.modulesupport.addedModules="$image_modules" --add-modules="$image_modules,$(builder_modules)" \
        --enable-native-access=org.graalvm.nativeimage.builder,jdk.graal.compiler \
        --upgrade-module-path "$TOOLCHAIN/jars/compiler-$SVM_VERSION.jar" --module-path "$(builder_module_path "$TOOLCHAIN")" \
        "@$TOOLCHAIN/opened-packages.txt" "${SUBSTITUTIONS_NEED[@]}" \
        --module org.graalvm.nativeimage.builder/com.oracle.svm.hosted.NativeImageGeneratorRunner \
        -imagecp "$CLASSPATH" -H:Path="$WORK" -H:Name=image -H:Class="$MAIN" -H:ImageBuildID="$(build_id)" \
        -H:UseLibC=musl -H:+StaticExecutable -H:MicroArchitecture=x86-64-v2 -H:Optimize=s \
        -H:CLibraryPath="$TOOLCHAIN" \
        "${options[@]}" "${arguments[@]}"
}

# The builder's own modules, and those of the JDK whose classes an image may refer to without --add-modules.
builder_modules() {
    printf %s jdk.internal.vm.ci,jdk.graal.compiler,org.graalvm.nativeimage,org.graalvm.nativeimage.builder, \
        org.graalvm.nativeimage.base,org.graalvm.nativeimage.pointsto,org.graalvm.nativeimage.objectfile, \
        org.graalvm.nativeimage.configure,org.graalvm.word,org.graalvm.collections,org.graalvm.truffle.compiler, \
        java.net.http,jdk.net,jdk.unsupported
}

# All jars but the compiler, which replaces the module of the same name in the JDK.
builder_module_path() {
    local jar path=
    for jar in "$1"/jars/*.jar; do
        [[ $jar == */compiler-* ]] || path+=:$jar
    done
    echo "${path#:}"
}

# The few options of the driver that our callers use, in the builder's own spelling.
translate() {
    case $1 in
        --initialize-at-build-time=*) echo "-H:ClassInitialization=${1#*=}:build_time" | sed 's/,/:build_time,/g' ;;
        --initialize-at-run-time=*) echo "-H:ClassInitialization=${1#*=}:run_time" | sed 's/,/:run_time,/g' ;;
        -H:* | -R:* | -D*) echo "$1" ;;
        *) die "--image-arg $1: not known without a GraalVM; use the builder's own spelling (-H:… or -R:…)" ;;
    esac
}

# The builder wants a UUID. One that follows from the input makes equal builds equal.
build_id() {
    local digest
    digest=$({ echo "$MAIN" "${IMAGE_ARGUMENTS[@]}"; tr ':' '\n' <<<"$CLASSPATH" | while read -r entry; do
        # Where the class path lies is not what it is.
        if [[ -d $entry ]]; then
            (cd "$entry" && find . -type f -exec sha256sum {} + | LC_ALL=C sort)
        else
            sha256sum <"$entry"
        fi
    done; } | sha256sum)
    echo "${digest:0:8}-${digest:8:4}-${digest:12:4}-${digest:16:4}-${digest:20:12}"
}

main "$@"; exit
