package dev.casemate.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Capabilities;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.ResourceLimits;
import dev.casemate.linux.ResourceLimits.Limit;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.UnixSocket;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

  /** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, MKNOD and SETFCAP. */
  private static final String KEPT = "00000000880000db";

  private static long members(int group) {
    return group(group).size();
  }

  /** Processes of the daemon's group. */
  private static List<Integer> group(int group) {
    List<Integer> members = new ArrayList<>();
    for (String name : Fs.list("/proc")) {
      if (Character.isDigit(name.charAt(0))) {
        try {
          String stat = Files.readString(Path.of("/proc", name, "stat"));
          String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
          if (!fields[0].equals("Z") && fields[2].equals("" + group)) {
            members.add(Integer.parseInt(name));
          }
        } catch (IOException e) {
          // Gone meanwhile.
        }
      }
    }
    return members;
  }

  @Test
  void startsAndLeavesNothing() throws Exception {
    Virtiofsd daemon = start();
    assertThat(Fs.exists(daemon.socketPath())).isTrue();
    Wait.millis(300);
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

  private static List<Integer> filteredOf(Virtiofsd daemon) {
    return group(daemon.pid()).stream().filter(VirtiofsdTest::filtered).toList();
  }

  @Test
  void servesBehindAFilterFromADirectoryThatIsItsRoot() throws Exception {
    try (Virtiofsd daemon = start()) {
      Files.writeString(directory.resolve("shared, with a comma/mark"), "");
      try (Fd client = UnixSocket.connect(daemon.socketPath())) {
        assertThat(client.number()).isPositive();
        Wait.until(10, "a process with a filter", () -> !filteredOf(daemon).isEmpty());
        for (int pid : filteredOf(daemon)) {
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
      Wait.until(5, "the daemon's end", () -> !daemon.running());
    }
  }

  @Test
  void anotherProcessCleansUpByPidAndStartTime() throws Exception {
    Virtiofsd daemon = start();
    Wait.millis(200);
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

  /** What means something to the host's kernel alone stays with it. */
  @Test
  void extendedAttributesAndListsPassByAMap() {
    Virtiofsd.Options options = new Virtiofsd.Options("/x", "/s");
    assertThat(Virtiofsd.XATTR_MAP)
        .startsWith(":prefix:all:trusted.:user.virtiofs.:")
        .endsWith(":bad:server:::")
        .doesNotContain(":ok:all::");
    assertThat(Virtiofsd.arguments("/usr/lib/qemu/virtiofsd", options))
        .contains("xattr", "xattrmap=" + Virtiofsd.XATTR_MAP, "posix_acl");
    assertThat(Virtiofsd.arguments("/usr/libexec/virtiofsd", options))
        .contains("--xattrmap=" + Virtiofsd.XATTR_MAP, "--posix-acl");
  }

  @Test
  void neverAsksForMoreFilesThanItMay() {
    long limit = Virtiofsd.openFiles(Virtiofsd.hardLimit("/proc/self/limits"));
    assertThat(limit).isBetween(1L, 1_000_000L);
    for (String binary : List.of("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")) {
      assertThat(Virtiofsd.arguments(binary, new Virtiofsd.Options("/x", "/s")))
          .contains("--rlimit-nofile=" + limit);
    }
    assertThat(Virtiofsd.hardLimit("/nowhere")).isZero();
    assertThat(Virtiofsd.openFiles(0)).isZero();
    assertThat(Virtiofsd.openFiles(1L << 30)).isEqualTo(1_000_000);
    assertThat(Processes.currentPid()).isPositive();
  }

  @Test
  void aBoundOnItsDescriptorsAndNoneOnTheLengthOfFiles() throws Exception {
    Limit files = ResourceLimits.get(ResourceLimits.number("RLIMIT_NOFILE"));
    Limit core = ResourceLimits.get(ResourceLimits.number("RLIMIT_CORE"));
    try (Virtiofsd daemon = start();
        Fd client = UnixSocket.connect(daemon.socketPath())) {
      String expected = Long.toString(Math.min(1_000_000, files.hard()));
      boolean hard =
          (Capabilities.get().effective() & 1L << Capabilities.number("CAP_SYS_RESOURCE")) != 0;
      for (int pid : List.of(daemon.pid(), serving(daemon))) {
        String limits = Files.readString(Path.of("/proc/" + pid + "/limits"));
        assertThat(limits)
            .containsPattern("Max open files +" + expected + " +" + expected + " ")
            .containsPattern("Max core file size +0 +" + (hard ? "0 " : ""))
            .containsPattern("Max file size +unlimited +unlimited ");
      }
      assertThat(client.isOpen()).isTrue();
    }
    // What was lowered for the start is as before.
    assertThat(ResourceLimits.get(ResourceLimits.number("RLIMIT_NOFILE"))).isEqualTo(files);
    assertThat(ResourceLimits.get(ResourceLimits.number("RLIMIT_CORE"))).isEqualTo(core);
  }

  /** The daemon's process that serves: it has shut itself in once its VMM is there. */
  private static int serving(Virtiofsd daemon) throws Exception {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (System.nanoTime() < deadline) {
      for (int pid : group(daemon.pid())) {
        String status = Files.readString(Path.of("/proc/" + pid + "/status"));
        if (status.contains("CapEff:\t" + KEPT + "\n")) {
          return pid;
        }
      }
      Thread.sleep(20);
    }
    throw new AssertionError("no process serves: " + daemon.message());
  }

  @Test
  void whatServesHasEightCapabilitiesAndSeesOnlyWhatIsShared() throws Exception {
    try (Virtiofsd daemon = start();
        Fd client = UnixSocket.connect(daemon.socketPath())) {
      Files.writeString(directory.resolve("shared, with a comma/file"), "shared");
      int pid = serving(daemon);
      String status = Files.readString(Path.of("/proc/" + pid + "/status"));
      assertThat(status)
          .contains("CapPrm:\t" + KEPT + "\n", "CapInh:\t0000000000000000\n")
          .contains("NoNewPrivs:\t1\n", "Seccomp:\t2\n");
      assertThat(Fs.list("/proc/" + pid + "/root")).containsExactly("file");
      assertThat(Fs.list("/proc/" + pid + "/cwd")).containsExactly("file");
      for (String namespace : List.of("mnt", "pid", "net", "ipc", "uts")) {
        assertThat(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + namespace)))
            .isNotEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/" + namespace)));
      }
      // Nothing of the host is mounted there but the directory.
      assertThat(Files.readAllLines(Path.of("/proc/" + pid + "/mountinfo"))).hasSize(1);
      assertThat(client.isOpen()).isTrue();
    }
  }

  @Test
  void itsDescriptorsAreCountedAndTheirLimitIsKnown() throws Exception {
    Virtiofsd daemon = start();
    try (Fd client = UnixSocket.connect(daemon.socketPath())) {
      long most = 0;
      for (int pid : List.of(daemon.pid(), serving(daemon))) {
        most = Math.max(most, Fs.list("/proc/" + pid + "/fd").size());
      }
      assertThat(client.isOpen()).isTrue();
      // Its threads may have opened one since.
      assertThat(daemon.descriptors()).isBetween(most - 2, most + 2);
      assertThat(daemon.mostDescriptors()).isBetween(1000L, 1_000_000L);
    } finally {
      daemon.close();
    }
    assertThat(daemon.descriptors()).isZero();
  }

  @Test
  void itInheritsNoDescriptor() throws Exception {
    try (Fd open = Fs.open(directory.toString(), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        Virtiofsd daemon = inheriting(open);
        Fd client = UnixSocket.connect(daemon.socketPath())) {
      for (int pid : List.of(daemon.pid(), serving(daemon))) {
        for (String number : Fs.list("/proc/" + pid + "/fd")) {
          assertThat(Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/" + number)).toString())
              .as(number)
              .isNotEqualTo(directory.toString());
        }
      }
      assertThat(client.isOpen()).isTrue();
    }
  }

  /** Starts it while a descriptor is open that is not close-on-exec. */
  private Virtiofsd inheriting(Fd open) throws IOException {
    int number = 200;
    assertThat(SystemCall.raw(SystemCall.DUP3, open.number(), number, 0)).isEqualTo(number);
    try (Fd careless = Fd.of(number)) {
      assertThat(careless.isOpen()).isTrue();
      return start();
    }
  }
}
