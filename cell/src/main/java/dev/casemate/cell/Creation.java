package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.cgroup.ResctrlGroup;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Spec;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.seccomp.SeccompFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The making of a {@link Container}, up to where its first process waits for its start. */
final class Creation {
  private Creation() {}

  /** Makes a container that this process holds, or leaves nothing. */
  static Container create(ContainerConfig config, Stdio stdio, LaunchOptions options) {
    return create(config, stdio, options, Optional.empty());
  }

  /** Makes a container and its directory, which must not exist yet, or leaves nothing. */
  static Container create(
      ContainerConfig config, Stdio stdio, LaunchOptions options, StateDirectory directory) {
    boolean done = false;
    SpecCheck.check(config);
    directory.make();
    try {
      Container container = create(config, stdio, options, Optional.of(directory));
      done = true;
      return container;
    } finally {
      directory.close();
      if (!done) {
        directory.remove();
      }
    }
  }

  private static Container create(
      ContainerConfig config,
      Stdio stdio,
      LaunchOptions options,
      Optional<StateDirectory> directory) {
    Spec spec = config.spec();
    SpecCheck.check(config);
    Namespaces namespaces = Namespaces.of(spec.linux());
    NetDevices.check(spec.linux().netDevices(), namespaces);
    namespaces.checkMounts(config.ownKernel());
    Optional<SeccompFilter> filter = CompiledSeccomp.of(config.spec(), config.ownKernel());
    ContainerRecord record = ContainerRecord.of(config, namespaces);
    List<Optional<Fd>> userNamespaces = IdMaps.forMounts(spec.mounts(), spec.linux());
    Launcher.Launched launched = null;
    Optional<Fd> gate = Optional.empty();
    Optional<ResctrlGroup> resctrl = record.resctrl();
    boolean classed = false;
    boolean grouped = false;
    boolean done = false;
    try {
      if (directory.isPresent()) {
        // Before anything exists outside of the directory: should this process be killed, the
        // record says what there is to be removed.
        directory.get().write(record);
        directory.get().write(spec);
        gate = Optional.of(directory.get().makeGate());
      }
      resctrl.ifPresent(group -> group.create(spec.linux().intelRdt().orElseThrow()));
      classed = true;
      Cgroup cgroup = config.cgroup();
      cgroup.create();
      grouped = true;
      launched = Launcher.init(config, options, namespaces, filter, stdio, userNamespaces, gate);
      cgroup.add(launched.pid);
      int pid = launched.pid;
      resctrl.ifPresent(group -> group.add(pid));
      if (namespaces.isFresh(Processes.CLONE_NEWUSER)) {
        IdMaps.write(launched.pid, spec.linux().uidMappings(), spec.linux().gidMappings());
      }
      if (!spec.linux().netDevices().isEmpty()) {
        moveDevices(spec.linux(), namespaces, launched.pid);
      }
      launched.channel.go();
      Launcher.follow(launched, false, config);
      // The limits are for the command: what the engine does up to it is not to be slowed down, or
      // killed, by them.
      List<String> warnings = new ArrayList<>(cgroup.apply(spec.linux().resources()));
      warnings.addAll(cgroup.applyDevices(spec.linux().resources().devices()));
      warnings.addAll(launched.warnings);
      Fd pidfd = Processes.openPid(launched.pid);
      if (directory.isPresent()) {
        record =
            record.withProcess(launched.pid, startTime(launched.pid), config.cgroup().record());
        directory.get().write(record);
        // Until now it ends with this process; from now on it waits at the gate.
        launched.channel.go();
        launched.channel.close();
      }
      Optional<SyncChannel> way =
          directory.isPresent() ? Optional.empty() : Optional.of(launched.channel);
      Container container =
          new Container(
                  record,
                  cgroup,
                  directory,
                  new CellProcess(launched.pid, launched.terminal, warnings),
                  new FirstProcess(config.id(), Optional.of(pidfd)),
                  Container.State.CREATED)
              .made(config, way);
      done = true;
      return container;
    } catch (LinuxException e) {
      throw Failures.of("creating container " + config.id(), e);
    } finally {
      gate.ifPresent(Fd::close);
      IdMaps.close(userNamespaces);
      if (!done) {
        if (launched != null) {
          launched.abandon();
          OuterRoot.remove(record.rootfs(), record.mountBelow());
        }
        if (grouped) {
          config.cgroup().delete();
        }
        if (classed) {
          resctrl.ifPresent(ResctrlGroup::remove);
        }
        if (launched != null) {
          Hooks.runAll("poststop", spec.hooks().poststop(), config, 0, "stopped");
        }
      }
    }
  }

  /** A namespace that is joined by path is not the process's yet. */
  private static void moveDevices(LinuxSpec linux, Namespaces namespaces, int pid) {
    String path =
        namespaces.joined.getOrDefault(Processes.CLONE_NEWNET, "/proc/" + pid + "/ns/net");
    try (Fd namespace = InitProcess.open(path)) {
      NetDevices.move(linux.netDevices(), namespace);
    }
  }

  private static long startTime(int pid) {
    return Processes.startTime(pid)
        .orElseThrow(() -> Failures.precondition("the container's process has ended at once"));
  }
}
