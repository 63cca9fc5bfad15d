package dev.casemate.jail;

import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;

/**
 * The system calls that a jailed VMM may make: an allow list for seccomp(2) on x86-64.
 *
 * <p>A call that is not on the list fails with EPERM and the VM goes on: a newer VMM that merely
 * tries a call must not lose its guest. {@code clone3} and calls that are newer than this list fail
 * with ENOSYS, so that the C library falls back to an older call.
 *
 * <p>Calls that only a start needs ({@code execve}, {@code clone} of a process, {@code setsid}) are
 * sent to the filter's listener, which {@link Jail} closes as soon as the program runs. From then
 * on the kernel fails them with ENOSYS (seccomp_unotify(2)): the program cannot start another.
 */
final class SystemCallFilter {
  private static final int LOAD = 0x20;
  private static final int AND = 0x54;
  private static final int JUMP_EQUAL = 0x15;
  private static final int JUMP_GREATER_EQUAL = 0x35;
  private static final int JUMP_SET = 0x45;
  private static final int RETURN = 0x06;

  static final int ALLOW = 0x7fff0000;
  static final int ASK = 0x7fc00000;
  static final int EPERM = 0x00050001;
  static final int ENOSYS = 0x00050026;
  static final int KILL = 0x80000000;

  private static final int ARCHITECTURE_X86_64 = 0xc000003e;
  private static final int X32 = 0x40000000;

  /** {@code statmount} and later calls: unknown to the C libraries that this list was made for. */
  private static final int FIRST_UNKNOWN = 457;

  private static final int CLONE_THREAD = 0x10000;
  private static final int TIOCSTI = 0x5412;
  private static final int TIOCLINUX = 0x541c;
  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_TYPE_MASK = 0xf;

  /** Offsets in {@code struct seccomp_data}. */
  private static final int NUMBER = 0;

  private static final int ARCHITECTURE = 4;
  private static final int ARGUMENTS = 16;

  /** {@code name number}, allowed whatever the arguments are. */
  private static final List<String> PLAIN =
      calls(
          """
          read 0, write 1, open 2, close 3, stat 4, fstat 5, lstat 6, poll 7, lseek 8, mmap 9,
          mprotect 10, munmap 11, brk 12, rt_sigaction 13, rt_sigprocmask 14, rt_sigreturn 15,
          pread64 17, pwrite64 18, readv 19, writev 20, access 21, pipe 22, select 23,
          sched_yield 24, mremap 25, msync 26, mincore 27, madvise 28, dup 32, dup2 33,
          nanosleep 35, getpid 39, sendto 44, recvfrom 45, sendmsg 46, recvmsg 47,
          shutdown 48, listen 50, getsockname 51, getpeername 52, setsockopt 54,
          getsockopt 55, exit 60, wait4 61, uname 63, fcntl 72, fsync 74, fdatasync 75,
          ftruncate 77, getcwd 79, chdir 80, readlink 89, gettimeofday 96, getrlimit 97,
          getrusage 98, sysinfo 99, getuid 102, getgid 104, geteuid 107, getegid 108,
          getppid 110, sigaltstack 131, statfs 137, fstatfs 138, arch_prctl 158, gettid 186,
          futex 202, sched_getaffinity 204, set_tid_address 218, restart_syscall 219,
          fadvise64 221, clock_gettime 228, clock_getres 229, clock_nanosleep 230,
          exit_group 231, epoll_wait 232, epoll_ctl 233, tgkill 234, openat 257,
          newfstatat 262, readlinkat 267, faccessat 269, pselect6 270, ppoll 271,
          set_robust_list 273, sync_file_range 277, epoll_pwait 281, timerfd_create 283,
          fallocate 285, timerfd_settime 286, timerfd_gettime 287, accept4 288, signalfd4 289,
          eventfd2 290, epoll_create1 291, dup3 292, pipe2 293, preadv 295, pwritev 296,
          seccomp 317, getrandom 318, memfd_create 319, membarrier 324, preadv2 327,
          pwritev2 328, statx 332, rseq 334, close_range 436, faccessat2 439,
          epoll_pwait2 441, futex_wake 454, futex_wait 455, futex_requeue 456""");

  /** Allowed with some arguments only; {@link #program} has the conditions. */
  private static final List<String> CONDITIONAL =
      calls("ioctl 16, socketpair 53, clone 56, prctl 157, prlimit64 302");

  /** Answered by the listener while the program starts, ENOSYS afterwards. */
  private static final List<String> START = calls("execve 59, setsid 112");

  /** {@code prctl} operations that change nothing outside of the calling thread. */
  private static final int[] PRCTL = {
    3, // PR_GET_DUMPABLE
    15, // PR_SET_NAME
    16, // PR_GET_NAME
    21, // PR_GET_SECCOMP
    22, // PR_SET_SECCOMP
    29, // PR_SET_TIMERSLACK
    33, // PR_MCE_KILL
    38, // PR_SET_NO_NEW_PRIVS
    39, // PR_GET_NO_NEW_PRIVS
    41, // PR_SET_THP_DISABLE
    42, // PR_GET_THP_DISABLE
    0x53564d41, // PR_SET_VMA
  };

  private static final long[] PROGRAM = assemble();

  private SystemCallFilter() {}

  /** The filter in the form that {@link dev.casemate.linux.Seccomp#install} takes. */
  static long[] program() {
    return PROGRAM.clone();
  }

  private static List<String> calls(String text) {
    List<String> calls = new ArrayList<>();
    for (String call : Text.split(text.replace('\n', ' '), ',')) {
      calls.add(call.strip());
    }
    return calls;
  }

  private static int number(String call) {
    return Integer.parseInt(call.substring(call.indexOf(' ') + 1));
  }

  private static long instruction(int code, int jumpTrue, int jumpFalse, int k) {
    return ((long) code << 48)
        | ((long) jumpTrue << 40)
        | ((long) jumpFalse << 32)
        | (k & 0xffffffffL);
  }

  private static long[] assemble() {
    List<Long> code = new ArrayList<>();
    code.add(instruction(LOAD, 0, 0, ARCHITECTURE));
    code.add(instruction(JUMP_EQUAL, 1, 0, ARCHITECTURE_X86_64));
    code.add(instruction(RETURN, 0, 0, KILL));
    code.add(instruction(LOAD, 0, 0, NUMBER));
    code.add(instruction(JUMP_GREATER_EQUAL, 0, 1, X32));
    code.add(instruction(RETURN, 0, 0, EPERM));
    for (String call : PLAIN) {
      // The kernel remembers the answer for a call without conditions: the length costs nothing.
      code.add(instruction(JUMP_EQUAL, 0, 1, number(call)));
      code.add(instruction(RETURN, 0, 0, ALLOW));
    }
    for (String call : START) {
      code.add(instruction(JUMP_EQUAL, 0, 1, number(call)));
      code.add(instruction(RETURN, 0, 0, ASK));
    }
    for (String call : CONDITIONAL) {
      List<Long> condition = condition(call);
      code.add(instruction(JUMP_EQUAL, 0, condition.size(), number(call)));
      code.addAll(condition);
    }
    code.add(instruction(JUMP_EQUAL, 0, 1, 435 /* clone3: its flags lie in memory */));
    code.add(instruction(RETURN, 0, 0, ENOSYS));
    code.add(instruction(JUMP_GREATER_EQUAL, 0, 1, FIRST_UNKNOWN));
    code.add(instruction(RETURN, 0, 0, ENOSYS));
    code.add(instruction(RETURN, 0, 0, EPERM));
    long[] program = new long[code.size()];
    for (int i = 0; i < program.length; i++) {
      program[i] = code.get(i);
    }
    return program;
  }

  private static List<Long> condition(String call) {
    List<Long> code = new ArrayList<>();
    switch (call.substring(0, call.indexOf(' '))) {
      case "ioctl" -> {
        // Typing into a terminal that somebody else reads.
        code.add(argument(1));
        code.add(instruction(JUMP_EQUAL, 1, 0, TIOCSTI));
        code.add(instruction(JUMP_EQUAL, 0, 1, TIOCLINUX));
        code.add(instruction(RETURN, 0, 0, EPERM));
        code.add(instruction(RETURN, 0, 0, ALLOW));
      }
      case "socketpair" -> {
        // Not datagrams: their sender may name any receiver.
        code.add(argument(0));
        code.add(instruction(JUMP_EQUAL, 0, 4, AF_UNIX));
        code.add(argument(1));
        code.add(instruction(AND, 0, 0, SOCK_TYPE_MASK));
        code.add(instruction(JUMP_EQUAL, 0, 1, SOCK_STREAM));
        code.add(instruction(RETURN, 0, 0, ALLOW));
        code.add(instruction(RETURN, 0, 0, EPERM));
      }
      case "clone" -> {
        code.add(argument(0));
        code.add(instruction(JUMP_SET, 0, 1, CLONE_THREAD));
        code.add(instruction(RETURN, 0, 0, ALLOW));
        code.add(instruction(RETURN, 0, 0, ASK));
      }
      case "prctl" -> {
        code.add(argument(0));
        for (int operation : PRCTL) {
          code.add(instruction(JUMP_EQUAL, 0, 1, operation));
          code.add(instruction(RETURN, 0, 0, ALLOW));
        }
        code.add(instruction(RETURN, 0, 0, EPERM));
      }
      case "prlimit64" -> {
        // Reading only: a limit may be lifted to the hard one otherwise.
        code.add(argument(2));
        code.add(instruction(JUMP_EQUAL, 0, 3, 0));
        code.add(instruction(LOAD, 0, 0, ARGUMENTS + 8 * 2 + 4));
        code.add(instruction(JUMP_EQUAL, 0, 1, 0));
        code.add(instruction(RETURN, 0, 0, ALLOW));
        code.add(instruction(RETURN, 0, 0, EPERM));
      }
      default -> throw new IllegalStateException(call);
    }
    return code;
  }

  /** Loads the low half of an argument. */
  private static long argument(int index) {
    return instruction(LOAD, 0, 0, ARGUMENTS + 8 * index);
  }

  /** One line a call, {@code name number}, those with conditions marked: for the documentation. */
  static List<String> describe() {
    List<String> lines = new ArrayList<>();
    lines.addAll(PLAIN);
    for (String call : CONDITIONAL) {
      lines.add(call + " (some arguments)");
    }
    return lines;
  }
}
