package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of machine code, as the kernel starts it. */
@Tag("root")
class ModuleHelperTest {
  @TempDir Path temp;

  @AfterEach
  void remove() {
    Fs.unlinkIfExists(ModuleHelper.SOCKET);
  }

  private int start(String... words) {
    String program = temp + "/helper";
    FileContent.write(program, ModuleHelper.image(), 0700);
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      return Spawn.program(program, List.of(words)).stdio(nothing, nothing, nothing).start();
    }
  }

  private static int end(int pid) {
    return Processes.waitFor(pid, 0).orElseThrow().exitStatus();
  }

  @Test
  void handsTheNameOverAndWaits() {
    try (Fd listener = UnixSocket.listen(ModuleHelper.SOCKET, 4)) {
      int pid = start("modprobe", "-q", "--", "net-pf-16-proto-12");
      try (Fd helper = UnixSocket.accept(listener)) {
        byte[] name = new byte[200];
        int n = helper.read(name, 0, name.length);
        assertThat(new String(name, 0, n, StandardCharsets.UTF_8)).isEqualTo("net-pf-16-proto-12");
        assertThat(Processes.waitFor(pid, Processes.WNOHANG)).isEmpty();
      }
      assertThat(end(pid)).isZero();
      int second = start("modprobe", "-q", "--", "x".repeat(500));
      try (Fd helper = UnixSocket.accept(listener)) {
        assertThat(helper.read(new byte[600], 0, 600)).isEqualTo(127);
      }
      assertThat(end(second)).isZero();
    }
  }

  @Test
  void endsAtOnceWithoutAnAgentOrAName() {
    assertThat(end(start("modprobe", "-q", "--", "tun"))).isZero();
    assertThat(end(start("modprobe"))).isZero();
  }

  @Test
  void takesNamesAndAliasesOnly() {
    assertThat(ModuleWishes.isWish("net-pf-16-proto-16-family-IPVS")).isTrue();
    assertThat(ModuleWishes.isWish("")).isFalse();
    assertThat(ModuleWishes.isWish("a b")).isFalse();
    assertThat(ModuleWishes.isWish("x".repeat(128))).isFalse();
  }
}
