package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A guest with the kernel of the Debian suite after bookworm, beside the default one. */
class NewerKernelTest extends EndToEnd {
  private static final String GUEST = "newer-suite";
  private static Path host = Path.of("");

  @BeforeAll
  static void build() throws IOException {
    host = files("newer");
    Files.createDirectories(host.resolve("v"));
    Casemate.Call build = call("guest", "build", "--kernel-suite", "trixie", "--name", GUEST);
    for (String proxy : List.of("http_proxy", "https_proxy", "no_proxy")) {
      // apt may need them; other tests' registries are on this machine.
      String value = System.getenv(proxy);
      if (value != null) {
        build.environment(proxy, value);
      }
    }
    build.run().expect(0);
    detached(
        "newer",
        "--guest",
        GUEST,
        "--privileged",
        "-v",
        host + "/v:/v",
        "-v",
        Probe.volume(host),
        IMAGE,
        "sleep",
        "1000000");
  }

  @AfterAll
  static void remove() {
    remove("newer");
    ok("guest", "rm", GUEST);
    // Downloads that other guests of the same user could use.
    Shell.run("rm -r " + Casemate.STATE.resolve("cache/guest"));
  }

  @Test
  void bootsTheKernelOfTheSuite() {
    assertThat(script("newer", "uname -r").out()).startsWith("6.12.").contains("deb13");
    assertThat(ok("guest", "ls").out()).containsPattern(GUEST + " +6\\.12\\.");
  }

  @Test
  void sharesFilesWithTheHost() throws IOException {
    script("newer", "echo inside > /v/file && chmod 640 /v/file").expect(0);
    assertThat(Files.readString(host.resolve("v/file"))).isEqualTo("inside\n");
    assertThat(Shell.run("stat -c %a " + host + "/v/file").out()).isEqualTo("640\n");
  }

  /** The kernel's own modules, from its own pack. */
  @Test
  void loadsModulesOnDemand() {
    assertThat(script("newer", "ip link add b0 type bridge && ip link del b0 && echo ok").out())
        .isEqualTo("ok\n");
  }

  /** What docs/limitations.md says of the newer kernel. */
  @Test
  void hasUnnamedFilesOnTheRootOnly() {
    assertThat(script("newer", "/tools/probe unnamed /").out()).isEqualTo("unnamed ok\n");
    assertThat(script("newer", "/tools/probe unnamed /v").out()).isEqualTo("unnamed EOPNOTSUPP\n");
  }

  @Test
  void namesASuiteThatIsNotThere() {
    fails(
        1,
        List.of("guest", "build", "--name", "none", "--kernel-suite", "nosuch"),
        "the suite nosuch",
        "Check the name");
    fails(
        1,
        List.of("guest", "build", "--kernel-suite", "trixie", "--kernel", "/x"),
        "--kernel cannot be used with --kernel-suite");
    fails(1, List.of("guest", "ls", "--modules", "/x"), "cannot be used with guest ls");
  }
}
