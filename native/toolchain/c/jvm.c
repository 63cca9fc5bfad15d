/*
 * libjvm: the functions that the JDK's own native libraries expect from the virtual machine that loads them. There is no such machine
 * in a native image; the few that are reached are implemented here. The linker names any that a new JDK version adds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jni.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int processors = 1;

/* com.oracle.svm.core.jdk.Jvm: called once before Java code runs. */
void initialize(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        processors = CPU_COUNT(&set);
    }
}

jint JVM_ActiveProcessorCount(void) {
    return processors;
}

jint JVM_GetInterfaceVersion(void) {
    return 6;
}

jboolean JVM_IsStaticallyLinked(void) {
    return JNI_TRUE;
}

void JVM_BeforeHalt(void) {
}

void JVM_Halt(int code) {
    _exit(code);
}

jint JVM_InitializeSocketLibrary(void) {
    return 0;
}

void *JVM_FindLibraryEntry(void *handle, const char *name) {
    return dlsym(handle, name);
}

jstring JVM_GetTemporaryDirectory(JNIEnv *env) {
    return (*env)->NewStringUTF(env, "/tmp");
}

static jlong nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

jlong JVM_NanoTime(JNIEnv *env, jclass ignored) {
    (void)env;
    (void)ignored;
    return nanoseconds(CLOCK_MONOTONIC);
}

jlong JVM_CurrentTimeMillis(JNIEnv *env, jclass ignored) {
    (void)env;
    (void)ignored;
    return nanoseconds(CLOCK_REALTIME) / 1000000;
}

/* Nanoseconds from a number of seconds to now, or -1 if they are too far apart for the caller to add up (jdk.internal.misc.VM). */
jlong JVM_GetNanoTimeAdjustment(JNIEnv *env, jclass ignored, jlong offset_seconds) {
    (void)env;
    (void)ignored;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    jlong seconds = t.tv_sec - offset_seconds;
    if (seconds > 0x100000000LL || seconds < -0x100000000LL) {
        return -1;
    }
    return seconds * 1000000000LL + t.tv_nsec;
}

jlong Java_java_lang_System_nanoTime(JNIEnv *env, jclass class) {
    return JVM_NanoTime(env, class);
}

jlong Java_java_lang_System_currentTimeMillis(JNIEnv *env, jclass class) {
    return JVM_CurrentTimeMillis(env, class);
}

jlong Java_jdk_internal_misc_VM_getNanoTimeAdjustment(JNIEnv *env, jclass class, jlong offset_seconds) {
    return JVM_GetNanoTimeAdjustment(env, class, offset_seconds);
}

/* The virtual machine's printf family: unlike C's, -1 if the text was cut, and always terminated. */
int jio_vsnprintf(char *buffer, size_t size, const char *format, va_list arguments) {
    int length = vsnprintf(buffer, size, format, arguments);
    if (length >= 0 && (size_t)length >= size) {
        return -1;
    }
    return length;
}

int jio_snprintf(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = jio_vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

int jio_vfprintf(FILE *stream, const char *format, va_list arguments) {
    return vfprintf(stream, format, arguments);
}

int jio_fprintf(FILE *stream, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vfprintf(stream, format, arguments);
    va_end(arguments);
    return length;
}
