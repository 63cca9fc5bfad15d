package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtiofsdTest {
  @TempDir Path directory;

  private Virtiofsd start() throws IOException {
    Path shared = Files.createDirectories(directory.resolve("shared, with a comma"));
    return Virtiofsd.start(
        new Virtiofsd.Options(shared.toString(), directory.resolve("fs.sock").toString()));
  }

  /** Processes of the daemon's group. */
  private static int members(int group) {
    return pids(group).size();
  }

  private static List<Integer> pids(int group) {
    List<Integer> found = new ArrayList<>();
    for (String name : Fs.list("/proc")) {
      if (Character.isDigit(name.charAt(0))) {
        try {
          String stat = Files.readString(Path.of("/proc", name, "stat"));
          String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
          if (!fields[0].equals("Z") && fields[2].equals("" + group)) {
            found.add(Integer.parseInt(name));
          }
        } catch (IOException e) {
          // Gone meanwhile.
        }
      }
    }
    return found;
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

  /** Whether a process has a filter; the one that serves has, once its client is there. */
  private static boolean filtered(int pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/status")).contains("\nSeccomp:\t2\n");
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void servesBehindAFilterFromADirectoryThatIsItsRoot() throws Exception {
    try (Virtiofsd daemon = start()) {
      Files.writeString(directory.resolve("shared, with a comma/mark"), "");
      try (Fd client = UnixSocket.connect(daemon.socketPath())) {
        assertThat(client.number()).isPositive();
        long deadline = System.nanoTime() + 10_000_000_000L;
        List<Integer> serving = List.of();
        while (serving.isEmpty() && System.nanoTime() < deadline) {
          Thread.sleep(10);
          serving = pids(daemon.pid()).stream().filter(VirtiofsdTest::filtered).toList();
        }
        assertThat(serving).isNotEmpty();
        for (int pid : serving) {
          for (String kind : List.of("mnt", "pid", "net")) {
            assertThat(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + kind)))
                .as(kind)
                .isNotEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/" + kind)));
          }
          assertThat(Fs.list("/proc/" + pid + "/root/.")).containsExactly("mark");
          assertThat(Files.readString(Path.of("/proc/" + pid + "/status"))).contains("Uid:\t0\t0");
        }
      }
    }
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
