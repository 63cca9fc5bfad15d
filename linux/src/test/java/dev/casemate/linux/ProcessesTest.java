package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessesTest {
  @TempDir Path directory;

  private static WaitStatus run(Spawn spawn) {
    return Processes.waitFor(spawn.start(), 0).orElseThrow();
  }

  private static Spawn shell(String script) {
    return Spawn.program("/bin/sh", List.of("sh", "-c", script));
  }

  @Test
  void startsWithTheDescriptorsThatItWasGiven() {
    try (Pipe pipe = Pipe.open()) {
      // Source 5 could be overwritten by target 5 if targets were made in order.
      WaitStatus status =
          run(
              shell("echo out >&7; ls /proc/self/fd | tr '\\n' ' ' >&5; exit 3")
                  .descriptor(pipe.write(), 5)
                  .descriptor(pipe.write(), 7));
      assertThat(status.exited()).isTrue();
      assertThat(status.exitStatus()).isEqualTo(3);
      pipe.write().close();
      String output =
          new String(FileContent.readBytes(pipe.read(), "pipe", 1000), StandardCharsets.UTF_8);
      assertThat(output).startsWith("out\n");
      assertThat(Text.split(output.substring(4), ' ')).contains("5", "7");
    }
  }

  @Test
  void tellsHowAProcessEnded() {
    WaitStatus status = run(shell("kill -TERM $$"));
    assertThat(status.signaled()).isTrue();
    assertThat(status.exitStatus()).isEqualTo(143);
    assertThatThrownBy(() -> Spawn.program("/no/such", List.of("x")).start())
        .hasMessageContaining("ENOENT");
  }

  @Test
  void onlyTheChildGoesWithoutHugePages() {
    String without = "grep -q 'THP_enabled:.*0' /proc/self/status";

    assertThat(run(shell(without).smallPages()).exitStatus()).isZero();
    assertThat(run(shell(without)).exitStatus()).isEqualTo(1);
  }

  @Test
  void knowsAProcessByItsStart() {
    int pid = shell("exec sleep 100").start();
    long started = Processes.startTime(pid).orElseThrow();
    assertThat(Processes.startTime(pid)).contains(started);
    try (Fd pidfd = Processes.openPid(pid)) {
      Processes.signalPid(pidfd, Signals.KILL);
      assertThat(Poll.await(pidfd, Poll.IN, 10_000)).isNotZero();
    }
    assertThat(Processes.waitFor(pid, 0).orElseThrow().signal()).isEqualTo(Signals.KILL);
    assertThat(Processes.startTime(pid)).isEmpty();
    assertThat(Processes.killIfExists(pid, 0)).isFalse();
  }

  @Test
  void waitsForOrphansAndForNoChildThatIsSomebodys() throws Exception {
    Processes.childSubreaper();
    String file = directory.resolve("orphan").toString();
    int own = shell("exit 3").start();
    try (Fd pidfd = Processes.openPid(own)) {
      assertThat(Poll.await(pidfd, Poll.IN, 10_000)).isNotZero();
    }
    assertThat(run(shell("sleep 0.1 & echo $! > " + file)).exitStatus()).isZero();
    String orphan = "/proc/" + FileContent.readString(file, 100).strip();
    assertThat(Fs.exists(orphan)).isTrue();
    assertThat(Children.reapOrphans()).as("an own child has ended").isTrue();
    assertThat(Processes.waitFor(own, 0).orElseThrow().exitStatus()).isEqualTo(3);
    for (int i = 0; i < 1000 && Fs.exists(orphan); i++) {
      Thread.sleep(10);
      assertThat(Children.reapOrphans()).isFalse();
    }
    assertThat(Fs.exists(orphan)).isFalse();
  }

  @Test
  void signalsHaveNames() {
    assertThat(Signals.number("SIGTERM")).isEqualTo(15);
    assertThat(Signals.number("term")).isEqualTo(15);
    assertThat(Signals.number("9")).isEqualTo(9);
    assertThat(Signals.number("RTMIN+1")).isEqualTo(35);
    assertThat(Signals.number("RTMAX")).isEqualTo(64);
    for (String none : List.of("", "SIG", "65", "-1", "RTMIN+99", "RTMIN+x", "NOPE")) {
      assertThat(Signals.number(none)).as(none).isEqualTo(-1);
    }
    assertThat(Signals.name(15)).isEqualTo("TERM");
    assertThat(Signals.name(40)).isEqualTo("40");
  }

  @Test
  void descriptorsTravelOverSockets() {
    FileContent.write(directory + "/file", "cargo".getBytes(StandardCharsets.UTF_8), 0600);
    Fd[] pair = UnixSocket.pair();
    try (Fd here = pair[0];
        Fd there = pair[1];
        Fd file = Fs.open(directory + "/file", OpenFlag.READ_ONLY)) {
      UnixSocket.sendDescriptors(here, List.of(file));
      List<Fd> received = UnixSocket.receiveDescriptors(there).orElseThrow();
      assertThat(received).hasSize(1);
      try (Fd copy = received.getFirst()) {
        assertThat(copy.number()).isNotEqualTo(file.number());
        assertThat(FileContent.readBytes(copy, "cargo", 10)).hasSize(5);
      }
      here.close();
      assertThat(UnixSocket.receiveDescriptors(there)).isEmpty();
    }
  }

  @Test
  void mountinfoIsUnescaped() {
    List<Mounts.Info> mounts =
        Mounts.parse("36 35 98:0 /a /mnt\\0402 rw,noatime master:1 - ext4 /dev/root rw\nrubbish\n");
    assertThat(mounts)
        .containsExactly(
            new Mounts.Info("/a", "/mnt 2", "rw,noatime", "master:1", "ext4", "/dev/root"));
  }
}
