/*
 * Part of libchelper: the C half of sun.misc.Signal. A handler may run at any instruction, so it only counts the signal and posts a
 * semaphore; the Java thread "Signal Dispatcher" waits for the semaphore, collects the counts and calls the Java handlers. Images whose
 * process must stay single-threaded never open it (-R:-EnableSignalHandling).
 * See com.oracle.svm.core.posix.headers.CSunMiscSignal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static sem_t wakeups;
static atomic_bool owned;
static atomic_uint pending[NSIG];

static bool in_range(int signal) {
    return signal > 0 && signal < NSIG;
}

/* 0: ours now; 1: another isolate of this process has it; 2: the system refuses. */
int cSunMiscSignal_open(void) {
    bool free = false;
    if (!atomic_compare_exchange_strong(&owned, &free, true)) {
        return 1;
    }
    if (sem_init(&wakeups, 0, 0) != 0) {
        atomic_store(&owned, false);
        return 2;
    }
    for (int signal = 0; signal < NSIG; signal++) {
        atomic_store(&pending[signal], 0);
    }
    return 0;
}

/* The semaphore stays: a handler that is still running on another thread may be about to post it. */
int cSunMiscSignal_close(void) {
    atomic_store(&owned, false);
    return 0;
}

int cSunMiscSignal_awaitSemaphore(void) {
    return sem_wait(&wakeups);
}

int cSunMiscSignal_signalSemaphore(void) {
    return sem_post(&wakeups);
}

int cSunMiscSignal_signalRangeCheck(int signal) {
    return in_range(signal);
}

/* Takes one pending signal and returns its number, or -1. Only the dispatcher thread calls it. */
int cSunMiscSignal_checkPendingSignal(void) {
    for (int signal = 1; signal < NSIG; signal++) {
        unsigned count = atomic_load(&pending[signal]);
        while (count > 0) {
            if (atomic_compare_exchange_weak(&pending[signal], &count, count - 1)) {
                return signal;
            }
        }
    }
    return -1;
}

static void count_signal(int signal) {
    int saved_errno = errno;
    if (in_range(signal)) {
        atomic_fetch_add(&pending[signal], 1);
        sem_post(&wakeups);
    }
    errno = saved_errno;
}

void *cSunMiscSignal_signalHandlerFunctionPointer(void) {
    return (void *)count_signal;
}
