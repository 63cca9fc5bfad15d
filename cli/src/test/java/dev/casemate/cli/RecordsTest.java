package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState;
import dev.casemate.containers.LogEntry;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What ps, inspect and logs make of records, without a container. */
class RecordsTest {
  private static final SandboxPaths PATHS = new SandboxPaths("/tmp/none", "/tmp/none");
  private static final String ID = "0123456789abcdef".repeat(4);
  private static final long MINUTE = 60_000;
  private static final long NOW = 1_000 * MINUTE;

  private static ContainerRecord record(String status, String... command) {
    return new ContainerRecord(
        ContainerConfig.fromJson(
            new Json.Obj()
                .put("id", ID)
                .put("name", "box")
                .put("image", "busybox")
                .putStrings("command", List.of(command))
                .put("createdMillis", NOW - 10 * MINUTE)
                .put("rootfs", new Json.Obj().put("type", "erofs").put("path", "/x"))),
        ContainerState.fromJson(
            new Json.Obj()
                .put("status", status)
                .put("exitCode", 3)
                .put("startedMillis", NOW - 5 * MINUTE)
                .put("finishedMillis", NOW - 2 * MINUTE)));
  }

  private static String table(boolean whole, ContainerRecord record) {
    return PsCommand.table(PATHS, List.of(record), whole, NOW);
  }

  @ParameterizedTest
  @CsvSource({
    "created,Created",
    "running,Up 5 minutes",
    "paused,Up 5 minutes (Paused)",
    "exited,Exited (3) 2 minutes ago"
  })
  void psTellsThePhase(String status, String text) {
    assertThat(table(false, record(status, "true"))).contains(text, "10 minutes ago", "box");
  }

  @Test
  void psShortensAndHidesWhatSteersTerminals() {
    String endless = "x".repeat(100);
    ContainerRecord record = record("exited", "sh", "\033[31m", endless);
    assertThat(table(false, record))
        .contains("0123456789ab ")
        .doesNotContain(ID)
        .doesNotContain(endless)
        .doesNotContain("\033");
    assertThat(table(true, record)).contains(ID, endless).doesNotContain("\033");
  }

  @Test
  void inspectTellsTheTimesInWords() {
    Json.Obj json = InspectCommand.describe(PATHS, record("exited", "true"));
    assertThat(json.string("created")).startsWith("1970-01-01T16:30:00");
    Json.Obj state = json.object("state").orElseThrow();
    assertThat(state.string("status")).isEqualTo("exited");
    assertThat(state.integer("exitCode", 0)).isEqualTo(3);
    assertThat(state.string("started")).startsWith("1970-01-01T16:35:00");
    assertThat(state.string("finished")).startsWith("1970-01-01T16:38:00");
    assertThat(state.objects("ports")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "`2026-01-02T03:04:05Z stdout F a b`,false,`a b\n`",
        "`2026-01-02T03:04:05Z stdout P a b`,false,`a b`",
        "`2026-01-02T03:04:05Z stdout F a b`,true,`2026-01-02T03:04:05Z a b\n`",
      })
  void logsPrintsWhatWasWritten(String record, boolean timestamps, String printed) {
    LogEntry entry = LogEntry.parse(record.getBytes(StandardCharsets.UTF_8)).orElseThrow();
    assertThat(new String(LogPrinter.text(entry, timestamps), StandardCharsets.UTF_8))
        .isEqualTo(printed);
  }
}
