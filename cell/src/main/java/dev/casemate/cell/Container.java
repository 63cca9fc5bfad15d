package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A container: made and held by a single-threaded process that forks. All its processes that the
 * engine makes are children of the caller, who waits for them and tells {@link #onExit}.
 */
public final class Container {
  /** The states of the runtime-spec, and paused. */
  public enum State {
    CREATED,
    RUNNING,
    PAUSED,
    STOPPED
  }

  private final ContainerConfig config;
  private final Namespaces namespaces;
  private final Optional<SeccompFilter> filter;
  private final Launcher.Launched launched;
  private final CellProcess init;
  private final Fd pidfd;
  private State state = State.CREATED;
  private State beforePause = State.CREATED;
  private Optional<WaitStatus> exitStatus = Optional.empty();

  private Container(
      ContainerConfig config,
      Namespaces namespaces,
      Optional<SeccompFilter> filter,
      Launcher.Launched launched,
      List<String> warnings) {
    this.config = config;
    this.namespaces = namespaces;
    this.filter = filter;
    this.launched = launched;
    List<String> all = new ArrayList<>(warnings);
    all.addAll(launched.warnings);
    this.init = new CellProcess(launched.pid, launched.terminal, all);
    this.pidfd = Processes.openPid(launched.pid);
  }

  /**
   * Makes namespaces, mounts and control group; the first process waits just before its exec.
   *
   * @throws CasemateException INVALID_ARGUMENT for a spec that cannot be, COMMAND_NOT_FOUND or
   *     COMMAND_NOT_EXECUTABLE for its command; nothing is left over then
   */
  public static Container create(ContainerConfig config, Stdio stdio) {
    Spec spec = config.spec();
    check(
        spec.process().orElseThrow(() -> Failures.invalid("config.json has no process; add one")));
    Namespaces namespaces = Namespaces.of(spec.linux());
    Optional<SeccompFilter> filter = spec.linux().seccomp().map(SeccompCompiler::compile);
    List<String> warnings = new ArrayList<>();
    List<Optional<Fd>> userNamespaces = IdMaps.forMounts(spec.mounts());
    Launcher.Launched launched = null;
    boolean done = false;
    try {
      Cgroup cgroup = config.cgroup();
      cgroup.create();
      launched = Launcher.init(config, namespaces, filter, stdio, userNamespaces);
      cgroup.add(launched.pid);
      if (namespaces.isFresh(Processes.CLONE_NEWUSER)) {
        IdMaps.write(launched.pid, spec.linux().uidMappings(), spec.linux().gidMappings());
      }
      launched.channel.go();
      Launcher.follow(launched, false, config);
      // The limits are for the command: what the engine does up to it is not to be slowed down, or
      // killed, by them.
      warnings.addAll(cgroup.apply(spec.linux().resources()));
      warnings.addAll(cgroup.applyDevices(spec.linux().resources().devices()));
      Container container = new Container(config, namespaces, filter, launched, warnings);
      done = true;
      return container;
    } catch (LinuxException e) {
      throw Failures.of("creating container " + config.id(), e);
    } finally {
      IdMaps.close(userNamespaces);
      if (!done) {
        if (launched != null) {
          launched.abandon();
        }
        config.cgroup().delete();
      }
    }
  }

  private static void check(ProcessSpec process) {
    if (process.args().isEmpty()) {
      throw Failures.invalid("process.args is empty; name a command");
    }
    if (!process.cwd().startsWith("/")) {
      throw Failures.invalid("process.cwd \"" + process.cwd() + "\" must be an absolute path");
    }
    Rlimits.check(process.rlimits());
  }

  public String id() {
    return config.id();
  }

  /** The first process. */
  public CellProcess init() {
    return init;
  }

  public State state() {
    return state;
  }

  public Cgroup cgroup() {
    return config.cgroup();
  }

  private CasemateException wrongState(String action, String wanted) {
    return Failures.precondition(
        "cannot "
            + action
            + " container "
            + config.id()
            + ": it is "
            + state.name().toLowerCase(java.util.Locale.ROOT)
            + ", and must be "
            + wanted);
  }

  /** Lets the first process execute its command; returns once the kernel has taken it. */
  public void start() {
    if (state != State.CREATED) {
      throw wrongState("start", "created");
    }
    if (!launched.channel.go()) {
      state = State.STOPPED;
      throw wrongState("start", "created");
    }
    // From here on it counts as running: should it fail, its end is told to onExit.
    state = State.RUNNING;
    try (SyncChannel channel = launched.channel) {
      while (true) {
        SyncChannel.Message message = channel.receive();
        if (message.type() == SyncChannel.LISTENER) {
          SeccompListener.forward(launched, message, config);
        } else if (message.type() == SyncChannel.ERROR) {
          throw SyncChannel.error(message);
        } else {
          break;
        }
      }
    }
    Hooks.run("poststart", config.spec().hooks().poststart(), config, init.pid(), "running");
  }

  /** Runs another process in the container, which must be created or running. */
  public CellProcess exec(ProcessSpec process, Stdio stdio) {
    if (state != State.RUNNING && state != State.CREATED) {
      throw wrongState("execute a command in", "running");
    }
    check(process);
    Launcher.Launched exec =
        Launcher.exec(config.spec().linux(), namespaces, process, filter, stdio, pidfd);
    boolean done = false;
    try {
      exec.channel.go();
      Launcher.follow(exec, false, config);
      // Not earlier: the way up to here is the engine's, not to be charged to the container.
      config.cgroup().addBeside(exec.pid, init.pid());
      exec.channel.go();
      Launcher.follow(exec, true, config);
      exec.channel.close();
      done = true;
      return new CellProcess(exec.pid, exec.terminal, exec.warnings);
    } catch (LinuxException e) {
      throw Failures.of("executing a command in container " + config.id(), e);
    } finally {
      if (!done) {
        exec.abandon();
      }
    }
  }

  /** Signals the first process. */
  public void signal(int signal) {
    if (state == State.STOPPED) {
      throw wrongState("signal", "running");
    }
    try {
      Processes.signalPid(pidfd, signal);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ESRCH) {
        throw Failures.precondition(
            "cannot signal container " + config.id() + ": its process has ended");
      }
      throw Failures.of("signalling container " + config.id(), e);
    }
  }

  /** Signals all processes of the container; KILL misses none. */
  public void signalAll(int signal) {
    if (signal == Signals.KILL) {
      killAll();
      return;
    }
    List<Integer> pids = config.cgroup().processes();
    if (pids.isEmpty() && state != State.STOPPED) {
      signal(signal);
    }
    for (int pid : pids) {
      Processes.killIfExists(pid, signal);
    }
  }

  private void killAll() {
    if (state != State.STOPPED) {
      try {
        Processes.signalPid(pidfd, Signals.KILL);
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH) {
          throw Failures.of("killing container " + config.id(), e);
        }
      }
    }
    config.cgroup().kill();
  }

  public void pause() {
    if (state != State.RUNNING && state != State.CREATED) {
      throw wrongState("pause", "running");
    }
    config.cgroup().freeze(true);
    beforePause = state;
    state = State.PAUSED;
  }

  public void resume() {
    if (state != State.PAUSED) {
      throw wrongState("resume", "paused");
    }
    config.cgroup().freeze(false);
    state = beforePause;
  }

  /** Changes limits; returns warnings. */
  public List<String> update(Resources resources) {
    if (state == State.STOPPED) {
      throw wrongState("update", "running");
    }
    List<String> warnings = new ArrayList<>(config.cgroup().apply(resources));
    if (!resources.devices().isEmpty()) {
      warnings.addAll(config.cgroup().applyDevices(resources.devices()));
    }
    return warnings;
  }

  public CgroupStats stats() {
    return config.cgroup().stats();
  }

  /** The processes of the container, in the order of their pids. */
  public List<ProcessInfo> processes() {
    List<Integer> pids = new ArrayList<>(config.cgroup().processes());
    if (pids.isEmpty() && state != State.STOPPED) {
      pids.add(init.pid());
    }
    pids.sort(null);
    List<ProcessInfo> processes = new ArrayList<>();
    for (int pid : pids) {
      ProcessTable.read(pid).ifPresent(processes::add);
    }
    return processes;
  }

  /**
   * Takes note of a child that has ended; the caller tells every one that it waits for.
   *
   * @return whether it was the first process: the container is stopped now
   */
  public boolean onExit(WaitStatus status) {
    if (status.pid() != init.pid() || exitStatus.isPresent()) {
      return false;
    }
    exitStatus = Optional.of(status);
    state = State.STOPPED;
    launched.channel.close();
    if (!namespaces.isFresh(Processes.CLONE_NEWPID)) {
      // Nobody takes the others along, as the first process of a pid namespace does.
      config.cgroup().kill();
    }
    return true;
  }

  /** How the first process ended. */
  public Optional<WaitStatus> exitStatus() {
    return exitStatus;
  }

  /**
   * Removes what is left of a stopped container.
   *
   * @param force kills it first if it is not stopped; the caller still gets to wait for its
   *     processes
   */
  public void delete(boolean force) {
    if (state != State.STOPPED) {
      if (!force) {
        throw wrongState("delete", "stopped");
      }
      killAll();
      state = State.STOPPED;
    }
    launched.channel.close();
    pidfd.close();
    config.cgroup().delete();
    Hooks.run("poststop", config.spec().hooks().poststop(), config, 0, "stopped");
  }
}
