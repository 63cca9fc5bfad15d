package dev.casemate.oci;

import dev.casemate.oci.SeccompSpec.Argument;
import dev.casemate.oci.SeccompSpec.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The system call filter of a container that is not privileged: what ordinary programs use is
 * allowed, what reaches past the container or into rarely tested parts of the kernel is not, unless
 * the container has the capability that is about it. The names are those of all x86 kinds; a
 * compiler leaves out what an architecture does not have.
 */
public final class DefaultSeccomp {
  private static final int EPERM = 1;
  private static final int ENOSYS = 38;

  /** AF_ALG, AF_NFC and AF_VSOCK of linux/socket.h. */
  private static final int AF_ALG = 38;

  private static final int AF_NFC = 39;
  private static final int AF_VSOCK = 40;

  /** All CLONE_NEW… but that of time, which clone(2) has no bit for. */
  private static final long CLONE_NAMESPACES = 0x7e020000L;

  private static final String FILES =
      "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3"
          + " faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat"
          + " fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr"
          + " file_setattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs"
          + " fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr"
          + " getxattrat ioctl lchown lchown32 lgetxattr link linkat listmount listxattr"
          + " listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir"
          + " mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2"
          + " pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat"
          + " readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64"
          + " setxattr setxattrat splice stat stat64 statfs statfs64 statmount statx symlink"
          + " symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat"
          + " utime utimensat utimensat_time64 utimes vmsplice write writev";

  private static final String EVENTS =
      "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait"
          + " epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init"
          + " inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents"
          + " io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6"
          + " pselect6_time64 select signalfd signalfd4";

  private static final String MEMORY =
      "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock"
          + " mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap"
          + " pkey_alloc pkey_free pkey_mprotect remap_file_pages";

  private static final String PROCESSES =
      "capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64"
          + " futex_wait futex_waitv futex_wake getcpu getegid getegid32 geteuid geteuid32 getgid"
          + " getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getrandom"
          + " getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage"
          + " getsid get_thread_area gettid getuid getuid32 ioprio_get ioprio_set kill"
          + " landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open"
          + " pidfd_send_signal prctl prlimit64 process_mrelease process_vm_readv"
          + " process_vm_writev ptrace restart_syscall rseq rt_sigaction rt_sigpending"
          + " rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait"
          + " rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr"
          + " sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler"
          + " sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr"
          + " sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32 setfsuid"
          + " setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid"
          + " setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit"
          + " set_robust_list setsid set_thread_area set_tid_address setuid setuid32 sigaltstack"
          + " sigprocmask sigreturn sysinfo tgkill tkill ugetrlimit uname uretprobe vfork wait4"
          + " waitid waitpid arch_prctl modify_ldt";

  private static final String MESSAGES =
      "accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr"
          + " mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend"
          + " mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg"
          + " recvmmsg_time64 recvmsg semctl semget semop semtimedop semtimedop_time64 send"
          + " sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall"
          + " socketpair";

  private static final String CLOCKS =
      "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime"
          + " clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday"
          + " nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime"
          + " timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime"
          + " timerfd_gettime64 timerfd_settime timerfd_settime64 times";

  private static final String ADMIN =
      "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie"
          + " lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount"
          + " open_tree open_tree_attr perf_event_open quotactl quotactl_fd setdomainname"
          + " sethostname setns syslog umount umount2 unshare";

  private DefaultSeccomp() {}

  /**
   * The profile for a process with the given bounding capabilities ({@code CAP_…}): calls that a
   * capability guards are allowed with the capability.
   */
  public static SeccompSpec profile(List<String> capabilities) {
    List<Rule> rules = new ArrayList<>();
    List<String> always = new ArrayList<>();
    for (String group : new String[] {FILES, EVENTS, MEMORY, PROCESSES, MESSAGES, CLOCKS}) {
      split(group, always);
    }
    rules.add(Rule.allow(always));
    rules.add(allow("socket", 0, AF_ALG, "LT"));
    rules.add(allow("socket", 0, AF_NFC, "EQ"));
    rules.add(allow("socket", 0, AF_VSOCK, "GT"));
    // LINUX, LINUX32, UNAME26 with each, and the question what it is.
    for (long personality : new long[] {0, 8, 0x20000, 0x20008, 0xffffffffL}) {
      rules.add(allow("personality", 0, personality, "EQ"));
    }
    if (capabilities.contains("CAP_SYS_ADMIN")) {
      rules.add(Rule.allow(split(ADMIN, new ArrayList<>())));
    } else {
      rules.add(
          Rule.allow(List.of("clone"), new Argument(0, CLONE_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ")));
      // Its flags lie in memory, where a filter cannot look: callers fall back to clone.
      rules.add(new Rule(List.of("clone3"), "SCMP_ACT_ERRNO", Optional.of(ENOSYS), List.of()));
    }
    guarded(rules, capabilities, "CAP_DAC_READ_SEARCH", "open_by_handle_at");
    guarded(rules, capabilities, "CAP_SYS_BOOT", "reboot");
    guarded(rules, capabilities, "CAP_SYS_CHROOT", "chroot");
    guarded(rules, capabilities, "CAP_SYS_MODULE", "delete_module init_module finit_module");
    guarded(rules, capabilities, "CAP_SYS_PACCT", "acct");
    guarded(rules, capabilities, "CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise");
    guarded(rules, capabilities, "CAP_SYS_RAWIO", "iopl ioperm");
    guarded(
        rules, capabilities, "CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64");
    guarded(rules, capabilities, "CAP_SYS_TTY_CONFIG", "vhangup");
    guarded(
        rules,
        capabilities,
        "CAP_SYS_NICE",
        "get_mempolicy mbind set_mempolicy set_mempolicy_home_node");
    guarded(rules, capabilities, "CAP_SYSLOG", "syslog");
    guarded(rules, capabilities, "CAP_BPF", "bpf");
    guarded(rules, capabilities, "CAP_PERFMON", "perf_event_open");
    return new SeccompSpec(
        "SCMP_ACT_ERRNO",
        Optional.of(EPERM),
        List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
        SeccompSpec.DEFAULT_FLAGS,
        "",
        "",
        rules);
  }

  private static Rule allow(String name, int index, long value, String comparison) {
    return Rule.allow(List.of(name), new Argument(index, value, 0, "SCMP_CMP_" + comparison));
  }

  private static void guarded(
      List<Rule> rules, List<String> capabilities, String capability, String names) {
    if (capabilities.contains(capability)) {
      rules.add(Rule.allow(split(names, new ArrayList<>())));
    }
  }

  private static List<String> split(String names, List<String> into) {
    int start = 0;
    while (start < names.length()) {
      int end = names.indexOf(' ', start);
      if (end < 0) {
        end = names.length();
      }
      into.add(names.substring(start, end));
      start = end + 1;
    }
    return into;
  }
}
