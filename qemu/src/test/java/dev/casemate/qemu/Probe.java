package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.jail.Jail;
import dev.casemate.jail.JailRoot;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.testsupport.Shell;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A program in the VMM's place; see {@code src/test/c/probe.c}. */
final class Probe {
  private final Path directory;
  private final String binary;

  /** Compiles the probe into a directory of the test's. */
  Probe(Path directory) {
    this.directory = directory;
    this.binary = directory.resolve("probe").toString();
    Shell.program("musl-gcc", "-static", "-O1", "-o", binary, "src/test/c/probe.c");
  }

  /** The VMM's jail with the probe in it. */
  Jail jail() {
    String run = directory.resolve("run").toString();
    FileTree.makeDirectories(run, 0700);
    VmConfig config =
        VmConfig.builder("probe", run)
            .kernel(TestGuest.KERNEL)
            .initramfs(TestGuest.DIRECTORY + "/initramfs.cpio")
            .jail(Optional.of(TestGuest.USER))
            .build();
    Accelerator tcg = new Accelerator(Accelerator.Kind.TCG, "for the test");
    JailRoot root =
        QemuJail.root(QemuBinary.find(""), QemuBinary.firmware(), config, tcg)
            .program(binary, List.of());
    return Jail.full(run, root, TestGuest.USER, QemuJail.limits(config), Optional.empty());
  }

  /** A process that runs; its output comes through a pipe. */
  record Running(int pid, Fd output) implements AutoCloseable {
    String line() {
      StringBuilder line = new StringBuilder();
      byte[] one = new byte[1];
      while (output.read(one, 0, 1) == 1 && one[0] != '\n') {
        line.append((char) one[0]);
      }
      return line.toString();
    }

    @Override
    public void close() {
      output.close();
      Processes.killIfExists(pid, Signals.KILL);
      Processes.waitFor(pid, 0);
    }
  }

  Running start(Jail jail, String... arguments) {
    List<String> line = new ArrayList<>();
    line.add(binary);
    line.addAll(List.of(arguments));
    try (Pipe pipe = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      int pid =
          jail.start(
              Spawn.program(binary, line)
                  .environment(List.of())
                  .stdio(nothing, pipe.write(), pipe.write())
                  .workingDirectory("/")
                  .newSession());
      return new Running(pid, Fd.of(pipe.read().release()));
    }
  }

  /** The lines that it prints until it ends. */
  List<String> run(Jail jail, String... arguments) {
    try (Running running = start(jail, arguments)) {
      String text =
          new String(
              FileContent.readBytes(running.output(), "probe", 1 << 20), StandardCharsets.UTF_8);
      return text.lines().toList();
    }
  }

  String binary() {
    return binary;
  }
}
