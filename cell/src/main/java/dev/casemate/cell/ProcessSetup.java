package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Capabilities;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Identity;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Scheduling;
import dev.casemate.linux.Seccomp;
import dev.casemate.linux.SystemCall;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import dev.casemate.oci.UserSpec;
import dev.casemate.seccomp.SeccompFilter;
import java.util.List;
import java.util.Optional;

/**
 * The last part of a process's way: it is in the container's namespaces and root, and now becomes
 * the user's command, with the user's identity, rights and limits.
 *
 * <p>Order: what needs rights first; the identity; the search for the command, as that identity;
 * the wait for the start; the filter, as late as its rules allow, so that few calls of the engine
 * need to be in the profile; exec.
 */
final class ProcessSetup {
  private static final int GETCWD = 79;
  private static final int FIRST_PRESERVED = 3;

  /** By which a file is executed that its mode keeps from the user, or a directory above it. */
  private static final long FOR_EXEC = Capabilities.DAC_OVERRIDE | Capabilities.DAC_READ_SEARCH;

  private final ProcessSpec process;
  private final ContainerConfig config;
  private final LinuxSpec linux;
  private final Optional<SeccompFilter> filter;
  private final int preserved;
  private final SyncChannel channel;
  private final List<String> warnings;
  private final Labels labels;

  ProcessSetup(
      ProcessSpec process,
      ContainerConfig config,
      Optional<SeccompFilter> filter,
      int preserved,
      SyncChannel channel,
      Labels labels,
      List<String> warnings) {
    this.process = process;
    this.config = config;
    this.linux = config.spec().linux();
    this.filter = filter;
    this.preserved = preserved;
    this.channel = channel;
    this.labels = labels;
    this.warnings = warnings;
  }

  /** What lies between being ready and the exec. */
  interface Gate {
    /**
     * Returns once the command may start.
     *
     * @param environment of the command
     * @param last what programs that are to run before it, as it would, have to go through
     */
    void pass(List<String> environment, Last last);
  }

  /** The last steps of a process, and what is left of them for the program in memory. */
  interface Last {
    /** Whether they install a filter that asks an agent. */
    boolean asksAgent();

    /**
     * Takes what of them a process takes itself.
     *
     * @param way how the program in memory says that the filter has a listener, and gets its go
     */
    FinalExec steps(Optional<SyncChannel> way);
  }

  /** Does not return but by an exception. */
  void execute(Gate gate) {
    String step = "process";
    try {
      step = "personality";
      personality();
      step = "scheduling";
      Priorities.apply(process);
      step = "memory policy";
      MemoryPolicies.apply(linux.memoryPolicy());
      step = "rlimits";
      Rlimits.apply(process.rlimits(), warnings);
      boolean moved = changeDirectory(false);
      step = "ownership of the standard streams";
      StreamOwner.own(List.of(Fd.STDIN, Fd.STDOUT, Fd.STDERR), process.user().uid());
      step = "capabilities";
      CapabilitySets wanted = CapabilitySets.of(process.capabilities(), warnings);
      // A filter takes either this right or no_new_privs; it has to survive the next exec.
      boolean needed = filter.isPresent() && !process.noNewPrivileges();
      long extra = needed ? Capabilities.SYS_ADMIN & wanted.available() : 0;
      // Without a program between (see FinalExec), which saves an exec: in a VM of the container's
      // own the engine's file lies on a read-only mount.
      boolean straight =
          config.ownKernel()
              && extra == 0
              && labels.none()
              && !Rlimits.hasLate(process.rlimits())
              && filter.map(f -> !f.hasListener()).orElse(true);
      // So do the rights by which the command's file is found and executed; root keeps its own.
      boolean keeps = straight || (extra == 0 && process.user().uid() == 0);
      long carried = keeps ? 0 : wanted.sets().effective() & FOR_EXEC;
      Capabilities.Sets last = wanted.sets();
      Capabilities.Sets until =
          new Capabilities.Sets(
              last.effective() | extra,
              last.permitted() | extra,
              last.inheritable() | extra | carried);
      if ((extra | carried) != 0) {
        // Before the bounding set is cut down, which bounds what may become inheritable.
        Capabilities.set(
            new Capabilities.Sets(wanted.available(), wanted.available(), until.inheritable()));
      }
      Capabilities.limitBounding(wanted.bounding());
      step = "user";
      become(process.user());
      step = "capabilities";
      Capabilities.set(until);
      if (!moved) {
        changeDirectory(true);
      }
      verifyDirectory();
      List<String> environment = environment();
      String path =
          process.args().isEmpty() ? "" : CommandPath.find(process.args().get(0), environment);
      channel.sendReady(warnings);
      gate.pass(environment, forHooks(wanted, extra, carried));
      if (path.isEmpty()) {
        throw SpecCheck.noProcess();
      }
      step = "preserved descriptors";
      for (int i = 0; i < preserved; i++) {
        Fd.of(FIRST_PRESERVED + i).closeOnExec(false);
      }
      step = "capabilities";
      if (straight) {
        rights(wanted.ambient());
        executeDirectly(path, environment);
      }
      int listener = FIRST_PRESERVED + preserved;
      listener += listener == channel.socket().number() ? 1 : 0;
      lastSteps(new FinalExec(channel), wanted, extra, carried, listener, false)
          .execute(path, process.args(), environment);
    } catch (LinuxException e) {
      throw Failures.of(step, e);
    }
  }

  private Last forHooks(CapabilitySets wanted, long extra, long carried) {
    return new Last() {
      @Override
      public boolean asksAgent() {
        return filter.isPresent() && filter.get().hasListener();
      }

      @Override
      public FinalExec steps(Optional<SyncChannel> way) {
        FinalExec exec = new FinalExec(way.orElse(channel));
        int listener = way.isPresent() ? way.get().socket().number() + 2 : -1;
        return lastSteps(exec, wanted, extra, carried, listener, true);
      }
    };
  }

  private void rights(long ambient) {
    if (process.noNewPrivileges()) {
      Seccomp.noNewPrivileges();
    }
    if (ambient != 0) {
      Capabilities.setAmbient(ambient);
    }
  }

  /**
   * Takes the last steps that this process takes itself, and leaves the rest to the small program.
   *
   * @param extra rights that the installation of the filter takes
   * @param carried rights that the last exec, but not what it executes, is to have
   * @param free number that a new descriptor will get then, such as the filter's listener
   * @param hook whether it is for a hook's program, which the engine does not follow
   */
  private FinalExec lastSteps(
      FinalExec exec, CapabilitySets wanted, long extra, long carried, int free, boolean hook) {
    rights(wanted.ambient() | extra | carried);
    if (!hook) {
      labels.apply(exec);
      Rlimits.applyLate(process.rlimits(), exec);
    }
    // Not after the filter, which need not allow it, but for what the filter takes itself.
    exec.lowerAmbient(carried & wanted.sets().inheritable() & ~wanted.ambient());
    if (extra == 0 && (carried & ~wanted.ambient()) != 0) {
      last(exec, wanted, carried);
    }
    if (filter.isPresent()) {
      SeccompFilter seccomp = filter.get();
      exec.filter(seccomp, seccomp.flags(), seccomp.hasListener() ? free : -1);
    }
    if (extra != 0) {
      last(exec, wanted, carried);
    }
    return exec;
  }

  /** Gives up what was only for the way here; the last exec takes the rest of what is carried. */
  private void last(FinalExec exec, CapabilitySets wanted, long carried) {
    Capabilities.Sets sets = wanted.sets();
    // Under a no_new_privs of the engine's own, root gets no more by an exec than it has.
    long own = process.user().uid() == 0 ? sets.permitted() & wanted.bounding() : 0;
    long kept = wanted.ambient() | carried | own;
    exec.capabilities(kept, kept, sets.inheritable());
  }

  private void executeDirectly(String path, List<String> environment) {
    if (filter.isPresent()) {
      Seccomp.install(filter.get().program(), filter.get().flags());
    }
    try {
      Processes.execute(path, process.args(), environment);
    } catch (LinuxException e) {
      throw CommandPath.failed(path, e.errno());
    }
  }

  private void personality() {
    if (linux.personality().isEmpty()) {
      return;
    }
    LinuxSpec.Personality personality = linux.personality().get();
    if (!personality.flags().isEmpty()) {
      throw Failures.invalid(
          "linux.personality.flags: "
              + personality.flags().get(0)
              + " is unknown, the specification has none; remove it");
    }
    switch (personality.domain()) {
      case "LINUX" -> Scheduling.personality(0);
      case "LINUX32" -> Scheduling.personality(8);
      default ->
          throw Failures.invalid(
              "linux.personality.domain \""
                  + personality.domain()
                  + "\" is unknown; use LINUX or LINUX32");
    }
  }

  private void become(UserSpec user) {
    Capabilities.keepOverUidChange(true);
    if (!config.spec().keepsGroups()) {
      groups(user.additionalGids());
    } else if (!user.additionalGids().isEmpty()) {
      warnings.add(
          "process.user.additionalGids is not set: annotation "
              + Spec.KEEP_GROUPS
              + " keeps the caller's groups instead");
    }
    Identity.gid(user.gid());
    Identity.uid(user.uid());
    Processes.fileModeMask(user.umask().orElse(0022));
    Capabilities.keepOverUidChange(false);
  }

  private static void groups(List<Integer> gids) {
    try {
      Identity.groups(gids);
    } catch (LinuxException e) {
      // A user namespace that was made without rights has no say over groups.
      if (e.errno() != Errno.EPERM || !gids.isEmpty()) {
        throw e;
      }
    }
  }

  /** Whether it has worked; a directory that only the user may enter is tried again as the user. */
  private boolean changeDirectory(boolean last) {
    try {
      Processes.changeDirectory(process.cwd());
      return true;
    } catch (LinuxException e) {
      if (!last && e.errno() == Errno.EACCES) {
        return false;
      }
      throw Failures.of("chdir to cwd (\"" + process.cwd() + "\") set in config.json failed", e);
    }
  }

  /** A working directory outside of the root would be a way out. */
  private void verifyDirectory() {
    try (NativeBuffer path = NativeBuffer.allocate(4096)) {
      long r = SystemCall.raw(GETCWD, path.address(), path.size());
      if ((SystemCall.failed(r) && r != -Errno.ERANGE) || !path.string(0).startsWith("/")) {
        throw Failures.invalid(
            "cwd \"" + process.cwd() + "\" leads out of the container; name a directory in it");
      }
    }
  }

  /** The process's environment, with HOME by the container's passwd file if it has none. */
  private List<String> environment() {
    List<String> environment = Environment.distinct(process.env());
    if (!environment.remove("HOME=") && Environment.has(environment, "HOME")) {
      return environment;
    }
    try (Fd root = Fs.open("/", OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      environment.add("HOME=" + Users.home(root, process.user().uid()));
    } catch (dev.casemate.base.CasemateException e) {
      warnings.add("HOME is /: " + e.getMessage());
      environment.add("HOME=/");
    }
    return environment;
  }
}
