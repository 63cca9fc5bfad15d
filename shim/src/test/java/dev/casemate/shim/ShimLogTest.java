package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ShimLogTest {
  @Test
  void writesLinesThatCannotBeForged() {
    String line =
        new String(
            ShimLog.format(0, "info", "a \"quoted\"\nline \u0007", "c1"), StandardCharsets.UTF_8);

    assertThat(line)
        .isEqualTo(
            "time=\"1970-01-01T00:00:00.000Z\" level=info"
                + " msg=\"a \\\"quoted\\\"\\nline ?\" runtime=io.containerd.casemate.v2 id=c1\n");
  }

  @Test
  void nothingThatATerminalObeysGetsThrough() {
    String line =
        new String(
            ShimLog.format(0, "info", "\u001b[2J\u007f\u009b31m\u202e\u2028\ud800", "c1"),
            StandardCharsets.UTF_8);

    assertThat(line).contains(" msg=\"?[2J??31m???\" ");
  }
}
