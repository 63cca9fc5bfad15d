package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The most memory and disk that each sandbox of this suite has taken of the host so far. */
final class HostCost {
  static final long MEMORY_LIMIT = 64L << 20;

  /** Two logs of 10 MiB with their last pieces, records, sockets. */
  static final long DISK_LIMIT = 40L << 20;

  private static final int INTERVAL_MILLIS = 100;

  private final Map<String, Long> memory = new ConcurrentHashMap<>();
  private final Map<String, Long> disk = new ConcurrentHashMap<>();
  private volatile boolean stopped;

  void start() {
    Thread.ofPlatform()
        .daemon()
        .name("host-cost")
        .start(
            () -> {
              while (!stopped) {
                measure();
                Wait.millis(INTERVAL_MILLIS);
              }
            });
  }

  void stop() {
    stopped = true;
  }

  void assertBounded() {
    memory.forEach(
        (process, bytes) ->
            assertThat(bytes).as("most memory of " + process).isLessThan(MEMORY_LIMIT));
    disk.forEach(
        (path, bytes) -> assertThat(bytes).as("most bytes below " + path).isLessThan(DISK_LIMIT));
  }

  /** CPU time of a process, in clock ticks of 10 ms. */
  static long cpuTicks(int pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] words = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return Long.parseLong(words[11]) + Long.parseLong(words[12]);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public String toString() {
    return "memory " + memory + ", disk " + disk;
  }

  private void measure() {
    for (int pid : Traces.pids()) {
      String commandLine = Traces.commandLine(pid);
      if (commandLine.startsWith("casemate-sandbox ")) {
        memory.merge(
            commandLine.substring(0, 29) + " (" + pid + ")", kib(pid, "Pss") << 10, Math::max);
      }
    }
    for (Path parent :
        new Path[] {Casemate.RUN.resolve("sandboxes"), Casemate.STATE.resolve("containers")}) {
      try (Stream<Path> directories = Files.list(parent)) {
        directories.forEach(path -> disk.merge(path.toString(), size(path), Math::max));
      } catch (IOException e) {
        // Not there yet, or not any more.
      }
    }
  }

  /** A line of the kernel's account of a process's memory, such as {@code Pss}; 0 if it is gone. */
  static long kib(int pid, String kind) {
    try {
      for (String line :
          Files.readAllLines(
              Path.of("/proc/" + pid + "/smaps_rollup"), StandardCharsets.US_ASCII)) {
        if (line.startsWith(kind + ":")) {
          return Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      // It has ended.
    }
    return 0;
  }

  /** Without what the guest's own disk has: that is the guest's by design. */
  private static long size(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .filter(path -> !path.endsWith("scratch.ext4") && Files.isRegularFile(path))
          .mapToLong(path -> path.toFile().length())
          .sum();
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0;
    }
  }
}
