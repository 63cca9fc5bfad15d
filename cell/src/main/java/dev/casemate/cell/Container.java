package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.cgroup.CgroupStats;
import dev.casemate.cgroup.ResctrlGroup;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.ProcessInfo;
import dev.casemate.linux.ProcessTable;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
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

  private final ContainerRecord record;
  private final Cgroup cgroup;
  private final Optional<StateDirectory> directory;
  private final CellProcess init;
  private final FirstProcess first;
  private final Lifecycle lifecycle;

  /** The way to the first process, if this process has made it. */
  private Optional<SyncChannel> channel = Optional.empty();

  private @Nullable ContainerConfig config;
  private Optional<WaitStatus> exitStatus = Optional.empty();

  Container(
      ContainerRecord record,
      Cgroup cgroup,
      Optional<StateDirectory> directory,
      CellProcess init,
      FirstProcess first,
      State state) {
    this.record = record;
    this.cgroup = cgroup;
    this.directory = directory;
    this.init = init;
    this.first = first;
    this.lifecycle = new Lifecycle(record, cgroup, directory, first, state);
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
    return Creation.create(config, stdio, LaunchOptions.DEFAULT);
  }

  /**
   * The same for a container that this process may leave: any process may {@link #load} it.
   *
   * @param directory that of the container; it must not exist yet
   */
  public static Container create(
      ContainerConfig config, Stdio stdio, LaunchOptions options, StateDirectory directory) {
    return Creation.create(config, stdio, options, directory);
  }

  /**
   * Makes a container of what {@link #checkpoint} has written. Its first process is this one's
   * child.
   *
   * @param stdio what it gets in place of the streams of the outside that it had; a terminal if it
   *     had one
   * @throws CasemateException also for what criu refuses; nothing is left over then
   */
  public static Container restore(
      ContainerConfig config, Stdio stdio, CriuOptions options, StateDirectory directory) {
    return Restoration.restore(config, stdio, options, directory);
  }

  /**
   * Finds a container that any process has made.
   *
   * @throws CasemateException NOT_FOUND if there is none
   */
  public static Container load(StateDirectory directory) {
    ContainerRecord record = directory.record();
    return new Container(
        record,
        Cgroup.of(record.cgroup()),
        Optional.of(directory),
        new CellProcess(record.pid(), Optional.empty(), List.of()),
        FirstProcess.find(record),
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

  /** The flags that its system call filter is installed with, if it has one. */
  public Optional<Integer> filterFlags() {
    ContainerConfig known = config();
    return CompiledSeccomp.of(known.spec(), known.ownKernel()).map(SeccompFilter::flags);
  }

  /** The first process. */
  public CellProcess init() {
    return init;
  }

  /** The state now. */
  public State state() {
    return lifecycle.now();
  }

  public Cgroup cgroup() {
    return cgroup;
  }

  /** Lets the first process execute its command; returns once the kernel has taken it. */
  public void start() {
    lifecycle.expect("start", "created", State.CREATED);
    if (!record.process()) {
      throw SpecCheck.noProcess();
    }
    if (channel.isEmpty()) {
      channel = directory.orElseThrow().openGate().map(SyncChannel::new);
    }
    if (channel.isEmpty() || !channel.get().go()) {
      lifecycle.note(State.STOPPED);
      throw lifecycle.wrong("start", "created");
    }
    // From here on it counts as running: if it fails, onExit receives its end.
    lifecycle.note(State.RUNNING);
    try (SyncChannel open = channel.get()) {
      Launcher.followStart(open, init.pid(), this::config);
    }
    if (record.poststart()) {
      try {
        Hooks.run(
            "poststart", config().spec().hooks().poststart(), config(), init.pid(), "running");
      } catch (CasemateException e) {
        killAll();
        if (directory.isPresent()) {
          // The specification goes on with the removal; a holder does that itself.
          delete(true);
        }
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
      lifecycle.expect("execute a command in", "running", State.RUNNING, State.CREATED);
    }
    Fd pidfd = first.pidfd().orElseThrow(() -> lifecycle.wrong("execute a command in", "running"));
    return Execution.exec(this, pidfd, process, stdio, options);
  }

  /**
   * Signals the first process. Where it shares its pid namespace, nothing takes the others along
   * with it: then KILL is for all, also for those that have outlived it.
   */
  public void signal(int signal) {
    State now = state();
    if (signal == Signals.KILL && !record.ownPids() && !cgroup.processes().isEmpty()) {
      killAll();
      return;
    }
    Optional<Fd> pidfd = first.pidfd();
    if (now == State.STOPPED || pidfd.isEmpty()) {
      throw lifecycle.wrong("signal", "running");
    }
    try {
      Processes.signalPid(pidfd.get(), signal);
      if (signal == Signals.KILL && now == State.PAUSED) {
        cgroup.letDie();
      }
    } catch (LinuxException e) {
      if (e.errno() == Errno.ESRCH) {
        throw Failures.precondition("cannot signal container " + id() + ": its process has ended");
      }
      throw Failures.of("signalling container " + id(), e);
    }
  }

  /** Whether processes have outlived the first one, which they can if they share its namespace. */
  public boolean hasOutlivingProcesses() {
    return !record.ownPids() && state() == State.STOPPED && !cgroup.processes().isEmpty();
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
    if (first.pidfd().isPresent() && state() != State.STOPPED) {
      first.kill();
    }
    cgroup.kill();
  }

  public void pause() {
    lifecycle.expect("pause", "running", State.RUNNING, State.CREATED);
    cgroup.freeze(true);
    lifecycle.notePaused();
  }

  public void resume() {
    lifecycle.expect("resume", "paused", State.PAUSED);
    cgroup.freeze(false);
    lifecycle.noteResumed();
  }

  /**
   * Writes its processes to files by criu. Unless it is to go on, it is stopped then.
   *
   * @throws CasemateException for what criu refuses: the container goes on then
   */
  public void checkpoint(CriuOptions options) {
    directory.ifPresent(StateDirectory::lock);
    lifecycle.expect("checkpoint", "running", State.RUNNING, State.PAUSED);
    Checkpoint.dump(record, config().spec(), options);
    if (options.leaveRunning() || options.preDump()) {
      return;
    }
    first.awaitEnd();
    cgroup.kill();
  }

  /** Changes limits; returns warnings. */
  public List<String> update(Resources resources) {
    lifecycle.expect("update", "running", State.RUNNING, State.CREATED, State.PAUSED);
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
    lifecycle.expect("update", "running", State.RUNNING, State.CREATED, State.PAUSED);
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
    lifecycle.note(State.STOPPED);
    channel.ifPresent(SyncChannel::close);
    if (!record.ownPids()) {
      // Without a pid namespace, the end of the first process does not end the others.
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
        throw lifecycle.wrong("delete", "stopped");
      }
      killAll();
      if (directory.isPresent()) {
        first.awaitEnd();
      }
      lifecycle.note(State.STOPPED);
    } else if (!record.ownPids()) {
      cgroup.kill();
    }
    if (record.pid() == 0 && force && cgroup.isFrozen()) {
      // The processes of a killed create end by themselves, unless their group is frozen.
      cgroup.freeze(false);
    }
    ContainerConfig known = record.poststop() ? config() : null;
    cgroup.delete();
    OuterRoot.remove(record.rootfs(), record.mountBelow());
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
    first.close();
    directory.ifPresent(StateDirectory::close);
  }
}
