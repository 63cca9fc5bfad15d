package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerLogTest {
  @TempDir Path directory;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void marksLinesWithoutAnEnd() throws IOException {
    Path file = directory.resolve("log");
    try (ContainerLog log = new ContainerLog(file.toString())) {
      byte[] piece = bytes("one\ntwo \u00ff\n\nrest");
      log.append("stdout", piece, piece.length);
      log.append("stderr", bytes("x\n"), 2);
    }
    String text = Files.readString(file, StandardCharsets.ISO_8859_1);
    assertThat(text.lines().map(line -> line.substring(line.indexOf(' ') + 1)))
        .containsExactly(
            "stdout F one", "stdout F two \u00ff", "stdout F ", "stdout P rest", "stderr F x");
  }

  /** A process with a small heap that appends what a guest may send. */
  static final class Child {
    public static void main(String[] arguments) {
      byte[] newlines = bytes("\n".repeat(4 << 20));
      try (ContainerLog log = new ContainerLog(arguments[0])) {
        for (int i = 0; i < 3; i++) {
          log.append("stdout", newlines, newlines.length);
        }
      }
    }
  }

  /** Each newline is a line of forty bytes in the log; there may be millions of them. */
  @Test
  void newlinesFillNeitherTheMemoryNorTheDisk() throws IOException, InterruptedException {
    Path file = directory.resolve("log");
    Process child =
        new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java",
                "-Xmx32m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                file.toString())
            .inheritIO()
            .start();
    assertThat(child.waitFor()).isZero();
    long record = "2026-11-29T14:44:31.000000000Z stdout F \n".length();
    for (Path each : new Path[] {file, directory.resolve("log.1")}) {
      assertThat(Files.size(each)).isLessThanOrEqualTo(ContainerLog.ROTATE_BYTES + record);
    }
    assertThat(directory.toFile().list()).containsExactlyInAnyOrder("log", "log.1");
    assertThat(Files.readString(file).lines())
        .isNotEmpty()
        .allSatisfy(line -> assertThat(line).endsWith(" stdout F "));
  }

  @Test
  void aFileThatCannotBeTurnedOverDoesNotGrow() throws IOException {
    Path file = directory.resolve("log");
    byte[] line = bytes("x".repeat(65_535) + "\n");
    // A directory that is not empty is in the way of the rename.
    Files.createDirectories(directory.resolve("log.1/full"));
    try (ContainerLog log = new ContainerLog(file.toString())) {
      for (int i = 0; i < 400; i++) {
        log.append("stdout", line, line.length);
      }
      assertThat(Files.size(file)).isLessThan(ContainerLog.ROTATE_BYTES + 2L * line.length);
      Files.delete(directory.resolve("log.1/full"));
      Files.delete(directory.resolve("log.1"));
      log.append("stdout", line, line.length);
    }
    assertThat(Files.size(file)).isLessThan(2L * line.length);
  }

  @Test
  void turnsTheFileOver() throws IOException {
    Path file = directory.resolve("log");
    byte[] line = bytes("x".repeat(65_535) + "\n");
    try (ContainerLog log = new ContainerLog(file.toString())) {
      for (int i = 0; i < 400; i++) {
        log.append("stdout", line, line.length);
      }
    }
    assertThat(Files.size(file) + Files.size(directory.resolve("log.1")))
        .isLessThan(3 * ContainerLog.ROTATE_BYTES);
  }
}
