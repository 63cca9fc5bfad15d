package dev.casemate.jail;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A program in the VMM's place; see {@code src/test/c/probe.c}. */
final class Probe {
  static final JailUser USER = new JailUser(1_900_000_001, 1_900_000_001);
  static final JailLimits LIMITS = new JailLimits(1L << 30, 512);
  private static final String PROGRAM = "/bin/probe";

  private final Path directory;
  private final String binary;

  /** Compiles the probe into a directory of the test's. */
  Probe(Path directory) {
    this.directory = directory;
    this.binary = directory.resolve("probe").toString();
    try {
      Process compiler =
          new ProcessBuilder("musl-gcc", "-static", "-O1", "-o", binary, "src/test/c/probe.c")
              .inheritIO()
              .start();
      if (compiler.waitFor() != 0) {
        throw new IllegalStateException("musl-gcc cannot compile the probe");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The probe alone, under the path {@value #PROGRAM}. */
  JailRoot root() {
    return new JailRoot().program(binary, List.of());
  }

  Jail jail(JailRoot root) {
    return Jail.full(place(), root, USER, LIMITS, Optional.empty());
  }

  private String place() {
    Path place = directory.resolve("root");
    try {
      Files.createDirectories(place);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return place.toString();
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
