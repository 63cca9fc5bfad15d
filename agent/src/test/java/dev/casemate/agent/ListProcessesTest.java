package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.ProcessInfo;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ListProcessesTest {
  private static ProcessInfo process(int pid, String commandLine) {
    return new ProcessInfo(pid, 1, 2, -2, "S", 250, 30, 0x8803, 4096, "sh", commandLine);
  }

  @Test
  void writesJson() {
    Json.Arr list = (Json.Arr) Json.parse(ListProcesses.json(List.of(process(7, "sh -c x"))));
    Json.Obj object = (Json.Obj) list.values().get(0);
    assertThat(object.integer("pid", 0)).isEqualTo(7);
    assertThat(object.integer("uid", 0)).isEqualTo(4294967294L);
    assertThat(object.integer("cpuMillis", 0)).isEqualTo(300);
    assertThat(object.integer("startSeconds", 0)).isEqualTo(2);
    assertThat(object.string("tty")).isEqualTo("pts/3");
    assertThat(object.string("command")).isEqualTo("sh -c x");
  }

  @Test
  void makesNamesHarmless() {
    Json.Arr list =
        (Json.Arr) Json.parse(ListProcesses.json(List.of(process(7, "\u001b[2J\"\\\n\u009bx"))));
    assertThat(((Json.Obj) list.values().get(0)).string("command")).isEqualTo("?[2J\"\\ ?x");
  }

  @Test
  void isBounded() {
    List<ProcessInfo> many = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      many.add(process(i, "€".repeat(i % 100 == 0 ? 1 << 20 : 10)));
    }
    String json = ListProcesses.json(many);
    assertThat(json.length()).isLessThan(1 << 20);
    assertThat(((Json.Arr) Json.parse(json)).values().size()).isBetween(100, 4096);
  }

  @Test
  void namesTerminals() {
    assertThat(ListProcesses.terminal(0)).isEqualTo("?");
    assertThat(ListProcesses.terminal(0x8900)).isEqualTo("pts/256");
    assertThat(ListProcesses.terminal(0x501)).isEqualTo("console");
  }
}
