/*
 * The C part of Casemate's static executables, linked as libcasemate.a. Java binds the functions with @CFunction.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Any system call. Returns what the kernel returns: a negative errno, not -1. libc's syscall() would leave the error in errno, which
 * between the call and the Java code that reads it may be overwritten (by a collection that unmaps memory, for one).
 */
long casemate_syscall(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/*
 * fork, with namespace flags. Returns the child's pid, 0 in the child, or a negative errno. With a null stack the child goes on with a
 * copy of ours, so it returns into the same Java code.
 *
 * Not libc's fork(): it takes no flags, and runs handlers that neither we nor the image's runtime need. Only for a process with a single
 * thread: the child has only the calling one, and a lock that another held at that moment would stay held forever. The child's notion of
 * its own thread id in libc is the parent's; musl uses that for raise() and for recursive and error-checking locks within one process,
 * where any value works that does not change.
 */
long casemate_fork(unsigned long flags) {
    return casemate_syscall(SYS_clone, (long)(flags | SIGCHLD), 0, 0, 0, 0, 0);
}

/* Leaves without atexit handlers or flushing: in a forked child these belong to the parent. */
void casemate_exit(int status) {
    _exit(status);
}

/* /proc/self/pagemap, see the kernel's admin-guide/mm/pagemap: one entry a page. */
enum { PAGE = 4096, ENTRIES = 512 };
#define PRESENT (UINT64_C(1) << 63)
#define OF_A_FILE (UINT64_C(1) << 61)

/* Gives back the unchanged pages in [start, end): returns how many. Nobody may write to them meanwhile. */
static long release_between(int pagemap, uintptr_t start, uintptr_t end) {
    uint64_t entries[ENTRIES];
    long released = 0;
    while (start < end) {
        size_t count = (end - start) / PAGE;
        ssize_t got = pread(pagemap, entries, (count < ENTRIES ? count : ENTRIES) * sizeof *entries, (off_t)(start / PAGE * sizeof *entries));
        if (got < (ssize_t)sizeof *entries) {
            break;
        }
        count = (size_t)got / sizeof *entries;
        for (size_t i = 0; i < count;) {
            size_t first = i;
            while (i < count && (entries[i] & PRESENT) && (entries[i] & OF_A_FILE)) {
                i++;
            }
            if (i == first) {
                i++;
            } else if (madvise((void *)(start + first * PAGE), (i - first) * PAGE, MADV_DONTNEED) == 0) {
                released += (long)(i - first);
            }
        }
        start += count * PAGE;
    }
    return released;
}

/*
 * Gives back the executable's unchanged pages, of its code and constants only or also of its data. Returns how many that were, or -1.
 * From then on these are mapped in small pieces only: the kernel has code of the page cache in pages of 2 MiB, if it can, and would map
 * one of these whole for the next instruction.
 */
static long release(int data) {
    static atomic_int small;
    const Elf64_Phdr *header = (const Elf64_Phdr *)getauxval(AT_PHDR);
    unsigned long count = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    long released = 0;
    int advise = atomic_exchange(&small, 1) == 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0) {
        return -1;
    }
    for (unsigned long i = 0; i < count; i++) {
        if (header[i].p_type == PT_PHDR) {
            base = (uintptr_t)header - header[i].p_vaddr;
        }
    }
    for (unsigned long i = 0; i < count; i++) {
        uintptr_t start = (base + header[i].p_vaddr) & -(uintptr_t)PAGE;
        uintptr_t end = (base + header[i].p_vaddr + header[i].p_filesz + PAGE - 1) & -(uintptr_t)PAGE;
        if (header[i].p_type != PT_LOAD) {
            continue;
        }
        if (advise) {
            /* A kernel without large pages refuses it. */
            madvise((void *)start, end - start, MADV_NOHUGEPAGE);
        }
        if (data || !(header[i].p_flags & PF_W)) {
            released += release_between(pagemap, start, end);
        }
    }
    close(pagemap);
    return released;
}

/*
 * Gives back what can be read again: the pages of the executable, code and data, that this process has mapped and not changed. They stay
 * in the page cache, and what is used again is mapped again. A page that was changed is an anonymous one by then, and is left alone; so
 * no other thread may write to the executable's data meanwhile, for its change would be lost. Returns how many pages that were, or -1.
 */
long casemate_release_unchanged(void) {
    return release(1);
}

static void sleep_millis(long millis) {
    struct timespec time = {.tv_sec = millis / 1000, .tv_nsec = millis % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* How often casemate_worked was called: what casemate_idle waits for. See futex(2), whose constants musl does not have. */
static atomic_int works;
enum { WAIT_PRIVATE = 0 | 128, WAKE_PRIVATE = 1 | 128 };

/* The calling thread has done some work in the background and will wait again: ends casemate_idle, if another thread is in it. */
void casemate_worked(void) {
    atomic_fetch_add(&works, 1);
    casemate_syscall(SYS_futex, (long)&works, WAKE_PRIVATE, 1, 0, 0, 0);
}

/*
 * Gives back the pages of code and constants once the caller's own way here is forgotten: the caller could not do that itself, its way
 * back would map much of them again. Then sleeps, less if a signal comes or when a thread has worked; that one waits again by then. Any
 * thread may run meanwhile. Returns how many pages that were, or -1.
 */
long casemate_idle(long millis) {
    enum { SETTLE = 30 };
    static atomic_int handled;
    int seen = atomic_load(&handled);
    sleep_millis(millis < SETTLE ? millis : SETTLE);
    long released = release(0);
    long left = millis < SETTLE ? 0 : millis - SETTLE;
    if (left > 0) {
        struct timespec time = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        casemate_syscall(SYS_futex, (long)&works, WAIT_PRIVATE, seen, (long)&time, 0, 0);
    }
    int now = atomic_load(&works);
    if (now != seen) {
        atomic_store(&handled, now);
        sleep_millis(SETTLE);
    }
    return released;
}

/*
 * An image maps its heap from its own file, whose name it takes from /proc/self/maps, before main. The first process of a virtual machine
 * finds no /proc, so mount it here, earlier still. As the first process of a container (which also has pid 1) there is one already.
 */
__attribute__((constructor)) static void mount_proc_if_first_process(void) {
    if (getpid() == 1 && access("/proc/self/maps", F_OK) != 0) {
        mkdir("/proc", 0555);
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    }
}
