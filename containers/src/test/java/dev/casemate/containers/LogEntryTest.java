package dev.casemate.containers;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogEntryTest {
  private static final String TIME = "2026-01-02T03:04:05.000000006Z";

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void readsALineAndAPiece() {
    LogEntry line = LogEntry.parse(bytes(TIME + " stdout F a b ")).orElseThrow();
    assertThat(line.time()).isEqualTo(TIME);
    assertThat(line.isError()).isFalse();
    assertThat(line.endsLine()).isTrue();
    assertThat(line.text()).isEqualTo("a b ");
    LogEntry piece = LogEntry.parse(bytes(TIME + " stderr P ")).orElseThrow();
    assertThat(piece.isError()).isTrue();
    assertThat(piece.endsLine()).isFalse();
    assertThat(piece.bytes()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "x", "x y", "x stdout ", "x stdout F"})
  void passesOverWhatIsNoRecord(String text) {
    assertThat(LogEntry.parse(bytes(text))).isEmpty();
  }

  @Test
  void theOlderFileComesFirst(@TempDir Path directory) throws Exception {
    assertThat(LogEntry.readAll(directory.toString())).isEmpty();
    Files.writeString(directory.resolve("output.log"), TIME + " stdout F two\n" + TIME + " stdout");
    Files.writeString(directory.resolve("output.log.1"), TIME + " stderr F one\n");
    assertThat(LogEntry.readAll(directory.toString()))
        .extracting(LogEntry::text)
        .containsExactly("one", "two");
  }
}
