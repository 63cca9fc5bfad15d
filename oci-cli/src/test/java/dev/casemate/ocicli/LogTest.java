package dev.casemate.ocicli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.commandline.Table;
import dev.casemate.linux.LinuxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogTest {
  @TempDir Path folder;

  @Test
  void jsonLinesAreAppendedAsEnginesReadThem() throws Exception {
    Path file = folder.resolve("log.json");
    Log.file(file.toString(), Log.Format.JSON, false).error("first \"quoted\"\nline");
    Log log = Log.file(file.toString(), Log.Format.JSON, false);
    log.warning("second");
    log.debug("not asked for");
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(2);
    Json.Obj line = Json.parseObject(lines.getFirst());
    assertThat(line.fields().keySet()).containsExactly("level", "msg", "time");
    assertThat(line.string("level")).isEqualTo("error");
    assertThat(line.string("msg")).isEqualTo("first \"quoted\"\nline");
    assertThat(java.time.Instant.parse(line.string("time"))).isNotNull();
    assertThat(Json.parseObject(lines.get(1)).string("level")).isEqualTo("warning");
  }

  @Test
  void textLinesAreQuotedAsLogrusDoes() {
    assertThat(Log.line(Log.Format.TEXT, "error", "a \"b\" \\ c\n\u0001", "T"))
        .isEqualTo("time=\"T\" level=error msg=\"a \\\"b\\\" \\\\ c\\n\\x01\"\n");
  }

  @Test
  void noFormatLetsATerminalObey() {
    String hostile = "\u001b]0;T\u0007\u007f\u009b\u202e\ud83d\ude00\udb40\udc41";
    assertThat(Log.line(Log.Format.TEXT, "error", hostile, "T"))
        .isEqualTo(
            "time=\"T\" level=error"
                + " msg=\"\\x1b]0;T\\x07\\x7f\\u009b\\u202e\ud83d\ude00\\U000e0041\"\n");
    String json = Log.line(Log.Format.JSON, "error", hostile, "T");
    assertThat(json).contains("\\u001b]0;T\\u0007\\u007f\\u009b\\u202e\ud83d\ude00\\udb40\\udc41");
    assertThat(Json.parseObject(json.trim()).string("msg")).isEqualTo(hostile);
  }

  @Test
  void aCellOfATableIsOneLine() {
    Table table = new Table(12, "a\nb", "\u001b[2J", "\u009b");
    assertThat(table.text()).isEqualTo("a b         ?[2J        ?\n");
  }

  @Test
  void aLogThatCannotBeOpenedIsAnErrorAtOnce() {
    assertThatThrownBy(() -> Log.file(folder + "/missing/log", Log.Format.TEXT, false))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("missing/log");
  }
}
