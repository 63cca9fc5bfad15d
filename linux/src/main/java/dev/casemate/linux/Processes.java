package dev.casemate.linux;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Processes: making, waiting, signalling, identity, and what a process may do to itself. */
public final class Processes {
  public static final long CLONE_NEWTIME = 0x80L;

  /** Root and working directory, which threads share. */
  public static final long CLONE_FS = 0x200L;

  public static final long CLONE_NEWNS = 0x20000L;
  public static final long CLONE_NEWCGROUP = 0x02000000L;
  public static final long CLONE_NEWUTS = 0x04000000L;
  public static final long CLONE_NEWIPC = 0x08000000L;
  public static final long CLONE_NEWUSER = 0x10000000L;
  public static final long CLONE_NEWPID = 0x20000000L;
  public static final long CLONE_NEWNET = 0x40000000L;
  public static final long CLONE_PARENT = 0x8000L;
  public static final int WNOHANG = 1;
  private static final Kernel KERNEL = Kernel.INSTANCE;

  private Processes() {}

  public static int currentPid() {
    return (int) SystemCall.raw(SystemCall.GETPID);
  }

  public static int parentPid() {
    return (int) SystemCall.raw(SystemCall.GETPPID);
  }

  public static int effectiveUid() {
    return (int) SystemCall.raw(SystemCall.GETEUID);
  }

  public static int effectiveGid() {
    return (int) SystemCall.raw(SystemCall.GETEGID);
  }

  /**
   * Forks, with {@code CLONE_NEW…} and {@code CLONE_PARENT} flags if wanted. Only in a native image
   * and only while the process has a single thread.
   *
   * @return 0 in the child, the child's pid in the parent
   */
  public static int fork(long cloneFlags) {
    return (int) SystemCall.check(KERNEL.fork(cloneFlags), "clone", "");
  }

  /** Ends the process at once. */
  public static void exit(int status) {
    KERNEL.exit(status);
  }

  /** {@code execve(2)}; returns only by throwing. */
  public static void execute(String path, List<String> arguments, List<String> environment) {
    try (NativeBuffer p = NativeBuffer.ofString(path);
        CStrings argv = new CStrings(arguments);
        CStrings envp = new CStrings(environment)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.EXECVE, p.address(), argv.address(), envp.address()),
          "execve",
          path);
    }
  }

  /** {@code execveat(2)} of an open file; returns only by throwing. */
  public static void execute(Fd file, List<String> arguments, List<String> environment) {
    try (NativeBuffer empty = NativeBuffer.ofString("");
        CStrings argv = new CStrings(arguments);
        CStrings envp = new CStrings(environment)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.EXECVEAT,
              file.number(),
              empty.address(),
              argv.address(),
              envp.address(),
              Fs.AT_EMPTY_PATH),
          "execveat",
          file.toString());
    }
  }

  /** This process's environment as {@code NAME=value} strings. */
  public static List<String> environment() {
    java.util.ArrayList<String> result = new java.util.ArrayList<>();
    for (Map.Entry<String, String> entry : System.getenv().entrySet()) {
      result.add(entry.getKey() + "=" + entry.getValue());
    }
    return result;
  }

  /**
   * {@code wait4(2)}.
   *
   * @param pid a child's pid, or −1 for any
   * @return empty if {@link #WNOHANG} was given and none has ended
   */
  public static Optional<WaitStatus> waitFor(int pid, int options) {
    try (NativeBuffer status = NativeBuffer.allocate(4)) {
      while (true) {
        long ended = SystemCall.raw(SystemCall.WAIT4, pid, status.address(), options, 0);
        if (ended == -Errno.EINTR) {
          continue;
        }
        if (ended == -Errno.ECHILD && pid == -1) {
          return Optional.empty();
        }
        SystemCall.check(ended, "wait4", "pid " + pid);
        if (ended == 0) {
          return Optional.empty();
        }
        Children.waitedFor((int) ended);
        return Optional.of(new WaitStatus((int) ended, status.getInt(0)));
      }
    }
  }

  public static void kill(int pid, int signal) {
    SystemCall.check(SystemCall.raw(SystemCall.KILL, pid, signal), "kill", "pid " + pid);
  }

  /** Signals a process if it is there. */
  public static boolean killIfExists(int pid, int signal) {
    long r = SystemCall.raw(SystemCall.KILL, pid, signal);
    if (r == -Errno.ESRCH) {
      return false;
    }
    SystemCall.check(r, "kill", "pid " + pid);
    return true;
  }

  /** A descriptor that always refers to the same process and is readable once it has ended. */
  public static Fd openPid(int pid) {
    return Fd.of(
        (int)
            SystemCall.check(
                SystemCall.raw(SystemCall.PIDFD_OPEN, pid, 0), "pidfd_open", "pid " + pid));
  }

  public static void signalPid(Fd pidfd, int signal) {
    SystemCall.check(
        SystemCall.raw(SystemCall.PIDFD_SEND_SIGNAL, pidfd.number(), signal, 0, 0),
        "pidfd_send_signal",
        pidfd.toString());
  }

  /**
   * When a process started, in clock ticks since boot; together with the pid it identifies a
   * process uniquely. Empty if there is no such process, or a zombie.
   */
  public static Optional<Long> startTime(int pid) {
    String stat;
    try {
      stat = FileContent.readString("/proc/" + pid + "/stat", 8192);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ESRCH) {
        return Optional.empty();
      }
      throw e;
    }
    // The command is in parentheses and may hold anything: fields count from the last one.
    List<String> fields = Text.split(stat.substring(stat.lastIndexOf(')') + 1), ' ');
    if (fields.size() < 20 || fields.get(0).equals("Z") || fields.get(0).equals("X")) {
      return Optional.empty();
    }
    return Optional.of(Long.parseLong(fields.get(19)));
  }

  public static void newSession() {
    SystemCall.check(SystemCall.raw(SystemCall.SETSID), "setsid", "");
  }

  public static int fileModeMask(int mask) {
    return (int) SystemCall.raw(SystemCall.UMASK, mask);
  }

  public static void changeDirectory(String path) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      SystemCall.check(SystemCall.raw(SystemCall.CHDIR, p.address()), "chdir", path);
    }
  }

  public static void changeDirectory(Fd directory) {
    SystemCall.check(
        SystemCall.raw(SystemCall.FCHDIR, directory.number()), "fchdir", directory.toString());
  }

  public static void changeRoot(String path) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      SystemCall.check(SystemCall.raw(SystemCall.CHROOT, p.address()), "chroot", path);
    }
  }

  /** {@code unshare(2)}: for the calling thread, or the process if it has only one. */
  public static void unshare(long flags) {
    SystemCall.check(
        SystemCall.raw(SystemCall.UNSHARE, flags), "unshare", "0x" + Long.toHexString(flags));
  }

  /**
   * {@code setns(2)}: {@code namespace} is a namespace's descriptor, or a pidfd with several types
   * or-ed.
   */
  public static void joinNamespace(Fd namespace, long type) {
    SystemCall.check(
        SystemCall.raw(SystemCall.SETNS, namespace.number(), type), "setns", namespace.toString());
  }

  public static void hostname(String name) {
    setName(SystemCall.SETHOSTNAME, "sethostname", name);
  }

  public static void domainname(String name) {
    setName(SystemCall.SETDOMAINNAME, "setdomainname", name);
  }

  private static void setName(int number, String call, String name) {
    try (NativeBuffer n = NativeBuffer.ofString(name)) {
      SystemCall.check(SystemCall.raw(number, n.address(), n.size() - 1), call, name);
    }
  }

  /** {@code prctl(2)} with numbers only. */
  public static int control(int operation, long a, long b, long c, long d) {
    return (int)
        SystemCall.check(
            SystemCall.raw(SystemCall.PRCTL, operation, a, b, c, d), "prctl", "" + operation);
  }

  /** Signal that this process gets when the thread that made it ends (PR_SET_PDEATHSIG). */
  public static void parentDeathSignal(int signal) {
    control(1, signal, 0, 0, 0);
  }

  /** Orphaned descendants become children of this process (PR_SET_CHILD_SUBREAPER). */
  public static void childSubreaper() {
    control(36, 1, 0, 0, 0);
  }
}
