package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Has a template made in the background, by a process of its own that outlives its sandbox. */
final class TemplateLauncher {
  private static final String SELF = "/proc/self/exe";

  private TemplateLauncher() {}

  /** Starts {@code casemate template build}, which waits until the machine has time for it. */
  static void buildLater(TemplateKind kind, JailOptions jail, Consumer<String> warnings) {
    List<String> words =
        List.of(
            "casemate",
            "template",
            "build",
            "--background",
            "--hypervisor",
            kind.hypervisor(),
            "--accel",
            kind.accelerator(),
            "--kernel",
            kind.kernel(),
            "--initramfs",
            kind.initramfs(),
            "--cpus",
            Integer.toString(kind.vcpus()),
            "--max-cpus",
            Integer.toString(kind.maxVcpus()));
    List<String> environment = new ArrayList<>(Processes.environment());
    environment.removeIf(entry -> entry.startsWith(JailOptions.VARIABLE + "="));
    environment.add(JailOptions.VARIABLE + "=" + jail.word());
    try {
      int pid = HostMounts.with(() -> start(words, environment));
      Threads.start("template", () -> await(pid));
    } catch (Exception e) {
      warnings.accept("no template is made: " + e.getMessage());
    }
  }

  private static int start(List<String> words, List<String> environment) {
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      return Spawn.program(SELF, words)
          .environment(environment)
          .stdio(nothing, nothing, nothing)
          .workingDirectory("/")
          .newSession()
          .start();
    }
  }

  private static void await(int pid) {
    try {
      Processes.waitFor(pid, 0);
    } catch (LinuxException e) {
      // A reaper of this process's has been faster.
    }
  }
}
