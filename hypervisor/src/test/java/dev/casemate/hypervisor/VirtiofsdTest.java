package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class VirtiofsdTest {
  @TempDir Path directory;

  private Virtiofsd start() throws IOException {
    Path shared = Files.createDirectories(directory.resolve("shared, with a comma"));
    return Virtiofsd.start(
        new Virtiofsd.Options(shared.toString(), directory.resolve("fs.sock").toString()));
  }

  /** Processes of the daemon's group. */
  private static long members(int group) {
    long count = 0;
    for (String name : Fs.list("/proc")) {
      if (Character.isDigit(name.charAt(0))) {
        try {
          String stat = Files.readString(Path.of("/proc", name, "stat"));
          String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
          count += !fields[0].equals("Z") && fields[2].equals("" + group) ? 1 : 0;
        } catch (IOException e) {
          // Gone meanwhile.
        }
      }
    }
    return count;
  }

  @Test
  void startsAndLeavesNothing() throws Exception {
    Virtiofsd daemon = start();
    assertThat(Fs.exists(daemon.socketPath())).isTrue();
    Thread.sleep(300);
    assertThat(daemon.running()).as(daemon.message()).isTrue();
    assertThat(members(daemon.pid())).isPositive();
    daemon.close();
    daemon.close();
    assertThat(members(daemon.pid())).isZero();
    assertThat(Fs.exists(daemon.socketPath())).isFalse();
    assertThat(daemon.running()).isFalse();
  }

  @Test
  void endsWithItsClient() throws Exception {
    try (Virtiofsd daemon = start()) {
      UnixSocket.connect(daemon.socketPath()).close();
      long deadline = System.nanoTime() + 5_000_000_000L;
      while (daemon.running() && System.nanoTime() < deadline) {
        Thread.sleep(10);
      }
      assertThat(daemon.running()).isFalse();
    }
  }

  @Test
  void anotherProcessCleansUpByPidAndStartTime() throws Exception {
    Virtiofsd daemon = start();
    Thread.sleep(200);
    Virtiofsd.cleanUp(daemon.pid(), daemon.startTime() + 1, directory + "/none");
    assertThat(daemon.running()).as("start time differs").isTrue();
    Virtiofsd.cleanUp(daemon.pid(), daemon.startTime(), daemon.socketPath());
    assertThat(daemon.running()).isFalse();
    assertThat(members(daemon.pid())).isZero();
    assertThat(Fs.exists(daemon.socketPath())).isFalse();
    daemon.close();
  }

  @Test
  void aMissingDirectoryIsNamed() {
    assertThatThrownBy(
            () -> Virtiofsd.start(new Virtiofsd.Options("/no/such/dir", directory + "/s")))
        .hasMessageContaining("/no/such/dir");
  }

  @Test
  void neverAsksForMoreFilesThanItMay() {
    long limit = Virtiofsd.hardLimit("/proc/self/limits");
    assertThat(limit).isPositive();
    for (String binary : List.of("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")) {
      assertThat(Virtiofsd.arguments(binary, new Virtiofsd.Options("/x", "/s")))
          .contains("--rlimit-nofile=" + limit);
    }
    assertThat(Virtiofsd.hardLimit("/nowhere")).isZero();
    assertThat(Processes.currentPid()).isPositive();
  }
}
