/*
 * The C part of Casemate's static executables, linked as libcasemate.a. Java binds the functions with @CFunction.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
