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
