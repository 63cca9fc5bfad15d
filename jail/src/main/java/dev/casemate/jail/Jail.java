package dev.casemate.jail;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Capabilities;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Identity;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.ResourceLimits;
import dev.casemate.linux.ResourceLimits.Limit;
import dev.casemate.linux.Seccomp;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.Uninterrupted;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Starts a program that is confined before its first instruction.
 *
 * <p>A thread of its own gives up, one after the other, what the program must not have: the host's
 * namespaces, its file system, the user and all groups, capabilities, privileges by exec, system
 * calls. Then it starts the program, which inherits the thread's state, and ends. There is no
 * helper process, and the program never runs with more rights than it keeps. Source of the idea:
 * namespaces(7), credentials(7) and seccomp(2) are about threads, and posix_spawn(3) starts the
 * child from the calling one.
 */
public final class Jail {
  private static final int CORE = ResourceLimits.number("RLIMIT_CORE");
  private static final int FILE_SIZE = ResourceLimits.number("RLIMIT_FSIZE");
  private static final int OPEN_FILES = ResourceLimits.number("RLIMIT_NOFILE");
  private static final int FIRST_DESCRIPTOR = 3;
  private static final long ALL = -1;
  private static final long ALWAYS =
      Processes.CLONE_NEWIPC | Processes.CLONE_NEWUTS | Processes.CLONE_NEWPID;

  private final String place;
  private final Optional<JailRoot> root;
  private final Optional<JailUser> user;
  private final long capabilities;
  private final JailLimits limits;
  private final Optional<Fd> network;

  private Jail(
      String place,
      Optional<JailRoot> root,
      Optional<JailUser> user,
      long capabilities,
      JailLimits limits,
      Optional<Fd> network) {
    this.place = place;
    this.root = root;
    this.user = user;
    this.capabilities = capabilities;
    this.limits = limits;
    this.network = network;
  }

  /**
   * The full jail: a root of its own, a user of its own, no capabilities, an allow list of system
   * calls.
   *
   * @param place an existing directory of the host, on which the root is mounted for a moment, seen
   *     by the jail alone
   * @param network a network namespace to be in; empty: a new one without interfaces
   */
  public static Jail full(
      String place, JailRoot root, JailUser user, JailLimits limits, Optional<Fd> network) {
    return new Jail(place, Optional.of(root), Optional.of(user), 0, limits, network);
  }

  /**
   * The jail of a daemon that must act for many users and shuts itself into a mount and a network
   * namespace: it stays root with few capabilities. It gets the other namespaces, and no privileges
   * by exec.
   *
   * @param capabilities names of those that it may have, {@code CAP_CHOWN}
   */
  public static Jail daemon(List<String> capabilities, JailLimits limits) {
    long mask = 0;
    for (String name : capabilities) {
      mask |= 1L << Capabilities.number(name);
    }
    return new Jail("", Optional.empty(), Optional.empty(), mask, limits, Optional.empty());
  }

  /**
   * No jail: the program keeps the rights of this process. Like that of {@link #daemon} it keeps
   * its capabilities when it acts as another user.
   */
  public static Jail none() {
    return new Jail(
        "", Optional.empty(), Optional.empty(), ALL, new JailLimits(-1, -1), Optional.empty());
  }

  private static final class Outcome {
    private int pid;
    private @Nullable Throwable failure;
  }

  /**
   * Starts a program. Its path and its working directory are those in the jail.
   *
   * @return the child's pid, in the caller's pid namespace; the caller must wait for it
   * @throws CasemateException FAILED_PRECONDITION if this process or machine cannot set up the jail
   */
  public int start(Spawn program) {
    Outcome outcome = new Outcome();
    // A descriptor that this process inherited, or that a library opened, must not go further.
    Descriptors.closeOnExecFrom(FIRST_DESCRIPTOR);
    try (Spawn.Prepared prepared = program.prepare();
        StartGate gate = new StartGate()) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  outcome.pid = run(prepared, gate);
                } catch (Throwable e) {
                  outcome.failure = e;
                } finally {
                  gate.end();
                }
              },
              "jail");
      // Limits belong to the process: one start at a time, and then ours again.
      synchronized (Jail.class) {
        boolean hard = user.isEmpty() && mayRaiseLimits();
        Limit core = lower(CORE, 0, hard);
        Limit fileSize = lower(FILE_SIZE, limits.fileBytes(), hard);
        Limit openFiles = lower(OPEN_FILES, limits.openFiles(), hard);
        try {
          thread.start();
          gate.serve();
          Uninterrupted.join(thread);
        } finally {
          ResourceLimits.set(OPEN_FILES, openFiles);
          ResourceLimits.set(FILE_SIZE, fileSize);
          ResourceLimits.set(CORE, core);
        }
      }
    }
    if (outcome.failure != null) {
      throw explain(outcome.failure);
    }
    return outcome.pid;
  }

  /** Whether hard limits can be put back. */
  private static boolean mayRaiseLimits() {
    return (Capabilities.get().effective() & 1L << Capabilities.number("CAP_SYS_RESOURCE")) != 0;
  }

  /**
   * Lowers a limit; returns what it was.
   *
   * @param hard whether the hard one as well
   */
  private static Limit lower(int resource, long to, boolean hard) {
    Limit was = ResourceLimits.get(resource);
    if (to >= 0) {
      ResourceLimits.set(
          resource, new Limit(least(to, was.soft()), hard ? least(to, was.hard()) : was.hard()));
    }
    return was;
  }

  private static long least(long a, long b) {
    return Long.compareUnsigned(a, b) < 0 ? a : b;
  }

  /**
   * On a thread that ends with it. After the file system is gone no class can be loaded on a JVM:
   * what is used then has been used before.
   */
  private int run(Spawn.Prepared prepared, StartGate gate) {
    if (root.isEmpty() || user.isEmpty()) {
      // The guest's kernel has decided what its users may do, with all their groups, of which the
      // daemon knows only one: acting as a user is to give files their owner, not to ask again.
      Capabilities.keepOnChangeOfUser();
    }
    if (capabilities == ALL) {
      return prepared.start();
    }
    Seccomp.noNewPrivileges();
    Capabilities.limitBounding(capabilities);
    if (root.isEmpty() || user.isEmpty()) {
      Processes.unshare(ALWAYS);
      return prepared.start();
    }
    if (network.isPresent()) {
      Processes.joinNamespace(network.get(), Processes.CLONE_NEWNET);
    }
    Processes.unshare(
        ALWAYS | Processes.CLONE_NEWNS | (network.isPresent() ? 0 : Processes.CLONE_NEWNET));
    JailUser owner = user.get();
    long[] filter = SystemCallFilter.program();
    Identity.groups(List.of());
    List<Integer> groups = root.get().enter(place, owner);
    if (!groups.isEmpty()) {
      Identity.groups(groups);
    }
    Identity.gid(owner.gid());
    // Permitted, effective and ambient capabilities go with uid 0 (capabilities(7)).
    Identity.uid(owner.uid());
    gate.open(Seccomp.install(filter, Seccomp.FLAG_NEW_LISTENER).orElseThrow());
    return prepared.start();
  }

  private static RuntimeException explain(Throwable failure) {
    if (failure instanceof LinuxException e) {
      String remedy =
          switch (e.errno()) {
            case Errno.EPERM, Errno.EACCES ->
                "; run Casemate as root with CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and CAP_SETPCAP,"
                    + " or switch the jail off (jail.enabled, CASEMATE_JAIL)";
            case Errno.ENOSYS, Errno.EINVAL ->
                "; the jail needs Linux 5.12 or later with seccomp; switch it off (jail.enabled,"
                    + " CASEMATE_JAIL) on an older one";
            case Errno.ENOSPC, Errno.EUSERS ->
                "; raise the limits in /proc/sys/user, such as max_mnt_namespaces";
            default -> "";
          };
      return CasemateException.of(
          Kind.FAILED_PRECONDITION, "cannot set up the jail: " + e.getMessage() + remedy, e);
    }
    if (failure instanceof RuntimeException e) {
      return e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    return new IllegalStateException("the jail's thread failed", failure);
  }
}
