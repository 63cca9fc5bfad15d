package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Kernel modules that a container needs come when it needs them, and not before. */
class ModulesTest extends EndToEnd {
  private static String tools = "";
  private static Path volume = Path.of("");

  @BeforeAll
  static void start() {
    Path host = files("modules");
    tools = Probe.volume(host);
    volume = host.resolve("v");
    Shell.run("mkdir -p " + volume);
    detached(
        "modules", "--privileged", "-v", tools, "-v", volume + ":/v", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("modules");
  }

  private static String inside(String script) {
    Result result = script("modules", script);
    return result.err() + result.out();
  }

  @Test
  void netfilterOldAndNew() {
    assertThat(inside("/tools/probe netfilter"))
        .isEqualTo("netlink ok\nsend ok\nanswer ok\ntables ok\nlegacy ok\n");
  }

  @Test
  void bridgesAndVirtualLinks() {
    assertThat(
            inside(
                "ip link add b0 type bridge && ip link add v0 type veth && ip link add d0 type dummy"
                    + " && ip link set v0 master b0 && ip link add x0 type vxlan id 5 dstport 4789"
                    + " && ip link add m0 link d0 type macvlan && ls /sys/class/net"))
        .contains("b0", "v0", "d0", "x0", "m0");
  }

  @Test
  void tunnels() {
    assertThat(
            inside(
                "test -e /dev/net/tun || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; };"
                    + " /tools/probe tunnel /dev/net/tun"))
        .isEqualTo("open ok\ntunnel ok\n");
  }

  @Test
  void fileSystems() {
    assertThat(
            inside(
                "mkdir -p /m; mount -t squashfs none /m 2> /dev/null;"
                    + " grep -c squashfs /proc/filesystems"))
        .isEqualTo("1\n");
  }

  @Test
  void whatDoesNotExistIsSaidAtOnce() {
    assertThat(inside("mkdir -p /m; mount -t nosuchfs none /m || echo refused"))
        .contains("No such device")
        .endsWith("refused\n");
  }

  /** As an overlay in an overlay sets them; on the host the name means nothing. */
  @Test
  void trustedAttributesHaveAnotherNameOnTheHost() {
    assertThat(inside("/tools/probe attributes /v/layer")).contains("trusted ok\n");
    assertThat(Shell.run("getfattr -d -m - --absolute-names " + volume + "/layer").out())
        .contains("user.virtiofs.trusted.overlay.opaque=\"y\"")
        .doesNotContain("\ntrusted.");
  }

  @Test
  void aContainerThatNeedsNoneHasNone() {
    assertThat(ok("run", "--rm", IMAGE, "cat", "/proc/modules").out())
        .doesNotContain("nf_tables", "ip_tables", "bridge", "veth", "tun ");
  }
}
