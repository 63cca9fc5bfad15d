package dev.casemate.linux;

/**
 * Numbers of x86-64's system calls ({@code arch/x86/entry/syscalls/syscall_64.tbl}) and how a call
 * is made.
 */
public final class SystemCall {
  public static final int READ = 0;
  public static final int WRITE = 1;
  public static final int CLOSE = 3;
  public static final int POLL = 7;
  public static final int LSEEK = 8;
  public static final int MMAP = 9;
  public static final int MUNMAP = 11;
  public static final int RT_SIGACTION = 13;
  public static final int RT_SIGPROCMASK = 14;
  public static final int IOCTL = 16;
  public static final int PREAD64 = 17;
  public static final int PWRITE64 = 18;
  public static final int MADVISE = 28;
  public static final int DUP2 = 33;
  public static final int GETPID = 39;
  public static final int SENDFILE = 40;
  public static final int SOCKET = 41;
  public static final int CONNECT = 42;
  public static final int ACCEPT = 43;
  public static final int SENDTO = 44;
  public static final int RECVFROM = 45;
  public static final int SENDMSG = 46;
  public static final int RECVMSG = 47;
  public static final int SHUTDOWN = 48;
  public static final int BIND = 49;
  public static final int LISTEN = 50;
  public static final int GETSOCKNAME = 51;
  public static final int SOCKETPAIR = 53;
  public static final int SETSOCKOPT = 54;
  public static final int GETSOCKOPT = 55;
  public static final int EXECVE = 59;
  public static final int WAIT4 = 61;
  public static final int KILL = 62;
  public static final int FCNTL = 72;
  public static final int FLOCK = 73;
  public static final int FSYNC = 74;
  public static final int FDATASYNC = 75;
  public static final int FTRUNCATE = 77;
  public static final int CHDIR = 80;
  public static final int FCHDIR = 81;
  public static final int FCHMOD = 91;
  public static final int UMASK = 95;
  public static final int SYSINFO = 99;
  public static final int PTRACE = 101;
  public static final int GETUID = 102;
  public static final int GETGID = 104;
  public static final int SETUID = 105;
  public static final int SETGID = 106;
  public static final int GETEUID = 107;
  public static final int GETEGID = 108;
  public static final int GETPPID = 110;
  public static final int SETSID = 112;
  public static final int SETGROUPS = 116;
  public static final int SETRESUID = 117;
  public static final int SETRESGID = 119;
  public static final int CAPGET = 125;
  public static final int CAPSET = 126;
  public static final int PERSONALITY = 135;
  public static final int STATFS = 137;
  public static final int FSTATFS = 138;
  public static final int SCHED_SETSCHEDULER = 144;
  public static final int PIVOT_ROOT = 155;
  public static final int PRCTL = 157;
  public static final int SETRLIMIT = 160;
  public static final int CHROOT = 161;
  public static final int SYNC = 162;
  public static final int MOUNT = 165;
  public static final int UMOUNT2 = 166;
  public static final int SWAPON = 167;
  public static final int REBOOT = 169;
  public static final int SETHOSTNAME = 170;
  public static final int SETDOMAINNAME = 171;
  public static final int GETTID = 186;
  public static final int SETXATTR = 188;
  public static final int LSETXATTR = 189;
  public static final int FSETXATTR = 190;
  public static final int GETXATTR = 191;
  public static final int LGETXATTR = 192;
  public static final int FGETXATTR = 193;
  public static final int LLISTXATTR = 195;
  public static final int FLISTXATTR = 196;
  public static final int SCHED_SETAFFINITY = 203;
  public static final int SCHED_GETAFFINITY = 204;
  public static final int GETDENTS64 = 217;
  public static final int ADJTIMEX = 159;
  public static final int CLOCK_SETTIME = 227;
  public static final int CLOCK_GETTIME = 228;
  public static final int EXIT_GROUP = 231;
  public static final int EPOLL_WAIT = 232;
  public static final int EPOLL_CTL = 233;
  public static final int TGKILL = 234;
  public static final int WAITID = 247;
  public static final int KEYCTL = 250;
  public static final int IOPRIO_SET = 251;
  public static final int OPENAT = 257;
  public static final int MKDIRAT = 258;
  public static final int MKNODAT = 259;
  public static final int FCHOWNAT = 260;
  public static final int NEWFSTATAT = 262;
  public static final int UNLINKAT = 263;
  public static final int LINKAT = 265;
  public static final int SYMLINKAT = 266;
  public static final int READLINKAT = 267;
  public static final int FCHMODAT = 268;
  public static final int FACCESSAT = 269;
  public static final int PPOLL = 271;
  public static final int UNSHARE = 272;
  public static final int UTIMENSAT = 280;
  public static final int FALLOCATE = 285;
  public static final int TIMERFD_CREATE = 283;
  public static final int TIMERFD_SETTIME = 286;
  public static final int SIGNALFD4 = 289;
  public static final int ACCEPT4 = 288;
  public static final int EVENTFD2 = 290;
  public static final int EPOLL_CREATE1 = 291;
  public static final int DUP3 = 292;
  public static final int PIPE2 = 293;
  public static final int INOTIFY_INIT1 = 294;
  public static final int INOTIFY_ADD_WATCH = 254;
  public static final int INOTIFY_RM_WATCH = 255;
  public static final int PRLIMIT64 = 302;
  public static final int NAME_TO_HANDLE_AT = 303;
  public static final int SYNCFS = 306;
  public static final int SETNS = 308;
  public static final int FINIT_MODULE = 313;
  public static final int SET_MEMPOLICY = 238;
  public static final int SCHED_SETATTR = 314;
  public static final int RENAMEAT2 = 316;
  public static final int SECCOMP = 317;
  public static final int GETRANDOM = 318;
  public static final int MEMFD_CREATE = 319;
  public static final int BPF = 321;
  public static final int EXECVEAT = 322;
  public static final int COPY_FILE_RANGE = 326;
  public static final int STATX = 332;
  public static final int PIDFD_SEND_SIGNAL = 424;
  public static final int OPEN_TREE = 428;
  public static final int MOVE_MOUNT = 429;
  public static final int FSOPEN = 430;
  public static final int FSCONFIG = 431;
  public static final int FSMOUNT = 432;
  public static final int PIDFD_OPEN = 434;
  public static final int CLONE3 = 435;
  public static final int CLOSE_RANGE = 436;
  public static final int OPENAT2 = 437;
  public static final int PIDFD_GETFD = 438;
  public static final int FACCESSAT2 = 439;
  public static final int MOUNT_SETATTR = 442;

  private static final Kernel KERNEL = Kernel.INSTANCE;

  private SystemCall() {}

  /** Makes a call and returns its result, or the negated errno. */
  public static long raw(int number, long a, long b, long c, long d, long e, long f) {
    return KERNEL.syscall(number, a, b, c, d, e, f);
  }

  public static long raw(int number) {
    return KERNEL.syscall(number, 0, 0, 0, 0, 0, 0);
  }

  public static long raw(int number, long a) {
    return KERNEL.syscall(number, a, 0, 0, 0, 0, 0);
  }

  public static long raw(int number, long a, long b) {
    return KERNEL.syscall(number, a, b, 0, 0, 0, 0);
  }

  public static long raw(int number, long a, long b, long c) {
    return KERNEL.syscall(number, a, b, c, 0, 0, 0);
  }

  public static long raw(int number, long a, long b, long c, long d) {
    return KERNEL.syscall(number, a, b, c, d, 0, 0);
  }

  public static long raw(int number, long a, long b, long c, long d, long e) {
    return KERNEL.syscall(number, a, b, c, d, e, 0);
  }

  /** Whether a raw result is an error. */
  public static boolean failed(long result) {
    return result < 0 && result >= -4095;
  }

  /**
   * Returns a raw result that is not an error.
   *
   * @throws LinuxException with the errno, if it is one
   */
  public static long check(long result, String call, String subject) {
    if (failed(result)) {
      throw new LinuxException(call, subject, (int) -result);
    }
    return result;
  }
}
