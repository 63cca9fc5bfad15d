package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Many containers at the same time. */
class ManyTest extends EndToEnd {
  private static final int MANY = 10;
  private static final int PSS_KIB = 2048;

  /** Of its own: 700 to 850 after a collection on 2026-11-30, and garbage up to the next one. */
  private static final int ANON_KIB = 1280;

  /** A process does it after a second and a half, and again after each correction of the clock. */
  private static final int TRIM_SECONDS = 60;

  @Test
  void startAndStopTogether() {
    List<Running> starts = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      names.add("many" + i);
      starts.add(
          call(
                  "run",
                  "-d",
                  "-m",
                  "128m",
                  "--name",
                  "many" + i,
                  "--hostname",
                  "host" + i,
                  "--network",
                  i % 2 == 0 ? "bridge" : "none",
                  IMAGE,
                  "sleep",
                  "1000000")
              .start());
    }
    List<String> ids = new ArrayList<>();
    for (Running start : starts) {
      ids.add(start.await(300).expect(0).out().strip());
    }
    sandboxProcessesThatWaitAreSmall(ids);
    assertThat(ok("ps", "-q").out()).hasLineCount(MANY);
    assertThat(ok("stats").out()).hasLineCount(MANY + 1);
    for (int i = 0; i < MANY; i++) {
      assertThat(ok("exec", names.get(i), "hostname").out()).isEqualTo("host" + i + "\n");
    }
    List<String> words = new ArrayList<>(List.of("kill"));
    words.addAll(names);
    assertThat(ok(words.toArray(new String[0])).out()).hasLineCount(MANY);
    words.set(0, "wait");
    assertThat(ok(words.toArray(new String[0])).out()).isEqualTo("137\n".repeat(MANY));
    words.set(0, "rm");
    assertThat(ok(words.toArray(new String[0])).out()).hasLineCount(MANY);
  }

  /** What docs/performance.md promises: soon after the start, and before any call. */
  private static void sandboxProcessesThatWaitAreSmall(List<String> ids) {
    List<Integer> pids = new ArrayList<>();
    for (int pid : Traces.pids()) {
      String commandLine = Traces.commandLine(pid);
      if (ids.stream().anyMatch(id -> commandLine.startsWith("casemate-sandbox " + id))) {
        pids.add(pid);
      }
    }
    assertThat(pids).hasSize(MANY);
    for (int pid : pids) {
      Wait.until(
          TRIM_SECONDS,
          () -> "sandbox process " + pid + " to be small: PSS " + HostCost.kib(pid, "Pss") + " KiB",
          () -> HostCost.kib(pid, "Pss") < PSS_KIB && HostCost.kib(pid, "Pss_Anon") < ANON_KIB);
    }
  }

  @Test
  void shortOnesInTheForeground() {
    List<Running> runs = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      runs.add(call("run", "--rm", IMAGE, "sh", "-c", "echo " + i + "; exit " + i).start());
    }
    for (int i = 0; i < runs.size(); i++) {
      assertThat(runs.get(i).await(300).expect(i).out()).isEqualTo(i + "\n");
    }
  }
}
