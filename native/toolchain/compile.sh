# What we compile, and the JDK that the builder runs on. Sourced by toolchain.sh.

MUSL_FLAGS=(-Os "${HARDENING[@]}" -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables)

# The builder looks for the static libraries and for its own helper inside java.home, which the virtual machine derives from the real
# path of its own library. So this is a JDK of copies for what is executed, and links for the rest (most of it is lib/modules).
overlay_jdk() {
    local copy=$WORK/toolchain/jdk entry
    mkdir -p "$copy/bin" "$copy/lib"
    for entry in conf include jmods legal release; do
        [[ ! -e $JDK/$entry ]] || ln -s "$JDK/$entry" "$copy/$entry"
    done
    cp "$JDK"/bin/{java,javac} "$copy/bin"
    for entry in "$JDK"/lib/*; do
        case $(basename "$entry") in
            server | *.so | jvm.cfg) cp -r "$entry" "$copy/lib" ;;
            *) ln -s "$entry" "$copy/lib" ;;
        esac
    done
    "$copy/bin/java" "$NATIVE_DIR/toolchain/java/BuilderArguments.java" "$WORK/toolchain/jars" "$(opened_to)" >"$WORK/toolchain/opened-packages.txt"
}

# Every module of the builder, and the class path of what it builds.
opened_to() {
    local jar modules=ALL-UNNAMED
    for jar in "$WORK"/toolchain/jars/*.jar; do
        modules+=,$(module_name "$jar")
    done
    echo "$modules"
}

module_name() {
    "$JDK/bin/jar" --describe-module --file "$1" | sed -n '1s/[ @].*//p'
}

# compile LIBRARY FLAGS SOURCE…: a static library of the toolchain, as many compilers at a time as there are processors.
# Objects are named after the whole path of their source: two directories have files of the same name.
compile() {
    local library=$1 objects=$WORK/objects/$1 source
    export COMPILE_FLAGS="${MUSL_FLAGS[*]} $2"
    shift 2
    mkdir -p "$objects"
    for source in "$@"; do
        printf '%s\0%s\0' "$source" "$objects/$(tr / _ <<<"${source#"$WORK"/}").o"
    done | xargs -0 -n 2 -P "$(nproc)" bash -c 'exec musl-gcc $COMPILE_FLAGS -c "$0" -o "$1"'
    mkdir -p "$WORK/toolchain/jdk/lib/static/linux-amd64/musl"
    ar rcsD "$WORK/toolchain/jdk/lib/static/linux-amd64/musl/lib$library.a" "$objects"/*.o
}

compile_jdk_libraries() {
    local source=$WORK/openjdk-25/src includes
    write_jni_headers "$source"
    write_version_header
    link_kernel_headers
    includes="-I$WORK/jni-headers -I$JDK/include -I$JDK/include/linux -I$source/hotspot/share/include -I$source/hotspot/os/posix/include"
    includes+=$(include_flags "$source/java.base") includes+=" -I$WORK/zlib -idirafter $WORK/kernel-headers"
    for library in java nio net zip; do
        compile_jdk_library "$library" "$source/java.base" "$includes"
    done
    compile_jdk_library extnet "$source/jdk.net" "$includes"
}

# compile_jdk_library NAME MODULE-DIRECTORY INCLUDE-FLAGS
# -w: the JDK's build has its own set of warnings; these are not our sources to mend.
compile_jdk_library() {
    local directories=() directory sources
    for directory in "$2"/{share,unix,linux}/native/lib"$1"; do
        [[ ! -d $directory ]] || directories+=("$directory")
    done
    mapfile -t sources < <(find "${directories[@]}" -name '*.c' | LC_ALL=C sort)
    compile "$1" "-w -DLIBRARY_NAME=$1 $3 -include $WORK/version.h" "${sources[@]}"
}

include_flags() {
    local directory
    for directory in "$1"/{share,unix,linux}/native/{include,libjava,libnio,libnio/ch,libnio/fs,libnet,libzip,common}; do
        [[ ! -d $directory ]] || printf ' -I%s' "$directory"
    done
}

# The kernel's own headers lie among those of glibc, which musl-gcc must not see.
link_kernel_headers() {
    mkdir "$WORK/kernel-headers"
    ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" "$WORK/kernel-headers"
}

write_jni_headers() {
    local headers
    mapfile -t headers < <(grep -rhoE '#include "(java|sun|jdk)_[A-Za-z0-9_]+\.h"' "$1"/{java.base,jdk.net}/{share,unix,linux}/native 2>/dev/null \
        | cut -d'"' -f2 | LC_ALL=C sort -u)
    mkdir "$WORK/jni-headers"
    "$JDK/bin/java" "$NATIVE_DIR/toolchain/java/JniHeaders.java" "$WORK/jni-headers" "${headers[@]}"
}

# What the JDK's build passes on the compiler's command line. The version's words end up in system properties of the image.
write_version_header() {
    local version number update build
    version=$(jdk_full_version "$JDK")
    number=${version%%+*} build=${version#*+}
    update=$(cut -d. -f3 <<<"$number.0.0")
    cat >"$WORK/version.h" <<END
#define STATIC_BUILD 1
#define LINUX 1
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _REENTRANT 1
#define _LARGEFILE64_SOURCE 1
#define _LP64 1
#define NDEBUG 1
#define ARCHPROPNAME "amd64"
#define VERSION_FEATURE 25
#define VERSION_INTERIM 0
#define VERSION_UPDATE $update
#define VERSION_PATCH 0
#define VERSION_CLASSFILE_MAJOR 69
#define VERSION_CLASSFILE_MINOR 0
#define VERSION_STRING "$version"
#define VERSION_SHORT "$number"
#define VERSION_SPECIFICATION "25"
#define VERSION_DATE "$(sed -n 's/^JAVA_VERSION_DATE="\(.*\)"/\1/p' "$JDK/release")"
#define VERSION_PRE ""
#define VERSION_BUILD "$build"
#define VERSION_OPT ""
#define PRODUCT_NAME "OpenJDK"
#define VENDOR "Casemate"
#define VENDOR_URL ""
#define VENDOR_URL_BUG ""
#define VENDOR_VERSION_STRING ""
END
}

# Only what inflates, deflates and sums; the rest of zlib reads and writes files in gzip format, which java.util.zip does itself.
compile_zlib() {
    local source=$WORK/zlib name sources=()
    for name in adler32 crc32 deflate infback inffast inflate inftrees trees zutil; do
        sources+=("$source/$name.c")
    done
    compile z "-O2" "${sources[@]}"
}

# The builder asks the linker for -llibchelper, so the file is liblibchelper.a; without it, it goes on in silence and the link fails.
compile_own_libraries() {
    local own=$NATIVE_DIR/toolchain flags
    flags="-Wall -Wextra -Werror -I$own/include -I$JDK/include -I$JDK/include/linux"
    compile jvm "$flags" "$own/c/jvm.c"
    compile libchelper "$flags" "$own"/c/{cpu_features,process,signals}.c
    mkdir -p "$WORK/toolchain/jdk/lib/svm/builder/lib"
    cp -r "$own/include" "$WORK/toolchain/include"
    gcc -O2 -Wall -Wextra -Werror -shared -fPIC -I"$JDK/include" -I"$JDK/include/linux" "$own/c/reporter.c" \
        -o "$WORK/toolchain/jdk/lib/svm/builder/lib/libreporterchelper.so"
}
