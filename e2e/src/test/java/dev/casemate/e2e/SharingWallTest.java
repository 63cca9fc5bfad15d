package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a guest, kernel and PID 1 included, cannot do to the host's files that it shares. */
class SharingWallTest extends EndToEnd {
  private static Path host = Path.of("");
  private static GuestRoot.Prey prey;
  private static String id = "";

  @BeforeAll
  static void start() throws IOException {
    host = files("wall");
    prey = GuestRoot.Prey.in(host);
    Files.createDirectories(host.resolve("rw"));
    id =
        detached(
            "wall",
            "--cap-add",
            "ALL",
            "--security-opt",
            "seccomp=unconfined",
            "--memory",
            "256m",
            "-v",
            host + "/rw:/rw",
            "-v",
            prey.volume() + ":/ro:ro",
            "-v",
            prey.file() + ":/single:ro",
            IMAGE,
            "sleep",
            "1000000");
  }

  @AfterAll
  static void stop() {
    remove("wall");
  }

  @Test
  void guestRootCannotWriteWhatIsReadOnlyNorPlantAnything() {
    Result result = script("wall", prey.attack()).expect(0);
    GuestRoot.assertRepelled(result.out(), 1, 1);
    prey.assertUnharmed();
    assertThat(script("wall", "cat /.listed").out()).isEqualTo(".\n..\n0\n1\n2\n");
    assertThat(script("wall", "echo still > /rw/works").expect(0).out()).isEmpty();
    assertThat(read(host.resolve("rw/works"))).isEqualTo("still\n");
  }

  @Test
  void aContainerThatMakesItsVolumeWritableWritesNothing() {
    Result result =
        script(
            "wall",
            "mount -o remount,bind,rw /ro; mount -o remount,bind,rw /single;"
                + " echo x > /ro/"
                + GuestRoot.MARKER
                + "; echo x > /single; touch /ro/new");
    assertThat(result.err().split("Read-only file system", -1))
        .as(result.toString())
        .hasSizeGreaterThan(3);
    prey.assertUnharmed();
  }

  @Test
  void whatIsWrittenToHostsStaysInTheGuestAndIsBounded() throws IOException {
    Result result =
        script(
            "wall",
            "for f in hosts hostname resolv.conf; do test -e /etc/$f && "
                + "dd if=/dev/zero of=/etc/$f bs=1M count=64 2>&1; done; cat /etc/hosts | wc -c;"
                + " echo '127.0.0.1 mine' > /etc/hosts; cat /etc/hosts");
    assertThat(result.out()).as(result.toString()).contains("No space left on device");
    assertThat(result.out()).endsWith("127.0.0.1 mine\n");
    Path run = Casemate.RUN.resolve("sandboxes").resolve(id);
    try (Stream<Path> all = Files.walk(run)) {
      List<Path> found = all.filter(Files::isRegularFile).toList();
      assertThat(found).isNotEmpty().noneMatch(path -> path.toString().contains("host"));
      for (Path path : found) {
        assertThat(Files.size(path)).as(path.toString()).isLessThan(1 << 20);
      }
    }
  }
}
