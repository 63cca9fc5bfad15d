package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.cgroup.CgroupStats;
import dev.casemate.cgroup.ResctrlGroup;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.ProcessInfo;
import dev.casemate.linux.ProcessTable;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.seccomp.SeccompFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A container. Two ways lead to one, and share all that comes after:
 *
 * <ul>
 *   <li>{@link #create(ContainerConfig, Stdio)}: made and held by one process, as the agent does.
 *       Its state is in memory; the holder waits for its children and tells {@link #onExit}.
 *   <li>{@link #create(ContainerConfig, Stdio, LaunchOptions, StateDirectory)} in one process and
 *       {@link #load} in any later one. What there is to know is in the {@link StateDirectory}; the
 *       first process waits on a socket there that outlives its creator. The state is what the
 *       kernel says: nobody needs to wait for anything.
 * </ul>
 *
 * <p>Whoever makes processes (create, exec, hooks) is single-threaded, because it forks. A new
 * process is the caller's child, of whoever reaps for it if the caller ends first.
 */
public final class Container implements AutoCloseable {
  /** The states of the runtime-spec, and paused. */
  public enum State {
    CREATING,
    CREATED,
    RUNNING,
    PAUSED,
    STOPPED;

    /** As the runtime-spec writes it. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final int KILL_WAIT_MILLIS = 10_000;

  private final ContainerRecord record;
  private final Cgroup cgroup;
  private final Optional<StateDirectory> directory;
  private final CellProcess init;

  /** Empty if the first process is gone. */
  private Optional<Fd> pidfd;

  /** The way to the first process, if this process has made it. */
  private Optional<SyncChannel> channel = Optional.empty();

  private @Nullable ContainerConfig config;
  private State state;
  private State beforePause = State.CREATED;
  private Optional<WaitStatus> exitStatus = Optional.empty();

  Container(
      ContainerRecord record,
      Cgroup cgroup,
      Optional<StateDirectory> directory,
      CellProcess init,
      Optional<Fd> pidfd,
      State state) {
    this.record = record;
    this.cgroup = cgroup;
    this.directory = directory;
    this.init = init;
    this.pidfd = pidfd;
    this.state = state;
  }

  /** Takes what the process that has made it knows and has open. */
  Container made(ContainerConfig from, Optional<SyncChannel> way) {
    config = from;
    channel = way;
    return this;
  }

  /**
   * Makes namespaces, mounts and control group; the first process waits just before its exec.
   *
   * @throws CasemateException INVALID_ARGUMENT for a spec that cannot be, COMMAND_NOT_FOUND or
   *     COMMAND_NOT_EXECUTABLE for its command; nothing is left over then
   */
  public static Container create(ContainerConfig config, Stdio stdio) {
    return Creation.create(config, stdio, LaunchOptions.DEFAULT, Optional.empty());
  }

  /**
   * The same for a container that this process may leave: any process may {@link #load} it.
   *
   * @param directory that of the container; it must not exist yet
   */
  public static Container create(
      ContainerConfig config, Stdio stdio, LaunchOptions options, StateDirectory directory) {
    boolean done = false;
    SpecCheck.check(config);
    directory.make();
    try {
      Container container = Creation.create(config, stdio, options, Optional.of(directory));
      done = true;
      return container;
    } finally {
      directory.close();
      if (!done) {
        directory.remove();
      }
    }
  }

  /**
   * Makes a container of what {@link #checkpoint} has written. One of the same id that its
   * checkpoint has stopped is removed first. Its first process is this one's child.
   *
   * @param stdio what it gets in place of the streams of the outside that it had; a terminal if it
   *     had one
   * @throws CasemateException also for what criu refuses; nothing is left over then
   */
  public static Container restore(
      ContainerConfig config, Stdio stdio, CriuOptions options, StateDirectory directory) {
    boolean done = false;
    SpecCheck.check(config);
    Restoration.check(options);
    if (directory.isDumped()) {
      try (Container old = load(StateDirectory.of(directory.root(), directory.id()))) {
        if (old.state() == State.STOPPED) {
          old.delete(false);
        }
      }
    }
    directory.make();
    try {
      Container container = Restoration.restore(config, stdio, options, directory);
      done = true;
      return container;
    } finally {
      directory.close();
      if (!done) {
        directory.remove();
      }
    }
  }

  /**
   * Finds a container that any process has made.
   *
   * @throws CasemateException NOT_FOUND if there is none
   */
  public static Container load(StateDirectory directory) {
    ContainerRecord record = directory.record();
    Optional<Fd> pidfd = Optional.empty();
    if (record.pid() > 0) {
      try {
        pidfd = Optional.of(Processes.openPid(record.pid()));
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH && e.errno() != Errno.EINVAL) {
          throw Failures.of("looking at container " + record.id(), e);
        }
      }
      // Looked at once it cannot become another process any more.
      if (pidfd.isPresent()
          && Processes.startTime(record.pid()).orElse(-1L) != record.startTime()) {
        pidfd.get().close();
        pidfd = Optional.empty();
      }
    }
    return new Container(
        record,
        Cgroup.of(record.cgroup()),
        Optional.of(directory),
        new CellProcess(record.pid(), Optional.empty(), List.of()),
        pidfd,
        State.CREATING);
  }

  public String id() {
    return record.id();
  }

  /** What is kept of it; for a held container as of its creation. */
  public ContainerRecord record() {
    return record;
  }

  /** What it was made from. */
  public ContainerConfig config() {
    ContainerConfig known = config;
    if (known == null) {
      known =
          new ContainerConfig(
              record.id(), record.bundle(), directory.orElseThrow().spec(), cgroup, false);
      config = known;
    }
    return known;
  }

  /** The first process. */
  public CellProcess init() {
    return init;
  }

  /** The state now. */
  public State state() {
    if (directory.isPresent()) {
      observe(directory.get());
    }
    return state;
  }

  private void observe(StateDirectory kept) {
    if (record.pid() == 0) {
      // A record without a process and without anybody at work on it is what a killed create left.
      boolean left = kept.tryLock();
      if (left) {
        kept.close();
      }
      state = left ? State.STOPPED : State.CREATING;
    } else if (!isAlive()) {
      state = State.STOPPED;
    } else if (cgroup.isFrozen()) {
      state = State.PAUSED;
    } else {
      state = kept.hasGate() ? State.CREATED : State.RUNNING;
    }
    beforePause = kept.hasGate() ? State.CREATED : State.RUNNING;
  }

  /** A pidfd can be read from once its process has ended, waited for or not. */
  private boolean isAlive() {
    return pidfd.isPresent() && Poll.await(pidfd.get(), Poll.IN, 0) == 0;
  }

  public Cgroup cgroup() {
    return cgroup;
  }

  private CasemateException wrongState(String action, String wanted) {
    return Failures.precondition(
        "cannot "
            + action
            + " container "
            + id()
            + ": it is "
            + state.word()
            + ", and must be "
            + wanted);
  }

  private void expect(String action, String wanted, State... fine) {
    State now = state();
    for (State one : fine) {
      if (now == one) {
        return;
      }
    }
    throw wrongState(action, wanted);
  }

  /** Lets the first process execute its command; returns once the kernel has taken it. */
  public void start() {
    expect("start", "created", State.CREATED);
    if (channel.isEmpty()) {
      channel = directory.orElseThrow().openGate().map(SyncChannel::new);
    }
    if (channel.isEmpty() || !channel.get().go()) {
      state = State.STOPPED;
      throw wrongState("start", "created");
    }
    // From here on it counts as running: should it fail, its end is told to onExit.
    state = State.RUNNING;
    try (SyncChannel open = channel.get()) {
      Launcher.followStart(open, init.pid(), this::config);
    }
    if (record.poststart()) {
      try {
        Hooks.run(
            "poststart", config().spec().hooks().poststart(), config(), init.pid(), "running");
      } catch (CasemateException e) {
        killAll();
        throw e;
      }
    }
  }

  /** Runs another process in the container, which must be created or running. */
  public CellProcess exec(ProcessSpec process, Stdio stdio) {
    return exec(process, stdio, LaunchOptions.DEFAULT);
  }

  public CellProcess exec(ProcessSpec process, Stdio stdio, LaunchOptions options) {
    if (!(options.ignorePaused() && state() == State.PAUSED)) {
      expect("execute a command in", "running", State.RUNNING, State.CREATED);
    }
    SpecCheck.check(process);
    Spec spec = config().spec();
    Optional<SeccompFilter> filter = CompiledSeccomp.of(config().spec(), config().ownKernel());
    Launcher.Launched exec =
        Launcher.exec(
            spec.linux(),
            record.namespaces(),
            options,
            config().ownKernel(),
            process,
            filter,
            stdio,
            pidfd.orElseThrow(() -> wrongState("execute a command in", "running")));
    boolean done = false;
    try {
      exec.channel.go();
      Launcher.follow(exec, false, config());
      // Not earlier: the way up to here is the engine's, not to be charged to the container.
      if (options.subgroup().isEmpty()) {
        cgroup.addBeside(exec.pid, init.pid());
      } else {
        cgroup.addBelow(exec.pid, options.subgroup());
      }
      record.resctrl().ifPresent(group -> group.add(exec.pid));
      exec.channel.go();
      Launcher.follow(exec, true, config());
      exec.channel.close();
      done = true;
      return new CellProcess(exec.pid, exec.terminal, exec.warnings);
    } catch (LinuxException e) {
      throw Failures.of("executing a command in container " + id(), e);
    } finally {
      if (!done) {
        exec.abandon();
      }
    }
  }

  /** Signals the first process. */
  public void signal(int signal) {
    if (state() == State.STOPPED || pidfd.isEmpty()) {
      throw wrongState("signal", "running");
    }
    try {
      Processes.signalPid(pidfd.get(), signal);
      if (signal == Signals.KILL && state == State.PAUSED) {
        cgroup.letDie();
      }
    } catch (LinuxException e) {
      if (e.errno() == Errno.ESRCH) {
        throw Failures.precondition("cannot signal container " + id() + ": its process has ended");
      }
      throw Failures.of("signalling container " + id(), e);
    }
  }

  /** Signals all processes of the container; KILL misses none. */
  public void signalAll(int signal) {
    if (signal == Signals.KILL) {
      killAll();
      return;
    }
    List<Integer> pids = cgroup.processes();
    if (pids.isEmpty() && state() != State.STOPPED) {
      signal(signal);
    }
    for (int pid : pids) {
      Processes.killIfExists(pid, signal);
    }
  }

  private void killAll() {
    if (pidfd.isPresent() && state() != State.STOPPED) {
      try {
        Processes.signalPid(pidfd.get(), Signals.KILL);
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH) {
          throw Failures.of("killing container " + id(), e);
        }
      }
    }
    cgroup.kill();
  }

  public void pause() {
    expect("pause", "running", State.RUNNING, State.CREATED);
    cgroup.freeze(true);
    beforePause = state;
    state = State.PAUSED;
  }

  public void resume() {
    expect("resume", "paused", State.PAUSED);
    cgroup.freeze(false);
    state = beforePause;
  }

  /**
   * Writes its processes to files by criu. Unless it is to go on, it is stopped then.
   *
   * @throws CasemateException for what criu refuses: the container goes on then
   */
  public void checkpoint(CriuOptions options) {
    directory.ifPresent(StateDirectory::lock);
    expect("checkpoint", "running", State.RUNNING, State.PAUSED);
    Checkpoint.dump(record, config().spec(), options);
    if (options.leaveRunning() || options.preDump()) {
      return;
    }
    if (pidfd.isPresent()) {
      Poll.await(pidfd.get(), Poll.IN, KILL_WAIT_MILLIS);
    }
    cgroup.kill();
    directory.ifPresent(StateDirectory::markDumped);
  }

  /** Changes limits; returns warnings. */
  public List<String> update(Resources resources) {
    expect("update", "running", State.RUNNING, State.CREATED, State.PAUSED);
    List<String> warnings = new ArrayList<>(cgroup.apply(resources));
    if (!resources.devices().isEmpty()) {
      warnings.addAll(cgroup.applyDevices(resources.devices()));
    }
    return warnings;
  }

  /**
   * Changes what its class of service has of caches and memory bandwidth.
   *
   * @throws CasemateException FAILED_PRECONDITION if it has none
   */
  public void update(IntelRdt rdt) {
    expect("update", "running", State.RUNNING, State.CREATED, State.PAUSED);
    record
        .resctrl()
        .orElseThrow(
            () ->
                Failures.precondition(
                    "container " + id() + " was made without linux.intelRdt; it has no class"))
        .update(rdt);
  }

  public CgroupStats stats() {
    return cgroup.stats();
  }

  /** The processes of the container, in the order of their pids. */
  public List<ProcessInfo> processes() {
    List<Integer> pids = new ArrayList<>(cgroup.processes());
    if (pids.isEmpty() && state() != State.STOPPED) {
      pids.addAll(record.ownPids() ? ProcessTable.inNamespaceOf(init.pid()) : List.of(init.pid()));
    }
    pids.sort(null);
    List<ProcessInfo> processes = new ArrayList<>();
    for (int pid : pids) {
      ProcessTable.read(pid).ifPresent(processes::add);
    }
    return processes;
  }

  /**
   * Takes note of a child that has ended; the holder tells every one that it waits for.
   *
   * @return whether it was the first process: the container is stopped now
   */
  public boolean onExit(WaitStatus status) {
    if (status.pid() != init.pid() || exitStatus.isPresent()) {
      return false;
    }
    exitStatus = Optional.of(status);
    state = State.STOPPED;
    channel.ifPresent(SyncChannel::close);
    if (!record.ownPids()) {
      // Nobody takes the others along, as the first process of a pid namespace does.
      cgroup.kill();
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
   * @param force kills it first if it is not stopped; a holder still gets to wait for its processes
   * @return what has failed but is no reason to keep it: poststop hooks
   */
  public List<String> delete(boolean force) {
    directory.ifPresent(StateDirectory::lock);
    if (state() != State.STOPPED) {
      if (!force) {
        throw wrongState("delete", "stopped");
      }
      killAll();
      if (directory.isPresent() && pidfd.isPresent()) {
        Poll.await(pidfd.get(), Poll.IN, KILL_WAIT_MILLIS);
      }
      state = State.STOPPED;
    } else if (!record.ownPids()) {
      cgroup.kill();
    }
    ContainerConfig known = record.poststop() ? config() : null;
    cgroup.delete();
    record.resctrl().ifPresent(ResctrlGroup::remove);
    directory.ifPresent(StateDirectory::remove);
    close();
    return known == null
        ? List.of()
        : Hooks.runAll("poststop", known.spec().hooks().poststop(), known, 0, "stopped");
  }

  /** Lets go of the descriptors; the container stays as it is. */
  @Override
  public void close() {
    channel.ifPresent(SyncChannel::close);
    pidfd.ifPresent(Fd::close);
    pidfd = Optional.empty();
    directory.ifPresent(StateDirectory::close);
  }
}
