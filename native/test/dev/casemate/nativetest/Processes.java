package dev.casemate.nativetest;

import java.util.ArrayList;
import java.util.List;
import org.graalvm.nativeimage.StackValue;
import org.graalvm.nativeimage.c.type.CIntPointer;
import org.graalvm.nativeimage.c.type.CTypeConversion;

/** System calls, and processes made by them. */
final class Processes {
    private Processes() {}

    /** A descriptor that the runtime leaves open would be inherited by what we execute. */
    static boolean onlyStandardDescriptors() {
        for (int descriptor = 3; descriptor < 20; descriptor++) {
            if (Libc.syscall(Libc.SYS_FCNTL, descriptor, Libc.F_GETFD, 0, 0, 0, 0) != -9) {
                return false;
            }
        }
        return true;
    }

    static boolean writes() {
        String text = "written by casemate_syscall\n";
        try (CTypeConversion.CCharPointerHolder bytes = CTypeConversion.toCString(text)) {
            return Libc.syscall(Libc.SYS_WRITE, 1, bytes.get().rawValue(), text.length(), 0, 0, 0) == text.length();
        }
    }

    static boolean returnsNegativeErrno() {
        return Libc.syscall(Libc.SYS_WRITE, -1, 0, 0, 0, 0, 0) == -9;
    }

    static boolean sameProcessId() {
        return Libc.syscall(Libc.SYS_GETPID, 0, 0, 0, 0, 0, 0) == ProcessHandle.current().pid();
    }

    /** The child allocates some hundred megabytes, collects, catches an exception, and says by its exit status whether all went well. */
    static boolean forkedChildRunsJava() {
        long pid = Libc.fork(0);
        if (pid == 0) {
            Libc.exit(allocateAndCollect() ? 42 : 1);
        }
        return exitStatus(pid) == 42;
    }

    static boolean forkedChildCanFork() {
        long pid = Libc.fork(0);
        if (pid == 0) {
            long grandchild = Libc.fork(0);
            if (grandchild == 0) {
                Libc.exit(allocateAndCollect() ? 7 : 1);
            }
            Libc.exit(exitStatus(grandchild) == 7 ? 8 : 1);
        }
        return exitStatus(pid) == 8;
    }

    /** What the kernel refuses to a process of several threads. */
    static boolean unsharesUserNamespace() {
        long pid = Libc.fork(0);
        if (pid == 0) {
            long result = Libc.syscall(Libc.SYS_UNSHARE, Libc.CLONE_NEWUSER, 0, 0, 0, 0, 0);
            Libc.exit((int) -result);
        }
        return exitStatus(pid) == 0;
    }

    static boolean clonesIntoUserNamespace() {
        long pid = Libc.fork(Libc.CLONE_NEWUSER);
        if (pid == 0) {
            Libc.exit(allocateAndCollect() ? 9 : 1);
        }
        return exitStatus(pid) == 9;
    }

    /** No handler of ours: SIGTERM ends the process, as it ends any other. */
    static boolean diesOfSignal() {
        long pid = Libc.fork(0);
        if (pid == 0) {
            Libc.syscall(Libc.SYS_KILL, Libc.syscall(Libc.SYS_GETPID, 0, 0, 0, 0, 0, 0), 15, 0, 0, 0, 0);
            Libc.exit(1);
        }
        return waitStatus(pid) == 15;
    }

    static boolean allocateAndCollect() {
        List<String> kept = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            String made = "string " + i;
            if (i % 1000 == 0) {
                kept.add(made);
            }
        }
        System.gc();
        try {
            kept.get(1_000_000);
            return false;
        } catch (IndexOutOfBoundsException expected) {
            return kept.get(199).equals("string 199000");
        }
    }

    private static int exitStatus(long pid) {
        return waitStatus(pid) >> 8;
    }

    private static int waitStatus(long pid) {
        CIntPointer status = StackValue.get(CIntPointer.class);
        status.write(-1);
        long waited = Libc.syscall(Libc.SYS_WAIT4, pid, status.rawValue(), 0, 0, 0, 0);
        return waited == pid && pid > 0 ? status.read() : -1;
    }
}
