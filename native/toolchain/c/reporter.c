/*
 * libreporterchelper.so, loaded by the builder itself (glibc, not musl), for the figures that it prints about a build.
 * See com.oracle.svm.hosted.ProgressReporterCHelper.
 */
#include <jni.h>
#include <sys/resource.h>

JNIEXPORT jlong JNICALL Java_com_oracle_svm_hosted_ProgressReporterCHelper_getPeakRSS0(JNIEnv *env, jclass class) {
    (void)env;
    (void)class;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024L;
}

/* -1: not a terminal, so the builder neither colours nor redraws. */
JNIEXPORT jint JNICALL Java_com_oracle_svm_hosted_ProgressReporterCHelper_getTerminalWindowColumns0(JNIEnv *env, jclass class) {
    (void)env;
    (void)class;
    return -1;
}
