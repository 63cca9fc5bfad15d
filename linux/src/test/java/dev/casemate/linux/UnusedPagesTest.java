package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class UnusedPagesTest {
  private static final String MAPS =
      """
      00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/qemu
      00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/qemu
      00652000-00655000 rw-p 00052000 08:02 173521      /usr/bin/qemu
      00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
      7f0a50800000-7f0a53ac7000 rw-p 00000000 fe:00 861547                     /guest/kernel
      7f0ad9200000-7f0ad9cd6000 r--s 00000000 fe:00 9977889                    /shared
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
      """;

  @Test
  void takesWhatOfFilesIsNotWrittenTo() {
    assertThat(UnusedPages.mappings(MAPS, Set.of()))
        .containsExactly(
            new UnusedPages.Range(0x400000, 0x452000), new UnusedPages.Range(0x651000, 0x652000));
    assertThat(UnusedPages.mappings(MAPS, Set.of("/guest/kernel")))
        .contains(new UnusedPages.Range(0x7f0a50800000L, 0x7f0a53ac7000L))
        .hasSize(3)
        .isEqualTo(
            UnusedPages.mappings(
                MAPS.replace("/guest/kernel", "/new/guest/kernel"), Set.of("/guest/kernel")));
  }

  /** As a program could make them that was taken over: to look at terabytes takes hours. */
  @Test
  void looksAtNoMoreThanAProgramHas() {
    String huge = "100000000000-7f0000000000 r--p 00000000 08:02 173521      /usr/bin/qemu\n";
    assertThat(UnusedPages.mappings(MAPS + huge + MAPS, Set.of())).hasSize(2);
  }

  private static long filePages(int pid) throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/" + pid + "/status"));
    for (String line : lines) {
      if (line.startsWith("RssFile:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new AssertionError(lines);
  }

  /** A child that the JVM does not wait for: it would take the stop for an end. */
  private static final class Script implements AutoCloseable {
    private final int pid;
    private final Pipe input = Pipe.open();
    private final Pipe output = Pipe.open();

    Script(String text) {
      try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
        pid =
            Spawn.program("/bin/bash", List.of("bash", "-c", text))
                .stdio(input.read(), output.write(), nothing)
                .start();
      }
    }

    void tell(String line) {
      byte[] bytes = (line + "\n").getBytes(StandardCharsets.US_ASCII);
      assertThat(input.write().write(bytes, 0, bytes.length)).isEqualTo(bytes.length);
    }

    String line() {
      StringBuilder line = new StringBuilder();
      byte[] one = new byte[1];
      while (output.read().read(one, 0, 1) == 1 && one[0] != '\n') {
        line.append((char) one[0]);
      }
      return line.toString();
    }

    /** What a thread of its own releases; only its end lets a process go in any case. */
    long release() throws InterruptedException {
      long[] released = {0};
      Thread thread = new Thread(() -> released[0] = UnusedPages.release(pid, Set.of()));
      thread.start();
      thread.join();
      return released[0];
    }

    @Override
    public void close() {
      Processes.killIfExists(pid, Signals.KILL);
      Processes.waitFor(pid, 0);
      input.close();
      output.close();
    }
  }

  @Test
  void aProcessThatWaitsGivesPagesBackAndGoesOn() throws Exception {
    // It reads line after line, and its own code is most of what it has in memory.
    try (Script script = new Script("while read -r x; do echo $x; done")) {
      long most = 0;
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 20; round++) {
        script.tell("round " + round);
        assertThat(script.line()).isEqualTo("round " + round);
        most = Math.max(most, filePages(script.pid));
        // It may not be back in read(2) yet; and once let go, it may touch some pages again before
        // they are counted.
        if (script.release() > 0) {
          least = Math.min(least, filePages(script.pid));
        }
      }
      assertThat(least).as("KiB, of " + most).isLessThan(most * 3 / 4);
    }
  }

  @Test
  void signalsArriveMeanwhile() throws Exception {
    try (Script script =
        new Script("trap 'n=$((n + 1))' USR1; echo ready; until read -r x; do :; done; echo $n")) {
      assertThat(script.line()).isEqualTo("ready");
      for (int i = 0; i < 20; i++) {
        Processes.kill(script.pid, Signals.USR1);
        script.release();
      }
      script.tell("done");
      assertThat(Integer.parseInt(script.line())).isBetween(1, 20);
    }
  }

  @Test
  void aProcessThatIsBusyOrGoneIsLeftAlone() throws Exception {
    assertThat(UnusedPages.release(Integer.MAX_VALUE, Set.of())).isZero();
    try (Script script =
        new Script("echo ready; n=0; while ! read -t 0 x; do n=$((n + 1)); done; echo end")) {
      assertThat(script.line()).isEqualTo("ready");
      for (int i = 0; i < 20; i++) {
        script.release();
      }
      script.tell("end");
      assertThat(script.line()).isEqualTo("end");
    }
  }
}
