package dev.casemate.cellcli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.base.Rfc3339;
import dev.casemate.cell.CellProcess;
import dev.casemate.cell.Container;
import dev.casemate.cell.ContainerConfig;
import dev.casemate.cell.ContainerRecord;
import dev.casemate.cell.LaunchOptions;
import dev.casemate.cell.StateDirectory;
import dev.casemate.cell.Stdio;
import dev.casemate.cgroup.Cgroups;
import dev.casemate.linux.Fd;
import dev.casemate.linux.ProcessInfo;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.oci.CriuOptions;
import dev.casemate.oci.LinuxSpec.IntelRdt;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.ocicli.Engine;
import dev.casemate.ocicli.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The cell: containers of namespaces and control groups on this kernel. */
public final class CellEngine implements Engine {
  private final Session session;

  public CellEngine(Session session) {
    this.session = session;
  }

  private StateDirectory directory(String id) {
    return StateDirectory.of(session.root(), id);
  }

  /** The container; the wording is the one that engines look for. */
  private Container load(String id) {
    try {
      return Container.load(directory(id));
    } catch (CasemateException e) {
      if (e.kind() == Kind.NOT_FOUND) {
        throw CasemateException.of(
            Kind.NOT_FOUND, "container does not exist: \"" + id + "\" in " + session.root(), e);
      }
      throw e;
    }
  }

  private static CasemateException wrongState(String message) {
    return CasemateException.of(Kind.FAILED_PRECONDITION, message);
  }

  @Override
  public Running create(Creation creation) {
    Debugging debug = new Debugging(session.log());
    debug.begins(creation.id());
    Container container =
        Container.create(
            config(creation),
            stdio(creation),
            new LaunchOptions(
                creation.noPivot(), !creation.noNewKeyring(), preserved(creation.preserveFds())),
            directory(creation.id()));
    debug.made(container);
    debug.filter(container);
    if (!container.record().ownPids() && container.cgroup().directory().isEmpty()) {
      session
          .log()
          .warning(
              "container "
                  + creation.id()
                  + " has neither a control group nor a pid namespace of its own. Such configuration"
                  + " is strongly discouraged: its processes cannot all be found to be killed; add a"
                  + " pid namespace, or delegate a control group");
    }
    return new Made(container.init());
  }

  private ContainerConfig config(Creation creation) {
    Spec spec = creation.spec();
    return new ContainerConfig(
        creation.id(),
        creation.bundle(),
        spec,
        Cgroups.of(spec.linux().cgroupsPath(), creation.id(), session.rootless()),
        false);
  }

  private static Stdio stdio(Creation creation) {
    Optional<ProcessSpec> process = creation.spec().process();
    return stdio(process.isPresent() && process.get().terminal(), creation.plainLines());
  }

  private static Stdio stdio(boolean terminal, boolean plainLines) {
    return terminal
        ? new Stdio.Terminal(plainLines)
        : new Stdio.Pipes(Fd.STDIN, Fd.STDOUT, Fd.STDERR);
  }

  private static List<Fd> preserved(int count) {
    List<Fd> fds = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      fds.add(Fd.of(3 + i));
    }
    return fds;
  }

  @Override
  public void start(String id) {
    try (Container container = load(id)) {
      switch (container.state()) {
        case CREATED -> container.start();
        case RUNNING, PAUSED ->
            throw wrongState("cannot start an already running container: " + id);
        case STOPPED -> throw wrongState("cannot start a container that has stopped: " + id);
        case CREATING -> throw wrongState("cannot start container " + id + ": it is being created");
      }
    }
  }

  @Override
  public Info info(String id) {
    try (Container container = load(id)) {
      return info(container);
    }
  }

  private Info info(Container container) {
    ContainerRecord record = container.record();
    Status status =
        switch (container.state()) {
          case CREATING -> Status.CREATING;
          case CREATED -> Status.CREATED;
          case RUNNING -> Status.RUNNING;
          case PAUSED -> Status.PAUSED;
          case STOPPED -> Status.STOPPED;
        };
    return new Info(
        record.ociVersion(),
        record.id(),
        status == Status.STOPPED ? 0 : record.pid(),
        status,
        record.bundle(),
        record.rootfs(),
        Rfc3339.nanos(
            record.createdMillis() / 1000, (int) (record.createdMillis() % 1000) * 1_000_000),
        dev.casemate.linux.Fs.stat(session.root() + "/" + record.id()).uid(),
        record.annotations());
  }

  @Override
  public Spec spec(String id) {
    try (Container container = load(id)) {
      return container.config().spec();
    }
  }

  @Override
  public List<Info> list() {
    List<Info> all = new ArrayList<>();
    for (String id : StateDirectory.ids(session.root())) {
      try {
        all.add(info(id));
      } catch (CasemateException e) {
        // Gone meanwhile, or not ours to read: the others are of interest all the same.
        if (e.kind() != Kind.NOT_FOUND) {
          session.log().warning("container " + id + ": " + e.getMessage());
        }
      }
    }
    return all;
  }

  @Override
  public void kill(String id, int signal, boolean all) {
    try (Container container = load(id)) {
      if (all) {
        container.signalAll(signal);
        return;
      }
      Container.State state = container.state();
      boolean gone = state == Container.State.STOPPED || state == Container.State.CREATING;
      if (gone && !(signal == Signals.KILL && container.hasOutlivingProcesses())) {
        throw wrongState("container not running: " + id + " is " + state.word());
      }
      container.signal(signal);
    }
  }

  @Override
  public void delete(String id, boolean force) {
    Container container;
    try {
      container = load(id);
    } catch (CasemateException e) {
      if (e.kind() != Kind.NOT_FOUND) {
        throw e;
      }
      if (force) {
        return;
      }
      throw e;
    }
    try (container) {
      Container.State state = container.state();
      if (state != Container.State.STOPPED && !force) {
        throw wrongState(
            "cannot delete container "
                + id
                + " that is not stopped: "
                + state.word()
                + "; kill it first, or use --force");
      }
      for (String failure : container.delete(force)) {
        session.log().warning(failure);
      }
    }
  }

  @Override
  public Running exec(String id, Execution execution) {
    try (Container container = load(id)) {
      switch (container.state()) {
        case STOPPED -> throw wrongState("cannot exec in a stopped container: " + id);
        case CREATING ->
            throw wrongState("cannot exec in container " + id + ": it is being created");
        case PAUSED -> {
          if (!execution.ignorePaused()) {
            throw wrongState(
                "cannot exec in a paused container: " + id + "; use --ignore-paused to override");
          }
        }
        case CREATED, RUNNING -> {}
      }
      ProcessSpec process = execution.process();
      Debugging debug = new Debugging(session.log());
      debug.begins(id);
      debug.affinity(process);
      CellProcess made =
          container.exec(
              process,
              stdio(process.terminal(), execution.plainLines()),
              new LaunchOptions(
                  false,
                  true,
                  preserved(execution.preserveFds()),
                  execution.subgroups(),
                  execution.ignorePaused()));
      debug.filter(container);
      debug.executed(made);
      return new Made(made);
    }
  }

  @Override
  public List<ProcessLine> processes(String id) {
    try (Container container = load(id)) {
      List<ProcessLine> lines = new ArrayList<>();
      for (ProcessInfo process : container.processes()) {
        lines.add(
            new ProcessLine(
                process.pid(),
                process.ppid(),
                process.uid(),
                process.tty(),
                process.startTicks(),
                process.cpuTicks(),
                process.commandLine()));
      }
      return lines;
    }
  }

  @Override
  public void pause(String id) {
    try (Container container = load(id)) {
      Container.State state = container.state();
      if (state != Container.State.RUNNING && state != Container.State.CREATED) {
        throw wrongState("container not running: " + id + " is " + state.word());
      }
      container.pause();
    }
  }

  @Override
  public void resume(String id) {
    try (Container container = load(id)) {
      Container.State state = container.state();
      if (state != Container.State.PAUSED) {
        throw wrongState("container not paused: " + id + " is " + state.word());
      }
      container.resume();
    }
  }

  @Override
  public void checkpoint(String id, CriuOptions options) {
    try (Container container = load(id)) {
      Container.State state = container.state();
      if (state != Container.State.RUNNING && state != Container.State.PAUSED) {
        throw wrongState("Container cannot be checkpointed in " + state.word() + " state: " + id);
      }
      container.checkpoint(options);
      if (!options.leaveRunning() && !options.preDump()) {
        // As with runc: what is left of it is in the images.
        for (String failure : container.delete(true)) {
          session.log().warning(failure);
        }
      }
    }
  }

  @Override
  public Running restore(Creation creation, CriuOptions options) {
    Container container =
        Container.restore(config(creation), stdio(creation), options, directory(creation.id()));
    return new Made(container.init());
  }

  @Override
  public List<String> update(String id, Resources resources) {
    try (Container container = load(id)) {
      return container.update(resources);
    }
  }

  @Override
  public void update(String id, IntelRdt rdt) {
    try (Container container = load(id)) {
      container.update(rdt);
    }
  }

  @Override
  public Json.Obj statistics(String id) {
    try (Container container = load(id)) {
      return StatisticsJson.of(container.stats());
    }
  }

  @Override
  public long outOfMemoryKills(String id) {
    try (Container container = load(id)) {
      return Math.max(0, container.stats().memory().oomKills());
    }
  }

  @Override
  public Json.Obj features() {
    return CellFeatures.json();
  }

  /** A child of this process. */
  private record Made(CellProcess process, Fd ended) implements Running {
    Made(CellProcess process) {
      this(process, Processes.openPid(process.pid()));
    }

    @Override
    public int pid() {
      return process.pid();
    }

    @Override
    public Optional<Fd> terminal() {
      return process.terminal();
    }

    @Override
    public int await() {
      return Processes.waitFor(process.pid(), 0).orElseThrow().exitStatus();
    }

    @Override
    public void signal(int signal) {
      try {
        Processes.signalPid(ended, signal);
      } catch (dev.casemate.linux.LinuxException e) {
        if (e.errno() != dev.casemate.linux.Errno.ESRCH) {
          throw e;
        }
      }
    }

    @Override
    public List<String> warnings() {
      return process.warnings();
    }

    @Override
    public void close() {
      process.terminal().ifPresent(Fd::close);
      ended.close();
    }
  }
}
