/*
 * Corrections of what the image's runtime does to the process before main, part of libcasemate.a. The linker sends the runtime's calls of
 * a function f here (--wrap=f in build-image.sh); __real_f is libc's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAIN_STACK_LIMIT (8UL << 20)
#define THREAD_STACK (1UL << 20)
#define PAGE 4096UL

int __real_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);
int __real_setrlimit(int resource, const struct rlimit *limit);

/*
 * The runtime raises the limit of open files to the maximum. Every container would inherit that, and programs that close all possible
 * descriptors, or use select(2), do badly with it. Casemate sets the limits of what it starts by prlimit64, so this call may do nothing.
 */
int __wrap_setrlimit(int resource, const struct rlimit *limit) {
    return resource == RLIMIT_NOFILE ? 0 : __real_setrlimit(resource, limit);
}

/*
 * musl gives a thread 128 KiB; Java code wants more. Not by -R:StackSize, which would hold for the main thread, too. It is only reserved.
 */
__attribute__((constructor)) static void give_threads_larger_stacks(void) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0) {
        pthread_setattr_default_np(&attributes);
    }
    pthread_attr_destroy(&attributes);
}

/*
 * The runtime asks for the bounds of a thread's stack, to throw StackOverflowError before its end. For the main thread musl answers with
 * what is mapped at this moment, about 130 KiB, found by one system call a page. But the kernel extends this stack on demand, down to its
 * limit; so that is the answer. (GraalVM avoids the problem by running main in another thread; we must stay with one.)
 */
int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes) {
    if (!pthread_equal(thread, pthread_self()) || syscall(SYS_gettid) != getpid()) {
        return __real_pthread_getattr_np(thread, attributes);
    }
    /* The name of the executed file lies at the very end of the stack (fs/exec.c). */
    const char *name = (const char *)getauxval(AT_EXECFN);
    if (name == NULL) {
        return __real_pthread_getattr_np(thread, attributes);
    }
    uintptr_t end = ((uintptr_t)name + strlen(name) + 1 + sizeof(void *) + PAGE - 1) & -PAGE;
    size_t size = MAIN_STACK_LIMIT;
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < size) {
        size = limit.rlim_cur & -PAGE;
    }
    pthread_attr_init(attributes);
    pthread_attr_setguardsize(attributes, 0);
    return pthread_attr_setstack(attributes, (void *)(end - size), size);
}

/*
 * The JDK's network library asks at its loading, which is at every start, whether there is IPv6 and SO_REUSEPORT: two sockets, a file of
 * /proc. An executable that has no use for java.net leaves it out (--wrap=JNI_OnLoad_net in image.sh): 1 % of a guest's start by emulation.
 */
int __wrap_JNI_OnLoad_net(void *vm, void *reserved) {
    (void)vm;
    (void)reserved;
    return 0x00010008; /* JNI_VERSION_1_8 */
}
