/*
 * Part of libchelper: small things about the process. Most are here because the generator can bind only functions of fixed arguments,
 * and libc declares them variadic or does not declare them at all.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "svm_locale.h"

extern char **environ;

char **getEnviron(void) {
    return environ;
}

/* com.oracle.svm.core.posix.linux.LinuxLibCHelper */
int getThreadId(void) {
    return (int)syscall(SYS_gettid);
}

/* The user time of one thread, nanoseconds, or -1: field 14 of /proc/self/task/TID/stat, in clock ticks. */
long getThreadUserTimeSlow(int tid) {
    char path[64];
    char line[1024];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t length = read(fd, line, sizeof line - 1);
    close(fd);
    if (length <= 0) {
        return -1;
    }
    line[length] = 0;
    /* The name of the thread, field 2, may hold blanks and brackets: count from its last bracket. */
    const char *rest = strrchr(line, ')');
    unsigned long ticks;
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &ticks) != 1) {
        return -1;
    }
    return (long)(ticks * (1000000000UL / (unsigned long)sysconf(_SC_CLK_TCK)));
}

void *mremapP(void *old_address, size_t old_size, size_t new_size, int flags, void *new_address) {
    return mremap(old_address, old_size, new_size, flags, new_address);
}

/* com.oracle.svm.core.posix.headers.Fcntl and PosixVMThreads; the suffix of a name is the types of its arguments. */
int openSII(const char *path, int flags, int mode) {
    return open(path, flags, mode);
}

int openatISII(int directory, const char *path, int flags, int mode) {
    return openat(directory, path, flags, mode);
}

int fprintfSD(FILE *stream, const char *format, const char *text, int number) {
    return fprintf(stream, format, text, number);
}

/* x86 keeps its instruction cache coherent by itself. */
void codeSynchronization_clearCache(long start, long size) {
    (void)start;
    (void)size;
}

/*
 * Casemate is a tool of one language, and its output is read by other programs: the same on every machine. So the locale is always
 * English and the time zone UTC, whatever LANG and TZ say, and neither costs a system call at start.
 */
static const svm_locale_props_t english = {.display_language = "en", .format_language = "en"};

int svm_initialize_locale(void) {
    return SVM_LOCALE_INITIALIZATION_SUCCEEDED;
}

const svm_locale_props_t *svm_get_locale(void) {
    return &english;
}

char *SVM_FindJavaTZmd(const char *mappings, int length) {
    (void)mappings;
    (void)length;
    return strdup("UTC"); /* the caller frees it */
}
