package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.seccomp.SeccompFilter;
import java.util.Optional;

/** The making of a further process of a {@link Container}, as its engine sees it. */
final class Execution {
  private Execution() {}

  /**
   * Runs a process in a container, or leaves nothing of it.
   *
   * @param first the pidfd of the container's first process
   */
  static CellProcess exec(
      Container container, Fd first, ProcessSpec process, Stdio stdio, LaunchOptions options) {
    SpecCheck.check(process);
    ContainerConfig config = container.config();
    Optional<SeccompFilter> filter = CompiledSeccomp.of(config.spec(), config.ownKernel());
    Launcher.Launched exec;
    try (OuterRoot root = OuterRoot.of(container.record())) {
      exec =
          Launcher.exec(
              config,
              container.record().namespaces(),
              options,
              process,
              filter,
              stdio,
              first,
              root.directory());
    }
    boolean done = false;
    try {
      exec.channel.go();
      Launcher.follow(exec, false, config);
      // Not earlier: the way up to here is the engine's, not to be charged to the container.
      int init = container.init().pid();
      if (options.subgroups().isEmpty()) {
        container.cgroup().addBeside(exec.pid, init);
      } else {
        container.cgroup().addBelow(exec.pid, init, options.subgroups());
      }
      container.record().resctrl().ifPresent(group -> group.add(exec.pid));
      exec.channel.go();
      Launcher.follow(exec, true, config);
      exec.channel.close();
      done = true;
      return new CellProcess(exec.pid, exec.terminal, exec.warnings);
    } catch (LinuxException e) {
      throw Failures.of("executing a command in container " + container.id(), e);
    } finally {
      if (!done) {
        exec.abandon();
      }
    }
  }
}
