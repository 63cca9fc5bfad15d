package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ToolTest {
  @TempDir Path scratch;

  @Test
  void passesBytesThrough() {
    byte[] input = new byte[3_000_000];
    for (int i = 0; i < input.length; i++) {
      input[i] = (byte) (i * 31);
    }
    Tool.Result result = Tool.run(scratch, input, List.of("/bin/cat"));
    assertThat(result.ok()).isTrue();
    assertThat(result.output()).isEqualTo(input);
  }

  @Test
  void keepsOutputAndErrorsApart() {
    Tool.Result result =
        Tool.run(scratch, List.of("/bin/sh", "-c", "pwd; echo $LC_ALL; echo no >&2; exit 3"));
    assertThat(result.status()).isEqualTo(3);
    assertThat(result.text()).isEqualTo(scratch + "\nC.UTF-8\n");
    assertThat(result.errors()).isEqualTo("no");
  }

  @Test
  void manyErrorsDoNotBlock() {
    Tool.Result result =
        Tool.run(scratch, List.of("/bin/sh", "-c", "head -c 1000000 /dev/zero >&2; echo done"));
    assertThat(result.text()).isEqualTo("done\n");
  }

  @Test
  void reportsASignal() {
    assertThat(Tool.run(scratch, List.of("/bin/sh", "-c", "kill -9 $$")).status()).isEqualTo(137);
  }

  @Test
  void namesThePackageOfAMissingTool() {
    assertThatThrownBy(() -> Tool.require("no-such-tool", "some-package"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("'no-such-tool'")
        .hasMessageContaining("apt-get install -y some-package");
    assertThatThrownBy(() -> Tool.run(scratch, List.of("/no/such/tool")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("/no/such/tool");
  }

  @Test
  void followsALog() throws IOException {
    Path log = scratch.resolve("log");
    String script = "echo '  CC      a.o'; echo '  LD      b.o'; echo '  AS      c.o' >&2; exit 2";
    try (Tool.Running tool = Tool.start(scratch, log, List.of("/bin/sh", "-c", script));
        BuildLog lines = BuildLog.open(log)) {
      assertThat(tool.await(10_000)).contains(2);
      assertThat(lines.compiled()).isEqualTo(2);
    }
    assertThat(BuildLog.tail(log, 2)).isEqualTo("  LD      b.o\n  AS      c.o");
  }

  @Test
  void endsAToolThatIsNoLongerWanted() {
    long start = System.nanoTime();
    Path log = scratch.resolve("log");
    try (Tool.Running tool = Tool.start(scratch, log, List.of("/bin/sleep", "60"))) {
      assertThat(tool.await(50)).isEmpty();
    }
    assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
  }
}
