package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.cgroup.OutOfMemory;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.seccomp.SeccompFilter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A further process of a container, from its fork to its exec. */
final class ExecProcess {
  private final ContainerConfig config;
  private final ProcessSpec process;
  private final Optional<SeccompFilter> filter;
  private final boolean terminal;
  private final LaunchOptions options;
  private final SyncChannel channel;
  private final List<String> warnings = new ArrayList<>();

  ExecProcess(
      ContainerConfig config,
      ProcessSpec process,
      Optional<SeccompFilter> filter,
      boolean terminal,
      LaunchOptions options,
      SyncChannel channel) {
    this.options = options;
    this.config = config;
    this.process = process;
    this.filter = filter;
    this.terminal = terminal;
    this.channel = channel;
  }

  /**
   * Does not return but by an exception.
   *
   * @param init the container's first process
   * @param root the container's, if its mounts are the engine's; else joining them leads there
   * @param toJoin {@code CLONE_NEW…} of the namespaces that are not joined yet; 0 for none
   */
  void run(Fd init, Optional<Fd> root, long toJoin) {
    if (!channel.awaitGo()) {
      Processes.exit(1);
    }
    String step = "execCPUAffinity";
    Labels labels;
    try {
      Priorities.initialAffinity(process);
      step = "oom_score_adj";
      if (toJoin != 0) {
        OutOfMemory.adjust(process.oomScoreAdj(), warnings);
      }
      labels = Labels.open(process, config.ownKernel(), warnings);
      step = "joining the container's namespaces";
      if (toJoin != 0) {
        Child.hide();
        Processes.joinNamespace(init, toJoin);
      }
      init.close();
      if (root.isPresent()) {
        step = "root";
        try (Fd directory = root.get()) {
          Processes.changeDirectory(directory);
          Processes.changeRoot(".");
        }
      }
      step = "session";
      Processes.newSession();
      if (options.newKeyring()) {
        Keyring.join(warnings);
      }
      if (terminal) {
        step = "terminal";
        Terminals.attach("/dev/pts/ptmx", process, channel).close();
      }
    } catch (LinuxException e) {
      throw Failures.of(step, e);
    }
    int preserved = options.preserved().size();
    new ProcessSetup(process, config, filter, preserved, channel, labels, warnings)
        .execute(
            (environment, last) -> {
              if (!channel.awaitGo()) {
                Processes.exit(1);
              }
              process.execCpuAffinity().ifPresent(Priorities::finalAffinity);
            });
  }
}
