package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What {@code docs/limitations.md} says cannot be done. A test that fails here is good news: the
 * page has a line too many.
 */
class LimitationsTest extends EndToEnd {
  private static Path host = Path.of("");

  @BeforeAll
  static void start() throws IOException {
    host = files("limitations");
    Files.createDirectories(host.resolve("v"));
    detached("limited", "-v", host + "/v:/v", "-v", Probe.volume(host), IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("limited");
  }

  private static String inside(String... command) {
    return call("exec", "limited", "/tools/probe", command[0], command[1]).run().out();
  }

  @Test
  void thePageNamesEach() {
    assertThat(read(Path.of("../docs/limitations.md")))
        .contains("O_TMPFILE", "Unix sockets", "inotify", "birth time", "locks")
        .contains("Access control lists");
  }

  @Test
  void noUnnamedTemporaryFiles() {
    for (String directory : List.of("/", "/v")) {
      assertThat(inside("unnamed", directory)).as(directory).isEqualTo("unnamed EOPNOTSUPP\n");
    }
    assertThat(inside("unnamed", "/dev/shm")).isEqualTo("unnamed ok\n");
  }

  @Test
  void noUnixSocketsOfTheHost() {
    try (Fd socket = UnixSocket.listen(host + "/v/host.sock", 1)) {
      assertThat(inside("connect", "/v/host.sock")).isEqualTo("connect ECONNREFUSED\n");
      assertThat(socket.isOpen()).isTrue();
    }
  }

  @Test
  void noNewsOfChangesOnTheHost() {
    Running running = call("exec", "limited", "/tools/probe", "watch", "/v").start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    write(host.resolve("v/new"), "");
    assertThat(running.await(Casemate.TIMEOUT_SECONDS).out()).isEqualTo("ready\nnews none\n");
  }

  @Test
  void noAccessControlListsOnVolumes() {
    assertThat(inside("attributes", "/v/listed")).contains("user ok\n", "list EOPNOTSUPP\n");
    assertThat(inside("attributes", "/listed")).contains("list ok\n");
  }

  @Test
  void noBirthTimes() {
    write(host.resolve("v/born"), "");
    assertThat(inside("birth", "/v/born")).isEqualTo("birth none\n");
  }

  @Test
  void locksOnAVolumeAreTheGuests() {
    Running running = call("exec", "limited", "/tools/probe", "lock", "/v/lock").start();
    running.awaitOutput("held", Casemate.TIMEOUT_SECONDS);
    // Inside they exclude; the host does not know of them.
    assertThat(script("limited", "flock -n /v/lock echo both || echo locked").out())
        .isEqualTo("locked\n");
    assertThat(Shell.run("flock -n " + host + "/v/lock echo both").out()).isEqualTo("both\n");
    script("limited", "kill $(busybox pidof probe)").expect(0);
    running.await(Casemate.TIMEOUT_SECONDS);
  }
}
