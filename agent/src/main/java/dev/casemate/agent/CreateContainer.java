package dev.casemate.agent;

import dev.casemate.cell.CellProcess;
import dev.casemate.cell.Container;
import dev.casemate.cell.ContainerConfig;
import dev.casemate.cell.Stdio;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Text;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.CreateContainerRequest;
import dev.casemate.specmapping.SpecMapping;
import java.util.ArrayList;
import java.util.List;

/** {@code CreateContainer}: mounts its storage, waits for its devices and makes it. */
final class CreateContainer {
  private CreateContainer() {}

  static void handle(Agent agent, CreateContainerRequest request, Answer answer) {
    if (agent.sandbox().isEnding()) {
      throw Failures.precondition("the sandbox is being destroyed");
    }
    if (!request.sharedMounts().isEmpty()) {
      throw Failures.invalid("mounts that containers share are not supported; use a storage");
    }
    if ((request.stdinPort() | request.stdoutPort() | request.stderrPort()) != 0) {
      throw Failures.invalid(
          "streams over ports are not supported; use ReadStdout, ReadStderr and WriteStdin");
    }
    Spec spec =
        GuestHooks.bounded(
            withMachineNetwork(
                SpecMapping.fromMessage(
                    request
                        .oci()
                        .orElseThrow(() -> Failures.invalid("the request has no specification")))));
    agent.containers().reserve(request.containerId());
    agent
        .storages()
        .attachAll(
            request.storages(),
            new Storages.Outcome() {
              @Override
              public void done(List<String> mountPoints) {
                DeviceNumbers.resolve(
                    agent,
                    request.devices(),
                    spec,
                    resolved -> create(agent, request, resolved, mountPoints, answer),
                    cause -> abandon(agent, request, mountPoints, answer, cause));
              }

              @Override
              public void failed(Throwable cause) {
                abandon(agent, request, List.of(), answer, cause);
              }
            });
  }

  /** Without a network namespace: a container has the machine's network. */
  private static Spec withMachineNetwork(Spec spec) {
    return spec.withLinux(spec.linux().withoutNamespace("network"));
  }

  private static void abandon(
      Agent agent,
      CreateContainerRequest request,
      List<String> mountPoints,
      Answer answer,
      Throwable cause) {
    agent.containers().release(request.containerId());
    agent.storages().detachAll(mountPoints);
    CopyFile.remove(request.containerId());
    answer.fail(cause);
  }

  private static void create(
      Agent agent,
      CreateContainerRequest request,
      Spec given,
      List<String> mountPoints,
      Answer answer) {
    GuestContainer container;
    try {
      enterShares(agent, given, mountPoints);
      container = make(agent, request, given, mountPoints);
    } catch (Throwable e) {
      abandon(agent, request, mountPoints, answer, e);
      return;
    }
    agent.containers().add(container);
    answer.ok(Services.EMPTY);
  }

  private static void enterShares(Agent agent, Spec spec, List<String> mountPoints) {
    List<String> paths = new ArrayList<>();
    paths.add(spec.root().path());
    for (MountSpec mount : spec.mounts()) {
      paths.add(mount.source());
    }
    for (String path : paths) {
      if (path.startsWith(GuestContract.SHARED + "/") && agent.storages().enter(path)) {
        mountPoints.add(path);
      }
    }
  }

  private static GuestContainer make(
      Agent agent, CreateContainerRequest request, Spec given, List<String> mountPoints) {
    String id = request.containerId();
    Spec spec = given;
    ProcessSpec process =
        spec.process()
            .orElseThrow(() -> Failures.invalid("the container's specification has no process"));
    process = NamedUser.apply(process, request.stringUser(), spec.root().path());
    spec = GuestHooks.resolve(spec.withProcess(process));
    ImageVolumes.make(spec, id);
    if (request.sandboxPidns()) {
      spec = spec.withLinux(sharePids(agent, spec.linux()));
    }
    spec = agent.sandbox().users().prepare(spec);
    Cgroup cgroup = Cgroup.v2(cgroupPath(spec.linux().cgroupsPath(), id));
    ContainerConfig config = new ContainerConfig(id, "/", spec, cgroup, true);
    String execId = request.execId().isEmpty() ? id : request.execId();
    Container cell;
    GuestProcess init;
    if (process.terminal()) {
      cell = Container.create(config, new Stdio.Terminal());
      Fd master =
          cell.init()
              .terminal()
              .orElseThrow(() -> new IllegalStateException("the engine did not create a terminal"));
      init = GuestProcess.ofTerminal(agent.loop(), execId, cell.init().pid(), master);
    } else {
      try (ProcessPipes pipes = new ProcessPipes()) {
        List<Fd> far = pipes.far();
        cell = Container.create(config, new Stdio.Pipes(far.get(0), far.get(1), far.get(2)));
        init = GuestProcess.ofPipes(agent.loop(), execId, cell.init().pid(), pipes);
      }
    }
    warn(agent, id, cell.init());
    agent.oom().add(id, cell.cgroup().directory());
    if (request.sandboxPidns() && agent.sandbox().pidNamespaceOwner().isEmpty()) {
      agent.sandbox().pidNamespaceOwner(id);
    }
    return new GuestContainer(cell, spec.root().path(), init, mountPoints);
  }

  private static void warn(Agent agent, String id, CellProcess process) {
    for (String warning : process.warnings()) {
      agent.console().warn("container " + id + ": " + warning);
    }
  }

  /** The first container that shares PIDs has a namespace of its own; the others join that. */
  private static LinuxSpec sharePids(Agent agent, LinuxSpec linux) {
    String path =
        agent
            .sandbox()
            .pidNamespaceOwner()
            .flatMap(owner -> agent.containers().findIfExists(owner))
            .filter(owner -> !owner.init().hasEnded())
            .map(owner -> "/proc/" + owner.init().pid() + "/ns/pid")
            .orElse("");
    List<LinuxSpec.Namespace> namespaces =
        new ArrayList<>(linux.withoutNamespace("pid").namespaces());
    namespaces.add(new LinuxSpec.Namespace("pid", path));
    return linux.withNamespaces(namespaces);
  }

  /**
   * The control group's path: the host's own, if it is one that can be, below the guest's root. A
   * systemd triple {@code slice:prefix:name} becomes {@code /slice/prefix-name}.
   */
  static String cgroupPath(String wanted, String id) {
    String path = wanted;
    List<String> triple = Text.split(wanted, ':');
    if (triple.size() == 3 && wanted.indexOf('/') < 0) {
      path = triple.get(0) + "/" + triple.get(1) + "-" + triple.get(2);
    }
    StringBuilder clean = new StringBuilder();
    for (String part : Text.split(path, '/')) {
      if (part.equals(".") || part.equals("..") || part.startsWith("cgroup.")) {
        throw Failures.invalid("cgroup path \"" + wanted + "\" is not below the guest's root");
      }
      clean.append('/').append(part);
    }
    return clean.isEmpty() ? "/casemate/" + id : clean.toString();
  }
}
