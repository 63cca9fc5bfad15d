package dev.casemate.nativetest;

import org.graalvm.nativeimage.c.function.CFunction;
import org.graalvm.nativeimage.c.function.CFunction.Transition;

/** The functions of native/casemate.c, as Casemate binds them. */
final class Libc {
    static final int SYS_WRITE = 1;
    static final int SYS_GETPID = 39;
    static final int SYS_KILL = 62;
    static final int SYS_WAIT4 = 61;
    static final int SYS_FCNTL = 72;
    static final int F_GETFD = 1;
    static final int SYS_UNSHARE = 272;
    static final long CLONE_NEWUSER = 0x10000000L;

    private Libc() {}

    @CFunction(value = "casemate_syscall", transition = Transition.TO_NATIVE)
    static native long syscall(long number, long a, long b, long c, long d, long e, long f);

    /** Not a transition to native: both processes come back to the same Java code, and in one of them nobody waits for a safepoint. */
    @CFunction(value = "casemate_fork", transition = Transition.NO_TRANSITION)
    static native long fork(long flags);

    @CFunction(value = "casemate_exit", transition = Transition.NO_TRANSITION)
    static native void exit(int status);

    @CFunction(value = "casemate_idle", transition = Transition.TO_NATIVE)
    static native long idle(long millis);

    @CFunction(value = "casemate_worked", transition = Transition.TO_NATIVE)
    static native void worked();
}
