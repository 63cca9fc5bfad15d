package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A further process of a container, from its fork to its exec. */
final class ExecProcess {
  private final LinuxSpec linux;
  private final ProcessSpec process;
  private final Optional<SeccompFilter> filter;
  private final boolean terminal;
  private final SyncChannel channel;
  private final List<String> warnings = new ArrayList<>();

  ExecProcess(
      LinuxSpec linux,
      ProcessSpec process,
      Optional<SeccompFilter> filter,
      boolean terminal,
      SyncChannel channel) {
    this.linux = linux;
    this.process = process;
    this.filter = filter;
    this.terminal = terminal;
    this.channel = channel;
  }

  /**
   * Does not return but by an exception.
   *
   * @param init the container's first process
   * @param toJoin {@code CLONE_NEW…} of the namespaces that are not joined yet; 0 for none
   */
  void run(Fd init, long toJoin) {
    if (!channel.awaitGo()) {
      Processes.exit(1);
    }
    String step = "oom_score_adj";
    Labels labels;
    try {
      if (toJoin != 0) {
        OutOfMemory.adjust(process.oomScoreAdj(), warnings);
      }
      labels = Labels.open(process, warnings);
      step = "joining the container's namespaces";
      if (toJoin != 0) {
        Child.hide();
        Processes.joinNamespace(init, toJoin);
      }
      init.close();
      step = "session";
      Processes.newSession();
      if (terminal) {
        step = "terminal";
        Terminals.attach("/dev/pts/ptmx", process, channel).close();
      }
    } catch (LinuxException e) {
      throw Failures.of(step, e);
    }
    new ProcessSetup(process, linux, filter, channel, labels, warnings)
        .execute(
            () -> {
              if (!channel.awaitGo()) {
                Processes.exit(1);
              }
            });
  }
}
